//! What the model says as a whole: its transition tables, computed from
//! representative situations and held against the documented ones, and its state
//! diagrams.

mod device;
mod diagram;
mod differences;
mod documented;
mod table;
mod transitions;
mod walk;

pub use device::device_table;
pub use diagram::device_set_diagram;
pub use differences::{Difference, differences, differences_text};
pub use documented::{DOCUMENTED_CLIENT, DOCUMENTED_SERVER, documented_table};
pub use table::{Cell, Entry, Table};
pub use transitions::{client_table, server_table};
