//! `vdi list`, `vdi explain`, `vdi explore`, `vdi table`: what the documents say.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `vdi list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// What to list
    #[arg(value_enum, default_value_t = Topic::Scenarios)]
    pub topic: Topic,
    /// Folder of scenarios in place of the embedded ones
    #[arg(long, value_name = "FOLDER")]
    pub scenarios: Option<PathBuf>,
    /// Only what begins so: the id of a scenario or of a clause of it, a clause, a question, a
    /// profile, a mutant; may be given several times
    #[arg(long, value_name = "PREFIX", conflicts_with = "steps")]
    pub filter: Vec<String>,
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
    /// Mutants: what can be made wrong on purpose in the built-in implementation
    #[value(alias = "defects")]
    Mutants,
}

/// `vdi explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A word of a log (an error number, an error of the operating system, a word of a SQLVDI line,
    /// an option), a state of a set, function, clause, code, command, feature, field or rule of
    /// VDConfig, question, reading or profile. If missing: the four states, and the clauses of the page
    /// of the server's Close
    #[arg(value_name = "NAME|NUMBER", allow_negative_numbers = true)]
    pub word: Option<String>,
    /// In which language: the four states and the clauses of the page of Close have both
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub language: Language,
}

/// A language of the founding page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    En,
    /// Spanish
    Es,
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
    /// Whose: functions by phases, for a set or a device events by its states
    #[arg(value_enum)]
    pub machine: Machine,
    /// Readings to follow: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// What it looks like; if missing, drawn on a terminal, and Markdown elsewhere
    #[arg(long, value_enum)]
    pub format: Option<TableFormat>,
}

/// What has a transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Machine {
    /// A device set: Open, DevicesOpen, Aborted, Closed
    Set,
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
    /// A table with lines, in parts if the terminal is not wide enough for it
    Drawn,
    /// A table, and where it differs from the documented one
    Markdown,
    /// Comma-separated values
    Csv,
    /// A state diagram, as Mermaid text
    Mermaid,
    /// The same, drawn
    Svg,
}
