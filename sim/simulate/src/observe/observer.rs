//! Takes the events of a world: they are judged one by one as they happen, and kept if
//! asked.

use super::events::{CallbackDetail, Observation, TraceWriter};
use super::names::{self, LaneInfo};
use crate::backend::{Actor, Answer, Ask, CalledBack, Send, ServerAsk, Setup};
use vdi_check::{Checker, Judged};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::CommandCode;
use vdi_trace::{Declares, Header, Origin, Process, Recorded, Trace};

/// The trace of a world, kept in little space.
#[derive(Clone, Debug)]
pub struct Log {
    writer: TraceWriter,
    seen: Vec<Observation>,
}

impl Log {
    /// Written out.
    #[must_use]
    pub fn to_trace(&self) -> Trace {
        let mut trace = Trace::new(self.writer.header.clone());
        for seen in &self.seen {
            trace.push(self.writer.event(seen));
        }
        trace
    }

    /// How many events it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// Takes the events of a world.
#[derive(Debug)]
pub(crate) struct Observer {
    checker: Option<Checker>,
    log: Option<Vec<Observation>>,
    writer: TraceWriter,
    line: usize,
    /// Commands under way that give a position.
    placing: Vec<u32>,
    /// Why nothing more is judged: the verdict is reached, or an event cannot be.
    over: bool,
    error: Option<String>,
}

/// The first line of the trace of a world.
pub(crate) fn header(backend: &str, setting: String, queue_depth: u32, sets: usize) -> Header {
    let mut header = Header {
        source: Some(Origin { name: backend.to_owned(), version: None, setting: Some(setting) }),
        declares: Declares { queue_depth: Some(queue_depth) },
        records: vec![Recorded::Data, Recorded::Time],
        ..Header::default()
    };
    for run in 1..names::RUNS {
        let server = names::interface(Process::Server, 0, run).as_str().to_owned();
        header.interfaces.insert(server, Process::Server);
    }
    for set in 1..sets {
        let client = names::interface(Process::Primary, set, 0).as_str().to_owned();
        header.interfaces.insert(client, Process::Primary);
    }
    header
}

impl Observer {
    pub(crate) fn new(
        header: Header,
        lanes: Vec<LaneInfo>,
        judge: Option<&Profile>,
        keep: bool,
    ) -> Self {
        Self {
            checker: judge.map(|profile| Checker::new(&header, profile.clone())),
            log: keep.then(Vec::new),
            writer: TraceWriter { header, lanes, setups: Vec::new() },
            line: 1,
            placing: Vec::new(),
            over: false,
            error: None,
        }
    }

    /// Whether nothing that follows can change the verdict.
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// The line of the last event.
    pub(crate) const fn line(&self) -> usize {
        self.line
    }

    /// What was judged, the trace, and why an event could not be judged.
    pub(crate) fn finish(self) -> (Option<Judged>, Option<Log>, Option<String>) {
        let Self { checker, log, writer, error, .. } = self;
        (checker.map(Checker::finish), log.map(|seen| Log { writer, seen }), error)
    }

    /// A new life of a set is about to begin.
    pub(crate) fn begins(&mut self, setup: &Setup) {
        self.writer.setups.push(setup.clone());
    }

    /// Something was seen.
    pub(crate) fn note(&mut self, seen: Observation) {
        self.line += 1;
        if let Some(checker) = self.checker.as_mut().filter(|_| !self.over) {
            let event = self.writer.event(&seen);
            match checker.event(self.line, &event) {
                Ok(goes_on) => self.over = !goes_on,
                Err(error) => {
                    self.over = true;
                    self.error = Some(format!("line {}: {event}: {error}", self.line));
                }
            }
        }
        if let Some(log) = &mut self.log {
            log.push(seen);
        }
    }

    const fn looks(&self) -> bool {
        self.checker.is_some() || self.log.is_some()
    }

    #[inline]
    pub(crate) fn call(&mut self, by: Actor, ask: &Ask, again: bool) {
        if self.looks() {
            if let Ask::Server(ServerAsk::SendCommand(Send { command, code, .. })) = ask
                && matches!(code, CommandCode::GetPosition | CommandCode::SetPosition)
            {
                self.placing.push(*command);
            }
            self.note(Observation::Call { lane: by.lane, run: by.run, ask: *ask, again });
        }
    }

    #[inline]
    pub(crate) fn returned(&mut self, by: Actor, answer: Answer) {
        if self.looks() {
            self.note(Observation::Returned { lane: by.lane, run: by.run, answer });
        }
    }

    #[inline]
    pub(crate) fn called_back(&mut self, lane: u8, back: &CalledBack, held: bool) {
        if self.looks() {
            let place = self.placing.iter().position(|command| *command == back.command);
            if let Some(place) = place {
                self.placing.swap_remove(place);
            }
            let told = CallbackDetail { position: place.is_some(), held };
            self.note(Observation::CalledBack { lane, back: *back, told });
        }
    }

    #[inline]
    pub(crate) fn used(&mut self, lane: u8, buffer: u32, writes: bool, found: bool) {
        if self.looks() {
            self.note(Observation::Used { lane, buffer, writes, found });
        }
    }
}
