//! `vdi diagnose`: logs.

use std::path::PathBuf;

use clap::Args;

use super::values::{CheckFormat, LineArgs};

/// An offset from UTC.
#[cfg(feature = "diagnose")]
type Offset = vdi_diagnose::read::Offset;

/// An offset from UTC, in a build that reads no logs: as it is written.
#[cfg(not(feature = "diagnose"))]
type Offset = String;

/// `vdi diagnose`.
#[derive(Debug, Clone, Args)]
pub struct DiagnoseArgs {
    /// Logs: the server's error log, exports of the application event log as text, CSV or XML, a
    /// client's log, what sqlcmd printed; or - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A recording of the client's half, the server's, or both, of the same operation
    #[arg(long, value_name = "TRACE")]
    pub trace: Option<PathBuf>,
    /// How far times that name no zone are ahead of UTC, such as +02:00: needed to compare an event
    /// log as XML, whose times are UTC, with logs in local time
    #[arg(long, value_name = "+HH:MM", value_parser = offset, allow_hyphen_values = true)]
    pub utc_offset: Option<Offset>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// How long the recording's lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}

#[cfg(feature = "diagnose")]
fn offset(text: &str) -> Result<Offset, String> {
    vdi_diagnose::read::offset(text)
        .ok_or_else(|| format!("`{text}` is no offset from UTC such as +02:00, -0530 or Z"))
}

#[cfg(not(feature = "diagnose"))]
fn offset(text: &str) -> Result<Offset, std::convert::Infallible> {
    Ok(text.to_owned())
}
