//! Whom a server tells what comes of statements.

use std::io;

use super::messages::Message;
use super::rows::Rows;

/// What becomes of a session's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Begun,
    Committed,
    RolledBack,
}

/// Whoever is told what comes of statements.
pub(super) trait Answers: Sync {
    /// A message, of the statement in this line.
    fn tell(&self, message: &Message, line: usize) -> io::Result<()>;

    /// A result.
    fn rows(&self, rows: &Rows) -> io::Result<()>;

    /// A statement has ended: whether it failed, and how many rows it had if it has a count.
    fn ended(&self, failed: bool, count: Option<u64>) -> io::Result<()>;

    /// The transaction has changed.
    fn changed(&self, change: Change) -> io::Result<()>;
}
