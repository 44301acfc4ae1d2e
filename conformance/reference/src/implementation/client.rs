//! The client's set interface, IClientVirtualDeviceSet2, as the primary client uses it.

use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

use super::device::End;
use super::interfaces::{ClientDevice, ClientSet};
use super::monitor::Monitor;
use super::mutant::Mutant;
use super::set::{Phase, Set};
use super::state::{Binding, Hold, SideId, State};
use super::{Answer, Gone, Status, Timeout, answer, status};
use crate::sync::Arc;

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
        let seen = self.seen_without_set()?;
        status(self.monitor.with(&self.process, |state| {
            if state.binding(self.interface) != Binding::Unbound && !seen {
                return state.seed.unless(Mutant::CreateTwice, Err(HResult::VD_E_PROTOCOL));
            }
            if instance.is_some_and(bad) {
                return Err(HResult::VD_E_INSTANCE_NAME);
            }
            if bad(name) {
                return Err(HResult::VD_E_INVALID);
            }
            let supported = config.check_client().map_err(|_| HResult::VD_E_NOTSUPPORTED);
            state.seed.unless(Mutant::CreatesAnything, supported)?;
            let named = (instance, name);
            let taken = state.name_taken(instance, name) && !state.is(Mutant::CreatesTakenName);
            if taken && !seen
                || state.keeps_name(named, self.interface)
                || state.is_the_second(Mutant::OneClientSet, self.interface)
            {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let hold = state.new_set(named, config, (&self.process, self.interface));
            state.bind(self.interface, Binding::Bound(hold));
            let fails = instance.is_some() && state.is(Mutant::FailedCreateTakesName);
            if fails { Err(HResult::VD_E_INSTANCE_NAME) } else { Ok(()) }
        }))
    }

    /// Blocks until the server has configured the set, and gives the configuration.
    /// VD_E_ABORT after an abort, during the wait too.
    ///
    /// Source: SQL Server VDI reference, GetConfiguration (client).
    pub fn get_configuration(&self, timeout: Timeout) -> Answer<VdConfig> {
        let timeout = match timeout {
            _ if self.monitor.seed.is(Mutant::ConfigurationTimeoutIgnored) => Timeout::Infinite,
            timeout => timeout,
        };
        let mut missed = self.misses()?;
        let mut waits_for: Option<Hold> = None;
        answer(self.monitor.wait_at_most(&self.process, timeout, |state| {
            let first = waits_for.is_none();
            let hold = match waits_for.map_or_else(|| state.held_by(self.interface), Ok) {
                Ok(hold) => *waits_for.insert(hold),
                Err(refused) => return Some(Err(refused)),
            };
            if std::mem::take(&mut missed) {
                return None;
            }
            let set = state.set_mut(hold.set);
            if !first && set.configuration.seen && set.is(Mutant::ConfigurationWakesOne) {
                return None;
            }
            configuration(set, hold.side, first)
        }))
    }

    /// Opens the device of that name; a name not yet known names the next device that
    /// has none. In this order: VD_E_ABORT after an abort, VD_E_PROTOCOL before
    /// GetConfiguration and after VD_E_CLOSE on every device, VD_E_OPEN if all devices are open, VD_E_INVALID for an unknown
    /// name, VD_E_PROTOCOL if that device is open.
    ///
    /// Source: SQL Server VDI reference, OpenDevice (client).
    pub fn open_device(&self, name: &str) -> Answer<ClientDevice> {
        let (seen, agent_seen) = self.seen_before_open(name)?;
        let opened = self.call(|state, hold| {
            let set = state.set_mut(hold.set);
            let chosen = seen.map_or_else(|| choose_device(set, name, hold.side), Ok);
            if chosen.is_err() && set.is(Mutant::FailedOpenTakesDevice) {
                let mut unopened = set.devices.iter_mut().filter(|d| d.client == End::Unopened);
                unopened.next().into_iter().for_each(|device| device.client = End::Open);
            }
            let device = &mut set.devices[chosen?];
            device.client = End::Open;
            device.owner = Some(hold.side);
            if agent_seen && !set.is(Mutant::ActiveMissed) {
                set.enter_active();
            }
            Ok((hold, chosen?))
        });
        let open = |(hold, slot)| ClientDevice { interface: self.clone(), hold, slot };
        answer(opened.map(|opened| opened.map(open)))
    }

    /// Aborts the set, if it is not aborted already.
    ///
    /// Source: SQL Server VDI reference, SignalAbort (client).
    pub fn signal_abort(&self) -> Status {
        let aborted = status(self.call(|state, hold| {
            let ignored = state.is(Mutant::ClientAbortIgnored);
            if ignored { Ok(()) } else { state.signal_abort(hold.set) }
        }));
        self.overlook(Mutant::ClientSignalAbortNotOpen, aborted)
    }

    /// Closes the set and releases everything, on an error too. VD_E_OPEN, with
    /// SignalAbort processing, while a device is open that has not returned
    /// VD_E_CLOSE: any for the primary client, one of its own for a secondary. The
    /// primary's Close aborts as well unless every device has returned it; a secondary's
    /// does nothing else to the set.
    ///
    /// Source: SQL Server VDI reference, Close (client).
    pub fn close(&self) -> Status {
        if self.monitor.seed.is(Mutant::ClientClosesTwice) {
            return self.close_twice();
        }
        let closed = status(self.call(|state, hold| {
            let primary = state.set(hold.set).client.id == hold.side;
            let closed =
                if primary { close(state, hold) } else { super::secondary::close(state, hold) };
            state.bind(self.interface, Binding::Unbound);
            closed
        }));
        self.overlook(Mutant::ClientCloseNotOpen, closed)
    }

    /// NOERROR in place of VD_E_PROTOCOL, if that is the defect.
    fn overlook(&self, mutant: Mutant, status: Status) -> Status {
        match status {
            Ok(HResult::VD_E_PROTOCOL) if self.monitor.seed.is(mutant) => Ok(HResult::NOERROR),
            status => status,
        }
    }

    /// Acts on the set that this interface has, else VD_E_PROTOCOL.
    pub(super) fn call<T>(
        &self,
        act: impl FnOnce(&mut State, Hold) -> Result<T, HResult>,
    ) -> Result<Result<T, HResult>, Gone> {
        self.monitor.with(&self.process, |state| {
            let hold = state.held_by(self.interface)?;
            act(state, hold)
        })
    }
}

/// What GetConfiguration gives on a look, if it need not wait.
fn configuration(set: &mut Set, side: SideId, first: bool) -> Option<Result<VdConfig, HResult>> {
    let open = set.client_side(side).is_some_and(|side| side.open);
    if set.aborted() || !open {
        let sleeps_on = !first && set.is(Mutant::ConfigurationSleepsThroughAbort);
        let told = set.seed.instead(
            Mutant::ConfigurationAfterAbort,
            Err(HResult::VD_E_ABORT),
            Ok(set.told()),
        );
        return (!sleeps_on).then_some(told);
    }
    let configured = match set.phase {
        Phase::Initializing | Phase::Active | Phase::NormallyTerminated => true,
        Phase::Configurable => set.is(Mutant::ConfigurationEarly),
        _ => false,
    };
    let told = set.told();
    set.configuration.seen |= configured;
    configured.then_some(Ok(told))
}

/// The device that OpenDevice is to open.
pub(super) fn choose_device(set: &mut Set, name: &str, side: SideId) -> Result<usize, HResult> {
    let seed = set.seed;
    let aborted = if set.aborted() { Err(HResult::VD_E_ABORT) } else { Ok(()) };
    seed.unless(Mutant::ClientOpensAfterAbort, aborted)?;
    let configured = matches!(set.phase, Phase::Initializing | Phase::Active);
    let untold = configured && seed.is(Mutant::ClientOpensUntold);
    let seen = if set.configuration.seen || untold { Ok(()) } else { Err(HResult::VD_E_PROTOCOL) };
    seed.unless(Mutant::ClientOpensEarly, seen)?;
    let ends = |end: End| set.devices.iter().filter(|device| device.client == end).count();
    if ends(End::Closed) == set.devices.len() {
        return Err(HResult::VD_E_PROTOCOL);
    }
    if let Some(slot) = opened_again(set, name, side) {
        return Ok(slot);
    }
    if ends(End::Unopened) == 0 {
        let (right, wrong) = (HResult::VD_E_OPEN, HResult::VD_E_PROTOCOL);
        return Err(seed.instead(Mutant::ClientSurplusProtocol, right, wrong));
    }
    let (right, wrong) = (HResult::VD_E_INVALID, HResult::VD_E_PROTOCOL);
    let unknown = seed.instead(Mutant::UnknownNameProtocol, right, wrong);
    let slot = set.device_named(name).ok_or(unknown)?;
    if set.devices[slot].client == End::Unopened { Ok(slot) } else { Err(HResult::VD_E_PROTOCOL) }
}

/// The device of that name that is open already, if to open it is the defect.
fn opened_again(set: &Set, name: &str, side: SideId) -> Option<usize> {
    let known = set.devices.iter().position(|device| device.name.as_deref() == Some(name))?;
    let device = &set.devices[known];
    let again = device.client == End::Open
        && (set.is(Mutant::ClientOpensTwice)
            || device.owner != Some(side) && set.is(Mutant::SecondaryOpensTwice));
    again.then_some(known)
}

/// Close of the primary client.
pub(super) fn close(state: &mut State, hold: Hold) -> Result<(), HResult> {
    let set = state.set_mut(hold.set);
    let seed = set.seed;
    let counts = |owner| !seed.is(Mutant::PrimaryForgetsSecondaries) || owner == Some(hold.side);
    let counted = !set.aborted() || seed.is(Mutant::ClientCloseAbortedOpen);
    let open = counted
        && set.devices.iter().any(|device| device.client == End::Open && counts(device.owner));
    let seen_all = set.devices.iter().all(|device| device.client == End::Closed);
    set.client.end(seed.is(Mutant::ClientCloseReleasesNothing));
    let unaware = if open { Mutant::ClientCloseUnnoticed } else { Mutant::ClientCloseQuiet };
    let normal = seen_all && !seed.is(Mutant::ClientNormalCloseAborts);
    if set.aborted() || (!seen_all && seed.is(unaware)) {
        state.change();
    } else if normal {
        // What the client still holds nobody will complete; the agent may not wait
        // for it for ever.
        set.give_up();
        state.change();
    } else {
        state.abort(hold.set);
    }
    if open && !seed.is(Mutant::ClientCloseNoerror) { Err(HResult::VD_E_OPEN) } else { Ok(()) }
}
