//! The words of the command line, by subject.

mod files;
mod logs;
mod model;
mod probe;
mod replay;
mod server;
mod simulate;
mod suite;
mod target;
mod trace;
mod values;

use clap::{Args as _, FromArgMatches as _, Parser, Subcommand};

pub use files::{AdapterLanguage, CompletionsArgs, InitArgs, InstallArgs, ManArgs};
pub use logs::DiagnoseArgs;
pub use model::{
    ExplainArgs, ExploreArgs, Language, ListArgs, Machine, TableArgs, TableFormat, Topic,
};
#[cfg(all(unix, feature = "probe"))]
pub(crate) use probe::PROBE_TIMEOUT;
pub use probe::{LibraryArgs, ProbeArgs, ProbeProcessArgs};
pub use replay::{ReplayArgs, ShrinkArgs};
#[cfg(unix)]
pub(crate) use server::GATE_TIMEOUT;
pub use server::{GateArgs, ProcessArgs, ServeArgs, SqlcmdArgs};
pub use simulate::{GroundArg, HowArgs, MergeArgs, SeedArgs, SimulateArgs};
pub use suite::{MutantsArgs, ReadingsArgs, RunArgs};
pub use target::Target;
pub use trace::{AskArgs, CheckArgs, JoinArgs, PhaseArg, RedactArgs, ViewArgs};
pub(crate) use values::gating;
pub use values::{
    CheckFormat, EndArg, Format, GatingArgs, LineArgs, PartyArg, ReportArgs, RoleArg,
};

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
65 bad input file · 69 the implementation could not be started · 70 our own fault ·
130 interrupted";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios against an implementation
    Run(RunArgs),
    /// Judge recorded traces; no implementation is needed
    Check(CheckArgs),
    /// Judge a trace and write it as one page with a drawing, for a browser
    View(ViewArgs),
    /// Read logs of a backup or restore, and tell which side ended it first
    Diagnose(DiagnoseArgs),
    /// Drive one scenario, or the calls of a trace, and print what happens
    Replay(ReplayArgs),
    /// List scenarios, clauses, readings, mutants
    List(ListArgs),
    /// Explain a word of a log, a state, a function, a clause, a code, a command, a feature, a field
    /// or a reading
    Explain(ExplainArgs),
    /// Print a transition table or a state diagram, computed from the model
    Table(TableArgs),
    /// Ask the model what a call may return after a history, or in a phase
    Ask(AskArgs),
    /// Find the readings that an implementation follows
    Readings(ReadingsArgs),
    /// Run every mutant, the reference implementation with one thing wrong, and see it caught
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
    Init(InitArgs),
    /// Put a client program through a list of situations, and judge it
    Gate(GateArgs),
    /// Call a client library through scenarios, against a server of yours, and judge it
    Probe(ProbeArgs),
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
    /// Take the names of sets, devices, instances and threads out of a trace
    Redact(RedactArgs),
    /// Print the completions of a shell, to be read by it
    Completions(CompletionsArgs),
    /// Write man pages, one for each command
    Man(ManArgs),
    /// Be one process of several on standard input and output, for `run --processes`
    #[command(hide = true)]
    Process(ProcessArgs),
    /// Play one client of `probe`, as standard input says
    #[command(hide = true)]
    ProbeProcess(ProbeProcessArgs),
}

impl Default for Command {
    /// As if nothing was said.
    fn default() -> Self {
        let command = RunArgs::augment_args(clap::Command::new("run"));
        let matches = command.get_matches_from(["run"]);
        Self::Run(RunArgs::from_arg_matches(&matches).expect("every option may be missing"))
    }
}
