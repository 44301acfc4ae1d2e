//! Where a profile differs from the documented tables, and by which readings.

use std::fmt::Write;

use super::documented::documented_table;
use super::table::{Cell, Table};
use super::transitions::{client_table, server_table};
use vdi_spec::clauses::{Party, Profile, QUESTIONS, Question, Reading};

/// A cell in which a profile differs from the documented table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whose table: the server's or the client's.
    pub party: Party,
    /// The function.
    pub function: String,
    /// The phase.
    pub phase: String,
    /// The cell as documented.
    pub documented: Cell,
    /// The cell under the profile.
    pub here: Cell,
    /// The readings of the profile that make it so.
    pub readings: Vec<Reading>,
}

/// Every cell in which a profile differs from the documented tables, the server's
/// first, with the readings it depends on: those for which the cell changes when
/// the profile `documented-tables` is followed in that question instead.
#[must_use]
pub fn differences(profile: &Profile) -> Vec<Difference> {
    [Party::Server, Party::Client].iter().flat_map(|party| of_party(*party, profile)).collect()
}

/// Differences as a list, one a line.
#[must_use]
pub fn differences_text(differences: &[Difference]) -> String {
    let mut out = String::new();
    for one in differences {
        let readings: Vec<String> = one.readings.iter().map(ToString::to_string).collect();
        let Difference { function, phase, documented, here, .. } = one;
        let _ = writeln!(
            out,
            "- {function} in {phase}: {here} (documented: {documented}), by {}",
            readings.join(", ")
        );
    }
    out
}

fn table(party: Party, profile: &Profile) -> Table {
    match party {
        Party::Client => client_table(profile),
        Party::Server | Party::Interface => server_table(profile),
    }
}

/// The profile with one question answered as another profile does.
fn with(profile: &Profile, question: Question, other: &Profile) -> Profile {
    let mut switched = profile.clone();
    switched.choose(other.reading(question));
    switched
}

fn of_party(party: Party, profile: &Profile) -> Vec<Difference> {
    let (Some(documented), Ok(tables)) =
        (documented_table(party), Profile::named("documented-tables"))
    else {
        return Vec::new();
    };
    let here = table(party, profile);
    let questions: Vec<Question> = QUESTIONS
        .iter()
        .map(|row| row.question)
        .filter(|question| profile.reading(*question) != tables.reading(*question))
        .collect();
    // Each question answered the other way: first in the profile, and, where no
    // single answer matters there, in the documented tables.
    let away: Vec<Table> =
        questions.iter().map(|q| table(party, &with(profile, *q, &tables))).collect();
    let towards: Vec<Table> =
        questions.iter().map(|q| table(party, &with(&tables, *q, profile))).collect();
    let matters = |switched: &[Table], function: &str, phase: &str, cell: &Cell| -> Vec<Reading> {
        let changed = questions.iter().zip(switched);
        changed
            .filter(|(_, table)| table.cell(function, phase) != Some(cell))
            .map(|(question, _)| profile.reading(*question))
            .collect()
    };
    let mut found = Vec::new();
    for (function, cells) in &documented.rows {
        for (phase, cell) in documented.phases.iter().zip(cells) {
            let Some(now) = here.cell(function, phase).filter(|now| *now != cell) else {
                continue;
            };
            let mut readings = matters(&away, function, phase, now);
            if readings.is_empty() {
                readings = matters(&towards, function, phase, cell);
            }
            let (function, phase) = (function.clone(), phase.clone());
            let (documented, here) = (cell.clone(), now.clone());
            found.push(Difference { party, function, phase, documented, here, readings });
        }
    }
    found
}
