//! A set as its server would handle it: the calls that are supplied for it.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, CodeArg, Event, Function, Handle, Name, Out, Size};

/// Bytes of the largest transfer, where nobody is told.
pub(super) const TRANSFER: u32 = 64 * 1024;

/// The client's part of a device.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// What the server's interface to it is called.
    pub(super) server: String,
    /// Where the events stand before which a command has to be sent, if it is to be sent
    /// before the device is in the error state.
    pub(super) errored: Option<usize>,
    closes: bool,
}

/// One set, and how far its server has come.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) asked: VdConfig,
    /// The server's interface.
    pub(super) interface: String,
    number: usize,
    lanes: usize,
    /// The lane on which Open is under way.
    opening: Option<String>,
    is_open: bool,
    pub(super) configured: bool,
    pub(super) is_active: bool,
    pub(super) aborts: bool,
    closes: bool,
    /// Where the first event stands after everything was opened.
    pub(super) active_from: usize,
    /// A client knows that the set has ended, or does not care.
    pub(super) over: bool,
    /// Something that ends the set has begun: which callbacks come with which code is open.
    pub(super) ends: bool,
    /// Where the events stand before which a command has to be sent, if it is to be sent
    /// before the end.
    pub(super) ended: Option<usize>,
    /// How many the server has opened.
    opened_devices: usize,
    /// By the names under which clients open them.
    pub(super) devices: BTreeMap<String, Device>,
    /// Commands that were delivered and not completed, with their codes.
    pub(super) outstanding: BTreeMap<String, Option<CommandCode>>,
    buffers: BTreeSet<String>,
    /// Callbacks that are perhaps still to come: one that tells of an error may end what
    /// is queued at the device, and those after it come after it.
    untold: Vec<Event<'static>>,
}

impl Set {
    pub(super) fn new(name: String, asked: VdConfig, number: usize) -> Self {
        let interface = if number == 0 { "sset".to_owned() } else { format!("sset{number}") };
        Self {
            name,
            asked,
            interface,
            number,
            lanes: 0,
            opening: None,
            is_open: false,
            configured: false,
            is_active: false,
            aborts: false,
            closes: false,
            active_from: 0,
            over: false,
            ends: false,
            ended: None,
            opened_devices: 0,
            devices: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            buffers: BTreeSet::new(),
            untold: Vec::new(),
        }
    }

    /// Something begins at this place that may end the set, if the primary client does it.
    pub(super) fn end_at(&mut self, place: usize, primary: bool) {
        if primary {
            (self.ends, self.over) = (true, true);
            self.ended.get_or_insert(place);
        }
    }

    fn handle(&self, what: &str, number: usize) -> String {
        match self.number {
            0 => format!("s{what}{number}"),
            set => format!("s{set}{what}{number}"),
        }
    }

    /// A thread of the server for a call that is under way for a while.
    pub(super) fn lane(&mut self) -> String {
        self.lanes += 1;
        format!("server.unseen{}-{}", self.number, self.lanes)
    }

    /// The thread for what begins and returns at once.
    fn main(&self) -> String {
        format!("server.unseen{}", self.number)
    }

    fn agent(&self) -> String {
        format!("server.agent{}", self.number)
    }

    /// Begins and succeeds at once.
    pub(super) fn at_once(
        &self,
        call: Function,
        creates: Option<&str>,
        args: Args<'static>,
    ) -> [Event<'static>; 2] {
        let interface = self.interface.clone();
        [begins(self.main(), call, interface, creates, args), succeeds(self.main())]
    }

    /// From now on the set may be opened.
    pub(super) fn may_open(&mut self) -> Event<'static> {
        let lane = self.lane();
        self.opening = Some(lane.clone());
        let args = Args { name: Some(self.name.clone().into()), ..Args::default() };
        begins(lane, Function::Open, self.interface.clone(), None, args)
    }

    /// Whether Open has begun, at least.
    pub(super) const fn has_opened(&self) -> bool {
        self.is_open || self.opening.is_some()
    }

    /// It is open from here on.
    fn opened(&mut self) -> Vec<Event<'static>> {
        if std::mem::replace(&mut self.is_open, true) {
            return Vec::new();
        }
        let mut events = Vec::new();
        if self.opening.is_none() {
            events.push(self.may_open());
        }
        events.extend(self.opening.take().map(succeeds));
        events
    }

    /// The configuration that a client is told, up to the call that ends it.
    pub(super) fn configure(&mut self, told: Option<&VdConfig>) -> (Vec<Event<'static>>, String) {
        self.configured = true;
        let mut events = self.opened();
        let mut args =
            Args { block_size: Some(512), max_transfer_size: Some(TRANSFER), ..Args::default() };
        if let Some(told) = told {
            args.block_size = Some(told.block_size);
            args.max_transfer_size = Some(told.max_transfer_size);
            args.features = Some(told.features.without(self.asked.features));
        }
        events.extend(self.at_once(Function::BeginConfiguration, None, args));
        let lane = self.lane();
        let interface = self.interface.clone();
        let end = Function::EndConfiguration;
        events.push(begins(lane.clone(), end, interface, None, Args::default()));
        (events, lane)
    }

    /// The server opens what it has not opened yet of these devices, and the agent waits.
    pub(super) fn activate(&mut self, others: Vec<String>) -> Vec<Event<'static>> {
        self.is_active = true;
        let unopened =
            |(name, device): (&String, &Device)| device.server.is_empty().then(|| name.clone());
        let own: Vec<String> = self.devices.iter().filter_map(unopened).collect();
        let mut events = Vec::new();
        for name in own.into_iter().chain(others) {
            let handle = self.next_device();
            let args = Args { name: Some(name.clone().into()), ..Args::default() };
            events.extend(self.at_once(Function::OpenDevice, Some(&handle), args));
            if let Some(device) = self.devices.get_mut(&name) {
                device.server = handle;
            }
        }
        let agent = Function::ExecuteCompletionAgent;
        events.push(begins(self.agent(), agent, self.interface.clone(), None, Args::default()));
        events
    }

    fn next_device(&mut self) -> String {
        self.opened_devices += 1;
        self.handle("dev", self.opened_devices)
    }

    /// A client opens a device: the server may have to have opened it before.
    pub(super) fn may_open_device(&mut self, name: &str) -> Option<(Event<'static>, String)> {
        let device = Device { server: String::new(), errored: None, closes: false };
        let known = self.devices.entry(name.to_owned()).or_insert(device);
        if !known.server.is_empty() || !self.configured || self.is_active {
            return None;
        }
        let (lane, handle) = (self.lane(), self.next_device());
        if let Some(device) = self.devices.get_mut(name) {
            device.server = handle.clone();
        }
        let args = Args { name: Some(name.to_owned().into()), ..Args::default() };
        let interface = self.interface.clone();
        let open = begins(lane.clone(), Function::OpenDevice, interface, Some(&handle), args);
        Some((open, lane))
    }

    /// A buffer that a client was given, before it is first spoken of.
    pub(super) fn allocate(&mut self, buffer: &str, size: u32) -> Option<[Event<'static>; 2]> {
        if self.ends || !self.configured || !self.buffers.insert(buffer.to_owned()) {
            return None;
        }
        let args = Args { alignment: Some(0), size: Some(Size(size.into())), ..Args::default() };
        Some(self.at_once(Function::AllocateBuffer, Some(buffer), args))
    }

    /// The call that sends what a client was given, under this name, on a lane.
    pub(super) fn send(
        &self,
        device: &str,
        (name, out): (&str, &Out<'_>),
        lane: String,
    ) -> Option<Event<'static>> {
        let on = self.devices.get(device)?.server.clone();
        let args = Args {
            // A number that stands for no command is one that need not be supported.
            code: Some(CodeArg::Command(out.code.unwrap_or(CommandCode::Discard))),
            size: out.size,
            position: out.position,
            buffer: out.buffer.clone().map(|buffer| Handle::Name(buffer.into_owned())),
            ..Args::default()
        };
        Some(begins(lane, Function::SendCommand, on, Some(name), args))
    }

    /// From now on the server may have closed the device.
    pub(super) fn may_close(&mut self, device: &str) -> Option<Event<'static>> {
        let lane = self.lane();
        let known = self.devices.get_mut(device)?;
        if !self.is_active || std::mem::replace(&mut known.closes, true) {
            return None;
        }
        let on = known.server.clone();
        Some(begins(lane, Function::CloseDevice, on, None, Args::default()))
    }

    /// From now on the server may have closed every device.
    pub(super) fn may_close_devices(&mut self) -> Vec<Event<'static>> {
        let names: Vec<String> = self.devices.keys().cloned().collect();
        names.iter().filter_map(|name| self.may_close(name)).collect()
    }

    /// The end may be that the server has closed everything.
    pub(super) fn may_close_all(&mut self) -> Vec<Event<'static>> {
        if std::mem::replace(&mut self.closes, true) {
            return Vec::new();
        }
        let mut events = self.may_close_devices();
        let (lane, interface) = (self.lane(), self.interface.clone());
        events.push(begins(lane, Function::Close, interface, None, Args::default()));
        events
    }

    /// From now on the server may abort, if it has opened the set.
    pub(super) fn may_abort(&mut self) -> Vec<Event<'static>> {
        self.aborts = true;
        let mut events = Vec::new();
        if !self.has_opened() {
            events.push(self.may_open());
        }
        let (lane, interface) = (self.lane(), self.interface.clone());
        events.push(begins(lane, Function::SignalAbort, interface, None, Args::default()));
        events
    }

    /// The server learns how a command ended, now or later. Of what may yet end
    /// otherwise it is not said.
    pub(super) fn completed(&mut self, command: &str, args: &Args<'_>) -> Option<Event<'static>> {
        let completion: Win32 = args.code.and_then(|code| code.completion())?;
        let told = Event::Callback {
            seq: None,
            lane: self.agent().into(),
            callback: command.to_owned().into(),
            completion,
            bytes: args.bytes.unwrap_or_default(),
            position: None,
            held: false,
        };
        if self.ends || self.aborts {
            return None;
        }
        if completion == Win32::ERROR_SUCCESS && self.untold.is_empty() {
            return Some(told);
        }
        self.untold.push(told);
        None
    }

    /// The server has been told of every error.
    pub(super) fn told(&mut self) -> Vec<Event<'static>> {
        std::mem::take(&mut self.untold)
    }
}

pub(super) fn begins(
    lane: String,
    call: Function,
    on: String,
    creates: Option<&str>,
    args: Args<'static>,
) -> Event<'static> {
    let creates = creates.map(|name| Name::from(name.to_owned()));
    Event::Call { seq: None, lane: lane.into(), call, on: on.into(), creates, args }
}

pub(super) fn succeeds(lane: String) -> Event<'static> {
    Event::Return { seq: None, lane: lane.into(), status: HResult::NOERROR, out: Out::default() }
}
