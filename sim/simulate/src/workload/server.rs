//! The database backend: opens a set, configures it, backs up or restores over its
//! devices, and closes it in order, or as its failure demands.

use super::content::Content;
use super::program::{Act, ProgramContext, StatementKind, StatementState};
use super::stream::{Effect, SendContext, Stream};
use crate::backend::{Answer, CalledBack, ServerAsk};
use crate::faults::injected::Fault;
use crate::options::Options;
use vdi_spec::clauses::{AgentReturn, CloseEventAfterServerClose, Profile, QueueFullCode};
use vdi_spec::codes::{HResult, Win32};

/// Where the server's main lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Waiting for the statement.
    Waiting,
    Opening,
    Asking,
    Beginning,
    Requesting,
    Ending,
    /// The agent is about to start on its own lane.
    Starting,
    OpeningDevice(u8),
    Allocating,
    Streaming,
    Discarding(u8),
    ClosingDevice(u8),
    Aborting,
    /// Until the agent has returned.
    Joining,
    Closing,
    Ended,
}

/// The agent's lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgentLane {
    /// Not started yet.
    Waiting,
    /// Told to start.
    Called,
    /// Inside ExecuteCompletionAgent.
    Running,
    Returned,
}

/// The server's side of one set, for one statement.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    kind: StatementKind,
    at: At,
    agent: AgentLane,
    streams: Vec<Stream>,
    /// The first number that its devices' data has.
    ids: u32,
    turn: usize,
    free: Vec<u32>,
    wanted: u32,
    buffers: u32,
    devices: u8,
    failed: bool,
    cancelled: bool,
    aborted: bool,
    opened: bool,
    /// Whether a command was taken, or a device closed.
    active: bool,
    /// How often it has waited for the set to become active.
    tries: u32,
    /// What comes before the next thing.
    pause: Option<Act>,
}

/// How often a server tries to send before it thinks that the client will not come.
const MOST_TRIES: u32 = 400;

/// Milliseconds between two tries.
const BETWEEN_TRIES: u32 = 250;

/// Milliseconds between two commands of a slow server.
const MOST_PAUSE: u32 = 2_500;

impl Server {
    pub(crate) fn new(kind: StatementKind, ids: u32) -> Self {
        Self {
            kind,
            at: At::Waiting,
            agent: AgentLane::Waiting,
            streams: Vec::new(),
            ids,
            turn: 0,
            free: Vec::new(),
            wanted: 0,
            buffers: 0,
            devices: 0,
            failed: false,
            cancelled: false,
            aborted: false,
            opened: false,
            active: false,
            tries: 0,
            pause: None,
        }
    }

    /// Whether its statement can only fail.
    pub(crate) const fn has_failed(&self) -> bool {
        self.failed || self.aborted
    }

    /// Whether a command waits for the client: for each of them the agent's patience ends.
    pub(crate) fn is_pressed(&self) -> bool {
        !self.streams.iter().all(Stream::is_quiet)
    }

    /// Whether the set interface may be used.
    pub(crate) const fn is_open(&self) -> bool {
        self.opened && !self.is_ending()
    }

    /// Whether a command was taken, or a device closed.
    pub(crate) const fn is_active(&self) -> bool {
        self.active
    }

    /// Whether it is too late for the agent to start.
    pub(crate) const fn is_ending(&self) -> bool {
        matches!(self.at, At::Closing | At::Ended)
    }

    /// Whether its main lane has come to its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.at == At::Ended
    }

    /// Somebody cancels the statement, if it is under way and not about to end.
    pub(crate) fn cancel(&mut self) -> bool {
        let late = matches!(self.at, At::Discarding(_) | At::ClosingDevice(_) | At::Aborting)
            || matches!(self.at, At::Joining | At::Closing | At::Ended);
        let cancels = self.opened && !late && !self.has_failed();
        if cancels {
            (self.failed, self.cancelled) = (true, true);
            // Nothing is waited for any more.
            self.pause = None;
        }
        cancels
    }

    /// A buffer was freed.
    pub(crate) fn loses(&mut self, buffer: u32) {
        self.free.retain(|free| *free != buffer);
    }

    pub(crate) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// What the main lane does next.
    pub(crate) fn next(&mut self, context: &mut ProgramContext<'_>) -> Act {
        if let Some(pause) = self.pause.take() {
            return pause;
        }
        loop {
            match self.at {
                At::Waiting => match *context.statement {
                    StatementState::Issued(devices) => self.begin(devices, context),
                    StatementState::NotIssued => return Act::Idle,
                    StatementState::Succeeded | StatementState::Failed => self.at = At::Ended,
                },
                At::Starting => {
                    self.agent = AgentLane::Called;
                    self.at = At::OpeningDevice(0);
                }
                At::Opening => {
                    let late = context.options.faults.slow_server;
                    if late > 0 && std::mem::take(&mut self.tries) == 0 {
                        self.tries = 1;
                        context.injected.insert(Fault::SlowServer);
                        return Act::Sleep(late);
                    }
                    return Act::call(ServerAsk::Open { misnomer: None });
                }
                At::Streaming => {
                    if let Some(act) = self.stream(context) {
                        return act;
                    }
                }
                At::Discarding(device) => {
                    if let Some(act) = self.discard(device, context) {
                        return act;
                    }
                }
                At::Joining => {
                    if matches!(self.agent, AgentLane::Called | AgentLane::Running)
                        && !closes_early(context)
                    {
                        return Act::Idle;
                    }
                    self.at = At::Closing;
                }
                At::Ended => {
                    self.end(context);
                    return Act::Done;
                }
                At::Asking => return Act::call(ServerAsk::GetConfiguration),
                At::Beginning => {
                    return self.configure(ServerAsk::BeginConfiguration { flaw: None }, context);
                }
                At::Requesting => {
                    let (size, count) = (context.options.max_transfer_size, self.wanted);
                    return self.configure(ServerAsk::RequestBuffers { size, count }, context);
                }
                At::Ending => return self.configure(ServerAsk::EndConfiguration, context),
                At::OpeningDevice(device) => return Act::call(ServerAsk::open_device(device)),
                At::Allocating => {
                    let buffer = context.numbers.next_buffer();
                    let size = context.options.max_transfer_size;
                    return Act::call(ServerAsk::AllocateBuffer { buffer, size, alignment: 0 });
                }
                At::ClosingDevice(device) => return Act::call(ServerAsk::CloseDevice { device }),
                At::Aborting => return Act::call(ServerAsk::SignalAbort),
                At::Closing => return Act::call(ServerAsk::Close),
            }
        }
    }

    /// A call that configures the set; a slow server takes its time before it.
    fn configure(&self, ask: ServerAsk, context: &mut ProgramContext<'_>) -> Act {
        let slow = context.options.faults.slow_server;
        if slow > 0 && context.fault_rng.once_in(2) {
            context.injected.insert(Fault::SlowServer);
            return Act::Sleep(slow.min(MOST_PAUSE));
        }
        Act::call(ask)
    }

    /// What the agent's lane does next.
    pub(crate) fn next_agent(&mut self) -> Act {
        match self.agent {
            AgentLane::Called if self.is_ending() => {
                self.agent = AgentLane::Returned;
                Act::Done
            }
            AgentLane::Called => {
                self.agent = AgentLane::Running;
                Act::call(ServerAsk::ExecuteCompletionAgent)
            }
            AgentLane::Returned => Act::Done,
            AgentLane::Waiting | AgentLane::Running if self.has_ended() => Act::Done,
            AgentLane::Waiting | AgentLane::Running => Act::Idle,
        }
    }

    fn begin(&mut self, devices: u8, context: &mut ProgramContext<'_>) {
        let options = context.options;
        self.devices = devices;
        self.wanted = u32::from(devices) * u32::from(options.buffers);
        let fails = match self.kind {
            StatementKind::Backup => options.faults.statement_fails,
            StatementKind::Restore => options.faults.restore_fails,
        };
        if fails {
            context.injected.insert(Fault::StatementFails);
            (self.failed, self.at) = (true, At::Ended);
            return;
        }
        let stream = |device: u8| match self.kind {
            StatementKind::Backup => {
                Stream::backup(options, context.profile, device, self.ids + u32::from(device))
            }
            StatementKind::Restore => {
                Stream::restore(options, context.profile, device, self.ids + u32::from(device))
            }
        };
        self.streams = (0..devices).map(stream).collect();
        self.at = At::Opening;
    }

    /// Sends the next command of any stream, in turns; `None` if the state has changed.
    fn stream(&mut self, context: &mut ProgramContext<'_>) -> Option<Act> {
        if self.agent == AgentLane::Called {
            return Some(Act::Idle);
        }
        if self.failed || self.aborted {
            self.fail(context.options);
            return (self.at == At::Streaming).then_some(Act::Idle);
        }
        let options = context.options;
        let slow = options.faults.slow_server;
        if slow > 0 && self.active && context.fault_rng.once_in(8) {
            context.injected.insert(Fault::SlowServer);
            return Some(Act::Sleep(slow.min(MOST_PAUSE)));
        }
        let beyond = if options.faults.queue > 0 { 2 } else { 0 };
        let depth = usize::from(options.queue_depth) + beyond;
        for _ in 0..self.streams.len() {
            let index = self.turn;
            self.turn = (self.turn + 1) % self.streams.len();
            let stream = &mut self.streams[index];
            let mut supplies =
                SendContext { numbers: context.numbers, buffers: &mut self.free, depth };
            if let Some((send, fill)) = stream.next(&mut supplies) {
                return Some(Act::Call(ServerAsk::SendCommand(send).into(), fill));
            }
        }
        if self.streams.iter().all(Stream::is_done) {
            self.at = At::ClosingDevice(0);
            return None;
        }
        Some(Act::Idle)
    }

    /// Throws a backup away, device by device, before they are closed.
    fn discard(&mut self, device: u8, context: &mut ProgramContext<'_>) -> Option<Act> {
        if self.aborted {
            self.at = At::Joining;
            return None;
        }
        if self.streams.iter().any(|stream| !stream.is_quiet()) {
            return Some(Act::Idle);
        }
        let Some(stream) = self.streams.get_mut(usize::from(device)) else {
            self.at = At::ClosingDevice(0);
            return None;
        };
        self.at = At::Discarding(device + 1);
        let discards =
            context.options.discard && self.kind == StatementKind::Backup && !stream.is_errored();
        if !discards {
            return None;
        }
        let mut supplies =
            SendContext { numbers: context.numbers, buffers: &mut self.free, depth: 1 };
        Some(Act::call(ServerAsk::SendCommand(stream.discard(&mut supplies))))
    }

    /// The statement fails: what is left is to end in order, or to abort.
    fn fail(&mut self, options: &Options) {
        self.failed = true;
        if self.aborted && self.opened {
            self.at = At::Joining;
        } else if self.at == At::Streaming
            && (options.fails_in_order || self.cancelled)
            && self.can_end_in_order()
        {
            self.at = At::Discarding(0);
        } else if self.opened {
            self.at = At::Aborting;
        } else {
            self.at = At::Ended;
        }
    }

    /// Devices can be closed in order once the set is active.
    fn can_end_in_order(&self) -> bool {
        self.active && self.agent == AgentLane::Running
    }

    fn end(&self, context: &mut ProgramContext<'_>) {
        if !context.statement.is_over() {
            let succeeded = !self.failed && !self.aborted && self.opened;
            *context.statement =
                if succeeded { StatementState::Succeeded } else { StatementState::Failed };
        }
    }

    /// A call of the main lane has returned.
    pub(crate) fn returned(
        &mut self,
        ask: &ServerAsk,
        answer: &Answer,
        options: &Options,
        profile: &Profile,
    ) {
        let status = answer.status;
        if status == HResult::VD_E_ABORT {
            self.aborted = true;
            self.fail(options);
            return;
        }
        let good = status == HResult::NOERROR;
        match *ask {
            ServerAsk::Open { .. } if good => {
                (self.opened, self.at, self.tries) = (true, At::Asking, 0);
            }
            // As many devices as the statement names.
            ServerAsk::GetConfiguration
                if good
                    && answer
                        .config
                        .as_ref()
                        .is_none_or(|config| config.device_count == u32::from(self.devices)) =>
            {
                self.at = At::Beginning;
            }
            ServerAsk::BeginConfiguration { .. } if good => self.at = At::Requesting,
            ServerAsk::RequestBuffers { .. } => self.at = At::Ending,
            ServerAsk::EndConfiguration if good => self.at = At::Starting,
            // It stays Configurable, and less may be asked for.
            ServerAsk::EndConfiguration if self.wanted > 1 => {
                (self.wanted, self.at) = (self.wanted / 2, At::Requesting);
            }
            ServerAsk::OpenDevice { device, .. } if good => {
                let next = device + 1;
                self.at =
                    if next < self.devices { At::OpeningDevice(next) } else { At::Allocating };
            }
            ServerAsk::AllocateBuffer { buffer, .. } if good => {
                self.free.push(buffer);
                self.buffers += 1;
                if self.buffers >= self.wanted {
                    self.at = At::Streaming;
                }
            }
            ServerAsk::AllocateBuffer { .. } if self.buffers > 0 => self.at = At::Streaming,
            ServerAsk::SendCommand(_) => self.sent(status, options, profile),
            ServerAsk::CloseDevice { device } => self.device_closed(device, status, options),
            ServerAsk::SignalAbort => (self.aborted, self.at) = (true, At::Joining),
            ServerAsk::Close => {
                self.failed |= !good;
                self.at = At::Ended;
            }
            ServerAsk::Open { .. }
            | ServerAsk::GetConfiguration
            | ServerAsk::BeginConfiguration { .. }
            | ServerAsk::QueryAvailableBuffers { .. }
            | ServerAsk::EndConfiguration
            | ServerAsk::ExecuteCompletionAgent
            | ServerAsk::OpenDevice { .. }
            | ServerAsk::AllocateBuffer { .. }
            | ServerAsk::FreeBuffer { .. }
            | ServerAsk::IsSharedBuffer { .. } => self.fail(options),
        }
    }

    fn device_closed(&mut self, device: u8, status: HResult, options: &Options) {
        let good = status == HResult::NOERROR;
        if good || self.active {
            self.active = true;
            self.failed |= !good;
            let next = device + 1;
            self.at = if next < self.devices { At::ClosingDevice(next) } else { At::Joining };
        } else if status == HResult::VD_E_PROTOCOL && self.tries < MOST_TRIES {
            // Nothing was sent, and the client has not opened its devices yet.
            self.tries += 1;
            self.pause = Some(Act::Sleep(BETWEEN_TRIES));
        } else {
            self.fail(options);
        }
    }

    fn sent(&mut self, status: HResult, options: &Options, profile: &Profile) {
        // Any other failure may be that of a full queue.
        let full = |status| {
            status == HResult::VD_E_BUSY || profile.queue_full_code == QueueFullCode::Other
        };
        match status {
            HResult::NOERROR => (self.tries, self.active) = (0, true),
            // Too early: the client has not opened its devices, or the agent does not run.
            HResult::VD_E_PROTOCOL if self.tries < MOST_TRIES => {
                self.tries += 1;
                self.pause = Some(Act::Sleep(BETWEEN_TRIES));
            }
            HResult::VD_E_PROTOCOL => self.fail(options),
            // Full: once something comes back there is room.
            status if full(status) && self.streams.iter().any(|stream| !stream.is_quiet()) => {
                self.pause = Some(Act::Idle);
            }
            status if full(status) => self.pause = Some(Act::Sleep(BETWEEN_TRIES)),
            _ => {}
        }
    }

    /// The buffer of a Read that this command is, if it is one, and the bytes asked for.
    pub(crate) fn read_into(&self, command: u32) -> Option<(u32, u32)> {
        self.streams.iter().find_map(|stream| stream.read_into(command))
    }

    /// A completion routine was invoked.
    pub(crate) fn called_back(
        &mut self,
        back: &CalledBack,
        content: Option<Content>,
        removable: bool,
    ) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.sent(back.command)) else {
            return;
        };
        // What it waited for may have come.
        if matches!(self.pause, Some(Act::Idle)) {
            self.pause = None;
        }
        let effect = stream.called_back(back, content, &mut self.free);
        self.failed |= effect == Effect::Fails && back.code != Win32::ERROR_OPERATION_ABORTED;
        // Refused by the client, or aborted: the next call will tell which.
        self.failed |= back.code == Win32::ERROR_OPERATION_ABORTED;
        self.failed |= stream.is_quiet() && !stream.can_recover(removable);
    }

    /// ExecuteCompletionAgent has returned.
    pub(crate) fn agent_returned(&mut self, status: HResult) {
        self.agent = AgentLane::Returned;
        // It ends before the devices are closed only if something went wrong.
        self.failed |= status != HResult::NOERROR
            || !matches!(self.at, At::ClosingDevice(_) | At::Joining | At::Closing | At::Ended);
    }

    /// How many commands are under way.
    pub(crate) fn under_way(&self) -> bool {
        self.streams.iter().any(|stream| !stream.is_quiet())
    }
}

/// Whether Close comes while the agent runs: where it returns only then it is not waited for,
/// and where a client that has not looked yet would be told of an abort it is.
fn closes_early(context: &ProgramContext<'_>) -> bool {
    let delivers = CloseEventAfterServerClose::StillDelivered;
    let harmless = context.profile.close_event_after_server_close == delivers;
    context.options.closes_early && harmless || context.profile.agent_return == AgentReturn::AtClose
}
