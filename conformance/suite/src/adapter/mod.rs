//! How an implementation is driven: in this process through a Rust trait, or in
//! any language over standard input and output.
//!
//! Both speak the same messages ([`protocol`]); the run room does not know which
//! it has. The expected answers never come here.

mod answer;
mod barrier;
#[doc(hidden)]
pub mod body;
mod cooperative;
mod deadline;
mod deliveries;
pub(crate) mod gives;
pub mod inprocess;
mod kept;
pub mod lines;
mod plain;
mod processes;
pub mod protocol;
mod reference;
mod runtime;
mod serve;
mod simulated;
mod stdio;

pub use answer::read as read_answer;
pub(crate) use barrier::pause;
pub use deadline::{Deadline, Stopwatch};
pub use kept::{Keeping, Kept};
pub use processes::Processes;
pub use reference::Reference;
pub use runtime::Runtime;
pub use serve::{serve, serve_connection};
pub use simulated::{SimulatedAdapter, lacks_for_worlds};
pub use stdio::Stdio;

use std::fmt;
use std::time::Duration;

use protocol::{Answer, Hello, OLDEST, Request, VERSION};
use vdi_reference::Mutant;
use vdi_simulate::{Backend, Options};

/// The runtime as the backend of a simulation with these options.
#[must_use]
pub fn simulated_runtime(options: &Options) -> impl Backend {
    runtime::cooperative(options.queue_depth.into(), memory_limit(options))
}

/// Where memory is scarce a set cannot have all the buffers that its server asks for.
fn memory_limit(options: &Options) -> u64 {
    let buffers = u64::from(options.buffers) * u64::from(options.devices);
    let all = buffers * u64::from(options.max_transfer_size) * u64::from(options.sets) * 2;
    if options.faults.memory > 0 { all / 3 } else { 1 << 30 }
}

/// The reference implementation as the backend of a simulation, whole or with a defect.
#[must_use]
pub fn simulated_reference(options: &Options, mutant: Option<Mutant>) -> impl Backend {
    reference::cooperative(options.queue_depth.into(), memory_limit(options), mutant)
}

/// What makes connections to an implementation.
pub trait Adapter: Sync {
    /// The options of `vdi` that choose it, for a command line that reproduces a
    /// result; empty for the built-in implementation.
    fn options(&self) -> &str;

    /// Starts it and exchanges greetings.
    ///
    /// # Errors
    /// It cannot be started, or does not greet as the protocol says.
    fn connect(&self, limits: Limits) -> Result<Box<dyn Connection>, NotGreeted>;
}

/// An implementation that was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotGreeted {
    /// Why.
    pub trouble: Trouble,
    /// What it wrote to standard error.
    pub stderr: String,
    /// A line for a shell that greets it.
    pub by_hand: Option<String>,
}

/// Why; below it, what it wrote to standard error and how to greet it by hand.
impl fmt::Display for NotGreeted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trouble)?;
        for (row, line) in self.stderr.trim_end().lines().enumerate() {
            let word = if row == 0 { "stderr" } else { "" };
            write!(f, "\n  {word:<8}  {line}")?;
        }
        match &self.by_hand {
            Some(line) => write!(f, "\n  by hand   {line}"),
            None => Ok(()),
        }
    }
}

impl From<Trouble> for NotGreeted {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, stderr: String::new(), by_hand: None }
    }
}

/// A running implementation.
pub trait Connection: Send {
    /// What it said of itself.
    fn hello(&self) -> &Hello;

    /// Sends a request.
    ///
    /// # Errors
    /// It is gone.
    fn send(&mut self, request: &Request) -> Result<(), Trouble>;

    /// The next answer; `None` if none came within this time.
    ///
    /// # Errors
    /// It is gone, or what came is no answer.
    fn receive(&mut self, within: Duration) -> Result<Option<Answer>, Trouble>;

    /// What it wrote to standard error since this was last asked.
    fn take_stderr(&mut self) -> String;
}

/// How long to wait, and how strictly to read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After this long without an answer an implementation hangs.
    pub timeout: Duration,
    /// Without `settle`: this long a silence means that everything is at rest.
    pub grace: Duration,
    /// Whether every answer must match the JSON Schema of the protocol.
    pub strict: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), grace: Duration::from_millis(100), strict: false }
    }
}

/// What goes wrong with an implementation other than a wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It could not be started at all.
    #[error("cannot be started: {0}")]
    NotStarted(String),
    /// It ended in the middle.
    #[error("ended ({0}), expected an answer")]
    Crashed(String),
    /// It wrote something that is no answer.
    #[error("wrote a line that is no answer: {reason}; the line: {line}")]
    Garbage {
        /// What is wrong with it.
        reason: String,
        /// What it wrote, shortened.
        line: String,
    },
    /// It writes more than any scenario has a use for, or never comes to rest.
    #[error("{0}")]
    TooMuch(String),
    /// It speaks another version of the protocol.
    #[error("speaks protocol version {0}, expected {OLDEST} to {VERSION}")]
    WrongVersion(u64),
    /// It did not answer in time.
    #[error("gave no answer to `{asked}` within {within:?}")]
    Silent {
        /// What was asked.
        asked: String,
        /// How long it was waited.
        within: Duration,
    },
    /// It says that it failed.
    #[error("reports its own failure: {0}")]
    Own(String),
    /// It was silent so often that it is not asked any more.
    #[error("was not asked any more: {0}")]
    GivenUp(String),
    /// It answers `unsupported` to what it said it offers.
    #[error("answers `unsupported` to `{what}`, which it offers: {reason}")]
    Unsupported {
        /// What was asked of it.
        what: String,
        /// What it says.
        reason: String,
    },
    /// It is not the implementation's: whatever drives or judges it has panicked.
    #[error("our own fault: {0}; please report it, with this scenario")]
    Ours(String),
    /// It is no adapter but a client program, under the gate, that does not do its part.
    #[error("{1}")]
    Program(Misdeed, String),
}

/// What a client program does that is no part of a backup or restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// It never begins.
    NotStarted,
    /// A signal ends it.
    Crashed,
    /// It does not end in time.
    Hung,
    /// It fails where it could succeed, or tells another end than it came to.
    Failed,
}

impl Trouble {
    /// A short stable name, used in reports and baselines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotStarted(_) => "not-started",
            Self::Crashed(_) => "crashed",
            Self::Garbage { .. } => "garbage",
            Self::TooMuch(_) => "too-much",
            Self::WrongVersion(_) => "wrong-protocol-version",
            Self::Silent { .. } => "silent",
            Self::Own(_) => "adapter-trouble",
            Self::GivenUp(_) => "given-up",
            Self::Unsupported { .. } => "unsupported",
            Self::Ours(_) => "our-own-fault",
            Self::Program(Misdeed::NotStarted, _) => "not-started",
            Self::Program(Misdeed::Crashed, _) => "crashed",
            Self::Program(Misdeed::Hung, _) => "hung",
            Self::Program(Misdeed::Failed, _) => "program-failed",
        }
    }
}
