//! The client's half: IClientVirtualDeviceSet2 and IClientVirtualDevice.

use vdi_sim::codes::{HResult, Win32};
use vdi_sim::config::VdConfig;

use super::defect::Defect;
use super::device::{CommandId, Delivered, End};
use super::monitor::Monitor;
use super::set::{Phase, Set};
use super::state::{Binding, InterfaceId, SetId, State};
use super::{Answer, Completion, Gone, Status, Timeout, answer, status};
use crate::sync::Arc;

/// A client's set interface. May be used from any thread of its process.
///
/// Every function but Create answers VD_E_PROTOCOL unless a set is created and
/// not closed.
#[derive(Clone, Debug)]
pub struct ClientSet {
    monitor: Arc<Monitor>,
    process: String,
    interface: InterfaceId,
}

/// A device that the client has opened. After Close of its set every function
/// answers VD_E_PROTOCOL.
#[derive(Clone, Debug)]
pub struct ClientDevice {
    interface: ClientSet,
    set: SetId,
    slot: usize,
}

impl ClientSet {
    pub(super) fn new(monitor: Arc<Monitor>, process: &str) -> Self {
        let interface = monitor.update(State::new_interface);
        Self { monitor, process: process.to_owned(), interface }
    }

    /// Creates a set; `None` is the default instance. After Close the same interface
    /// may create again. VD_E_PROTOCOL if it has a set, or another one of that name is
    /// in use; VD_E_INSTANCE_NAME and VD_E_INVALID for a name that is empty or has a
    /// backslash; VD_E_NOTSUPPORTED for a configuration outside the documented rules.
    ///
    /// Source: SQL Server VDI reference, CreateEx and Create.
    pub fn create(&self, instance: Option<&str>, name: &str, config: &VdConfig) -> Status {
        let bad = |name: &str| name.is_empty() || name.contains('\\');
        status(self.monitor.with(&self.process, |state| {
            if state.binding(self.interface) != Binding::Unbound {
                return Err(HResult::VD_E_PROTOCOL);
            }
            if instance.is_some_and(bad) {
                return Err(HResult::VD_E_INSTANCE_NAME);
            }
            if bad(name) {
                return Err(HResult::VD_E_INVALID);
            }
            config.check_client().map_err(|_| HResult::VD_E_NOTSUPPORTED)?;
            if state.named(instance, name).is_some() {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let set = state.new_set((instance, name), config, &self.process);
            state.bind(self.interface, Binding::Bound(set));
            Ok(())
        }))
    }

    /// Blocks until the server has configured the set, and gives the configuration.
    /// VD_E_ABORT after an abort, during the wait too.
    ///
    /// Source: SQL Server VDI reference, GetConfiguration (client).
    pub fn get_configuration(&self, timeout: Timeout) -> Answer<VdConfig> {
        let mut waits_for = None;
        answer(self.monitor.wait_at_most(&self.process, timeout, |state| {
            let id = match waits_for.map_or_else(|| state.held_by(self.interface), Ok) {
                Ok(id) => *waits_for.insert(id),
                Err(refused) => return Some(Err(refused)),
            };
            let set = state.set_mut(id);
            if set.aborted() || !set.client.open {
                return Some(Err(HResult::VD_E_ABORT));
            }
            let configured = matches!(
                set.phase,
                Phase::Initializing | Phase::Active | Phase::NormallyTerminated
            );
            set.configuration_seen |= configured;
            configured.then_some(Ok(set.config))
        }))
    }

    /// Opens the device of that name; a name not yet known names the next device that
    /// has none. In this order: VD_E_ABORT after an abort, VD_E_PROTOCOL before
    /// GetConfiguration and after VD_E_CLOSE on every device, VD_E_OPEN if all devices are open, VD_E_INVALID for an unknown
    /// name, VD_E_PROTOCOL if that device is open.
    ///
    /// Source: SQL Server VDI reference, OpenDevice (client).
    pub fn open_device(&self, name: &str) -> Answer<ClientDevice> {
        let slot = self.call(|state, id| {
            let missed = state.defect(Defect::ActiveMissed);
            let set = state.set_mut(id);
            if set.aborted() {
                return Err(HResult::VD_E_ABORT);
            }
            if !set.configuration_seen {
                return Err(HResult::VD_E_PROTOCOL);
            }
            if set.devices.iter().all(|device| device.client == End::Closed) {
                return Err(HResult::VD_E_PROTOCOL);
            }
            if set.devices.iter().all(|device| device.client != End::Unopened) {
                return Err(HResult::VD_E_OPEN);
            }
            let slot = set.device_named(name).ok_or(HResult::VD_E_INVALID)?;
            if set.devices[slot].client != End::Unopened {
                return Err(HResult::VD_E_PROTOCOL);
            }
            set.devices[slot].client = End::Open;
            if !missed {
                set.enter_active();
            }
            Ok((id, slot))
        });
        let open = |(set, slot)| ClientDevice { interface: self.clone(), set, slot };
        answer(slot.map(|slot| slot.map(open)))
    }

    /// Aborts the set, if it is not aborted already.
    ///
    /// Source: SQL Server VDI reference, SignalAbort (client).
    pub fn signal_abort(&self) -> Status {
        status(self.call(|state, id| state.signal_abort(id)))
    }

    /// Closes the set and releases everything, on an error too. VD_E_OPEN, with
    /// SignalAbort processing, while a device is open that has not returned
    /// VD_E_CLOSE. Aborts as well unless every device has returned it.
    ///
    /// Source: SQL Server VDI reference, Close (client).
    pub fn close(&self) -> Status {
        status(self.call(|state, id| {
            let closed = close(state, id);
            state.bind(self.interface, Binding::Unbound);
            closed
        }))
    }

    /// Acts on the set that this interface has created, else VD_E_PROTOCOL.
    fn call<T>(
        &self,
        act: impl FnOnce(&mut State, SetId) -> Result<T, HResult>,
    ) -> Result<Result<T, HResult>, Gone> {
        self.monitor.with(&self.process, |state| {
            let id = state.held_by(self.interface)?;
            act(state, id)
        })
    }
}

impl ClientDevice {
    /// Takes the next command, and blocks while there is none. VD_E_CLOSE once the
    /// server has closed the device and nothing is queued; VD_E_ABORT after an abort,
    /// during the wait too.
    ///
    /// Source: SQL Server VDI reference, GetCommand.
    pub fn get_command(&self, timeout: Timeout) -> Answer<Delivered> {
        let ClientSet { monitor, process, interface } = &self.interface;
        let mut looked = false;
        answer(monitor.wait_at_most(process, timeout, |state| {
            let first = !std::mem::replace(&mut looked, true);
            if first && !state.holds(*interface, self.set) {
                return Some(Err(HResult::VD_E_PROTOCOL));
            }
            self.next_command(state.set_mut(self.set), first)
        }))
    }

    fn next_command(&self, set: &mut Set, first: bool) -> Option<Result<Delivered, HResult>> {
        let defect = set.seeded();
        let ended = set.aborted() || !set.client.open;
        let device = &mut set.devices[self.slot];
        if ended {
            let sleeps_on = !first && defect == Some(Defect::SleepsThroughAbort);
            let late = device.deliver_late().ok_or(HResult::VD_E_ABORT);
            return (!sleeps_on).then_some(late);
        }
        if let Some(delivered) = device.deliver(defect) {
            return Some(Ok(delivered));
        }
        if device.closed_for_client() {
            device.client = End::Closed;
            return Some(Err(HResult::VD_E_CLOSE));
        }
        None
    }

    /// Completes a command that this device delivered; the agent calls it back.
    /// VD_E_ABORT, without effect, after an abort; VD_E_PROTOCOL once the device has
    /// returned VD_E_CLOSE; VD_E_INVALID for a command that the client does not hold.
    /// `bytes` is what was moved.
    ///
    /// Source: SQL Server VDI reference, CompleteCommand.
    pub fn complete_command(
        &self,
        command: Option<CommandId>,
        code: Win32,
        bytes: u32,
        position: u64,
    ) -> Status {
        let ClientSet { monitor, process, interface } = &self.interface;
        status(monitor.with(process, |state| {
            if !state.holds(*interface, self.set) {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let silent = state.defect(Defect::CompletionForgetsToWake);
            let set = state.set_mut(self.set);
            if set.aborted() {
                let late = set.defect(Defect::CompletesAfterAbort);
                return if late { Ok(()) } else { Err(HResult::VD_E_ABORT) };
            }
            let device = &mut set.devices[self.slot];
            if device.client == End::Closed {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let held = command.and_then(|command| device.take_held(command));
            let held = held.ok_or(HResult::VD_E_INVALID)?;
            set.complete(self.slot, held, Completion { code, bytes, position });
            if !silent {
                state.change();
            }
            Ok(())
        }))
    }

    /// Whether the client's process may still use the device: until its own Close.
    ///
    /// Source: SQL Server VDI reference, Close (client).
    #[must_use]
    pub fn touch(&self) -> bool {
        let ClientSet { monitor, process, .. } = &self.interface;
        let mapped =
            |state: &mut State| state.find_set(self.set).is_some_and(|set| set.client.mapped);
        monitor.with(process, mapped).unwrap_or(false)
    }
}

fn close(state: &mut State, id: SetId) -> Result<(), HResult> {
    let unaware = state.defect(Defect::ClientCloseUnnoticed);
    let lenient = state.defect(Defect::ClientCloseNoerror);
    let set = state.set_mut(id);
    let open = !set.aborted() && set.devices.iter().any(|device| device.client == End::Open);
    let seen_all = set.devices.iter().all(|device| device.client == End::Closed);
    set.client.open = false;
    set.client.mapped = false;
    if set.aborted() || (open && unaware) {
        state.change();
    } else if seen_all {
        // What the client still holds nobody will complete; the agent may not wait
        // for it for ever.
        set.give_up();
        state.change();
    } else {
        state.abort(id);
    }
    if open && !lenient { Err(HResult::VD_E_OPEN) } else { Ok(()) }
}
