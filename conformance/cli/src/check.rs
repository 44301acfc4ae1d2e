//! `vdi check`: traces, judged without an implementation.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use serde_json::json;
use vdi_check::{Checker, Judged, check_lines, check_trace_with, exit_code, guarded};
use vdi_spec::clauses::Profile;
use vdi_trace::Trace;

use super::args::{CheckArgs, CheckFormat, EndArg, ViewArgs, gating};
use super::failure::Failure;
use super::input::{profile, trace_file, trace_reader};
use super::output::{width, write};
use vdi_html::{JudgedTrace, Page, trace_page};
use vdi_suite::report::{LaneView, lane_diagram, trace_verdict};

/// Bytes up to which a trace is judged again under every other reading.
const SHORT: u64 = 16 << 20;

pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let parties = gating(&args.party);
    let mut worst = exit_code::CONFORMANT;
    if args.format == CheckFormat::Html {
        let page = page("vdi check", args, &profile)?;
        out.write_all(page.html().as_bytes())?;
        return Ok(page.code);
    }
    for path in &args.traces {
        let name = path.display().to_string();
        let kept = if args.explain { Some(trace_file(path, args.lines)?) } else { None };
        let judged = guarded(|| match &kept {
            Some(trace) => Ok(explained(trace, args, &profile)),
            None => one(path, args, &profile),
        });
        let judged = judged.unwrap_or_else(|what| Ok(Judged::our_fault(what)))?;
        match args.format {
            CheckFormat::Text => {
                write!(out, "{}", trace_verdict(&name, &judged, &parties))?;
                if let Some(trace) = kept {
                    let view = LaneView { columns: width(), lines: args.drawn_lines.clone() };
                    write!(out, "{}", lane_diagram(&trace, &judged, &view))?;
                }
            }
            CheckFormat::Json => {
                let code = judged.exit_code(&parties);
                let line = json!({ "trace": name, "exitCode": code, "judged": judged });
                writeln!(out, "{line}")?;
            }
            // It is one page for all of them, and written already.
            CheckFormat::Html => {}
        }
        worst = worse(worst, judged.exit_code(&parties));
    }
    Ok(worst)
}

/// `vdi view`: a trace as a page, in a file.
pub(super) fn view(args: &ViewArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let page = page("vdi view", &args.as_check(), &profile(&args.profile)?)?;
    let path = args.output.clone().unwrap_or_else(|| args.trace.with_extension("html"));
    if path == Path::new("-") {
        out.write_all(page.html().as_bytes())?;
    } else {
        if path == args.trace {
            let why = format!("{}: is the trace itself; say --output", path.display());
            return Err(Failure::Usage(why));
        }
        write(&path, &page.html())?;
        writeln!(out, "{}: {}", path.display(), page.title)?;
    }
    Ok(page.code)
}

/// The traces as a page. Each is judged as ever, and once more for the order of effects, which
/// costs more; where that is too much the page has none.
fn page(command: &str, args: &CheckArgs, profile: &Profile) -> Result<Page, Failure> {
    let parties = gating(&args.party);
    let mut traces = Vec::new();
    for path in &args.traces {
        let trace = trace_file(path, args.lines)?;
        let checker = || prepared(Checker::new(&trace.header, profile.clone()), args);
        let judged = guarded(|| {
            let mut judged = check_trace_with(checker(), &trace);
            let again = |other: &Profile| {
                let checker = prepared(Checker::new(&trace.header, other.clone()), args);
                Ok::<_, std::convert::Infallible>(check_trace_with(checker, &trace))
            };
            let Ok(()) = judged.name_readings(profile, again);
            let explained = check_trace_with(checker().explaining(), &trace);
            let same = std::mem::discriminant(&explained.verdict)
                == std::mem::discriminant(&judged.verdict);
            Judged { order: explained.order.filter(|_| same), ..judged }
        });
        let judged = judged.unwrap_or_else(Judged::our_fault);
        let name = path.display().to_string();
        let checker = checker();
        traces.push(JudgedTrace { name, trace, judged, checker });
    }
    let codes = traces.iter().map(|one| one.judged.exit_code(&parties));
    let code = codes.fold(exit_code::CONFORMANT, worse);
    Ok(trace_page(command, &args.profile, &parties, code, &traces))
}

fn prepared(checker: Checker, args: &CheckArgs) -> Checker {
    let checker = checker.with_budget(args.budget as usize);
    let checker = match args.within {
        Some(seconds) => checker.ending_calls_within(u64::from(seconds) * 1000),
        None => checker,
    };
    if args.end == EndArg::Rest { checker.ending_at_rest() } else { checker }
}

/// Judges a trace as it is read.
fn one(path: &Path, args: &CheckArgs, profile: &Profile) -> Result<Judged, Failure> {
    if path == Path::new("-") {
        return Ok(read(std::io::stdin().lock(), args, profile));
    }
    let judge = |profile: &Profile| {
        File::open(path)
            .map(|file| read(BufReader::new(file), args, profile))
            .map_err(|error| Failure::Input(format!("{}: cannot be read: {error}", path.display())))
    };
    let mut judged = judge(profile)?;
    // What cannot be read twice, a pipe, has its readings from the clauses alone; so has
    // what is too long to be read once for every reading.
    if path.metadata().is_ok_and(|file| file.is_file() && file.len() <= SHORT) {
        judged.name_readings(profile, judge)?;
    }
    Ok(judged)
}

fn read(input: impl BufRead, args: &CheckArgs, profile: &Profile) -> Judged {
    match trace_reader(input, args.lines) {
        Ok(reader) => check_lines(reader, profile, |checker| prepared(checker, args)),
        Err(error) => Judged::unread(error),
    }
}

/// Judges a trace in memory, and tells the order of effects.
fn explained(trace: &Trace, args: &CheckArgs, profile: &Profile) -> Judged {
    let judge = |profile: &Profile| prepared(Checker::new(&trace.header, profile.clone()), args);
    let mut judged = check_trace_with(judge(profile).explaining(), trace);
    let again = |other: &Profile| {
        Ok::<_, std::convert::Infallible>(check_trace_with(judge(other).searching_always(), trace))
    };
    let Ok(()) = judged.name_readings(profile, again);
    judged
}

/// A violation outweighs a bad file, which outweighs an undecided trace.
fn worse(one: u8, other: u8) -> u8 {
    let rank = |code| match code {
        exit_code::CONFORMANT => 0,
        exit_code::INCONCLUSIVE => 1,
        exit_code::BAD_INPUT => 2,
        _ => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}
