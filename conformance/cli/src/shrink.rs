//! `vdi shrink`: a failing scenario, trace or seed, made small.

use std::io::Write;
use std::path::Path;

use vdi_check::{check_trace, exit_code};

#[cfg(windows)]
use super::absent::probe;
use super::args::{HowArgs, ShrinkArgs};
use super::failure::Failure;
use super::input::{profile, trace_of};
use super::output::write;
#[cfg(unix)]
use super::probe;
use super::replay;
use super::run::{adapter, limits};
use super::simulate;
use vdi_suite::run::{Repeat, SuiteOptions, Verdict};
use vdi_suite::scenario::Scenario;
use vdi_suite::scenario::file_text;
use vdi_suite::shrink::{Target, scenario_of_trace, shrink_scenario, shrink_trace};

pub(super) fn shrink(args: &ShrinkArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let target = &args.target;
    if args.what.is_none() {
        return seed(args, out);
    }
    if args.library.library.is_some() {
        return probe::shrink(args, out);
    }
    let driven =
        target.adapter.is_some() || target.reference || target.processes || target.defect.is_some();
    let what = what(args);
    let path = Path::new(what);
    let trace = if path.is_file() { trace_of(path, args.lines)? } else { None };
    let (scenario, text) = match trace {
        Some(trace) if !driven => {
            let profile = profile(&target.profile)?;
            let (small, same) = shrink_trace(&trace, &profile).ok_or_else(|| nothing(args))?;
            if let Some(path) = &args.trace {
                write(path, &small.to_json_lines())?;
            }
            let text = format!(
                "{what}: {} of {} events left: {} by the {}",
                small.events.len(),
                trace.events.len(),
                same.clause,
                same.party
            );
            // Half a history cannot be driven: what is left of it is a trace.
            if !small.header.unseen.is_empty() {
                return written(args, &small.to_json_lines(), &text, "check", out);
            }
            let broken = check_trace(&small, &profile).findings;
            let broken = broken.iter().map(|finding| finding.clause);
            let scenario = scenario_of_trace(&small, &name(args), Some(same.clause), broken)
                .map_err(|error| Failure::Input(format!("{what}: {error}")))?;
            (scenario, text)
        }
        _ => run(args)?,
    };
    written(args, &file_text(&scenario), &text, "replay", out)
}

/// Writes what is left, with the command that is for it.
fn written(
    args: &ShrinkArgs,
    file: &str,
    text: &str,
    command: &str,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    match &args.output {
        Some(path) => {
            write(path, file)?;
            writeln!(out, "{text}\nwritten to {}: vdi {command} {0}", path.display())?;
        }
        None => write!(out, "{file}")?,
    }
    Ok(exit_code::CONFORMANT)
}

/// A world of a seed, with simpler options.
fn seed(args: &ShrinkArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    if args.output.is_some() {
        let why = "a world is no scenario: --output is not for a seed, --trace is";
        return Err(Failure::Usage(why.to_owned()));
    }
    let how = HowArgs::of(&args.target, &args.world)?;
    simulate::shrunk(args.seed.unwrap_or_default(), &how, args.trace.as_deref(), out)
}

/// The scenario or trace.
fn what(args: &ShrinkArgs) -> &str {
    args.what.as_deref().unwrap_or_default()
}

/// Shrinks by running against an implementation.
fn run(args: &ShrinkArgs) -> Result<(Scenario, String), Failure> {
    let options = SuiteOptions {
        profile: profile(&args.target.profile)?,
        limits: limits(&args.target),
        jobs: 1,
        max_fail: None,
    };
    let scenario = replay::scenario(what(args), &args.target, args.lines)?;
    let adapter = adapter(&args.target)?;
    let repeat = Repeat { times: args.repeat, seed: args.seed.unwrap_or_default() };
    let driven = Target { adapter: &*adapter, options: &options, repeat };
    let (small, last) = shrink_scenario(&scenario, driven).ok_or_else(|| nothing(args))?;
    if let Some(path) = &args.trace {
        write(path, &last.trace.to_json_lines())?;
    }
    let broken = match &last.verdict {
        Verdict::Violation(violation) => format!("{} by the {}", violation.clause, violation.party),
        other => other.name().to_owned(),
    };
    let small = Scenario { id: format!("shrunk/{}", name(args)), ..small };
    let (left, before) = (small.steps.len(), scenario.steps.len());
    Ok((small, format!("{}: {left} of {before} steps left: {broken}", self::what(args))))
}

fn nothing(args: &ShrinkArgs) -> Failure {
    Failure::Usage(format!("{}: does not fail, so there is nothing to shrink", what(args)))
}

/// The last part of what is shrunk, as an id may have it.
fn name(args: &ShrinkArgs) -> String {
    let stem = Path::new(what(args)).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let sound = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    stem.unwrap_or_default().chars().map(sound).collect()
}
