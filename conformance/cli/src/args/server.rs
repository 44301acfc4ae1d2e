//! `vdi serve`, `vdi sqlcmd`, `vdi gate`, `vdi process`: servers, and client programs.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::values::{GatingArgs, ReportArgs, seconds};

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
    /// unknown@N, flush-twice, no-complete, refuse, abort@0, abort-configured, late=MS,
    /// late-failure=MS, head-only, random=SEED; N counts the
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
    /// Drivers connect here, too, by TDS: 127.0.0.1:1433, say; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", conflicts_with = "statements")]
    pub tds: Option<SocketAddr>,
    /// File whose text is the password of every login; without it any will do
    #[arg(long, value_name = "FILE", requires = "tds")]
    pub tds_password: Option<PathBuf>,
    /// The address may be one to which other machines can connect
    #[arg(long, requires = "tds")]
    pub tds_anywhere: bool,
    /// Tell each message of a statement as the end of something behind which there is more: a
    /// program that does not read on then ends its statement
    #[arg(long, requires = "tds")]
    pub tds_ends: bool,
}

/// `vdi sqlcmd`.
#[derive(Debug, Clone, Args)]
pub struct SqlcmdArgs {
    /// The command line of sqlcmd; -? for help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

impl SqlcmdArgs {
    /// The words of the command line, its own name before them.
    pub(crate) fn words_with_name(&self) -> Vec<OsString> {
        std::iter::once("sqlcmd".into()).chain(self.words.iter().cloned()).collect()
    }
}

/// Seconds that a client program may take in one situation, if it is not said.
pub(crate) const GATE_TIMEOUT: f64 = 60.0;

/// `vdi gate`.
#[derive(Debug, Clone, Args)]
pub struct GateArgs {
    /// Command line of a backup; {database} is the name of the database, {medium} a path to
    /// store it at, {tds} with --tds where its driver connects. The program loads libsqlvdi.so and hands its statement to sqlcmd
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
    /// The program sends its statement by TDS, through a driver, to the address {tds}
    #[arg(long)]
    pub tds: bool,
    /// Tell each message of a statement as the end of something behind which there is more: a
    /// program that does not read on ends its statement
    #[arg(long, requires = "tds")]
    pub tds_ends: bool,
    /// Only situations that begin so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub filter: Vec<String>,
    /// Seconds that the program may take in one situation
    #[arg(long, value_name = "SECONDS", default_value_t = GATE_TIMEOUT, value_parser = seconds)]
    pub timeout: f64,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// What fails.
    #[command(flatten)]
    pub gating: GatingArgs,
    /// The report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `vdi process`.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// What the names of shared memory objects begin with
    #[arg(long, value_name = "PREFIX")]
    pub prefix: String,
}
