//! Reading a trace line by line: memory does not grow with its length.

use std::io::{self, BufRead};

use super::elapsed::Timed;
use super::{Event, FORMAT, Header, from_slice, plain};

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

/// Bytes of a line, at most, unless it is said otherwise.
pub const LONGEST_LINE: usize = 16 << 20;

/// A byte order mark in UTF-8.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Whether a file that begins so is UTF-16: by its mark, or by the zero bytes of its first
/// characters.
fn is_utf16(start: &[u8]) -> bool {
    start.starts_with(b"\xFF\xFE")
        || start.starts_with(b"\xFE\xFF")
        || start.iter().take(2).any(|byte| *byte == 0)
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
    /// Milliseconds from some moment, the same for the whole trace, to when the line was
    /// written, if it tells them. They are no part of the event: traces are compared, and
    /// judged, without them.
    pub elapsed: Option<u64>,
}

/// Reads a trace: JSON Lines in UTF-8. A byte order mark before the first line, lines that
/// end with CR and LF, and blank lines are as good as none; UTF-16 is refused.
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
    seq: Option<u64>,
    longest: usize,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// The first line is not the header of a trace of this version.
    pub fn new(input: R) -> Result<Self, TraceError> {
        Self::with_longest_line(input, LONGEST_LINE)
    }

    /// Reads the header of a trace whose lines may have so many bytes.
    ///
    /// # Errors
    /// As [`TraceReader::new`].
    pub fn with_longest_line(input: R, longest: usize) -> Result<Self, TraceError> {
        let (header, buffer) = (Header::default(), Vec::new());
        let mut reader = Self { input, header, buffer, number: 0, seq: None, longest };
        if !reader.fill()? {
            return Err(reader.error(0, "an empty file; expected a trace's header".to_owned()));
        }
        let header: Header = from_slice(&reader.buffer)
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
        let nothing = Event::Blocked { seq: None, blocked: Vec::new() };
        let mut line = Line { number: self.number, event: nothing, elapsed: None };
        if plain::read(&self.buffer, &mut line).is_none() {
            match serde_json::from_slice(&self.buffer) {
                Ok(Timed { event, elapsed }) => (line.event, line.elapsed) = (event, elapsed),
                Err(error) => return Err(self.json_error(&error, "an event")),
            }
        }
        if let Some(seq) = line.event.seq() {
            if self.seq.is_some_and(|last| seq <= last) {
                return Err(self.error(0, format!("`seq` {seq} does not come after the last one")));
            }
            self.seq = Some(seq);
        }
        Ok(Some(line))
    }

    /// Reads the next line that is not blank into the buffer; false at the end.
    fn fill(&mut self) -> Result<bool, TraceError> {
        loop {
            let read = self.read_line();
            self.number += 1;
            match read {
                Err(error) => {
                    self.buffer.clear();
                    return Err(self.error(0, format!("cannot be read: {error}")));
                }
                Ok(0) => return Ok(false),
                Ok(length) if length > self.longest => {
                    let message = format!(
                        "a line of more than {} bytes, the most that is read of one",
                        self.longest
                    );
                    return Err(self.error(0, message));
                }
                Ok(_) if self.number == 1 && is_utf16(&self.buffer) => {
                    self.buffer.clear();
                    let message = "the file is UTF-16; expected UTF-8".to_owned();
                    return Err(self.error(0, message));
                }
                Ok(_) if self.drop_mark().trim_ascii().is_empty() => {}
                Ok(_) => return Ok(true),
            }
        }
    }

    /// Reads a line into the buffer, or one byte more than a line may have; how many bytes.
    fn read_line(&mut self) -> io::Result<usize> {
        self.buffer.clear();
        let most = self.longest.saturating_add(1);
        loop {
            let ahead = match self.input.fill_buf() {
                Ok(ahead) => &ahead[..ahead.len().min(most - self.buffer.len())],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', ahead);
            let taken = end.map_or(ahead.len(), |at| at + 1);
            self.buffer.extend_from_slice(&ahead[..taken]);
            self.input.consume(taken);
            if end.is_some() || taken == 0 {
                return Ok(self.buffer.len());
            }
        }
    }

    /// Without the mark that some editors put before the first byte.
    fn drop_mark(&mut self) -> &[u8] {
        if self.number == 1 && self.buffer.starts_with(UTF8_MARK) {
            self.buffer.drain(..UTF8_MARK.len());
        }
        &self.buffer
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
        // Of a long line only the beginning is looked at.
        let start = &self.buffer[..self.buffer.len().min(4 * 200)];
        let text = String::from_utf8_lossy(start.trim_ascii_end());
        TraceError { line: self.number, column, message, text: text.chars().take(200).collect() }
    }
}

impl serde::Serialize for TraceError {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("line {}: {}", self.line, self.message))
    }
}
