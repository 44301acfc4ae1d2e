//! Recording a trace while it happens, from many threads at once.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use serde::Serialize;

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
/// use vdi_sim::check::{Verdict, check_reader};
/// use vdi_sim::clauses::Profile;
/// use vdi_sim::codes::HResult;
/// use vdi_sim::trace::{Args, Event, Function, Header, Out, Process, Recorder};
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
    /// Tells recorders apart in what threads remember.
    number: u64,
    output: Mutex<Output>,
    lanes: Mutex<Vec<String>>,
}

struct Output {
    writer: Box<dyn Write + Send>,
    line: Vec<u8>,
    /// The last `seq`; `None` where several processes write into one file.
    seq: Option<u64>,
    events: u64,
    error: Option<io::Error>,
}

thread_local! {
    /// The lane of this thread, by recorder and process.
    static LANES: RefCell<Vec<(u64, Process, String)>> = const { RefCell::new(Vec::new()) };
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
        Ok(Self::with(writer, Some(0)))
    }

    /// A recorder in a further process, for a trace that another began: `writer` is a
    /// file opened for appending, so that lines of several processes do not mix. Events
    /// have no `seq` then.
    #[must_use]
    pub fn joining(writer: impl Write + Send + 'static) -> Self {
        Self::with(Box::new(writer), None)
    }

    fn with(writer: Box<dyn Write + Send>, seq: Option<u64>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let output = Output { writer, line: Vec::new(), seq, events: 0, error: None };
        Self { number, output: Mutex::new(output), lanes: Mutex::default() }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event. What goes wrong is told by [`Recorder::finish`]; after that
    /// nothing is written any more.
    pub fn record(&self, mut event: Event<'_>) {
        let mut output = self.output();
        let Output { writer, line, seq, events, error } = &mut *output;
        if error.is_some() {
            return;
        }
        if let Some(seq) = seq {
            *seq += 1;
            event.set_seq(*seq);
        }
        line.clear();
        body(&event, line);
        line.push(b'\n');
        match writer.write_all(line) {
            Ok(()) => *events += 1,
            Err(failed) => *error = Some(failed),
        }
    }

    /// The lane of the present thread in a process: called like the thread, if its name
    /// is made of letters, digits, `-` and `_` and no other thread had it before, and
    /// `t1`, `t2` and so on if not.
    #[must_use]
    pub fn lane(&self, process: Process) -> Name<'static> {
        LANES.with_borrow_mut(|known| {
            let same = |(number, of, _): &&(u64, Process, String)| {
                (*number, *of) == (self.number, process)
            };
            if let Some((.., lane)) = known.iter().find(same) {
                return Name::from(lane.clone());
            }
            let lane = self.new_lane(process);
            known.push((self.number, process, lane.clone()));
            Name::from(lane)
        })
    }

    fn new_lane(&self, process: Process) -> String {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = thread::current();
        let sound = |name: &&str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let own = thread.name().filter(sound).map(|name| format!("{process}.{name}"));
        let numbered = (1..).map(|number: u32| format!("{process}.t{number}"));
        let lane = own.into_iter().chain(numbered).find(|name| !lanes.contains(name));
        let lane = lane.expect("there are more numbers than threads");
        lanes.push(lane.clone());
        lane
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
