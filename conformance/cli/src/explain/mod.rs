//! `vdi explain`: what a name means, and where that is published.

mod codes;
mod functions;
mod logs;
mod names;
mod spanish;
mod states;

use std::io::Write;

use super::args::{ExplainArgs, Language};
use super::failure::Failure;
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{Source, closest};
use vdi_spec::spanish::citations;

/// Says what it knows of a word; whether it knows anything.
type Shelf = fn(&str, &mut dyn Write) -> Result<bool, Failure>;

/// Everything that can be looked up, in the order in which it is said.
const SHELVES: &[Shelf] = &[
    logs::word,
    names::clause,
    states::state,
    functions::function,
    codes::code,
    codes::feature,
    names::field,
    names::rule,
    names::question,
    names::profile,
    logs::step,
];

pub(super) fn explain(args: &ExplainArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    match (&args.word, args.language) {
        (Some(word), Language::En) => look_up(word.trim(), out),
        (Some(word), Language::Es) => spanish::explain(word.trim(), out),
        (None, Language::En) => founding_page(out),
        (None, Language::Es) => spanish::founding_page(out),
    }
}

fn look_up(word: &str, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut known = false;
    for shelf in SHELVES {
        known |= shelf(word, out)?;
    }
    if known { Ok(0) } else { Err(unknown(word)) }
}

/// Of what nothing is known that is said.
fn unknown(word: &str) -> Failure {
    if let Some(number) = vdi_spec::codes::spelled_number(word) {
        return Failure::Usage(codes::unknown_number(word, number));
    }
    let all = names::names().chain(states::names()).chain(functions::names());
    let near = closest(word, all.chain(codes::names()).chain(logs::names()));
    let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    Failure::Usage(format!(
        "`{word}` is not known: it is no word of a log, state of a set, function, clause, code, command, \
         feature, field or rule of VDConfig, question, reading or profile{near}"
    ))
}

/// The four states, and the clauses of the page of the server's Close.
fn founding_page(out: &mut dyn Write) -> Result<u8, Failure> {
    for name in states::names() {
        states::state(name, out)?;
    }
    for clause in vdi_spec::spanish::clauses() {
        statement(clause, out)?;
    }
    Ok(0)
}

fn statement(clause: Clause, out: &mut dyn Write) -> Result<(), Failure> {
    let info = clause.info();
    writeln!(out, "clause {} binds the {}", info.id, info.party)?;
    writeln!(out, "    {}", info.demand)?;
    sources(info.sources, out)
}

fn sources(cited: &[Source], out: &mut dyn Write) -> Result<(), Failure> {
    for source in citations(cited) {
        writeln!(out, "    source: {source}")?;
    }
    Ok(())
}
