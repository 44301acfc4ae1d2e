//! What the model says as a whole: its transition tables, rendered from
//! representative states, and its state diagram.

mod diagram;
mod table;

pub use diagram::device_set_diagram;
pub use table::{Cell, Table, client_table, server_table};
