//! The client's device interface, IClientVirtualDevice: GetCommand, CompleteCommand.

use vdi_spec::codes::{HResult, Win32};

use super::device::{Command, CommandId, Delivered, End};
use super::interfaces::{ClientDevice, ClientSet};
use super::mutant::{Mutant, Seed};
use super::races;
use super::set::Set;
use super::state::State;
use super::{Answer, Completion, Status, Timeout, answer, status};

impl ClientDevice {
    /// Takes the next command, and blocks while there is none. VD_E_CLOSE once the
    /// server has closed the device and nothing is queued; VD_E_ABORT after an abort,
    /// during the wait too.
    ///
    /// Source: SQL Server VDI reference, GetCommand.
    pub fn get_command(&self, timeout: Timeout) -> Answer<Delivered> {
        let ClientSet { monitor, process, interface } = &self.interface;
        let timeout = patience(timeout, monitor.seed);
        let mut looked = false;
        let missed = self.misses()?;
        let got = answer(monitor.wait_at_most(process, timeout, |state| {
            let first = !std::mem::replace(&mut looked, true);
            if first && !state.holds(*interface, self.hold) {
                return Some(Err(HResult::VD_E_PROTOCOL));
            }
            if first && missed {
                return None;
            }
            self.next_command(state.set_mut(self.hold.set), first)
        }));
        match self.delivered_later(got) {
            Ok((HResult::VD_E_TIMEOUT, nothing))
                if timeout == Timeout::Milliseconds(0) && monitor.seed.is(Mutant::PollMemory) =>
            {
                Ok((HResult::VD_E_MEMORY, nothing))
            }
            got => got,
        }
    }

    fn next_command(&self, set: &mut Set, first: bool) -> Option<Result<Delivered, HResult>> {
        let seed = set.seed;
        let open = set.client_side(self.hold.side).is_some_and(|side| side.open);
        let ended = set.aborted() || !open;
        let device = &mut set.devices[self.slot];
        if ended {
            let sleeps_on = !first && seed.is(Mutant::SleepsThroughAbort);
            let late = if seed.is(Mutant::KeepsQueue) { None } else { device.deliver_late() };
            let late = late.ok_or(HResult::VD_E_ABORT);
            return (!sleeps_on).then_some(late);
        }
        let closed = device.closed_for_client(seed);
        if closed && device.client == End::Closed && seed.is(Mutant::CloseEventOnce) {
            return Some(Err(HResult::VD_E_PROTOCOL));
        }
        if closed {
            device.client = End::Closed;
            return Some(Err(HResult::VD_E_CLOSE));
        }
        if seed.is(Mutant::KeepsQueue)
            && let Some(kept) = device.deliver_late()
        {
            return Some(Ok(kept));
        }
        if seed.is(Mutant::OneCommandTwice) {
            return device.peek().map(Ok);
        }
        let mut delivered = device.deliver(seed)?;
        if delivered.buffer.is_some() && seed.is(Mutant::BufferNotDelivered) {
            delivered.buffer = set.area.another(delivered.buffer);
        }
        if let Some(buffer) = delivered.buffer {
            set.map(self.hold.side, buffer);
        }
        Some(Ok(delivered))
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
        if races::completes_later(monitor.seed) {
            return self.complete_later(command, Completion { code, bytes, position });
        }
        let completed = status(monitor.with(process, |state| {
            let seed = state.seed;
            if !state.holds(*interface, self.hold) {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let completion = Completion { code, bytes, position };
            let set = state.set_mut(self.hold.set);
            if set.aborted() {
                return seed.unless(Mutant::CompletesAfterAbort, Err(HResult::VD_E_ABORT));
            }
            let closed = set.devices[self.slot].client == End::Closed;
            if closed && !seed.is(Mutant::CompletesAfterCloseSeen) {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let Some(held) = command.and_then(|command| self.take(set, command)) else {
                if state.completes_elsewhere(self.hold.set, command, completion) {
                    return Ok(());
                }
                let set = state.set_mut(self.hold.set);
                let gone = command.is_some_and(|command| !set.has(command));
                let twice = gone && seed.is(Mutant::CompletesTwice);
                let invalid = if twice { Ok(()) } else { Err(HResult::VD_E_INVALID) };
                return seed.unless(Mutant::CompletesInactive, invalid);
            };
            set.complete(self.slot, held, completion);
            state.completed_elsewhere(self.hold.set, self.slot, completion);
            if !seed.is(Mutant::CompletionForgetsToWake) {
                state.change();
            }
            Ok(())
        }));
        if monitor.seed.is(Mutant::CallbackElsewhere) {
            let stolen =
                monitor.with(process, |state| state.set_mut(self.hold.set).owed.pop_front());
            if let Some(mut owed) = stolen? {
                (owed.callback)(owed.completion);
            }
        }
        completed
    }

    /// Takes back the command that is to be completed.
    fn take(&self, set: &mut Set, command: CommandId) -> Option<Command> {
        if set.is(Mutant::CompletesOnOtherDevice) {
            return set.devices.iter_mut().find_map(|device| device.take_held(command));
        }
        set.devices[self.slot].take_held(command)
    }

    /// Whether the client's process may still use the device: until its own Close.
    ///
    /// Source: SQL Server VDI reference, Close (client).
    #[must_use]
    pub fn touch(&self) -> bool {
        let ClientSet { monitor, process, .. } = &self.interface;
        let mapped = |state: &mut State| {
            let stays = state.is(Mutant::ClientDeviceAfterClose);
            let set = state.find_set(self.hold.set);
            set.and_then(|set| set.client_side(self.hold.side))
                .is_some_and(|side| side.mapped || stays)
        };
        monitor.with(process, mapped).unwrap_or(false)
    }
}

/// How long GetCommand waits.
fn patience(timeout: Timeout, seed: Seed) -> Timeout {
    match timeout {
        Timeout::Milliseconds(0) if seed.is(Mutant::PollWaits) => Timeout::Infinite,
        Timeout::Milliseconds(1..) if seed.is(Mutant::CommandTimeoutIgnored) => Timeout::Infinite,
        Timeout::Milliseconds(_) if seed.is(Mutant::CommandTimeoutEarly) => {
            Timeout::Milliseconds(0)
        }
        timeout => timeout,
    }
}
