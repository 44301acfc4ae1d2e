//! The seeded defects that only some orders of events show: what is one look at the
//! state is two here, with a window between them.

use vdi_spec::codes::{HResult, Win32};

use super::agent::{Agent, invoke};
use super::client::choose_device;
use super::device::{Delivered, End};
use super::interfaces::{ClientDevice, ClientSet, ServerDevice, ServerSet};
use super::mutant::{Mutant, Seed};
use super::server::{HAS_BUFFERS, check_buffer, close, is_misuse, next_unopened};
use super::server_device::SendCommand;
use super::set::{Phase, Set};
use super::state::{Binding, State};
use super::{Answer, Completion, Gone, Status, client, status};

/// Whether SendCommand queues later than it checks.
pub(super) fn sends_later(seed: Seed) -> bool {
    [
        Mutant::SendChecksThenQueues,
        Mutant::SendCallsBackItself,
        Mutant::SendWakesWhomItSaw,
        Mutant::QueueCountsFirst,
    ]
    .iter()
    .any(|mutant| seed.is(*mutant))
}

/// Whether CompleteCommand records later than it checks.
pub(super) fn completes_later(seed: Seed) -> bool {
    [
        Mutant::CompletionInTwoSteps,
        Mutant::BothComplete,
        Mutant::CompletionWakesWhomItSaw,
        Mutant::ErrorDrainsFirst,
    ]
    .iter()
    .any(|mutant| seed.is(*mutant))
}

impl ServerDevice {
    /// What was checked is queued now; `waits`: another process waited before.
    pub(super) fn send_later(&self, command: SendCommand, waits: bool) -> Status {
        let ServerSet { monitor, process, .. } = &self.interface;
        let mutant = monitor.seed.0.unwrap_or(Mutant::SendChecksThenQueues);
        monitor.seed.lingers(mutant);
        let refused = monitor.with(process, |state| {
            let checked = self.admit(state, &command);
            match (mutant, checked) {
                (Mutant::SendChecksThenQueues, _) | (_, Ok(()) | Err((HResult::VD_E_BUSY, _))) => {
                    self.enqueue(state, command);
                    if mutant == Mutant::SendWakesWhomItSaw && !waits {
                        state.wake_nobody();
                    }
                    None
                }
                (_, Err(refusal)) => {
                    state.enter(process);
                    Some((refusal, command))
                }
            }
        })?;
        let Some(((refusal, code), mut command)) = refused else { return Ok(HResult::NOERROR) };
        let called = invoke(&mut command.callback, Completion::without_data(code));
        monitor.update(|state| state.leave(process));
        called.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let itself =
            mutant == Mutant::SendCallsBackItself && code == Win32::ERROR_OPERATION_ABORTED;
        Ok(if itself { HResult::NOERROR } else { refusal })
    }
}

impl ClientDevice {
    fn device_is(&self, holds: impl FnOnce(&Set) -> bool) -> Result<bool, Gone> {
        let ClientSet { monitor, process, .. } = &self.interface;
        monitor.with(process, |state| holds(state.set(self.hold.set)))
    }

    /// Whether GetCommand overlooks what has come since it began.
    pub(super) fn misses(&self) -> Result<bool, Gone> {
        let seed = self.interface.monitor.seed;
        let closed = |set: &Set| set.devices[self.slot].closed_for_client(seed);
        let sent = |set: &Set| set.devices[self.slot].peek().is_some();
        let looked: &dyn Fn(&Set) -> bool = match seed.0 {
            Some(Mutant::CommandMissesAbort) => &Set::aborted,
            Some(Mutant::CommandMissesClose) => &closed,
            Some(Mutant::CommandMissesSend) => &sent,
            _ => return Ok(false),
        };
        let before = self.device_is(looked)?;
        seed.lingers_anyhow();
        Ok(!before && self.device_is(looked)?)
    }

    /// GetCommand has decided what it delivers, and takes it now.
    pub(super) fn delivered_later(&self, got: Answer<Delivered>) -> Answer<Delivered> {
        let ClientSet { monitor, process, .. } = &self.interface;
        let Ok((_, Some(delivered))) = &got else { return got };
        let slot = self.slot;
        if monitor.seed.is(Mutant::DeliveryInTwoSteps) {
            let taken = monitor.with(process, |state| {
                state.set_mut(self.hold.set).devices[slot].take_held(delivered.command)
            })?;
            monitor.seed.lingers(Mutant::DeliveryInTwoSteps);
            monitor.with(process, |state| {
                let device = &mut state.set_mut(self.hold.set).devices[slot];
                taken.into_iter().for_each(|command| device.hold(command));
            })?;
        } else if monitor.seed.lingers(Mutant::OneCommandTwice) {
            let seed = monitor.seed;
            monitor
                .with(process, |state| state.set_mut(self.hold.set).devices[slot].deliver(seed))?;
        }
        got
    }

    /// CompleteCommand in two looks.
    pub(super) fn complete_later(
        &self,
        command: Option<super::CommandId>,
        completion: Completion,
    ) -> Status {
        let ClientSet { monitor, process, interface } = &self.interface;
        let (seed, slot) = (monitor.seed, self.slot);
        let check = |state: &State| {
            let set = state.set(self.hold.set);
            if !state.holds(*interface, self.hold) || set.devices[slot].client == End::Closed {
                return Err(if set.aborted() && state.holds(*interface, self.hold) {
                    HResult::VD_E_ABORT
                } else {
                    HResult::VD_E_PROTOCOL
                });
            }
            if set.aborted() {
                return Err(HResult::VD_E_ABORT);
            }
            let held = command.filter(|command| set.devices[slot].holds(*command));
            held.map(|command| (command, set.agent.calling)).ok_or(HResult::VD_E_INVALID)
        };
        let in_two_steps = seed.is(Mutant::CompletionInTwoSteps);
        let looked = monitor.with(process, |state| {
            let (command, calling) = check(state)?;
            let device = &mut state.set_mut(self.hold.set).devices[slot];
            Ok((command, calling, in_two_steps.then(|| device.take_held(command)).flatten()))
        })?;
        let (command, calling, taken) = match looked {
            Ok(looked) => looked,
            Err(refused) => return Ok(refused),
        };
        if !seed.is(Mutant::ErrorDrainsFirst) {
            seed.lingers_anyhow();
        }
        let completed = status(monitor.with(process, |state| {
            if state.set(self.hold.set).aborted() {
                return if in_two_steps { Ok(()) } else { Err(HResult::VD_E_ABORT) };
            }
            let set = state.set_mut(self.hold.set);
            let held = taken.or_else(|| set.devices[slot].take_held(command));
            let Some(held) = held else {
                return if seed.is(Mutant::BothComplete) {
                    Ok(())
                } else {
                    Err(HResult::VD_E_INVALID)
                };
            };
            set.complete(slot, held, completion);
            state.change();
            if calling && seed.is(Mutant::CompletionWakesWhomItSaw) {
                state.wake_nobody();
            }
            Ok(())
        }));
        if seed.is(Mutant::ErrorDrainsFirst) && completion.code != Win32::ERROR_SUCCESS {
            self.err_later()?;
        }
        completed
    }

    /// The queue has come back; the error state begins now.
    fn err_later(&self) -> Result<(), Gone> {
        let ClientSet { monitor, process, .. } = &self.interface;
        let mark = |errored| {
            monitor.with(process, |state| {
                let set = state.set_mut(self.hold.set);
                set.devices[self.slot].errored = errored && !set.aborted();
            })
        };
        mark(false)?;
        monitor.seed.lingers(Mutant::ErrorDrainsFirst);
        mark(true)
    }
}

impl ServerSet {
    /// The device that OpenDevice has seen unopened.
    pub(super) fn next_seen(&self, name: &str) -> Result<Option<usize>, Gone> {
        if !self.monitor.seed.is(Mutant::ServerOpensOneTwice) {
            return Ok(None);
        }
        let seen = self.call(|state, id| Ok(next_unopened(state.set_mut(id), name)))?;
        self.monitor.seed.lingers(Mutant::ServerOpensOneTwice);
        Ok(seen.unwrap_or_default())
    }

    /// Whether AllocateBuffer finds fewer buffers than ask for one at the same time, and
    /// leaves the last to the others.
    pub(super) fn leaves_the_last(&self, size: u32, alignment: u32) -> Result<bool, Gone> {
        let mutant = Mutant::NobodyGetsTheLast;
        if !self.monitor.seed.is(mutant) || check_buffer(size, alignment).is_err() {
            return Ok(false);
        }
        let asks = self.call(|state, id| {
            let set = state.set_mut(id);
            set.require(HAS_BUFFERS)?;
            set.area.asking += 1;
            Ok(())
        })?;
        if asks.is_err() {
            return Ok(false);
        }
        self.monitor.seed.lingers(mutant);
        let few = self.call(|state, id| {
            let area = &state.set(id).area;
            Ok(area.available(size, alignment) < area.asking)
        })?;
        self.monitor.seed.lingers(mutant);
        let left = self.call(|state, id| {
            state.set_mut(id).area.asking -= 1;
            Ok(())
        })?;
        Ok(left.is_ok() && few.unwrap_or(false))
    }

    /// SignalAbort calls back what there is, and lets more in.
    pub(super) fn collect_first(&self) -> Result<(), Gone> {
        if !self.monitor.seed.is(Mutant::AbortCollectsFirst) {
            return Ok(());
        }
        let collected = self.call(|state, id| {
            let set = state.set_mut(id);
            let aborted = set.aborted();
            if !aborted {
                set.give_up();
                let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
                set.owed.iter_mut().for_each(|owed| owed.completion = aborted);
                state.change();
            }
            Ok(aborted)
        })?;
        if collected == Ok(false) {
            self.monitor.seed.lingers(Mutant::AbortCollectsFirst);
            // A refusal is SignalAbort's own to give.
            let _ = self.call(|state, id| {
                state.set_mut(id).phase = Phase::AbnormallyTerminated;
                state.change();
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What Close has seen of open devices.
    pub(super) fn decide_close(&self) -> Result<Option<bool>, Gone> {
        if !self.monitor.seed.is(Mutant::CloseDecidesFirst) {
            return Ok(None);
        }
        let seen = self.call(|state, id| Ok(is_misuse(state.set(id))))?;
        self.monitor.seed.lingers(Mutant::CloseDecidesFirst);
        Ok(seen.ok())
    }

    /// Close looks whether the set is open first.
    pub(super) fn close_twice(&self) -> Status {
        let open = self.call(|_, id| Ok(id))?;
        self.monitor.seed.lingers(Mutant::ServerClosesTwice);
        status(self.monitor.with(&self.process, |state| {
            let answer = close(state, open?, None);
            state.bind(self.interface, Binding::Useless);
            if answer == HResult::NOERROR { Ok(()) } else { Err(answer) }
        }))
    }

    /// ExecuteCompletionAgent looks first whether there is an agent, and whether all devices
    /// are open: what it refuses with, and whether it is to enter Active.
    pub(super) fn seen_before_agent(&self) -> Result<(Option<HResult>, bool), Gone> {
        let seed = self.monitor.seed;
        if seed.is(Mutant::TwoAgentsAtOnce) {
            let seen = self.call(|state, id| {
                let set = state.set(id);
                if set.agent.running { set.require(&[]) } else { Ok(()) }
            })?;
            seed.lingers(Mutant::TwoAgentsAtOnce);
            return Ok((seen.err(), false));
        }
        if seed.is(Mutant::ActiveMissedByBoth) {
            let opened = self.call(|state, id| {
                let is_open = |device: &super::device::Device| device.client != End::Unopened;
                Ok(state.set(id).devices.iter().all(is_open))
            })?;
            seed.lingers(Mutant::ActiveMissedByBoth);
            return Ok((None, opened == Ok(true)));
        }
        Ok((None, false))
    }
}

impl Agent {
    /// Whether the set was aborted since the agent has started, and it did not see.
    pub(super) fn misses_abort(&self) -> Result<bool, Gone> {
        if !self.monitor.seed.is(Mutant::AgentMissesAbort) {
            return Ok(false);
        }
        let aborted = |state: &mut State| state.set(self.set).aborted();
        let before = self.monitor.with(&self.process, aborted)?;
        self.monitor.seed.lingers(Mutant::AgentMissesAbort);
        Ok(!before && self.monitor.with(&self.process, aborted)?)
    }

    /// On the way to a callback: whether an abort came in between, with the defect that
    /// calls back once more then.
    pub(super) fn is_overtaken(&self) -> bool {
        let seed = self.monitor.seed;
        seed.lingers(Mutant::CompletionWakesWhomItSaw);
        if !seed.is(Mutant::CallsAgainIfAborted) {
            return false;
        }
        let aborted = |state: &mut State| state.find_set(self.set).is_some_and(Set::aborted);
        let before = self.monitor.update(aborted);
        seed.lingers(Mutant::CallsAgainIfAborted);
        !before && self.monitor.update(aborted)
    }
}

impl ClientSet {
    /// Whether GetConfiguration overlooks what has come since it began.
    pub(super) fn misses(&self) -> Result<bool, Gone> {
        let seed = self.monitor.seed;
        let looked: fn(&Set) -> bool = match seed.0 {
            Some(Mutant::ConfigurationMissesAbort) => Set::aborted,
            Some(Mutant::ConfigurationMissesEnd) => |set| set.phase == Phase::Initializing,
            _ => return Ok(false),
        };
        let look = || self.call(|state, hold| Ok(looked(state.set(hold.set))));
        let before = look()?;
        seed.lingers_anyhow();
        Ok(before == Ok(false) && look()? == Ok(true))
    }

    /// What OpenDevice has seen: the device to open, if that is the defect, and whether
    /// the agent runs, which is to enter Active if it does not.
    pub(super) fn seen_before_open(&self, name: &str) -> Result<(Option<usize>, bool), Gone> {
        let seed = self.monitor.seed;
        if seed.is(Mutant::ClientOpensOneTwice) {
            let chosen =
                self.call(|state, hold| choose_device(state.set_mut(hold.set), name, hold.side))?;
            seed.lingers(Mutant::ClientOpensOneTwice);
            return Ok((chosen.ok(), true));
        }
        if seed.is(Mutant::ActiveMissedByBoth) {
            let running = self.call(|state, hold| Ok(state.set(hold.set).agent.running))?;
            seed.lingers(Mutant::ActiveMissedByBoth);
            return Ok((None, running == Ok(true)));
        }
        Ok((None, true))
    }

    /// Whether Create has seen no set, if the defect relies on that.
    pub(super) fn seen_without_set(&self) -> Result<bool, Gone> {
        if !self.monitor.seed.is(Mutant::BothCreate) {
            return Ok(false);
        }
        let seen = self
            .monitor
            .with(&self.process, |state| state.binding(self.interface) == Binding::Unbound)?;
        self.monitor.seed.lingers(Mutant::BothCreate);
        Ok(seen)
    }

    /// Close looks whether there is a set first.
    pub(super) fn close_twice(&self) -> Status {
        let open = self.call(|_, hold| Ok(hold))?;
        self.monitor.seed.lingers(Mutant::ClientClosesTwice);
        status(self.monitor.with(&self.process, |state| {
            let hold = open?;
            let primary = state.set(hold.set).client.id == hold.side;
            let closed = if primary {
                client::close(state, hold)
            } else {
                super::secondary::close(state, hold)
            };
            state.bind(self.interface, Binding::Unbound);
            closed
        }))
    }
}
