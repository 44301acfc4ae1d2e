//! The functions of the interface: their arguments, and what they may answer phase by phase.

use std::io::Write;

use super::super::failure::Failure;
use vdi_explore::{Cell, differences, function_answers};
use vdi_spec::clauses::{CLAUSES, Profile};
use vdi_trace::{ArgSet, Creates, FUNCTIONS, Function, FunctionInfo, Target};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    Function::ALL.iter().map(|function| function.name())
}

pub(super) fn function(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let cased = Function::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(word));
    let Some(function) = cased.copied().or_else(|| word.parse().ok()) else {
        return Ok(false);
    };
    for row in FUNCTIONS.iter().filter(|row| row.function == function) {
        one(row, out)?;
    }
    Ok(true)
}

fn one(row: &FunctionInfo, out: &mut dyn Write) -> Result<(), Failure> {
    let on = match row.target {
        Target::Set => "set",
        Target::Device => "device",
    };
    writeln!(out, "function {} of the {}, called on a {on}", row.function, row.party)?;
    writeln!(out, "    arguments: {}", arguments(row))?;
    if let Some(made) = made(row.creates) {
        writeln!(out, "    makes: {made}")?;
    }
    let (profile, name) = (Profile::default(), row.function.name());
    let answers = function_answers(&profile, row.party, name).unwrap_or_default();
    let width = answers.iter().map(|(phase, _)| phase.len()).max().unwrap_or_default();
    for (phase, cell) in answers {
        writeln!(out, "    in {phase:width$}  {}", text(&cell))?;
    }
    let differences = differences(&profile);
    let mine = differences.iter().filter(|one| one.party == row.party && one.function == name);
    for one in mine {
        let readings: Vec<String> = one.readings.iter().map(ToString::to_string).collect();
        let (phase, documented) = (&one.phase, text(&one.documented));
        writeln!(out, "    the table says in {phase}: {documented} ({})", readings.join(", "))?;
    }
    let prefix = prefix(row);
    for clause in CLAUSES.iter().filter(|clause| clause.id.starts_with(&prefix)) {
        writeln!(out, "    clause {} of the {}: {}", clause.id, clause.party, clause.demand)?;
    }
    Ok(())
}

fn text(cell: &Cell) -> String {
    cell.to_string().replace('|', " or ").replace("->", " → ")
}

fn arguments(row: &FunctionInfo) -> String {
    // To hold a completion routine is a scenario's, no argument of the function.
    let optional = row.optional.without(ArgSet::hold);
    let optional = optional.names().into_iter().map(|name| format!("[{name}]"));
    let required = row.required.names().into_iter().map(str::to_owned);
    let all: Vec<String> = required.chain(optional).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

const fn made(creates: Creates) -> Option<&'static str> {
    match creates {
        Creates::Nothing => None,
        Creates::Device => Some("a device"),
        Creates::Buffer => Some("a buffer"),
        Creates::Command => Some("a command"),
        Creates::BufferHandle => Some("a handle of a buffer"),
    }
}

/// How the ids of a function's clauses begin: `server.send-command.`.
fn prefix(row: &FunctionInfo) -> String {
    let name = row.function.name();
    if row.function == Function::ExecuteCompletionAgent {
        return "agent.".to_owned();
    }
    let mut prefix = format!("{}.", row.party);
    for (at, letter) in name.strip_suffix("Ex").unwrap_or(name).char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            prefix.push('-');
        }
        prefix.push(letter.to_ascii_lowercase());
    }
    prefix + "."
}
