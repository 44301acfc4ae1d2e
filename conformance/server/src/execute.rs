//! One statement, carried out.

use std::time::Duration;

use super::backup::backup;
use super::faults::Fault;
use super::messages::Failed;
use super::moved::Moved;
use super::restore::{self, restore};
use super::rows::Rows;
use super::server::Server;
use super::session::POLL;
use super::statement::Statement;
use super::sync::{now, sleep};
use super::verb::{Look, Verb};

/// Bytes of a page, which is what a server counts in.
const PAGE: u64 = 8192;

/// What a statement that succeeded has done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Done {
    /// Bytes of the database that were moved.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// The checksum of the data, if it has one.
    pub checksum: Option<u32>,
    /// Bytes of the largest transfer that was agreed.
    pub transfer: u32,
    /// Commands that were sent, over all devices.
    pub commands: u64,
}

impl Done {
    /// How many pages that is.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.bytes.div_ceil(PAGE)
    }
}

impl Server {
    /// Carries a statement out. `say` is told how far it is, if the statement asks for
    /// that.
    ///
    /// # Errors
    /// What a server would say.
    pub fn execute(
        &self,
        statement: &Statement,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Done, Failed> {
        let begun = now();
        let Moved { bytes, checksum, transfer } =
            self.carry_out(statement, || match statement.verb {
                Verb::Backup => backup(self, statement, say),
                Verb::Restore => restore(self, statement, say),
            })?;
        let commands = self.faults.sent();
        Ok(Done { bytes, took: begun.elapsed(), checksum, transfer, commands })
    }

    /// Looks at a backup, and gives what it is.
    pub(super) fn look(
        &self,
        (statement, look): (&Statement, Look),
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Rows, Failed> {
        self.carry_out(statement, || restore::look(self, (statement, look), say))
    }

    fn carry_out<T>(
        &self,
        statement: &Statement,
        act: impl FnOnce() -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        self.faults.begin();
        let refused = self.faults.strikes(Fault::Refuse);
        let done = if refused { Err(Failed::refused(statement)) } else { act() };
        done.and_then(|done| self.end_late(statement).map(|()| done)).map_err(|failed| {
            let failed = if self.stop.is_asked() { Failed::stopped() } else { failed };
            failed.terminated(statement)
        })
    }

    /// Every device and the set are closed, and the statement has not ended: a server has to
    /// write down that there is a backup, or to recover what it has restored.
    fn end_late(&self, statement: &Statement) -> Result<(), Failed> {
        let Some((mut left, fails)) = self.faults.after_all() else { return Ok(()) };
        while !left.is_zero() && !self.stop.is_asked() {
            sleep(left.min(POLL));
            left = left.saturating_sub(POLL);
        }
        if fails { Err(Failed::in_the_end(statement)) } else { Ok(()) }
    }
}
