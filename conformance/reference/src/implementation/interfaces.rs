//! The four interfaces: what each has hold of. Their functions are in files of their own.

use super::monitor::Monitor;
use super::state::{Hold, InterfaceId};
use crate::sync::Arc;

/// A server's set interface. May be used from any thread of its process.
///
/// Every function answers VD_E_PROTOCOL unless the interface is open, and
/// VD_E_ABORT after an abort where nothing else is said.
#[derive(Clone, Debug)]
pub struct ServerSet {
    pub(super) monitor: Arc<Monitor>,
    pub(super) process: String,
    pub(super) interface: InterfaceId,
}

/// A device that the server has opened. After Close of its set every function
/// answers VD_E_PROTOCOL.
#[derive(Clone, Debug)]
pub struct ServerDevice {
    pub(super) interface: ServerSet,
    pub(super) hold: Hold,
    pub(super) slot: usize,
}

/// A client's set interface. May be used from any thread of its process.
///
/// Every function but Create and OpenInSecondary answers VD_E_PROTOCOL unless a set
/// is created, or open as a secondary client, and not closed.
#[derive(Clone, Debug)]
pub struct ClientSet {
    pub(super) monitor: Arc<Monitor>,
    pub(super) process: String,
    pub(super) interface: InterfaceId,
}

/// A device that a client has opened; it belongs to that process. After Close of its set every function
/// answers VD_E_PROTOCOL.
#[derive(Clone, Debug)]
pub struct ClientDevice {
    pub(super) interface: ClientSet,
    pub(super) hold: Hold,
    pub(super) slot: usize,
}
