//! A client of one's own in the world, in the place of ours: to try a backup application
//! without a database server, with all the faults.

use super::content::{self, Content};
use super::engine::{Answer, Ask, By, Delivered, Engine};
use super::observe::Observer;
use crate::trace::Reported;

/// What an application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A statement is to be carried out: a BACKUP, or the RESTORE of what it left.
    Begins {
        /// Whether it is the RESTORE.
        restore: bool,
        /// Devices to be asked for.
        devices: u8,
    },
    /// The call has returned.
    Returned(Answer),
    /// What was to be done has been done.
    Done,
    /// The SQL statement has ended.
    Statement {
        /// Whether it succeeded.
        succeeded: bool,
    },
}

/// What an application does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do {
    /// It calls a function of the interface: one of a client's.
    Call(Ask),
    /// It hands the SQL statement to the server.
    Issue,
    /// It waits so many milliseconds of virtual time.
    Sleep(u32),
    /// It waits for the SQL statement to end.
    AwaitStatement,
    /// It tells its own caller how it ended.
    Report(Reported),
    /// It has come to its end.
    End,
}

/// The buffers of the commands that an application holds.
pub trait Buffers {
    /// The bytes of a Write; `None`: the buffer cannot be used any more.
    fn read(&mut self, command: &Delivered) -> Option<Vec<u8>>;

    /// Fills the buffer of a Read; false: it cannot be used any more.
    fn write(&mut self, command: &Delivered, bytes: &[u8]) -> bool;
}

/// A backup application: a state machine that is told how the last thing ended, and says
/// what it does next. A closure is one.
pub trait Application {
    /// What it does next.
    fn next(&mut self, told: &Told, buffers: &mut dyn Buffers) -> Do;
}

impl<F: FnMut(&Told, &mut dyn Buffers) -> Do> Application for F {
    fn next(&mut self, told: &Told, buffers: &mut dyn Buffers) -> Do {
        self(told, buffers)
    }
}

/// The application of a world, and what it is to be told.
pub(super) struct Own<'a> {
    pub(super) application: &'a mut dyn Application,
    pub(super) told: Told,
    pub(super) awaits: bool,
}

impl std::fmt::Debug for Own<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").field("told", &self.told).finish_non_exhaustive()
    }
}

/// The buffers of a world, as the application's lane uses them.
pub(super) struct Through<'a, E> {
    pub(super) engine: &'a mut E,
    pub(super) observer: &'a mut Observer,
    pub(super) by: By,
}

impl<E: Engine> Buffers for Through<'_, E> {
    fn read(&mut self, command: &Delivered) -> Option<Vec<u8>> {
        let buffer = command.buffer?;
        let length = u32::try_from(command.size).unwrap_or_default();
        let content: Option<Content> = self.engine.get(self.by, buffer, length);
        self.observer.used(self.by.lane, buffer, false, content.is_some());
        content.map(|content| content::to_bytes(&content))
    }

    fn write(&mut self, command: &Delivered, bytes: &[u8]) -> bool {
        let Some(buffer) = command.buffer else {
            return false;
        };
        let written = self.engine.put(self.by, buffer, &content::from_bytes(bytes));
        self.observer.used(self.by.lane, buffer, true, written);
        written
    }
}
