//! A stand-in for the database server: it plays the server's part of BACKUP and RESTORE
//! over the runtime, so that client programs can be tried without a database.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `words`, `statement`, `options` | the SQL statements, read |
//! | `messages` | what a server says of a statement, by number |
//! | `database` | where the data is: files, generated data, memory |
//! | `media` | what goes onto the media: a header, data, a checksum |
//! | `session` | a set opened, configured and closed again |
//! | `device` | one device: commands sent, completions waited for |
//! | `backup`, `restore` | the statements, carried out |
//! | `faults` | what goes wrong on purpose |
//! | `stop` | a statement, stopped |
//!
//! It uses the server's half of the interface as it is documented, so it is an example of
//! it, too. Nothing of it is taken from, or compared with, the real server but what the
//! documents and the field say: the data on the media has a format of its own.

mod backup;
mod database;
mod device;
mod faults;
mod media;
mod messages;
mod options;
mod restore;
mod session;
mod statement;
mod stop;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use vdi_runtime::Machine;

pub use database::{Database, Databases, Memory};
pub use faults::{Fault, Faults};
pub use messages::{Failed, Message};
pub use options::{Options, list_options};
pub use statement::{BadStatement, Batch, Order, Statement, Verb, What, parse};
pub use stop::Stop;

/// Bytes of a page, which is what a server counts in.
const PAGE: u64 = 8192;

/// The server side: what it serves, and how.
#[derive(Debug)]
pub struct Engine {
    /// Where sets are found.
    pub machine: Machine,
    /// The databases.
    pub databases: Databases,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Where the server's calls are recorded: a path, with `%s` for the name of the set.
    pub trace: Option<String>,
    /// How long a set that does not exist yet is waited for.
    pub wait: Duration,
    /// How long the client may take to open its devices.
    pub patience: Duration,
    /// Stops the statement that is carried out.
    pub stop: Arc<Stop>,
}

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

impl Engine {
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
            Verb::Backup => backup::backup(self, statement, say),
            Verb::Restore => restore::restore(self, statement, say),
        };
        let (bytes, checksum) = moved.map_err(|failed| {
            let stopped = self.stop.is_asked();
            let failed = if stopped { Failed::stopped() } else { failed };
            failed.terminated(statement)
        })?;
        Ok(Done { bytes, took: begun.elapsed(), checksum })
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a statement took is told, never judged")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the server waits as servers do; no verdict does")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}
