//! One world with one set, its lanes, and a record of what comes back on them.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

use vdi_reference::{
    Answer, BufferId, ClientDevice, ClientSet, CommandId, Completion, Gone, Machine, Mutant,
    Observer, Options, SendCommand, ServerDevice, ServerSet, Status, Timeout,
};

pub(crate) const POLL: Timeout = Timeout::Milliseconds(0);

/// One world with one set, both halves.
pub(crate) struct Stage {
    pub(crate) world: Machine,
    pub(crate) server: ServerSet,
    pub(crate) client: ClientSet,
    pub(crate) server_devices: Vec<ServerDevice>,
    pub(crate) client_devices: Vec<ClientDevice>,
    rest: Arc<Rest>,
    seen: Arc<Mutex<Vec<String>>>,
    lanes: Mutex<Vec<(String, ThreadId)>>,
}

/// Knows when every lane is idle or blocked.
#[derive(Default)]
struct Rest {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    /// Lanes in a call.
    running: usize,
    /// Of these, blocked in the present generation.
    waiting: usize,
    /// Of these, inside a callback that is held.
    held: usize,
}

impl Observer for Rest {
    fn waiting(&self) {
        self.counts.lock().expect("not poisoned").waiting += 1;
        self.changed.notify_all();
    }

    fn changed(&self) {
        self.counts.lock().expect("not poisoned").waiting = 0;
    }
}

impl Rest {
    fn hold(&self, by: isize) {
        let mut counts = self.counts.lock().expect("not poisoned");
        counts.held = counts.held.saturating_add_signed(by);
        self.changed.notify_all();
    }
}

/// A callback that is held.
pub(crate) struct Hold {
    rest: Arc<Rest>,
    _let_go: Sender<()>,
}

impl Drop for Hold {
    /// From here on the lane counts as busy, even before it wakes.
    fn drop(&mut self) {
        self.rest.hold(-1);
    }
}

/// The configuration of a pipe with so many devices.
pub(crate) fn pipes(device_count: u32) -> VdConfig {
    VdConfig { device_count, ..VdConfig::default() }
}

pub(crate) fn server_part() -> ServerConfig {
    ServerConfig { block_size: 512, max_transfer_size: 65536, ..ServerConfig::default() }
}

impl Stage {
    /// Nothing is created yet.
    pub(crate) fn new(mutant: Option<Mutant>) -> Self {
        Self::with(Options { mutant, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        let rest = Arc::new(Rest::default());
        let world = Machine::new(Options { observer: Some(rest.clone()), ..options });
        Self {
            server: world.server_set("server"),
            client: world.client_set("primary"),
            world,
            server_devices: Vec::new(),
            client_devices: Vec::new(),
            rest,
            seen: Arc::default(),
            lanes: Mutex::default(),
        }
    }

    /// Interfaces for another set of the same machine; what comes back is told here.
    pub(crate) fn beside(&self) -> Self {
        Self {
            server: self.world.server_set("server"),
            client: self.world.client_set("primary"),
            world: self.world.clone(),
            server_devices: Vec::new(),
            client_devices: Vec::new(),
            rest: self.rest.clone(),
            seen: self.seen.clone(),
            lanes: Mutex::default(),
        }
    }

    /// Created by the client and opened by the server.
    pub(crate) fn connect(&self, config: &VdConfig) {
        good(self.client.create(None, "S", config));
        good(self.server.open(None, "S"));
    }

    /// Configured, with room for four buffers, and the client has seen it.
    pub(crate) fn configure(&self, config: &VdConfig) {
        self.connect(config);
        good(self.server.begin_configuration(&server_part()));
        good(self.server.request_buffers(65536, 0, 4));
        good(self.server.end_configuration());
        result(self.client.get_configuration(POLL));
    }

    /// The agent runs on the lane `agent`, and all devices are open, the client's last.
    pub(crate) fn active(mut self, config: &VdConfig) -> Self {
        self.configure(config);
        let server = self.server.clone();
        self.lane("agent", move || server.execute_completion_agent());
        for slot in 1..=config.device_count {
            let name = if slot == 1 { "S".to_owned() } else { format!("S{slot}") };
            self.server_devices.push(result(self.server.open_device(&name)));
            self.client_devices.push(result(self.client.open_device(&name)));
        }
        self
    }

    /// Starts a call on a lane of its own, and waits for rest.
    pub(crate) fn lane(&self, name: &str, call: impl FnOnce() -> Status + Send + 'static) {
        self.rest.counts.lock().expect("not poisoned").running += 1;
        let (lane, seen, rest) = (name.to_owned(), self.seen.clone(), self.rest.clone());
        let ended = move || {
            let status = call();
            seen.lock().expect("not poisoned").push(match status {
                Ok(status) => format!("{lane} {status}"),
                Err(Gone) => format!("{lane} has no answer"),
            });
            rest.counts.lock().expect("not poisoned").running -= 1;
            rest.changed.notify_all();
        };
        // Joined by counting: see `settle`.
        let thread = thread::Builder::new().name("lane".to_owned()).spawn(ended);
        let id = thread.expect("a thread").thread().id();
        self.lanes.lock().expect("not poisoned").push((name.to_owned(), id));
        self.settle();
    }

    /// A client waits for a command of this device on the lane `reader`.
    pub(crate) fn read(&self, device: &ClientDevice, timeout: Timeout) {
        let device = device.clone();
        self.lane("reader", move || device.get_command(timeout).map(|(status, _)| status));
    }

    /// At rest: lets virtual time pass for the call on the latest lane of that name.
    pub(crate) fn expire(&self, name: &str, milliseconds: Option<u32>) {
        self.settle();
        let lanes = self.lanes.lock().expect("not poisoned");
        let (_, thread) = lanes.iter().rfind(|(lane, _)| lane == name).expect("a lane");
        self.world.expire(*thread, milliseconds);
    }

    /// Waits until every lane has ended or is blocked.
    pub(crate) fn settle(&self) {
        let counts = self.rest.counts.lock().expect("not poisoned");
        let busy = |counts: &mut Counts| counts.waiting + counts.held < counts.running;
        drop(self.rest.changed.wait_while(counts, busy).expect("not poisoned"));
    }

    /// At rest: the lanes that are still in their call.
    pub(crate) fn blocked(&self) -> usize {
        self.settle();
        self.rest.counts.lock().expect("not poisoned").running
    }

    /// At rest: what has come back since this was last asked, callbacks included.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.settle();
        std::mem::take(&mut *self.seen.lock().expect("not poisoned"))
    }

    /// SendCommand of a Flush whose callback, once recorded, holds the agent until
    /// the second result is dropped.
    pub(crate) fn send_held(&self, slot: usize, tag: u64) -> (Status, Hold) {
        let (let_go, held) = channel();
        let (seen, rest) = (self.seen.clone(), self.rest.clone());
        let caller = thread::current().id();
        let callback = Box::new(move |completion: Completion| {
            let line = format!("c{tag} {} held", completion.code);
            seen.lock().expect("not poisoned").push(line);
            if thread::current().id() != caller {
                rest.hold(1);
                held.recv().expect_err("nothing is ever sent");
            }
        });
        let (code, buffer, size, position) = (CommandCode::Flush, None, 0, 0);
        let command = SendCommand { tag, code, buffer, size, position, callback };
        let status = self.server_devices[slot].send_command(command);
        (status, Hold { rest: self.rest.clone(), _let_go: let_go })
    }

    /// SendCommand to a device, from the calling thread. The callback is recorded, and
    /// whether it came on a lane.
    pub(crate) fn send(&self, slot: usize, tag: u64, code: CommandCode) -> Status {
        self.send_buffer(slot, tag, code, None)
    }

    pub(crate) fn send_buffer(
        &self,
        slot: usize,
        tag: u64,
        code: CommandCode,
        buffer: Option<BufferId>,
    ) -> Status {
        let seen = self.seen.clone();
        let caller = thread::current().id();
        let callback = Box::new(move |completion: Completion| {
            let place = if thread::current().id() == caller { "at once" } else { "by the agent" };
            let Completion { code, bytes, position } = completion;
            let at = if position == 0 { String::new() } else { format!(" at {position}") };
            let line = format!("c{tag} {code} {bytes}{at} {place}");
            seen.lock().expect("not poisoned").push(line);
        });
        let command = SendCommand { tag, code, buffer, size: 65536, position: tag, callback };
        self.server_devices[slot].send_command(command)
    }

    /// GetCommand that does not wait.
    pub(crate) fn get(&self, slot: usize) -> Result<CommandId, HResult> {
        match self.client_devices[slot].get_command(POLL) {
            Ok((_, Some(delivered))) => Ok(delivered.command),
            Ok((status, None)) => Err(status),
            Err(Gone) => panic!("no answer"),
        }
    }

    pub(crate) fn complete(
        &self,
        slot: usize,
        command: impl Into<Option<CommandId>>,
        code: Win32,
    ) -> Status {
        self.client_devices[slot].complete_command(command.into(), code, 512, 0)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.world.abandon();
    }
}

pub(crate) fn good(status: Status) {
    assert_eq!(status, Ok(HResult::NOERROR));
}

pub(crate) fn result<T>(answer: Answer<T>) -> T {
    match answer {
        Ok((_, Some(result))) => result,
        Ok((status, None)) => panic!("{status}"),
        Err(Gone) => panic!("no answer"),
    }
}

/// The status of a call with a result.
pub(crate) fn refused<T>(answer: Answer<T>) -> HResult {
    answer.expect("an answer").0
}
