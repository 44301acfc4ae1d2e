//! The four states of a device set.

use std::io::Write;

use super::super::failure::Failure;
use super::sources;
use vdi_explore::{FourStates, StateView};
use vdi_spec::clauses::Profile;
use vdi_spec::states::{DEVICE_SET_STATES, StateInfo};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DEVICE_SET_STATES.iter().map(|row| row.name)
}

/// The row of a state, by its name in any case.
pub(super) fn named(word: &str) -> Option<&'static StateInfo> {
    DEVICE_SET_STATES.iter().find(|row| row.name.eq_ignore_ascii_case(word))
}

pub(super) fn state(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Some(row) = named(word) else {
        return Ok(false);
    };
    writeln!(out, "state {} of a device set", row.name)?;
    writeln!(out, "    {}", row.meaning)?;
    let set = FourStates::new(&Profile::default());
    if let Some((server, client)) = phases(&set, row.name) {
        writeln!(out, "    the server's phase: {server}")?;
        writeln!(out, "    the client's phase: {client}")?;
    }
    for (to, events) in arrows(&set, row.name) {
        writeln!(out, "    to {to}: {}", events.join(", "))?;
    }
    sources(row.sources, out)?;
    Ok(true)
}

/// The phases of server and client that a state stands for.
pub(super) fn phases(set: &FourStates, name: &str) -> Option<(String, String)> {
    let at = set.table.phases.iter().position(|known| known == name)?;
    let StateView { server, client } = set.states.get(at)?;
    Some((join(server), join(client)))
}

fn join<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

/// The states that follow on a state, each with what leads there.
pub(super) fn arrows<'a>(set: &'a FourStates, from: &str) -> Vec<(&'a str, Vec<&'a str>)> {
    let to = |to: &'a str| {
        let leads = |function: &str| {
            let cell = set.table.cell(function, from);
            cell.is_some_and(|cell| cell.entries.iter().any(|e| e.to.as_deref() == Some(to)))
        };
        let rows = set.table.rows.iter().map(|(function, _)| function.as_str());
        (to, rows.filter(|function| leads(function)).collect::<Vec<_>>())
    };
    let all = set.table.phases.iter().map(|name| to(name));
    all.filter(|(_, events)| !events.is_empty()).collect()
}
