//! `vdi gate`: a client program, put through a list of situations.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{GateArgs, gating};
use super::install::{LIBRARY, beside};
use super::run::{print, progress, write_traces};
use super::{Failure, profile};
use crate::baseline::Baseline;
use crate::gate::{Commands, Gate, SITUATIONS, Situation};
use crate::report::Summary;

pub(super) fn gate(args: &GateArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let baseline = match &args.baseline {
        Some(path) => Baseline::read(path)?,
        None => Baseline::default(),
    };
    let situations = selected(&args.filter)?;
    let vdi = std::env::current_exe()
        .map_err(|error| Failure::Unavailable(format!("this program cannot be found: {error}")))?;
    let gate = Gate {
        commands: Commands {
            backup: args.client.clone(),
            restore: args.restore.clone(),
            several: args.several.clone(),
            several_restore: args.several_restore.clone(),
        },
        library: library(args.library.as_deref(), &vdi)?,
        preload: args.preload,
        vdi,
        timeout: Duration::from_secs_f64(args.timeout),
        profile: profile.clone(),
    };
    let bar = progress(situations.len() as u64);
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
fn options(args: &GateArgs) -> String {
    let quoted = |word: &str| shlex::try_quote(word).unwrap_or(word.into()).into_owned();
    let mut text = format!("--client {}", quoted(&args.client));
    for (name, value) in [
        ("--restore", &args.restore),
        ("--several", &args.several),
        ("--several-restore", &args.several_restore),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(" {name} {}", quoted(value)));
        }
    }
    if args.preload {
        text.push_str(" --preload");
    }
    text
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

/// The library: the one named, or the one beside this program.
fn library(named: Option<&Path>, vdi: &Path) -> Result<PathBuf, Failure> {
    let beside = || beside(vdi, &[LIBRARY]);
    let path = named.map(Path::to_owned).or_else(beside).ok_or_else(|| {
        Failure::Unavailable(
            "there is no libsqlvdi.so beside this program: build it (cargo build --release -p \
             libsqlvdi), or say --library"
                .to_owned(),
        )
    })?;
    path.canonicalize()
        .map_err(|error| Failure::Unavailable(format!("{}: {error}", path.display())))
}
