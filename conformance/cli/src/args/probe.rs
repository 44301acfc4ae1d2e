//! `vdi probe`: a client library, called against a real server.

use std::path::PathBuf;

use clap::Args;

use super::values::{GatingArgs, ReportArgs, seconds};

/// Seconds that a scenario may take, if it is not said.
pub(crate) const PROBE_TIMEOUT: f64 = 60.0;

/// `vdi probe`.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    /// The client library: libsqlvdi.so
    #[arg(long, value_name = "FILE")]
    pub library: PathBuf,
    /// Command line that hands a statement to the server, with {statement} where that goes; no
    /// shell reads it, and its exit code says what became of the statement: sqlcmd needs -b
    #[arg(long, value_name = "COMMAND")]
    pub sql: String,
    /// What the names of the databases begin with that are made, backed up, restored and dropped
    #[arg(long, value_name = "PREFIX")]
    pub database_prefix: String,
    /// Print every statement, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only scenarios whose id begins so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub filter: Vec<String>,
    /// Only the scenario of this id; may be given several times
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    pub scenario: Vec<String>,
    /// Seconds that a scenario may take
    #[arg(long, value_name = "SECONDS", default_value_t = PROBE_TIMEOUT, value_parser = seconds)]
    pub timeout: f64,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// Write what comes home into this folder, which is new or empty: a half trace of each
    /// scenario, reports, readings, a profile, checksums
    #[arg(long, value_name = "FOLDER", conflicts_with = "dry_run")]
    pub out: Option<PathBuf>,
    /// What fails.
    #[command(flatten)]
    pub gating: GatingArgs,
    /// The report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// A client library and a server, that a recording's calls are made of again.
#[derive(Debug, Clone, Args)]
pub struct LibraryArgs {
    /// Make the client's calls of a trace again of this client library, libsqlvdi.so, with a
    /// server that statements move, as `vdi probe` does
    #[arg(long, value_name = "FILE", requires_all = ["sql", "database_prefix"],
          conflicts_with_all = ["adapter", "reference", "processes", "defect", "seed", "scenarios"])]
    pub library: Option<PathBuf>,
    /// Command line that hands a statement to the server, as for `vdi probe`
    #[arg(long, value_name = "COMMAND", requires = "library")]
    pub sql: Option<String>,
    /// What the names of the databases begin with that are made and dropped
    #[arg(long, value_name = "PREFIX", requires = "library")]
    pub database_prefix: Option<String>,
    /// Seconds that the calls may take together
    #[arg(long, value_name = "SECONDS", requires = "library", default_value_t = PROBE_TIMEOUT,
          value_parser = seconds)]
    pub limit: f64,
}

/// `vdi probe-process`.
#[derive(Debug, Clone, Args)]
pub struct ProbeProcessArgs {}
