//! One function by itself: its row of the transition tables, and of what they leave out.

use super::table::Cell;
use super::transitions::{beside_client_table, beside_server_table, client_table, server_table};
use vdi_spec::clauses::{Party, Profile};

/// What a function of a party may answer under a profile, phase by phase; `None` if the party
/// has no such function. The Ex forms answer as their forerunners do.
#[must_use]
pub fn function_answers(
    profile: &Profile,
    party: Party,
    function: &str,
) -> Option<Vec<(String, Cell)>> {
    let name = function.strip_suffix("Ex").unwrap_or(function);
    let tables = match party {
        Party::Server => [server_table(profile), beside_server_table(profile)],
        Party::Client => [client_table(profile), beside_client_table(profile)],
        Party::Interface => return None,
    };
    let of = |table: super::Table| {
        let (_, cells) = table.rows.into_iter().find(|(known, _)| known == name)?;
        Some(table.phases.into_iter().zip(cells).collect())
    };
    tables.into_iter().find_map(of)
}
