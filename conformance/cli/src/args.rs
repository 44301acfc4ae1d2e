//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vdi_spec::clauses::Party;

use super::install::InstallArgs;
use super::join::JoinArgs;
use super::simulate::{MergeArgs, SeedArgs, SimulateArgs};

/// Tells whether software speaking SQL Server's Virtual Device Interface does what
/// the documents say.
///
/// Without a command: runs the embedded scenarios against the built-in
/// implementation.
#[derive(Debug, Parser)]
#[command(name = "vdi", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes: 0 conformant · 1 violation, or a stale baseline · 2 undecided · 64 usage ·
65 bad input file · 69 the implementation could not be started · 70 our own fault";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios against an implementation
    Run(RunArgs),
    /// Judge recorded traces; no implementation is needed
    Check(CheckArgs),
    /// Drive one scenario, or the calls of a trace, and print what happens
    Replay(ReplayArgs),
    /// List scenarios, clauses, readings, defects
    List(ListArgs),
    /// Explain a clause, a code, a command, a feature, a reading or a profile
    Explain(ExplainArgs),
    /// Print a transition table or a state diagram, computed from the model
    Table(TableArgs),
    /// Ask the model what a call may return after a history
    Ask(AskArgs),
    /// Find the readings that an implementation follows
    Readings(ReadingsArgs),
    /// Seed every defect into the built-in implementation and see it caught
    Mutants(MutantsArgs),
    /// Make a failing scenario, trace or seed small
    Shrink(ShrinkArgs),
    /// Visit every state of a bounded set of the model and hold named properties on each
    Explore(ExploreArgs),
    /// Run seeded worlds: whole backups and restores, with clients good and bad and with faults
    Simulate(SimulateArgs),
    /// Join results of `simulate` from several shards
    Merge(MergeArgs),
    /// Write an adapter to start from, and a CI job that runs it
    Init(super::init::InitArgs),
    /// Put a client program through a list of situations, and judge it
    Gate(GateArgs),
    /// Play the database server for client programs: BACKUP and RESTORE, as said here or as
    /// sqlcmd hands them over
    #[command(after_help = vdi_server::list_options())]
    Serve(ServeArgs),
    /// Play sqlcmd, and the server behind it; the same as a link to vdi named sqlcmd
    #[command(disable_help_flag = true)]
    Sqlcmd(SqlcmdArgs),
    /// Put libsqlvdi.so, its header, the recorder, vdi and sqlcmd into a folder
    Install(InstallArgs),
    /// Join the traces that several processes have written of one set into one history
    Join(JoinArgs),
    /// Be one process of several on standard input and output, for `run --processes`
    #[command(hide = true)]
    Process(ProcessArgs),
}

/// `vdi process`.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// What the names of shared memory objects begin with
    #[arg(long, value_name = "PREFIX")]
    pub prefix: String,
}

/// `vdi sqlcmd`.
#[derive(Debug, Clone, Args)]
pub struct SqlcmdArgs {
    /// The command line of sqlcmd; -? for help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<std::ffi::OsString>,
}

/// Seconds that a client program may take in one situation, if it is not said.
pub(super) const GATE_TIMEOUT: f64 = 60.0;

/// `vdi gate`.
#[derive(Debug, Clone, Args)]
pub struct GateArgs {
    /// Command line of a backup; {database} is the name of the database, {medium} a path to
    /// store it at. The program loads libsqlvdi.so and hands its statement to sqlcmd
    #[arg(long, value_name = "COMMAND")]
    pub client: String,
    /// Command line of a restore of the same
    #[arg(long, value_name = "COMMAND")]
    pub restore: Option<String>,
    /// Command line of a backup to several devices
    #[arg(long, value_name = "COMMAND")]
    pub several: Option<String>,
    /// Command line of a restore from several devices
    #[arg(long, value_name = "COMMAND")]
    pub several_restore: Option<String>,
    /// The library; the one beside this program if missing
    #[arg(long, value_name = "FILE")]
    pub library: Option<PathBuf>,
    /// Load the library in any case, in place of the one the program is linked with
    #[arg(long)]
    pub preload: bool,
    /// Only situations that begin so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub filter: Vec<String>,
    /// Seconds that the program may take in one situation
    #[arg(long, value_name = "SECONDS", default_value_t = GATE_TIMEOUT, value_parser = seconds)]
    pub timeout: f64,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// File of known failures
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Only violations of clauses that bind this party fail; may be given several times
    #[arg(long, value_enum, value_name = "PARTY")]
    pub party: Vec<PartyArg>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the report here; the summary line is still printed
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write every trace into this folder, for `vdi check` and `vdi replay`
    #[arg(long, value_name = "FOLDER")]
    pub traces: Option<PathBuf>,
}

/// `vdi serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// BACKUP and RESTORE statements, in the order they are carried out; without any, those
    /// that sqlcmd hands over, until it is ended
    #[arg(value_name = "STATEMENT")]
    pub statements: Vec<String>,
    /// Folder of databases: the file NAME is the data of the database NAME, NAME.log its log,
    /// NAME.generated, a JSON object with "seed" and "bytes", stands for generated data
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// What goes wrong on purpose: slow=MS, pause=MS@N, abort@N, close@N, close-set@N, kill@N,
    /// unknown@N, flush-twice, no-complete, random=SEED; N counts the
    /// commands of each statement
    #[arg(long, value_name = "FAULTS")]
    pub faults: Option<String>,
    /// Record the server's calls into this file; %s in its name is the name of the set
    #[arg(long, value_name = "FILE")]
    pub trace: Option<String>,
    /// Seconds that a set is waited for. If missing, for ever, or, for statements that are
    /// handed over, not at all: whoever does that has a set
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub wait: Option<f64>,
    /// What the names of shared memory objects begin with
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Use sets of the same group, not only of the same user
    #[arg(long)]
    pub group: bool,
    /// Where sqlcmd finds this server, if its VDI_SERVER says so, too; a place in the user's
    /// own folder, by the prefix, if missing
    #[arg(long, value_name = "SOCKET", conflicts_with = "statements")]
    pub socket: Option<PathBuf>,
}

impl Default for Command {
    fn default() -> Self {
        Self::Run(RunArgs::parse_nothing())
    }
}

/// Which implementation, and how it is judged.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Command that starts an adapter, such as 'python3 my_adapter.py'
    #[arg(long, value_name = "COMMAND")]
    pub adapter: Option<String>,
    /// Drive the reference implementation, the body of the seeded defects, not the runtime
    #[arg(long, alias = "plain", conflicts_with = "adapter")]
    pub reference: bool,
    /// Drive the runtime with server and clients each in a process of its own
    #[arg(long, conflicts_with_all = ["adapter", "reference", "defect"])]
    pub processes: bool,
    /// Drive the reference implementation with a seeded defect (see `vdi list defects`)
    #[arg(long, alias = "mutant", value_name = "NAME", conflicts_with = "adapter")]
    pub defect: Option<String>,
    /// Folder of scenarios in place of the embedded ones
    #[arg(long, value_name = "FOLDER")]
    pub scenarios: Option<PathBuf>,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// Seconds without an answer after which an implementation hangs
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub timeout: f64,
    /// For adapters that do not offer `settle`: milliseconds of silence that mean rest
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub grace: u64,
    /// Hold every answer of an adapter to the JSON Schema of the protocol
    #[arg(long)]
    pub strict: bool,
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86400.0 => Ok(seconds),
        _ => Err("expected a number of seconds above 0 and up to 86400".to_owned()),
    }
}

/// `vdi run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The implementation.
    #[command(flatten)]
    pub target: Target,
    /// Only scenarios whose id, or a clause of which, begins so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub filter: Vec<String>,
    /// Implementations side by side; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// File of known failures
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Only violations of clauses that bind this party fail; may be given several times
    #[arg(long, value_enum, value_name = "PARTY")]
    pub party: Vec<PartyArg>,
    /// Stop after so many failures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_fail: Option<u32>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the report here; the summary line is still printed
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write every trace into this folder, for `vdi check` and `vdi replay`
    #[arg(long, value_name = "FOLDER")]
    pub traces: Option<PathBuf>,
    /// Let what races in a scenario really race, so many times or until it fails; if
    /// missing it is begun in turn, once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// What the delays of racing lanes are drawn from
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "repeat")]
    pub seed: u64,
}

impl RunArgs {
    /// As if nothing was said.
    fn parse_nothing() -> Self {
        match Arguments::parse_from(["vdi", "run"]).command {
            Some(Command::Run(args)) => args,
            _ => unreachable!("`vdi run` is a run"),
        }
    }
}

/// `vdi ask`.
#[derive(Debug, Clone, Args)]
pub struct AskArgs {
    /// What happened before: a trace, or - for standard input
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// The calling lane, such as server.main
    pub lane: String,
    /// The function, such as Close
    #[arg(value_name = "FUNCTION")]
    pub call: String,
    /// The handle it is called on, such as sset
    pub on: String,
    /// Its arguments as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// Look at the first so many events only
    #[arg(long, value_name = "EVENTS")]
    pub after: Option<usize>,
    /// Readings to follow: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
}

/// `vdi readings`.
#[derive(Debug, Clone, Args)]
pub struct ReadingsArgs {
    /// The implementation; its profile decides what cannot be told
    #[command(flatten)]
    pub target: Target,
    /// Implementations side by side; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Write what was found as a profile, for `--profile`
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `vdi mutants`.
#[derive(Debug, Clone, Args)]
pub struct MutantsArgs {
    /// Only defects whose name begins so
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub filter: String,
    /// Defects at a time; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Folder of scenarios in place of the embedded ones
    #[arg(long, value_name = "FOLDER")]
    pub scenarios: Option<PathBuf>,
    /// Hunt the defects that only some orders of events show, with races that are repeated
    #[arg(long)]
    pub races: bool,
    /// Runs of each race, at most
    #[arg(long, value_name = "N", default_value_t = 60, requires = "races", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// What the delays of racing lanes are drawn from
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "races")]
    pub seed: u64,
    /// Hunt all of them, races too, with seeded worlds
    #[arg(long, conflicts_with = "races")]
    pub worlds: bool,
    /// Seeds for each of them, at most
    #[arg(long, value_name = "N", default_value_t = 20_000, requires = "worlds", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// What the result looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, requires = "worlds")]
    pub format: CheckFormat,
}

/// What a report looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// JUnit XML, for CI systems
    Junit,
    /// Markdown, for a step summary
    Markdown,
}

/// A party that gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartyArg {
    /// The VDI library
    Interface,
    /// The database engine
    Server,
    /// The backup application
    Client,
}

impl PartyArg {
    /// As the catalogue names it.
    #[must_use]
    pub const fn party(self) -> Party {
        match self {
            Self::Interface => Party::Interface,
            Self::Server => Party::Server,
            Self::Client => Party::Client,
        }
    }
}

/// The parties named, or all.
#[must_use]
pub(super) fn gating(named: &[PartyArg]) -> Vec<Party> {
    if named.is_empty() {
        return vec![Party::Interface, Party::Server, Party::Client];
    }
    named.iter().map(|party| party.party()).collect()
}

/// `vdi check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Traces: JSON Lines files, or - for standard input
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// Only this party's faults fail; may be given several times
    #[arg(long, value_enum, value_name = "PARTY")]
    pub party: Vec<PartyArg>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Draw the lanes, with the order of effects that explains what was seen; the trace
    /// is held in memory
    #[arg(long)]
    pub explain: bool,
    /// How many orders of effects to look at for one event before giving up
    #[arg(long, value_name = "N", default_value_t = vdi_check::BUDGET as u32,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub budget: u32,
}

/// What the report of a check looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Text,
    /// For programs: one object per trace
    Json,
}

/// `vdi replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A scenario's id or file, or a trace
    #[arg(value_name = "SCENARIO|TRACE", required_unless_present = "seed")]
    pub what: Option<String>,
    /// The world that this seed draws, as `vdi simulate` runs it
    #[arg(long, value_name = "N", conflicts_with = "what")]
    pub seed: Option<u64>,
    /// The seed's world.
    #[command(flatten)]
    pub world: SeedArgs,
    /// The implementation.
    #[command(flatten)]
    pub target: Target,
    /// Print the trace as JSON Lines instead of for people
    #[arg(long)]
    pub json: bool,
}

/// `vdi shrink`.
#[derive(Debug, Clone, Args)]
pub struct ShrinkArgs {
    /// A scenario's id or file, or a trace; a trace is judged as it is unless an
    /// implementation is named, which then makes its calls again
    #[arg(value_name = "SCENARIO|TRACE", required_unless_present = "seed")]
    pub what: Option<String>,
    /// The implementation.
    #[command(flatten)]
    pub target: Target,
    /// Runs of a scenario with races, at most, until it fails
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Without a scenario or a trace: the world that this seed draws. With one: what the
    /// delays of racing lanes are drawn from; 0 if missing
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The seed's world.
    #[command(flatten)]
    pub world: SeedArgs,
    /// Write the scenario here, not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Of a trace: write what is left of it here; of a seed: the trace of the simpler world
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// `vdi list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// What to list
    #[arg(value_enum, default_value_t = Topic::Scenarios)]
    pub topic: Topic,
    /// Folder of scenarios in place of the embedded ones
    #[arg(long, value_name = "FOLDER")]
    pub scenarios: Option<PathBuf>,
    /// Of one scenario: every step, those its situation stands for included
    #[arg(long, value_name = "ID")]
    pub steps: Option<String>,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// Scenarios with the parties and clauses they concern
    Scenarios,
    /// Clauses with the scenarios that exercise them
    Clauses,
    /// The coverage page: clauses, questions and commands by scenarios, as Markdown
    Coverage,
    /// Parties with how many clauses bind them
    Parties,
    /// Contested questions with their readings
    Readings,
    /// Profiles of readings
    Profiles,
    /// Defects that can be seeded into the built-in implementation
    Defects,
}

/// `vdi explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A clause, code, command, feature, configuration rule, question, reading or profile
    #[arg(value_name = "CLAUSE|CODE|READING")]
    pub word: String,
}

/// `vdi explore`.
#[derive(Debug, Clone, Args)]
pub struct ExploreArgs {
    /// Devices of the set
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub devices: u8,
    /// Commands outstanding at a time, over all devices
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub commands: u8,
    /// Buffers allocated at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(..=8))]
    pub buffers: u8,
    /// Secondary client processes
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=4))]
    pub secondaries: u8,
    /// Tell apart what no outcome depends on, and make unsound calls too: many more states
    #[arg(long)]
    pub every_detail: bool,
    /// Hold completion routines, send buffers that are in use, let serverTimeOut pass
    #[arg(long)]
    pub rare: bool,
    /// Readings to explore under: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// Threads; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Write scenarios for what the embedded hand-written ones do not do into this
    /// folder instead
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["ui", "profile", "threads"])]
    pub scenarios: Option<PathBuf>,
    /// Serve an explorer to a browser instead, at this address
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:3000")]
    pub ui: Option<std::net::SocketAddr>,
}

/// `vdi table`.
#[derive(Debug, Clone, Args)]
pub struct TableArgs {
    /// Whose: functions by phases, for a device events by its states
    #[arg(value_enum)]
    pub machine: Machine,
    /// Readings to follow: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// What it looks like
    #[arg(long, value_enum, default_value_t = TableFormat::Markdown)]
    pub format: TableFormat,
}

/// What has a transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Machine {
    /// The server's interface to a set
    Server,
    /// The client's interface to a set
    Client,
    /// One device of a set
    Device,
}

/// What a transition table looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// A table, and where it differs from the documented one
    Markdown,
    /// Comma-separated values
    Csv,
    /// A state diagram
    Mermaid,
}
