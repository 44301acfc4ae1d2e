//! `vdi readings`: which readings does an implementation follow?

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use vdi_check::exit_code;
use vdi_spec::clauses::ProfileFile;

use super::args::{CheckFormat, LineArgs, ReadingsArgs};
use super::failure::Failure;
use super::input::{jobs, library, profile, trace_file};
use super::output::write;
use super::pages;
use super::run::{adapter, limits};
use vdi_suite::report::lacks_too_much;
use vdi_suite::run::{
    Answered, Followed, NamedTrace, SuiteOptions, find_readings, readings_of_traces,
};
use vdi_suite::scenario::Scenario;
use walkdir::WalkDir;

pub(super) fn readings(args: &ReadingsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let library = library(args.target.scenarios.as_deref())?;
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let profile = profile(&args.target.profile)?;
    let (answered, found) = if args.traces.is_empty() {
        let adapter = adapter(&args.target)?;
        let (limits, jobs) = (limits(&args.target), jobs(args.jobs));
        let options = SuiteOptions { profile, limits, jobs, max_fail: None };
        find_readings(&*adapter, &scenarios, &options)
    } else {
        readings_of_traces(&recordings(&args.traces, args.lines)?, &scenarios, &profile)
    };
    match args.format {
        CheckFormat::Text => text(&answered, !args.traces.is_empty(), out)?,
        CheckFormat::Json => {
            for answer in &answered {
                writeln!(out, "{}", json!(answer))?;
            }
        }
        CheckFormat::Html => {
            let recorded = !args.traces.is_empty();
            let facts = vec![("profile", args.target.profile.clone())];
            let code = exit_code_of(&answered);
            let page = pages::readings(&answered, &|answer| told(answer, recorded), facts, code);
            out.write_all(page.html().as_bytes())?;
        }
    }
    if let Some(path) = &args.output {
        let readings: BTreeMap<String, String> = found
            .differences()
            .map(|reading| (reading.question.to_string(), reading.info().id.to_owned()))
            .collect();
        let file = ProfileFile { schema: None, base: "documented-pages".to_owned(), readings };
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| Failure::Internal(format!("the profile: {error}")))?;
        write(path, &(text + "\n"))?;
    }
    Ok(exit_code_of(&answered))
}

/// The traces in these files, and in these folders, in the order of their names; those of a
/// folder by their place in it.
fn recordings(paths: &[PathBuf], lines: LineArgs) -> Result<Vec<NamedTrace>, Failure> {
    let mut traces = Vec::new();
    let mut add = |path: &Path, name: &Path| {
        traces
            .push(NamedTrace { name: name.display().to_string(), trace: trace_file(path, lines)? });
        Ok::<_, Failure>(())
    };
    for path in paths {
        if !path.is_dir() {
            add(path, path)?;
            continue;
        }
        let mut any = false;
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry =
                entry.map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
            if entry.path().extension().is_some_and(|end| end == "jsonl") {
                add(entry.path(), entry.path().strip_prefix(path).unwrap_or(entry.path()))?;
                any = true;
            }
        }
        if !any {
            let path = path.display();
            let lacks = "no trace in it: no file whose name ends in .jsonl";
            return Err(Failure::Input(format!("{path}: {lacks}")));
        }
    }
    Ok(traces)
}

fn exit_code_of(answered: &[Answered]) -> u8 {
    let all = answered.iter().map(|answer| answer.scenarios.len()).sum();
    let is = |wanted: fn(&Followed) -> bool| answered.iter().any(|a| wanted(&a.followed));
    let nothing = |answer: &Answered| {
        matches!(answer.followed, Followed::NotRecorded | Followed::NotShown | Followed::Only(_))
    };
    let shown = |answer: &&Answered| answer.followed != Followed::NotShown;
    let unreached = |answer: &Answered| matches!(answer.followed, Followed::Trouble(_));
    if answered.iter().filter(shown).all(unreached) {
        exit_code::UNAVAILABLE
    } else if is(|f| {
        matches!(f, Followed::Inconsistent(_) | Followed::Failing | Followed::Trouble(_))
    }) {
        exit_code::VIOLATION
    } else if is(|f| matches!(f, Followed::Silence(_)))
        || lacks_too_much(&lacking(answered), all)
        || answered.iter().all(nothing)
    {
        exit_code::INCONCLUSIVE
    } else {
        exit_code::CONFORMANT
    }
}

/// What was not offered, with how many scenarios need it.
fn lacking(answered: &[Answered]) -> Vec<(&str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for what in answered.iter().flat_map(|answer| &answer.lacks) {
        *counts.entry(what.as_str()).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// The first of a list, and how many more.
fn some(list: &[String]) -> String {
    let mut text = list.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if list.len() > 3 {
        text.push_str(&format!(" and {} more", list.len() - 3));
    }
    text
}

/// What was found of a question.
fn told(answer: &Answered, recorded: bool) -> String {
    let found = match &answer.followed {
        Followed::One(reading) => reading.clone(),
        Followed::Several(readings) => format!("fits {}", readings.join(", and ")),
        Followed::Only(reading) => format!("{reading}, the only reading"),
        Followed::Inconsistent(failures) => {
            format!("INCONSISTENT: every reading is contradicted, by {}", some(failures))
        }
        Followed::Failing => format!("cannot be told: fails {}", some(&answer.failing)),
        Followed::Trouble(text) => format!("TROUBLE: {text}"),
        Followed::Silence(readings) => {
            format!("cannot be told: {}, and only silence tells them apart", readings.join(" or "))
        }
        Followed::NotOffered => "not offered".to_owned(),
        Followed::NotRecorded => match &answer.scenarios[..] {
            [] => "not recorded, and no scenario asks it".to_owned(),
            scenarios => format!("not recorded: {} would tell", some(scenarios)),
        },
        Followed::NotShown => "no expectation of a scenario depends on it".to_owned(),
    };
    let besides = match &answer.followed {
        Followed::Failing => String::new(),
        // Recordings are told once, below.
        _ if answer.failing.is_empty() || recorded => String::new(),
        _ => format!(", leaving out what fails anyway: {}", some(&answer.failing)),
    };
    let by = match &answer.traces[..] {
        [] => String::new(),
        traces => format!(", by {}", some(traces)),
    };
    format!("{found}{by}{besides}")
}

fn text(answered: &[Answered], recorded: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let width = answered.iter().map(|answer| answer.question.len()).max().unwrap_or_default();
    for answer in answered {
        writeln!(out, "{:width$}  {}", answer.question, told(answer, recorded))?;
    }
    if let Some(first) = answered.first().filter(|first| recorded && !first.failing.is_empty()) {
        let listed = some(&first.failing);
        writeln!(out, "left out, not conformant under any reading: {listed}")?;
    }
    let lacking = lacking(answered);
    if !lacking.is_empty() {
        let listed = lacking.iter().map(|(what, count)| format!("{what} {count}"));
        writeln!(out, "what was not offered: {}", listed.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}
