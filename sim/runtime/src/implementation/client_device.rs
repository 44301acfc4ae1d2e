//! The client's device interface, IClientVirtualDevice: GetCommand, CompleteCommand.

use super::buffer::Buffer;
use super::client_state::{Client, Held, Slot};
use super::clock::Timeout;
use super::command::{CommandId, Delivered};
use super::layout::{Corrupt, End};
use super::mapping::Listen;
use super::record::{Answered, Entered, Request};
use crate::sync::{Arc, Mutant, MutexGuard, Ordering, seeded};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// A device that a client has opened; it belongs to that process. After Close of its
/// set every function answers VD_E_PROTOCOL.
#[derive(Clone, Debug)]
pub struct ClientDevice {
    client: Arc<Client>,
    slot: usize,
}

impl ClientDevice {
    pub(super) const fn new(client: Arc<Client>, slot: usize) -> Self {
        Self { client, slot }
    }

    /// What a command of this device is known by.
    fn id(&self, number: u64) -> CommandId {
        let salt = self.client.mapping.control().identity.salt.get();
        CommandId(Some((salt, self.slot, number)))
    }

    fn own(&self) -> MutexGuard<'_, Slot> {
        self.client.devices[self.slot].lock()
    }

    /// Takes the next command, and blocks while there is none.
    ///
    /// Source: SQL Server VDI reference, GetCommand.
    ///
    /// # Errors
    /// VD_E_CLOSE: the server has closed the device, and nothing is queued; VD_E_TIMEOUT;
    /// VD_E_ABORT; VD_E_PROTOCOL: the set is closed.
    pub fn get_command(&self, timeout: Timeout) -> Result<Delivered, HResult> {
        let Client { mapping, process, .. } = &*self.client;
        let _inside = process.enter();
        mapping.wait(process.life(), Listen::Device(self.slot), timeout, |first| {
            if self.client.is_closed() {
                let closed = if first { HResult::VD_E_PROTOCOL } else { HResult::VD_E_ABORT };
                return Some(Err(closed));
            }
            match mapping.is_aborted() {
                Err(status) => Some(Err(status)),
                Ok(true) => Some(Err(HResult::VD_E_ABORT)),
                Ok(false) => self.next_command().transpose(),
            }
        })
    }

    /// The next command, or `None` if there is none yet.
    fn next_command(&self) -> Result<Option<Delivered>, HResult> {
        let mapping = &self.client.mapping;
        let device = &mapping.devices()[self.slot];
        let mut own = self.own();
        loop {
            // In this order: what was sent before the server closed the device is there.
            let mut closed = mapping.sound(device.server.get())? == End::Closed;
            let record = mapping.sound(device.requests.peek(own.read))?;
            if seeded(Mutant::QueueBeforeClosed) {
                closed = mapping.sound(device.server.get())? == End::Closed;
            }
            let Some(record) = record else {
                if closed {
                    device.client.set(End::Closed);
                    return Err(HResult::VD_E_CLOSE);
                }
                return Ok(None);
            };
            let request = Request::from_words(record);
            if request.number != own.read {
                return mapping.sound(Err(Corrupt));
            }
            // Sent before an error that came while it was queued: the server gets it back,
            // and the client never sees it.
            let stale = request.errors != device.error.get().count;
            if stale && !seeded(Mutant::StaleRequestDelivered) {
                own.read += 1;
                device.requests.release(own.read);
                continue;
            }
            let code = CommandCode::from_number(request.code.into()).ok_or(Corrupt);
            let code = mapping.sound(code)?;
            if code == CommandCode::ClearError && own.held.iter().any(|held| held.before_error) {
                return Ok(None);
            }
            if seeded(Mutant::DeliversThenTakes) {
                drop(own);
                own = self.own();
            }
            own.read += 1;
            device.requests.release(own.read);
            return self.deliver(&mut own, &request, code).map(Some);
        }
    }

    fn deliver(
        &self,
        own: &mut Slot,
        request: &Request,
        code: CommandCode,
    ) -> Result<Delivered, HResult> {
        let Client { mapping, views, .. } = &*self.client;
        let buffer = request.buffer.map(|key| Buffer::new(mapping, views, key).ok_or(Corrupt));
        let buffer = mapping.sound(buffer.transpose())?;
        let moves_data = matches!(code, CommandCode::Read | CommandCode::Write);
        let held = Held {
            number: request.number,
            before_error: false,
            buffer: buffer.clone(),
            moves_data,
        };
        own.held.push(held);
        let Request { tag, size, position, number, .. } = *request;
        Ok(Delivered { command: self.id(number), tag, code, size, position, buffer })
    }

    /// Completes a command that this device delivered; the agent calls it back. `bytes`
    /// is what was moved.
    ///
    /// Source: SQL Server VDI reference, CompleteCommand.
    ///
    /// # Errors
    /// VD_E_ABORT, without effect, after an abort; VD_E_PROTOCOL: the device has returned
    /// VD_E_CLOSE, or the set is closed; VD_E_INVALID: a command that the client does not
    /// hold.
    pub fn complete_command(
        &self,
        command: CommandId,
        code: Win32,
        bytes: u32,
        position: u64,
    ) -> Result<(), HResult> {
        let Client { mapping, process, .. } = &*self.client;
        let _inside = process.enter();
        mapping.notice_deaths_lately();
        let device = &mapping.devices()[self.slot];
        let clears = {
            let mut own = self.own();
            if self.client.is_closed() {
                return Err(HResult::VD_E_PROTOCOL);
            }
            if mapping.is_aborted()? {
                return Err(HResult::VD_E_ABORT);
            }
            if mapping.sound(device.client.get())? == End::Closed {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let is_held = |held: &Held| command == self.id(held.number);
            let index = own.held.iter().position(is_held).ok_or(HResult::VD_E_INVALID)?;
            if seeded(Mutant::HeldLooksThenTakes) {
                drop(own);
                own = self.own();
            }
            if !mapping.sound(device.completions.has_room(own.written))? {
                // A sound server has never more outstanding than there is room for.
                return mapping.sound(Err(Corrupt));
            }
            let Some(ticket) = mapping.control().completions.tickets.draw() else {
                // The server is about to say so.
                mapping.abort();
                return Err(HResult::VD_E_ABORT);
            };
            let before_error = own.held.get(index).is_some_and(|held| held.before_error);
            own.held.retain(|held| !is_held(held));
            let number = command.0.map_or(0, |(_, _, number)| number);
            self.answer(
                &mut own,
                Answered { ticket, number, code: code.0, bytes, position, error: None },
            );
            before_error
        };
        let completed = || {
            let mask = &mapping.control().completions.completed;
            if seeded(Mutant::MaskOverwritten) {
                mask.store(1 << self.slot, Ordering::Release);
            } else {
                mask.fetch_or(1 << self.slot, Ordering::AcqRel);
            }
        };
        if seeded(Mutant::MaskAfterBell) {
            mapping.control().bells.agent.ring();
            completed();
        } else {
            completed();
            mapping.control().bells.agent.ring();
        }
        if clears && !seeded(Mutant::ClearErrorSleepsOn) {
            // Another thread may wait for ClearError, which waited for this.
            device.bell.ring();
        }
        Ok(())
    }

    /// Writes a completion; with an error the device enters the error state first.
    fn answer(&self, own: &mut Slot, answered: Answered) {
        let mapping = &self.client.mapping;
        let device = &mapping.devices()[self.slot];
        let failed = answered.code != Win32::ERROR_SUCCESS.0;
        let late = seeded(Mutant::ErrorAfterCompletion);
        let count = if failed && !late { device.error.enter() } else { None };
        if count.is_some() {
            own.held.iter_mut().for_each(|held| held.before_error = true);
        }
        let error = count.map(|count| Entered { count, taken: own.read });
        let answered = Answered { error, ..answered };
        device.completions.write(own.written, answered.words());
        device.completions.publish(own.written);
        own.written += 1;
        if failed && late {
            device.error.enter();
        }
    }

    /// Whether the client's process may still use the device: until its own Close.
    ///
    /// Source: SQL Server VDI reference, Close (client).
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.client.process.is_dead() && !self.client.is_closed()
    }
}
