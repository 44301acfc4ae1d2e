//! What a command is given: traces, profiles, scenarios, numbers of processors.

use std::path::Path;

use vdi_spec::clauses::Profile;
use vdi_suite::baseline::Baseline;
use vdi_suite::scenario::{BadFile, Library, parse_profile};
use vdi_trace::{FORMAT, Trace, TraceError, TraceReader, read_document};

use super::args::{GatingArgs, LineArgs};
use super::failure::Failure;

/// The whole trace in a file, or from standard input if it is `-`.
pub(super) fn trace_file(path: &Path, lines: LineArgs) -> Result<Trace, Failure> {
    if path == Path::new("-") {
        return whole_trace(path, std::io::stdin().lock(), lines);
    }
    let file = std::fs::File::open(path)
        .map_err(|error| Failure::Input(format!("{}: cannot be read: {error}", path.display())))?;
    whole_trace(path, std::io::BufReader::new(file), lines)
}

fn whole_trace(
    path: &Path,
    input: impl std::io::BufRead,
    lines: LineArgs,
) -> Result<Trace, Failure> {
    let bad =
        |error: &TraceError| Failure::Input(format!("{}:{}: {error}", path.display(), error.line));
    trace_reader(input, lines).and_then(Trace::collect).map_err(|error| bad(&error))
}

/// The trace in a file, if its first line is the header of one.
pub(super) fn trace_of(path: &Path, lines: LineArgs) -> Result<Option<Trace>, Failure> {
    let bad =
        |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| bad(&error))?;
    if trace_reader(std::io::BufReader::new(file), lines).is_ok() {
        return trace_file(path, lines).map(Some);
    }
    let text = read_document(path).map_err(|error| bad(&error))?;
    // A scenario is one document over many lines; only a trace names its format first.
    match text.lines().next() {
        Some(first) if first.contains(FORMAT) => Err(bad(&"not a trace's header in line 1")),
        _ => Ok(None),
    }
}

/// What reads a trace whose lines may be so long.
pub(super) fn trace_reader<R: std::io::BufRead>(
    input: R,
    lines: LineArgs,
) -> Result<TraceReader<R>, TraceError> {
    TraceReader::with_longest_line(input, lines.longest_line as usize)
}

/// The profile of that name, or in that file.
pub(super) fn profile(name: &str) -> Result<Profile, Failure> {
    let path = Path::new(name);
    if path.extension().is_none() && !path.exists() {
        return Profile::named(name)
            .map_err(|error| Failure::Usage(format!("{error}, or a file that ends in .json")));
    }
    let text = read_document(path)
        .map_err(|error| BadFile::whole(name, format!("cannot be read: {error}")))?;
    Ok(parse_profile(name, &text)?)
}

/// The scenarios of a folder, or the embedded ones.
pub(super) fn library(folder: Option<&Path>) -> Result<Library, Failure> {
    Ok(match folder {
        Some(folder) => Library::folder(folder)?,
        None => Library::embedded()?,
    })
}

/// The known failures.
pub(super) fn baseline(args: &GatingArgs) -> Result<Baseline, Failure> {
    Ok(match &args.baseline {
        Some(path) => Baseline::read(path)?,
        None => Baseline::default(),
    })
}

/// How many to do side by side: so many, or as many as there are processors.
pub(super) fn jobs(named: Option<u16>) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    named.map_or_else(all, usize::from)
}
