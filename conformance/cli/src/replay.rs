//! `vdi replay`: one scenario, or the calls of a trace, driven and shown.

use std::io::Write;
use std::path::Path;

use vdi_spec::clauses::Party;
use vdi_trace::Trace;

#[cfg(windows)]
use super::absent::probe;
use super::args::{HowArgs, LineArgs, ReplayArgs, Target};
use super::failure::Failure;
use super::input::{library, profile, trace_of};
use super::output::show;
#[cfg(unix)]
use super::probe;
use super::run::{adapter, exit_code_of, limits, reproducing};
use super::simulate;
use vdi_suite::report::failure;
use vdi_suite::run::{SuiteOptions, Verdict, run_suite, steps_of_trace};
use vdi_suite::scenario::{Scenario, read};

pub(super) fn replay(args: &ReplayArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    if let Some(seed) = args.seed {
        let how = HowArgs::of(&args.target, &args.world)?;
        return simulate::replay(seed, &how, args.json, out);
    }
    if args.library.library.is_some() {
        return probe::replay(args, out);
    }
    let options = SuiteOptions {
        profile: profile(&args.target.profile)?,
        limits: limits(&args.target),
        jobs: 1,
        max_fail: None,
    };
    let scenario = scenario(args.what.as_deref().unwrap_or_default(), &args.target, args.lines)?;
    let adapter = adapter(&args.target)?;
    let results = run_suite(&*adapter, &[&scenario], &options, &|_| {});
    let Some(result) = results.first() else {
        return Err(Failure::Internal("the scenario was not run".to_owned()));
    };
    if args.json {
        write!(out, "{}", result.trace.to_json_lines())?;
    } else {
        show(result, out)?;
        if result.verdict == Verdict::Conformant {
            writeln!(out, "{}: conformant", result.id)?;
        } else {
            write!(
                out,
                "{}",
                failure(
                    result,
                    format!("run {}", reproducing(&args.target, adapter.options())).trim_end(),
                    &args.target.profile
                )
            )?;
        }
    }
    Ok(exit_code_of(result))
}

/// What to drive: an id, a scenario's file, or a trace.
pub(super) fn scenario(what: &str, target: &Target, lines: LineArgs) -> Result<Scenario, Failure> {
    let path = Path::new(what);
    if path.is_file() {
        return match trace_of(path, lines)? {
            Some(trace) => from_trace(what, &trace),
            None => Ok(read(path)?),
        };
    }
    let mut library = library(target.scenarios.as_deref())?;
    library.draw(what);
    library.get(what).map(|loaded| loaded.scenario.clone()).ok_or_else(|| {
        let ids = library.iter().map(|loaded| loaded.scenario.id.as_str());
        let near = vdi_spec::codes::closest(what, ids)
            .map(|near| format!(" (did you mean `{near}`?)"))
            .unwrap_or_default();
        Failure::Usage(format!("{what}: neither a file nor a scenario's id{near}"))
    })
}

fn from_trace(name: &str, trace: &Trace) -> Result<Scenario, Failure> {
    if let Some(unseen) = trace.header.unseen.first() {
        return Err(Failure::Input(format!(
            "{name}: half a history, of which the {unseen} was not recorded: its calls cannot be \
             made again without the other half's (`vdi check` judges it as it is, `vdi join` \
             puts two halves together, `--library` has a server move the other half)"
        )));
    }
    let steps =
        steps_of_trace(trace).map_err(|error| Failure::Input(format!("{name}: {error}")))?;
    let provoked = &trace.header.provoked;
    Ok(Scenario {
        schema: None,
        id: format!("replay-of-{name}"),
        title: format!("the calls of {name}, made again"),
        clauses: Vec::new(),
        parties: vec![Party::Interface],
        misuse_under: std::collections::BTreeMap::new(),
        misuse: vdi_spec::clauses::CLAUSES
            .iter()
            .filter(|row| provoked.contains(&row.party))
            .map(|row| row.clause)
            .collect(),
        unpinned: false,
        records: trace.header.records.clone(),
        interfaces: trace.header.interfaces.clone(),
        config: None,
        given: None,
        steps,
    })
}
