//! Log files: what they are, and their lines with time and process.

mod blocks;
mod lines;
mod table;
mod when;
mod xml;

pub use when::{Moment, Offset, offset};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::Serialize;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// The server's error log.
    ErrorLog,
    /// An event log, exported as text.
    EventText,
    /// An event log, exported as a table.
    EventTable,
    /// An event log, exported as XML.
    EventXml,
    /// Anything else: a client's log, or what a tool printed.
    ClientLog,
    /// A recording of calls.
    Trace,
}

impl FileKind {
    /// What it is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ErrorLog => "the server's error log",
            Self::EventText => "event log, as text",
            Self::EventTable => "event log, as a table",
            Self::EventXml => "event log, as XML",
            Self::ClientLog => "a client's log or a tool's output",
            Self::Trace => "a recording",
        }
    }

    /// Whether it is an export of an event log.
    #[must_use]
    pub const fn is_event_log(self) -> bool {
        matches!(self, Self::EventText | Self::EventTable | Self::EventXml)
    }
}

/// One entry of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The line in which it begins, counted from 1.
    pub line: usize,
    /// Its place in the order in which the entries were written.
    pub place: usize,
    /// Its time as the file has it.
    pub time: Option<String>,
    /// The same, understood.
    pub moment: Option<Moment>,
    /// The session, process or thread, as the file has it.
    pub process: Option<String>,
    /// Who wrote the event, in an event log.
    pub source: Option<String>,
    /// The number of the event or of the message, if it stands apart from the text.
    pub number: Option<u32>,
    /// What it says.
    pub text: String,
}

/// A file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// What it is called.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its entries, in the order in which they were written.
    pub records: Vec<Record>,
    /// What is to be known about how it was read.
    pub notes: Vec<String>,
}

/// Why a file cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {message}")]
pub struct BadLog {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what helps.
    pub message: String,
}

/// Reads a file of any kind.
///
/// # Errors
/// It is no text, or a table or XML that is not well-formed, or empty.
pub fn read(path: &str, bytes: &[u8], local: Option<Offset>) -> Result<LogFile, BadLog> {
    let bad = |line: usize, message: String| BadLog { path: path.to_owned(), line, message };
    let text = decoded(bytes).map_err(|message| bad(1, message))?;
    if text.trim().is_empty() {
        return Err(bad(1, "the file is empty: there is nothing to diagnose".to_owned()));
    }
    let (kind, mut records) = parsed(&text).map_err(|(line, message)| bad(line, message))?;
    let mut notes = Vec::new();
    when::understand(&mut records, local, &mut notes);
    if kind.is_event_log() && when::newest_first(&records) {
        records.reverse();
    }
    for (place, record) in records.iter_mut().enumerate() {
        record.place = place;
    }
    Ok(LogFile { path: path.to_owned(), kind, records, notes })
}

/// Line and reason of what is not well-formed.
type Wrong = (usize, String);

fn parsed(text: &str) -> Result<(FileKind, Vec<Record>), Wrong> {
    let start = text.trim_start();
    if start.starts_with("<?xml") || start.starts_with("<Event") {
        return Ok((FileKind::EventXml, xml::records(text)?));
    }
    if let Some(delimiter) = table::delimiter(text) {
        return Ok((FileKind::EventTable, table::records(text, delimiter)?));
    }
    if let Some(records) = blocks::records(text) {
        return Ok((FileKind::EventText, records));
    }
    let records = lines::records(text);
    let of_server = records.iter().filter(|record| lines::is_session(record)).count();
    let kind = if of_server * 2 > records.len() { FileKind::ErrorLog } else { FileKind::ClientLog };
    Ok((kind, records))
}

/// The text, whatever encoding it was written in.
fn decoded(bytes: &[u8]) -> Result<String, String> {
    if bytes.starts_with(b"ElfFile\0") {
        return Err("this is an event log in its own binary form: export it first, by \
                    `wevtutil qe FILE /lf:true /f:xml > FILE.xml` or in the Event Viewer"
            .to_owned());
    }
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if looks_like_utf16(bytes, 1) => UTF_16LE,
        None if looks_like_utf16(bytes, 0) => UTF_16BE,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => WINDOWS_1252,
    };
    let (text, _, _) = encoding.decode(bytes);
    let strange = text.chars().any(|letter| letter == '\0');
    if strange {
        return Err(
            "this is no text: give it as the log or the export is written, not packed and \
                    not in a binary form"
                .to_owned(),
        );
    }
    Ok(text.into_owned())
}

/// Whether every second byte of the beginning is zero, from that one.
fn looks_like_utf16(bytes: &[u8], from: usize) -> bool {
    let start = &bytes[..bytes.len().min(64)];
    start.len() >= 4 && start.iter().skip(from).step_by(2).all(|byte| *byte == 0)
}
