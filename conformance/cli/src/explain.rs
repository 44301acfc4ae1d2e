//! `vdi explain`: what a name means, and where that is published.

use std::io::Write;

use vdi_spec::clauses::{CLAUSES, Clause, PROFILES, QUESTIONS, Question, Reading};
use vdi_spec::codes::{
    COMMANDS, CommandCode, FEATURES, Features, Gate, HRESULTS, HResult, WIN32, Win32, closest,
};

use super::args::ExplainArgs;
use super::failure::Failure;
use vdi_spec::config::{CONFIG_RULES, ConfigRule, Setter};
use vdi_suite::scenario::Library;

pub(super) fn explain(args: &ExplainArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let word = args.word.as_str();
    let known = clause(word, out)?
        | status(word, out)?
        | completion(word, out)?
        | command(word, out)?
        | feature(word, out)?
        | rule(word, out)?
        | question(word, out)?
        | profile(word, out)?;
    if known {
        return Ok(0);
    }
    let names = CLAUSES
        .iter()
        .map(|row| row.id)
        .chain(HRESULTS.iter().map(|row| row.name))
        .chain(WIN32.iter().map(|row| row.name))
        .chain(COMMANDS.iter().map(|row| row.name))
        .chain(FEATURES.iter().map(|row| row.name))
        .chain(QUESTIONS.iter().map(|row| row.id))
        .chain(CONFIG_RULES.iter().map(|rule| rule.id));
    let near = closest(word, names).map(|near| format!(" (did you mean `{near}`?)"));
    Err(Failure::Usage(format!(
        "`{word}` is no clause, code, command, feature, configuration rule, question, reading or profile{}",
        near.unwrap_or_default()
    )))
}

fn clause(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(clause) = word.parse::<Clause>() else {
        return Ok(false);
    };
    let info = clause.info();
    writeln!(out, "clause {} binds the {}", info.id, info.party)?;
    writeln!(out, "    {}", info.demand)?;
    for source in info.sources {
        writeln!(out, "    source: {source}")?;
    }
    for question in info.questions {
        writeln!(out, "    depends on: {question}: {}", question.info().text)?;
    }
    for loaded in Library::embedded()?.iter().filter(|l| l.scenario.clauses.contains(&clause)) {
        writeln!(out, "    scenario: {}: {}", loaded.scenario.id, loaded.scenario.title)?;
    }
    Ok(true)
}

fn status(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(code) = word.parse::<HResult>() else {
        return Ok(false);
    };
    let Some(info) = code.info() else {
        return Ok(false);
    };
    let number = if code == HResult::VD_E_IO_ERROR {
        "no published number".to_owned()
    } else {
        format!("0x{:08X}, {}", code.0, code.0)
    };
    writeln!(out, "status {} ({number})", info.name)?;
    for alias in info.aliases {
        writeln!(out, "    also called {alias}")?;
    }
    writeln!(out, "    {}", info.meaning)?;
    writeln!(out, "    source: {}", info.source)?;
    Ok(true)
}

fn completion(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(code) = word.parse::<Win32>() else {
        return Ok(false);
    };
    let Some(info) = code.info() else {
        return Ok(false);
    };
    writeln!(out, "completion code {} ({})", info.name, code.0)?;
    writeln!(out, "    {}", info.meaning)?;
    writeln!(out, "    source: {}", info.source)?;
    Ok(true)
}

fn command(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(code) = word.parse::<CommandCode>() else {
        return Ok(false);
    };
    let info = code.info();
    writeln!(out, "command {} (VDC_{}, {})", info.name, info.name, code.number())?;
    writeln!(out, "    {}", info.meaning)?;
    let gate = match info.gate {
        Gate::Always => "to every client".to_owned(),
        Gate::AnyFeature(features) => format!("with a feature of {features}"),
        Gate::AllFeatures(features) => format!("with the features {features}"),
        Gate::SnapshotBackup => "in BACKUP WITH SNAPSHOT".to_owned(),
        Gate::SnapshotRestore => "in RESTORE WITH SNAPSHOT".to_owned(),
        Gate::Unspecified => "no condition is published".to_owned(),
    };
    writeln!(out, "    sent: {gate}")?;
    writeln!(out, "    source: {}", info.source)?;
    Ok(true)
}

fn feature(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(bit) = word.parse::<Features>() else {
        return Ok(false);
    };
    for info in FEATURES.iter().filter(|row| row.bit == bit) {
        let setter = if info.set_by_server { "server" } else { "client" };
        writeln!(
            out,
            "feature {} (VDF_{}, 0x{:X}), set by the {setter}",
            info.name, info.name, bit.0
        )?;
        writeln!(out, "    {}", info.meaning)?;
        writeln!(out, "    source: {}", info.source)?;
    }
    Ok(true)
}

fn rule(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let Ok(rule) = ConfigRule::named(word) else { return Ok(false) };
    let setter = match rule.setter {
        Setter::Client => "the client, in Create",
        Setter::Server => "the server, in BeginConfiguration",
        Setter::Interface => "the interface, in GetConfiguration",
    };
    writeln!(out, "configuration rule {}, kept by {setter}", rule.id)?;
    writeln!(out, "    {}", rule.demand)?;
    writeln!(out, "    source: {}", rule.source)?;
    Ok(true)
}

fn question(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
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
    }
    for source in info.sources {
        writeln!(out, "    source: {source}")?;
    }
    for row in CLAUSES.iter().filter(|row| row.questions.contains(&question)) {
        writeln!(out, "    clause: {}", row.id)?;
    }
    Ok(true)
}

fn profile(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
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
