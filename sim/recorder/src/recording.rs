//! A recording of one set: its calls, those that have not returned, who has died.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use vdi_runtime::{Mortal, SetHistory};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Args, Event, Function, Header, HowEnded, Name, Out, Process, Recorder};

use super::names::Names;
use super::shared;
use super::sync::lock;

/// A call, as a trace has it.
#[derive(Clone, Debug)]
pub struct Called<'a> {
    /// What is called.
    pub function: Function,
    /// The handle it is called on.
    pub on: &'a str,
    /// The handle that it makes.
    pub creates: Option<&'a str>,
    /// Its arguments.
    pub args: Args<'a>,
}

impl<'a> Called<'a> {
    /// A call that makes nothing.
    #[must_use]
    pub const fn new(function: Function, on: &'a str, args: Args<'a>) -> Self {
        Self { function, on, creates: None, args }
    }

    /// The same, of what makes this handle.
    #[must_use]
    pub fn creating(self, handle: Option<&'a str>) -> Self {
        Self { creates: handle, ..self }
    }

    /// The event on this lane.
    #[must_use]
    pub fn event(self, lane: Name<'a>) -> Event<'a> {
        Event::Call {
            seq: None,
            lane,
            call: self.function,
            on: Name::from(self.on),
            creates: self.creates.map(Name::from),
            args: self.args,
        }
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
    /// Whose deaths are to be recorded, if they have not been yet.
    watched: Arc<Mutex<Vec<(SetHistory, Mortal)>>>,
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

    pub(super) fn created(&self, history: SetHistory) {
        if let Some(numbers) = &self.numbers {
            numbers.follow(history.clone());
            self.watch(history, Mortal::Server);
        }
    }

    /// The death of this process of the set is recorded as soon as a call or a completion
    /// comes back aborted, before that is: the dead do not record it themselves. Whoever
    /// notices it does so, for what follows from it is recorded by each for itself.
    pub fn watch(&self, history: SetHistory, who: Mortal) {
        let mut watched = self.watched();
        watched.retain(|(_, known)| *known != who);
        watched.push((history, who));
    }

    fn watched(&self) -> MutexGuard<'_, Vec<(SetHistory, Mortal)>> {
        lock(&self.watched)
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        lock(&self.under_way)
    }

    /// A call begins.
    fn enter(&self) -> Entered<'_> {
        self.under_way().calls += 1;
        Entered(self)
    }

    /// Keeps nothing of the set's memory, which Close promises to let go. What is called all
    /// the same is recorded without a number.
    fn let_go(&self) {
        self.watched().clear();
        self.recorder.end_numbers();
    }

    fn notice_death(&self) {
        let mut watched = self.watched();
        for (_, who) in watched.extract_if(.., |(history, who)| history.has_died(*who)) {
            let process = match who {
                Mortal::Server => Process::Server,
                Mortal::Primary => Process::Primary,
            };
            self.recorder.record(Event::Exit { seq: None, process, exit: HowEnded::Killed });
        }
    }

    /// The recorder: for events other than calls.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// One of its processes.
    pub(super) fn of(&self, process: Process) -> Side {
        Side { recording: self.clone(), process }
    }
}

/// One process of a recording.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) recording: Recording,
    pub(super) process: Process,
}

impl Side {
    pub(super) fn names(&self) -> &Names {
        &self.recording.names
    }

    pub(super) fn lane(&self) -> Name<'static> {
        self.recording.recorder.lane(self.process)
    }

    pub(super) fn record(&self, event: Event<'_>) {
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
    pub(super) fn call<T>(
        &self,
        call: Called<'_>,
        make: impl FnOnce() -> Result<T, HResult>,
        out: impl FnOnce(&T) -> Out<'static>,
    ) -> Result<T, HResult> {
        let recorder = &self.recording.recorder;
        if recorder.is_silent() {
            return make();
        }
        let _entered = self.recording.enter();
        let function = call.function;
        let lane = recorder.aside(|| {
            let lane = self.lane();
            self.record(call.event(lane.clone()));
            lane
        });
        let result = make();
        self.note_use(function, result.as_ref().err().copied());
        let _ = recorder.aside(|| {
            if function == Function::ExecuteCompletionAgent {
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
            if matches!(call, Function::Create | Function::CreateEx) {
                claim.note_create(failed.is_none());
            }
            if call == Function::Close {
                claim.end();
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
pub(super) fn nothing<T>(_: &T) -> Out<'static> {
    Out::default()
}
