//! The two transition tables of the specification (Server Transitions, Client
//! Transitions), cell for cell, oddities included.

use super::table::{Cell, Table};
use vdi_spec::clauses::Party;

/// The server's table as documented: 14 functions by 7 phases.
pub static DOCUMENTED_SERVER: &str = include_str!("documented/server-transitions.csv");

/// The client's table as documented: 7 functions by 6 phases.
pub static DOCUMENTED_CLIENT: &str = include_str!("documented/client-transitions.csv");

/// The documented table of a party; `None` for the interface, which has none.
#[must_use]
pub fn documented_table(party: Party) -> Option<Table> {
    let text = match party {
        Party::Server => DOCUMENTED_SERVER,
        Party::Client => DOCUMENTED_CLIENT,
        Party::Interface => return None,
    };
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let phases = lines.next()?.skip(1).collect();
    let rows = lines
        .filter_map(|mut words| Some((words.next()?, words.map(|text| Cell::of(&text)).collect())))
        .collect();
    Some(Table { function: "function", phases, rows })
}
