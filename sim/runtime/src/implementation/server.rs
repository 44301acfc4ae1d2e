//! The server's set interface, IServerVirtualDeviceSet2.

use super::agent::{self, Agent, CompletionAgent};
use super::allocator::{Allocator, Need};
use super::buffer::{Buffer, Span, Views};
use super::command::MAX_QUEUE_DEPTH;
use super::history::SetHistory;
use super::layout::{End, Holder, Phase, Piece, check_name};
use super::mapping::SERVER;
use super::record::BufferKey;
use super::registry::Process;
use super::server_device::ServerDevice;
use super::server_state::Server;
use super::server_table::ServerTable;
use super::shm::PAGE;
use crate::sync::limits::BUFFERS;
use crate::sync::{Arc, Mutant, Mutex, seeded};
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};

/// A server's set interface. May be used from any thread of its process; clones are the
/// same interface. When the last one is dropped the set is closed; a clone that a
/// completion routine or the agent's thread owns keeps it open, so give the latter a
/// [`CompletionAgent`].
///
/// Every function answers VD_E_PROTOCOL unless the interface is open, VD_E_ABORT after
/// an abort where nothing else is said, and VD_E_UNEXPECTED, with an abort, if the
/// shared memory holds what cannot be.
#[derive(Clone, Debug)]
pub struct ServerSet {
    pub(super) process: Process,
    binding: Arc<Interface>,
}

/// What all clones of a set interface share. With the last of them goes the set: what
/// nobody can close any more is closed.
#[derive(Debug)]
struct Interface(Mutex<Binding>);

impl Drop for Interface {
    fn drop(&mut self) {
        let was = std::mem::replace(&mut *self.0.lock(), Binding::Useless);
        if let Binding::Open(server) = was
            && !server.process.is_dead()
        {
            // There is nobody to tell that devices were open.
            let _ = server.close();
        }
    }
}

/// What a server's set interface is worth.
#[derive(Debug)]
enum Binding {
    Unopened,
    Open(Arc<Server>),
    /// Closed: it stays useless.
    Useless,
}

/// The phases in which buffers can be allocated and freed.
const HAS_BUFFERS: &[Phase] = &[Phase::Initializing, Phase::Active, Phase::NormallyTerminated];

impl ServerSet {
    pub(super) fn new(process: Process) -> Self {
        Self { process, binding: Arc::new(Interface(Mutex::new(Binding::Unopened))) }
    }

    /// The set that this interface has open.
    fn server(&self) -> Result<Arc<Server>, HResult> {
        match &*self.binding.0.lock() {
            Binding::Open(server) => Ok(server.clone()),
            Binding::Unopened | Binding::Useless => Err(HResult::VD_E_PROTOCOL),
        }
    }

    /// Acts on the set and the server's table of it.
    fn with<T>(
        &self,
        act: impl FnOnce(&Arc<Server>, &mut ServerTable) -> Result<T, HResult>,
    ) -> Result<T, HResult> {
        let _inside = self.process.enter();
        let server = self.server()?;
        server.mapping.notice_deaths_lately();
        let mut table = server.table();
        if table.closed && !seeded(Mutant::ClosedIsAborted) {
            // Another thread was faster.
            return Err(HResult::VD_E_PROTOCOL);
        }
        act(&server, &mut table)
    }

    /// Opens the set that a living client has created, has neither closed nor aborted,
    /// and no server has opened. `None` is the default instance.
    ///
    /// Source: SQL Server VDI reference, Open.
    ///
    /// # Errors
    /// VD_E_INVALID: there is no such set; VD_E_PROTOCOL: not the first call that
    /// succeeds; VD_E_MEMORY: it cannot be mapped.
    pub fn open(&self, instance: Option<&str>, name: &str) -> Result<(), HResult> {
        let _inside = self.process.enter();
        let mut binding = self.binding.0.lock();
        if !matches!(*binding, Binding::Unopened) {
            return Err(HResult::VD_E_PROTOCOL);
        }
        let mapping = self.process.find(instance, name)?.ok_or(HResult::VD_E_INVALID)?;
        if !mapping.client_lives() {
            // What its client has left when it died: there is nobody else to take it away.
            self.process.forget(&mapping);
            return Err(HResult::VD_E_INVALID);
        }
        let control = mapping.control();
        let asked = control.asked.get().ok().filter(|asked| asked.check_client().is_ok());
        let asked = asked.ok_or(HResult::VD_E_INVALID)?;
        if asked.device_count as usize != mapping.devices().len() {
            return Err(HResult::VD_E_INVALID);
        }
        // First the side, so that our death from here on is seen.
        let free = control.sides[SERVER].get() == Holder::Nobody;
        if !free || !mapping.take_side(SERVER, self.process.id)? {
            return Err(HResult::VD_E_INVALID);
        }
        if !control.state.advance(Phase::Created, Phase::Connected) {
            mapping.close_side(SERVER);
            mapping.leave_side(SERVER);
            return Err(HResult::VD_E_INVALID);
        }
        let depth = mapping.host().options.queue_depth.clamp(1, MAX_QUEUE_DEPTH);
        let table = ServerTable::new(asked, mapping.devices().len(), depth);
        let (process, views) = (self.process.clone(), Views::new());
        *binding = Binding::Open(Arc::new(Server::new(mapping, process, views, table)));
        Ok(())
    }

    /// What the client asked for in Create.
    ///
    /// Source: SQL Server VDI reference, GetConfiguration (server).
    ///
    /// # Errors
    /// VD_E_ABORT.
    pub fn get_configuration(&self) -> Result<VdConfig, HResult> {
        self.with(|server, table| {
            if server.mapping.is_aborted()? { Err(HResult::VD_E_ABORT) } else { Ok(table.asked) }
        })
    }

    /// Sets the server's part of the configuration.
    ///
    /// Source: SQL Server VDI reference, BeginConfiguration.
    ///
    /// # Errors
    /// VD_E_INVALID, and nothing is changed: it is outside the documented limits;
    /// VD_E_PROTOCOL: not Connected; VD_E_ABORT.
    pub fn begin_configuration(&self, part: &ServerConfig) -> Result<(), HResult> {
        self.with(|server, table| {
            server.mapping.require(&[Phase::Connected])?;
            part.check().map_err(|_| HResult::VD_E_INVALID)?;
            server.mapping.advance(Phase::Connected, Phase::Configurable)?;
            table.config = table.asked.with_server(part);
            table.area.allocator =
                Allocator::new(table.config.prefix_zone_size, table.config.alignment);
            Ok(())
        })
    }

    /// Asks for room for `count` buffers of `size` bytes, aligned to a power of 2 or, for
    /// 0, to the basic alignment: summed up while configuring, later allocated at once.
    ///
    /// Source: SQL Server VDI reference, RequestBuffers.
    ///
    /// # Errors
    /// VD_E_MEMORY; VD_E_PROTOCOL: neither Configurable, Initializing nor Active; VD_E_ABORT.
    pub fn request_buffers(&self, size: u32, alignment: u32, count: u32) -> Result<(), HResult> {
        self.with(|server, table| {
            let phases = &[Phase::Configurable, Phase::Initializing, Phase::Active];
            let phase = server.mapping.require(phases)?;
            // Nobody is said to check it: no buffer can be like that, so none is provided.
            if check_buffer(size, alignment).is_err() {
                return Ok(());
            }
            let shape = table.area.allocator.shape(size, alignment);
            table.area.allocator.request(shape, count);
            if phase == Phase::Configurable { Ok(()) } else { provide(server, table) }
        })
    }

    /// How many buffers of `size` bytes AllocateBuffer could give now.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Server Transitions.
    ///
    /// # Errors
    /// VD_E_PROTOCOL in any phase but Configurable, Initializing and Active, after an abort too.
    pub fn query_available_buffers(&self, size: u32, alignment: u32) -> Result<u64, HResult> {
        self.with(|server, table| {
            let phases = &[Phase::Configurable, Phase::Initializing, Phase::Active];
            server.mapping.require(phases).map_err(|_| HResult::VD_E_PROTOCOL)?;
            // Nobody is said to check it: no buffer can be like that, so there is none.
            if check_buffer(size, alignment).is_err() {
                return Ok(0);
            }
            Ok(table.area.allocator.available(table.area.allocator.shape(size, alignment)))
        })
    }

    /// Ends the configuration, and wakes the client's GetConfiguration.
    ///
    /// Source: SQL Server VDI reference, EndConfiguration.
    ///
    /// # Errors
    /// VD_E_MEMORY: there is no room for what was requested; the requests are forgotten
    /// and the server may ask for less; VD_E_PROTOCOL: not Configurable; VD_E_ABORT.
    pub fn end_configuration(&self) -> Result<(), HResult> {
        self.with(|server, table| {
            server.mapping.require(&[Phase::Configurable])?;
            provide(server, table)?;
            let control = server.mapping.control();
            if !seeded(Mutant::PhaseBeforeConfiguration) {
                control.granted.set(&table.config);
            }
            server.mapping.advance(Phase::Configurable, Phase::Initializing)?;
            if seeded(Mutant::PhaseBeforeConfiguration) {
                control.granted.set(&table.config);
            }
            control.bells.configured.ring();
            Ok(())
        })
    }

    /// Becomes the completion agent: invokes the completion routines on this thread, and
    /// returns only when the set has ended and every one has been invoked.
    ///
    /// Source: SQL Server VDI reference, ExecuteCompletionAgent.
    ///
    /// # Errors
    /// VD_E_PROTOCOL: not Initializing, or another thread is the agent; VD_E_ABORT: the
    /// set was aborted before; VD_E_UNEXPECTED.
    pub fn execute_completion_agent(&self) -> Result<(), HResult> {
        self.completion_agent()?.execute()
    }

    /// What another thread needs to become the completion agent, and no more.
    ///
    /// # Errors
    /// VD_E_PROTOCOL: the interface is not open.
    pub fn completion_agent(&self) -> Result<CompletionAgent, HResult> {
        self.server().map(CompletionAgent::new)
    }

    /// The first half of ExecuteCompletionAgent, which does not block.
    #[allow(dead_code, reason = "the loom tests begin with it")]
    pub(crate) fn start_agent(&self) -> Result<Agent, HResult> {
        agent::start(&self.server()?)
    }

    /// Opens the device of that name, or the next unopened one.
    ///
    /// Source: SQL Server VDI reference, OpenDevice (server).
    ///
    /// # Errors
    /// VD_E_OPEN: all are open; VD_E_INVALID: the name is too long; VD_E_PROTOCOL: neither
    /// Initializing nor Active; VD_E_ABORT.
    pub fn open_device(&self, name: &str) -> Result<ServerDevice, HResult> {
        self.with(|server, table| {
            server.mapping.require(&[Phase::Initializing, Phase::Active])?;
            check_name(name)?;
            let slot = server.mapping.naming(SERVER, || table.next_unopened(&server.mapping, name));
            let slot = slot.ok_or(HResult::VD_E_OPEN)?;
            table.devices[slot].end = End::Open;
            server.mapping.devices()[slot].server.set(End::Open);
            server.mapping.add(Piece::Server);
            Ok(ServerDevice::new(server.clone(), slot))
        })
    }

    /// Allocates a buffer from the area. `size` leaves out the prefix zone; alignment 0
    /// is the basic one.
    ///
    /// Source: SQL Server VDI reference, AllocateBuffer.
    ///
    /// # Errors
    /// VD_E_MEMORY: too little was requested; VD_E_INVALID: the size is 0, or the
    /// alignment no power of 2; VD_E_PROTOCOL: not yet Initializing; VD_E_ABORT.
    pub fn allocate_buffer(&self, size: u32, alignment: u32) -> Result<Buffer, HResult> {
        self.with(|server, table| {
            server.mapping.require(HAS_BUFFERS)?;
            check_buffer(size, alignment)?;
            let shape = table.area.allocator.shape(size, alignment);
            let index = table.area.buffers.iter().position(Option::is_none);
            let index =
                index.or((table.area.buffers.len() < BUFFERS).then_some(table.area.buffers.len()));
            let index = index.ok_or(HResult::VD_E_MEMORY)?;
            let place = table.area.allocator.allocate(shape).ok_or(HResult::VD_E_MEMORY)?;
            let offset = usize::try_from(place.offset).map_err(|_| HResult::VD_E_MEMORY)?;
            let span = Span { segment: place.segment, offset, length: size as usize };
            let key = server.mapping.publish_buffer(index, span).ok_or(HResult::VD_E_MEMORY)?;
            table.take_buffer(index, (key, place));
            Buffer::new(&server.mapping, &server.views, key).ok_or(HResult::VD_E_UNEXPECTED)
        })
    }

    /// Frees a buffer, whose size the caller gives again.
    ///
    /// Source: SQL Server VDI reference, FreeBuffer.
    ///
    /// # Errors
    /// VD_E_INVALID: it is no buffer of this set, it has another size, or a command that
    /// uses it is outstanding; VD_E_PROTOCOL: not yet Initializing; VD_E_ABORT.
    pub fn free_buffer(&self, buffer: &Buffer, size: u32) -> Result<(), HResult> {
        self.with(|server, table| {
            server.mapping.require(HAS_BUFFERS)?;
            let key = shared(server, table, buffer).ok_or(HResult::VD_E_INVALID)?;
            if buffer.len() != size as usize {
                return Err(HResult::VD_E_INVALID);
            }
            server.absorb(table)?;
            if table.uses(key) {
                return Err(HResult::VD_E_INVALID);
            }
            server.mapping.retract_buffer(key);
            table.free_buffer(key);
            Ok(())
        })
    }

    /// Whether this is a buffer of the set that is allocated, after an abort too.
    ///
    /// Source: SQL Server VDI reference, IsSharedBuffer.
    ///
    /// # Errors
    /// VD_E_PROTOCOL only.
    pub fn is_shared_buffer(&self, buffer: &Buffer) -> Result<bool, HResult> {
        self.with(|server, table| Ok(shared(server, table, buffer).is_some()))
    }

    /// Aborts the set, if it is not aborted already.
    ///
    /// Source: SQL Server VDI reference, SignalAbort (server).
    ///
    /// # Errors
    /// VD_E_PROTOCOL only.
    pub fn signal_abort(&self) -> Result<(), HResult> {
        let _inside = self.process.enter();
        let server = self.server()?;
        server.mapping.abort();
        Ok(())
    }

    /// Closes the set and releases everything, on an error too; in every phase but the
    /// terminated ones it aborts. Does not wait for the agent.
    ///
    /// Source: IServerVirtualDeviceSet2::Close, Remarks.
    ///
    /// # Errors
    /// VD_E_PROTOCOL: devices were open, or the set was not.
    pub fn close(&self) -> Result<(), HResult> {
        let _inside = self.process.enter();
        let server = {
            let mut binding = self.binding.0.lock();
            if seeded(Mutant::CloseLooksThenTakes) {
                drop(binding);
                let server = self.server()?;
                binding = self.binding.0.lock();
                *binding = Binding::Useless;
                server
            } else {
                match std::mem::replace(&mut *binding, Binding::Useless) {
                    Binding::Open(server) => server,
                    was => {
                        *binding = was;
                        return Err(HResult::VD_E_PROTOCOL);
                    }
                }
            }
        };
        server.close()
    }

    /// The history of the set of that name, which need not be open: `None` if there is
    /// none. So Open can have its number before it is called.
    #[must_use]
    pub fn history_of(&self, instance: Option<&str>, name: &str) -> Option<SetHistory> {
        self.process.find(instance, name).ok().flatten().map(SetHistory)
    }
}

/// The buffer of this set that is allocated, if it is one.
fn shared(server: &Arc<Server>, table: &ServerTable, buffer: &Buffer) -> Option<BufferKey> {
    buffer.key_in(&server.mapping).filter(|key| table.holds(*key))
}

/// Allocates the memory for what was requested; VD_E_MEMORY if there is not so much, and
/// the requests are forgotten.
fn provide(server: &Arc<Server>, table: &mut ServerTable) -> Result<(), HResult> {
    let limit = server.mapping.host().options.memory_limit;
    let need = table.area.allocator.needed();
    if need.is_some_and(|need| need.length == 0) {
        return Ok(());
    }
    let placed = need.and_then(|need| {
        let start = table.area.end.checked_next_multiple_of(need.alignment)?;
        let length = need.length.checked_next_multiple_of(PAGE as u64)?;
        let used = start.checked_add(need.length).filter(|end| *end <= limit);
        used.map(|_| (start, Need { length, ..need }))
    });
    let number = table.area.segments;
    // Mapped at once: who cannot map it later could only abort.
    let provided = |place: &(u64, Need)| {
        server.mapping.add_segment(number, place.0, place.1)
            && server.views.map(&server.mapping, number).is_ok()
    };
    let Some((start, need)) = placed.filter(provided) else {
        table.area.allocator.forget_requests();
        return Err(HResult::VD_E_MEMORY);
    };
    table.area.end = start + need.length;
    table.area.segments += 1;
    table.area.allocator.provide(number);
    Ok(())
}

fn check_buffer(size: u32, alignment: u32) -> Result<(), HResult> {
    if size == 0 || (alignment != 0 && !alignment.is_power_of_two()) {
        Err(HResult::VD_E_INVALID)
    } else {
        Ok(())
    }
}
