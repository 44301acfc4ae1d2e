//! Histories for the judge, made of bytes: some events that the model has drawn, some that
//! follow the grammar of traces and what has been named so far, some that are changed.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use vdi_simulate::{Overlaps, overlapping};
use vdi_spec::clauses::{Party, Profile, QUESTIONS};
use vdi_spec::codes::{COMMANDS, Features, HRESULTS, HResult, WIN32, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{
    ArgSet, Args, CLIENT_SET, CodeArg, Creates, Event, FUNCTIONS, Found, Function, FunctionInfo,
    Handle, HowEnded, LaneName, Name, Out, Presence, Process, Reported, SERVER_SET, Size,
    Statement, Target, TimeoutArg, Trace,
};

/// Events that are made by the grammar, at most.
const MOST: usize = 48;

/// Lanes that may begin a call.
const LANES: &[&str] = &[
    "server.main",
    "server.agent",
    "server.t1",
    "primary.main",
    "primary.t1",
    "primary.t2",
    "secondary1.main",
    "server.t2",
];

/// Names of sets and devices.
const NAMES: &[&str] = &["S", "S2", "T", "S1"];

/// Statuses that come most.
const STATUSES: &[HResult] = &[
    HResult::NOERROR,
    HResult::VD_E_ABORT,
    HResult::VD_E_CLOSE,
    HResult::VD_E_TIMEOUT,
    HResult::VD_E_PROTOCOL,
    HResult::VD_E_OPEN,
    HResult::VD_E_INVALID,
];

/// A history, and the readings it is judged under.
pub(super) fn made(input: &mut Unstructured<'_>) -> Result<(Trace, Profile)> {
    let profile = profile(input)?;
    let mut trace = drawn(input, &profile)?;
    let mut making = Making::default();
    trace.events.iter().for_each(|event| making.learn(event));
    let changes = input.int_in_range(0..=3_u8)?;
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        let event = making.event(input)?;
        making.learn(&event);
        trace.events.push(event);
    }
    for _ in 0..changes {
        change(input, &mut trace)?;
    }
    let half = input.ratio(1, 8_u8)?;
    let events = std::mem::take(&mut trace.events);
    let mut numbered = Trace::new(trace.header);
    if half {
        numbered.header.unseen = vec![Party::Server];
    }
    for event in events.into_iter().filter(|event| !half || is_of_clients(event)) {
        numbered.push(event);
    }
    Ok((numbered, profile))
}

fn is_of_clients(event: &Event<'_>) -> bool {
    let client = |lane: &str| LaneName::process_of(lane).is_ok_and(|of| of != Process::Server);
    match event {
        Event::Blocked { .. } => false,
        Event::Expired { expired, .. } => client(expired.as_str()),
        Event::Exit { process, .. } | Event::Unload { process, .. } => *process != Process::Server,
        other => other.lane().is_some_and(client),
    }
}

/// Mostly the usual readings; else one of each question.
fn profile(input: &mut Unstructured<'_>) -> Result<Profile> {
    let mut profile = Profile::default();
    if !input.ratio(1, 4_u8)? {
        return Ok(profile);
    }
    let mut rest: u64 = input.arbitrary()?;
    for row in QUESTIONS {
        let readings: Vec<_> = row.question.readings().collect();
        profile.choose(readings[(rest % readings.len() as u64) as usize]);
        rest = rest.rotate_right(7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    Ok(profile)
}

/// What the model draws, up to some event.
fn drawn(input: &mut Unstructured<'_>, profile: &Profile) -> Result<Trace> {
    let events = usize::from(input.int_in_range(0..=60_u8)?);
    if events == 0 {
        return Ok(Trace::default());
    }
    let seed: u32 = input.arbitrary()?;
    let bits: u8 = input.arbitrary()?;
    let bit = |bit: u8| bits & 1 << bit != 0;
    let overlaps = Overlaps {
        devices: input.int_in_range(1..=3)?,
        server_lanes: input.int_in_range(1..=3)?,
        client_lanes: input.int_in_range(1..=3)?,
        events,
        trouble: usize::from(input.int_in_range(0..=30_u8)?),
        from_active: bit(0),
        thread_per_device: bit(1),
        drained: bit(2),
        deaths: bit(3),
        time_told: bit(4),
    };
    let mut trace = overlapping(seed.into(), overlaps, profile);
    if bit(5) {
        let left = input.int_in_range(0..=trace.events.len())?;
        trace.events.truncate(left);
    }
    Ok(trace)
}

/// One event more, one fewer, two exchanged, or another status.
fn change(input: &mut Unstructured<'_>, trace: &mut Trace) -> Result<()> {
    let events = &mut trace.events;
    if events.len() < 2 {
        return Ok(());
    }
    let at = input.int_in_range(0..=events.len() - 2)?;
    match input.int_in_range(0..=4_u8)? {
        0 => drop(events.remove(at)),
        1 => {
            let next = input.int_in_range(at + 1..=(at + 4).min(events.len() - 1))?;
            events[at..=next].rotate_left(1);
        }
        2 => {
            let again = events[at].clone();
            let to = input.int_in_range(at..=events.len())?;
            events.insert(to, again);
        }
        3 => events.truncate(at + 1),
        _ => match &mut events[at] {
            Event::Return { status, .. } => *status = one_of(input, STATUSES)?,
            Event::Callback { completion, bytes, .. } => {
                *completion = completion_code(input)?;
                *bytes = input.choose(&[0, 512, 65_536]).copied()?;
            }
            other => *other = Event::Blocked { seq: None, blocked: Vec::new() },
        },
    }
    Ok(())
}

fn one_of<T: Copy>(input: &mut Unstructured<'_>, all: &[T]) -> Result<T> {
    input.choose(all).copied()
}

fn completion_code(input: &mut Unstructured<'_>) -> Result<Win32> {
    match input.int_in_range(0..=3_u8)? {
        0 | 1 => Ok(Win32::ERROR_SUCCESS),
        2 => Ok(Win32::ERROR_OPERATION_ABORTED),
        _ => Ok(input.choose(WIN32)?.code),
    }
}

/// What has been named, and which lanes are in a call.
#[derive(Default)]
struct Making {
    /// By lane, the call in progress and what it makes.
    calls: BTreeMap<String, (Function, Option<String>)>,
    /// By process, the devices it has.
    devices: BTreeMap<String, Vec<String>>,
    buffers: Vec<String>,
    handles: Vec<String>,
    /// What SendCommand has named, and what GetCommand has.
    sent: Vec<String>,
    delivered: Vec<String>,
    held: Vec<(String, String)>,
    named: usize,
}

fn process(lane: &str) -> String {
    lane.split('.').next().unwrap_or_default().to_owned()
}

fn name(text: &str) -> Name<'static> {
    Name::from(text.to_owned())
}

impl Making {
    /// Remembers what an event names.
    fn learn(&mut self, event: &Event<'_>) {
        match event {
            Event::Call { lane, call, creates, .. } => {
                let creates = creates.as_ref().map(|made| made.as_str().to_owned());
                self.calls.insert(lane.as_str().to_owned(), (*call, creates.clone()));
                let row = FUNCTIONS.iter().find(|row| row.function == *call);
                let Some((row, made)) = row.zip(creates) else { return };
                match row.creates {
                    Creates::Nothing => {}
                    Creates::Command => self.sent.push(made),
                    Creates::Device => {
                        self.devices.entry(process(lane.as_str())).or_default().push(made);
                    }
                    Creates::Buffer => self.buffers.push(made),
                    Creates::BufferHandle => self.handles.push(made),
                }
            }
            Event::Return { lane, out, .. } => {
                self.calls.remove(lane.as_str());
                self.delivered.extend(out.command.as_ref().map(|one| one.as_str().to_owned()));
                self.buffers.extend(out.buffer.as_ref().map(|one| one.as_str().to_owned()));
            }
            Event::Callback { lane, callback, held: true, .. } => {
                self.held.push((lane.as_str().to_owned(), callback.as_str().to_owned()));
            }
            _ => {}
        }
    }

    fn fresh(&mut self, letter: char) -> Name<'static> {
        self.named += 1;
        name(&format!("{letter}_{}", self.named))
    }

    fn event(&mut self, input: &mut Unstructured<'_>) -> Result<Event<'static>> {
        match input.int_in_range(0..=15_u8)? {
            0..=5 => self.call(input),
            6..=11 => self.returns(input),
            12 | 13 => self.callback(input),
            14 => self.blocked(input),
            _ => self.note(input),
        }
    }

    /// A lane, mostly one that is in no call.
    fn idle(&self, input: &mut Unstructured<'_>) -> Result<&'static str> {
        let lane = one_of(input, LANES)?;
        let free = |lane: &&&str| !self.calls.contains_key(**lane);
        Ok(if free(&&lane) { lane } else { LANES.iter().find(free).unwrap_or(&lane) })
    }

    fn busy(&self, input: &mut Unstructured<'_>) -> Result<Option<String>> {
        let lanes: Vec<&String> = self.calls.keys().collect();
        if lanes.is_empty() { Ok(None) } else { Ok(Some(input.choose(&lanes)?.to_string())) }
    }

    fn call(&mut self, input: &mut Unstructured<'_>) -> Result<Event<'static>> {
        let lane = self.idle(input)?;
        let process = LaneName::process_of(lane).unwrap_or(Process::Server);
        let party = process.party();
        let all: Vec<&FunctionInfo> = FUNCTIONS.iter().filter(|row| row.party == party).collect();
        let agent = |row: &&FunctionInfo| row.function == Function::ExecuteCompletionAgent;
        let agents = all.iter().copied().find(agent).filter(|_| lane == "server.agent");
        let row: &FunctionInfo = match agents {
            Some(row) => row,
            None => input.choose(&all)?,
        };
        let set = match process {
            Process::Server => SERVER_SET.to_owned(),
            Process::Primary => CLIENT_SET.to_owned(),
            Process::Secondary(_) => process.set_interface(),
        };
        let on = match row.target {
            Target::Set => set,
            Target::Device => {
                let own = self.devices.get(process.name()).filter(|own| !own.is_empty());
                match own {
                    Some(own) => input.choose(own)?.clone(),
                    None => set,
                }
            }
        };
        let creates = match row.creates {
            Creates::Nothing => None,
            Creates::Device => Some(self.fresh('d')),
            Creates::Buffer => Some(self.fresh('b')),
            Creates::Command => Some(self.fresh('k')),
            Creates::BufferHandle => Some(self.fresh('h')),
        };
        let args = self.args(input, row)?;
        Ok(Event::Call {
            seq: None,
            lane: name(lane),
            call: row.function,
            on: name(&on),
            creates,
            args,
        })
    }

    fn args(&self, input: &mut Unstructured<'_>, row: &FunctionInfo) -> Result<Args<'static>> {
        let mut args = Args::default();
        let more: u8 = input.arbitrary()?;
        let optional = if more.is_multiple_of(2) { row.optional } else { ArgSet::NONE };
        let given = row.required.with(optional);
        let has = |one: ArgSet| given.intersects(one);
        if has(ArgSet::name) {
            args.name = Some(name(one_of(input, NAMES)?));
        }
        if has(ArgSet::config) {
            args.config = Some(Box::new(config(input)?));
        }
        if has(ArgSet::features) {
            args.features = Some(Features(one_of(input, &[0, 0x10000, 0x20000, 0x1, 0x4])?));
        }
        if has(ArgSet::block_size) {
            args.block_size = Some(one_of(input, &[512, 65_536, 0])?);
        }
        if has(ArgSet::max_transfer_size) {
            args.max_transfer_size = Some(one_of(input, &[65_536, 4 << 20, 0])?);
        }
        if has(ArgSet::timeout) {
            let all =
                [TimeoutArg::Infinite, TimeoutArg::Milliseconds(0), TimeoutArg::Milliseconds(9)];
            args.timeout = Some(one_of(input, &all)?);
        }
        if has(ArgSet::size) {
            args.size = Some(Size(one_of(input, &[0, 512, 65_536, -1, i64::MAX])?));
        }
        if has(ArgSet::count) {
            args.count = Some(one_of(input, &[1, 0, 4])?);
        }
        if has(ArgSet::buffer) && !more.is_multiple_of(3) {
            args.buffer = Some(self.handle(input, &self.buffers)?);
        }
        if has(ArgSet::handle) {
            args.handle = Some(self.handle(input, &self.handles)?);
        }
        if has(ArgSet::command) {
            args.command = Some(self.handle(input, &self.delivered)?);
        }
        if has(ArgSet::code) {
            args.code = Some(if row.function == Function::SendCommand {
                CodeArg::Command(input.choose(COMMANDS)?.code)
            } else {
                CodeArg::Completion(completion_code(input)?)
            });
        }
        if has(ArgSet::bytes) {
            args.bytes = Some(one_of(input, &[0, 512, 65_536])?);
        }
        if has(ArgSet::position) && more.is_multiple_of(5) {
            args.position = Some(input.arbitrary()?);
        }
        if has(ArgSet::hold) && more.is_multiple_of(7) {
            args.hold = Some(true);
        }
        Ok(args)
    }

    fn handle(&self, input: &mut Unstructured<'_>, known: &[String]) -> Result<Handle<'static>> {
        if known.is_empty() || input.ratio(1, 16_u8)? {
            return Ok(Handle::Null);
        }
        Ok(Handle::Name(name(input.choose(known)?)))
    }

    fn returns(&mut self, input: &mut Unstructured<'_>) -> Result<Event<'static>> {
        let Some(lane) = self.busy(input)? else { return self.call(input) };
        let (call, _) = self.calls[&lane].clone();
        let status = match input.int_in_range(0..=7_u8)? {
            0..=4 => HResult::NOERROR,
            5 | 6 => one_of(input, STATUSES)?,
            _ => input.choose(HRESULTS)?.code,
        };
        let mut out = Out::default();
        if status == HResult::NOERROR {
            match call {
                Function::GetCommand => {
                    let sent = self.sent.last().cloned();
                    let known = input.choose(&self.sent).ok().cloned().or(sent);
                    out.command = Some(known.map_or_else(|| name("k"), |known| name(&known)));
                    out.code = Some(input.choose(COMMANDS)?.code);
                    out.size = Some(Size(one_of(input, &[0, 512, 65_536])?));
                    if input.ratio(1, 2_u8)? && !self.buffers.is_empty() {
                        out.buffer = Some(name(input.choose(&self.buffers)?));
                    }
                }
                Function::GetConfiguration => out.config = Some(Box::new(config(input)?)),
                Function::QueryAvailableBuffers => out.count = Some(input.arbitrary()?),
                Function::AllocateBuffer => out.address = Some(one_of(input, &[65_536, 0])?),
                Function::IsSharedBuffer => out.shared = Some(input.arbitrary()?),
                Function::Open
                | Function::BeginConfiguration
                | Function::RequestBuffers
                | Function::EndConfiguration
                | Function::ExecuteCompletionAgent
                | Function::OpenDevice
                | Function::FreeBuffer
                | Function::SignalAbort
                | Function::Close
                | Function::SendCommand
                | Function::CloseDevice
                | Function::Create
                | Function::CreateEx
                | Function::CompleteCommand
                | Function::OpenInSecondary
                | Function::OpenInSecondaryEx
                | Function::GetBufferHandle
                | Function::MapBufferHandle => {}
            }
        }
        Ok(Event::Return { seq: None, lane: name(&lane), status, out })
    }

    fn callback(&self, input: &mut Unstructured<'_>) -> Result<Event<'static>> {
        if self.sent.is_empty() {
            return self.blocked(input);
        }
        let lane = match input.int_in_range(0..=7_u8)? {
            0 => one_of(input, LANES)?.to_owned(),
            _ => "server.agent".to_owned(),
        };
        let callback = name(input.choose(&self.sent)?);
        let completion = completion_code(input)?;
        let bytes = one_of(input, &[0, 0, 512, 65_536])?;
        let (position, held) = (None, input.ratio(1, 12_u8)?);
        Ok(Event::Callback {
            seq: None,
            lane: name(&lane),
            callback,
            completion,
            bytes,
            position,
            held,
        })
    }

    /// All that are in a call are, mostly.
    fn blocked(&self, input: &mut Unstructured<'_>) -> Result<Event<'static>> {
        let mut blocked: Vec<Name<'static>> = self.calls.keys().map(|lane| name(lane)).collect();
        if input.ratio(1, 8_u8)? {
            blocked.pop();
        }
        Ok(Event::Blocked { seq: None, blocked })
    }

    fn note(&mut self, input: &mut Unstructured<'_>) -> Result<Event<'static>> {
        let lane = name(one_of(input, LANES)?);
        let who = one_of(input, &[Process::Server, Process::Primary, Process::Secondary(1)])?;
        let objects = [&self.buffers, &self.delivered];
        let object = objects.iter().find_map(|known| known.last()).map_or("b", String::as_str);
        let object = name(object);
        Ok(match input.int_in_range(0..=7_u8)? {
            0 => {
                let exit = one_of(input, &[HowEnded::Normal, HowEnded::Killed])?;
                Event::Exit { seq: None, process: who, exit }
            }
            1 => {
                let unload = one_of(input, &[Presence::Idle, Presence::Busy])?;
                Event::Unload { seq: None, process: who, unload }
            }
            2 => match self.busy(input)? {
                Some(lane) => Event::Expired { seq: None, expired: name(&lane), after: None },
                None => Event::Expired { seq: None, expired: lane, after: Some(9) },
            },
            3 => {
                let found = one_of(input, &[Found::Alive, Found::Gone])?;
                Event::Touch { seq: None, lane, touch: object, found }
            }
            4 => Event::Wrote { seq: None, lane, wrote: object },
            5 => {
                let all = [Statement::Issued, Statement::Succeeded, Statement::Failed];
                let statement = one_of(input, &all)?;
                Event::Statement { seq: None, lane, on: None, statement, devices: None }
            }
            6 => {
                let report = one_of(input, &[Reported::Success, Reported::Failure])?;
                Event::Report { seq: None, lane, on: None, report }
            }
            _ => match self.held.pop() {
                Some((lane, command)) => {
                    Event::Ended { seq: None, lane: name(&lane), ended: name(&command) }
                }
                None => Event::Wrote { seq: None, lane, wrote: object },
            },
        })
    }
}

fn config(input: &mut Unstructured<'_>) -> Result<VdConfig> {
    let mut config =
        VdConfig { device_count: one_of(input, &[1, 2, 3, 0, 65])?, ..VdConfig::default() };
    let more: u8 = input.arbitrary()?;
    if more & 1 != 0 {
        config.features = Features(one_of(input, &[0x10000, 0x20000, 0x1, u32::MAX])?);
    }
    if more & 2 != 0 {
        config.block_size = one_of(input, &[512, 65_536])?;
        config.max_transfer_size = one_of(input, &[65_536, 4 << 20])?;
        config.max_io_depth = one_of(input, &[4, 0])?;
        config.buffer_area_size = one_of(input, &[65_536, 262_144])?;
    }
    if more & 4 != 0 {
        config.server_time_out = one_of(input, &[9, 60_000])?;
        config.alignment = one_of(input, &[1024, 3])?;
    }
    Ok(config)
}
