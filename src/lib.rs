//! `pbxload`: a load and soak harness for PBX instant-messaging services, in which every delivery is accounted for.
//!
//! The crate is the program's library; `main.rs` parses the command line and calls [`cli`]. `README.md` says how to use
//! the program, `ARCHITECTURE.md` how it fits together.
//!
//! ```text
//!  scenarios/*.toml                                                              PURE CORE
//!        │ text                                                     no socket, no file, no clock,
//!  ┌─────▼─────┐  Step   ┌────────────────────────┐                 no global randomness, no async
//!  │ scenario  │◄────────┤ ops: one file each     │
//!  └─────┬─────┘         └───────────┬────────────┘
//!        │ checked model             │ request · judge
//!  ┌─────▼─────┐   due   ┌───────────▼────────────┐ records  ┌───────────────────────────────┐
//!  │ plan      ├────────►│ user: on(now, event)   ├─────────►│ metrics, ledger: one a worker │
//!  └───────────┘         └─────▲────────────┬─────┘          └───────────────┬───────────────┘
//!  ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ Event │ ─ ─ ─ ─ ─  │ Action ─ ─ ─ ─ ─ ─ ─ Interval  │ once a second ─ ─
//!  ┌───────────────────────────┴────────────▼─────┐          ┌───────────────▼───────────────┐
//!  │ engine: a driver per user, a worker per core │          │ engine::collector: merges,    │
//!  └───────────────────▲─────────┬────────────────┘          │ and keeps the ledger's book   │
//!  ┌───────────────────┴─────────▼────────────────┐          └───────────────┬───────────────┘
//!  │ transport: WebSocket · HTTP · REST · memory  │                          │ Record   IO SHELL
//!  └────────▲────────────────────────▲────────────┘           store: journal ▼ run folder
//!    PBX IM service       simulator (own rules, same wire types)             │
//!  ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─  │  ─ ─ ─ ─ ─ ─ ─ ─
//!    PURE AGAIN: every output is a function of the results      results::Fold│
//!                                                          gate ◄────────────┴────► report
//!                                                          verdict → exit code      html · json · …
//! ```
//!
//! | module | layer | holds |
//! |---|---|---|
//! | [`tick`], [`random`] | 0 | instants of a run and all arithmetic on them; the generators of random numbers |
//! | [`protocol`] | 0 | wire messages, ids, codes, dialects; no opinion on success |
//! | [`stats`] | 0 | resampling, trends, change points: pure functions of numbers |
//! | [`ops`] | 1 | one file each: TOML step, wire message, success rule, name |
//! | [`scenario`] | 1 | TOML text to a checked model; every mistake at once |
//! | [`metrics`] | 1 | counters and histograms of one interval of one worker |
//! | [`ledger`] | 1 | each accepted message against each expected delivery |
//! | [`plan`] | 2 | model and seed to who does what and when it is due |
//! | [`user`] | 2 | the virtual user: a state machine without IO |
//! | [`results`] | 2 | the results model, and the fold that makes it from records |
//! | [`compare`] | 2 | runs against a baseline, and over months: what differs, and whether that is more than noise |
//! | [`gate`] | 3 | figures, bounds on them, the verdict |
//! | [`report`] | 3 | results to HTML, JSON, JUnit, Markdown, CSV, text |
//! | [`transport`] | shell | the only user of sockets |
//! | [`engine`] | shell | clock, workers, drivers, collector, set-up, drain, tear-down |
//! | [`simulator`] | shell | the stand-in PBX: a pure hub, declared faults, a thin server |
//! | [`store`] | shell | the only reader and writer of run folders, baselines and the history |
//! | [`doctor`] | top | a look at machine, plan and target before a run; sees the others, used by [`cli`] alone |
//! | [`selftest`] | top | makes each class of fault in the simulator and shows that each is reported |
//! | [`cli`] | top | one file for each subcommand |
//!
//! A module uses lower layers only, and the shell uses layers 0 to 2. The simulator uses [`protocol`] and [`tick`] and
//! never [`ops`]: a stand-in that shared our idea of success could not catch a mistake in it.

pub mod cli;
pub mod compare;
pub mod doctor;
pub mod engine;
pub mod gate;
pub mod ledger;
pub mod metrics;
pub mod ops;
pub mod plan;
pub mod protocol;
pub mod random;
pub mod report;
pub mod results;
pub mod scenario;
pub mod selftest;
pub mod simulator;
pub mod stats;
pub mod store;
pub mod tick;
pub mod transport;
pub mod user;
