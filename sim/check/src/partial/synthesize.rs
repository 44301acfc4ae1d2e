//! Synthesizes the calls of the side that was not seen, where what was seen asks for them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, Event, Function, Handle, Header, HowEnded, Name, Process};

use super::endings::{
    Ending, Endings, SeenCall, is_answer_once_configured, is_create, is_open_in_secondary,
    is_primary, is_served, name_of,
};
use super::server::{End, Set, TRANSFER, succeeds};
use super::whole::{Placed, Tried, Whole};

/// The client that opens the devices which nobody was seen to open.
const OTHER: Process = Process::Secondary(9);

/// The events of a trace with those synthesized.
pub(super) struct Synthesizer<'t> {
    events: &'t [(usize, Event<'t>)],
    endings: Endings<'t>,
    /// Whether lanes run freely.
    free: bool,
    /// Whether the server was seen, and is not to be made up.
    served: bool,
    /// Whether clients are missing, too, and not the server alone.
    others: bool,
    tried: Tried,
    /// Whether the server may have aborted.
    aborts: bool,
    whole: Vec<Placed<'t>>,
    sets: Vec<Set>,
    /// The set of each interface of a client.
    interfaces: BTreeMap<&'t str, usize>,
    /// The set and the name of each device that a client opened, by its handle.
    devices: BTreeMap<&'t str, (usize, &'t str)>,
    /// The interface of each device that is open, by its handle.
    opened: BTreeMap<&'t str, &'t str>,
    /// The interfaces of secondary clients.
    secondaries: BTreeSet<&'t str>,
    /// Synthesized calls that return when one that was seen does, by where that began: on
    /// this lane, unless this set has begun to end by then.
    returns: BTreeMap<usize, Vec<(String, Option<usize>)>>,
    /// By set, the calls that are given commands, or the end, once every device is open.
    early: BTreeMap<usize, Vec<SeenCall<'t>>>,
    /// The handles that a client was seen to give.
    given: BTreeSet<&'t str>,
    /// The others, with the names of their buffers.
    handles: BTreeMap<String, String>,
    /// How many commands were delivered that have no name in the trace.
    unnamed: usize,
    /// Where the end of the server's process stands, before which it did what it did.
    gone: Option<usize>,
    /// The position of the event that is examined, and its line.
    at: usize,
    line: usize,
}

impl<'t> Synthesizer<'t> {
    pub(super) fn new(header: &Header, events: &'t [(usize, Event<'t>)], tried: Tried) -> Self {
        Self {
            events,
            endings: Endings::of(events),
            free: header.free,
            served: is_served(header, events),
            others: header.unseen.contains(&Party::Client),
            tried,
            aborts: true,
            whole: Vec::with_capacity(events.len() * 2),
            sets: Vec::new(),
            interfaces: BTreeMap::new(),
            devices: BTreeMap::new(),
            opened: BTreeMap::new(),
            secondaries: BTreeSet::new(),
            returns: BTreeMap::new(),
            early: BTreeMap::new(),
            given: BTreeSet::new(),
            handles: BTreeMap::new(),
            unnamed: 0,
            gone: None,
            at: 0,
            line: 0,
        }
    }

    /// The same of a server that may have aborted, or has not.
    pub(super) fn aborting(self, aborts: bool) -> Self {
        Self { aborts, ..self }
    }

    /// All events, and what they need to be understood.
    pub(super) fn whole(mut self) -> Whole<'t> {
        let events = self.events;
        if self.served {
            let as_seen = events.iter().map(|(line, event)| (*line, Cow::Borrowed(event)));
            let (interfaces, handles) = (Vec::new(), BTreeMap::new());
            return Whole { events: as_seen.collect(), interfaces, handles };
        }
        for (at, (line, event)) in events.iter().enumerate() {
            (self.at, self.line) = (at, *line);
            if let Event::Call { call, on, args, creates, lane, .. } = event {
                if self.tried.aborts_at == Some(at) {
                    self.may_be_aborted(on.as_str());
                }
                self.before_call(*call, on.as_str(), args, is_primary(lane.as_str()));
                let ending = self.endings.ending(at);
                let mapped = self.with_known_handle(event, ending);
                self.whole.push((*line, mapped));
                if let Some(ending) = ending {
                    let creates = creates.as_ref().map(|name| name.as_str());
                    let (call, on) = (*call, on.as_str());
                    self.after_call(SeenCall { at, call, on, creates, args, ending });
                } else if *call == Function::Close {
                    self.may_be_closed(on.as_str());
                }
                continue;
            }
            let call = self.endings.call_of(at);
            call.iter().for_each(|call| self.may_show_abort(*call));
            if let Event::Exit { process: Process::Server, exit, .. } = event {
                self.server_ends(*exit, event);
                continue;
            } else if let Event::Exit { process, .. } = event {
                let (position, primary) = (self.here(), *process == Process::Primary);
                for set in &mut self.sets {
                    set.client_ends(position, primary, self.free);
                }
            } else if let Some(returns) = call.and_then(|call| self.returns.remove(&call)) {
                for (lane, unless) in returns {
                    if !unless.is_some_and(|set| self.sets[set].end.begun) {
                        self.add([succeeds(lane)]);
                    }
                }
            }
            self.whole.push((*line, Cow::Borrowed(event)));
            if let Some(call) = call {
                self.after_return(call);
            }
        }
        let interfaces = self.sets.iter().flat_map(|set| set.interfaces(OTHER)).collect();
        Whole { events: self.whole, interfaces, handles: self.handles }
    }

    /// MapBufferHandle with a handle that nobody was seen to give: if it was one, another
    /// process gave it; and if not, it is as good as none.
    fn with_known_handle(
        &mut self,
        event: &'t Event<'t>,
        ending: Option<Ending<'t>>,
    ) -> Cow<'t, Event<'t>> {
        let mut event = Cow::Borrowed(event);
        let Event::Call { call: Function::MapBufferHandle, on, args, .. } = &*event else {
            return event;
        };
        let handle = args.handle.as_ref().and_then(Handle::name);
        let Some(handle) = handle.filter(|handle| self.others && !self.given.contains(handle))
        else {
            return event;
        };
        let done = ending.filter(|ending| ending.status == HResult::NOERROR);
        if let Some(buffer) = done.and_then(|ending| ending.out.buffer.as_ref()) {
            self.allocate(on.as_str(), buffer.as_str(), 0);
            self.handles.insert(handle.to_owned(), buffer.as_str().to_owned());
        }
        if !self.handles.contains_key(handle)
            && let Event::Call { args, .. } = event.to_mut()
        {
            args.handle = Some(Handle::Null);
        }
        event
    }

    /// The server's process is told to have ended: what it did it did before, and whatever it
    /// left open is aborted. How it had closed is not known, so an orderly end is no
    /// better than another. If a set is created later its server is another process, for which
    /// a trace has no second name: the end is an abort of the sets there were.
    fn server_ends(&mut self, how: HowEnded, event: &'t Event<'t>) {
        let position = self.whole.len();
        let succeeded = self.endings.creates_after(self.at);
        let mut events = Vec::new();
        let closes = self.tried.closes || how == HowEnded::Normal;
        for set in &mut self.sets {
            events.extend(set.server_ends(position, closes, succeeded, how));
        }
        self.add(events);
        if !succeeded && self.gone.is_none() {
            self.gone = Some(self.whole.len());
            let mut event = Cow::Borrowed(event);
            if let Event::Exit { exit, .. } = event.to_mut() {
                *exit = HowEnded::Killed;
            }
            self.whole.push((self.line, event));
        }
    }

    /// A client is about to close: the server may be done with its devices, the primary's
    /// being all.
    fn may_have_closed_devices(&mut self, on: &'t str, primary: bool) {
        let position = self.here();
        let own = self.opened.iter().filter(|(_, interface)| **interface == on);
        let own = own.filter_map(|(handle, _)| self.devices.get(handle));
        let names: Vec<&str> = own.map(|(_, name)| *name).collect();
        let Some(set) = self.set_of(on) else { return };
        set.end_at(position, primary);
        let closing = match primary {
            true => [set.may_close_devices(), set.may_end_unseen(OTHER)].concat(),
            false => set.may_close_these(names),
        };
        self.add(closing);
    }

    /// A call is about to return: until one tells of an abort there need not have been any.
    /// What it is asked for while it waits goes on.
    fn may_show_abort(&mut self, call: usize) {
        let Event::Call { on, .. } = &self.events[call].1 else { return };
        if !self.endings.ends_with(call, HResult::VD_E_ABORT) {
            return;
        }
        self.may_be_aborted(on.as_str());
        // If nobody else can have, the server has aborted by now.
        let alone = !self.tried.closes;
        let set = self.set_of(on.as_str()).filter(|set| alone && set.is_ended_by_server());
        let lanes = set.map(Set::has_aborted).unwrap_or_default();
        lanes.into_iter().for_each(|lane| self.return_with(call, lane, None));
    }

    /// A client closes a set: the primary may do so after an abort that nobody has told of;
    /// a secondary needs none, unless it has a device open.
    fn may_be_closed(&mut self, on: &'t str) {
        // Where nothing has come of a server none is made up: it could open a later set.
        let served = self.set_of(on).is_some_and(|set| set.has_opened());
        let open = |interface: &&str| *interface == on;
        if served && (!self.secondaries.contains(on) || self.opened.values().any(open)) {
            self.may_be_aborted(on);
        }
    }

    /// From here on the set may have been aborted.
    fn may_be_aborted(&mut self, on: &str) {
        let (position, closes) = (self.here(), self.tried.closes);
        if !self.aborts {
            // One that does not abort may close.
            let set = self.set_of(on).filter(|set| closes && set.has_opened());
            let events = set.map(Set::may_close_all).unwrap_or_default();
            return self.add(events);
        }
        // Where the client has asked for an abort no other is needed.
        let set = self.set_of(on).filter(|set| !set.end.aborts && !set.end.asked);
        let Some(set) = set else { return };
        set.end.at.get_or_insert(position);
        let mut events = set.may_abort();
        if closes {
            events.extend(set.may_close_all());
        }
        self.add(events);
    }

    /// Where what is synthesized now stands.
    fn here(&self) -> usize {
        self.gone.unwrap_or(self.whole.len())
    }

    fn add(&mut self, events: impl IntoIterator<Item = Event<'static>>) {
        let line = self.line;
        if self.gone.is_none() {
            return self.whole.extend(events.into_iter().map(|event| (line, Cow::Owned(event))));
        }
        for event in events {
            self.insert(self.here(), event);
        }
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
        let position = self.here();
        if is_open_in_secondary(call) {
            self.secondary_opens(on, args);
        } else if call == Function::Close {
            self.may_have_closed_devices(on, primary);
        } else if call == Function::SignalAbort {
            let ending = self.endings.ending(self.at).map(|ending| ending.status);
            // What is refused ends nothing.
            let set = self.set_of(on).filter(|_| ending != Some(HResult::VD_E_PROTOCOL));
            set.into_iter().for_each(|set| {
                set.end_at(position, true);
                set.end.asked |= ending.is_none_or(|status| status == HResult::NOERROR);
            });
        } else if call == Function::GetBufferHandle
            && let Some(Handle::Name(buffer)) = &args.buffer
        {
            self.allocate(on, buffer.as_str(), 0);
        }
    }

    /// A call has begun, of which it is known how it will end.
    fn after_call(&mut self, seen: SeenCall<'t>) {
        let SeenCall { at, call, on, creates, args, ending } = seen;
        let succeeds = ending.status == HResult::NOERROR;
        if is_create(call) && succeeds {
            self.interfaces.insert(on, self.sets.len());
            let asked = args.config.as_deref().copied().unwrap_or_default();
            let mut set = Set::new(name_of(args).to_owned(), asked, self.sets.len());
            set.instance = args.instance.clone().map(Name::into_owned);
            self.sets.push(set);
        } else if call == Function::OpenDevice && is_answer_once_configured(ending.status) {
            self.configured_with(at, on, self.endings.configuration_on(on, at));
            if succeeds {
                self.opens_device(seen);
            } else if self.tried.opens_all && ending.status == HResult::VD_E_INVALID {
                self.finds_no_name(on);
            }
        } else if call == Function::GetConfiguration && succeeds {
            self.configured_with(at, on, ending.out.config.as_deref());
        } else if is_open_in_secondary(call) && succeeds {
            // Where the primary died in GetConfiguration, it had the configuration by now.
            self.configured_with(at, on, self.endings.configuration_on(on, at));
        } else if call == Function::GetBufferHandle && succeeds {
            self.given.extend(creates);
        } else if call == Function::GetCommand && (succeeds || ending.status == HResult::VD_E_CLOSE)
        {
            self.hears(seen);
        } else if call == Function::Close && (succeeds || ending.status == HResult::VD_E_OPEN) {
            self.may_be_closed(on);
        }
    }

    /// The call on this lane returns when the one does that begins at this position.
    fn return_with(&mut self, at: usize, lane: String, unless: Option<usize>) {
        self.returns.entry(at).or_default().push((lane, unless));
    }

    /// The call that begins at this position is answered as where the set is configured: by the
    /// time it returns the server has ended the configuration.
    fn configured_with(&mut self, at: usize, on: &str, given: Option<&VdConfig>) {
        let Some(set) = self.set_of(on).filter(|set| !set.progress.configured) else { return };
        let (events, lane) = set.configure(given);
        self.add(events);
        self.return_with(at, lane, None);
    }

    /// A client opens a device of its set.
    fn opens_device(&mut self, seen: SeenCall<'t>) {
        let name = name_of(seen.args);
        let Some(set) = self.interfaces.get(seen.on).copied() else { return };
        if let Some(handle) = seen.creates {
            self.devices.insert(handle, (set, name));
            self.opened.insert(handle, seen.on);
        }
        if let Some((open, lane)) = self.sets[set].may_open_device(name) {
            self.add([open]);
            self.return_with(seen.at, lane, None);
        }
        if self.opens_later(set) == 0 {
            let early = self.early.remove(&set).unwrap_or_default();
            early.into_iter().for_each(|call| self.hears(call));
        }
    }

    /// A client finds no device of its name: every device may have been opened by then.
    fn finds_no_name(&mut self, on: &'t str) {
        let Some(index) = self.interfaces.get(on).copied() else { return };
        let mut interfaces = self.interfaces_of(index);
        let later = self.endings.opened_after(self.at, &self.sets[index].name, &mut interfaces);
        let opening = self.sets[index].may_open_devices(later);
        self.add(opening);
    }

    fn interfaces_of(&self, set: usize) -> BTreeSet<&'t str> {
        let known = self.interfaces.iter().filter(|(_, of)| **of == set);
        known.map(|(interface, _)| *interface).collect()
    }

    /// How many devices of a set are seen to be opened from here on, in its present life.
    fn opens_later(&self, set: usize) -> usize {
        let name = self.sets[set].name.as_str();
        let mut interfaces = self.interfaces_of(set);
        let later = self.endings.opened_after(self.at, name, &mut interfaces).len();
        // One more than there are is wrong when it is opened, and not before.
        let known = &self.sets[set];
        let most = known.asked.device_count as usize;
        later.min(most.saturating_sub(known.devices.len()))
    }

    /// Before the first command everything is open.
    fn activate(&mut self, on: &str) {
        let Some(index) = self.index_of(on).filter(|set| !self.sets[*set].progress.is_active)
        else {
            return;
        };
        self.finish_opening(index);
        let later = self.opens_later(index);
        let of_set = self.interfaces_of(index);
        let set = &mut self.sets[index];
        let opened = set.devices.len() + later;
        let missing = (set.asked.device_count as usize).saturating_sub(opened);
        let mut names: Vec<String> = Vec::new();
        let mut events = Vec::new();
        if self.others && missing > 0 {
            let first = (!set.devices.contains_key(&set.name)).then(|| set.name.clone());
            names = first.into_iter().chain((1..=missing).map(|n| format!("unseen-{n}"))).collect();
            names.truncate(missing);
            events = set.open_unseen(OTHER, &names);
            names.clear();
        } else if missing > 0 {
            // Whoever ended while it opened a device may have opened it.
            names = self.endings.opening_on(self.at, &of_set);
            names.retain(|name| !set.devices.contains_key(name));
            names.truncate(missing);
        }
        events.extend(set.activate(names));
        self.add(events);
        self.sets[index].progress.active_from = self.here();
    }

    /// What the server is opening is open from here on.
    fn finish_opening(&mut self, set: usize) {
        let devices = self.sets[set].devices.values_mut();
        let opening: BTreeSet<String> = devices.filter_map(|known| known.opening.take()).collect();
        let mut finished = Vec::new();
        for returns in self.returns.values_mut() {
            let (now, later) = returns.drain(..).partition(|(lane, _)| opening.contains(lane));
            *returns = later;
            finished.extend::<Vec<_>>(now);
        }
        self.add(finished.into_iter().map(|(lane, _)| succeeds(lane)));
    }

    fn after_return(&mut self, call: usize) {
        let Event::Call { call: function, on, args, .. } = &self.events[call].1 else { return };
        let on = on.as_str();
        let succeeded = self.endings.ends_with(call, HResult::NOERROR);
        if matches!(function, Function::SignalAbort | Function::Close) {
            self.set_of(on).iter_mut().for_each(|set| set.end.done |= set.end.begun);
        } else if *function == Function::CompleteCommand && succeeded {
            self.completed(on, args);
        } else if self.endings.ends_with(call, HResult::VD_E_ABORT) {
            self.set_of(on).iter_mut().for_each(|set| {
                (set.end.known, set.end.told) = (true, true);
            });
        } else if self.endings.ends_with(call, HResult::VD_E_CLOSE) {
            self.opened.remove(on);
        }
    }

    /// A secondary client opens a set; who created it was perhaps not seen.
    fn secondary_opens(&mut self, on: &'t str, args: &'t Args<'t>) {
        let name = name_of(args);
        self.secondaries.insert(on);
        if let Some(known) = self.sets.iter().rposition(|set| set.name == name) {
            self.interfaces.insert(on, known);
            return;
        }
        if !self.others {
            return;
        }
        let given = self.endings.configuration_on(on, 0);
        let asked = self.endings.asked_on(on, name);
        let mut set = Set::new(name.to_owned(), asked, self.sets.len());
        let events = set.create_unseen(given);
        self.interfaces.insert(on, self.sets.len());
        self.sets.push(set);
        self.add(events);
    }

    /// The server has allocated a buffer, as large as a transfer may be, and as was seen.
    fn allocate(&mut self, on: &str, buffer: &str, seen: u32) {
        let Some(set) = self.set_of(on) else { return };
        let largest = set.asked.max_transfer_size;
        let size = if largest == 0 { TRANSFER } else { largest };
        let events = set.allocate(buffer, size.max(seen)).into_iter().flatten();
        let End { begun, told, at, .. } = set.end;
        let active_from = set.progress.active_from;
        // What a client has is of a time before the end.
        let Some(position) = at.filter(|_| begun || told) else { return self.add(events) };
        let mut next = position.max(active_from);
        for event in events {
            self.insert(next, event);
            next += 1;
        }
        // It stands before what is sent with it.
        let progress = self.index_of(on).map(|set| &mut self.sets[set].progress);
        progress.into_iter().for_each(|progress| progress.active_from = active_from.max(next));
    }

    /// GetCommand gives a command, or the end of the device: of either the server can think
    /// once every device is open.
    fn hears(&mut self, seen: SeenCall<'t>) {
        let Some((index, device)) = self.devices.get(seen.on).copied() else { return };
        if !self.sets[index].progress.is_active && self.opens_later(index) > 0 {
            self.early.entry(index).or_default().push(seen);
            return;
        }
        self.activate(seen.on);
        if seen.ending.status == HResult::NOERROR {
            self.delivers(seen, (index, device));
        } else {
            let closing = self.sets[index].may_close(device);
            self.add(closing);
        }
    }

    /// A command is delivered: the server has sent it.
    fn delivers(&mut self, seen: SeenCall<'t>, (index, device): (usize, &'t str)) {
        let SeenCall { at, on, ending: Ending { out, .. }, .. } = seen;
        if let Some(buffer) = &out.buffer {
            let size = out.size.and_then(|size| u32::try_from(size.0).ok()).unwrap_or_default();
            self.allocate(on, buffer.as_str(), size);
        }
        let named = out.command.as_ref().map(|name| name.as_str().to_owned());
        let unless = named.is_none().then_some(index);
        let name = named.unwrap_or_else(|| {
            self.unnamed += 1;
            format!("unseen-c{}", self.unnamed)
        });
        let set = &mut self.sets[index];
        let lane = set.lane();
        let Some(sends) = set.send(device, &name, out, &lane) else { return };
        if unless.is_none() {
            set.outstanding.insert(name, out.code);
        }
        let Some(known) = set.devices.get_mut(device) else { return };
        let clears = out.code == Some(CommandCode::ClearError);
        if clears {
            known.errored = None;
        }
        // In the error state, and after the end, it can only have been sent before. When this call
        // begins that an abort was told before, nothing explains it.
        let active_from = set.progress.active_from;
        let ended = set.end.at.filter(|_| set.end.known && !set.end.told);
        let ended = ended.map(|at| at.max(active_from));
        let before = known.errored.into_iter().chain(ended).min();
        let callbacks = if clears { set.report(device) } else { Vec::new() };
        // After a close in order an abort ends nothing: what is queued is delivered still.
        let in_order = ended.is_some() && set.end.done && !set.end.by_exit;
        let closes = if in_order { set.may_close_all() } else { Vec::new() };
        self.add(callbacks);
        if let Some(position) = ended {
            closes.into_iter().for_each(|closes| self.insert(position, closes));
        }
        match before {
            Some(position) => {
                self.insert(position.max(self.sets[index].progress.active_from), sends);
            }
            None => self.add([sends]),
        }
        // Where the set ends a return without a command may come of that alone.
        self.return_with(at, lane, unless);
    }

    fn insert(&mut self, position: usize, event: Event<'static>) {
        self.whole.insert(position, (self.line, Cow::Owned(event)));
        let positions = self.sets.iter_mut().flat_map(|set| {
            let errored = set.devices.values_mut().flat_map(|device| &mut device.errored);
            errored.chain(&mut set.end.at)
        });
        let positions = positions.chain(&mut self.gone);
        positions.filter(|known| **known >= position).for_each(|known| *known += 1);
    }

    /// A client has completed a command: the server learns of it, unless something goes on
    /// that may change what it learns.
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
        let callback = set.completed(device.unwrap_or_default(), command.as_str(), args);
        self.add(callback);
    }
}
