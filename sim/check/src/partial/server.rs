//! A set as its server would handle it: the calls that are synthesized for it.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{
    Args, CLIENT_SET, CodeArg, Event, Function, Handle, HowEnded, Name, Out, Process, Size,
    TimeoutArg,
};

/// Bytes of the largest transfer, where no configuration says.
pub(super) const TRANSFER: u32 = 64 * 1024;

/// The client's part of a device.
#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    /// What the server's interface to it is called.
    pub(super) server: String,
    /// The lane on which the server opens it, if that begins with a call of a client.
    pub(super) opening: Option<String>,
    /// Where the events stand before which a command has to be sent, if it is to be sent
    /// before the device is in the error state.
    pub(super) errored: Option<usize>,
    closes: bool,
}

/// One set, and how far its server has come.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) name: String,
    /// The instance that it is made for.
    pub(super) instance: Option<Name<'static>>,
    pub(super) asked: VdConfig,
    /// The server's interface.
    pub(super) interface: String,
    numbers: Numbers,
    pub(super) progress: Progress,
    pub(super) end: End,
    /// By the names under which clients open them.
    pub(super) devices: BTreeMap<String, Device>,
    /// Commands that were delivered and not completed, with their codes.
    pub(super) outstanding: BTreeMap<String, Option<CommandCode>>,
    buffers: BTreeSet<String>,
    /// The interface of the client that nobody has seen, with its devices.
    unseen: Option<(String, Vec<String>)>,
    /// Callbacks that are perhaps still to come: one that reports an error may end what
    /// is queued at the device, and those after it come after it.
    unreported: Vec<Told>,
}

/// What makes the names of a set's synthesized lanes and handles differ.
#[derive(Clone, Debug, Default)]
struct Numbers {
    set: usize,
    lanes: usize,
    /// How many devices the server has opened.
    devices: usize,
}

/// How far the server has come on the way to the first command.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The lane on which Open is in progress.
    opening: Option<String>,
    is_open: bool,
    pub(super) configured: bool,
    pub(super) is_active: bool,
    /// Where the first event stands after everything was opened.
    pub(super) active_from: usize,
}

/// What the server is told of a device, by its name.
type Told = (String, Event<'static>);

/// How a set ends.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    /// From some event on the server may have aborted.
    pub(super) aborts: bool,
    /// The same of a close.
    closes: bool,
    /// The lane on which the server's SignalAbort is in progress.
    aborting: Option<String>,
    /// The client has begun to abort.
    pub(super) asked: bool,
    /// A client knows that the set has ended, or does not care.
    pub(super) known: bool,
    /// It is the end of a process, which is noticed at some time after.
    pub(super) by_exit: bool,
    /// A call has told of an abort.
    pub(super) told: bool,
    /// Something that ends the set has begun: which callbacks come with which code is open.
    pub(super) begun: bool,
    /// The primary's call that has begun to end it has returned.
    pub(super) done: bool,
    /// Where the events stand before which a command has to be sent, if it is to be sent
    /// before the end.
    pub(super) at: Option<usize>,
}

impl Set {
    pub(super) fn new(name: String, asked: VdConfig, number: usize) -> Self {
        Self {
            name,
            instance: None,
            asked,
            interface: if number == 0 { "sset".to_owned() } else { format!("sset{number}") },
            numbers: Numbers { set: number, ..Numbers::default() },
            progress: Progress::default(),
            end: End::default(),
            devices: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            buffers: BTreeSet::new(),
            unseen: None,
            unreported: Vec::new(),
        }
    }

    /// Something begins at this position that may end the set, if the primary client does it.
    pub(super) fn end_at(&mut self, position: usize, primary: bool) {
        if primary {
            (self.end.begun, self.end.known) = (true, true);
            self.end.at.get_or_insert(position);
        }
    }

    /// A client's process ends at this position. What is aborted from here on is by this end, if
    /// it is the primary's and by nothing before; where lanes run freely it is noticed at some
    /// time after.
    pub(super) fn client_ends(&mut self, position: usize, primary: bool, free: bool) {
        self.end.by_exit |= primary && !self.end.begun;
        self.end.aborts |= self.end.by_exit;
        let known = self.end.known;
        self.end_at(position, primary);
        if free {
            self.end.known = known;
        }
    }

    /// A thread of the server for a call that is in progress for a while.
    pub(super) fn lane(&mut self) -> String {
        self.numbers.lanes += 1;
        format!("server.unseen{}-{}", self.numbers.set, self.numbers.lanes)
    }

    fn agent(&self) -> String {
        format!("server.agent{}", self.numbers.set)
    }

    /// A call on the server's interface begins.
    fn begins(&self, lane: &str, call: Function, args: Args<'static>) -> Event<'static> {
        begins(lane, call, &self.interface, None, args)
    }

    /// It begins and succeeds at once.
    fn at_once(
        &self,
        call: Function,
        creates: Option<&str>,
        args: Args<'static>,
    ) -> [Event<'static>; 2] {
        let main = format!("server.unseen{}", self.numbers.set);
        [begins(&main, call, &self.interface, creates, args), succeeds(main)]
    }

    /// From now on the set may be opened.
    pub(super) fn may_open(&mut self) -> Event<'static> {
        let lane = self.lane();
        let args = Args { instance: self.instance.clone(), ..named(&self.name) };
        let event = self.begins(&lane, Function::Open, args);
        self.progress.opening = Some(lane);
        event
    }

    /// Whether Open has begun, at least.
    pub(super) const fn has_opened(&self) -> bool {
        self.progress.is_open || self.progress.opening.is_some()
    }

    /// It is open from here on.
    fn opened(&mut self) -> Vec<Event<'static>> {
        if std::mem::replace(&mut self.progress.is_open, true) {
            return Vec::new();
        }
        let mut events = Vec::new();
        if self.progress.opening.is_none() {
            events.push(self.may_open());
        }
        events.extend(self.progress.opening.take().map(succeeds));
        events
    }

    /// The configuration that a client is given, up to the call that ends it: with the lane
    /// of that call.
    pub(super) fn configure(&mut self, given: Option<&VdConfig>) -> (Vec<Event<'static>>, String) {
        self.progress.configured = true;
        let mut events = self.opened();
        let mut args =
            Args { block_size: Some(512), max_transfer_size: Some(TRANSFER), ..Args::default() };
        if let Some(given) = given {
            args.block_size = Some(given.block_size);
            args.max_transfer_size = Some(given.max_transfer_size);
            args.features = Some(given.features);
            // The larger one of what client and server asked for: that it was the server does no harm.
            let raised = given.alignment > given.block_size && given.alignment <= 65_536;
            args.alignment =
                (raised && given.alignment.is_power_of_two()).then_some(given.alignment);
        }
        events.extend(self.at_once(Function::BeginConfiguration, None, args));
        let lane = self.lane();
        events.push(self.begins(&lane, Function::EndConfiguration, Args::default()));
        (events, lane)
    }

    /// The server opens what it has not opened yet of these devices, and the agent waits.
    pub(super) fn activate(&mut self, others: Vec<String>) -> Vec<Event<'static>> {
        self.progress.is_active = true;
        let unopened =
            |(name, device): (&String, &Device)| device.server.is_empty().then(|| name.clone());
        let seen: Vec<String> = self.devices.iter().filter_map(unopened).collect();
        let mut events = Vec::new();
        for name in seen.into_iter().chain(others) {
            let handle = self.next_device();
            events.extend(self.at_once(Function::OpenDevice, Some(&handle), named(&name)));
            if let Some(device) = self.devices.get_mut(&name) {
                device.server = handle;
            }
        }
        let agent = self.agent();
        events.push(self.begins(&agent, Function::ExecuteCompletionAgent, Args::default()));
        events
    }

    fn next_device(&mut self) -> String {
        self.numbers.devices += 1;
        match self.numbers.set {
            0 => format!("sdev{}", self.numbers.devices),
            set => format!("s{set}dev{}", self.numbers.devices),
        }
    }

    /// A client opens a device: the server may have to have opened it before.
    pub(super) fn may_open_device(&mut self, name: &str) -> Option<(Event<'static>, String)> {
        let known = self.devices.entry(name.to_owned()).or_default();
        if !known.server.is_empty() || !self.progress.configured || self.progress.is_active {
            return None;
        }
        let (lane, handle) = (self.lane(), self.next_device());
        if let Some(device) = self.devices.get_mut(name) {
            device.server.clone_from(&handle);
            device.opening = Some(lane.clone());
        }
        let call = Function::OpenDevice;
        Some((begins(&lane, call, &self.interface, Some(&handle), named(name)), lane))
    }

    /// The server may open every device from here on, those by the names that clients open
    /// later among them.
    pub(super) fn may_open_devices(&mut self, later: Vec<&str>) -> Vec<Event<'static>> {
        let named = std::iter::once(self.name.as_str()).chain(later).map(str::to_owned);
        let others = (1..).map(|number| format!("unseen-{number}"));
        let left = (self.asked.device_count as usize).saturating_sub(self.devices.len());
        let mut names: Vec<String> = Vec::new();
        for name in named.chain(others) {
            if names.len() >= left {
                break;
            }
            if !self.devices.contains_key(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names.iter().filter_map(|name| self.may_open_device(name)).map(|(open, _)| open).collect()
    }

    /// A buffer that a client was given, before its first use.
    pub(super) fn allocate(&mut self, buffer: &str, size: u32) -> Option<[Event<'static>; 2]> {
        if !self.progress.configured || !self.buffers.insert(buffer.to_owned()) {
            return None;
        }
        // Under no reading it is refused.
        let args = Args { alignment: Some(512), size: Some(Size(size.into())), ..Args::default() };
        Some(self.at_once(Function::AllocateBuffer, Some(buffer), args))
    }

    /// The call that sends what a client was given, under this name, on a lane.
    pub(super) fn send(
        &self,
        device: &str,
        name: &str,
        out: &Out<'_>,
        lane: &str,
    ) -> Option<Event<'static>> {
        let args = Args {
            // A number that stands for no command is one that need not be supported.
            code: Some(CodeArg::Command(out.code.unwrap_or(CommandCode::Discard))),
            size: out.size,
            position: out.position,
            buffer: out.buffer.clone().map(|buffer| Handle::Name(buffer.into_owned())),
            ..Args::default()
        };
        let on = &self.devices.get(device)?.server;
        Some(begins(lane, Function::SendCommand, on, Some(name), args))
    }

    /// From now on the server may have closed the device.
    pub(super) fn may_close(&mut self, device: &str) -> Option<Event<'static>> {
        let lane = self.lane();
        let known = self.devices.get_mut(device)?;
        if !self.progress.is_active || std::mem::replace(&mut known.closes, true) {
            return None;
        }
        Some(begins(&lane, Function::CloseDevice, &known.server, None, Args::default()))
    }

    /// From now on the server may have closed every device.
    pub(super) fn may_close_devices(&mut self) -> Vec<Event<'static>> {
        let names: Vec<String> = self.devices.keys().cloned().collect();
        self.may_close_these(names.iter().map(String::as_str))
    }

    /// The same of the devices of these names.
    pub(super) fn may_close_these<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Vec<Event<'static>> {
        names.into_iter().filter_map(|name| self.may_close(name)).collect()
    }

    /// The end may be that the server has closed everything.
    pub(super) fn may_close_all(&mut self) -> Vec<Event<'static>> {
        if std::mem::replace(&mut self.end.closes, true) {
            return Vec::new();
        }
        let mut events = self.may_close_devices();
        let lane = self.lane();
        events.push(self.begins(&lane, Function::Close, Args::default()));
        events
    }

    /// From now on the server may abort, if it has opened the set.
    pub(super) fn may_abort(&mut self) -> Vec<Event<'static>> {
        self.end.aborts = true;
        let mut events = Vec::new();
        if !self.has_opened() {
            events.push(self.may_open());
        }
        let lane = self.lane();
        events.push(self.begins(&lane, Function::SignalAbort, Args::default()));
        self.end.aborting = Some(lane);
        events
    }

    /// The server's process ends at this position: whatever it left open is aborted, if it has
    /// not closed; by a call, if its end cannot be told where a later set has a server.
    pub(super) fn server_ends(
        &mut self,
        position: usize,
        closes: bool,
        succeeded: bool,
        how: HowEnded,
    ) -> Vec<Event<'static>> {
        self.end_at(position, true);
        if !self.has_opened() {
            return Vec::new();
        }
        let mut events = if closes { self.may_close_all() } else { Vec::new() };
        if succeeded && !self.end.aborts {
            events.extend(self.may_abort());
        }
        self.end.aborts = true;
        self.end.by_exit |= how == HowEnded::Killed;
        events
    }

    /// Whether nothing but an abort of the server's can have ended it.
    pub(super) const fn is_ended_by_server(&self) -> bool {
        let End { aborting, asked, begun, by_exit, .. } = &self.end;
        aborting.is_some() && !*asked && !*begun && !*by_exit
    }

    /// The server has aborted: the lanes of the calls in progress that have succeeded.
    pub(super) fn has_aborted(&mut self) -> Vec<String> {
        let open = self.progress.opening.take();
        self.progress.is_open |= open.is_some();
        open.into_iter().chain(self.end.aborting.take()).collect()
    }

    /// The server learns how a command ended, now or later. Of what may yet end
    /// otherwise it does not.
    pub(super) fn completed(
        &mut self,
        device: &str,
        command: &str,
        args: &Args<'_>,
    ) -> Option<Event<'static>> {
        let completion: Win32 = args.code.and_then(|code| code.completion())?;
        if self.end.begun || self.end.aborts {
            return None;
        }
        let callback = Event::Callback {
            seq: None,
            lane: self.agent().into(),
            callback: command.to_owned().into(),
            completion,
            bytes: args.bytes.unwrap_or_default(),
            position: None,
            held: false,
        };
        if completion == Win32::ERROR_SUCCESS {
            return Some(callback);
        }
        self.unreported.push((device.to_owned(), callback));
        None
    }

    /// The server has learnt of every error of this device.
    pub(super) fn report(&mut self, device: &str) -> Vec<Event<'static>> {
        let of_device = |(of, _): &Told| of == device;
        let (now, later): (Vec<Told>, Vec<Told>) = self.unreported.drain(..).partition(of_device);
        self.unreported = later;
        now.into_iter().map(|(_, callback)| callback).collect()
    }
}

/// The argument `name` alone.
pub(super) fn named(name: &str) -> Args<'static> {
    Args { name: Some(name.to_owned().into()), ..Args::default() }
}

pub(super) fn begins(
    lane: &str,
    call: Function,
    on: &str,
    creates: Option<&str>,
    args: Args<'static>,
) -> Event<'static> {
    let name = |name: &str| Name::from(name.to_owned());
    Event::Call {
        seq: None,
        lane: name(lane),
        call,
        on: name(on),
        creates: creates.map(name),
        args,
    }
}

pub(super) fn succeeds(lane: String) -> Event<'static> {
    Event::Return { seq: None, lane: lane.into(), status: HResult::NOERROR, out: Out::default() }
}

/// What clients do that nobody has seen.
impl Set {
    /// The client creates the set, of which only another was seen to open it, and is given this
    /// configuration.
    pub(super) fn create_unseen(&mut self, given: Option<&VdConfig>) -> Vec<Event<'static>> {
        let lane = "primary.unseen";
        let args = Args { config: Some(Box::new(self.asked)), ..named(&self.name) };
        let mut events = vec![
            begins(lane, Function::Create, CLIENT_SET, None, args),
            succeeds(lane.to_owned()),
            self.may_open(),
        ];
        let (configured, end) = self.configure(given);
        events.extend(configured);
        events.push(succeeds(end));
        let args = Args { timeout: Some(TimeoutArg::Infinite), ..Args::default() };
        events.push(begins(lane, Function::GetConfiguration, CLIENT_SET, None, args));
        events.push(succeeds(lane.to_owned()));
        events
    }

    /// Another client opens devices of the set that nobody was seen to open.
    pub(super) fn open_unseen(&mut self, other: Process, names: &[String]) -> Vec<Event<'static>> {
        let own = |text: String| match self.numbers.set {
            0 => text,
            set => format!("{text}of{set}"),
        };
        let (lane, interface) = (own(format!("{other}.unseen")), own(other.set_interface()));
        let open = begins(&lane, Function::OpenInSecondary, &interface, None, named(&self.name));
        let mut events = vec![open, succeeds(lane.clone())];
        let mut handles = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let handle = own(format!("{other}dev{index}"));
            let open = Function::OpenDevice;
            events.push(begins(&lane, open, &interface, Some(&handle), named(name)));
            events.push(succeeds(lane.clone()));
            handles.push(handle);
            self.devices.entry(name.clone()).or_default();
        }
        self.unseen = Some((interface, handles));
        events
    }

    /// The interfaces that are made up: the server's, and that of a client that nobody has seen.
    pub(super) fn interfaces(&self, other: Process) -> impl Iterator<Item = (String, Process)> {
        let unseen = self.unseen.as_ref().map(|(interface, _)| (interface.clone(), other));
        std::iter::once((self.interface.clone(), Process::Server)).chain(unseen)
    }

    /// From now on that client may be told that its devices have ended.
    pub(super) fn may_end_unseen(&mut self, other: Process) -> Vec<Event<'static>> {
        let handles = self.unseen.as_mut().map(|(_, handles)| std::mem::take(handles));
        let args = || Args { timeout: Some(TimeoutArg::Infinite), ..Args::default() };
        let gets = |handle: String| {
            begins(&format!("{other}.unseen-{handle}"), Function::GetCommand, &handle, None, args())
        };
        handles.unwrap_or_default().into_iter().map(gets).collect()
    }
}
