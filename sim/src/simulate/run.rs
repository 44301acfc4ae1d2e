//! One world from its seed to its outcome.

use super::chance::Chance;
use super::client::Client;
use super::deviation::Deviation;
use super::engine::Engine;
use super::observe::{Observer, header};
use super::on_model::OnModel;
use super::options::Options;
use super::outcome::{Ended, Evidence, Loss, Outcome, StatementEnd, weigh};
use super::program::{Job, Statement};
use super::setup;
use super::stream::Stream;
use super::world::{Set, World};
use crate::clauses::Profile;
use crate::trace::{HowEnded, Reported};

/// What is done with the events of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The oracle judges them as they happen.
    pub judge: bool,
    /// They are kept as a trace.
    pub keep: bool,
}

/// The options that a seed draws.
///
/// ```
/// use vdi_sim::simulate::options_of;
///
/// assert_eq!(options_of(7), options_of(7));
/// assert_ne!(options_of(7), options_of(8));
/// ```
#[must_use]
pub fn options_of(seed: u64) -> Options {
    Options::draw(&mut Chance::new(seed))
}

/// Runs the world of a seed on the model, with options drawn from it or given.
///
/// ```
/// use vdi_sim::clauses::Profile;
/// use vdi_sim::simulate::{Watch, options_of, simulate};
///
/// let watch = Watch { judge: true, keep: true };
/// let outcome = simulate(7, &options_of(7), &Profile::default(), watch);
/// assert!(outcome.is_good(), "{:?}", outcome.problems);
/// let again = simulate(7, &options_of(7), &Profile::default(), watch);
/// let trace = outcome.log.expect("kept").to_trace();
/// assert_eq!(trace, again.log.expect("kept").to_trace());
/// ```
#[must_use]
pub fn simulate(seed: u64, options: &Options, profile: &Profile, watch: Watch) -> Outcome {
    let mut engine = OnModel::new(profile.clone());
    simulate_on(&mut engine, "vdi-model", seed, options, profile, watch)
}

/// Runs the world of a seed on any engine, whose name is told in the trace.
pub fn simulate_on<E: Engine>(
    engine: &mut E,
    name: &str,
    seed: u64,
    options: &Options,
    profile: &Profile,
    watch: Watch,
) -> Outcome {
    // Apart from the stream that draws the options: they can be overruled.
    let chance = Chance::new(seed ^ 0x05EE_D0F5_7E95);
    let header =
        header(name, format!("seed {seed}"), options.queue_depth.into(), options.sets.into());
    let lanes = setup::lanes(options);
    let places = lanes.iter().map(|lane| lane.place).collect();
    let observer = Observer::new(header, places, watch.judge.then_some(profile), watch.keep);
    let mut world = World::new(options, chance, engine, (lanes, observer));
    let (ended, [backup, restore], evidence) = both(&mut world);
    finish(&mut world, &ended);
    let counts = world.counts;
    let (judged, log, error) = world.observer.finish();
    let evidence = Evidence { error, ..evidence };
    let met = engine.met().copied().unwrap_or_default();
    let (problems, shown) = weigh(options, &ended, [backup, restore], judged.as_ref(), evidence);
    let options = *options;
    Outcome { seed, options, backup, restore, ended, problems, shown, counts, judged, log, met }
}

/// The BACKUP and, if it succeeded, the RESTORE of what it left.
fn both<E: Engine>(world: &mut World<'_, E>) -> (Ended, [StatementEnd; 2], Evidence) {
    let mut evidence = Evidence::default();
    world.begin(Job::Backup);
    let ended = world.run();
    let backup = result(&world.sets);
    evidence.false_success |= reported_falsely(&world.sets);
    // An interface that was not closed cannot create another set.
    let closed = world.options.deviation != Some(Deviation::NeverCloses);
    let succeeded = backup == StatementEnd::Succeeded;
    let goes_on = ended == Ended::Done && succeeded && closed && world.dead.is_empty();
    for (set, known) in world.sets.iter_mut().enumerate() {
        for (device, medium) in known.media.iter_mut().enumerate() {
            medium.power_cut();
            let id = known.ids + device as u32;
            let missing = medium.missing(id, world.options.stream());
            if known.statement == Statement::Succeeded
                && let Some(at) = missing
            {
                let (set, device) = (set as u8, device as u8);
                evidence.losses.push(Loss { set, device, at, restored: false });
            }
        }
    }
    if !goes_on {
        return (ended, [backup, StatementEnd::NotBegun], evidence);
    }
    world.begin(Job::Restore);
    let ended = world.run();
    let restore = result(&world.sets);
    evidence.false_success |= reported_falsely(&world.sets);
    for (set, known) in world.sets.iter().enumerate() {
        let succeeded = known.statement == Statement::Succeeded;
        for (device, stream) in known.server.streams().iter().enumerate() {
            let short = succeeded && stream.moved() != world.options.stream();
            let wrong = Stream::wrong(stream).or(short.then_some(stream.moved()));
            let (set, device) = (set as u8, device as u8);
            evidence.losses.extend(wrong.map(|at| Loss { set, device, at, restored: true }));
        }
    }
    (ended, [backup, restore], evidence)
}

/// The end of every process that still lives; with a lane stuck in a call it is killed.
fn finish<E: Engine>(world: &mut World<'_, E>, ended: &Ended) {
    if matches!(ended, Ended::Judged | Ended::TooLong) {
        return;
    }
    let stuck = *ended != Ended::Done;
    if stuck {
        world.tell_rest();
    }
    for process in world.living() {
        if stuck {
            world.observer.exited(process, HowEnded::Killed);
        } else {
            world.observer.unloaded(process);
            world.observer.exited(process, HowEnded::Normal);
        }
        world.engine.exit(process);
    }
}

fn result(sets: &[Set]) -> StatementEnd {
    let all = |wanted: fn(Statement) -> bool| sets.iter().all(|set| wanted(set.statement));
    if all(|statement| statement == Statement::Succeeded) {
        StatementEnd::Succeeded
    } else if all(Statement::is_over) {
        StatementEnd::Failed
    } else {
        StatementEnd::Unended
    }
}

/// Whether a client said that it went well, and it did not.
fn reported_falsely(sets: &[Set]) -> bool {
    let success = |client: &Client| client.reported() == Some(Reported::Success);
    sets.iter().any(|set| success(&set.client) && set.statement != Statement::Succeeded)
}
