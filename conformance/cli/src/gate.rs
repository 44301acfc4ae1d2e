//! `vdi gate`: a client program, put through a list of situations.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{GATE_TIMEOUT as TIMEOUT, GateArgs, gating};
use super::failure::Failure;
use super::input::{baseline, profile};
use super::install::{self, LIBRARY};
use super::interrupt;
use super::output::{OptionWords, print, progress};
use vdi_gate::{Commands, Gate, SITUATIONS, Situation, Tds};
use vdi_recorder::settings::{TIMEOUT_UNIT, check_all};
use vdi_spec::clauses::LinuxTimeoutUnit;
use vdi_suite::report::Summary;
use vdi_trace::files::Temporary;

pub(super) fn gate(args: &GateArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut profile = profile(&args.profile)?;
    let baseline = baseline(&args.gating)?;
    let situations = selected(&args.filter)?;
    check_all().map_err(|bad| Failure::Usage(bad.to_string()))?;
    if TIMEOUT_UNIT.is("seconds") {
        // Client, library and verdict take time-outs in one unit.
        profile.linux_timeout_unit = LinuxTimeoutUnit::Seconds;
    }
    check_lines(args)?;
    let vdi = std::env::current_exe()
        .map_err(|error| Failure::Unavailable(format!("this program cannot be found: {error}")))?;
    // It goes when the gate is done.
    let (library, _kept) = library(args, &vdi)?;
    let gate = Gate {
        commands: Commands {
            backup: args.client.clone(),
            restore: args.restore.clone(),
            several: args.several.clone(),
            several_restore: args.several_restore.clone(),
        },
        library,
        preload: args.preload,
        tds: args.tds.then_some(Tds { ends: args.tds_ends }),
        vdi,
        timeout: Duration::from_secs_f64(args.timeout),
        profile: profile.clone(),
    };
    interrupt::ends_by(|| {});
    let bar = progress(situations.len() as u64, "{wide_msg}");
    let results = gate.run(&situations, &|result| {
        bar.set_message(result.id.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let results = results.map_err(|error| Failure::Unavailable(error.to_string()))?;
    let stale = baseline.stale(&results, args.filter.is_empty());
    let summary = Summary {
        command: "gate",
        implementation: args.client.clone(),
        options: &options(args),
        profile_name: &args.profile,
        profile: &profile,
        parties: &gating(&args.gating.party),
        results: &results,
        baseline: &baseline,
        stale,
        role: None,
        verbose: args.report.verbose,
        files: std::collections::BTreeMap::new(),
    };
    print(&args.report, &summary, out)
}

/// The options that bring the same result again.
fn options(args: &GateArgs) -> String {
    let mut words = OptionWords::default();
    for (name, value) in lines(args) {
        words.add(name, value);
    }
    if let Some(library) = &args.library {
        words.add("--library", library.display());
    }
    words.flag("--preload", args.preload);
    words.flag("--tds", args.tds);
    words.flag("--tds-ends", args.tds_ends);
    if args.timeout != TIMEOUT {
        words.add("--timeout", args.timeout);
    }
    words.0.trim_start().to_owned()
}

/// The command lines of the program, each with the option that gives it.
fn lines(args: &GateArgs) -> impl Iterator<Item = (&'static str, &str)> {
    let others = [
        ("--restore", args.restore.as_deref()),
        ("--several", args.several.as_deref()),
        ("--several-restore", args.several_restore.as_deref()),
    ];
    let others = others.into_iter().filter_map(|(name, line)| Some((name, line?)));
    std::iter::once(("--client", args.client.as_str())).chain(others)
}

/// Whether each command line has words.
fn check_lines(args: &GateArgs) -> Result<(), Failure> {
    for (name, line) in lines(args) {
        let why = match shlex::split(line) {
            None => "its quotes are not closed, or nothing stands behind its last backslash",
            Some(words) if words.is_empty() => "it is empty",
            Some(_) => continue,
        };
        return Err(Failure::Usage(format!("{name} '{line}': {why}, expected a command line")));
    }
    Ok(())
}

fn selected(filters: &[String]) -> Result<Vec<&'static Situation>, Failure> {
    for filter in filters {
        if !SITUATIONS.iter().any(|situation| situation.id.starts_with(filter)) {
            let all: Vec<&str> = SITUATIONS.iter().map(|situation| situation.id).collect();
            return Err(Failure::Usage(format!(
                "--filter {filter}: no situation begins so, expected one of {}",
                all.join(", ")
            )));
        }
    }
    let chosen = |situation: &&Situation| {
        filters.is_empty() || filters.iter().any(|filter| situation.id.starts_with(filter))
    };
    Ok(SITUATIONS.iter().filter(chosen).collect())
}

/// The library: the one named, or the one beside this program or in it, and then the folder in
/// which it was put for now. Without --preload a program finds it by its name only.
fn library(args: &GateArgs, vdi: &Path) -> Result<(PathBuf, Option<Temporary>), Failure> {
    let named = args.library.clone().map(|path| (path, None));
    let found = match named {
        None => install::library(vdi)?,
        named => named,
    };
    let (path, kept) = found.ok_or_else(|| {
        Failure::Unavailable(
            "there is no libsqlvdi.so in or beside this program: build it (cargo build --release \
             -p libsqlvdi), or say --library"
                .to_owned(),
        )
    })?;
    let found = std::path::absolute(&path).and_then(|path| path.metadata().map(|_| path));
    let found =
        found.map_err(|error| Failure::Unavailable(format!("{}: {error}", path.display())))?;
    if !args.preload && found.file_name().is_none_or(|name| name != LIBRARY) {
        return Err(Failure::Usage(format!(
            "--library {}: programs load {LIBRARY}, so they would not find it: call it that, or \
             say --preload",
            path.display()
        )));
    }
    Ok((found, kept))
}
