//! `vdi probe`: a client library, called through scenarios against a server of the user's.

mod again;

use std::collections::BTreeMap;
use std::io::{Read, Write, stdin};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vdi_check::exit_code;
use vdi_probe::{
    About, DatabasePrefix, NotPlayed, Plan, Probe, Scenario, Sql, home, play, scenarios,
};
use vdi_spec::clauses::Profile;
use vdi_suite::report::Summary;

pub(super) use again::{replay, shrink};

use super::args::{PROBE_TIMEOUT, ProbeArgs, gating};
use super::failure::{Failure, say};
use super::input::{baseline, library as library_of_scenarios, profile};
use super::interrupt;
use super::output::{OptionWords, cannot_write, print, progress, write};

pub(super) fn probe(args: &ProbeArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let baseline = baseline(&args.gating)?;
    let all = scenarios();
    let chosen = selected(args, &all)?;
    let probe = prepared(args, profile.clone())?;
    if let Some(folder) = &args.out {
        folder_for_home(folder)?;
    }
    if args.dry_run {
        for statement in probe.statements(&chosen) {
            writeln!(out, "{statement}")?;
        }
        return Ok(exit_code::CONFORMANT);
    }
    interrupt::ends_by(|| {});
    let bar = progress(chosen.len() as u64, "{wide_msg}");
    let results = probe.run(&chosen, &|result| {
        bar.set_message(result.id.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let results = results.map_err(|error| Failure::Unavailable(error.to_string()))?;
    let whole = args.filter.is_empty() && args.scenario.is_empty();
    let stale = baseline.stale(&results, whole);
    let summary = Summary {
        command: "probe",
        implementation: args.library.display().to_string(),
        options: &options(args),
        profile_name: &args.profile,
        profile: &profile,
        parties: &gating(&args.gating.party),
        results: &results,
        baseline: &baseline,
        stale,
        role: None,
        verbose: args.report.verbose,
        files: BTreeMap::new(),
    };
    if let Some(folder) = &args.out {
        bring_home(folder, &probe, &summary)?;
    }
    print(&args.report, &summary, out)
}

/// The folder that comes home: new, or empty.
fn folder_for_home(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    let mut entries = std::fs::read_dir(folder).map_err(|error| cannot_write(folder, &error))?;
    if entries.next().is_some() {
        let why = "there is something in it, expected a folder that is new or empty";
        return Err(Failure::Usage(format!("--out {}: {why}", folder.display())));
    }
    Ok(())
}

fn bring_home(folder: &Path, probe: &Probe, summary: &Summary<'_>) -> Result<(), Failure> {
    let content = std::fs::read(&probe.library)
        .map_err(|error| Failure::Input(format!("{}: {error}", probe.library.display())))?;
    let name = probe.library.file_name().unwrap_or_default().to_string_lossy();
    let about = About::of(&name, &content, probe.server_version());
    let suite = library_of_scenarios(None)?;
    let scenarios: Vec<_> = suite.iter().map(|loaded| &loaded.scenario).collect();
    for (name, text) in home(&about, summary.results, summary, &scenarios) {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
        }
        write(&path, &text)?;
    }
    Ok(())
}

fn prepared(args: &ProbeArgs, profile: Profile) -> Result<Probe, Failure> {
    let ProbeArgs { library, sql, database_prefix, timeout, .. } = args;
    on(library, sql, database_prefix, *timeout, profile)
}

/// A library and a server, to try something on.
fn on(
    library: &Path,
    sql: &str,
    prefix: &str,
    timeout: f64,
    profile: Profile,
) -> Result<Probe, Failure> {
    let parsed =
        Sql::parse(sql).map_err(|error| Failure::Usage(format!("--sql '{sql}': {error}")))?;
    let prefix = DatabasePrefix::parse(prefix)
        .map_err(|error| Failure::Usage(format!("--database-prefix: {error}")))?;
    let vdi = std::env::current_exe()
        .map_err(|error| Failure::Unavailable(format!("this program cannot be found: {error}")))?;
    Ok(Probe {
        library: found(library)?,
        sql: parsed,
        prefix,
        run: std::process::id().to_string(),
        vdi,
        timeout: Duration::from_secs_f64(timeout),
        profile,
    })
}

/// The library, by a path that no search finds another under.
fn found(library: &Path) -> Result<PathBuf, Failure> {
    let found = std::path::absolute(library).and_then(|path| path.metadata().map(|_| path));
    found.map_err(|error| Failure::Unavailable(format!("{}: {error}", library.display())))
}

fn selected<'s>(args: &ProbeArgs, all: &'s [Scenario]) -> Result<Vec<&'s Scenario>, Failure> {
    for id in &args.scenario {
        if !all.iter().any(|scenario| scenario.id == *id) {
            return Err(Failure::Usage(format!("--scenario {id}: there is no such scenario")));
        }
    }
    for filter in &args.filter {
        if !all.iter().any(|scenario| scenario.id.starts_with(filter.as_str())) {
            return Err(Failure::Usage(format!("--filter {filter}: no scenario begins so")));
        }
    }
    let chosen = |scenario: &&Scenario| {
        let begins = |filter: &String| scenario.id.starts_with(filter.as_str());
        args.scenario.contains(&scenario.id)
            || args.scenario.is_empty()
                && (args.filter.is_empty() || args.filter.iter().any(begins))
    };
    Ok(all.iter().filter(chosen).collect())
}

/// The options that bring the same result again.
fn options(args: &ProbeArgs) -> String {
    let mut words = OptionWords::default();
    words.add("--library", args.library.display());
    words.add("--sql", &args.sql);
    words.add("--database-prefix", &args.database_prefix);
    if args.timeout != PROBE_TIMEOUT {
        words.add("--timeout", args.timeout);
    }
    words.0.trim_start().to_owned()
}

/// One client, as standard input tells it.
pub(super) fn process() -> u8 {
    let mut text = String::new();
    let read = stdin().lock().read_to_string(&mut text).map_err(|error| error.to_string());
    let plan =
        read.and_then(|_| serde_json::from_str::<Plan>(&text).map_err(|error| error.to_string()));
    let failure = match plan {
        Err(error) => Failure::Input(format!("standard input: {error}")),
        Ok(plan) => match play(plan) {
            Ok(()) => return exit_code::CONFORMANT,
            Err(error @ (NotPlayed::NoLibrary(_) | NotPlayed::NotStarted(_))) => {
                Failure::Unavailable(error.to_string())
            }
            Err(error @ NotPlayed::Unrecorded(_)) => Failure::Internal(error.to_string()),
            Err(error @ NotPlayed::Crashed(_)) => {
                say(&Failure::Unavailable(error.to_string()));
                return exit_code::VIOLATION;
            }
        },
    };
    say(&failure);
    failure.exit_code()
}
