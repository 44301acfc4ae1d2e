//! The standing server, `vdi serve` without statements: a socket at which every `sqlcmd` of
//! the same user hands its statements over.
//!
//! One JSON object a line: a request, and what comes of it until it has ended. Who is at the
//! other end is asked of the system: the same user, or with `--group` one of the same group.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sqlcmd::Batch;

#[cfg(not(unix))]
mod nowhere;
#[cfg(unix)]
mod sockets;

#[cfg(not(unix))]
pub(super) use nowhere::{Listener, hand_over, socket};
#[cfg(unix)]
pub(super) use sockets::{Listener, hand_over, socket};

/// What `sqlcmd` hands over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Request {
    /// What the server is called in messages.
    pub(super) server: String,
    /// The statements.
    pub(super) batches: Vec<Batch>,
    /// What goes wrong on purpose, if not what the server was started with.
    pub(super) faults: Option<String>,
    /// Where its calls are recorded, if not where the server was started to.
    pub(super) trace: Option<PathBuf>,
    /// Seconds that a set that does not exist yet is waited for.
    pub(super) wait: Option<f64>,
}

/// How a request ended that was handed over.
#[cfg_attr(not(unix), expect(dead_code, reason = "no server stands there"))]
pub(super) enum HandedOver {
    /// No server stands there.
    NoServer,
    /// So many statements failed at whose failure all was to end.
    Ended(usize),
    /// The server did nothing, or went away; why.
    Failed(String),
}
