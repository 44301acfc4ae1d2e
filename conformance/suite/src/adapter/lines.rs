//! A child process that speaks JSON Lines on standard input and output.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio as Pipe};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::{NotGreeted, Trouble};
use crate::locked::locked;

/// A longer line than this is not read to its end.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// What some programs write before the first character.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How long the end of standard error is waited for once the process has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How much of standard error is kept until it is asked for, in bytes.
const STDERR_KEPT: usize = 64 * 1024;

/// The words of a command line, split as a shell would.
///
/// # Errors
/// It is empty or has an open quotation.
pub fn words(command: &str) -> Result<Vec<String>, Trouble> {
    let none = || Trouble::NotStarted(format!("`{command}` is no command line"));
    shlex::split(command).filter(|words| !words.is_empty()).ok_or_else(none)
}

fn spawn(words: &[String]) -> Result<Child, Trouble> {
    Command::new(&words[0])
        .args(&words[1..])
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped())
        .spawn()
        .map_err(|error| Trouble::NotStarted(format!("`{}`: {error}", words[0])))
}

/// A child process, spoken to line by line.
#[derive(Debug)]
pub struct Lines {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<Vec<u8>>,
    kept: Arc<Mutex<Vec<u8>>>,
    /// Ends when standard error does.
    kept_all: Receiver<()>,
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
        let (lines, answers) = channel();
        thread::spawn(move || read_lines(stdout, &lines));
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&kept);
        let (keeping, kept_all) = channel();
        thread::spawn(move || {
            keep(stderr, &keeps);
            drop(keeping);
        });
        Ok(Self { child, stdin, answers, kept, kept_all })
    }

    /// Starts it once and ends it, to see that it can be started.
    ///
    /// # Errors
    /// It cannot.
    pub fn find(words: &[String]) -> Result<(), Trouble> {
        let mut child = spawn(words)?;
        let _ = child.kill();
        let _ = child.wait();
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
        match self.stdin.write_all(&line).and_then(|()| self.stdin.flush()) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.crashed()),
        }
    }

    /// The next line it writes; `None` if none came within this time.
    ///
    /// # Errors
    /// It is gone.
    pub fn receive(&mut self, within: Duration) -> Result<Option<Vec<u8>>, Trouble> {
        match self.answers.recv_timeout(within) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.crashed()),
        }
    }

    fn crashed(&mut self) -> Trouble {
        // Its output has ended; a child that lingers nonetheless is not waited for.
        let _ = self.child.kill();
        let status = self.child.wait();
        // Its last words come on another pipe, which a child of its own may hold.
        let _ = self.kept_all.recv_timeout(LAST_WORDS);
        Trouble::Crashed(match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        })
    }

    /// What it wrote to standard error since this was last asked.
    pub fn take_stderr(&mut self) -> String {
        let mut kept = locked(self.kept.lock());
        String::from_utf8_lossy(&std::mem::take(&mut *kept)).into_owned()
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
        NotGreeted { trouble, stderr, by_hand: Some(format!("echo '{greeting}' | {command}")) }
    }

    /// Ends it; the last lines it wrote to standard error.
    pub fn end(&mut self, lines: usize) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A child of its own may hold the pipe, and is not waited for long.
        let _ = self.kept_all.recv_timeout(LAST_WORDS);
        let text = self.take_stderr();
        let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        all[all.len().saturating_sub(lines)..].iter().map(|line| shown(line.as_bytes())).collect()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends each line that the child writes, until it ends. A line ends with LF, CR LF or CR;
/// one that is blank says nothing, and neither does a byte order mark before the first.
fn read_lines(stdout: impl Read, lines: &Sender<Vec<u8>>) {
    let mut stdout = BufReader::new(stdout);
    let mut is_first = true;
    loop {
        let Ok(Some(mut line)) = next_line(&mut stdout) else { return };
        if std::mem::take(&mut is_first) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        if !is_blank && lines.send(line).is_err() {
            return;
        }
    }
}

/// The next line without its end; `None` behind the last one.
fn next_line(from: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let piece = from.fill_buf()?;
        if piece.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        // Behind CR LF the LF is a blank line of its own.
        let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = end.unwrap_or(piece.len()).min(LONGEST_LINE - line.len());
        line.extend_from_slice(&piece[..length]);
        from.consume(length + usize::from(end == Some(length)));
        if end == Some(length) || line.len() == LONGEST_LINE {
            return Ok(Some(line));
        }
    }
}

/// Keeps what the child writes to standard error, up to a bound.
fn keep(mut stderr: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut piece = [0; 4096];
    while let Ok(count) = stderr.read(&mut piece) {
        if count == 0 {
            return;
        }
        let mut kept = locked(kept.lock());
        let room = STDERR_KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&piece[..room]);
    }
}

/// A character as it can be shown on a terminal.
fn printable(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// A line as it can be shown, shortened.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end().chars().take(200).flat_map(printable).collect()
}

/// A line that is no answer, and why.
pub fn garbage(reason: &(impl ToString + ?Sized), line: &[u8]) -> Trouble {
    Trouble::Garbage { reason: reason.to_string(), line: shown(line) }
}
