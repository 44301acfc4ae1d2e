//! `vdi run`: scenarios against an implementation.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use vdi_check::exit_code;

use super::args::{RoleArg, RunArgs, Target, gating};
use super::failure::Failure;
use super::input::{baseline, jobs, library, profile};
use super::interrupt;
use super::output::{OptionWords, note, pretty, print, progress, write};
use vdi_campaign::Seeds;
use vdi_reference::Mutant;
use vdi_suite::adapter::{Adapter, Limits, Processes, Reference, Runtime, Stdio};
use vdi_suite::baseline::Baseline;
use vdi_suite::interrupt::is_interrupted;
use vdi_suite::report::{Summary, implementation};
use vdi_suite::run::{
    RacesSeen, Repeat, ScenarioResult, SuiteOptions, Verdict, needed_roles, really_race,
    run_suite_repeated,
};
use vdi_suite::scenario::{Library, Scenario};
use vdi_suite::walks::{self, Walked, walk_all};

/// How often a race is run again that has failed.
const MORE_OFTEN: u32 = 100;

/// How often each walk with races is taken, if nobody asks for more.
const RACING_WALK_RUNS: u32 = 2;

pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.target.profile)?;
    let baseline = baseline(&args.gating)?;
    let mut library = library(args.target.scenarios.as_deref())?;
    args.scenario.iter().for_each(|id| library.draw(id));
    let mut scenarios = match args.scenario.as_slice() {
        [] => selected(&library, &args.filter)?,
        ids => named(&library, ids)?,
    };
    let role = args.role.map(|role| (role.word(), only_of(role, &mut scenarios)));
    if scenarios.is_empty() {
        return Err(Failure::Usage("--role: each of these scenarios needs both halves".to_owned()));
    }
    let adapter = adapter(&args.target)?;
    let options = SuiteOptions {
        profile,
        limits: limits(&args.target),
        jobs: jobs(args.jobs),
        max_fail: args.max_fail.map(|most| most as usize),
    };
    interrupt::ends_by(|| {});
    let bar = progress(scenarios.len() as u64, "{wide_msg}");
    let repeat = args.repeat.map(|times| Repeat { times, seed: args.seed });
    let mut results = run_suite_repeated(&*adapter, &scenarios, &options, repeat, &|result| {
        bar.set_message(result.id.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let repeat = match repeat {
        None if is_interrupted() => None,
        None => race(&*adapter, &scenarios, &options, (&baseline, args), &mut results),
        asked => asked,
    };
    let all = args.filter.is_empty() && args.scenario.is_empty() && role.is_none();
    let usual = all && !args.no_walks && args.target.scenarios.is_none() && args.repeat.is_none();
    let raced = take_walks(&*adapter, &options, (&baseline, args, usual), &mut results);
    let repeat = repeat.or(raced);
    let stale = baseline.stale(&results, all);
    let again = reproducing(&args.target, adapter.options());
    let again = match repeat {
        Some(Repeat { times, seed }) => format!("{again} --repeat {times} --seed {seed}"),
        None => again,
    };
    let parties = gating(&args.gating.party);
    let summary = Summary {
        command: "run",
        implementation: implementation(&results),
        options: again.trim_start(),
        profile_name: &args.target.profile,
        profile: &options.profile,
        parties: &parties,
        results: &results,
        baseline: &baseline,
        stale,
        role,
        verbose: args.report.verbose,
        files: files(&library),
    };
    // Of what was not run nothing is known.
    if let Some(path) = args.write_baseline.as_ref().filter(|_| !is_interrupted()) {
        let reason = args.reason.as_deref().unwrap_or_default();
        write_baseline(path, reason, &summary)?;
    }
    print(&args.report, &summary, out)
}

/// The file of each scenario.
fn files(library: &Library) -> std::collections::BTreeMap<String, String> {
    library.iter().map(|loaded| (loaded.scenario.id.clone(), loaded.path.clone())).collect()
}

/// Lets what races really race, if nothing else fails; what was seen is told beside the
/// report, for it differs from run to run. How it is done again, if something fails so.
fn race(
    adapter: &dyn Adapter,
    scenarios: &[&Scenario],
    options: &SuiteOptions,
    (baseline, args): (&Baseline, &RunArgs),
    results: &mut [ScenarioResult],
) -> Option<Repeat> {
    if !scenarios.iter().any(|scenario| scenario.races()) {
        return None;
    }
    let failing =
        |result: &ScenarioResult| result.verdict.is_failure() && baseline.covers(result).is_none();
    if results.iter().any(failing) {
        note("races: begun in turn only, since something fails already; --repeat N lets them race");
        return None;
    }
    let RacesSeen { scenarios, times, seen, all, failed } =
        really_race(adapter, scenarios, options, results);
    if scenarios == 0 {
        return None;
    }
    note(&format!(
        "races: {scenarios}, each run {times} times, seen {seen} of {all} combinations; --repeat N \
         runs them more often"
    ));
    (failed > 0).then_some(Repeat { times: MORE_OFTEN.max(times), seed: args.seed })
}

/// Takes walks, if nothing else fails; of what comes only a failure is put into the results.
/// How those in which calls race are taken again, if some fail.
fn take_walks(
    adapter: &dyn Adapter,
    options: &SuiteOptions,
    (baseline, args, usual): (&Baseline, &RunArgs, bool),
    results: &mut Vec<ScenarioResult>,
) -> Option<Repeat> {
    let by_silence = results.iter().any(|result| result.adapter.silence.is_some());
    let mut kind = |asked: &Option<Seeds>, chosen: fn() -> Vec<u64>, taken: &Taken| {
        let failing = |result: &ScenarioResult| {
            result.verdict.is_failure() && baseline.covers(result).is_none()
        };
        let numbers: Vec<u64> = match asked {
            Some(seeds) => (seeds.from..seeds.to).collect(),
            None if !usual || by_silence || results.iter().any(failing) => Vec::new(),
            None => chosen(),
        };
        if is_interrupted() || numbers.is_empty() {
            return 0;
        }
        let walks = numbers.into_iter().map(taken.walk);
        let walked = walk_all(adapter, walks, options, taken.repeat);
        note(&format!("{}: {}", taken.what, told(&walked)));
        results.extend(walked.failed);
        walked.failures
    };
    let walk = Taken { what: "walks", walk: walks::walk, repeat: None };
    kind(&args.walks, walks::usual, &walk);
    let repeat = args.repeat.unwrap_or(RACING_WALK_RUNS);
    let repeat = Repeat { times: repeat, seed: args.seed };
    let racing = Taken { what: "racing walks", walk: walks::racing_walk, repeat: Some(repeat) };
    let failed = kind(&args.racing_walks, walks::usual_racing, &racing);
    (failed > 0).then_some(Repeat { times: MORE_OFTEN.max(repeat.times), ..repeat })
}

/// One kind of walks.
struct Taken {
    what: &'static str,
    walk: fn(u64) -> Scenario,
    repeat: Option<Repeat>,
}

/// What came of walks, in a line.
fn told(walked: &Walked) -> String {
    let Walked { walks, calls, not_offered, undecided, open, failures, .. } = walked;
    let came = match (failures, open) {
        (0, None) => "all allowed".to_owned(),
        (0, Some(first)) => format!("{undecided} undecided ({first} first), none fails"),
        (some, _) => format!("{some} fail; `vdi shrink ID` makes one small"),
    };
    let left = match not_offered {
        0 => String::new(),
        some => format!("; {some} others ask for what is not offered"),
    };
    format!("{walks} programs of {calls} calls: {came}{left}")
}

/// Writes what fails the run, and what was not offered, as a baseline.
fn write_baseline(path: &Path, reason: &str, summary: &Summary<'_>) -> Result<(), Failure> {
    if reason.trim().is_empty() {
        return Err(Failure::Usage("--reason: a baseline needs a reason".to_owned()));
    }
    if summary.never_reached() {
        return Err(Failure::Unavailable(format!(
            "{}: not written, no implementation was reached",
            path.display()
        )));
    }
    let lacks = summary.results.iter().filter(|result| result.adapter.lacks.is_some());
    let listed: Vec<&ScenarioResult> = summary.failures().chain(lacks).collect();
    write(path, &(pretty(&Baseline::of(&listed, reason))? + "\n"))
}

/// Leaves the scenarios that need no other half; how many do.
fn only_of(role: RoleArg, scenarios: &mut Vec<&Scenario>) -> usize {
    let all = scenarios.len();
    scenarios.retain(|scenario| needed_roles(scenario).iter().all(|needed| *needed == role.word()));
    all - scenarios.len()
}

/// The scenarios of these ids.
fn named<'l>(library: &'l Library, ids: &[String]) -> Result<Vec<&'l Scenario>, Failure> {
    let mut chosen = std::collections::BTreeMap::new();
    for id in ids {
        let Some(loaded) = library.get(id) else {
            let known = library.iter().map(|loaded| loaded.scenario.id.as_str());
            let near = vdi_spec::codes::closest(id, known)
                .map(|near| format!(" (did you mean `{near}`?)"))
                .unwrap_or_default();
            return Err(Failure::Usage(format!(
                "--scenario {id}: no such scenario (see `vdi list`){near}"
            )));
        };
        chosen.insert(id, &loaded.scenario);
    }
    Ok(chosen.into_values().collect())
}

/// The options that bring the same result again.
pub(super) fn reproducing(target: &Target, adapter: &str) -> String {
    let mut words = OptionWords(adapter.to_owned());
    if let Some(folder) = &target.scenarios {
        words.add("--scenarios", folder.display());
    }
    if (target.timeout - 10.0).abs() > f64::EPSILON {
        words.add("--timeout", target.timeout);
    }
    if target.grace != 100 {
        words.add("--grace", target.grace);
    }
    words.flag("--strict", target.strict);
    words.0.trim_start().to_owned()
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
        return Err(super::failure::left_out("`--strict`", "strict"));
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

/// The mutant of that name.
pub(super) fn defect_named(name: &str) -> Result<Mutant, Failure> {
    match Mutant::by_name(name) {
        Some(defect) => Ok(defect),
        None => {
            let known = Mutant::ALL.iter().map(|row| row.name);
            let near = vdi_spec::codes::closest(name, known)
                .map(|near| format!(" (did you mean `{near}`?)"))
                .unwrap_or_default();
            Err(Failure::Usage(format!(
                "--defect {name}: no such mutant (see `vdi list mutants`){near}"
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
        verdict if verdict.is_our_fault() => exit_code::INTERNAL,
        Verdict::Trouble(trouble) if trouble.name() == "not-started" => exit_code::UNAVAILABLE,
        Verdict::Violation(_) | Verdict::Disagreement(_) | Verdict::Trouble(_) => {
            exit_code::VIOLATION
        }
    }
}
