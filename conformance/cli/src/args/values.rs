//! Values that several commands take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;
use vdi_spec::clauses::Party;

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86400.0 => Ok(seconds),
        _ => Err("expected a number of seconds above 0 and up to 86400".to_owned()),
    }
}

/// How long a line of a trace may be.
#[derive(Debug, Clone, Copy, Args)]
pub struct LineArgs {
    /// Bytes that a line of a trace may have
    #[arg(long, value_name = "BYTES", default_value_t = vdi_trace::LONGEST_LINE as u32,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub longest_line: u32,
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
    /// One page with drawings, for a browser
    Html,
}

/// What the report of a check looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Text,
    /// For programs: one object per trace
    Json,
    /// One page, for a browser
    Html,
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

/// A half of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// What the database engine calls
    Server,
    /// What the backup application calls
    Client,
}

impl RoleArg {
    /// As an adapter offers it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
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
pub(crate) fn gating(named: &[PartyArg]) -> Vec<Party> {
    if named.is_empty() {
        return vec![Party::Interface, Party::Server, Party::Client];
    }
    named.iter().map(|party| party.party()).collect()
}

/// A value is JSON, or else a word.
pub(crate) fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form KEY=VALUE"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}

/// What fails.
#[derive(Debug, Clone, Args)]
pub struct GatingArgs {
    /// File of known failures
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Only violations of clauses that bind this party fail; may be given several times
    #[arg(long, value_enum, value_name = "PARTY")]
    pub party: Vec<PartyArg>,
}

/// What a report looks like, and where it goes.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the report here; the summary line is still printed
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write every time in JUnit XML as 0, so that two runs give the same bytes
    #[arg(long)]
    pub no_times: bool,
    /// Tell every failure, not one of those that have the same cause
    #[arg(long)]
    pub verbose: bool,
    /// Write every trace into this folder, for `vdi check` and `vdi replay`
    #[arg(long, value_name = "FOLDER")]
    pub traces: Option<PathBuf>,
}

/// What the end of a trace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EndArg {
    /// Anything may come after it
    Open,
    /// Everything is at rest
    Rest,
}
