//! Recording a trace while it happens, from many threads at once.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use serde::Serialize;

use super::lanes::Lanes;
use super::{Event, Header, Name, Process};

/// Writes the events of a trace as they come, from any thread, one line each.
///
/// The order of the lines is the order in which [`Recorder::record`] was entered, and
/// `seq` counts them. A verdict relies on when an event is recorded:
///
/// | event | recorded |
/// | --- | --- |
/// | `call`, `ended`, `exit`, `expired` | before it is done |
/// | `return`, `touch`, `unload` | after it came back |
/// | `callback` | at the entry of the completion routine |
///
/// A line is handed to the writer in one piece. With a [`File`](std::fs::File) it is in the
/// hands of the system when `record` returns, so that a panic or the death of the process
/// loses nothing that was recorded; a [`BufWriter`](std::io::BufWriter) is faster and loses
/// what it holds.
///
/// ```
/// use vdi_check::{Verdict, check_reader};
/// use vdi_spec::clauses::Profile;
/// use vdi_spec::codes::HResult;
/// use vdi_trace::{Args, Event, Function, Header, Out, Process, Recorder};
///
/// let file = tempfile();
/// let recorder = Recorder::new(file.try_clone()?, &Header::default())?;
/// let lane = recorder.lane(Process::Server);
/// recorder.record(Event::Call {
///     seq: None,
///     lane: lane.clone(),
///     call: Function::Close,
///     on: "sset".into(),
///     creates: None,
///     args: Args::default(),
/// });
/// // … the call itself …
/// let status = HResult::VD_E_PROTOCOL;
/// recorder.record(Event::Return { seq: None, lane, status, out: Out::default() });
/// assert_eq!(recorder.finish()?, 2);
/// let judged = check_reader(rewound(file), &Profile::default());
/// assert_eq!(judged.verdict, Verdict::Conformant);
/// # use std::io::{BufReader, Seek};
/// # fn tempfile() -> std::fs::File {
/// #     let name = std::env::temp_dir().join(format!("vdi-recorder-{}", std::process::id()));
/// #     let options = std::fs::File::options().create(true).truncate(true).read(true).write(true)
/// #         .open(&name).unwrap();
/// #     std::fs::remove_file(name).unwrap();
/// #     options
/// # }
/// # fn rewound(mut file: std::fs::File) -> BufReader<std::fs::File> {
/// #     file.rewind().unwrap();
/// #     BufReader::new(file)
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Recorder {
    silent: bool,
    clock: Option<Clock>,
    output: Mutex<Output>,
    lanes: Mutex<Lanes>,
}

/// Tells the milliseconds that have elapsed.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

struct Output {
    writer: Box<dyn Write + Send>,
    line: Vec<u8>,
    seq: Numbers,
    events: u64,
    error: Option<io::Error>,
}

/// Where events get their `seq` from.
enum Numbers {
    /// The last one given.
    Own(u64),
    /// Events have none.
    Nobody,
    /// From others.
    Shared(Box<dyn Turns>),
}

/// Lets one of several processes at a time write an event, and numbers them all.
pub trait Turns: Send {
    /// Waits until no other process writes; the number of the event, if it gets one.
    fn begin(&mut self) -> Option<u64>;
    /// The event is written.
    fn end(&mut self);
    /// No further event gets a number: what they come from can be let go.
    fn end_numbers(&mut self);
}

/// The turn of this process, until this is dropped.
struct Turn<'a>(&'a mut dyn Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// An event without the brace that opens it, so that `seq` can be put in front.
fn body(event: &impl Serialize, line: &mut Vec<u8>) {
    serde_json::to_writer(&mut *line, event).expect("an event serialises");
}

impl Recorder {
    /// A recorder that begins a trace with this header.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(writer: impl Write + Send + 'static, header: &Header) -> io::Result<Self> {
        let mut writer: Box<dyn Write + Send> = Box::new(writer);
        let mut line = Vec::new();
        body(header, &mut line);
        line.push(b'\n');
        writer.write_all(&line)?;
        writer.flush()?;
        Ok(Self::with(writer, Numbers::Own(0)))
    }

    /// A recorder in a further process, for a trace that another began: `writer` is a
    /// file opened for appending, so that lines of several processes do not mix. Events
    /// have no `seq` then.
    #[must_use]
    pub fn joining(writer: impl Write + Send + 'static) -> Self {
        Self::with(Box::new(writer), Numbers::Nobody)
    }

    /// A recorder in one of several processes that write one trace, whose header is
    /// written: `writer` is a file opened for appending, and `turns` orders the events of
    /// all of them.
    #[must_use]
    pub fn in_turns(writer: impl Write + Send + 'static, turns: impl Turns + 'static) -> Self {
        Self::with(Box::new(writer), Numbers::Shared(Box::new(turns)))
    }

    /// A recorder that records nothing.
    #[must_use]
    pub fn silent() -> Self {
        let mut recorder = Self::with(Box::new(io::sink()), Numbers::Nobody);
        recorder.silent = true;
        recorder
    }

    /// Notes with each event the milliseconds that `clock` tells, as `elapsed`: how long a
    /// call has waited can be said then. No verdict depends on it.
    #[must_use]
    pub fn timed(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Whether it records nothing.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.silent
    }

    fn with(writer: Box<dyn Write + Send>, seq: Numbers) -> Self {
        let output = Output { writer, line: Vec::new(), seq, events: 0, error: None };
        Self { silent: false, clock: None, output: Mutex::new(output), lanes: Mutex::default() }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        locked(&self.output)
    }

    /// Records an event. What goes wrong is told by [`Recorder::finish`]; after that
    /// nothing is written any more.
    pub fn record(&self, event: Event<'_>) {
        if !self.silent {
            self.write(&mut self.output(), event);
        }
    }

    /// The same, unless another thread is within a line: it may have been ended there, and is
    /// not waited for.
    pub fn record_if_free(&self, event: Event<'_>) {
        let output = match self.output.try_lock() {
            Ok(output) => Some(output),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut output) = output.filter(|_| !self.silent) {
            self.write(&mut output, event);
        }
    }

    fn write(&self, output: &mut Output, mut event: Event<'_>) {
        let Output { writer, line, seq, events, error } = output;
        if error.is_some() {
            return;
        }
        let (number, turn) = match seq {
            Numbers::Own(last) => {
                *last += 1;
                (Some(*last), None)
            }
            Numbers::Nobody => (None, None),
            Numbers::Shared(turns) => (turns.begin(), Some(Turn(turns.as_mut()))),
        };
        if let Some(number) = number {
            event.set_seq(number);
        }
        line.clear();
        body(&event, line);
        if let Some(clock) = &self.clock {
            line.pop();
            write!(line, ",\"elapsed\":{}}}", clock()).expect("a line is in memory");
        }
        line.push(b'\n');
        let written = writer.write_all(line);
        drop(turn);
        match written {
            Ok(()) => *events += 1,
            Err(failed) => *error = Some(failed),
        }
    }

    /// The lane of the present thread in a process: called like the thread, if its name
    /// is made of letters, digits, `-` and `_` and no other thread had it before, and
    /// `t1`, `t2` and so on if not.
    #[must_use]
    pub fn lane(&self, process: Process) -> Name<'static> {
        let mut lanes = locked(&self.lanes);
        Name::from(lanes.of_this_thread(process).to_owned())
    }

    /// Does a part of the recording of a call so that the call itself is made whatever goes
    /// wrong here: after a panic nothing is recorded any more, which [`Recorder::finish`]
    /// tells.
    pub fn aside<T>(&self, record: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(record));
        if done.is_err() {
            let panicked = || io::Error::other("the recording of an event panicked");
            self.output().error.get_or_insert_with(panicked);
        }
        done.ok()
    }

    /// What this process records from here on has no number, if the numbers are shared:
    /// where they come from is let go.
    pub fn end_numbers(&self) {
        if let Numbers::Shared(turns) = &mut self.output().seq {
            turns.end_numbers();
        }
    }

    /// Hands on what the writer holds and gives the number of events recorded.
    ///
    /// # Errors
    /// The first that an event met, or that this meets.
    pub fn finish(&self) -> io::Result<u64> {
        let mut output = self.output();
        if let Some(error) = output.error.take() {
            return Err(error);
        }
        output.writer.flush()?;
        Ok(output.events)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Who wants to know calls `finish`.
        let _ = self.output().writer.flush();
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("events", &self.output().events).finish_non_exhaustive()
    }
}

/// What a lock guards, though a thread may have panicked with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
