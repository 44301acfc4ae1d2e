//! One statement, carried out.

use std::time::Duration;

use super::backup::backup;
use super::messages::Failed;
use super::restore::restore;
use super::server::Server;
use super::statement::Statement;
use super::sync::now;
use super::verb::Verb;

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
        self.faults.begin();
        let moved = match statement.verb {
            Verb::Backup => backup(self, statement, say),
            Verb::Restore => restore(self, statement, say),
        };
        let (bytes, checksum) = moved.map_err(|failed| {
            let stopped = self.stop.is_asked();
            let failed = if stopped { Failed::stopped() } else { failed };
            failed.terminated(statement)
        })?;
        Ok(Done { bytes, took: begun.elapsed(), checksum })
    }
}
