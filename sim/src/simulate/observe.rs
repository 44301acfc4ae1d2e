//! What is seen of a world: events, judged one by one as they happen, and kept if asked.

use super::engine::{Answer, Ask, By, CalledBack, Send, Setup, Wait};
use super::names;
use super::schedule::{Lanes, each};
use crate::check::{Checker, Judged};
use crate::clauses::Profile;
use crate::codes::Win32;
use crate::trace::{
    Args, CodeArg, Declares, Event, Found, Handle, Header, HowEnded, Name, Origin, Out, Presence,
    Process, Recorded, Reported, Size, Statement, TimeoutArg, Trace,
};

/// A lane as its events need it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) process: Process,
    pub(super) set: u8,
    pub(super) run: u8,
}

/// Something that was seen, in little space: a trace of these is written out when it is
/// asked for.
#[derive(Clone, Debug)]
enum Seen {
    /// `again`: it opens a device that is open, and so makes nothing.
    Call {
        lane: u8,
        run: u8,
        ask: Ask,
        again: bool,
    },
    Returned {
        lane: u8,
        answer: Answer,
    },
    CalledBack {
        lane: u8,
        back: CalledBack,
    },
    Used {
        lane: u8,
        buffer: u32,
        writes: bool,
        found: bool,
    },
    Scribbled {
        lane: u8,
        command: u32,
    },
    Statement {
        lane: u8,
        what: Statement,
        devices: Option<u32>,
    },
    Reported {
        lane: u8,
        what: Reported,
    },
    Expired {
        lane: u8,
    },
    Rests {
        lanes: Lanes,
    },
    Exited {
        process: Process,
        how: HowEnded,
    },
    Unloaded {
        process: Process,
    },
}

/// What the events of a world are written out with.
#[derive(Clone, Debug)]
struct Stage {
    header: Header,
    places: Vec<Place>,
    /// By the life of a set.
    setups: Vec<Setup>,
}

/// The trace of a world, kept in little space.
#[derive(Clone, Debug)]
pub struct Log {
    stage: Stage,
    seen: Vec<Seen>,
}

impl Log {
    /// Written out.
    #[must_use]
    pub fn to_trace(&self) -> Trace {
        let mut trace = Trace::new(self.stage.header.clone());
        for seen in &self.seen {
            trace.push(self.stage.event(seen));
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
pub(super) struct Observer {
    checker: Option<Checker>,
    log: Option<Vec<Seen>>,
    stage: Stage,
    line: usize,
    /// Why nothing more is judged: the verdict is reached, or an event cannot be.
    over: bool,
    error: Option<String>,
}

/// The first line of the trace of a world.
pub(super) fn header(engine: &str, setting: String, queue_depth: u32, sets: usize) -> Header {
    let mut header = Header {
        source: Some(Origin { name: engine.to_owned(), version: None, setting: Some(setting) }),
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
    pub(super) fn new(
        header: Header,
        places: Vec<Place>,
        judge: Option<&Profile>,
        keep: bool,
    ) -> Self {
        Self {
            checker: judge.map(|profile| Checker::new(&header, profile.clone())),
            log: keep.then(Vec::new),
            stage: Stage { header, places, setups: Vec::new() },
            line: 1,
            over: false,
            error: None,
        }
    }

    /// Whether nothing that follows can change the verdict.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// What was judged, the trace, and why an event could not be judged.
    pub(super) fn finish(self) -> (Option<Judged>, Option<Log>, Option<String>) {
        let Self { checker, log, stage, error, .. } = self;
        (checker.map(Checker::finish), log.map(|seen| Log { stage, seen }), error)
    }

    /// A new life of a set is about to begin.
    pub(super) fn begins(&mut self, setup: &Setup) {
        self.stage.setups.push(setup.clone());
    }

    fn note(&mut self, seen: Seen) {
        self.line += 1;
        if let Some(checker) = self.checker.as_mut().filter(|_| !self.over) {
            let event = self.stage.event(&seen);
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
    pub(super) fn call(&mut self, by: By, ask: &Ask, again: bool) {
        if self.looks() {
            self.note(Seen::Call { lane: by.lane, run: by.run, ask: *ask, again });
        }
    }

    #[inline]
    pub(super) fn returned(&mut self, lane: u8, answer: Answer) {
        if self.looks() {
            self.note(Seen::Returned { lane, answer });
        }
    }

    #[inline]
    pub(super) fn called_back(&mut self, lane: u8, back: &CalledBack) {
        if self.looks() {
            self.note(Seen::CalledBack { lane, back: *back });
        }
    }

    #[inline]
    pub(super) fn used(&mut self, lane: u8, buffer: u32, writes: bool, found: bool) {
        if self.looks() {
            self.note(Seen::Used { lane, buffer, writes, found });
        }
    }

    pub(super) fn scribbled(&mut self, lane: u8, command: u32) {
        self.note(Seen::Scribbled { lane, command });
    }

    pub(super) fn statement(&mut self, lane: u8, what: Statement, devices: Option<u32>) {
        self.note(Seen::Statement { lane, what, devices });
    }

    pub(super) fn reported(&mut self, lane: u8, what: Reported) {
        self.note(Seen::Reported { lane, what });
    }

    pub(super) fn expired(&mut self, lane: u8) {
        self.note(Seen::Expired { lane });
    }

    pub(super) fn rests(&mut self, lanes: Lanes) {
        self.note(Seen::Rests { lanes });
    }

    pub(super) fn exited(&mut self, process: Process, how: HowEnded) {
        self.note(Seen::Exited { process, how });
    }

    pub(super) fn unloaded(&mut self, process: Process) {
        self.note(Seen::Unloaded { process });
    }
}

impl Stage {
    fn name(&self, lane: u8) -> Name<'static> {
        self.places[usize::from(lane)].name.into()
    }

    /// Writes out what was seen.
    fn event(&self, seen: &Seen) -> Event<'static> {
        let seq = None;
        match seen {
            Seen::Call { lane, run, ask, again } => self.call((*lane, *run), ask, *again),
            Seen::Returned { lane, answer } => {
                let (lane, status) = (self.name(*lane), answer.status);
                Event::Return { seq, lane, status, out: results(answer) }
            }
            Seen::CalledBack { lane, back } => Event::Callback {
                seq,
                lane: self.name(*lane),
                callback: names::command(back.command),
                completion: back.code,
                bytes: back.bytes,
                position: None,
                held: false,
            },
            Seen::Used { lane, buffer, writes, found } => {
                let (lane, buffer) = (self.name(*lane), names::buffer(*buffer));
                let found = if *found { Found::Alive } else { Found::Gone };
                match (writes, found) {
                    (true, Found::Alive) => Event::Wrote { seq, lane, wrote: buffer },
                    _ => Event::Touch { seq, lane, touch: buffer, found },
                }
            }
            Seen::Scribbled { lane, command } => {
                Event::Wrote { seq, lane: self.name(*lane), wrote: names::command(*command) }
            }
            Seen::Statement { lane, what, devices } => {
                let lane = self.name(*lane);
                Event::Statement { seq, lane, statement: *what, devices: *devices }
            }
            Seen::Reported { lane, what } => {
                Event::Report { seq, lane: self.name(*lane), report: *what }
            }
            Seen::Expired { lane } => {
                Event::Expired { seq, expired: self.name(*lane), after: None }
            }
            Seen::Rests { lanes } => {
                let blocked = each(*lanes).map(|lane| self.name(lane as u8)).collect();
                Event::Blocked { seq, blocked }
            }
            Seen::Exited { process, how } => Event::Exit { seq, process: *process, exit: *how },
            Seen::Unloaded { process } => {
                Event::Unload { seq, process: *process, unload: Presence::Idle }
            }
        }
    }

    fn call(&self, (lane, run): (u8, u8), ask: &Ask, again: bool) -> Event<'static> {
        let place = Place { run, ..self.places[usize::from(lane)] };
        let (on, creates) = match *ask {
            Ask::SendCommand(Send { device, command, .. }) => {
                (device_handle(&place, device), Some(names::command(command)))
            }
            Ask::GetCommand { device, .. } | Ask::CloseDevice { device } => {
                (device_handle(&place, device), None)
            }
            Ask::CompleteCommand(done) => (device_handle(&place, done.device), None),
            Ask::OpenDevice { device } => {
                let made = names::device(place.process, run.into(), device);
                (set_handle(&place), Some(made).filter(|_| !again))
            }
            Ask::AllocateBuffer { buffer, .. } => (set_handle(&place), Some(names::buffer(buffer))),
            _ => (set_handle(&place), None),
        };
        let args = arguments(&place, ask, &self.setups[usize::from(run)]);
        Event::Call { seq: None, lane: place.name.into(), call: ask.function(), on, creates, args }
    }
}

fn results(answer: &Answer) -> Out<'static> {
    let mut out = Out::default();
    if let Some(delivered) = answer.delivered {
        let moves = delivered.code.info().moves_data;
        out.command = Some(names::command(delivered.command));
        out.code = Some(delivered.code);
        out.size = moves.then_some(Size(delivered.size));
        out.buffer = delivered.buffer.map(names::buffer);
    }
    out.config = answer.config.clone();
    out.address = answer.address;
    out
}

fn set_handle(place: &Place) -> Name<'static> {
    names::interface(place.process, place.set.into(), place.run.into())
}

fn device_handle(place: &Place, device: u8) -> Name<'static> {
    names::device(place.process, place.run.into(), device)
}

fn arguments(place: &Place, ask: &Ask, setup: &Setup) -> Args<'static> {
    let mut args = Args::default();
    let timeout = |wait| match wait {
        Wait::Infinite => TimeoutArg::Infinite,
        Wait::Milliseconds(most) => TimeoutArg::Milliseconds(most),
    };
    match *ask {
        Ask::Open | Ask::OpenInSecondaryEx => args.name = Some(setup.name.into()),
        Ask::CreateEx => {
            args.name = Some(setup.name.into());
            args.config = Some(Box::new(setup.config));
        }
        Ask::BeginConfiguration => {
            let server = &setup.server;
            args.features = Some(server.features);
            args.alignment = Some(server.alignment);
            args.block_size = Some(server.block_size);
            args.max_transfer_size = Some(server.max_transfer_size);
        }
        Ask::RequestBuffers { size, count } => {
            (args.size, args.count) = (Some(Size(size.into())), Some(count));
        }
        Ask::OpenDevice { device } => {
            args.name = Some(names::device_name(place.run.into(), device).into());
        }
        Ask::AllocateBuffer { size, .. } => args.size = Some(Size(size.into())),
        Ask::FreeBuffer { buffer } => args.buffer = Some(Handle::Name(names::buffer(buffer))),
        Ask::SendCommand(sent) => {
            args.code = Some(CodeArg::Command(sent.code));
            args.size = sent.size.map(|size| Size(size.into()));
            args.position = sent.position;
            args.buffer = sent.buffer.map(|buffer| Handle::Name(names::buffer(buffer)));
        }
        Ask::GetConfiguration { wait } | Ask::GetCommand { wait, .. } => {
            args.timeout = Some(timeout(wait));
        }
        Ask::CompleteCommand(done) => {
            args.command = Some(Handle::Name(names::command(done.command)));
            args.code = Some(CodeArg::Completion(done.code));
            args.bytes =
                (done.bytes > 0 || done.code != Win32::ERROR_SUCCESS).then_some(done.bytes);
            args.position = done.position;
        }
        _ => {}
    }
    args
}
