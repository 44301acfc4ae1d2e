//! `vdi run`: scenarios against an implementation.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vdi_check::exit_code;

use super::args::{Format, RunArgs, Target, gating};
use super::{Failure, profile};
use vdi_reference::Mutant;
use vdi_suite::adapter::{Adapter, Limits, Processes, Reference, Runtime, Stdio};
use vdi_suite::baseline::Baseline;
use vdi_suite::report::{self, Summary};
use vdi_suite::run::{Repeat, ScenarioResult, SuiteOptions, Verdict, run_suite_repeated};
use vdi_suite::scenario::{Library, Scenario};

pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.target.profile)?;
    let baseline = match &args.baseline {
        Some(path) => Baseline::read(path)?,
        None => Baseline::default(),
    };
    let library = library(args.target.scenarios.as_deref())?;
    let scenarios = selected(&library, &args.filter)?;
    let adapter = adapter(&args.target)?;
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let options = SuiteOptions {
        profile,
        limits: limits(&args.target),
        jobs,
        max_fail: args.max_fail.map(|most| most as usize),
    };
    let bar = progress(scenarios.len() as u64);
    let repeat = args.repeat.map(|times| Repeat { times, seed: args.seed });
    let results = run_suite_repeated(&*adapter, &scenarios, &options, repeat, &|result| {
        bar.set_message(result.id.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let stale = baseline.stale(&results, args.filter.is_empty());
    let again = reproducing(&args.target, adapter.options());
    let again = match repeat {
        Some(Repeat { times, seed }) => format!("{again} --repeat {times} --seed {seed}"),
        None => again,
    };
    let summary = Summary {
        command: "run",
        implementation: implementation(&results),
        options: again.trim_start(),
        profile_name: &args.target.profile,
        profile: &options.profile,
        parties: &gating(&args.party),
        results: &results,
        baseline: &baseline,
        stale,
    };
    if let Some(folder) = &args.traces {
        write_traces(folder, &results)?;
    }
    print(args.format, args.output.as_deref(), &summary, out)?;
    Ok(summary.exit_code())
}

/// The options that bring the same result again.
pub(super) fn reproducing(target: &Target, adapter: &str) -> String {
    let mut options = adapter.to_owned();
    let mut add = |option: &str, value: &str| {
        let value = shlex::try_quote(value).unwrap_or(value.into()).into_owned();
        options.push_str(&format!(" {option} {value}"));
    };
    if let Some(folder) = &target.scenarios {
        add("--scenarios", &folder.display().to_string());
    }
    if (target.timeout - 10.0).abs() > f64::EPSILON {
        add("--timeout", &target.timeout.to_string());
    }
    if target.strict {
        options.push_str(" --strict");
    }
    options.trim_start().to_owned()
}

/// The report, or, if that goes into a file, its last line.
pub(super) fn print(
    format: Format,
    output: Option<&Path>,
    summary: &Summary<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = match format {
        Format::Text => report::text(summary),
        Format::Json => report::json(summary),
        Format::Junit => report::junit(summary)
            .map_err(|error| Failure::Internal(format!("JUnit XML: {error}")))?,
        Format::Markdown => report::markdown(summary),
    };
    match output {
        None => out.write_all(text.as_bytes())?,
        Some(path) => {
            write(path, &text)?;
            let text = report::text(summary);
            let line = text.lines().next_back().unwrap_or_default();
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Input(format!("{}: cannot write: {error}", path.display())))
}

pub(super) fn write_traces(folder: &Path, results: &[ScenarioResult]) -> Result<(), Failure> {
    for result in results {
        let path = folder.join(format!("{}.jsonl", result.id));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| {
                Failure::Input(format!("{}: cannot make: {error}", parent.display()))
            })?;
        }
        write(&path, &result.trace.to_json_lines())?;
    }
    Ok(())
}

fn implementation(results: &[ScenarioResult]) -> String {
    let known = results.iter().find_map(|result| result.trace.header.source.as_ref());
    match known {
        Some(origin) => {
            format!("{} {}", origin.name, origin.version.as_deref().unwrap_or_default())
        }
        None => "no implementation was reached".to_owned(),
    }
}

pub(super) fn progress(length: u64) -> ProgressBar {
    let terminal = std::io::stderr().is_terminal();
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The scenarios of a folder, or the embedded ones.
pub(super) fn library(folder: Option<&Path>) -> Result<Library, Failure> {
    Ok(match folder {
        Some(folder) => Library::folder(folder)?,
        None => Library::embedded()?,
    })
}

fn selected<'l>(library: &'l Library, filters: &[String]) -> Result<Vec<&'l Scenario>, Failure> {
    if filters.is_empty() {
        return Ok(library.iter().map(|loaded| &loaded.scenario).collect());
    }
    let mut chosen = std::collections::BTreeMap::new();
    for filter in filters {
        let found = library.filter(filter);
        if found.is_empty() {
            return Err(Failure::Usage(format!(
                "--filter {filter}: no scenario's id or clause begins so (see `vdi list`)"
            )));
        }
        chosen.extend(found.into_iter().map(|loaded| (&loaded.scenario.id, &loaded.scenario)));
    }
    Ok(chosen.into_values().collect())
}

pub(super) fn limits(target: &Target) -> Limits {
    Limits {
        timeout: Duration::from_secs_f64(target.timeout),
        grace: Duration::from_millis(target.grace),
        strict: target.strict,
    }
}

/// The implementation to drive. One behind a command is started once here, so
/// that a command that cannot be started is told apart from one that fails.
pub(super) fn adapter(target: &Target) -> Result<Box<dyn Adapter>, Failure> {
    #[cfg(not(feature = "strict"))]
    if target.strict {
        return Err(super::left_out("`--strict`", "strict"));
    }
    if let Some(command) = &target.adapter {
        let adapter = Stdio::new(command).map_err(|error| Failure::Usage(error.to_string()))?;
        adapter
            .find()
            .map_err(|error| Failure::Unavailable(format!("--adapter {command}: {error}")))?;
        return Ok(Box::new(adapter));
    }
    if target.processes {
        let program = std::env::current_exe()
            .map_err(|error| Failure::Unavailable(format!("--processes: {error}")))?;
        return Ok(Box::new(Processes::new(program)));
    }
    let Some(name) = &target.defect else {
        return Ok(if target.reference {
            Box::new(Reference::adapter())
        } else {
            Box::new(Runtime::adapter())
        });
    };
    Ok(Box::new(Reference::mutant(defect_named(name)?)))
}

/// The seeded defect of that name.
pub(super) fn defect_named(name: &str) -> Result<Mutant, Failure> {
    match Mutant::by_name(name) {
        Some(defect) => Ok(defect),
        None => {
            let known = Mutant::ALL.iter().map(|row| row.name);
            let near = vdi_spec::codes::closest(name, known)
                .map(|near| format!(" (did you mean `{near}`?)"))
                .unwrap_or_default();
            Err(Failure::Usage(format!(
                "--defect {name}: no such defect (see `vdi list defects`){near}"
            )))
        }
    }
}

/// The exit code of a single result.
pub(super) fn exit_code_of(result: &ScenarioResult) -> u8 {
    match &result.verdict {
        Verdict::Conformant => exit_code::CONFORMANT,
        Verdict::NotOffered(_) | Verdict::Inconclusive(_) | Verdict::NotRun => {
            exit_code::INCONCLUSIVE
        }
        Verdict::Trouble(trouble) if trouble.name() == "not-started" => exit_code::UNAVAILABLE,
        Verdict::Violation(_) | Verdict::Disagreement(_) | Verdict::Trouble(_) => {
            exit_code::VIOLATION
        }
    }
}
