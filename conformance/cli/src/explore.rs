//! `vdi explore`: every state of a bounded set of the model.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vdi_check::exit_code;
use vdi_explore::{Bounds, Detail, Drawing, Exploration, INVARIANTS, Progress, SIGHTS, World};
use vdi_html::Machines;
use vdi_spec::clauses::{Clause, Party};

use super::args::ExploreArgs;
use super::failure::Failure;
use super::input::{jobs, profile};
use super::output::{cannot_write, write};
use vdi_suite::generate::{FOLDER, generate, hand_written};
use vdi_suite::scenario::{Library, Scenario, file_text, read};

pub(super) fn explore(args: &ExploreArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let detail = if args.every_detail { Detail::Every } else { Detail::Needed };
    let ExploreArgs { devices, commands, buffers, secondaries, rare, .. } = *args;
    let bounds = Bounds { devices, commands, buffers, secondaries, detail, rare };
    if let Some(folder) = &args.scenarios {
        return scenarios(folder, out);
    }
    let world = World::new(bounds, profile(&args.profile)?);
    if let Some(address) = args.ui {
        return serve(world, address);
    }
    let threads = jobs(args.threads);
    #[expect(clippy::disallowed_methods, reason = "only the speed is told, beside the results")]
    let start = Instant::now();
    let mut told = Told::default();
    let found = vdi_explore::explore_with(&world, threads, &mut |now| {
        told.tell(now, start.elapsed());
    });
    speed(&found, start.elapsed(), threads);
    report(&bounds, &args.profile, &found, out)?;
    Ok(if found.holds() { exit_code::CONFORMANT } else { exit_code::VIOLATION })
}

/// Writes the scenarios that the small world adds to the hand-written ones.
fn scenarios(folder: &Path, out: &mut dyn Write) -> Result<u8, Failure> {
    let library = Library::embedded()?;
    let generated = generate(&hand_written(&library), &Bounds::SMALL);
    let stale = stale(&folder.join(FOLDER), FOLDER, &generated);
    for path in &stale {
        std::fs::remove_file(path).map_err(|error| cannot_write(path, &error))?;
    }
    for scenario in &generated {
        let path = folder.join(format!("{}.json", scenario.id));
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
        write(&path, &file_text(scenario))?;
    }
    let removed = match stale.len() {
        0 => String::new(),
        count => format!(", {count} of an earlier generation removed"),
    };
    writeln!(out, "{} scenarios{removed}", generated.len())?;
    Ok(exit_code::CONFORMANT)
}

/// The files of an earlier generation: numbered as generated ones are, or in a folder
/// below, each the scenario of its own path, and not generated any more. Nothing else in
/// the folder is ours.
fn stale(folder: &Path, id: &str, generated: &[Scenario]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let own = format!("{id}/{stem}");
        let numbered = stem.len() == 3 && stem.bytes().all(|byte| byte.is_ascii_digit());
        if path.is_dir() {
            found.extend(stale(&path, &own, generated));
        } else if (numbered || id != FOLDER)
            && path.extension().is_some_and(|extension| extension == "json")
            && generated.iter().all(|scenario| scenario.id != own)
            && read(&path).is_ok_and(|scenario| scenario.id == own)
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is explored, counted and found; the same bytes whatever the number of threads.
fn report(
    bounds: &Bounds,
    profile: &str,
    found: &Exploration,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let Bounds { devices, commands, buffers, secondaries, detail, rare } = bounds;
    writeln!(
        out,
        "bounds    {devices} devices, {commands} commands, {buffers} buffers, \
         {secondaries} secondaries, {} detail{} · profile {profile}",
        if *detail == Detail::Every { "every" } else { "needed" },
        if *rare { ", rare steps" } else { "" },
    )?;
    if found.violations.is_empty() {
        writeln!(out, "states    {}", found.states)?;
        writeln!(out, "steps     {}", found.transitions)?;
    }
    writeln!(out)?;
    for row in INVARIANTS {
        let path = found.violations.get(row.name);
        let verdict = if path.is_some() { "VIOLATED" } else { "holds" };
        writeln!(out, "{verdict:<9} {}  [{}]", row.name, row.clause)?;
        if let Some(path) = path {
            writeln!(out, "          {}", row.demand)?;
            for (number, step) in path.iter().enumerate() {
                writeln!(out, "    {:>5}  {step}", number + 1)?;
            }
        }
    }
    let looked = SIGHTS.iter().filter(|sight| (sight.within)(bounds)).count();
    writeln!(out, "\nseen      {} of {looked} sights", looked - found.unseen.len())?;
    found.unseen.iter().try_for_each(|name| writeln!(out, "never     {name}"))?;
    writeln!(out, "clauses   {} met", found.met.len())?;
    for id in &found.unmet {
        let binds = |clause: Clause| clause.party() == Party::Interface;
        if id.parse().is_ok_and(binds) {
            writeln!(out, "not met   {id}")?;
        }
    }
    Ok(())
}

/// Seconds between two lines that say how far it is.
const SECONDS: f64 = 5.0;

/// How far it was when that was told last.
#[derive(Default)]
struct Told {
    at: f64,
    states: usize,
    searched: usize,
}

impl Told {
    /// Says how far it is, now and then.
    #[expect(clippy::print_stderr, reason = "what differs from run to run is no result")]
    fn tell(&mut self, now: &Progress, after: Duration) {
        let at = after.as_secs_f64();
        if at - self.at < SECONDS {
            return;
        }
        let Progress { states, searched, transitions, depth, bytes } = *now;
        eprintln!(
            "{at:.0} s: {states} states, {searched} of them searched, {transitions} steps, depth \
             {depth}, {} MiB; {}",
            bytes >> 20,
            self.estimate(now, at),
        );
        *self = Self { at, states, searched };
    }

    /// How long it takes if each state goes on to lead to as many new ones as of late.
    fn estimate(&self, now: &Progress, at: f64) -> String {
        let searched = (now.searched - self.searched) as f64;
        let fresh = (now.states - self.states) as f64 / searched.max(1.0);
        if fresh >= 1.0 {
            return format!("no end in sight: {fresh:.1} new states for each");
        }
        let waiting = (now.states - now.searched) as f64;
        let left = waiting / (1.0 - fresh) * (at - self.at) / searched.max(1.0);
        format!("about {left:.0} s left")
    }
}

#[expect(clippy::print_stderr, reason = "what differs from run to run is no result")]
fn speed(found: &Exploration, took: Duration, threads: usize) {
    let seconds = took.as_secs_f64().max(0.001);
    eprintln!(
        "depth {}, {seconds:.1} s on {threads} threads: {:.0} states and {:.0} steps a second, \
         {} bytes a state",
        found.depth,
        found.states as f64 / seconds,
        found.transitions as f64 / seconds,
        found.bytes / found.states.max(1),
    );
}

/// Draws a state for the explorer: its place in the three machines.
#[derive(Debug)]
struct Drawn(Machines);

impl Drawing for Drawn {
    fn draw(&self, current: [&str; 3]) -> String {
        self.0.marked(current)
    }
}

#[expect(clippy::print_stderr, reason = "this is where the command talks to people")]
fn serve(world: World, address: SocketAddr) -> Result<u8, Failure> {
    // Asked beforehand, because the explorer takes no for a fault of its own.
    TcpListener::bind(address)
        .map_err(|error| Failure::Unavailable(format!("--ui {address}: {error}")))?;
    eprintln!("the explorer is at http://{address}/ until it is interrupted");
    let drawing = Arc::new(Drawn(Machines::new(&world.profile)));
    vdi_explore::serve(World { drawing: Some(drawing), ..world }, address);
    Ok(exit_code::CONFORMANT)
}
