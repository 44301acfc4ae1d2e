//! `vdi init`, `vdi install`: files to start from.

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

/// `vdi install`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// Where to: it gets the folders bin, lib and include
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
