//! The one event vocabulary that everything speaks, and its file format.
//!
//! A trace is JSON Lines: a [`Header`], then one [`Event`] a line. The order of
//! the lines is the order of observation, and that is all the time there is.
//! Handles and codes are symbolic. Version 1; the JSON Schema is generated from
//! these types into `scenarios/schema/trace.v1.json`.
//!
//! Read first: [`Event`], [`Header`], [`TraceReader`].

mod args;
mod document;
mod elapsed;
mod event;
pub mod files;
mod function;
mod header;
mod lanes;
mod plain;
mod reader;
mod recorder;
mod redact;
mod text;
mod told;
mod unique;
mod whole;

pub use args::{ArgSet, Args, CodeArg, Handle, Out, Size, TimeoutArg, owned_args, owned_out};
pub use document::{LONGEST_DOCUMENT, document, read_document};
pub use event::{Event, Found, HowEnded, Presence, Reported, Statement};
pub use function::{Creates, FUNCTIONS, Function, FunctionInfo, Target, function};
pub use header::{Declares, FORMAT, Header, Interfaces, Origin, Recorded};
pub use reader::{LONGEST_LINE, Line, TraceError, TraceReader};
pub use recorder::{Recorder, Turns};
pub use text::{CLIENT_SET, LaneName, Name, Process, SERVER_SET};
pub use unique::{check_fields, from_slice, from_str};
pub use whole::Trace;
