//! Which implementation is driven, and how it is judged.

use std::path::PathBuf;

use clap::Args;

use super::values::seconds;

/// Which implementation, and how it is judged.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Command that starts an adapter, such as 'python3 my_adapter.py'
    #[arg(long, value_name = "COMMAND")]
    pub adapter: Option<String>,
    /// Drive the reference implementation, the body of the mutants, not the runtime
    #[arg(long, alias = "plain", conflicts_with = "adapter")]
    pub reference: bool,
    /// Drive the runtime with server and clients each in a process of its own
    #[arg(long, conflicts_with_all = ["adapter", "reference", "defect"])]
    pub processes: bool,
    /// Drive a mutant: the reference implementation with one thing wrong (see `vdi list mutants`)
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
