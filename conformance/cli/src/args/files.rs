//! `vdi init`, `vdi install`, `vdi completions`, `vdi man`: files to start from.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `vdi init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Where to write
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,

    /// What the adapter is written in
    #[arg(long, value_enum, default_value_t = AdapterLanguage::Python)]
    pub language: AdapterLanguage,
}

/// The languages of which there is an adapter to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AdapterLanguage {
    /// Python 3, nothing beside it
    Python,
    /// JavaScript for Node, nothing beside it
    Node,
    /// Rust, with serde_json
    Rust,
    /// C++17, nothing beside it
    Cpp,
}

/// A shell.
#[cfg(feature = "shells")]
type Shell = clap_complete::Shell;

/// A shell, in a build that writes nothing for it: as it is written.
#[cfg(not(feature = "shells"))]
type Shell = String;

/// `vdi completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `vdi man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Where to write them
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// `vdi install`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// Where to: it gets the folders bin, lib and include
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
