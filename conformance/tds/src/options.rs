//! How clients are served.

use super::answer::Shape;
use super::tls::Identity;

/// How clients are served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who the server says it is.
    pub identity: Identity,
    /// How messages are told.
    pub shape: Shape,
    /// What it is called in messages.
    pub server: String,
}
