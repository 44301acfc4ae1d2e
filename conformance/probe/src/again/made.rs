//! What the clients of a recording did, one call after the other.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::{LARGEST_TRANSFER, VdConfig};
use vdi_trace::{
    Args, Event, Function, Handle, HowEnded, Out, Process, Statement, TimeoutArg, Trace,
};

use super::not_again::NotAgain;
use super::plain::Media;
use crate::scenario::Reach;
use crate::steps::{Asked, Naming, Step, Verb};

/// A client: its process, and which of several lives of that process.
pub(super) type Who = (Process, u32);

/// The end of what did not come to its end.
pub(super) const NEVER: usize = usize::MAX;

/// Something that a client did. Moments are even where the recording tells them, and odd
/// between two of its lines.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) who: Who,
    pub(super) lane: String,
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) line: usize,
    pub(super) act: Act,
    pub(super) status: Option<HResult>,
    pub(super) config: Option<Box<VdConfig>>,
    /// Of the end of a statement: whether it succeeded.
    pub(super) succeeded: bool,
}

/// What it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// GetConfiguration.
    Configuration(TimeoutArg),
    /// GetCommand of a device.
    Command(u8, TimeoutArg),
    /// CompleteCommand of a command that was held.
    Answer(Answer),
    /// What is a step as it is.
    Step(Step),
}

/// How a command was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) device: u8,
    /// How many were held that had come before.
    pub(super) place: u32,
    pub(super) kind: Option<CommandCode>,
    pub(super) code: Win32,
    pub(super) bytes: u32,
    /// Whether the command was carried out.
    pub(super) plain: bool,
}

#[derive(Clone, Debug)]
struct Held {
    name: String,
    kind: Option<CommandCode>,
    size: i64,
    buffer: Option<String>,
}

/// What is known of things by their names.
#[derive(Debug, Default)]
struct Known {
    set: Option<String>,
    /// The name of the set that was asked for last.
    asked: Option<String>,
    /// Names of devices that were opened at any time.
    opened: BTreeSet<String>,
    numbers: BTreeMap<String, u8>,
    devices: BTreeMap<String, u8>,
    held: BTreeMap<u8, Vec<Held>>,
    completed: BTreeMap<u8, String>,
    handle: Option<String>,
    media: Media,
}

/// The statement of the present life of the set.
#[derive(Debug, Default)]
struct Present {
    /// Where it was handed over.
    issued: Option<usize>,
    /// It has not ended.
    runs: bool,
    /// A configuration came of it.
    configured: bool,
    /// Something gave it a reason to end.
    disturbed: bool,
    /// When the set was created, and for how many devices.
    created: Option<(usize, u8)>,
}

/// Reads a recording.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) made: Vec<Made>,
    /// What cannot be made again: the line, and why.
    pub(super) left_out: Vec<(usize, String)>,
    open: BTreeMap<String, (usize, Option<String>)>,
    lives: BTreeMap<Process, u32>,
    known: Known,
    present: Present,
}

impl Reading {
    pub(super) fn of(trace: &Trace) -> Result<Self, NotAgain> {
        let known = Known { opened: opened(trace), ..Known::default() };
        let mut reading = Self {
            made: Vec::new(),
            left_out: Vec::new(),
            open: BTreeMap::new(),
            lives: BTreeMap::new(),
            known,
            present: Present::default(),
        };
        for (index, (line, event)) in trace.lines().enumerate() {
            reading.event(event, 2 * (index + 1), line)?;
        }
        reading.end(2 * (trace.events.len() + 1));
        reading.made.sort_by_key(|made| made.begin);
        Ok(reading)
    }

    fn event(&mut self, event: &Event<'_>, at: usize, line: usize) -> Result<(), NotAgain> {
        let of = |lane: &str| {
            let (process, thread) = lane.split_once('.')?;
            let process: Process = process.parse().ok()?;
            (process != Process::Server).then(|| (process, thread.to_owned()))
        };
        match event {
            Event::Call { lane, call, on, creates, args, .. } => {
                if let Some((process, thread)) = of(lane.as_str()) {
                    let act = self.call(process, *call, on.as_str(), args);
                    let made = act.map(|act| self.begin(process, &thread, at, line, act));
                    let creates = creates.as_ref().map(|name| name.as_str().to_owned());
                    match made {
                        Ok(made) => drop(self.open.insert(lane.as_str().into(), (made, creates))),
                        Err(why) => self.left_out.push((line, format!("{call} on {on}: {why}"))),
                    }
                }
            }
            Event::Return { lane, status, out, .. } => {
                if let Some((made, creates)) = self.open.remove(lane.as_str()) {
                    self.returned(made, creates, at, *status, out);
                }
            }
            Event::Statement { lane, statement, devices, .. } => {
                if let Some((process, thread)) = of(lane.as_str()) {
                    self.statement(process, &thread, (at, line), *statement, *devices)?;
                }
            }
            Event::Exit { process, exit, .. } if *process != Process::Server => {
                if *exit == HowEnded::Killed {
                    let made = self.begin(*process, "end", at, line, Act::Step(Step::Die));
                    self.made[made].end = NEVER;
                }
                *self.lives.entry(*process).or_default() += 1;
            }
            Event::Exit { .. }
            | Event::Callback { .. }
            | Event::Ended { .. }
            | Event::Touch { .. }
            | Event::Wrote { .. }
            | Event::Expired { .. }
            | Event::Report { .. }
            | Event::Blocked { .. }
            | Event::Unload { .. } => {}
        }
        Ok(())
    }

    /// A statement of which no end is told ends when its set was closed.
    fn end(&mut self, at: usize) {
        let of_set = |made: &&Made| {
            let step = matches!(made.act, Act::Step(Step::Create(_) | Step::Close));
            step && made.who.0 == Process::Primary && made.status == Some(HResult::NOERROR)
        };
        let last = self.made.iter().filter(of_set).max_by_key(|made| made.begin);
        if self.present.runs && last.is_some_and(|made| made.act == Act::Step(Step::Close)) {
            self.insert(at, Step::Await);
        }
    }

    fn begin(&mut self, of: Process, lane: &str, at: usize, line: usize, act: Act) -> usize {
        let life = self.lives.get(&of).copied().unwrap_or_default();
        self.made.push(Made {
            who: (of, life),
            lane: lane.to_owned(),
            begin: at,
            end: NEVER,
            line,
            act,
            status: None,
            config: None,
            succeeded: false,
        });
        self.made.len() - 1
    }

    /// Something that the recording does not tell, and that takes no time.
    fn insert(&mut self, at: usize, act: Step) -> usize {
        let made = self.begin(Process::Primary, "statement", at, 0, Act::Step(act));
        self.made[made].end = at;
        made
    }

    /// What a call is, or why it cannot be made again.
    fn call(
        &mut self,
        process: Process,
        call: Function,
        on: &str,
        args: &Args<'_>,
    ) -> Result<Act, String> {
        let own = on == process.set_interface();
        let name = args.name.as_ref().map(|name| name.as_str().to_owned());
        let timeout = args.timeout.unwrap_or(TimeoutArg::Milliseconds(0));
        let creates = matches!(call, Function::Create | Function::CreateEx);
        let of_device = matches!(call, Function::GetCommand | Function::CompleteCommand);
        let again = creates && name == self.known.set;
        if !own && !of_device && !again {
            return Err("it is another interface of the process".to_owned());
        }
        match call {
            Function::Create | Function::CreateEx => {
                let config = args.config.as_deref().copied().unwrap_or_default();
                if !own {
                    return Ok(Act::Step(Step::CreateAgain(config)));
                }
                self.known.asked = name;
                Ok(Act::Step(Step::Create(config)))
            }
            Function::GetCommand => self.device(on).map(|device| Act::Command(device, timeout)),
            Function::CompleteCommand => self.completion(on, args),
            Function::GetConfiguration => Ok(Act::Configuration(timeout)),
            Function::OpenDevice => {
                let (number, naming) = self.known.number(&name.unwrap_or_default())?;
                Ok(Act::Step(Step::OpenDevice(number, naming)))
            }
            Function::SignalAbort | Function::Close => {
                self.present.disturbed = true;
                let abort = call == Function::SignalAbort;
                Ok(Act::Step(if abort { Step::SignalAbort } else { Step::Close }))
            }
            Function::OpenInSecondary | Function::OpenInSecondaryEx => {
                let naming = if name == self.known.set { Naming::Own } else { Naming::Unknown };
                Ok(Act::Step(Step::OpenInSecondary(naming)))
            }
            Function::GetBufferHandle => self.buffer_handle(args).map(Act::Step),
            Function::MapBufferHandle => match handle(args.handle.as_ref()) {
                None => Ok(Act::Step(Step::StrayHandle)),
                given if given == self.known.handle => Ok(Act::Step(Step::MapHandle)),
                Some(_) => Err("it is not the handle that was given last".to_owned()),
            },
            Function::Open
            | Function::BeginConfiguration
            | Function::RequestBuffers
            | Function::EndConfiguration
            | Function::QueryAvailableBuffers
            | Function::AllocateBuffer
            | Function::FreeBuffer
            | Function::ExecuteCompletionAgent
            | Function::SendCommand
            | Function::CloseDevice
            | Function::IsSharedBuffer => Err("it is no call of a client's".to_owned()),
        }
    }

    fn device(&self, on: &str) -> Result<u8, String> {
        self.known.devices.get(on).copied().ok_or_else(|| "it is no device that is open".to_owned())
    }

    /// A set is created.
    fn created(&mut self, made: usize, devices: u32) {
        let Known { asked, opened, media, .. } = std::mem::take(&mut self.known);
        let media = media.of_next_life();
        self.known = Known { set: asked, opened, media, ..Known::default() };
        let Made { begin, end, .. } = self.made[made];
        let created = Some((end, u8::try_from(devices).unwrap_or(u8::MAX)));
        let before =
            std::mem::replace(&mut self.present, Present { created, ..Present::default() });
        if before.runs && (before.configured || before.disturbed) {
            // It is not told, but has ended.
            self.insert(begin - 1, Step::Await);
        } else if before.runs {
            self.present.issued = before.issued;
            self.present.runs = true;
        }
    }

    fn completion(&mut self, on: &str, args: &Args<'_>) -> Result<Act, String> {
        let device = self.device(on)?;
        let Some(command) = handle(args.command.as_ref()) else {
            return Ok(Act::Step(Step::CompleteNothing(device)));
        };
        let place = |held: &Vec<Held>| held.iter().position(|one| one.name == command);
        let code = args.code.and_then(vdi_trace::CodeArg::completion).unwrap_or(Win32(0));
        let bytes = args.bytes.unwrap_or_default();
        if let Some(place) = self.known.held.get(&device).and_then(place) {
            let Held { kind, size, .. } = self.known.held.entry(device).or_default().remove(place);
            self.known.completed.insert(device, command);
            let plain = self.known.media.is_plain(device, kind, (size, code, bytes));
            self.present.disturbed |= !plain;
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            return Ok(Act::Answer(Answer { device, place, kind, code, bytes, plain }));
        }
        if self.known.completed.get(&device) == Some(&command) {
            return Ok(Act::Step(Step::CompleteAgain(device)));
        }
        let other = self.known.held.iter().find(|(_, held)| place(held) == Some(0));
        match other {
            Some((other, _)) => Ok(Act::Step(Step::CompleteElsewhere(*other, device))),
            None => Err("it is neither a command that is held nor the last".to_owned()),
        }
    }

    fn buffer_handle(&self, args: &Args<'_>) -> Result<Step, String> {
        let Some(buffer) = handle(args.buffer.as_ref()) else { return Ok(Step::StrayBuffer) };
        let oldest = |held: &Vec<Held>| held.first().and_then(|one| one.buffer.clone());
        let mut held = self.known.held.iter();
        let found = held.find(|(_, held)| oldest(held).as_ref() == Some(&buffer));
        let none = || "it is not the buffer of the oldest command that is held".to_owned();
        found.map(|(device, _)| Step::BufferHandle(*device)).ok_or_else(none)
    }

    fn returned(
        &mut self,
        made: usize,
        creates: Option<String>,
        at: usize,
        status: HResult,
        out: &Out<'_>,
    ) {
        self.made[made].status = Some(status);
        self.made[made].end = at;
        if matches!(status, HResult::VD_E_ABORT | HResult::VD_E_CLOSE) {
            self.present.disturbed = true;
        }
        if status != HResult::NOERROR {
            return;
        }
        match self.made[made].act.clone() {
            Act::Configuration(_) => {
                let config = out.config.as_deref().copied().unwrap_or_default();
                self.made[made].config = Some(Box::new(config));
                self.configured(&config);
            }
            Act::Command(device, _) => {
                let held = Held {
                    name: out.command.as_ref().map_or("", |name| name.as_str()).to_owned(),
                    kind: out.code,
                    size: out.size.map_or(0, |size| size.0),
                    buffer: out.buffer.as_ref().map(|name| name.as_str().to_owned()),
                };
                self.commanded(held.kind);
                self.known.held.entry(device).or_default().push(held);
            }
            Act::Step(Step::Create(config)) => {
                self.created(made, config.device_count);
            }
            Act::Step(Step::OpenDevice(number, _)) => {
                self.known.devices.extend(creates.map(|handle| (handle, number)));
            }
            Act::Step(Step::BufferHandle(_)) => self.known.handle = creates,
            Act::Answer(_) | Act::Step(_) => {}
        }
    }

    /// A configuration came: of a statement that is not told, if none is.
    fn configured(&mut self, config: &VdConfig) {
        if self.present.issued.is_none()
            && let Some((at, devices)) = self.present.created
        {
            let asked =
                Asked { verb: Verb::Backup, devices, with: String::new(), of_nothing: false };
            self.present.issued = Some(self.insert(at + 1, Step::Issue(asked)));
            self.present.runs = true;
        }
        if std::mem::replace(&mut self.present.configured, true) {
            return;
        }
        let features = config.features;
        let reads =
            features.contains(Features::READ_MEDIA) && !features.contains(Features::WRITE_MEDIA);
        let transfers =
            [("BLOCKSIZE", config.block_size), ("MAXTRANSFERSIZE", config.max_transfer_size)];
        let sound = |(name, bytes): &(&str, u32)| match *name {
            "BLOCKSIZE" => bytes.is_power_of_two() && (512..=65_536).contains(bytes),
            _ => bytes.is_multiple_of(65_536) && (1..=LARGEST_TRANSFER).contains(bytes),
        };
        self.ask(|asked| {
            if reads {
                asked.verb = Verb::Restore;
            }
            for (name, bytes) in transfers.iter().filter(|row| sound(row)) {
                asked.add(&format!("{name} = {bytes}"));
            }
        });
    }

    /// What a command tells of its statement.
    fn commanded(&mut self, kind: Option<CommandCode>) {
        match kind {
            Some(CommandCode::Read) => self.ask(|asked| asked.verb = Verb::Restore),
            Some(CommandCode::Write) => self.ask(|asked| asked.verb = Verb::Backup),
            Some(CommandCode::Snapshot) => self.ask(|asked| {
                asked.verb = Verb::Backup;
                asked.add("SNAPSHOT");
            }),
            Some(CommandCode::MountSnapshot) => self.ask(|asked| {
                asked.verb = Verb::Restore;
                asked.add("SNAPSHOT");
            }),
            Some(
                CommandCode::ClearError
                | CommandCode::Flush
                | CommandCode::Complete
                | CommandCode::PrepareToFreeze
                | CommandCode::FileInfoBegin
                | CommandCode::FileInfoEnd
                | CommandCode::Rewind
                | CommandCode::WriteMark
                | CommandCode::SkipMarks
                | CommandCode::SkipBlocks
                | CommandCode::Load
                | CommandCode::GetPosition
                | CommandCode::SetPosition
                | CommandCode::Discard
                | CommandCode::GetError,
            )
            | None => {}
        }
    }

    fn ask(&mut self, change: impl FnOnce(&mut Asked)) {
        let issued = self.present.issued.and_then(|at| self.made.get_mut(at));
        if let Some(Made { act: Act::Step(Step::Issue(asked)), .. }) = issued {
            change(asked);
        }
    }

    fn statement(
        &mut self,
        process: Process,
        thread: &str,
        (at, line): (usize, usize),
        statement: Statement,
        devices: Option<u32>,
    ) -> Result<(), NotAgain> {
        let step = match statement {
            Statement::Issued => {
                if std::mem::replace(&mut self.present.runs, true) {
                    return Err(NotAgain::TwoStatements(line));
                }
                let devices = devices.and_then(|count| u8::try_from(count).ok());
                let devices = devices.or(self.present.created.map(|(_, count)| count));
                self.present.issued = Some(self.made.len());
                Step::Issue(Asked {
                    verb: Verb::Backup,
                    devices: devices.unwrap_or(1),
                    with: String::new(),
                    of_nothing: false,
                })
            }
            Statement::Succeeded | Statement::Failed => {
                if !std::mem::replace(&mut self.present.runs, false) {
                    return Ok(());
                }
                let by_itself = statement == Statement::Failed && !self.present.disturbed;
                if by_itself && !self.present.configured {
                    self.ask(|asked| asked.of_nothing = true);
                }
                if by_itself && self.present.configured { Step::Cancel } else { Step::Await }
            }
        };
        let made = self.begin(process, thread, at, line, Act::Step(step));
        self.made[made].end = at;
        self.made[made].succeeded = statement == Statement::Succeeded;
        Ok(())
    }
}

/// How far the clients came.
pub(super) fn reach(made: &[Made]) -> Reach {
    let came = |of: fn(&Act) -> bool| {
        made.iter().any(|made| made.status == Some(HResult::NOERROR) && of(&made.act))
    };
    match () {
        () if came(|act| matches!(act, Act::Command(..))) => Reach::Commands(1),
        () if came(|act| matches!(act, Act::Configuration(_))) => Reach::Configuration,
        () => Reach::Nothing,
    }
}

impl Asked {
    /// One more option behind WITH.
    fn add(&mut self, option: &str) {
        if !self.with.contains(option) {
            let comma = if self.with.is_empty() { "" } else { ", " };
            self.with.push_str(&format!("{comma}{option}"));
        }
    }
}

impl Known {
    /// The number that a device has by its name, and whether any is called so.
    fn number(&mut self, name: &str) -> Result<(u8, Naming), String> {
        let is_set = self.set.as_deref() == Some(name);
        if !is_set && !self.opened.contains(name) {
            return Ok((0, Naming::Unknown));
        }
        let of_set = |set: &String| self.opened.contains(set) || self.opened.is_empty();
        let first_is_set = self.set.as_ref().is_some_and(of_set);
        if is_set && first_is_set {
            return Ok((1, Naming::Own));
        }
        let next = self.numbers.len() + if first_is_set { 2 } else { 1 };
        let next = u8::try_from(next).map_err(|_| "there are too many devices".to_owned())?;
        Ok((*self.numbers.entry(name.to_owned()).or_insert(next), Naming::Own))
    }
}

fn handle(handle: Option<&Handle<'_>>) -> Option<String> {
    handle.and_then(Handle::name).map(str::to_owned)
}

/// The names of devices that a client has opened.
fn opened(trace: &Trace) -> BTreeSet<String> {
    let mut asked: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let mut opened = BTreeSet::new();
    for event in &trace.events {
        match event {
            Event::Call { lane, call, args, .. } if !lane.as_str().starts_with("server.") => {
                let name = args.name.as_ref().map(vdi_trace::Name::as_str);
                asked.insert(lane.as_str(), name.filter(|_| *call == Function::OpenDevice));
            }
            Event::Return { lane, status: HResult::NOERROR, .. } => {
                opened.extend(asked.remove(lane.as_str()).flatten().map(str::to_owned));
            }
            _ => {}
        }
    }
    opened
}
