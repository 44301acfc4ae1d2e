//! A child process that speaks JSON Lines on standard input and output.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio as Pipe};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::deadline::Deadline;
use super::kept::Keeping;
use super::{NotGreeted, Trouble};
use crate::interrupt::{apart, end, started};
use crate::shell;

/// A longer line than this is none.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Bytes that are read at once from what the child writes.
const PIECE: usize = 64 * 1024;

/// Pieces that are read ahead: a child that writes more waits until it is listened to.
const AHEAD: usize = 32;

/// What some programs write before the first character.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How long the end of standard error is waited for once the process has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The words of a command line, split as a shell would, or on Windows as programs do.
///
/// # Errors
/// It is empty or has an open quotation.
pub fn words(command: &str) -> Result<Vec<String>, Trouble> {
    let none = || Trouble::NotStarted(format!("`{command}` is no command line"));
    shell::split(command).filter(|words| !words.is_empty()).ok_or_else(none)
}

fn spawn(words: &[String]) -> Result<Child, Trouble> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped());
    let failed = |error| Trouble::NotStarted(format!("`{}`: {error}", words[0]));
    apart(&mut command).spawn().inspect(started).map_err(failed)
}

/// A child process, spoken to line by line.
#[derive(Debug)]
pub struct Lines {
    child: Child,
    /// Lines on their way to it. They are written by a thread: it may not read.
    outgoing: Sender<Vec<u8>>,
    answers: Incoming,
    stderr: Keeping,
}

impl Lines {
    /// Starts it.
    ///
    /// # Errors
    /// It cannot be started.
    ///
    /// # Panics
    /// Not with at least one word.
    pub fn start(words: &[String]) -> Result<Self, Trouble> {
        let mut child = spawn(words)?;
        let stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (outgoing, lines) = channel();
        thread::spawn(move || write_lines(stdin, &lines));
        let (pieces, answers) = sync_channel(AHEAD);
        thread::spawn(move || read_pieces(stdout, &pieces));
        let (answers, stderr) = (Incoming::of(answers), Keeping::of(stderr));
        Ok(Self { child, outgoing, answers, stderr })
    }

    /// Starts it once and ends it, to see that it can be started.
    ///
    /// # Errors
    /// It cannot.
    pub fn find(words: &[String]) -> Result<(), Trouble> {
        let _ = end(&mut spawn(words)?);
        Ok(())
    }

    /// Sends a line.
    ///
    /// # Errors
    /// It is gone.
    ///
    /// # Panics
    /// Not with a message of ours, which serialises.
    pub fn send(&mut self, message: &impl Serialize) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(message).expect("a message serialises");
        line.push(b'\n');
        self.outgoing.send(line).map_err(|_| self.crashed())
    }

    /// The next line it writes; `None` if none came within this time, however much of one
    /// did.
    ///
    /// # Errors
    /// It is gone, or goes on without an end of the line.
    pub fn receive(&mut self, within: Duration) -> Result<Option<Vec<u8>>, Trouble> {
        match self.answers.next(within) {
            Ok(line) => Ok(Some(line)),
            Err(NoLine::Yet) => Ok(None),
            Err(NoLine::Ever) => Err(self.crashed()),
            Err(NoLine::TooLong(start)) => {
                Err(garbage(&format!("it is longer than {LONGEST_LINE} bytes"), &start))
            }
        }
    }

    fn crashed(&mut self) -> Trouble {
        // Its output has ended; a child that lingers nonetheless is not waited for.
        let status = end(&mut self.child);
        // Its last words come on another pipe, which a child of its own may hold.
        self.stderr.end(LAST_WORDS);
        Trouble::Crashed(match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        })
    }

    /// What it wrote to standard error since this was last asked.
    pub fn take_stderr(&mut self) -> String {
        self.stderr.take()
    }

    /// Ends one that did not answer its greeting: why, with what it wrote to standard error
    /// and the line for a shell that greets it.
    pub fn not_greeted(
        &mut self,
        trouble: Trouble,
        command: &str,
        greeting: &impl Serialize,
    ) -> NotGreeted {
        /// Lines of standard error that are told.
        const TOLD: usize = 20;
        let stderr = self.end(TOLD).join("\n");
        let greeting = serde_json::to_string(greeting).unwrap_or_default();
        NotGreeted { trouble, stderr, by_hand: Some(shell::given(&greeting, command)) }
    }

    /// Ends it; the last lines it wrote to standard error.
    pub fn end(&mut self, lines: usize) -> Vec<String> {
        let _ = end(&mut self.child);
        // A child of its own may have left the group and hold the pipe: not waited for long.
        self.stderr.end(LAST_WORDS);
        let text = self.take_stderr();
        let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        all[all.len().saturating_sub(lines)..].iter().map(|line| shown(line.as_bytes())).collect()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = end(&mut self.child);
    }
}

/// Why there is no line.
enum NoLine {
    /// Not within the time.
    Yet,
    /// The child's output has ended.
    Ever,
    /// It is longer than a line may be; how it begins.
    TooLong(Vec<u8>),
}

/// The lines in what the child writes. A line ends with LF, CR LF or CR; one that is blank
/// says nothing, and neither does a byte order mark before the first.
#[derive(Debug)]
struct Incoming {
    pieces: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    /// How much of the piece is taken.
    taken: usize,
    /// What has come of the next line.
    line: Vec<u8>,
    is_first: bool,
}

impl Incoming {
    const fn of(pieces: Receiver<Vec<u8>>) -> Self {
        Self { pieces, piece: Vec::new(), taken: 0, line: Vec::new(), is_first: true }
    }

    fn next(&mut self, within: Duration) -> Result<Vec<u8>, NoLine> {
        let mut deadline = Deadline::after(within);
        loop {
            let rest = &self.piece[self.taken..];
            if rest.is_empty() {
                let wait = deadline.wait().ok_or(NoLine::Yet)?;
                match self.pieces.recv_timeout(wait) {
                    Ok(piece) => (self.piece, self.taken) = (piece, 0),
                    Err(RecvTimeoutError::Timeout) => return Err(NoLine::Yet),
                    // The last line may have no end.
                    Err(RecvTimeoutError::Disconnected) => return self.line().ok_or(NoLine::Ever),
                }
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let length = end.unwrap_or(rest.len());
            self.line.extend_from_slice(&rest[..length]);
            self.taken += length + usize::from(end.is_some());
            if self.line.len() > LONGEST_LINE {
                return Err(NoLine::TooLong(std::mem::take(&mut self.line)));
            }
            if end.is_some()
                && let Some(line) = self.line()
            {
                return Ok(line);
            }
        }
    }

    /// What has come, unless it is blank.
    fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = std::mem::take(&mut self.line);
        if !line.is_empty()
            && std::mem::take(&mut self.is_first)
            && line.starts_with(BYTE_ORDER_MARK)
        {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        (!line.iter().all(u8::is_ascii_whitespace)).then_some(line)
    }
}

/// Hands on what the child writes, until it ends or is not listened to any more.
fn read_pieces(mut stdout: impl Read, pieces: &SyncSender<Vec<u8>>) {
    let mut room = vec![0; PIECE];
    while let Ok(count @ 1..) = stdout.read(&mut room) {
        if pieces.send(room[..count].to_vec()).is_err() {
            return;
        }
    }
}

/// Writes lines to the child, until there are no more or it is gone.
fn write_lines(mut stdin: ChildStdin, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// A character as it can be shown on a terminal.
fn printable(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// A line as it can be shown, shortened.
pub(crate) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end().chars().take(200).flat_map(printable).collect()
}

/// A line that is no answer, and why.
pub fn garbage(reason: &(impl ToString + ?Sized), line: &[u8]) -> Trouble {
    Trouble::Garbage { reason: reason.to_string(), line: shown(line) }
}
