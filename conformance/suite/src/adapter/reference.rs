//! The reference implementation as an adapter.

use std::sync::Arc;
use std::thread::ThreadId;

use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Declares, Interfaces as SetInterfaces, Process, TimeoutArg};

use super::body::{Ended, Given, Got, ImplementationApi, ImplementationSession, Interfaces, Sent};
use super::cooperative::{ImplementationBackend, Makers, Threads};
use super::inprocess::{Host, Implementation, InProcess, Session, whole_offer};
use super::protocol::{self, Hello, VERSION};
use vdi_reference::{
    Answer, BufferHandle, BufferId, ClientDevice, ClientSet, CommandId, Completion, Machine,
    Mutant, Observer, Options, SendCommand, ServerDevice, ServerSet, Status, Timeout,
};

/// Commands that may be outstanding on one device.
const QUEUE_DEPTH: u32 = 4;

/// The reference implementation, whole or with one seeded defect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference {
    mutant: Option<Mutant>,
}

impl Reference {
    /// As an adapter, without a defect.
    #[must_use]
    pub fn adapter() -> InProcess<Self> {
        InProcess::new(Self { mutant: None }, "--reference")
    }

    /// As an adapter, with this defect.
    #[must_use]
    pub fn mutant(mutant: Mutant) -> InProcess<Self> {
        InProcess::new(Self { mutant: Some(mutant) }, format!("--defect {mutant}"))
    }
}

impl Implementation for Reference {
    fn hello(&self) -> Hello {
        Hello {
            protocol: VERSION,
            implementation: protocol::Implementation {
                name: "vdi-plain".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                language: Some("Rust".to_owned()),
            },
            offers: whole_offer(),
            functions: None,
            declares: Declares { queue_depth: Some(QUEUE_DEPTH) },
        }
    }

    fn session(&self, host: Arc<Host>, interfaces: &SetInterfaces) -> Arc<dyn Session> {
        let machine = Machine::new(Options {
            queue_depth: QUEUE_DEPTH as usize,
            mutant: self.mutant,
            virtual_time: true,
            observer: Some(Arc::new(Rest(Arc::clone(&host)))),
            ..Options::default()
        });
        let sets = Interfaces::new(
            interfaces,
            |process| machine.server_set(process.name()),
            |process| machine.client_set(process.name()),
        );
        ImplementationSession::new(machine, host, sets)
    }
}

/// The reference implementation as the backend of a simulation, whose queues take so many
/// commands and whose buffers so many bytes.
pub(super) fn cooperative(
    queue_depth: usize,
    memory_limit: u64,
    mutant: Option<Mutant>,
) -> ImplementationBackend<Machine> {
    let races = mutant.is_some_and(|mutant| mutant.info().race);
    ImplementationBackend::new(races, |threads| {
        let machine = Machine::new(Options {
            queue_depth,
            memory_limit,
            mutant,
            virtual_time: true,
            observer: Some(Arc::new(Gated(threads))),
        });
        let (servers, clients) = (machine.clone(), machine.clone());
        let makers = Makers {
            server: Box::new(move |process| servers.server_set(process.name())),
            client: Box::new(move |process| clients.client_set(process.name())),
        };
        (machine, makers)
    })
}

/// Tells when agents sleep, and when they look again.
struct Gated(Threads);

impl Observer for Gated {
    fn waiting(&self) {
        self.0.sleeps(None);
    }

    fn changed(&self) {
        self.0.stirs();
    }

    fn woken(&self) {
        self.0.wakes();
    }
}

/// Tells the driver when calls wait.
struct Rest(Arc<Host>);

impl Observer for Rest {
    fn waiting(&self) {
        self.0.waiting();
    }

    fn changed(&self) {
        self.0.woken();
    }
}

fn given<T>(answer: Answer<T>) -> Given<T> {
    answer.ok()
}

fn reference(status: Status) -> Given<()> {
    status.ok().map(|status| (status, Some(())))
}

const fn timeout(wait: TimeoutArg) -> Timeout {
    match wait {
        TimeoutArg::Infinite => Timeout::Infinite,
        TimeoutArg::Milliseconds(most) => Timeout::Milliseconds(most),
    }
}

impl ImplementationApi for Machine {
    type ServerSet = ServerSet;
    type ClientSet = ClientSet;
    type ServerDevice = ServerDevice;
    type ClientDevice = ClientDevice;
    type Buffer = BufferId;
    type Handle = BufferHandle;
    type Command = CommandId;

    fn open(set: &ServerSet, instance: Option<&str>, name: &str) -> Given<()> {
        reference(set.open(instance, name))
    }

    fn server_configuration(set: &ServerSet) -> Given<VdConfig> {
        given(set.get_configuration())
    }

    fn begin_configuration(set: &ServerSet, part: &ServerConfig) -> Given<()> {
        reference(set.begin_configuration(part))
    }

    fn request_buffers(set: &ServerSet, size: u32, alignment: u32, count: u32) -> Given<()> {
        reference(set.request_buffers(size, alignment, count))
    }

    fn available_buffers(set: &ServerSet, size: u32, alignment: u32) -> Given<u64> {
        given(set.query_available_buffers(size, alignment))
    }

    fn end_configuration(set: &ServerSet) -> Given<()> {
        reference(set.end_configuration())
    }

    fn execute_completion_agent(set: &ServerSet) -> Given<()> {
        reference(set.execute_completion_agent())
    }

    fn server_open_device(set: &ServerSet, name: &str) -> Given<ServerDevice> {
        given(set.open_device(name))
    }

    fn allocate(set: &ServerSet, size: u32, alignment: u32) -> Given<(BufferId, u64)> {
        let (status, buffer) = given(set.allocate_buffer(size, alignment))?;
        Some((status, buffer.map(|buffer| (buffer.id, buffer.offset))))
    }

    fn free_buffer(set: &ServerSet, buffer: Option<BufferId>, size: Option<u32>) -> Given<()> {
        reference(set.free_buffer(buffer, size))
    }

    fn is_shared_buffer(set: &ServerSet, buffer: Option<BufferId>) -> Given<bool> {
        given(set.is_shared_buffer(buffer))
    }

    fn server_signal_abort(set: &ServerSet) -> Given<()> {
        reference(set.signal_abort())
    }

    fn server_close(set: &ServerSet) -> Given<()> {
        reference(set.close())
    }

    fn send_command(device: &ServerDevice, sent: Sent<BufferId>) -> Given<()> {
        let Sent { tag, code, buffer, size, position, mut routine } = sent;
        let callback = Box::new(move |Completion { code, bytes, position }: Completion| {
            routine(Ended { code, bytes, position });
        });
        reference(device.send_command(SendCommand { tag, code, buffer, size, position, callback }))
    }

    fn close_device(device: &ServerDevice) -> Given<()> {
        reference(device.close_device())
    }

    fn server_device_lives(device: &ServerDevice) -> bool {
        device.touch()
    }

    fn create(set: &ClientSet, instance: Option<&str>, name: &str, config: &VdConfig) -> Given<()> {
        reference(set.create(instance, name, config))
    }

    fn client_configuration(set: &ClientSet, wait: TimeoutArg) -> Given<VdConfig> {
        given(set.get_configuration(timeout(wait)))
    }

    fn client_open_device(set: &ClientSet, name: &str) -> Given<ClientDevice> {
        given(set.open_device(name))
    }

    fn open_in_secondary(set: &ClientSet, instance: Option<&str>, name: &str) -> Given<()> {
        reference(set.open_in_secondary(instance, name))
    }

    fn buffer_handle(set: &ClientSet, buffer: Option<BufferId>) -> Given<BufferHandle> {
        given(set.get_buffer_handle(buffer))
    }

    fn map(set: &ClientSet, handle: Option<BufferHandle>) -> Given<BufferId> {
        given(set.map_buffer_handle(handle))
    }

    fn client_signal_abort(set: &ClientSet) -> Given<()> {
        reference(set.signal_abort())
    }

    fn client_close(set: &ClientSet) -> Given<()> {
        reference(set.close())
    }

    fn get_command(device: &ClientDevice, wait: TimeoutArg) -> Given<Got<CommandId, BufferId>> {
        let (status, delivered) = given(device.get_command(timeout(wait)))?;
        let got = delivered.map(|delivered| Got {
            command: delivered.command,
            tag: delivered.tag,
            code: delivered.code,
            size: delivered.size,
            position: delivered.position,
            buffer: delivered.buffer,
        });
        Some((status, got))
    }

    fn complete_command(
        device: &ClientDevice,
        command: Option<CommandId>,
        Ended { code, bytes, position }: Ended,
    ) -> Given<()> {
        reference(device.complete_command(command, code, bytes, position))
    }

    fn client_device_lives(device: &ClientDevice) -> bool {
        device.touch()
    }

    fn is_same(one: &BufferId, other: &BufferId) -> bool {
        one == other
    }

    fn buffer_lives(&self, process: Process, buffer: &BufferId, _: Option<&BufferId>) -> bool {
        self.touch(process.name(), *buffer)
    }

    fn exit(&self, process: Process) {
        Self::exit(self, process.name());
    }

    fn inside(&self, process: Process) -> usize {
        Self::inside(self, process.name())
    }

    fn expire(&self, thread: ThreadId, after: Option<u32>) {
        Self::expire(self, thread, after);
    }

    fn abandon(&self) {
        Self::abandon(self);
    }
}
