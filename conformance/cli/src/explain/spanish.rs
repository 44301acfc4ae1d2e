//! What can be explained in Spanish: the founding page's clauses, and the four states.

use std::io::Write;

use super::super::failure::Failure;
use super::states;
use vdi_explore::FourStates;
use vdi_spec::clauses::{Clause, Party, Profile};
use vdi_spec::codes::Source;
use vdi_spec::spanish::{self, citations};
use vdi_spec::states::StateInfo;

/// A clause by its id, a state by its name, the page by the name of its function.
pub(super) fn explain(word: &str, out: &mut dyn Write) -> Result<u8, Failure> {
    let clause = word.parse::<Clause>().ok().filter(|clause| spanish::demand(*clause).is_some());
    if let Some(clause) = clause {
        statement(clause, out)?;
    } else if let Some(row) = states::named(word) {
        state(row, out)?;
    } else if word.eq_ignore_ascii_case("Close") {
        clauses(out)?;
    } else {
        return Err(Failure::Usage(format!(
            "`{word}` has no Spanish text: only the four states and the clauses of the page of \
             the server's Close have one (`vdi explain --language es` prints them all)"
        )));
    }
    Ok(0)
}

/// Everything that there is in Spanish.
pub(super) fn founding_page(out: &mut dyn Write) -> Result<u8, Failure> {
    for name in states::names() {
        states::named(name).map_or(Ok(()), |row| state(row, out))?;
    }
    clauses(out)?;
    Ok(0)
}

fn clauses(out: &mut dyn Write) -> Result<(), Failure> {
    spanish::clauses().try_for_each(|clause| statement(clause, out))
}

fn statement(clause: Clause, out: &mut dyn Write) -> Result<(), Failure> {
    let info = clause.info();
    let bound = match info.party {
        Party::Interface => "a la interfaz",
        Party::Server => "al servidor",
        Party::Client => "al cliente",
    };
    writeln!(out, "cláusula {} obliga {bound}", info.id)?;
    writeln!(out, "    {}", spanish::demand(clause).unwrap_or(info.demand))?;
    sources(info.sources, out)
}

fn state(row: &StateInfo, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "estado {} de un conjunto de dispositivos", row.name)?;
    writeln!(out, "    {}", spanish::state(row.name).unwrap_or(row.meaning))?;
    let set = FourStates::new(&Profile::default());
    if let Some((server, client)) = states::phases(&set, row.name) {
        writeln!(out, "    fase del servidor: {server}")?;
        writeln!(out, "    fase del cliente: {client}")?;
    }
    sources(row.sources, out)
}

fn sources(cited: &[Source], out: &mut dyn Write) -> Result<(), Failure> {
    for source in citations(cited) {
        writeln!(out, "    fuente: {source}")?;
    }
    Ok(())
}
