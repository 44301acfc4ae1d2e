//! The runtime as an adapter: its server and clients in threads of this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::ThreadId;

use vdi_runtime::{
    Buffer, BufferHandle, ClientDevice, ClientSet, CommandId, Completion, Machine, Observer,
    Options, Process as RuntimeProcess, SendCommand, ServerDevice, ServerSet, Still, Timeout,
};
use vdi_simulate::{Content, Extent, from_bytes, to_bytes};
use vdi_spec::clauses::Party;
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Declares, Interfaces as SetInterfaces, Process, TimeoutArg};

use super::body::{Ended, Given, Got, ImplementationApi, ImplementationSession, Interfaces, Sent};
use super::cooperative::{ImplementationBackend, Makers, Threads};
use super::inprocess::{Host, Implementation, InProcess, Session, whole_offer};
use super::protocol::{self, Hello, VERSION};

/// Commands that may be outstanding on one device: as many as maxIODepth says.
const QUEUE_DEPTH: u32 = 4;

/// The runtime: all processes of a scenario in this one, or each in one of its own.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// What the shared memory objects' names begin with, if processes share them.
    shared: Option<String>,
}

impl Runtime {
    /// Between threads, as an adapter.
    #[must_use]
    pub fn adapter() -> InProcess<Self> {
        InProcess::new(Self { shared: None }, "")
    }

    /// One process of several, which share memory objects whose names begin so.
    #[must_use]
    pub fn one_of_several(prefix: &str) -> InProcess<Self> {
        InProcess::new(Self { shared: Some(prefix.to_owned()) }, "")
    }
}

/// What the runtime says of itself.
pub(super) fn hello() -> Hello {
    Hello {
        protocol: VERSION,
        implementation: protocol::Implementation {
            name: "vdi-runtime".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            language: Some("Rust".to_owned()),
        },
        offers: whole_offer(),
        functions: None,
        declares: Declares { queue_depth: Some(QUEUE_DEPTH) },
    }
}

impl Implementation for Runtime {
    fn hello(&self) -> Hello {
        hello()
    }

    fn session(&self, host: Arc<Host>, interfaces: &SetInterfaces) -> Arc<dyn Session> {
        let options = Options {
            queue_depth: QUEUE_DEPTH as usize,
            virtual_time: true,
            observer: Some(Arc::new(Rest(Arc::clone(&host)))),
            prefix: self.shared.clone().unwrap_or_default(),
            ..Options::default()
        };
        let far = self.shared.is_some();
        let machine =
            if far { Machine::shared_memory(options) } else { Machine::in_memory(options) };
        let processes: BTreeMap<Process, RuntimeProcess> =
            Process::all().map(|process| (process, machine.process())).collect();
        let sets = Interfaces::<RuntimeObjects>::new(
            interfaces,
            |process| processes[&process].server_set(),
            |process| processes[&process].client_set(),
        );
        let process_of = |name: &String| {
            let named = interfaces.get(name).copied();
            named.or_else(|| Process::of_handle(name)).unwrap_or(Process::Primary)
        };
        let clients =
            sets.client.iter().map(|(name, set)| (process_of(name), set.clone())).collect();
        let world = RuntimeObjects { machine, processes, clients };
        if far {
            ImplementationSession::far(world, host, sets)
        } else {
            ImplementationSession::new(world, host, sets)
        }
    }
}

/// The runtime as the backend of a simulation, whose queues take so many commands
/// and whose buffers so many bytes.
pub(super) fn cooperative(
    queue_depth: usize,
    memory_limit: u64,
) -> ImplementationBackend<RuntimeObjects> {
    ImplementationBackend::new(false, |threads| {
        let observer: Option<Arc<dyn Observer>> = Some(Arc::new(Gated(threads)));
        let machine = Machine::in_memory(Options {
            queue_depth,
            memory_limit,
            virtual_time: true,
            observer,
            ..Options::default()
        });
        let processes: BTreeMap<Process, RuntimeProcess> =
            Process::all().map(|process| (process, machine.process())).collect();
        let (servers, clients) = (processes.clone(), processes.clone());
        let makers = Makers {
            server: Box::new(move |process| servers[&process].server_set()),
            client: Box::new(move |process| clients[&process].client_set()),
        };
        (RuntimeObjects { machine, processes, clients: Vec::new() }, makers)
    })
}

/// Holds the agents until they are let go on.
struct Gated(Threads);

impl Observer for Gated {
    fn sleeps(&self, still: Still) {
        self.0.sleeps(Some(still));
    }

    fn wakes(&self) {
        self.0.wakes();
    }
}

/// Tells the driver when calls wait.
struct Rest(Arc<Host>);

impl Observer for Rest {
    fn sleeps(&self, still: Still) {
        self.0.sleeps(still);
    }

    fn wakes(&self) {
        self.0.wakes();
    }
}

/// One machine with a process for each of a scenario's.
pub(super) struct RuntimeObjects {
    pub(super) machine: Machine,
    pub(super) processes: BTreeMap<Process, RuntimeProcess>,
    /// Every set interface of a client, with its process.
    pub(super) clients: Vec<(Process, ClientSet)>,
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a call that may have no answer")]
fn given<T>(result: Result<T, HResult>) -> Given<T> {
    Some(match result {
        Ok(result) => (HResult::NOERROR, Some(result)),
        Err(status) => (status, None),
    })
}

const fn timeout(wait: TimeoutArg) -> Timeout {
    match wait {
        TimeoutArg::Infinite => Timeout::Infinite,
        TimeoutArg::Milliseconds(most) => Timeout::Milliseconds(most),
    }
}

impl ImplementationApi for RuntimeObjects {
    type ServerSet = ServerSet;
    type ClientSet = ClientSet;
    type ServerDevice = ServerDevice;
    type ClientDevice = ClientDevice;
    type Buffer = Buffer;
    type Handle = BufferHandle;
    type Command = CommandId;

    fn open(set: &ServerSet, instance: Option<&str>, name: &str) -> Given<()> {
        given(set.open(instance, name))
    }

    fn server_configuration(set: &ServerSet) -> Given<VdConfig> {
        given(set.get_configuration())
    }

    fn begin_configuration(set: &ServerSet, part: &ServerConfig) -> Given<()> {
        given(set.begin_configuration(part))
    }

    fn request_buffers(set: &ServerSet, size: u32, alignment: u32, count: u32) -> Given<()> {
        given(set.request_buffers(size, alignment, count))
    }

    fn available_buffers(set: &ServerSet, size: u32, alignment: u32) -> Given<u64> {
        given(set.query_available_buffers(size, alignment))
    }

    fn end_configuration(set: &ServerSet) -> Given<()> {
        given(set.end_configuration())
    }

    fn execute_completion_agent(set: &ServerSet) -> Given<()> {
        given(set.execute_completion_agent())
    }

    fn server_open_device(set: &ServerSet, name: &str) -> Given<ServerDevice> {
        given(set.open_device(name))
    }

    fn allocate(set: &ServerSet, size: u32, alignment: u32) -> Given<(Buffer, u64)> {
        given(set.allocate_buffer(size, alignment).map(|buffer| {
            let offset = buffer.offset();
            (buffer, offset)
        }))
    }

    fn free_buffer(set: &ServerSet, buffer: Option<Buffer>, size: Option<u32>) -> Given<()> {
        let buffer = buffer.unwrap_or(Buffer::unshared());
        let own = || u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        given(set.free_buffer(&buffer, size.unwrap_or_else(own)))
    }

    fn is_shared_buffer(set: &ServerSet, buffer: Option<Buffer>) -> Given<bool> {
        given(set.is_shared_buffer(&buffer.unwrap_or(Buffer::unshared())))
    }

    fn server_signal_abort(set: &ServerSet) -> Given<()> {
        given(set.signal_abort())
    }

    fn server_close(set: &ServerSet) -> Given<()> {
        given(set.close())
    }

    fn send_command(device: &ServerDevice, sent: Sent<Buffer>) -> Given<()> {
        let Sent { tag, code, buffer, size, position, mut routine } = sent;
        let callback = Box::new(move |Completion { code, bytes, position }: Completion| {
            routine(Ended { code, bytes, position });
        });
        given(device.send_command(SendCommand { tag, code, buffer, size, position, callback }))
    }

    fn close_device(device: &ServerDevice) -> Given<()> {
        given(device.close_device())
    }

    fn server_device_lives(device: &ServerDevice) -> bool {
        device.is_alive()
    }

    fn create(set: &ClientSet, instance: Option<&str>, name: &str, config: &VdConfig) -> Given<()> {
        given(set.create(instance, name, config))
    }

    fn client_configuration(set: &ClientSet, wait: TimeoutArg) -> Given<VdConfig> {
        given(set.get_configuration(timeout(wait)))
    }

    fn client_open_device(set: &ClientSet, name: &str) -> Given<ClientDevice> {
        given(set.open_device(name))
    }

    fn open_in_secondary(set: &ClientSet, instance: Option<&str>, name: &str) -> Given<()> {
        given(set.open_in_secondary(instance, name))
    }

    fn buffer_handle(set: &ClientSet, buffer: Option<Buffer>) -> Given<BufferHandle> {
        given(set.get_buffer_handle(&buffer.unwrap_or(Buffer::unshared())))
    }

    fn map(set: &ClientSet, handle: Option<BufferHandle>) -> Given<Buffer> {
        given(set.map_buffer_handle(handle.unwrap_or(BufferHandle(0))))
    }

    fn client_signal_abort(set: &ClientSet) -> Given<()> {
        given(set.signal_abort())
    }

    fn client_close(set: &ClientSet) -> Given<()> {
        given(set.close())
    }

    fn get_command(device: &ClientDevice, wait: TimeoutArg) -> Given<Got<CommandId, Buffer>> {
        given(device.get_command(timeout(wait)).map(|delivered| Got {
            command: delivered.command,
            tag: delivered.tag,
            code: delivered.code,
            size: delivered.size,
            position: delivered.position,
            buffer: delivered.buffer,
        }))
    }

    fn complete_command(
        device: &ClientDevice,
        command: Option<CommandId>,
        Ended { code, bytes, position }: Ended,
    ) -> Given<()> {
        let command = command.unwrap_or(CommandId::none());
        given(device.complete_command(command, code, bytes, position))
    }

    fn client_device_lives(device: &ClientDevice) -> bool {
        device.is_alive()
    }

    fn write(buffer: &Buffer, content: &[Extent]) -> bool {
        let bytes = to_bytes(content);
        buffer.bytes().is_some_and(|of| of.copy_from(&bytes) == bytes.len())
    }

    fn read(buffer: &Buffer, length: u32) -> Option<Content> {
        let mut bytes = vec![0; length as usize];
        buffer.bytes()?.copy_to(&mut bytes);
        Some(from_bytes(&bytes))
    }

    fn is_same(one: &Buffer, other: &Buffer) -> bool {
        one.is_same(other)
    }

    fn number(buffer: &Buffer) -> Option<u64> {
        Some(buffer.number())
    }

    fn handle_number(handle: BufferHandle) -> Option<u64> {
        Some(handle.0.into())
    }

    fn handle(number: u64) -> Option<BufferHandle> {
        number.try_into().ok().map(BufferHandle)
    }

    fn reaches(&self, process: Process, number: u64) -> bool {
        let mut own = self.clients.iter().filter(|(of, _)| *of == process);
        own.any(|(_, client)| client.buffer_numbered(number).is_some())
    }

    fn buffer_lives(&self, process: Process, buffer: &Buffer, own: Option<&Buffer>) -> bool {
        match own {
            Some(own) => own.is_alive(),
            None if process.party() == Party::Server => buffer.is_alive(),
            // Another may have its place.
            None if self.clients.is_empty() || buffer.is_freed() => false,
            None => self.reaches(process, buffer.number()),
        }
    }

    fn exit(&self, process: Process) {
        self.processes[&process].kill();
    }

    fn inside(&self, process: Process) -> usize {
        self.processes[&process].inside()
    }

    fn expire(&self, thread: ThreadId, after: Option<u32>) {
        self.machine.expire(thread, after);
    }

    fn look_around(&self) {
        self.machine.look_around();
    }

    fn abandon(&self) {
        self.machine.abandon();
    }
}
