//! Campaigns of seeded worlds: run, joined, and told.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vdi_check::exit_code;
use vdi_simulate::{Apart, CAMPAIGN, Campaign, Outcome};

use super::args::{CheckFormat, MergeArgs, SimulateArgs};
use super::failure::Failure;
use super::input::jobs;
use super::interrupt;
use super::output::{note, pretty, progress, write};
use super::pages;
use super::worlds::{again, exit_code_of};
use vdi_campaign::{CampaignConfig, Seeds, Share};

/// `vdi simulate --seeds A..B`.
pub(super) fn campaign(
    seeds: Seeds,
    args: &SimulateArgs,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let worlds = CampaignConfig { digest: args.digest, ..args.how.worlds()? };
    let jobs = jobs(args.jobs);
    // Before hours are spent, and without touching what is there.
    if let Some(path) = &args.output {
        vdi_trace::files::appended(path)
            .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    interrupt::ends_by(move || asked.store(true, Ordering::SeqCst));
    let bar = progress(args.shard.count(seeds), "worlds · {per_sec}");
    let done = |outcome: &Outcome| {
        bar.inc(1);
        if let Some(problem) = outcome.problems.first() {
            let again = again(outcome.seed, &args.how.words());
            bar.suspend(|| note(&format!("seed {}: {problem}\n  again: {again}", outcome.seed)));
        }
    };
    let share = Share { seeds, shard: args.shard };
    let found = worlds.campaign(&args.how.judged_by(), share, jobs, &stop, &done);
    let found = found.map_err(|cannot| args.how.cannot(cannot))?;
    let found = Campaign { how: args.how.words(), ..found };
    bar.finish_and_clear();
    finish(&found, &[], (args.format, args.output.as_deref()), out)
}

/// `vdi merge`.
pub(super) fn merge(args: &MergeArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut whole: Option<Campaign> = None;
    let mut shares: Vec<Share> = Vec::new();
    for path in &args.results {
        let bad =
            |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", path.display()));
        let text = vdi_trace::read_document(path).map_err(|error| bad(&error))?;
        let part: Campaign = vdi_trace::from_str(&text)
            .map_err(|error| bad(&format!("no result of a campaign: {error}")))?;
        if part.vdi != CAMPAIGN {
            return Err(bad(&Apart::Format(part.vdi)));
        }
        for seeds in &part.seeds {
            let share: Share = seeds.parse().map_err(|error: String| bad(&error))?;
            if shares.iter().any(|other| other.overlaps(share)) {
                return Err(bad(&Apart::Twice(seeds.clone())));
            }
            shares.push(share);
        }
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.merge(part).map_err(|error| bad(&error))?,
        }
    }
    let whole = whole.ok_or_else(|| Failure::Usage("no result to merge".to_owned()))?;
    let missing = Share::missing(&shares);
    finish(&whole, &missing, (args.format, args.output.as_deref()), out)
}

/// Prints what a campaign has found, and gives its exit code: a part of it that did not run
/// leaves it open whether all is as it should be.
fn finish(
    found: &Campaign,
    missing: &[String],
    (format, output): (CheckFormat, Option<&Path>),
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let partial = found.interrupted || !missing.is_empty();
    let code = match exit_code_of(found.problems.keys().map(String::as_str)) {
        exit_code::CONFORMANT if partial => exit_code::INCONCLUSIVE,
        code => code,
    };
    match format {
        CheckFormat::Json => writeln!(out, "{}", pretty(found)?)?,
        CheckFormat::Text => text(found, missing, out)?,
        CheckFormat::Html => {
            let mut told = Vec::new();
            text(found, missing, &mut told)?;
            let told = String::from_utf8_lossy(&told).into_owned();
            out.write_all(pages::campaign(found, told, code).html().as_bytes())?;
        }
    }
    if format == CheckFormat::Json {
        missing.iter().for_each(|missing| note(&format!("missing {missing}")));
    }
    if let Some(path) = output {
        write(path, &(pretty(found)? + "\n"))?;
    }
    Ok(code)
}

fn text(found: &Campaign, missing: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let Campaign { totals, coverage, .. } = found;
    let cut = if found.interrupted { ", interrupted" } else { "" };
    writeln!(
        out,
        "{} worlds on {}, seeds {}{cut}",
        found.worlds,
        found.engine,
        found.seeds.join(", ")
    )?;
    for (ending, worlds) in &found.endings {
        writeln!(out, "  {worlds:8}  {ending}")?;
    }
    writeln!(
        out,
        "{} backups, {} restores, {} commands, {} calls, {} model steps",
        totals.backups, totals.restores, totals.commands, totals.calls, totals.model_steps
    )?;
    if found.digest != 0 {
        writeln!(out, "digest of all traces: {:016x}", found.digest)?;
    }
    let Counted { clauses, transitions, readings, faults, outcomes } = Counted::of(found);
    writeln!(
        out,
        "met: {clauses} clauses, {transitions} transitions, {readings} readings, {faults} faults, \
         {outcomes} combinations of outcomes; last something new in seed {}",
        coverage.last_new
    )?;
    for (deviation, known) in &found.deviations {
        let first = |seed: Option<u64>| seed.map_or("never".to_owned(), |seed| seed.to_string());
        writeln!(
            out,
            "  {deviation:26} shown in {} of {} worlds, first in seed {}, by its clause in {}",
            known.shown,
            known.worlds,
            first(known.first),
            first(known.first_by_clause),
        )?;
    }
    for (problem, worlds) in &found.problems {
        writeln!(out, "  {worlds:8}  {problem}")?;
    }
    for failure in found.failures.iter().take(10) {
        let problem = failure.problems.first().map(ToString::to_string).unwrap_or_default();
        writeln!(out, "seed {}: {problem}", failure.seed)?;
        writeln!(out, "  again     {}", again(failure.seed, &found.how))?;
    }
    if found.left_out > 0 {
        let left_out = found.left_out;
        writeln!(out, "left out: {left_out} seeds whose other options do not go with --set")?;
    }
    for missing in missing {
        writeln!(out, "missing {missing}")?;
    }
    let so_far = match (found.interrupted, missing.is_empty()) {
        (true, _) => " so far: it was interrupted",
        (false, false) => " so far: more is missing",
        (false, true) => "",
    };
    match found.failed {
        0 => writeln!(out, "{} worlds: all as they should be{so_far}", found.worlds)?,
        failed => writeln!(out, "{} worlds: {failed} not as they should be{so_far}", found.worlds)?,
    }
    Ok(())
}

struct Counted {
    clauses: usize,
    transitions: usize,
    readings: usize,
    faults: usize,
    outcomes: usize,
}

impl Counted {
    fn of(found: &Campaign) -> Self {
        let coverage = &found.coverage;
        Self {
            clauses: coverage.clauses.len(),
            transitions: coverage.transitions.len(),
            readings: coverage.readings.len(),
            faults: coverage.faults.len(),
            outcomes: coverage.outcomes.len(),
        }
    }
}
