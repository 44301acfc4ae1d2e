//! Reading a trace line by line: memory does not grow with its length.

use std::io::BufRead;

use super::{Event, FORMAT, Header};

/// What is wrong with a trace as a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TraceError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1; 0 if the whole line is meant.
    pub column: usize,
    /// What is wrong and what was expected.
    pub message: String,
    /// The text of the line, shortened.
    pub text: String,
}

/// What is said of a last line that is not whole.
const CUT_OFF: &str = "the trace ends in the middle of this line";

impl TraceError {
    /// Whether the last line is not whole: whoever wrote it was killed.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.message.starts_with(CUT_OFF)
    }
}

/// A line of a trace, borrowed until the next is read.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number, counted from 1.
    pub number: usize,
    /// The event in it.
    pub event: Event<'a>,
}

/// Reads a trace.
///
/// ```
/// use vdi_trace::TraceReader;
///
/// let text = "{\"vdi\":\"trace/1\"}\n{\"lane\":\"server.main\",\"return\":\"NOERROR\"}\n";
/// let mut reader = TraceReader::new(text.as_bytes())?;
/// assert_eq!(reader.next_line()?.expect("an event").number, 2);
/// assert!(reader.next_line()?.is_none());
/// # Ok::<(), vdi_trace::TraceError>(())
/// ```
#[derive(Debug)]
pub struct TraceReader<R> {
    input: R,
    header: Header,
    buffer: Vec<u8>,
    number: usize,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// The first line is not the header of a trace of this version.
    pub fn new(input: R) -> Result<Self, TraceError> {
        let mut reader = Self { input, header: Header::default(), buffer: Vec::new(), number: 0 };
        if !reader.fill()? {
            return Err(reader.error(0, "an empty file; expected a trace's header".to_owned()));
        }
        let header: Header = serde_json::from_slice(&reader.buffer)
            .map_err(|error| reader.json_error(&error, "a trace's header"))?;
        if header.vdi != FORMAT {
            let message =
                format!("format `{}`, expected `{FORMAT}` in the field `vdi`", header.vdi);
            return Err(reader.error(0, message));
        }
        reader.header = header;
        Ok(reader)
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The next event, or `None` at the end.
    ///
    /// # Errors
    /// The line is not an event, is cut off, or cannot be read.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, TraceError> {
        if !self.fill()? {
            return Ok(None);
        }
        match serde_json::from_slice(&self.buffer) {
            Ok(event) => Ok(Some(Line { number: self.number, event })),
            Err(error) => Err(self.json_error(&error, "an event")),
        }
    }

    /// Reads the next line that is not blank into the buffer; false at the end.
    fn fill(&mut self) -> Result<bool, TraceError> {
        loop {
            self.buffer.clear();
            let read = self.input.read_until(b'\n', &mut self.buffer);
            self.number += 1;
            match read {
                Err(error) => {
                    self.buffer.clear();
                    return Err(self.error(0, format!("cannot be read: {error}")));
                }
                Ok(0) => return Ok(false),
                Ok(_) if self.buffer.trim_ascii().is_empty() => {}
                Ok(_) => return Ok(true),
            }
        }
    }

    fn json_error(&self, error: &serde_json::Error, expected: &str) -> TraceError {
        let cut_off = error.is_eof() && !self.buffer.ends_with(b"\n");
        let message = if cut_off {
            format!("{CUT_OFF}; expected {expected}")
        } else {
            let text = error.to_string();
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            format!("not {expected}: {text}")
        };
        self.error(error.column(), message)
    }

    fn error(&self, column: usize, message: String) -> TraceError {
        let text = String::from_utf8_lossy(self.buffer.trim_ascii_end());
        TraceError { line: self.number, column, message, text: text.chars().take(200).collect() }
    }
}

impl serde::Serialize for TraceError {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("line {}: {}", self.line, self.message))
    }
}
