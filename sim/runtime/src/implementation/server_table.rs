//! What the server knows of its commands and buffers, in its own memory.
//!
//! Here is decided how each command ends. What a client says comes in by
//! [`ServerTable::absorb`], and is believed only about commands that are outstanding.

use std::collections::VecDeque;
use std::fmt;

use super::allocator::{Allocator, Place};
use super::command::{Callback, Completion};
use super::layout::{Corrupt, End};
use super::mapping::SetMapping;
use super::record::{Answered, BufferKey};
use crate::sync::{Mutant, Ordering, seeded};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;

/// Is told after how many milliseconds of waiting a set is about to be aborted. It must
/// not call back into the set.
pub(super) struct OnTimeOut(pub(super) Box<dyn FnMut(u64) + Send>);

impl fmt::Debug for OnTimeOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnTimeOut").finish_non_exhaustive()
    }
}

/// The server's private half of a set.
#[derive(Debug)]
pub(super) struct ServerTable {
    /// What the client asked for.
    pub(super) asked: VdConfig,
    /// The same with the server's part, once BeginConfiguration has set it.
    pub(super) config: VdConfig,
    /// The set is known to be aborted, or was closed out of order: for good.
    pub(super) aborted: bool,
    /// The server has called Close.
    pub(super) closed: bool,
    /// A thread is the completion agent.
    pub(super) agent: bool,
    /// The agent is inside a callback: it does not wait.
    pub(super) calling: bool,
    pub(super) devices: Vec<Slot>,
    /// Callbacks that the agent has to make, in order.
    pub(super) owed: VecDeque<Owed>,
    pub(super) depth: usize,
    /// Commands sent so far.
    pub(super) sent: u64,
    pub(super) waiting: Waiting,
    pub(super) area: Area,
}

/// The agent's waiting for completions, as serverTimeOut has it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Completions taken in so far.
    absorbed: u64,
    /// What that was when the agent last waited too long, if a completion seemed to be on
    /// its way then.
    overdue: Option<u64>,
    /// Who is told that the agent has waited too long.
    pub(super) on_time_out: Option<OnTimeOut>,
    /// Events that let the agent's waiting begin anew.
    pub(super) happened: u64,
    /// Milliseconds of virtual time since then.
    pub(super) waited: u64,
}

/// The buffer area.
#[derive(Debug, Default)]
pub(super) struct Area {
    pub(super) allocator: Allocator,
    /// Its bytes, and the segments it has.
    pub(super) end: u64,
    pub(super) segments: usize,
    pub(super) buffers: Vec<Option<(BufferKey, Place)>>,
}

/// One device as the server knows it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) end: End,
    /// Requests written so far.
    pub(super) written: u64,
    /// Completions read so far.
    pub(super) read: u64,
    /// Commands that are queued or delivered, in the order they were sent.
    pub(super) outstanding: VecDeque<Outstanding>,
}

/// A command from SendCommand to the moment it is owed a callback.
pub(super) struct Outstanding {
    /// Its place in the device's ring.
    pub(super) number: u64,
    /// Its order among the commands of all devices.
    pub(super) sent: u64,
    /// How often the device had been in the error state.
    pub(super) errors: u32,
    pub(super) code: CommandCode,
    pub(super) buffer: Option<BufferKey>,
    pub(super) routine: Callback,
}

/// A callback that the completion agent has to make.
pub(super) struct Owed {
    /// What comes first: the client's ticket, or the order of sending after an abort.
    order: u64,
    sent: u64,
    pub(super) completion: Completion,
    /// With it this device leaves the error state.
    pub(super) clears: Option<usize>,
    pub(super) routine: Callback,
}

impl ServerTable {
    pub(super) fn new(asked: VdConfig, devices: usize, depth: usize) -> Self {
        let slot =
            || Slot { end: End::Unopened, written: 0, read: 0, outstanding: VecDeque::new() };
        Self {
            asked,
            config: asked,
            aborted: false,
            closed: false,
            agent: false,
            calling: false,
            devices: (0..devices).map(|_| slot()).collect(),
            owed: VecDeque::new(),
            depth,
            sent: 0,
            waiting: Waiting::default(),
            area: Area::default(),
        }
    }

    /// The device of that name if it is unopened, else the next unopened one. Only while
    /// names are given by nobody else.
    pub(super) fn next_unopened(&self, mapping: &SetMapping, name: &str) -> Option<usize> {
        let unopened = |slot: usize| self.devices[slot].end == End::Unopened;
        let next = (0..self.devices.len()).find(|slot| unopened(*slot))?;
        Some(mapping.device_named(name).filter(|slot| unopened(*slot)).unwrap_or(next))
    }

    // Commands.

    pub(super) fn outstanding(&self) -> impl Iterator<Item = &Outstanding> {
        self.devices.iter().flat_map(|device| &device.outstanding)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.devices.iter().all(|device| device.outstanding.is_empty())
    }

    /// Something happened that the agent's patience begins anew with.
    pub(super) fn wait_anew(&mut self) {
        self.waiting.happened += 1;
        self.waiting.waited = 0;
    }

    /// Takes in what the clients have completed on the devices that say so.
    pub(super) fn absorb_all(&mut self, mapping: &SetMapping) -> Result<(), HResult> {
        let completed = &mapping.control().completions.completed;
        let mask = if seeded(Mutant::MaskLooksThenClears) {
            let mask = completed.load(Ordering::Acquire);
            completed.store(0, Ordering::Release);
            mask
        } else {
            completed.swap(0, Ordering::AcqRel)
        };
        for slot in (0..self.devices.len()).filter(|slot| mask & 1 << slot != 0) {
            self.absorb(mapping, slot)?;
        }
        Ok(())
    }

    /// Takes in what the client has completed on this device.
    pub(super) fn absorb(&mut self, mapping: &SetMapping, slot: usize) -> Result<(), HResult> {
        let ring = &mapping.devices()[slot].completions;
        while let Some(record) = mapping.sound(ring.peek(self.devices[slot].read))? {
            self.devices[slot].read += 1;
            ring.release(self.devices[slot].read);
            self.waiting.absorbed += 1;
            let answered = mapping.sound(Answered::from_words(record))?;
            self.complete(mapping, slot, answered)?;
        }
        Ok(())
    }

    /// A client has completed a command. With an error the device entered the error
    /// state, and what the client had not taken comes back with ERROR_IO_DEVICE.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Command Error
    /// Handling.
    fn complete(
        &mut self,
        mapping: &SetMapping,
        slot: usize,
        done: Answered,
    ) -> Result<(), HResult> {
        let device = &mut self.devices[slot];
        let index = device.outstanding.iter().position(|known| known.number == done.number);
        let Some(command) = index.and_then(|index| device.outstanding.remove(index)) else {
            // Late: the agent has given it up, since the set is aborted, or the client
            // closing. Else nobody sound completes what is not outstanding.
            let given_up = self.aborted || mapping.client_has_closed() || mapping.is_aborted()?;
            let late = given_up && done.number < device.written;
            return if late { Ok(()) } else { mapping.sound(Err(Corrupt)) };
        };
        let success = done.code == Win32::ERROR_SUCCESS.0;
        let clears = (success && command.code == CommandCode::ClearError).then_some(slot);
        let completion =
            Completion { code: Win32(done.code), bytes: done.bytes, position: done.position };
        self.owed.push_back(command.owed(done.ticket, completion, clears));
        if let Some(error) = done.error {
            let never = |command: &Outstanding| {
                command.number >= error.taken && command.errors != error.count
            };
            let (back, stays): (VecDeque<_>, _) =
                device.outstanding.drain(..).partition(|command| never(command));
            device.outstanding = stays;
            let io_device = Completion::without_data(Win32::ERROR_IO_DEVICE);
            self.owed.extend(back.into_iter().map(|c| c.owed(done.ticket, io_device, None)));
        }
        self.owed.make_contiguous().sort_by_key(|owed| owed.order);
        self.wait_anew();
        Ok(())
    }

    /// SignalAbort processing, the server's part: whatever is outstanding or not yet
    /// called back is called back with ERROR_OPERATION_ABORTED, oldest first.
    /// Completions that a client recorded are overridden.
    ///
    /// Sources: IServerVirtualDeviceSet2::Close, Remarks; SQL Server 2005 Virtual Backup
    /// Device Specification, Abnormal Termination.
    pub(super) fn abort(&mut self) {
        let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
        self.give_up();
        for owed in &mut self.owed {
            owed.completion = aborted;
            owed.clears = None;
            owed.order = owed.sent;
        }
        self.owed.make_contiguous().sort_by_key(|owed| owed.order);
    }

    /// Owes the agent, as aborted, every command that nobody will complete.
    pub(super) fn give_up(&mut self) {
        let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
        let given_up = self.devices.iter_mut().flat_map(|device| device.outstanding.drain(..));
        self.owed.extend(given_up.map(|command| command.owed(u64::MAX, aborted, None)));
    }

    /// How many milliseconds the agent waits for a completion: two intervals of
    /// serverTimeOut. `None`: for ever, since nothing is outstanding, or there is no
    /// serverTimeOut. A Load counts like every command.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, VDConfig Structure;
    /// Commands, Load.
    pub(super) fn patience(&self) -> Option<u64> {
        let interval = u64::from(self.config.server_time_out);
        (interval > 0 && !self.is_idle()).then_some(2 * interval)
    }

    /// The agent has waited too long: aborts the set, unless a completion is on its way.
    /// For one that does not come it waits once more: who drew a ticket may have died.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, VDConfig Structure.
    pub(super) fn time_out(&mut self, mapping: &SetMapping) {
        let tickets = &mapping.control().completions.tickets;
        if seeded(Mutant::TimeOutOverlooksCompletion) || tickets.end(self.waiting.absorbed) {
            self.abort_late(mapping);
        } else if self.waiting.overdue == Some(self.waiting.absorbed) {
            tickets.end_anyway();
            self.abort_late(mapping);
        } else {
            self.waiting.overdue = Some(self.waiting.absorbed);
            self.wait_anew();
        }
    }

    fn abort_late(&mut self, mapping: &SetMapping) {
        if let Some(OnTimeOut(tell)) = &mut self.waiting.on_time_out {
            tell(2 * u64::from(self.config.server_time_out));
        }
        mapping.abort();
    }

    // Buffers.

    pub(super) fn take_buffer(&mut self, index: usize, buffer: (BufferKey, Place)) {
        if index == self.area.buffers.len() {
            self.area.buffers.push(None);
        }
        self.area.buffers[index] = Some(buffer);
    }

    /// Whether the buffer is allocated.
    pub(super) fn holds(&self, key: BufferKey) -> bool {
        let buffer = self.area.buffers.get(key.index as usize).and_then(Option::as_ref);
        buffer.is_some_and(|(known, _)| *known == key)
    }

    /// Whether a command that uses the buffer is outstanding.
    pub(super) fn uses(&self, key: BufferKey) -> bool {
        self.outstanding().any(|command| command.buffer == Some(key))
    }

    pub(super) fn free_buffer(&mut self, key: BufferKey) {
        if let Some((_, place)) = self.area.buffers[key.index as usize].take() {
            self.area.allocator.free(place);
        }
    }
}

impl Outstanding {
    fn owed(self, order: u64, completion: Completion, clears: Option<usize>) -> Owed {
        Owed { order, sent: self.sent, completion, clears, routine: self.routine }
    }
}

impl std::fmt::Debug for Outstanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outstanding")
            .field("number", &self.number)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Owed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owed").field("completion", &self.completion).finish_non_exhaustive()
    }
}
