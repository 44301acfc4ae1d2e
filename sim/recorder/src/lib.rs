//! The runtime with its calls recorded: the same functions, and a trace of who called
//! what when, for [`check`](vdi_check) or `vdi check`.
//!
//! A [`Recording`] wraps the halves of a set. Handles are named in the order of
//! their making: `sdev1`, `cdev1`, `c1`, `b1`. A lane is a thread, called as
//! [`Recorder::lane`] says: name your threads. Whatever else a trace may tell, such as a
//! process that is killed, is recorded through [`Recording::recorder`].
//!
//! ```
//! use std::fs::File;
//! use std::thread;
//!
//! use vdi_spec::codes::{CommandCode, HResult, Win32};
//! use vdi_spec::config::{ServerConfig, VdConfig};
//! use vdi_recorder::{Recording, header};
//! use vdi_runtime::{Machine, Options, SendCommand, Timeout};
//! use vdi_trace::Recorder;
//!
//! let options = Options::default();
//! let file = std::env::temp_dir().join(format!("recorded-{}.jsonl", std::process::id()));
//! let recording = Recording::new(Recorder::new(File::create(&file)?, &header(&options))?);
//! let machine = Machine::in_memory(options);
//! let client = recording.client(machine.client_set());
//! let server = recording.server(machine.server_set());
//! client.create(None, "Backup", &VdConfig { device_count: 1, ..VdConfig::default() })?;
//!
//! let served = thread::Builder::new().name("main".to_owned()).spawn(move || {
//!     server.open(None, "Backup")?;
//!     let (block_size, max_transfer_size) = (512, 65_536);
//!     let part = ServerConfig { block_size, max_transfer_size, ..ServerConfig::default() };
//!     server.begin_configuration(&part)?;
//!     server.end_configuration()?;
//!     let agent = server.completion_agent()?;
//!     let agent = thread::Builder::new().name("agent".to_owned()).spawn(|| agent.execute());
//!     let device = server.open_device("Backup")?;
//!     let flush = || SendCommand {
//!         tag: 7,
//!         code: CommandCode::Flush,
//!         buffer: None,
//!         size: 0,
//!         position: 0,
//!         callback: Box::new(|_| ()),
//!     };
//!     while device.send_command(flush()) == Err(HResult::VD_E_PROTOCOL) {
//!         thread::yield_now();
//!     }
//!     device.close_device()?;
//!     agent.expect("a thread").join().expect("no panic")?;
//!     server.close()
//! })?;
//!
//! client.get_configuration(Timeout::Infinite)?;
//! let device = client.open_device("Backup")?;
//! let command = device.get_command(Timeout::Infinite)?;
//! assert_eq!(command.tag, 7);
//! device.complete_command(command.command, Win32::ERROR_SUCCESS, 0, 0)?;
//! assert_eq!(device.get_command(Timeout::Infinite).err(), Some(HResult::VD_E_CLOSE));
//! client.close()?;
//! served.join().expect("no panic")?;
//!
//! // And now: vdi check recorded.jsonl
//! assert!(recording.recorder().finish()? > 28);
//! # use vdi_check::{Verdict, check_reader};
//! # let text = std::fs::read(&file)?;
//! # std::fs::remove_file(&file)?;
//! # let judged = check_reader(&text[..], &vdi_spec::clauses::Profile::default());
//! # assert!(judged.error.is_none(), "{judged:?}");
//! # assert!(!matches!(judged.verdict, Verdict::Violation(_)), "{judged:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
pub mod gather;
mod names;
mod server;
pub mod settings;
pub mod shared;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vdi_runtime::{Mortal, Options, SetHistory};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{
    Args, Declares, Event, Function, Header, HowEnded, Name, Origin, Out, Process, Recorded,
    Recorder,
};

pub use client::{ClientDevice, ClientSet};
pub use server::{CompletionAgent, ServerDevice, ServerSet};

use names::Names;

/// The header of a trace of the runtime with these options.
#[must_use]
pub fn header(options: &Options) -> Header {
    Header {
        source: Some(Origin {
            name: "vdi-runtime".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            setting: None,
        }),
        declares: Declares { queue_depth: u32::try_from(options.queue_depth).ok() },
        records: if options.virtual_time { vec![Recorded::Time] } else { Vec::new() },
        ..Header::default()
    }
}

/// One device set at a time, recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    recorder: Arc<Recorder>,
    names: Arc<Names>,
    /// To be told of the set that this process creates.
    numbers: Option<shared::Numbers>,
    /// Where it goes, as long as the set has not been closed here.
    claim: Option<shared::Claim>,
    /// Whose death is to be recorded, if it has not been yet.
    watched: Arc<Mutex<Option<(SetHistory, Mortal)>>>,
    under_way: Arc<Mutex<UnderWay>>,
}

/// The calls that have not returned.
#[derive(Debug, Default)]
struct UnderWay {
    calls: u32,
    /// The client has closed the set: with the last of them nothing of it is needed.
    closed: bool,
}

/// A call that has not returned, until this is dropped.
struct Entered<'a>(&'a Recording);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut under_way = self.0.under_way();
        under_way.calls -= 1;
        if under_way.calls == 0 && under_way.closed {
            self.0.let_go();
        }
    }
}

impl Recording {
    /// What is called through it goes to this recorder.
    #[must_use]
    pub fn new(recorder: Recorder) -> Self {
        Self {
            recorder: Arc::new(recorder),
            names: Arc::default(),
            numbers: None,
            claim: None,
            watched: Arc::default(),
            under_way: Arc::default(),
        }
    }

    /// What is called through it goes into a trace that other processes write, too; the
    /// set is created through it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(path: &Path, header: &Header) -> io::Result<Self> {
        let numbers = shared::Numbers::default();
        let recorder = shared::begin(path, header, &numbers)?;
        Ok(Self { numbers: Some(numbers), ..Self::new(recorder) })
    }

    /// The file may be given to another set as soon as the primary client has closed this
    /// one.
    #[must_use]
    pub fn until_closed(self, claim: shared::Claim) -> Self {
        Self { claim: Some(claim), ..self }
    }

    fn created(&self, history: SetHistory) {
        if let Some(numbers) = &self.numbers {
            numbers.follow(history.clone());
            self.watch(history, Mortal::Server);
        }
    }

    /// The death of this process of the set is recorded as soon as a call or a completion
    /// comes back aborted: the dead do not record it themselves.
    pub fn watch(&self, history: SetHistory, who: Mortal) {
        *self.watched() = Some((history, who));
    }

    fn watched(&self) -> MutexGuard<'_, Option<(SetHistory, Mortal)>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins.
    fn enter(&self) -> Entered<'_> {
        self.under_way().calls += 1;
        Entered(self)
    }

    /// Keeps nothing of the set's memory, which Close promises to let go. What is called all
    /// the same is recorded without a number.
    fn let_go(&self) {
        *self.watched() = None;
        self.recorder.end_numbers();
    }

    fn notice_death(&self) {
        let mut watched = self.watched();
        let Some((_, who)) = watched.take_if(|(history, who)| history.has_died(*who)) else {
            return;
        };
        let process = match who {
            Mortal::Server => Process::Server,
            Mortal::Primary => Process::Primary,
        };
        self.recorder.record(Event::Exit { seq: None, process, exit: HowEnded::Killed });
    }

    /// The recorder: for events other than calls.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The server's half, as `sset`.
    #[must_use]
    pub fn server(&self, set: vdi_runtime::ServerSet) -> ServerSet {
        ServerSet::new(self.of(Process::Server), set)
    }

    /// The primary client's half, as `cset`.
    #[must_use]
    pub fn client(&self, set: vdi_runtime::ClientSet) -> ClientSet {
        ClientSet::new(self.of(Process::Primary), set)
    }

    /// A secondary client's half; `number` is 1 to 9, and the interface is `x1set` to
    /// `x9set`.
    #[must_use]
    pub fn secondary(&self, number: u8, set: vdi_runtime::ClientSet) -> ClientSet {
        ClientSet::new(self.of(Process::Secondary(number)), set)
    }

    fn of(&self, process: Process) -> Side {
        Side { recording: self.clone(), process }
    }
}

/// One process of a recording.
#[derive(Clone, Debug)]
struct Side {
    recording: Recording,
    process: Process,
}

impl Side {
    fn names(&self) -> &Names {
        &self.recording.names
    }

    fn lane(&self) -> Name<'static> {
        self.recording.recorder.lane(self.process)
    }

    fn record(&self, event: Event<'_>) {
        let aborted = match &event {
            Event::Return { status, .. } => *status == HResult::VD_E_ABORT,
            Event::Callback { completion, .. } => *completion == Win32::ERROR_OPERATION_ABORTED,
            _ => false,
        };
        if aborted && !self.recording.recorder.is_silent() {
            self.recording.notice_death();
        }
        self.recording.recorder.record(event);
    }

    /// A call on a handle, recorded before it is made and when it has returned. It is made
    /// even if it cannot be recorded.
    fn call<T>(
        &self,
        (call, on): (Function, &str),
        (creates, args): (Option<&str>, Args<'_>),
        make: impl FnOnce() -> Result<T, HResult>,
        out: impl FnOnce(&T) -> Out<'static>,
    ) -> Result<T, HResult> {
        let recorder = &self.recording.recorder;
        if recorder.is_silent() {
            return make();
        }
        let _entered = self.recording.enter();
        let lane = recorder.aside(|| {
            let lane = self.lane();
            self.record(Event::Call {
                seq: None,
                lane: lane.clone(),
                call,
                on: Name::from(on),
                creates: creates.map(Name::from),
                args,
            });
            lane
        });
        let result = make();
        self.note_use(call, result.as_ref().err().copied());
        let _ = recorder.aside(|| {
            if call == Function::ExecuteCompletionAgent {
                // The agent returns for it, whatever it says.
                self.recording.notice_death();
            }
            let (status, out) = match &result {
                Ok(given) => (HResult::NOERROR, out(given)),
                Err(status) => (*status, Out::default()),
            };
            if let Some(lane) = lane {
                self.record(Event::Return { seq: None, lane, status, out });
            }
        });
        result
    }

    /// What a call that has failed so, or not, means for whether the set is in use.
    fn note_use(&self, call: Function, failed: Option<HResult>) {
        if let Some(claim) = &self.recording.claim {
            match call {
                Function::Create | Function::CreateEx => claim.note_create(failed.is_none()),
                Function::Close => claim.end(),
                _ => {}
            }
        }
        // Whatever else it answers, a client's Close closes.
        let closes = call == Function::Close && self.process != Process::Server;
        if closes && failed != Some(HResult::VD_E_PROTOCOL) {
            self.recording.under_way().closed = true;
        }
    }
}

/// A call that gives nothing but its status.
fn nothing<T>(_: &T) -> Out<'static> {
    Out::default()
}
