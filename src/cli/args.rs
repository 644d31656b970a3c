//! Commands and flags, as the person types them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

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
    Simulate(SimulateArgs),
    /// Rebuild reports from a run folder, a crashed run's too
    Report(ReportArgs),
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

/// `pbxload run`
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// What is to be changed in it.
    #[command(flatten)]
    pub flags: ScenarioFlags,
    /// Folder of the run [default: reports/runs/<name>-<UTC time>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = ProgressKind::Auto)]
    pub progress: ProgressKind,
    /// Worker threads [default: one a core, one less beside the embedded simulator]
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Faults of the embedded simulator, as for `simulate`
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
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
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8887")]
    pub listen: SocketAddr,
    /// Speak TLS with a self-signed certificate
    #[arg(long)]
    pub tls: bool,
    /// What goes wrong on purpose, TOML
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
