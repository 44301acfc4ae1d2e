//! `vdi mutants`: every mutant, and the clause it is caught by.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use vdi_check::exit_code;
use vdi_spec::clauses::Profile;

use super::args::{CheckFormat, MutantsArgs};
use super::failure::Failure;
use super::hunted;
use super::input::{jobs, library};
use super::output::progress;
use super::pages::{self, Hunted};
use vdi_reference::{Mutant, MutantInfo};
use vdi_suite::adapter::Limits;
use vdi_suite::mutants::{Kill, RaceKill, hunt, hunt_race};
use vdi_suite::run::{Repeat, SuiteOptions};
use vdi_suite::scenario::Scenario;

pub(super) fn mutants(args: &MutantsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let library = library(args.scenarios.as_deref())?;
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let mutants: Vec<&MutantInfo> =
        Mutant::ALL.iter().filter(|row| row.name.starts_with(&args.filter)).collect();
    if mutants.is_empty() {
        let text = format!("--filter {}: no mutant's name begins so", args.filter);
        return Err(Failure::Usage(text));
    }
    if args.format == CheckFormat::Json && !args.worlds {
        return Err(Failure::Usage("--format json: of mutants only with --worlds".to_owned()));
    }
    let jobs = jobs(args.jobs);
    if args.worlds {
        let hunt_one = |row: &MutantInfo, _: &SuiteOptions| vdi_campaign::hunt(row, args.seeds);
        let (mutants, others): (Vec<&MutantInfo>, _) =
            mutants.into_iter().partition(|row| row.shows_in_worlds());
        if mutants.is_empty() {
            let text = format!("--filter {} --worlds: no world shows these mutants", args.filter);
            return Err(Failure::Usage(text));
        }
        let kills = hunt_all(&mutants, jobs, &hunt_one);
        return hunted::print(args, (&mutants, &others), &kills, out);
    }
    if args.races {
        return races(args, &mutants, (&scenarios, jobs), out);
    }
    let hunt_one = |row: &MutantInfo, options: &SuiteOptions| {
        // A race is not hunted by what goes one step after the other.
        (!row.race).then(|| hunt(row, &scenarios, options))
    };
    let kills = hunt_all(&mutants, jobs, &hunt_one);
    if args.format == CheckFormat::Html {
        let code = code_of(kills.iter().flatten().all(|kill| kill.fits));
        let page = pages::mutants(&by_scenarios(&mutants, &kills), "with scenarios", code);
        out.write_all(page.html().as_bytes())?;
        return Ok(code);
    }
    let width = mutants.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut survivors = 0;
    for (row, kill) in mutants.iter().zip(&kills) {
        let text = match kill {
            None => "only some orders show it: `vdi mutants --races`".to_owned(),
            Some(kill) => kill_text(kill),
        };
        survivors += usize::from(kill.as_ref().is_some_and(|kill| !kill.fits));
        writeln!(out, "{:width$}  {text}", row.name)?;
    }
    let hunted = kills.iter().flatten().count();
    let races = kills.len() - hunted;
    writeln!(
        out,
        "{hunted} mutants: {} caught by a clause that fits, {survivors} not; {races} races",
        hunted - survivors
    )?;
    Ok(code_of(survivors == 0))
}

const fn code_of(all_caught: bool) -> u8 {
    if all_caught { exit_code::CONFORMANT } else { exit_code::VIOLATION }
}

fn by_scenarios<'h>(mutants: &[&MutantInfo], kills: &[Option<Kill>]) -> Vec<Hunted<'h>> {
    let one = |(row, kill): (&&MutantInfo, &Option<Kill>)| Hunted {
        name: row.name,
        breaks: row.breaks,
        fits: kill.as_ref().map(|kill| kill.fits),
        clause: kill.as_ref().and_then(|kill| kill.clause),
        told: kill.as_ref().map(kill_text).unwrap_or_default(),
        by: if kill.is_some() { "" } else { "only some orders show it: vdi mutants --races" },
    };
    mutants.iter().zip(kills).map(one).collect()
}

fn by_races<'h>(mutants: &[&MutantInfo], kills: &[RaceKill], limit: u32) -> Vec<Hunted<'h>> {
    let one = |(row, kill): (&&MutantInfo, &RaceKill)| Hunted {
        name: row.name,
        breaks: row.breaks,
        fits: Some(kill.scenario.is_some()),
        clause: kill.clause,
        told: race_text(kill, limit),
        by: "",
    };
    mutants.iter().zip(kills).map(one).collect()
}

fn kill_text(kill: &Kill) -> String {
    let (Some(clause), Some(scenario)) = (kill.clause, &kill.scenario) else {
        return "SURVIVES every scenario".to_owned();
    };
    let under = kill.under.as_ref().map(|under| format!(" under {under}")).unwrap_or_default();
    let fits = if kill.fits { "" } else { "NOT BY A CLAUSE THAT FITS: " };
    format!("{fits}{clause} in {scenario}{under}")
}

/// The mutants that need a race, each with the runs it took.
fn races(
    args: &MutantsArgs,
    mutants: &[&MutantInfo],
    (scenarios, jobs): (&[&Scenario], usize),
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let racing: Vec<&MutantInfo> = mutants.iter().copied().filter(|row| row.race).collect();
    if racing.is_empty() {
        let text = format!("--filter {} --races: none of these mutants needs a race", args.filter);
        return Err(Failure::Usage(text));
    }
    let repeat = Repeat { times: args.repeat, seed: args.seed };
    let hunt_one =
        |row: &MutantInfo, options: &SuiteOptions| hunt_race(row, scenarios, options, repeat);
    let kills = hunt_all(&racing, jobs, &hunt_one);
    if args.format == CheckFormat::Html {
        let code = code_of(kills.iter().all(|kill| kill.scenario.is_some()));
        let page = pages::mutants(&by_races(&racing, &kills, args.repeat), "with races", code);
        out.write_all(page.html().as_bytes())?;
        return Ok(code);
    }
    let width = racing.iter().map(|row| row.name.len()).max().unwrap_or_default();
    for kill in &kills {
        writeln!(out, "{:width$}  {}", kill.defect, race_text(kill, args.repeat))?;
    }
    let mut runs: Vec<u32> =
        kills.iter().filter(|kill| kill.scenario.is_some()).map(|kill| kill.runs).collect();
    runs.sort_unstable();
    let survivors = kills.len() - runs.len();
    writeln!(
        out,
        "{} mutants that need a race: {} killed, {survivors} not; runs needed: {} in the middle, {} at \
         most",
        kills.len(),
        runs.len(),
        runs.get(runs.len() / 2).copied().unwrap_or_default(),
        runs.last().copied().unwrap_or_default()
    )?;
    Ok(code_of(survivors == 0))
}

fn race_text(kill: &RaceKill, limit: u32) -> String {
    let Some(scenario) = &kill.scenario else {
        return format!("SURVIVES {limit} runs of every race");
    };
    let by = kill.clause.map_or(kill.verdict.to_owned(), |clause| clause.to_string());
    let fits = if kill.fits || kill.clause.is_none() { "" } else { "NOT BY A CLAUSE THAT FITS: " };
    let runs = if kill.runs == 1 { "run" } else { "runs" };
    format!(
        "{fits}{by} in {scenario} after {} {runs}; {} of {} runs show it",
        kill.runs,
        kill.shown,
        RaceKill::TRIED
    )
}

/// Hunts all of them, several at a time.
fn hunt_all<K: Send>(
    mutants: &[&MutantInfo],
    jobs: usize,
    hunt_one: &(dyn Fn(&MutantInfo, &SuiteOptions) -> K + Sync),
) -> Vec<K> {
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 1,
        max_fail: None,
    };
    let bar = progress(mutants.len() as u64, "{wide_msg}");
    let next = AtomicUsize::new(0);
    let kills: Mutex<BTreeMap<usize, K>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, mutants.len()) {
            scope.spawn(|| {
                while let Some((index, row)) = {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    mutants.get(index).map(|row| (index, *row))
                } {
                    bar.set_message(row.name);
                    let kill = hunt_one(row, &options);
                    kills
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .insert(index, kill);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    kills.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect()
}
