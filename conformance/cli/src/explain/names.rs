//! What has a name of this project: clauses, rules, questions, readings, profiles; and the
//! fields of VDConfig.

use std::io::Write;

use super::super::failure::Failure;
use super::{sources, statement};
use vdi_spec::clauses::{CLAUSES, Clause, PROFILES, QUESTIONS, Question, Reading, Seen};
use vdi_spec::config::{CONFIG_FIELDS, CONFIG_RULES, ConfigRule, Setter};
use vdi_suite::scenario::Library;

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CLAUSES
        .iter()
        .map(|row| row.id)
        .chain(QUESTIONS.iter().map(|row| row.id))
        .chain(CONFIG_RULES.iter().map(|rule| rule.id))
        .chain(CONFIG_FIELDS.iter().map(|row| row.name))
        .chain(PROFILES.iter().map(|(name, ..)| *name))
}

pub(super) fn clause(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(clause) = word.parse::<Clause>() else {
        return Ok(false);
    };
    statement(clause, out)?;
    for question in clause.info().questions {
        writeln!(out, "    depends on: {question}: {}", question.info().text)?;
    }
    for loaded in Library::embedded()?.iter().filter(|l| l.scenario.clauses.contains(&clause)) {
        writeln!(out, "    scenario: {}: {}", loaded.scenario.id, loaded.scenario.title)?;
    }
    Ok(true)
}

pub(super) fn field(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Some(row) = CONFIG_FIELDS.iter().find(|row| row.name.eq_ignore_ascii_case(word)) else {
        return Ok(false);
    };
    writeln!(out, "field {} of VDConfig, set by {}", row.name, setter(row.setter))?;
    writeln!(out, "    {}", row.meaning)?;
    for rule in row.rules() {
        writeln!(out, "    rule: {rule}")?;
    }
    sources(&[row.source], out)?;
    Ok(true)
}

const fn setter(setter: Setter) -> &'static str {
    match setter {
        Setter::Client => "the client, in Create",
        Setter::Server => "the server, in BeginConfiguration",
        Setter::Interface => "the interface, in GetConfiguration",
    }
}

pub(super) fn rule(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(rule) = ConfigRule::named(word) else { return Ok(false) };
    writeln!(out, "configuration rule {}, kept by {}", rule.id, setter(rule.setter))?;
    writeln!(out, "    {}", rule.demand)?;
    sources(&[rule.source], out)?;
    Ok(true)
}

pub(super) fn question(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let reading = word.parse::<Reading>().ok();
    let question =
        reading.map(|reading| reading.question).or_else(|| word.parse::<Question>().ok());
    let Some(question) = question else {
        return Ok(false);
    };
    let info = question.info();
    writeln!(out, "question {}", info.id)?;
    writeln!(out, "    {}", info.text)?;
    for other in question.readings() {
        let default = if other.index == 0 { ", the default" } else { "" };
        let mark = if Some(other) == reading { "→" } else { " " };
        writeln!(out, "  {mark} {}{default}: {}", other.info().id, other.info().text)?;
        for seen in Seen::of(other) {
            writeln!(
                out,
                "      seen of {seen}; `vdi probe --scenario {}` would show it",
                seen.scenario
            )?;
        }
    }
    sources(info.sources, out)?;
    for row in CLAUSES.iter().filter(|row| row.questions.contains(&question)) {
        writeln!(out, "    clause: {}", row.id)?;
    }
    Ok(true)
}

pub(super) fn profile(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Some((name, text, readings)) = PROFILES.iter().find(|(name, ..)| *name == word) else {
        return Ok(false);
    };
    writeln!(out, "profile {name}")?;
    writeln!(out, "    {text}")?;
    if readings.is_empty() {
        writeln!(out, "    the first reading of every question (see `vdi list readings`)")?;
    }
    readings.iter().try_for_each(|reading| writeln!(out, "    {reading}"))?;
    Ok(true)
}
