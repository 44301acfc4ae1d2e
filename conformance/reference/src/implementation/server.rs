//! The server's set interface, IServerVirtualDeviceSet2.

use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};

use super::agent::{self, Agent};
use super::buffers::Area;
use super::device::{End, Owed};
use super::interfaces::{ServerDevice, ServerSet};
use super::monitor::Monitor;
use super::mutant::Mutant;
use super::set::{Phase, Set, Side};
use super::state::{Binding, Hold, SetId, State};
use super::{Answer, Buffer, BufferId, Gone, Status, answer, status};
use crate::sync::Arc;

impl ServerSet {
    pub(super) fn new(monitor: Arc<Monitor>, process: &str) -> Self {
        let interface = monitor.update(State::new_interface);
        Self { monitor, process: process.to_owned(), interface }
    }

    /// Opens the set that a living client has created, has neither closed nor aborted,
    /// and no server has opened; else VD_E_INVALID. VD_E_PROTOCOL on any call but
    /// the first that succeeds. `None` is the default instance.
    ///
    /// Source: SQL Server VDI reference, Open.
    pub fn open(&self, instance: Option<&str>, name: &str) -> Status {
        let seen = self.seen_set(instance, name)?;
        status(self.monitor.with(&self.process, |state| {
            let seed = state.seed;
            match state.binding(self.interface) {
                _ if seen.is_some() => {}
                Binding::Unbound => {}
                Binding::Useless if seed.is(Mutant::ServerReopens) => {}
                Binding::Bound(_) if seed.is(Mutant::OpenTwice) => return Ok(()),
                _ => return Err(HResult::VD_E_PROTOCOL),
            }
            if state.is_the_second(Mutant::OneServerSet, self.interface) {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let Some(set) = seen.or_else(|| state.named(instance, name)) else {
                return seed.unless(Mutant::OpenWithoutSet, Err(HResult::VD_E_INVALID));
            };
            let hold = Hold { set, side: state.new_side() };
            let set = state.set_mut(set);
            let opens_aborted = set.aborted() && seed.is(Mutant::OpensAborted);
            if set.phase != Phase::Created && !opens_aborted && seen.is_none() {
                return Err(HResult::VD_E_INVALID);
            }
            if !opens_aborted {
                set.phase = Phase::Connected;
            }
            set.server = Some(Side::new(hold.side, &self.process));
            state.bind(self.interface, Binding::Bound(hold));
            Ok(())
        }))
    }

    /// What the client asked for in Create.
    ///
    /// Source: SQL Server VDI reference, GetConfiguration (server).
    pub fn get_configuration(&self) -> Answer<VdConfig> {
        answer(self.call(|state, id| match state.set(id) {
            set if set.aborted() => Err(HResult::VD_E_ABORT),
            set => {
                let nothing = VdConfig {
                    device_count: set.configuration.asked.device_count,
                    ..VdConfig::default()
                };
                let timeless = VdConfig { server_time_out: 0, ..set.configuration.asked };
                let told =
                    set.seed.instead(Mutant::ServerTimeOutLost, set.configuration.asked, timeless);
                Ok(set.seed.instead(Mutant::ServerSeesOtherConfiguration, told, nothing))
            }
        }))
    }

    /// Sets the server's part of the configuration. VD_E_INVALID, and nothing is
    /// changed, if it is outside the documented limits.
    ///
    /// Source: SQL Server VDI reference, BeginConfiguration.
    pub fn begin_configuration(&self, part: &ServerConfig) -> Status {
        let seen = self.was_in(Mutant::BothBegin, Phase::Connected)?;
        status(self.call(|state, id| {
            let set = state.set_mut(id);
            let aborted = &[Phase::AbnormallyTerminated];
            if set.aborted() {
                return set.require_also(&[], Mutant::ConfiguresAfterAbort, aborted);
            }
            let phases = [Phase::Connected, Phase::Configurable];
            set.require_also(&phases[..1 + usize::from(seen)], Mutant::BeginTwice, &phases)?;
            let limits = part.check().map_err(|_| HResult::VD_E_INVALID);
            set.seed.unless(Mutant::BeginsWithAnything, limits)?;
            set.configuration.agreed = set.configuration.asked.with_server(part);
            let features = set.configuration.agreed.features;
            set.configuration.agreed.features =
                set.seed.instead(Mutant::WithholdsFeatures, features, part.features);
            set.area = Area::new(
                set.configuration.agreed.prefix_zone_size,
                set.configuration.agreed.alignment,
                set.seed,
            );
            set.phase = Phase::Configurable;
            state.inherits_configuration(id);
            Ok(())
        }))
    }

    /// Asks for room for `count` buffers of `size` bytes: summed up while
    /// configuring, later allocated at once, or VD_E_MEMORY. Nothing comes of a size of
    /// 0, and of an alignment that is neither 0 nor a power of 2: nobody is said to
    /// check them.
    ///
    /// Source: SQL Server VDI reference, RequestBuffers.
    pub fn request_buffers(&self, size: u32, alignment: u32, count: u32) -> Status {
        let seen = self.seen_requests()?;
        status(self.call(|state, id| {
            let limit = state.memory_limit;
            let set = state.set_mut(id);
            let phases = &[Phase::Configurable, Phase::Initializing, Phase::Active];
            set.require_also(phases, Mutant::RequestsEarly, &[Phase::Connected])?;
            if let Err(invalid) = check_buffer(size, alignment) {
                return set.seed.instead(Mutant::RequestsChecked, Ok(()), Err(invalid));
            }
            if matches!(set.phase, Phase::Connected | Phase::Configurable) {
                seen.into_iter().for_each(|seen| set.area.request_anew(seen));
                set.area.request(size, alignment, count);
            } else if !set.area.grow(size, alignment, count, limit) {
                return Err(HResult::VD_E_MEMORY);
            }
            Ok(())
        }))
    }

    /// How many buffers of `size` bytes AllocateBuffer could give now. VD_E_PROTOCOL
    /// after an abort.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Server Transitions.
    pub fn query_available_buffers(&self, size: u32, alignment: u32) -> Answer<u64> {
        answer(self.call(|state, id| {
            let set = state.set(id);
            set.require(&[Phase::Configurable, Phase::Initializing, Phase::Active])
                .map_err(|_| HResult::VD_E_PROTOCOL)?;
            if let Err(invalid) = check_buffer(size, alignment) {
                return set.seed.instead(Mutant::QueriesChecked, Ok(0), Err(invalid));
            }
            Ok(set.area.available(size, alignment))
        }))
    }

    /// Ends the configuration and wakes the client's GetConfiguration. VD_E_MEMORY if
    /// there is no room for what was requested: the requests are forgotten, and the
    /// server may ask for less.
    ///
    /// Source: SQL Server VDI reference, EndConfiguration.
    pub fn end_configuration(&self) -> Status {
        let seen = self.was_in(Mutant::BothEnd, Phase::Configurable)?;
        status(self.call(|state, id| {
            let limit = state.memory_limit;
            let set = state.set_mut(id);
            let phases = [Phase::Configurable, Phase::Initializing];
            let phases = &phases[..1 + usize::from(seen)];
            set.require_also(phases, Mutant::EndsEarly, &[Phase::Connected])?;
            let fits = set.area.allocate_requested(limit);
            if fits || set.is(Mutant::EndsWithoutMemory) {
                set.phase = Phase::Initializing;
                state.change();
            }
            if fits { Ok(()) } else { Err(HResult::VD_E_MEMORY) }
        }))
    }

    /// Becomes the completion agent: returns only when the set has ended and every
    /// callback has been made. VD_E_PROTOCOL while another thread is it.
    ///
    /// Source: SQL Server VDI reference, ExecuteCompletionAgent.
    pub fn execute_completion_agent(&self) -> Status {
        match self.start_agent()? {
            (_, Some(agent)) => agent.run(),
            (refused, None) => Ok(refused),
        }
    }

    /// The first half of ExecuteCompletionAgent, which does not block.
    pub(crate) fn start_agent(&self) -> Answer<Agent> {
        let (refused, enters) = self.seen_before_agent()?;
        if let Some(refused) = refused {
            return Ok((refused, None));
        }
        let set = self.call(|state, id| {
            let started = agent::start(state, id, &self.process)?;
            if enters {
                state.set_mut(id).enter_active();
            }
            Ok(started)
        });
        answer(set.map(|started| {
            started.map(|set| Agent {
                monitor: self.monitor.clone(),
                process: self.process.clone(),
                set,
            })
        }))
    }

    /// Opens the device of that name, or the next unopened one; VD_E_OPEN if all are
    /// open.
    ///
    /// Source: SQL Server VDI reference, OpenDevice (server).
    pub fn open_device(&self, name: &str) -> Answer<ServerDevice> {
        let seen = self.next_seen(name)?;
        let slot = self.call(|state, id| {
            let set = state.set_mut(id);
            match set.phase {
                Phase::Connected | Phase::Configurable if set.is(Mutant::ServerOpensEarly) => {}
                Phase::AbnormallyTerminated if set.is(Mutant::ServerOpensAfterAbort) => {}
                _ => set.require(&[Phase::Initializing, Phase::Active])?,
            }
            let (right, wrong) = (HResult::VD_E_OPEN, HResult::VD_E_PROTOCOL);
            let surplus = set.seed.instead(Mutant::ServerSurplusProtocol, right, wrong);
            let slot = seen.or_else(|| next_unopened(set, name)).ok_or(surplus)?;
            let is_first = set.devices.iter().all(|device| device.server == End::Unopened);
            set.devices[slot].server = End::Open;
            if is_first && set.is(Mutant::FailedOpenTakesServerDevice) {
                return Err(HResult::VD_E_MEMORY);
            }
            set.enter_active();
            Ok((state.held_by(self.interface)?, slot))
        });
        let open = |(hold, slot)| ServerDevice { interface: self.clone(), hold, slot };
        answer(slot.map(|slot| slot.map(open)))
    }

    /// Allocates a buffer from the area. `size` leaves out the prefix zone; alignment
    /// 0 is the basic one. VD_E_MEMORY if too little was requested; VD_E_INVALID if
    /// the size is 0, or the alignment neither 0 nor a power of 2.
    ///
    /// Source: SQL Server VDI reference, AllocateBuffer.
    pub fn allocate_buffer(&self, size: u32, alignment: u32) -> Answer<Buffer> {
        let seen = self.seen_place(size, alignment)?;
        if self.leaves_the_last(size, alignment)? {
            return Ok((HResult::VD_E_MEMORY, None));
        }
        answer(self.call(|state, id| {
            let set = state.set(id);
            let aborted = &[Phase::AbnormallyTerminated];
            set.require_also(HAS_BUFFERS, Mutant::AllocatesAfterAbort, aborted)?;
            set.seed.unless(Mutant::AllocatesAnyAlignment, check_buffer(size, alignment))?;
            if alignment == 0 && set.is(Mutant::AllocatesNoBasicAlignment) {
                return Err(HResult::VD_E_INVALID);
            }
            let name = state.new_buffer();
            let allocated = state.set_mut(id).area.allocate(name, size, alignment, seen);
            allocated.ok_or(HResult::VD_E_MEMORY)
        }))
    }

    /// Frees a buffer. VD_E_INVALID if there is no such buffer, it has another size, or
    /// a command that uses it is outstanding. `None` is the buffer's own size.
    ///
    /// Source: SQL Server VDI reference, FreeBuffer.
    pub fn free_buffer(&self, buffer: Option<BufferId>, size: Option<u32>) -> Status {
        let seen = self.seen_buffer(buffer)?;
        status(self.call(|state, id| {
            let set = state.set_mut(id);
            let aborted = &[Phase::AbnormallyTerminated];
            set.require_also(HAS_BUFFERS, Mutant::FreesAfterAbort, aborted)?;
            let Some(own) = buffer.filter(|buffer| seen || set.area.holds(*buffer)) else {
                if buffer.is_some_and(|buffer| state.frees_elsewhere(id, buffer)) {
                    return Ok(());
                }
                return state.seed.unless(Mutant::FreesAnything, Err(HResult::VD_E_INVALID));
            };
            if !seen && size.is_some_and(|size| !set.area.is_sized(own, size)) {
                set.seed.unless(Mutant::FreesAnySize, Err(HResult::VD_E_INVALID))?;
            }
            if set.uses(own) && !set.is(Mutant::FreesBufferInUse) {
                return Err(HResult::VD_E_INVALID);
            }
            if !set.is(Mutant::FreesNothing) {
                set.area.free(own);
            }
            Ok(())
        }))
    }

    /// Whether the buffer is a buffer of this set that is allocated, after an abort
    /// too.
    ///
    /// Source: SQL Server VDI reference, IsSharedBuffer.
    pub fn is_shared_buffer(&self, buffer: Option<BufferId>) -> Answer<bool> {
        answer(self.call(|state, id| {
            let set = state.set(id);
            let shared = buffer.is_some_and(|buffer| set.area.holds(buffer))
                || state.is_shared_elsewhere(id, buffer);
            let shared = shared || buffer.is_none() && set.is(Mutant::SharedNull);
            Ok(set.seed.instead(Mutant::SharedNever, shared, false))
        }))
    }

    /// Aborts the set, if it is not aborted already.
    ///
    /// Source: SQL Server VDI reference, SignalAbort (server).
    pub fn signal_abort(&self) -> Status {
        self.collect_first()?;
        let aborted = status(self.call(|state, id| state.signal_abort(id)));
        self.overlook(Mutant::SignalAbortNotOpen, aborted)
    }

    /// Closes the set and releases everything, on an error too. VD_E_PROTOCOL, with
    /// SignalAbort processing, while devices are open; in every phase but the
    /// terminated ones Close aborts. Does not wait for the agent.
    ///
    /// Source: IServerVirtualDeviceSet2::Close, Remarks.
    pub fn close(&self) -> Status {
        if self.monitor.seed.is(Mutant::ServerClosesTwice) {
            return self.close_twice();
        }
        let decided = self.decide_close()?;
        let closed = self.call(|state, id| {
            let answer = close(state, id, decided);
            state.bind(self.interface, Binding::Useless);
            let stolen = if state.is(Mutant::CallbacksOnClosingThread) {
                state.set_mut(id).owed.drain(..).collect()
            } else {
                Vec::new()
            };
            Ok((answer, stolen))
        })?;
        let (answer, stolen): (_, Vec<Owed>) = match closed {
            Ok(closed) => closed,
            Err(refused) => return self.overlook(Mutant::ServerCloseNotOpen, Ok(refused)),
        };
        for mut owed in stolen {
            (owed.callback)(owed.completion);
        }
        Ok(answer)
    }

    /// NOERROR in place of VD_E_PROTOCOL, if that is the defect.
    fn overlook(&self, mutant: Mutant, status: Status) -> Status {
        match status {
            Ok(HResult::VD_E_PROTOCOL) if self.monitor.seed.is(mutant) => Ok(HResult::NOERROR),
            status => status,
        }
    }

    /// Acts on the set that this interface has open, else VD_E_PROTOCOL.
    pub(super) fn call<T>(
        &self,
        act: impl FnOnce(&mut State, SetId) -> Result<T, HResult>,
    ) -> Result<Result<T, HResult>, Gone> {
        self.monitor.with(&self.process, |state| {
            let id = state.held_by(self.interface)?.set;
            act(state, id)
        })
    }
}

/// The phases in which buffers can be allocated and freed.
pub(super) const HAS_BUFFERS: &[Phase] =
    &[Phase::Initializing, Phase::Active, Phase::NormallyTerminated];

pub(super) fn check_buffer(size: u32, alignment: u32) -> Result<(), HResult> {
    if size == 0 || (alignment != 0 && !alignment.is_power_of_two()) {
        Err(HResult::VD_E_INVALID)
    } else {
        Ok(())
    }
}

pub(super) fn next_unopened(set: &mut Set, name: &str) -> Option<usize> {
    let next = set.devices.iter().position(|device| device.server == End::Unopened)?;
    match set.device_named(name) {
        Some(slot) if set.devices[slot].server == End::Unopened => Some(slot),
        _ => Some(next),
    }
}

/// Whether a Close now is a mistake.
pub(super) fn is_misuse(set: &Set) -> bool {
    !set.aborted() && set.devices.iter().any(|device| device.server == End::Open)
}

/// `decided` is what an earlier look has found, if that is the defect.
pub(super) fn close(state: &mut State, id: SetId, decided: Option<bool>) -> HResult {
    let set = state.set_mut(id);
    let misuse = decided.unwrap_or_else(|| is_misuse(set));
    let mut abort = set.phase != Phase::NormallyTerminated || decided == Some(true);
    if misuse && set.is(Mutant::ServerCloseNoAbort) {
        abort = false;
    }
    if set.is(Mutant::NormalCloseAborts) {
        abort = true;
    }
    if !misuse && set.is(Mutant::ServerCloseQuiet) {
        abort = false;
    }
    let refused = set.aborted() && set.is(Mutant::ServerCloseAbortedProtocol);
    let refused = refused && set.devices.iter().any(|device| device.server == End::Open);
    let keeps = set.is(Mutant::ServerCloseReleasesNothing);
    if let Some(side) = &mut set.server {
        side.end(keeps);
    }
    state.close_spreads(id);
    if abort {
        state.abort(id);
    }
    if refused || misuse && !state.is(Mutant::ServerCloseNoerror) {
        HResult::VD_E_PROTOCOL
    } else {
        HResult::NOERROR
    }
}
