//! Why nothing can be served.

use std::io;

use vdi_recorder::settings::BadSetting;

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What is asked for cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// The server cannot listen.
    #[error("{0}")]
    Unavailable(String),
    /// What is to be said cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl From<BadSetting> for ServeError {
    fn from(bad: BadSetting) -> Self {
        Self::Usage(bad.to_string())
    }
}
