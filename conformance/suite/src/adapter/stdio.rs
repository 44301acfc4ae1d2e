//! An implementation behind the stdio protocol: a child process, one JSON
//! object a line.

use std::time::Duration;

use super::answer;
use super::lines::{self, Lines, garbage, shown};
use super::protocol::{Answer, Hello, OLDEST, Request, VERSION};
use super::{Adapter, Connection, Limits, NotGreeted, Trouble};
use crate::shell;

/// A command that starts an adapter.
#[derive(Clone, Debug)]
pub struct Stdio {
    /// The command line, as it was given.
    command: String,
    options: String,
    words: Vec<String>,
}

impl Stdio {
    /// An adapter started by this command line, split as a shell would.
    ///
    /// # Errors
    /// The command line is empty or has an open quotation.
    pub fn new(command: &str) -> Result<Self, Trouble> {
        let words = lines::words(command)?;
        let word = shell::quoted(command);
        Ok(Self { command: command.to_owned(), options: format!("--adapter {word}"), words })
    }

    /// Starts the command once and ends it, to see that it can be started.
    ///
    /// # Errors
    /// It cannot.
    pub fn find(&self) -> Result<(), Trouble> {
        Lines::find(&self.words)
    }
}

impl Adapter for Stdio {
    fn options(&self) -> &str {
        &self.options
    }

    fn connect(&self, limits: Limits) -> Result<Box<dyn Connection>, NotGreeted> {
        let lines = Lines::start(&self.words)?;
        let mut process = Process { lines, limits, hello: None };
        match process.greet() {
            Ok(hello) => process.hello = Some(hello),
            Err(trouble) => {
                return Err(process.lines.not_greeted(trouble, &self.command, &Request::hello()));
            }
        }
        Ok(Box::new(process))
    }
}

struct Process {
    lines: Lines,
    limits: Limits,
    hello: Option<Hello>,
}

impl Process {
    fn greet(&mut self) -> Result<Hello, Trouble> {
        self.send(&Request::hello())?;
        let within = self.limits.timeout;
        let Some(line) = self.lines.receive(within)? else {
            return Err(Trouble::Silent { asked: "hello".to_owned(), within });
        };
        // The version first: of another version nothing else is known.
        #[derive(serde::Deserialize)]
        struct Version {
            protocol: u64,
        }
        if let Ok(Version { protocol }) = serde_json::from_slice(&line)
            && !(OLDEST..=VERSION).contains(&protocol)
        {
            return Err(Trouble::WrongVersion(protocol));
        }
        match self.parse(&line)? {
            Answer::Hello(hello) => Ok(hello),
            _ => Err(garbage("expected the answer `hello`", &line)),
        }
    }

    fn parse(&self, line: &[u8]) -> Result<Answer, Trouble> {
        // Whatever is wrong with it is told by its field; the schema says no more.
        let answer = answer::read(line).map_err(|error| garbage(&error, line))?;
        #[cfg(feature = "strict")]
        if self.limits.strict {
            let value = serde_json::from_slice(line).map_err(|error| garbage(&error, line))?;
            if let Err(error) = answer_schema().validate(&value) {
                let (at, op) = (error.instance_path(), &value["op"]);
                let reason = format!("op {op}: against the schema, at `{at}`: {error}");
                return Err(garbage(&reason, line));
            }
        }
        Ok(answer)
    }
}

/// The published schema of answers, which a test holds to the type [`Answer`].
#[cfg(feature = "strict")]
fn answer_schema() -> &'static jsonschema::Validator {
    static SCHEMA: std::sync::OnceLock<jsonschema::Validator> = std::sync::OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = include_str!("../../../../scenarios/schema/adapter-answer.v1.json");
        let schema = serde_json::from_str(text).expect("the published schema is JSON");
        jsonschema::validator_for(&schema).expect("the published schema is sound")
    })
}

impl Connection for Process {
    fn hello(&self) -> &Hello {
        self.hello.as_ref().expect("greetings were exchanged when it was made")
    }

    fn send(&mut self, request: &Request) -> Result<(), Trouble> {
        self.lines.send(request)
    }

    fn receive(&mut self, within: Duration) -> Result<Option<Answer>, Trouble> {
        let Some(line) = self.lines.receive(within)? else {
            return Ok(None);
        };
        match self.parse(&line)? {
            Answer::Trouble { message } => Err(Trouble::Own(shown(message.as_bytes()))),
            answer => Ok(Some(answer)),
        }
    }

    fn take_stderr(&mut self) -> String {
        self.lines.take_stderr()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whether it does finish is not waited for.
        let _ = self.lines.send(&Request::Bye);
    }
}
