//! The server: what it serves, and how.

use std::sync::Arc;
use std::time::Duration;

use vdi_runtime::Machine;

use super::database::Databases;
use super::faults::Faults;
use super::stop::Stop;

/// The server side: what it serves, and how.
#[derive(Debug)]
pub struct Server {
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
