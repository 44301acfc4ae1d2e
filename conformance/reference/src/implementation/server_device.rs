//! The server's device interface, IServerVirtualDevice: SendCommand, CloseDevice.

use std::fmt;
use std::panic::resume_unwind;

use vdi_spec::codes::{CommandCode, HResult, Win32};

use super::agent::invoke;
use super::device::{Command, Delivered, End};
use super::interfaces::{ServerDevice, ServerSet};
use super::mutant::Mutant;
use super::races;
use super::set::Phase;
use super::state::State;
use super::{BufferId, Callback, Completion, Status, status};

/// What the server asks of the client: the input half of VDS_Command.
pub struct SendCommand {
    /// What the caller calls it; comes back in [`Delivered::tag`].
    pub tag: u64,
    /// What is to be done.
    pub code: CommandCode,
    /// The buffer to read from or write to.
    pub buffer: Option<BufferId>,
    /// Bytes; for SkipMarks and SkipBlocks a signed count.
    pub size: i64,
    /// Where, if the medium is addressed by position.
    pub position: u64,
    /// Invoked exactly once, on failure too: then on the calling thread, before
    /// SendCommand returns; else on the agent's.
    pub callback: Callback,
}

/// The status that refuses a command, and the code its callback is told.
pub(super) type Refusal = (HResult, Win32);

/// What became of a command under the lock.
enum Sent {
    Queued,
    Refused(Refusal, SendCommand),
    /// Refused, with the defect that forgets the callback.
    Silent(HResult),
    /// Accepted, with a defect that queues it later; whether another process waits.
    Later(SendCommand, bool),
}

impl ServerDevice {
    /// Queues a command. On an error the callback is invoked too, with a code that
    /// belongs to the status:
    ///
    /// | status | code | when |
    /// | --- | --- | --- |
    /// | VD_E_PROTOCOL | ERROR_INVALID_HANDLE | the device is not active |
    /// | VD_E_ABORT | ERROR_OPERATION_ABORTED | the set is aborted |
    /// | VD_E_IO_ERROR | ERROR_IO_DEVICE | the error state takes ClearError only |
    /// | VD_E_QUEUE_FULL | ERROR_NO_SYSTEM_RESOURCES | too many are outstanding |
    /// | VD_E_PROTOCOL | ERROR_INVALID_HANDLE | there is no such buffer |
    ///
    /// Source: SQL Server VDI reference, SendCommand.
    pub fn send_command(&self, command: SendCommand) -> Status {
        let ServerSet { monitor, process, .. } = &self.interface;
        let sent = monitor.with(process, |state| match self.admit(state, &command) {
            Ok(()) if races::sends_later(state.seed) => {
                Sent::Later(command, state.others_wait(process))
            }
            Ok(()) => {
                self.enqueue(state, command);
                Sent::Queued
            }
            Err((status, _)) if state.is(Mutant::FailedSendSilent) => Sent::Silent(status),
            Err(refusal) => {
                state.enter(process);
                Sent::Refused(refusal, command)
            }
        })?;
        let ((status, code), mut command) = match sent {
            Sent::Queued => return Ok(HResult::NOERROR),
            Sent::Refused(refusal, command) => (refusal, command),
            Sent::Silent(status) => return Ok(status),
            Sent::Later(command, waits) => return self.send_later(command, waits),
        };
        let code = monitor.seed.instead(Mutant::FailedSendAsSuccess, code, Win32::ERROR_SUCCESS);
        let outcome = invoke(&mut command.callback, Completion::without_data(code));
        monitor.update(|state| state.leave(process));
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        Ok(status)
    }

    /// Closes the device; the client gets VD_E_CLOSE once it has got what is queued.
    /// With the last one the set is normally terminated. VD_E_CLOSE if it is closed
    /// already, VD_E_PROTOCOL before the set is active, VD_E_ABORT after an abort.
    ///
    /// Source: SQL Server VDI reference, CloseDevice.
    pub fn close_device(&self) -> Status {
        let ServerSet { monitor, process, interface } = &self.interface;
        let seen = self.seen_devices()?;
        status(monitor.with(process, |state| {
            if !state.holds(*interface, self.hold) {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let set = state.set_mut(self.hold.set);
            if set.aborted() {
                let aborted = Err(HResult::VD_E_ABORT);
                return set.seed.unless(Mutant::ClosesDeviceAfterAbort, aborted);
            }
            let phases = &[Phase::Active, Phase::NormallyTerminated];
            set.require_also(phases, Mutant::ClosesDeviceEarly, &[Phase::Initializing])?;
            if set.devices[self.slot].server == End::Closed && !seen.is_open {
                return set.seed.unless(Mutant::ClosesDeviceAgain, Err(HResult::VD_E_CLOSE));
            }
            set.devices[self.slot].server = End::Closed;
            let is_last = set.devices.iter().all(|device| device.server == End::Closed);
            if is_last && !seen.another_is_open {
                set.phase = Phase::NormallyTerminated;
            }
            state.change();
            Ok(())
        }))
    }

    /// Whether the server's process may still use the device: until Close.
    ///
    /// Source: IServerVirtualDeviceSet2::Close, Remarks.
    #[must_use]
    pub fn touch(&self) -> bool {
        let ServerSet { monitor, process, .. } = &self.interface;
        let mapped = |state: &mut State| {
            let server = state.find_set(self.hold.set).and_then(|set| set.server.as_ref());
            let stays = state.is(Mutant::ServerDeviceAfterClose);
            server.is_some_and(|side| side.mapped || stays)
        };
        monitor.with(process, mapped).unwrap_or(false)
    }

    pub(super) fn admit(&self, state: &State, command: &SendCommand) -> Result<(), Refusal> {
        const INACTIVE: Refusal = (HResult::VD_E_PROTOCOL, Win32::ERROR_INVALID_HANDLE);
        if !state.holds(self.interface.interface, self.hold) {
            return Err(INACTIVE);
        }
        let set = state.set(self.hold.set);
        let device = &set.devices[self.slot];
        if set.aborted() {
            let refusal = (HResult::VD_E_ABORT, Win32::ERROR_OPERATION_ABORTED);
            return if set.is(Mutant::SendsAfterAbort) { Ok(()) } else { Err(refusal) };
        }
        let active = set.phase == Phase::Active && device.server == End::Open;
        let early = set.phase == Phase::Initializing && set.is(Mutant::SendsBeforeActive);
        let late = device.server == End::Closed && set.is(Mutant::SendsToClosedDevice);
        if !active && !late && !early {
            return Err(INACTIVE);
        }
        let refused = device.errored && command.code != CommandCode::ClearError;
        if refused && !set.is(Mutant::SendsWhileErrored) {
            return Err((HResult::VD_E_IO_ERROR, Win32::ERROR_IO_DEVICE));
        }
        let endless = set.is(Mutant::QueueWithoutEnd);
        let elsewhere = state.queued_elsewhere(self.hold.set, self.slot);
        if device.outstanding().count() + elsewhere >= state.queue_depth && !endless {
            return Err((HResult::VD_E_BUSY, Win32::ERROR_NO_SYSTEM_RESOURCES));
        }
        if command.buffer.is_some_and(|buffer| !set.area.holds(buffer)) {
            return Err(INACTIVE);
        }
        Ok(())
    }

    pub(super) fn enqueue(&self, state: &mut State, sent: SendCommand) {
        let about = Delivered {
            command: state.new_command(),
            tag: sent.tag,
            code: sent.code,
            size: sent.size,
            position: sent.position,
            buffer: sent.buffer,
        };
        let callback = sent.callback;
        let set = state.set_mut(self.hold.set);
        if set.outstanding().next().is_none() {
            set.wait_anew();
        }
        let next = (self.slot + 1) % set.devices.len();
        let slot = set.seed.instead(Mutant::OtherDevice, self.slot, next);
        set.devices[slot].enqueue(Command { about, callback });
        state.change();
    }
}

impl fmt::Debug for SendCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendCommand")
            .field("tag", &self.tag)
            .field("code", &self.code)
            .field("buffer", &self.buffer)
            .field("size", &self.size)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
