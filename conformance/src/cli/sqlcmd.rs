//! The command line of `sqlcmd`, as client programs use it.

use std::path::PathBuf;

use clap::{ArgAction, Parser};

/// What is said of an option that does not exist.
pub(super) const UNKNOWN: &str = "Unknown Option. Enter '-?' for help.";

/// Carries out BACKUP and RESTORE statements, as sqlcmd hands them to a server.
///
/// They are handed over to the `vdi serve` of this user, if one is running for the same
/// VDI_PREFIX; else the server is played by this process. What it needs to know is in the
/// environment: VDI_DATA is the folder of its databases, VDI_FAULTS what goes wrong on purpose,
/// VDI_TRACE where its calls are recorded, VDI_WAIT how many seconds a set that does not exist
/// yet is waited for, VDI_SERVER the socket of the server to hand over to, or `none`. Options
/// that are for a connection have no effect.
#[derive(Debug, Parser)]
#[command(name = "sqlcmd", disable_help_flag = true, disable_version_flag = true)]
#[command(after_help = crate::engine::list_options())]
pub(super) struct Sqlcmd {
    /// The server, which is only named in messages
    #[arg(short = 'S', default_value = "localhost")]
    pub(super) server: String,
    /// Statements to be carried out, after which it ends
    #[arg(short = 'Q')]
    pub(super) query: Option<String>,
    /// The same
    #[arg(short = 'q', conflicts_with = "query")]
    pub(super) initial: Option<String>,
    /// Files of statements
    #[arg(short = 'i', value_delimiter = ',')]
    pub(super) input: Vec<PathBuf>,
    /// File for what is printed
    #[arg(short = 'o')]
    pub(super) output: Option<PathBuf>,
    /// Exit with 1 if a statement fails
    #[arg(short = 'b')]
    pub(super) exit_on_error: bool,
    /// This help
    #[arg(short = '?', action = ArgAction::Help)]
    help: Option<bool>,
    /// The user
    #[arg(short = 'U')]
    user: Option<String>,
    /// The password
    #[arg(short = 'P', allow_hyphen_values = true)]
    password: Option<String>,
    /// The database
    #[arg(short = 'd')]
    database: Option<String>,
    /// Seconds to log in
    #[arg(short = 'l')]
    login: Option<u32>,
    /// Seconds of a statement
    #[arg(short = 't')]
    timeout: Option<u32>,
    /// Lines between headings
    #[arg(short = 'h', allow_negative_numbers = true)]
    headings: Option<i32>,
    /// Characters of a line
    #[arg(short = 'w')]
    width: Option<u32>,
    /// What parts columns
    #[arg(short = 's')]
    separator: Option<String>,
    /// Bytes of a packet
    #[arg(short = 'a')]
    packet: Option<u32>,
    /// Name of this computer
    #[arg(short = 'H')]
    host: Option<String>,
    /// What the application intends
    #[arg(short = 'K')]
    intent: Option<String>,
    /// Least severity that is an error
    #[arg(short = 'V')]
    severity: Option<u32>,
    /// Least severity that is told
    #[arg(short = 'm', allow_negative_numbers = true)]
    level: Option<i32>,
    /// Code page
    #[arg(short = 'f')]
    codepage: Option<String>,
    /// Characters of columns
    #[arg(short = 'y')]
    variable_width: Option<u32>,
    /// Characters of columns
    #[arg(short = 'Y')]
    fixed_width: Option<u32>,
    /// Which messages go to standard error
    #[arg(short = 'r', num_args = 0..=1, require_equals = true)]
    redirect: Option<Option<u8>>,
    /// What becomes of control characters
    #[arg(short = 'k', num_args = 0..=1, require_equals = true)]
    control: Option<Option<u8>>,
    /// Whether the connection is encrypted
    #[arg(short = 'N', num_args = 0..=1, require_equals = true)]
    encrypt: Option<Option<String>>,
    /// Without effect here: a trusted connection, any certificate, and how it is printed
    #[arg(short = 'E')]
    trusted: bool,
    /// See -E
    #[arg(short = 'C')]
    certificate: bool,
    /// See -E
    #[arg(short = 'W')]
    trim: bool,
    /// See -E
    #[arg(short = 'I')]
    quoted: bool,
    /// See -E
    #[arg(short = 'e')]
    echo: bool,
    /// See -E
    #[arg(short = 'u')]
    unicode: bool,
    /// See -E
    #[arg(short = 'x')]
    no_variables: bool,
    /// See -E
    #[arg(short = 'X')]
    no_commands: bool,
    /// See -E
    #[arg(short = 'j')]
    raw_errors: bool,
    /// See -E
    #[arg(short = 'M')]
    multi_subnet: bool,
    /// See -E
    #[arg(short = 'R')]
    regional: bool,
}
