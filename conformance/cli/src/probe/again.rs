//! `vdi replay --library`, `vdi shrink --library`: the clients' calls of a recording, made again of
//! a client library and a server.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use vdi_check::exit_code;
use vdi_probe::{Probe, Recording};
use vdi_suite::report::failure;
use vdi_suite::run::{ScenarioResult, Verdict};
use vdi_trace::Trace;

use super::super::args::{LibraryArgs, LineArgs, PROBE_TIMEOUT, ReplayArgs, ShrinkArgs, Target};
use super::super::failure::Failure;
use super::super::input::{profile, trace_of};
use super::super::interrupt;
use super::super::output::{OptionWords, note, show, write};
use super::super::run::exit_code_of;

/// What of the time of its first run another may take, at least.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn replay(args: &ReplayArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let what = args.what.as_deref().unwrap_or_default();
    let recording = recording(what, args.lines)?;
    let probe = prepared(&args.library, &args.target)?;
    let scenario = recording.scenario(&id(what));
    if args.dry_run {
        for statement in probe.statements(&[&scenario]) {
            writeln!(out, "{statement}")?;
        }
        return Ok(exit_code::CONFORMANT);
    }
    interrupt::ends_by(|| {});
    let result = run(&probe, &recording, what)?;
    if args.json {
        write!(out, "{}", result.trace.to_json_lines())?;
        return Ok(exit_code_of(&result));
    }
    show(&result, out)?;
    for (line, why) in recording.left_out() {
        writeln!(out, "left out: line {line}: {why}")?;
    }
    let differences = recording
        .differences(&result.trace)
        .map_err(|error| Failure::Internal(format!("what happened now: {error}")))?;
    for difference in &differences {
        writeln!(out, "differs: {difference}")?;
    }
    if result.verdict == Verdict::Conformant {
        let told = match differences.len() {
            0 => "answered as recorded".to_owned(),
            1 => "1 lane is answered otherwise than recorded".to_owned(),
            many => format!("{many} lanes are answered otherwise than recorded"),
        };
        writeln!(out, "{}: conformant, {told}", result.id)?;
    } else {
        write!(out, "{}", failure(&result, &again("replay", what, args), &args.target.profile))?;
    }
    Ok(exit_code_of(&result))
}

pub(crate) fn shrink(args: &ShrinkArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let what = args.what.as_deref().unwrap_or_default();
    let recording = recording(what, args.lines)?;
    let mut probe = prepared(&args.library, &args.target)?;
    interrupt::ends_by(|| {});
    let first = run(&probe, &recording, what)?;
    match exit_code_of(&first) {
        exit_code::VIOLATION => {}
        exit_code::CONFORMANT | exit_code::INCONCLUSIVE => {
            let why = format!("{what}: does not fail, so there is nothing to shrink");
            return Err(Failure::Usage(why));
        }
        code => {
            let why = format!("{what}: {}", told(&first));
            return Err(match code {
                exit_code::UNAVAILABLE => Failure::Unavailable(why),
                _ => Failure::Internal(why),
            });
        }
    }
    let key = |result: &ScenarioResult| (result.verdict.name(), result.verdict.clause());
    let wanted = key(&first);
    // What does not fail as it does may not come to an end.
    probe.timeout = probe.timeout.min(first.adapter.took * 4 + PATIENCE);
    let (mut last, mut runs) = (first, 0);
    let mut broken = None;
    let small = recording.smaller(|candidate| {
        if broken.is_some() || candidate.is_empty() {
            return false;
        }
        runs += 1;
        match run(&probe, candidate, what) {
            Ok(result) if key(&result) == wanted => {
                last = result;
                true
            }
            Ok(_) => false,
            Err(error) => {
                broken = Some(error);
                false
            }
        }
    });
    if let Some(error) = broken {
        return Err(error);
    }
    let text = format!(
        "{what}: {} of {} steps left after {runs} runs: {}",
        small.len(),
        recording.len(),
        told(&last)
    );
    // Its names are those of a database and a process that are gone.
    let file = last.trace.redacted().to_json_lines();
    if let Some(path) = &args.trace {
        write(path, &file)?;
    }
    match &args.output {
        Some(path) => {
            write(path, &file)?;
            writeln!(out, "{text}\nwritten to {}: vdi replay --library … {0}", path.display())?;
        }
        None => {
            write!(out, "{file}")?;
            note(&text);
        }
    }
    Ok(exit_code::CONFORMANT)
}

fn told(result: &ScenarioResult) -> String {
    match &result.verdict {
        Verdict::Violation(violation) => format!("{} by the {}", violation.clause, violation.party),
        other => format!("{} {}", other.name(), result.adapter.stderr.trim()).trim().to_owned(),
    }
}

fn recording(what: &str, lines: LineArgs) -> Result<Recording, Failure> {
    let path = Path::new(what);
    if !path.is_file() {
        let why = "expected a trace: a library is called as a recording has it";
        return Err(Failure::Usage(format!("{what}: {why}")));
    }
    let none = || Failure::Input(format!("{what}: it is no trace"));
    let trace: Trace = trace_of(path, lines)?.ok_or_else(none)?;
    Recording::of(&trace).map_err(|error| Failure::Input(format!("{what}: {error}")))
}

fn prepared(args: &LibraryArgs, target: &Target) -> Result<Probe, Failure> {
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    let library = args.library.clone().unwrap_or_default();
    let profile = profile(&target.profile)?;
    super::on(&library, &word(&args.sql), &word(&args.database_prefix), args.limit, profile)
}

fn id(what: &str) -> String {
    format!("replay-of-{what}")
}

fn run(probe: &Probe, recording: &Recording, what: &str) -> Result<ScenarioResult, Failure> {
    let scenario = recording.scenario(&id(what));
    let results = probe.run(&[&scenario], &|_| {});
    let results = results.map_err(|error| Failure::Unavailable(error.to_string()))?;
    let none = || Failure::Internal("the recording was not run".to_owned());
    results.into_iter().next().ok_or_else(none)
}

/// The words that bring the same again.
fn again(command: &str, what: &str, args: &ReplayArgs) -> String {
    let mut words = OptionWords::default();
    let LibraryArgs { library, sql, database_prefix, limit } = &args.library;
    words.add("--library", library.clone().unwrap_or_default().display());
    words.add("--sql", sql.clone().unwrap_or_default());
    words.add("--database-prefix", database_prefix.clone().unwrap_or_default());
    if *limit != PROBE_TIMEOUT {
        words.add("--limit", limit);
    }
    format!("{command} {what}{}", words.0)
}
