//! `vdi init`, `vdi install`: files to start from.

use std::path::PathBuf;

use clap::Args;

/// `vdi init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Where to write
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// `vdi install`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// Where to: it gets the folders bin, lib and include
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
