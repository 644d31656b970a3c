//! Commands and flags, as the person types them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::dialect;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::ops::PayloadSize;

/// Load and soak harness for PBX instant-messaging services: every delivery accounted for.
#[derive(Debug, Parser)]
#[command(name = "pbxload", version, propagate_version = true, after_help = exit_codes())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// More words on stderr; twice for even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

fn fault_files() -> String {
    use crate::simulator::faults::EXAMPLE;
    format!("A fault file; `pbxload schema faults` describes every key of it for editors:\n\n{EXAMPLE}")
}

fn dialects() -> clap::builder::PossibleValuesParser {
    dialect::ALL.iter().map(|dialect| dialect.name).collect::<Vec<_>>().into()
}

fn exit_codes() -> String {
    let codes: Vec<String> =
        super::Exit::ALL.iter().map(|(exit, meaning)| format!("  {}  {meaning}", *exit as u8)).collect();
    format!("Exit codes:\n{}", codes.join("\n"))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry a scenario out, write the run folder, print the verdict
    Run(RunArgs),
    /// Validate scenarios and print what they would do
    Check(CheckArgs),
    /// Look at this machine and the target before a run; each finding with its remedy
    Doctor(DoctorArgs),
    /// One virtual user once through, every frame printed with its time
    Try(TryArgs),
    /// The embedded PBX as a server of its own
    #[command(after_long_help = fault_files())]
    Simulate(SimulateArgs),
    /// Rebuild reports from a run folder, a crashed run's too
    Report(ReportArgs),
    /// What got better, worse, stayed the same, or cannot be told; exit code as a gate
    Compare(CompareArgs),
    /// Keep runs to compare later ones with
    Baseline(BaselineArgs),
    /// Where the figures of the history change, and the first run after it
    Trend(TrendArgs),
    /// Make every class of fault and show that each is reported, to the message
    Selftest(SelftestArgs),
    /// List the operations that a step can name
    Ops(OpsArgs),
    /// Print a JSON Schema
    Schema(SchemaArgs),
    /// Write a commented scenario to start from
    Init(InitArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
}

/// Flags that change a scenario; they override the file.
#[derive(Debug, Clone, Default, Args)]
pub struct ScenarioFlags {
    /// Load this service instead of the scenario's
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Virtual users; the curve keeps its shape and peaks at N
    #[arg(long, value_name = "N")]
    pub users: Option<u32>,
    /// Length of the load: cuts or extends the last hold
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// Seed of every random choice
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Change one value, such as `target.timeout=5s`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// One more gate to require; may be repeated
    #[arg(long = "gate", value_name = "EXPR")]
    pub gates: Vec<String>,
    /// A host that `--target` may name although the scenario does not; loopback always may
    #[arg(long = "allow-host", value_name = "HOST")]
    pub allow_hosts: Vec<String>,
}

/// Most worker threads: more than any machine has processors for.
const WORKERS_MAX: i64 = 1_024;

/// `pbxload run`
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The scenario file
    #[arg(value_name = "SCENARIO", required_unless_present = "resume")]
    pub scenario: Option<PathBuf>,
    /// What is to be changed in it.
    #[command(flatten)]
    pub flags: ScenarioFlags,
    /// Go on with a run that was killed or broken off, in its own folder, with what it began with
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Folder of the run [default: reports/runs/<name>-<UTC time>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = ProgressKind::Auto)]
    pub progress: ProgressKind,
    /// Worker threads, no more than users [default: one a core, one less beside the embedded simulator]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=WORKERS_MAX))]
    pub workers: Option<u32>,
    /// Faults of the embedded simulator, as for `simulate`
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Compare with this baseline file or run folder; a figure that is worse fails the run
    #[arg(long, value_name = "FILE|RUN")]
    pub baseline: Option<PathBuf>,
    /// What a missing baseline means: a warning, or that nothing is run
    #[arg(long, value_enum, default_value_t = Missing::Warn)]
    pub baseline_missing: Missing,
    /// What counts as a difference.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// File to which a line for this run is appended; `off` for none
    #[arg(long, value_name = "FILE", env = "PBXLOAD_HISTORY", default_value = crate::store::HISTORY)]
    pub history: PathBuf,
}

/// What a missing baseline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Missing {
    /// A mistake: exit code 2
    Fail,
    /// It is said, and nothing is compared
    Warn,
}

/// What counts as a difference; `docs/compare.md` says it in words.
#[derive(Debug, Clone, Args)]
pub struct LimitFlags {
    /// Least effect on times and rates, of the baseline
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub min_effect: f64,
    /// Least effect on times, whatever share of the baseline it is
    #[arg(long, value_name = "TIME", default_value = "200us", value_parser = humantime::parse_duration)]
    pub min_difference: Duration,
    /// Least effect on shares, in percentage points; a hundredth of it for lost, duplicated, late deliveries
    #[arg(long, value_name = "PERCENT", default_value = "0.1%", value_parser = percent)]
    pub min_share: f64,
    /// Confidence of all intervals together
    #[arg(long, value_name = "PERCENT", default_value = "95%", value_parser = percent)]
    pub confidence: f64,
    /// Compare only this figure, such as `publish.response.p99`; may be repeated
    #[arg(long = "figure", value_name = "NAME")]
    pub figures: Vec<String>,
    /// Compare although this differs; may be repeated
    #[arg(long, value_enum, value_name = "WHAT")]
    pub across: Vec<AcrossWord>,
}

/// What may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AcrossWord {
    /// The scenario, or what it has become
    Scenario,
    /// The machine that makes the load
    Machine,
    /// The target
    Target,
}

/// A share between 0 and 100 %, such as `5%` or `0.1`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>();
    let share = number.ok().filter(|percent| (0.0..100.0).contains(percent));
    share.map(|percent| percent / 100.0).ok_or_else(|| "write a percentage below 100, such as `5%`".to_owned())
}

/// `pbxload compare`
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// A baseline file, or the folder of a run
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,
    /// The run folders to compare with it; several are taken together
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// text, json, markdown, html; the first one goes to stdout unless it is html, the others to files
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "text")]
    pub format: Vec<PageFormat>,
    /// Folder of those files [default: the last run's]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What a missing baseline means
    #[arg(long, value_enum, default_value_t = Missing::Fail)]
    pub baseline_missing: Missing,
    /// What counts as a difference.
    #[command(flatten)]
    pub limits: LimitFlags,
}

/// How a comparison or a trend is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// A table
    Text,
    /// Every figure, for programs
    Json,
    /// A table for tickets and job summaries
    Markdown,
    /// One page, offline
    Html,
}

/// `pbxload baseline`
#[derive(Debug, Clone, Args)]
pub struct BaselineArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: BaselineCommand,
}

/// What to do with a baseline.
#[derive(Debug, Clone, Subcommand)]
pub enum BaselineCommand {
    /// Write one from runs of one scenario, target and machine
    Save(BaselineSaveArgs),
}

/// `pbxload baseline save`
#[derive(Debug, Clone, Args)]
pub struct BaselineSaveArgs {
    /// The run folders; three or more also tell how much runs differ from each other
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The file [default: reports/baselines/<scenario>@<target>.toml]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Why these runs, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
}

/// `pbxload trend`
#[derive(Debug, Clone, Args)]
pub struct TrendArgs {
    /// The history
    #[arg(long, value_name = "FILE", env = "PBXLOAD_HISTORY", default_value = crate::store::HISTORY)]
    pub history: PathBuf,
    /// The scenario [default: that of the latest run]
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Only this figure; may be repeated
    #[arg(long = "figure", value_name = "NAME")]
    pub figures: Vec<String>,
    /// text, json or html
    #[arg(long, value_enum, default_value_t = PageFormat::Text)]
    pub format: PageFormat,
    /// The file to write instead of stdout [default for html: trend.html beside the history]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 1 when the latest change of a figure is for the worse
    #[arg(long)]
    pub gate: bool,
}

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressKind {
    /// A bar on a terminal, plain lines elsewhere
    Auto,
    /// A live bar
    Bar,
    /// A line every few seconds
    Plain,
    /// Nothing
    None,
}

/// `pbxload check`
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The scenario files
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<PathBuf>,
    /// What is to be changed in them.
    #[command(flatten)]
    pub flags: ScenarioFlags,
    /// Print the plan, or the problems, as JSON
    #[arg(long)]
    pub json: bool,
}

/// `pbxload doctor`
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// The scenario that is going to be run; without one only the machine is looked at
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<PathBuf>,
    /// What is to be changed in it.
    #[command(flatten)]
    pub flags: ScenarioFlags,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

/// `pbxload try`
#[derive(Debug, Clone, Args)]
pub struct TryArgs {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// What is to be changed in it.
    #[command(flatten)]
    pub flags: ScenarioFlags,
    /// Persona to try [default: the first]
    #[arg(long, value_name = "NAME")]
    pub persona: Option<String>,
}

/// `pbxload simulate`
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Where to listen; port 0 is any free one [default: 127.0.0.1 and the dialect's port, 8887 or 6060]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// How to speak
    #[arg(long, value_name = "DIALECT", value_parser = dialects(), default_value = "portsip")]
    pub dialect: String,
    /// The API key to want, with `--dialect tinode` [default: that of a Tinode server as installed]
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Speak TLS with a self-signed certificate
    #[arg(long)]
    pub tls: bool,
    /// What goes wrong on purpose, TOML; `--help` shows such a file, `schema faults` its keys
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Largest file that it takes, such as `10 MiB` [default: 8 MiB]
    #[arg(long, value_name = "SIZE")]
    pub upload_max: Option<PayloadSize>,
}

/// `pbxload report`
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The run folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Which reports to write
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "html,json,junit,markdown")]
    pub format: Vec<String>,
}

/// `pbxload selftest`
#[derive(Debug, Clone, Args)]
pub struct SelftestArgs {
    /// Only this class of fault; may be repeated
    #[arg(long, value_name = "CLASS")]
    pub only: Vec<String>,
    /// Print every comparison as JSON
    #[arg(long)]
    pub json: bool,
    /// Overlook one fault of this class, to show that the self-test notices; may be repeated
    #[arg(long, value_name = "CLASS", hide = true)]
    pub sabotage: Vec<String>,
}

/// `pbxload ops`
#[derive(Debug, Clone, Args)]
pub struct OpsArgs {
    /// As a Markdown table
    #[arg(long)]
    pub markdown: bool,
}

/// `pbxload schema`
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// `results.json`
    Results,
    /// Fault files, for `simulate --faults` and `run --faults`
    Faults,
}

/// `pbxload init`
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The file to write
    #[arg(value_name = "FILE", default_value = "scenario.toml")]
    pub file: PathBuf,
}

/// `pbxload completions`
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
