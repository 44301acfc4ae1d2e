//! One device: the queue, what the client holds, and the error state.
//!
//! Sources: SQL Server 2005 Virtual Backup Device Specification, Active, Commands,
//! Command Error Handling.

use std::collections::VecDeque;

use vdi_spec::codes::{CommandCode, Win32};

use super::mutant::{Mutant, Seed};
use super::state::SideId;
use super::{BufferId, Callback, Completion};

/// A command of one machine; a later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(pub(super) u64);

/// A command as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What CompleteCommand takes.
    pub command: CommandId,
    /// What the sender named it by.
    pub tag: u64,
    /// What is to be done.
    pub code: CommandCode,
    /// Bytes; for SkipMarks and SkipBlocks a signed count.
    pub size: i64,
    /// Where, if the medium is addressed by position.
    pub position: u64,
    /// The buffer, under the client's control until it completes the command.
    pub buffer: Option<BufferId>,
}

/// A command from SendCommand to the moment it is owed a callback.
pub(super) struct Command {
    pub(super) about: Delivered,
    pub(super) callback: Callback,
}

/// A command the client has got and not completed.
struct Held {
    command: Command,
    /// It was out when the device entered the error state: ClearError waits for it.
    before_error: bool,
}

/// A callback that the completion agent has to make.
pub(super) struct Owed {
    pub(super) command: CommandId,
    pub(super) callback: Callback,
    pub(super) completion: Completion,
    /// The callback of a successful ClearError: this device leaves the error state.
    pub(super) clears: Option<usize>,
}

/// Whether one side uses a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// OpenDevice has not given it.
    Unopened,
    /// It is open.
    Open,
    /// The server has called CloseDevice; the client has seen VD_E_CLOSE.
    Closed,
}

/// One of the devices of a set.
pub(super) struct Device {
    /// The first side to open it names it; the first device bears the set's name.
    pub(super) name: Option<String>,
    pub(super) server: End,
    pub(super) client: End,
    /// The client's side that opened it.
    pub(super) owner: Option<SideId>,
    pub(super) errored: bool,
    /// How often it has entered the error state.
    errors: u32,
    queue: VecDeque<Command>,
    held: Vec<Held>,
    /// What the defect that delivers after an abort still delivers.
    late: VecDeque<Delivered>,
}

impl Device {
    pub(super) fn new(name: Option<String>) -> Self {
        Self {
            name,
            server: End::Unopened,
            client: End::Unopened,
            owner: None,
            errored: false,
            errors: 0,
            queue: VecDeque::new(),
            held: Vec::new(),
            late: VecDeque::new(),
        }
    }

    /// Keeps of a device of an earlier set what this defect keeps.
    pub(super) fn inherit(&mut self, earlier: &Self, seed: Seed) {
        match seed.0 {
            Some(Mutant::KeepsErrorState) => self.errored = earlier.errored,
            Some(Mutant::KeepsDeviceNames) if self.name.is_none() => {
                self.name.clone_from(&earlier.name);
            }
            Some(Mutant::KeepsQueue) => self.late.clone_from(&earlier.late),
            _ => {}
        }
    }

    /// The commands that are queued or delivered, and not completed.
    pub(super) fn outstanding(&self) -> impl Iterator<Item = &Delivered> {
        let held = self.held.iter().map(|held| &held.command.about);
        held.chain(self.queue.iter().map(|command| &command.about))
    }

    pub(super) fn enqueue(&mut self, command: Command) {
        self.queue.push_back(command);
    }

    /// Whether the server has closed it and the client has got everything.
    pub(super) fn closed_for_client(&self, seed: Seed) -> bool {
        let held_back = self.held_back() && seed.is(Mutant::ClosedWhileHeldBack);
        let drained = self.queue.is_empty() || held_back || seed.is(Mutant::CloseEventEarly);
        self.server == End::Closed && drained && !seed.is(Mutant::CloseEventLost)
    }

    /// Whether ClearError is next, and has to wait.
    fn held_back(&self) -> bool {
        let next = self.queue.front().map(|command| command.about.code);
        next == Some(CommandCode::ClearError) && self.held.iter().any(|held| held.before_error)
    }

    /// Hands the oldest queued command to the client. ClearError stays until all
    /// commands that were out when the device entered the error state are completed.
    pub(super) fn deliver(&mut self, seed: Seed) -> Option<Delivered> {
        let newest = self.queue.back().map(|command| command.about.code);
        let snapshot = newest == Some(CommandCode::Snapshot);
        if seed.is(Mutant::LastInFirstOut) || snapshot && seed.is(Mutant::SnapshotOvertakes) {
            let newest = self.queue.pop_back()?;
            self.queue.push_front(newest);
        }
        let again = self.errors > 1 && seed.is(Mutant::ClearErrorEarlyAgain);
        if self.held_back() && !again && !seed.is(Mutant::ClearErrorEarly) {
            return None;
        }
        let command = self.queue.pop_front()?;
        let about = command.about;
        self.held.push(Held { command, before_error: false });
        Some(Delivered {
            size: seed.instead(Mutant::OtherSize, about.size, about.size / 2),
            position: seed.instead(Mutant::PositionNotDelivered, about.position, 0),
            ..about
        })
    }

    /// The command that is next.
    pub(super) fn peek(&self) -> Option<Delivered> {
        self.queue.front().map(|command| command.about)
    }

    /// Whether the client holds this command.
    pub(super) fn holds(&self, command: CommandId) -> bool {
        self.held.iter().any(|held| held.command.about.command == command)
    }

    /// The client holds it from now on.
    pub(super) fn hold(&mut self, command: Command) {
        self.held.push(Held { command, before_error: false });
    }

    /// What the defect that delivers after an abort delivers.
    pub(super) fn deliver_late(&mut self) -> Option<Delivered> {
        self.late.pop_front()
    }

    /// Takes back the command that the client completes, if it holds it.
    pub(super) fn take_held(&mut self, command: CommandId) -> Option<Command> {
        let index = self.held.iter().position(|held| held.command.about.command == command)?;
        Some(self.held.remove(index).command)
    }

    /// Whether the client has got this buffer for a Read or a Write, and not completed
    /// that.
    pub(super) fn lends(&self, buffer: BufferId) -> bool {
        self.held.iter().map(|held| &held.command.about).any(|about| {
            let moves = matches!(about.code, CommandCode::Read | CommandCode::Write);
            moves && about.buffer == Some(buffer)
        })
    }

    /// A command has completed with an error. Gives back the queued commands, which
    /// the client is never to see; none if the device was in the error state already.
    pub(super) fn enter_error(&mut self, seed: Seed) -> Vec<Owed> {
        if std::mem::replace(&mut self.errored, true) {
            return Vec::new();
        }
        self.errors += 1;
        self.held.iter_mut().for_each(|held| held.before_error = true);
        if seed.is(Mutant::ErrorKeepsQueue) {
            return Vec::new();
        }
        let io_device = Completion::without_data(Win32::ERROR_IO_DEVICE);
        self.queue.drain(..).map(|command| command.owed(io_device)).collect()
    }

    /// Gives back every outstanding command, called back as aborted.
    pub(super) fn give_up(&mut self, seed: Seed) -> Vec<Owed> {
        let mut held: Vec<Command> = self.held.drain(..).map(|held| held.command).collect();
        let mut queued: Vec<Command> = self.queue.drain(..).collect();
        match seed.0 {
            Some(Mutant::ForgetsDelivered) => held.clear(),
            Some(Mutant::ForgetsQueued) => queued.clear(),
            Some(Mutant::DeliversAfterAbort | Mutant::KeepsQueue) => {
                self.late.extend(queued.iter().map(|command| command.about));
            }
            _ => {}
        }
        let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
        held.into_iter().chain(queued).map(|command| command.owed(aborted)).collect()
    }
}

impl Command {
    pub(super) fn owed(self, completion: Completion) -> Owed {
        Owed { command: self.about.command, callback: self.callback, completion, clears: None }
    }
}
