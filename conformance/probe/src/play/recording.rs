//! The client's calls, recorded as they are made: a half of a history.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vdi_recorder::{Called, elapsed};
use vdi_spec::codes::HResult;
use vdi_trace::{Args, Event, Function, HowEnded, Name, Out, Process, Recorder, Statement};

use crate::plan::{OBSERVED, Observed, Plan};

/// Where one process records its calls. Several append to the same trace.
#[derive(Debug)]
pub(super) struct Recording {
    recorder: Recorder,
    pub(super) process: Process,
    observed: Mutex<File>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recording {
    pub(super) fn new(plan: &Plan) -> io::Result<Self> {
        let appending = |path| File::options().append(true).create(true).open(path);
        let process = match plan.secondary {
            0 => Process::Primary,
            number => Process::Secondary(number),
        };
        let recorder = Recorder::joining(appending(plan.trace())?).timed(elapsed);
        Ok(Self { recorder, process, observed: Mutex::new(appending(plan.folder.join(OBSERVED))?) })
    }

    /// A call: recorded before it is made, and when it has returned.
    pub(super) fn call<T>(
        &self,
        called: Called<'_>,
        make: impl FnOnce() -> (HResult, T),
        out: impl FnOnce(&T) -> Out<'static>,
    ) -> (HResult, T) {
        let lane = self.recorder.lane(self.process);
        self.recorder.record(called.event(lane.clone()));
        let (status, made) = make();
        let out = if status == HResult::NOERROR { out(&made) } else { Out::default() };
        self.recorder.record(Event::Return { seq: None, lane, status, out });
        (status, made)
    }

    /// A call that gives nothing but its status.
    pub(super) fn plain(
        &self,
        function: Function,
        on: &str,
        args: Args<'_>,
        make: impl FnOnce() -> HResult,
    ) -> HResult {
        let nothing = |(): &()| Out::default();
        self.call(Called::new(function, on, args), || (make(), ()), nothing).0
    }

    /// The client learns something of its statement.
    pub(super) fn statement(&self, statement: Statement, devices: Option<u32>) {
        let (lane, on) = (self.recorder.lane(self.process), Some(Name::from("cset")));
        self.recorder.record(Event::Statement { seq: None, lane, on, statement, devices });
    }

    /// The process is about to be killed, or to end.
    pub(super) fn ends(&self, exit: HowEnded) {
        self.recorder.record(Event::Exit { seq: None, process: self.process, exit });
    }

    /// What no trace tells, and breaks a clause.
    pub(super) fn observe(&self, observed: &Observed) {
        let line = serde_json::to_string(observed).unwrap_or_default() + "\n";
        // Whoever cannot write this has not written the trace, either, which is told.
        let _ = locked(&self.observed).write_all(line.as_bytes());
    }

    /// Whether all was written.
    pub(super) fn finish(&self) -> io::Result<u64> {
        self.recorder.finish()
    }
}
