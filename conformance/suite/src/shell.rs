//! Command lines, as the shells of the system have them.

#[cfg_attr(windows, path = "shell/windows.rs")]
mod system;

pub use self::system::{given, in_quotes, quoted, split};
