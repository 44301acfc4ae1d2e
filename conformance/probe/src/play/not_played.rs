//! Why a client could not be played.

use std::io;

/// Why a plan could not be played, which is not the library's fault, or all of it is.
#[derive(Debug, thiserror::Error)]
pub enum NotPlayed {
    /// The library is none.
    #[error("{0}")]
    NoLibrary(String),
    /// Nothing can be recorded.
    #[error("the trace: {0}")]
    Unrecorded(#[from] io::Error),
    /// A process, or a thread, cannot be started.
    #[error("{0}")]
    NotStarted(String),
    /// The library has ended a second process that played a client, too.
    #[error("a second process that had the library ended with {0}")]
    Crashed(String),
}
