//! The server's device interface, IServerVirtualDevice: SendCommand, CloseDevice.

use std::fmt;
use std::panic::resume_unwind;

use super::buffer::Buffer;
use super::command::{Callback, Completion, invoke};
use super::layout::{End, Phase};
use super::record::{BufferKey, Request};
use super::server_state::Server;
use super::server_table::{Outstanding, ServerTable};
use crate::sync::{Arc, Mutant, seeded};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// A device that the server has opened. After Close of its set every function answers
/// VD_E_PROTOCOL.
#[derive(Clone, Debug)]
pub struct ServerDevice {
    server: Arc<Server>,
    slot: usize,
}

/// What the server asks of the client: the input half of VDS_Command.
pub struct SendCommand {
    /// What the caller calls it; comes back in [`Delivered::tag`](super::Delivered::tag).
    pub tag: u64,
    /// What is to be done.
    pub code: CommandCode,
    /// The buffer to read from or write to.
    pub buffer: Option<Buffer>,
    /// Bytes; for SkipMarks and SkipBlocks a signed count.
    pub size: i64,
    /// Where, if the medium is addressed by position.
    pub position: u64,
    /// Invoked exactly once, on failure too: then on the calling thread, before
    /// SendCommand returns; else on the agent's.
    pub callback: Callback,
}

/// The status that refuses a command, and the code its callback is told.
type Refusal = (HResult, Win32);

impl ServerDevice {
    pub(super) const fn new(server: Arc<Server>, slot: usize) -> Self {
        Self { server, slot }
    }

    /// Queues a command. On an error the callback is invoked too, with a code that
    /// belongs to the status.
    ///
    /// Source: SQL Server VDI reference, SendCommand.
    ///
    /// # Errors
    /// | status | the callback's code | when |
    /// | --- | --- | --- |
    /// | VD_E_PROTOCOL | ERROR_INVALID_HANDLE | the device is not active |
    /// | VD_E_ABORT | ERROR_OPERATION_ABORTED | the set is aborted |
    /// | VD_E_IO_ERROR | ERROR_IO_DEVICE | the error state takes ClearError only |
    /// | VD_E_QUEUE_FULL | ERROR_NO_SYSTEM_RESOURCES | too many are outstanding |
    /// | VD_E_PROTOCOL | ERROR_INVALID_HANDLE | there is no such buffer |
    /// | VD_E_UNEXPECTED | ERROR_OPERATION_ABORTED | the shared memory is corrupt |
    pub fn send_command(&self, command: SendCommand) -> Result<(), HResult> {
        let Server { process, mapping, .. } = &*self.server;
        let _inside = process.enter();
        mapping.notice_deaths_lately();
        let bell = &mapping.devices()[self.slot].bell;
        let mut begins_to_wait = false;
        let refused = {
            let mut table = self.server.table();
            let owed = table.owed.len();
            let admitted = self.admit(&mut table, &command);
            if table.owed.len() > owed {
                // Whoever completed that may have died before it could ring.
                mapping.control().bells.agent.ring();
            }
            match admitted {
                Ok((errors, buffer)) => {
                    if seeded(Mutant::AdmitsThenQueues) {
                        drop(table);
                        table = self.server.table();
                    }
                    if seeded(Mutant::BellBeforeRequest) {
                        bell.ring();
                    }
                    begins_to_wait = table.is_idle() && table.config.server_time_out > 0;
                    self.enqueue(&mut table, command, errors, buffer);
                    None
                }
                Err(refusal) => Some((refusal, command)),
            }
        };
        let Some(((status, code), mut command)) = refused else {
            if !seeded(Mutant::BellBeforeRequest) {
                bell.ring();
            }
            if seeded(Mutant::QueuesThenLooks) && mapping.is_aborted()? {
                return Err(HResult::VD_E_ABORT);
            }
            if begins_to_wait {
                // The agent sleeps without a deadline while nothing is outstanding.
                mapping.control().bells.agent.ring();
            }
            return Ok(());
        };
        if process.is_dead() {
            return Err(HResult::VD_E_ABORT);
        }
        let outcome = invoke(&mut command.callback, Completion::without_data(code));
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        Err(status)
    }

    /// Closes the device; the client gets VD_E_CLOSE once it has got what is queued.
    /// With the last one the set is normally terminated.
    ///
    /// Source: SQL Server VDI reference, CloseDevice.
    ///
    /// # Errors
    /// VD_E_CLOSE: it is closed already; VD_E_PROTOCOL: the set is not yet active, or
    /// closed; VD_E_ABORT.
    pub fn close_device(&self) -> Result<(), HResult> {
        let Server { process, mapping, .. } = &*self.server;
        let _inside = process.enter();
        mapping.notice_deaths_lately();
        let mut table = self.server.table();
        if table.closed {
            return Err(HResult::VD_E_PROTOCOL);
        }
        mapping.require(&[Phase::Active, Phase::NormallyTerminated])?;
        if table.devices[self.slot].end == End::Closed {
            return Err(HResult::VD_E_CLOSE);
        }
        if table.devices.iter().filter(|device| device.end != End::Closed).count() == 1 {
            mapping.advance(Phase::Active, Phase::NormallyTerminated)?;
        }
        table.devices[self.slot].end = End::Closed;
        let device = &mapping.devices()[self.slot];
        device.server.set(End::Closed);
        drop(table);
        device.bell.ring();
        mapping.control().bells.agent.ring();
        Ok(())
    }

    /// Whether the server's process may still use the device: until Close.
    ///
    /// Source: IServerVirtualDeviceSet2::Close, Remarks.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.server.process.is_dead() && !self.server.table().closed
    }

    /// Why the command cannot be taken; else the state of errors it is sent in.
    fn admit(
        &self,
        table: &mut ServerTable,
        command: &SendCommand,
    ) -> Result<(u32, Option<BufferKey>), Refusal> {
        const INACTIVE: Refusal = (HResult::VD_E_PROTOCOL, Win32::ERROR_INVALID_HANDLE);
        let unsound = |status| (status, Win32::ERROR_OPERATION_ABORTED);
        let mapping = &self.server.mapping;
        if table.closed {
            return Err(INACTIVE);
        }
        let state = mapping.state().map_err(unsound)?;
        if state.aborted || table.aborted {
            return Err((HResult::VD_E_ABORT, Win32::ERROR_OPERATION_ABORTED));
        }
        if state.phase != Phase::Active || table.devices[self.slot].end != End::Open {
            return Err(INACTIVE);
        }
        if !table.agent {
            // Active without an agent: it has ended with an abort that somebody took back.
            mapping.abort();
            return Err((HResult::VD_E_UNEXPECTED, Win32::ERROR_OPERATION_ABORTED));
        }
        table.absorb(mapping, self.slot).map_err(unsound)?;
        let words = &mapping.devices()[self.slot];
        let error = words.error.get();
        if error.errored && command.code != CommandCode::ClearError {
            return Err((HResult::VD_E_IO_ERROR, Win32::ERROR_IO_DEVICE));
        }
        let slot = &table.devices[self.slot];
        let room = mapping.sound(words.requests.has_room(slot.written)).map_err(unsound)?;
        if slot.outstanding.len() >= table.depth || !room {
            return Err((HResult::VD_E_BUSY, Win32::ERROR_NO_SYSTEM_RESOURCES));
        }
        let known = |buffer: &Buffer| buffer.key_in(mapping).filter(|key| table.holds(*key));
        let buffer = command.buffer.as_ref().map(|buffer| known(buffer).ok_or(INACTIVE));
        Ok((error.count, buffer.transpose()?))
    }

    fn enqueue(
        &self,
        table: &mut ServerTable,
        command: SendCommand,
        errors: u32,
        buffer: Option<BufferKey>,
    ) {
        if table.is_idle() {
            table.wait_anew();
        }
        table.sent += 1;
        let sent = table.sent;
        let slot = &mut table.devices[self.slot];
        let number = slot.written;
        let SendCommand { tag, code, size, position, callback: routine, .. } = command;
        let request = Request { tag, number, code: code.number(), errors, size, position, buffer };
        slot.outstanding.push_back(Outstanding { number, sent, errors, code, buffer, routine });
        slot.written += 1;
        let ring = &self.server.mapping.devices()[self.slot].requests;
        if seeded(Mutant::IndexBeforeRecord) {
            ring.publish(number);
        }
        ring.write(number, request.words());
        ring.publish(number);
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
