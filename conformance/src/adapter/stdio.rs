//! An implementation behind the stdio protocol: a child process, one JSON
//! object a line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio as Pipe};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::protocol::{Answer, Hello, Request, VERSION};
use super::{Adapter, Connection, Limits, Trouble};

/// A longer line than this is not read to its end.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// How much of standard error is kept per scenario, in bytes.
const STDERR_KEPT: usize = 64 * 1024;

/// A command that starts an adapter.
#[derive(Clone, Debug)]
pub struct Stdio {
    options: String,
    words: Vec<String>,
}

impl Stdio {
    /// An adapter started by this command line, split as a shell would.
    ///
    /// # Errors
    /// The command line is empty or has an open quotation.
    pub fn new(command: &str) -> Result<Self, Trouble> {
        match shlex::split(command) {
            Some(words) if !words.is_empty() => {
                let word = shlex::try_quote(command).unwrap_or(command.into());
                Ok(Self { options: format!("--adapter {word}"), words })
            }
            _ => Err(Trouble::NotStarted(format!("`{command}` is no command line"))),
        }
    }

    /// Starts the command once and ends it, to see that it can be started.
    ///
    /// # Errors
    /// It cannot.
    pub fn find(&self) -> Result<(), Trouble> {
        let mut child = self.spawn()?;
        let _ = child.kill();
        let _ = child.wait();
        Ok(())
    }

    fn spawn(&self) -> Result<Child, Trouble> {
        Command::new(&self.words[0])
            .args(&self.words[1..])
            .stdin(Pipe::piped())
            .stdout(Pipe::piped())
            .stderr(Pipe::piped())
            .spawn()
            .map_err(|error| Trouble::NotStarted(format!("`{}`: {error}", self.words[0])))
    }
}

impl Adapter for Stdio {
    fn options(&self) -> &str {
        &self.options
    }

    fn connect(&self, limits: Limits) -> Result<Box<dyn Connection>, Trouble> {
        let mut child = self.spawn()?;
        let stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (lines, answers) = channel();
        thread::spawn(move || read_lines(stdout, &lines));
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeper = Arc::clone(&kept);
        thread::spawn(move || keep(stderr, &keeper));
        let mut process = Process { child, stdin, answers, kept, limits, hello: None };
        let hello = process.greet()?;
        process.hello = Some(hello);
        Ok(Box::new(process))
    }
}

/// Sends each line that the child writes, until it ends.
fn read_lines(stdout: impl Read, lines: &Sender<Vec<u8>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match stdout.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if lines.send(line).is_err() => return,
            Ok(_) => {}
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
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let room = STDERR_KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&piece[..room]);
    }
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<Vec<u8>>,
    kept: Arc<Mutex<Vec<u8>>>,
    limits: Limits,
    hello: Option<Hello>,
}

impl Process {
    fn greet(&mut self) -> Result<Hello, Trouble> {
        self.send(&Request::hello())?;
        let within = self.limits.timeout;
        let Some(line) = self.line(within)? else {
            return Err(Trouble::Silent { asked: "hello".to_owned(), within });
        };
        // The version first: of another version nothing else is known.
        #[derive(serde::Deserialize)]
        struct Version {
            protocol: u64,
        }
        if let Ok(Version { protocol }) = serde_json::from_slice(&line)
            && protocol != VERSION
        {
            return Err(Trouble::WrongVersion(protocol));
        }
        match self.parse(&line)? {
            Answer::Hello(hello) => Ok(hello),
            _ => Err(garbage("expected the answer `hello`", &line)),
        }
    }

    fn line(&mut self, within: Duration) -> Result<Option<Vec<u8>>, Trouble> {
        match self.answers.recv_timeout(within) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.crashed()),
        }
    }

    fn crashed(&mut self) -> Trouble {
        // Its output has ended; a child that lingers nonetheless is not waited for.
        let _ = self.child.kill();
        Trouble::Crashed(match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        })
    }

    fn parse(&self, line: &[u8]) -> Result<Answer, Trouble> {
        if self.limits.strict {
            let value = serde_json::from_slice(line).map_err(|error| garbage(&error, line))?;
            if let Err(error) = answer_schema().validate(&value) {
                return Err(garbage(&format!("against the schema: {error}"), line));
            }
        }
        serde_json::from_slice(line).map_err(|error| garbage(&error, line))
    }
}

fn answer_schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let schema = schemars::schema_for!(Answer);
        jsonschema::validator_for(schema.as_value()).expect("the generated schema is sound")
    })
}

/// A character as it can be shown on a terminal.
fn printable(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

fn garbage(reason: &(impl ToString + ?Sized), line: &[u8]) -> Trouble {
    let text = String::from_utf8_lossy(line);
    let line = text.trim_end().chars().take(200).flat_map(printable).collect();
    Trouble::Garbage { reason: reason.to_string(), line }
}

impl Connection for Process {
    fn hello(&self) -> &Hello {
        self.hello.as_ref().expect("greetings were exchanged when it was made")
    }

    fn send(&mut self, request: &Request) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(request).expect("a request serialises");
        line.push(b'\n');
        match self.stdin.write_all(&line).and_then(|()| self.stdin.flush()) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.crashed()),
        }
    }

    fn receive(&mut self, within: Duration) -> Result<Option<Answer>, Trouble> {
        let Some(line) = self.line(within)? else {
            return Ok(None);
        };
        match self.parse(&line)? {
            Answer::Trouble { message } => Err(Trouble::Own(message)),
            answer => Ok(Some(answer)),
        }
    }

    fn take_stderr(&mut self) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *kept)).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.send(&Request::Bye);
        // It was told to finish; whether it does is not waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
