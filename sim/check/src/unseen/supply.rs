//! Supplies the calls of the side that was not seen, where what was seen asks for them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Placed;
use super::seen::{Ending, Seen};
use super::server::{Set, TRANSFER, begins, succeeds};
use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, CLIENT_SET, Event, Function, Handle, Header, LaneName, Process, TimeoutArg};

/// The client that opens the devices which nobody was seen to open.
const OTHER: Process = Process::Secondary(9);

/// A trace to which nothing is missing any more.
pub(crate) struct Whole<'t> {
    pub(super) events: Vec<Placed<'t>>,
    /// The names of the server's interfaces.
    pub(super) interfaces: Vec<String>,
    /// Handles that nobody was seen to give, with the names of their buffers.
    pub(super) handles: BTreeMap<String, String>,
}

/// The events of a trace with those supplied.
pub(crate) struct Supply<'t> {
    events: &'t [(usize, Event<'t>)],
    seen: Seen<'t>,
    /// Whether clients are missing, too, and not the server alone.
    others: bool,
    /// Whether an end that a client is told of may be a close as well as an abort.
    closes: bool,
    whole: Vec<Placed<'t>>,
    sets: Vec<Set>,
    /// The set of each interface of a client.
    interfaces: BTreeMap<&'t str, usize>,
    /// The set and the name of each device that a client opened, by its handle.
    devices: BTreeMap<&'t str, (usize, &'t str)>,
    /// Calls supplied that return when one that was seen does, by where that began: on
    /// this lane, unless this set has begun to end by then.
    returns: BTreeMap<usize, (String, Option<usize>)>,
    /// By set, the calls that are given commands once every device is open.
    early: BTreeMap<usize, Vec<(usize, &'t str, Ending<'t>)>>,
    /// The handles that a client was seen to give.
    given: BTreeSet<&'t str>,
    /// The others, with the names of their buffers.
    handles: BTreeMap<String, String>,
    /// What the last few commands were called that have no name in the trace.
    unnamed: usize,
    /// Where we are: the event, and its line.
    at: usize,
    line: usize,
}

impl<'t> Supply<'t> {
    /// The judge has more to try if `closes`: that the server closes what is said to be
    /// aborted.
    pub(crate) fn new(header: &Header, events: &'t [(usize, Event<'t>)], closes: bool) -> Self {
        Self {
            events,
            seen: Seen::of(events),
            others: header.misses(Party::Client),
            closes,
            whole: Vec::with_capacity(events.len() * 2),
            sets: Vec::new(),
            interfaces: BTreeMap::new(),
            devices: BTreeMap::new(),
            returns: BTreeMap::new(),
            early: BTreeMap::new(),
            given: BTreeSet::new(),
            handles: BTreeMap::new(),
            unnamed: 0,
            at: 0,
            line: 0,
        }
    }

    /// All events, and what they need to be understood.
    pub(crate) fn whole(mut self) -> Whole<'t> {
        let events = self.events;
        for (at, (line, event)) in events.iter().enumerate() {
            (self.at, self.line) = (at, *line);
            match event {
                Event::Call { call, on, args, creates, lane, .. } => {
                    let ending = self.seen.ending(at);
                    let creates = creates.as_ref().map(|name| name.as_str());
                    let primary = LaneName::process_of(lane.as_str()) == Ok(Process::Primary);
                    self.before_call(*call, on.as_str(), args, primary);
                    let told = match call {
                        Function::MapBufferHandle => self.maps(event, on.as_str(), args, ending),
                        _ => Cow::Borrowed(event),
                    };
                    self.whole.push((*line, told));
                    self.after_call(at, (*call, on.as_str(), creates), args, ending);
                }
                Event::Return { .. } => {
                    let call = self.seen.call_of(at);
                    if let Some((lane, unless)) = call.and_then(|call| self.returns.remove(&call))
                        && !unless.is_some_and(|set| self.sets[set].ends)
                    {
                        self.supply([succeeds(lane)]);
                    }
                    self.whole.push((*line, Cow::Borrowed(event)));
                    if let Some(call) = call {
                        self.after_return(call);
                    }
                }
                Event::Exit { process, .. } => {
                    let place = self.whole.len();
                    let primary = *process == Process::Primary;
                    self.sets.iter_mut().for_each(|set| set.end_at(place, primary));
                    self.whole.push((*line, Cow::Borrowed(event)));
                }
                _ => self.whole.push((*line, Cow::Borrowed(event))),
            }
        }
        let interfaces = self.sets.iter().map(|set| set.interface.clone()).collect();
        Whole { events: self.whole, interfaces, handles: self.handles }
    }

    /// MapBufferHandle with a handle that nobody was seen to give: if it was one, another
    /// process gave it; and if not, it is as good as none.
    fn maps(
        &mut self,
        event: &'t Event<'t>,
        on: &str,
        args: &Args<'_>,
        ending: Option<Ending<'t>>,
    ) -> Cow<'t, Event<'t>> {
        let handle = args.handle.as_ref().and_then(Handle::name);
        let Some(handle) = handle.filter(|handle| self.others && !self.given.contains(handle))
        else {
            return Cow::Borrowed(event);
        };
        let done = ending.filter(|ending| ending.status == HResult::NOERROR);
        if let Some(buffer) = done.and_then(|ending| ending.out.buffer.as_ref()) {
            self.allocate(on, buffer.as_str(), 0);
            self.handles.insert(handle.to_owned(), buffer.as_str().to_owned());
        }
        let mut event = Cow::Borrowed(event);
        if !self.handles.contains_key(handle)
            && let Event::Call { args, .. } = event.to_mut()
        {
            args.handle = Some(Handle::Null);
        }
        event
    }

    fn supply(&mut self, events: impl IntoIterator<Item = Event<'static>>) {
        let line = self.line;
        self.whole.extend(events.into_iter().map(|event| (line, Cow::Owned(event))));
    }

    fn index_of(&self, on: &str) -> Option<usize> {
        let of_device = self.devices.get(on).map(|(set, _)| *set);
        of_device.or_else(|| self.interfaces.get(on).copied())
    }

    fn set_of(&mut self, on: &str) -> Option<&mut Set> {
        let set = self.index_of(on)?;
        self.sets.get_mut(set)
    }

    /// What has to stand before a call.
    fn before_call(&mut self, call: Function, on: &'t str, args: &'t Args<'t>, primary: bool) {
        match call {
            Function::OpenInSecondary | Function::OpenInSecondaryEx => {
                self.secondary_opens(on, args);
            }
            // The server may be done with every device.
            Function::Close => {
                let place = self.whole.len();
                let Some(set) = self.set_of(on) else { return };
                set.end_at(place, primary);
                let closing = set.may_close_devices();
                self.supply(closing);
            }
            Function::SignalAbort => {
                let place = self.whole.len();
                if let Some(set) = self.set_of(on) {
                    set.end_at(place, true);
                }
            }
            Function::GetBufferHandle => {
                if let Some(Handle::Name(buffer)) = &args.buffer {
                    let buffer = buffer.as_str().to_owned();
                    self.allocate(on, &buffer, 0);
                }
            }
            _ => {}
        }
    }

    /// A call has begun, of which it is known how it will end.
    fn after_call(
        &mut self,
        at: usize,
        (call, on, creates): (Function, &'t str, Option<&'t str>),
        args: &'t Args<'t>,
        ending: Option<Ending<'t>>,
    ) {
        let Some(ending) = ending else { return };
        match (call, ending.status) {
            (Function::Create | Function::CreateEx, HResult::NOERROR) => {
                self.add_set(on, args.name.as_ref().map(|name| name.as_str()), args);
            }
            (Function::OpenDevice, HResult::NOERROR) => {
                let name = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
                let Some(set) = self.interfaces.get(on).copied() else { return };
                if let Some(handle) = creates {
                    self.devices.insert(handle, (set, name));
                }
                if let Some((open, lane)) = self.sets[set].may_open_device(name) {
                    self.supply([open]);
                    self.returns.insert(at, (lane, None));
                }
                if self.opens_later(set) == 0 {
                    let early = self.early.remove(&set).unwrap_or_default();
                    early.into_iter().for_each(|(at, on, ending)| self.delivers(at, on, ending));
                }
            }
            (Function::GetConfiguration, HResult::NOERROR) => {
                let Some(set) = self.set_of(on).filter(|set| !set.configured) else { return };
                let (events, lane) = set.configure(ending.out.config.as_deref());
                self.supply(events);
                self.returns.insert(at, (lane, None));
            }
            (Function::GetBufferHandle, HResult::NOERROR) => self.given.extend(creates),
            (Function::GetCommand, HResult::NOERROR) => self.delivers(at, on, ending),
            (Function::GetCommand, HResult::VD_E_CLOSE) => {
                self.activate(on);
                let Some((_, name)) = self.devices.get(on).copied() else { return };
                let closing = self.set_of(on).and_then(|set| set.may_close(name));
                self.supply(closing);
            }
            // A client may close what was aborted, though nobody has told it so.
            (_, HResult::VD_E_ABORT) | (Function::Close, HResult::NOERROR) => {
                let (place, closes) = (self.whole.len(), self.closes);
                let Some(set) = self.set_of(on).filter(|set| !set.aborts) else { return };
                set.ended.get_or_insert(place);
                let mut events = set.may_abort();
                if closes {
                    events.extend(set.may_close_all());
                }
                self.supply(events);
            }
            _ => {}
        }
    }

    fn after_return(&mut self, call: usize) {
        let Event::Call { call: function, on, args, .. } = &self.events[call].1 else { return };
        let done = self.seen.ending(call).is_some_and(|ending| ending.status == HResult::NOERROR);
        match function {
            Function::Create | Function::CreateEx if done => {
                let set = self.set_of(on.as_str()).filter(|set| !set.has_opened());
                let opening = set.map(Set::may_open);
                self.supply(opening);
            }
            Function::CompleteCommand if done => self.completed(on.as_str(), args),
            _ if self.seen.ending(call).is_some_and(|end| end.status == HResult::VD_E_ABORT) => {
                self.set_of(on.as_str()).iter_mut().for_each(|set| set.over = true);
            }
            _ => {}
        }
    }

    fn add_set(&mut self, on: &'t str, name: Option<&str>, args: &Args<'_>) {
        let asked = args.config.as_deref().copied().unwrap_or_default();
        let name = name.unwrap_or_default().to_owned();
        self.interfaces.insert(on, self.sets.len());
        self.sets.push(Set::new(name, asked, self.sets.len()));
    }

    /// A secondary client opens a set; who created it was perhaps not seen.
    fn secondary_opens(&mut self, on: &'t str, args: &'t Args<'t>) {
        let name = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
        if let Some(known) = self.sets.iter().rposition(|set| set.name == name) {
            self.interfaces.insert(on, known);
            return;
        }
        if !self.others {
            return;
        }
        let told = self.told_on(on);
        let asked = match told {
            Some(told) => {
                let server = Features::WRITE_MEDIA | Features::READ_MEDIA;
                VdConfig { features: told.features.without(server), ..told.client_part() }
            }
            None => {
                let opened = self.opened_on(on);
                let first = opened.iter().any(|device| device == name);
                let count = opened.len() + usize::from(!first);
                VdConfig { device_count: count as u32, ..VdConfig::default() }
            }
        };
        let mut set = Set::new(name.to_owned(), asked, self.sets.len());
        let lane = "primary.unseen".to_owned();
        let client = CLIENT_SET.to_owned();
        let args = Args {
            name: Some(name.to_owned().into()),
            config: Some(Box::new(asked)),
            ..Args::default()
        };
        let create = begins(lane.clone(), Function::CreateEx, client.clone(), None, args);
        let mut events = vec![create, succeeds(lane.clone()), set.may_open()];
        let (configured, end) = set.configure(told);
        events.extend(configured);
        events.push(succeeds(end));
        let get = Function::GetConfiguration;
        let args = Args { timeout: Some(TimeoutArg::Infinite), ..Args::default() };
        events.push(begins(lane.clone(), get, client, None, args));
        events.push(succeeds(lane));
        self.interfaces.insert(on, self.sets.len());
        self.sets.push(set);
        self.supply(events);
    }

    /// The configuration that is told on an interface.
    fn told_on(&self, interface: &str) -> Option<&'t VdConfig> {
        self.events.iter().enumerate().find_map(|(at, (_, event))| match event {
            Event::Call { call: Function::GetConfiguration, on, .. }
                if on.as_str() == interface =>
            {
                self.seen.ending(at)?.out.config.as_deref()
            }
            _ => None,
        })
    }

    /// The names of the devices that are opened on an interface.
    fn opened_on(&self, interface: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (at, (_, event)) in self.events.iter().enumerate() {
            let Event::Call { call: Function::OpenDevice, on, args, .. } = event else { continue };
            let opens = self.seen.ending(at).is_some_and(|end| end.status == HResult::NOERROR);
            let name = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
            if on.as_str() == interface && opens && names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// How many devices of a set are seen to be opened from here on, in its present life.
    fn opens_later(&self, set: usize) -> usize {
        let name = self.sets[set].name.as_str();
        let known = self.interfaces.iter().filter(|(_, of)| **of == set);
        let mut interfaces: BTreeSet<&str> = known.map(|(interface, _)| *interface).collect();
        let mut later = 0;
        for (at, (_, event)) in self.events.iter().enumerate().skip(self.at + 1) {
            let Event::Call { call, on, args, lane, .. } = event else { continue };
            let (on, ours) = (on.as_str(), interfaces.contains(on.as_str()));
            let named = args.name.as_ref().map(|name| name.as_str());
            let primary = LaneName::process_of(lane.as_str()) == Ok(Process::Primary);
            match call {
                Function::OpenInSecondary | Function::OpenInSecondaryEx if named == Some(name) => {
                    interfaces.insert(on);
                }
                Function::Close if ours && primary => break,
                Function::OpenDevice if ours => {
                    let ending = self.seen.ending(at);
                    later += usize::from(ending.is_some_and(|end| end.status == HResult::NOERROR));
                }
                _ => {}
            }
        }
        later
    }

    /// Before the first command everything is open.
    fn activate(&mut self, on: &str) {
        let others = self.others;
        let later = match self.index_of(on) {
            Some(set) if !self.sets[set].is_active => self.opens_later(set),
            _ => return,
        };
        let Some(set) = self.set_of(on) else { return };
        let set_name = set.name.clone();
        let opened = set.devices.len() + later;
        let missing = (set.asked.device_count as usize).saturating_sub(opened);
        let mut names: Vec<String> = Vec::new();
        let mut events = Vec::new();
        if others && missing > 0 {
            let first = (!set.devices.contains_key(&set_name)).then(|| set_name.clone());
            names = first.into_iter().chain((1..=missing).map(|n| format!("unseen-{n}"))).collect();
            names.truncate(missing);
            let lane = format!("{OTHER}.unseen");
            let interface = OTHER.set_interface();
            let args = Args { name: Some(set_name.into()), ..Args::default() };
            let open = Function::OpenInSecondary;
            events.push(begins(lane.clone(), open, interface.clone(), None, args));
            events.push(succeeds(lane.clone()));
            for (index, name) in names.iter().enumerate() {
                let args = Args { name: Some(name.clone().into()), ..Args::default() };
                let handle = format!("{OTHER}dev{index}");
                let open = Function::OpenDevice;
                events.push(begins(lane.clone(), open, interface.clone(), Some(&handle), args));
                events.push(succeeds(lane.clone()));
            }
        }
        let opens = set.activate(names);
        events.extend(opens);
        self.supply(events);
        let place = self.whole.len();
        self.set_of(on).iter_mut().for_each(|set| set.active_from = place);
    }

    /// The server has allocated a buffer, as large as a transfer may be, and as was told.
    fn allocate(&mut self, on: &str, buffer: &str, told: u32) {
        let Some(set) = self.set_of(on) else { return };
        let largest = set.asked.max_transfer_size;
        let size = if largest == 0 { TRANSFER } else { largest };
        let events = set.allocate(buffer, size.max(told));
        self.supply(events.into_iter().flatten());
    }

    /// A command is delivered: the server has sent it.
    fn delivers(&mut self, at: usize, on: &'t str, ending: Ending<'t>) {
        let Some((index, device)) = self.devices.get(on).copied() else { return };
        if !self.sets[index].is_active && self.opens_later(index) > 0 {
            self.early.entry(index).or_default().push((at, on, ending));
            return;
        }
        self.activate(on);
        let out = ending.out;
        if let Some(buffer) = &out.buffer {
            let told = out.size.and_then(|size| u32::try_from(size.0).ok()).unwrap_or_default();
            self.allocate(on, buffer.as_str(), told);
        }
        let named = out.command.as_ref().map(|name| name.as_str().to_owned());
        let name = named.clone().unwrap_or_else(|| {
            self.unnamed += 1;
            format!("unseen-c{}", self.unnamed)
        });
        let set = &mut self.sets[index];
        let lane = set.lane();
        let Some(sends) = set.send(device, (&name, out), lane.clone()) else { return };
        let named = named.is_some();
        if named {
            set.outstanding.insert(name, out.code);
        }
        let Some(known) = set.devices.get_mut(device) else { return };
        let clears = out.code == Some(CommandCode::ClearError);
        if clears {
            known.errored = None;
        }
        // In the error state, and after the end, it can only have been sent before.
        let ended = set.ended.filter(|_| set.over).map(|place| place.max(set.active_from));
        let before = known.errored.into_iter().chain(ended).min();
        let unless = (!named).then_some(index);
        let told = if clears { set.told() } else { Vec::new() };
        let closes = if ended.is_some() { set.may_close_all() } else { Vec::new() };
        self.supply(told);
        if let Some(place) = ended {
            closes.into_iter().for_each(|closes| self.supply_before(place, closes));
        }
        let before = before.map(|place| place.max(self.sets[index].active_from));
        match before {
            Some(place) => self.supply_before(place, sends),
            None => self.supply([sends]),
        }
        // Where the set ends a return without a command may come of that alone.
        self.returns.insert(at, (lane, unless));
    }

    fn supply_before(&mut self, place: usize, event: Event<'static>) {
        self.whole.insert(place, (self.line, Cow::Owned(event)));
        let places = self.sets.iter_mut().flat_map(|set| {
            let errored = set.devices.values_mut().flat_map(|device| &mut device.errored);
            errored.chain(&mut set.ended)
        });
        places.filter(|known| **known >= place).for_each(|known| *known += 1);
    }

    /// A client has completed a command: the server is told, unless something goes on
    /// that may change what it is told.
    fn completed(&mut self, on: &str, args: &Args<'_>) {
        let Some(Handle::Name(command)) = &args.command else { return };
        let device = self.devices.get(on).map(|(_, name)| *name);
        let call = self.whole.iter().rposition(|(_, event)| {
            matches!(&**event, Event::Call { call: Function::CompleteCommand, on: known, .. }
                if known.as_str() == on)
        });
        let Some(set) = self.set_of(on) else { return };
        let Some(code) = set.outstanding.remove(command.as_str()) else { return };
        let fails = args.code.and_then(|code| code.completion()) != Some(Win32::ERROR_SUCCESS);
        if fails
            && code != Some(CommandCode::ClearError)
            && let Some(known) = device.and_then(|device| set.devices.get_mut(device))
        {
            known.errored = known.errored.or(call);
        }
        let told = set.completed(command.as_str(), args);
        self.supply(told);
    }
}
