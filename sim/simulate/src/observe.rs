//! What is seen of a world: events, judged one by one as they happen, and kept if asked.

use super::engine::{Answer, Ask, By, CalledBack, Gives, Send, Setup, Thing, Wait};
use super::names;
use super::odd::{CreateFlaw, Odd};
use super::schedule::{Lanes, each};
use vdi_check::{Checker, Judged};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_spec::config::ServerConfig;
use vdi_trace::{
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
        run: u8,
        answer: Answer,
    },
    CalledBack {
        lane: u8,
        back: CalledBack,
        told: Told,
    },
    Ended {
        lane: u8,
        command: u32,
    },
    Touched {
        by: By,
        thing: Thing,
        found: bool,
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

/// What is told of a callback beyond its result.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// The position matters.
    position: bool,
    /// The routine takes its time.
    held: bool,
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
    /// Commands under way that give a position.
    placing: Vec<u32>,
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
            placing: Vec::new(),
            over: false,
            error: None,
        }
    }

    /// Whether nothing that follows can change the verdict.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// The line of the last event.
    pub(super) const fn line(&self) -> usize {
        self.line
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
            if let Ask::SendCommand(Send { command, code, .. }) = ask
                && matches!(code, CommandCode::GetPosition | CommandCode::SetPosition)
            {
                self.placing.push(*command);
            }
            self.note(Seen::Call { lane: by.lane, run: by.run, ask: *ask, again });
        }
    }

    #[inline]
    pub(super) fn returned(&mut self, by: By, answer: Answer) {
        if self.looks() {
            self.note(Seen::Returned { lane: by.lane, run: by.run, answer });
        }
    }

    #[inline]
    pub(super) fn called_back(&mut self, lane: u8, back: &CalledBack, held: bool) {
        if self.looks() {
            let place = self.placing.iter().position(|command| *command == back.command);
            if let Some(place) = place {
                self.placing.swap_remove(place);
            }
            let told = Told { position: place.is_some(), held };
            self.note(Seen::CalledBack { lane, back: *back, told });
        }
    }

    /// The completion routine of a command that was held returns.
    pub(super) fn ended(&mut self, lane: u8, command: u32) {
        self.note(Seen::Ended { lane, command });
    }

    pub(super) fn touched(&mut self, by: By, thing: Thing, found: bool) {
        self.note(Seen::Touched { by, thing, found });
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
            Seen::Returned { lane, run, answer } => {
                let features = self.setups[usize::from(*run)].config.features;
                let (lane, status) = (self.name(*lane), answer.status);
                let addressed = features.contains(Features::RANDOM_ACCESS);
                Event::Return { seq, lane, status, out: results(answer, addressed) }
            }
            Seen::CalledBack { lane, back, told } => Event::Callback {
                seq,
                lane: self.name(*lane),
                callback: names::command(back.command),
                completion: back.code,
                bytes: back.bytes,
                position: told.position.then_some(back.position),
                held: told.held,
            },
            Seen::Ended { lane, command } => {
                Event::Ended { seq, lane: self.name(*lane), ended: names::command(*command) }
            }
            Seen::Touched { by, thing, found } => {
                let (lane, found) = (self.name(by.lane), found_as(*found));
                let touch = match *thing {
                    Thing::Device(device) => names::device(by.process, by.run.into(), device),
                    Thing::Buffer(buffer) => names::buffer(buffer),
                };
                Event::Touch { seq, lane, touch, found }
            }
            Seen::Used { lane, buffer, writes, found } => {
                let (lane, buffer) = (self.name(*lane), names::buffer(*buffer));
                let found = found_as(*found);
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
            Ask::AllocateBuffer { buffer, .. } | Ask::Odd(Odd::AllocateAligned { buffer, .. }) => {
                (set_handle(&place), Some(names::buffer(buffer)))
            }
            Ask::Odd(Odd::GetBufferHandle { handle, .. }) => {
                (set_handle(&place), Some(names::handle(handle)))
            }
            _ => (set_handle(&place), None),
        };
        let args = arguments(ask, &self.setups[usize::from(run)]);
        Event::Call { seq: None, lane: place.name.into(), call: ask.function(), on, creates, args }
    }
}

const fn found_as(alive: bool) -> Found {
    if alive { Found::Alive } else { Found::Gone }
}

fn results(answer: &Answer, addressed: bool) -> Out<'static> {
    let mut out = Out::default();
    if let Some(delivered) = answer.delivered {
        let moves = delivered.code.info().moves_data;
        out.command = Some(names::command(delivered.command));
        out.code = Some(delivered.code);
        out.size = moves.then_some(Size(delivered.size));
        let places = delivered.code == CommandCode::SetPosition || moves && addressed;
        out.position = places.then_some(delivered.position);
        out.buffer = delivered.buffer.map(names::buffer);
    }
    out.config = answer.config.clone();
    out.address = answer.address;
    match answer.gives {
        Some(Gives::Shared(shared)) => out.shared = Some(shared),
        Some(Gives::Count(count)) => out.count = Some(count),
        Some(Gives::Mapped(buffer)) => out.buffer = buffer.map(names::buffer),
        None => {}
    }
    out
}

fn set_handle(place: &Place) -> Name<'static> {
    names::interface(place.process, place.set.into(), place.run.into())
}

fn device_handle(place: &Place, device: u8) -> Name<'static> {
    names::device(place.process, place.run.into(), device)
}

fn arguments(ask: &Ask, setup: &Setup) -> Args<'static> {
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
        Ask::BeginConfiguration => configures(&mut args, &setup.server),
        Ask::RequestBuffers { size, count } => {
            (args.size, args.count) = (Some(Size(size.into())), Some(count));
        }
        Ask::OpenDevice { device } => {
            args.name = Some(setup.device_names[usize::from(device)].into());
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
        Ask::Odd(ref odd) => odd_arguments(&mut args, odd, setup),
        _ => {}
    }
    args
}

const fn configures(args: &mut Args<'static>, server: &ServerConfig) {
    args.features = Some(server.features);
    args.alignment = Some(server.alignment);
    args.block_size = Some(server.block_size);
    args.max_transfer_size = Some(server.max_transfer_size);
}

fn odd_arguments(args: &mut Args<'static>, odd: &Odd, setup: &Setup) {
    let or_null = |name: Option<Name<'static>>| Some(name.map_or(Handle::Null, Handle::Name));
    match *odd {
        Odd::Open(how) | Odd::OpenInSecondary(how) => args.name = Some(how.of(setup.name).into()),
        Odd::Create(flaw) => {
            args.name = Some(CreateFlaw::NAME.into());
            args.config = Some(Box::new(flaw.config()));
        }
        Odd::Begin(flaw) => configures(args, &flaw.config(&setup.server)),
        Odd::OpenDevice { device } => {
            args.name = Some(setup.device_names[usize::from(device)].into());
        }
        Odd::QueryAvailableBuffers { size } => args.size = Some(Size(size.into())),
        Odd::AllocateAligned { size, alignment, .. } => {
            args.size = Some(Size(size.into()));
            args.alignment = Some(alignment);
        }
        Odd::FreeNull => args.buffer = Some(Handle::Null),
        Odd::IsSharedBuffer { buffer } | Odd::GetBufferHandle { buffer, .. } => {
            args.buffer = or_null(buffer.map(names::buffer));
        }
        Odd::MapBufferHandle { handle } => args.handle = or_null(handle.map(names::handle)),
    }
}
