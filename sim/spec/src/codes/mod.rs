//! Every number the documents give a name: status codes, completion codes,
//! commands and feature bits, each from one table with its source.
//!
//! This room imports nothing of the project.

mod command;
mod feature;
mod hresult;
mod source;
mod spelling;
mod symbol;
mod win32;

pub use command::{COMMANDS, CommandCode, CommandInfo, Gate};
pub use feature::{FEATURES, FeatureInfo, Features, KINDS, KindInfo};
pub use hresult::{HRESULTS, HResult};
pub use source::{Document, Source};
pub use spelling::spelled_number;
pub use symbol::{CodeInfo, UnknownName, closest, parse_number};
pub use win32::{WIN32, Win32};
