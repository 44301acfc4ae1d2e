//! One world from its seed to its outcome.

use super::chance::{Chance, Chances};
use super::client::Client;
use super::deviation::Deviation;
use super::engine::Engine;
use super::observe::{Observer, header};
use super::on_model::OnModel;
use super::options::Options;
use super::outcome::{Ended, Evidence, Loss, Outcome, StatementEnd, weigh};
use super::own::{Application, Own};
use super::program::{Job, Statement};
use super::setup;
use super::stream::Stream;
use super::world::{Set, World};
use vdi_spec::clauses::{Party, Profile};
use vdi_trace::{HowEnded, Reported};

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
/// use vdi_simulate::options_of;
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
/// use vdi_spec::clauses::Profile;
/// use vdi_simulate::{Watch, options_of, simulate};
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
    whole((engine, None), name, seed, options, profile, watch)
}

/// Runs the world of a seed on the model with a client of one's own in the place of ours.
/// It creates one set, which it is told what to ask for, from the options. The options are
/// those of [`Options::for_application`]: what concerns our client and its media alone is
/// taken away.
///
/// A client may have several threads, or processes: [`Application::next_on`]. Here is one
/// with one thread, for a set of one device, that keeps what it is given in memory:
///
/// ```
/// use vdi_spec::clauses::Profile;
/// use vdi_spec::codes::{CommandCode, HResult, Win32};
/// use vdi_simulate::{
///     Answer, Application, Ask, Buffers, Complete, Delivered, Do, Like, Plan, StatementEnd,
///     Told, Wait, Watch, options_of, simulate_with,
/// };
/// use vdi_trace::Reported;
///
/// #[derive(Default)]
/// struct Keeper {
///     step: u8,
///     kept: Vec<u8>,
///     at: usize,
/// }
///
/// impl Keeper {
///     /// Carries a command out: how many bytes were moved.
///     fn carry_out(&mut self, command: &Delivered, buffers: &mut dyn Buffers) -> u32 {
///         let bytes = command.size as usize;
///         match command.code {
///             CommandCode::Write => self.kept.extend(buffers.read(command).expect("ours")),
///             CommandCode::Read => {
///                 buffers.write(command, &self.kept[self.at..self.at + bytes]);
///                 self.at += bytes;
///             }
///             _ => return 0,
///         }
///         bytes as u32
///     }
/// }
///
/// impl Application for Keeper {
///     fn next(&mut self, told: &Told, buffers: &mut dyn Buffers) -> Do {
///         self.step += u8::from(self.step < 4);
///         match (told, self.step) {
///             (Told::Begins { .. }, _) => {
///                 (self.step, self.at) = (0, 0);
///                 Do::Call(Ask::CreateEx)
///             }
///             (_, 1) => Do::Issue,
///             (_, 2) => Do::Call(Ask::GetConfiguration { wait: Wait::Infinite }),
///             (_, 3) => Do::Call(Ask::OpenDevice { device: 0 }),
///             (Told::Returned(Answer { delivered: Some(command), .. }), _) => {
///                 let bytes = self.carry_out(command, buffers);
///                 let (command, code) = (command.command, Win32::ERROR_SUCCESS);
///                 let done = Complete { device: 0, command, code, bytes, position: None };
///                 Do::Call(Ask::CompleteCommand(done))
///             }
///             (Told::Returned(answer), 4) => match answer.status {
///                 HResult::NOERROR => {
///                     Do::Call(Ask::GetCommand { device: 0, wait: Wait::Infinite })
///                 }
///                 _ => {
///                     self.step = 5;
///                     Do::Call(Ask::Close)
///                 }
///             },
///             (Told::Returned(_), _) => Do::AwaitStatement,
///             (Told::Statement { succeeded: true }, _) => Do::Report(Reported::Success),
///             (Told::Statement { .. }, _) => Do::Report(Reported::Failure),
///             (Told::Done | Told::Died { .. }, _) => Do::End,
///         }
///     }
/// }
///
/// let mut options = options_of(7);
/// (options.plan, options.like, options.devices) = (Plan::Backup, Like::Pipe, 1);
/// (options.faults, options.deviation) = (Default::default(), None);
/// (options.reads_to_end, options.complete, options.odd_calls) = (false, false, 0);
/// let watch = Watch { judge: true, keep: false };
/// let outcome = simulate_with(&mut Keeper::default(), 7, &options, &Profile::default(), watch);
/// assert!(outcome.is_good(), "{:?}", outcome.problems);
/// assert_eq!(outcome.restore, StatementEnd::Succeeded);
/// ```
pub fn simulate_with(
    application: &mut dyn Application,
    seed: u64,
    options: &Options,
    profile: &Profile,
    watch: Watch,
) -> Outcome {
    let mut engine = OnModel::new(profile.clone());
    simulate_with_on((&mut engine, "vdi-model"), application, seed, options, profile, watch)
}

/// The same on any engine, whose name is told in the trace.
pub fn simulate_with_on<E: Engine>(
    (engine, name): (&mut E, &str),
    application: &mut dyn Application,
    seed: u64,
    options: &Options,
    profile: &Profile,
    watch: Watch,
) -> Outcome {
    let arrangement = application.arrangement(options.arrangement);
    let options = options.for_application(arrangement);
    whole((engine, Some(application)), name, seed, &options, profile, watch)
}

fn whole<'a, E: Engine>(
    (engine, application): (&'a mut E, Option<&'a mut dyn Application>),
    name: &str,
    seed: u64,
    options: &'a Options,
    profile: &'a Profile,
    watch: Watch,
) -> Outcome {
    let mut header =
        header(name, format!("seed {seed}"), options.queue_depth.into(), options.sets.into());
    if options.odd_calls > 0 {
        header.provoked = vec![Party::Server, Party::Client];
    }
    let lanes = setup::lanes(options);
    let places = lanes.iter().map(|lane| lane.place).collect();
    let observer = Observer::new(header, places, watch.judge.then_some(profile), watch.keep);
    let mut world = World::new(
        (options, profile),
        Chances::new(seed, options.order),
        engine,
        (lanes, observer),
    );
    world.own = application.map(|application| Own::new(application, world.lanes.len()));
    let (ended, [backup, restore], evidence) = both(&mut world);
    finish(&mut world, &ended);
    let (counts, struck, meddled) = (world.counts, world.struck, world.meddling());
    let primary_died = world.primary_died;
    let met = world.engine.met().copied().unwrap_or_default();
    let broken = world.own.and_then(|own| own.broken);
    let (judged, log, error) = world.observer.finish();
    let evidence = Evidence { error, broken, primary_died, struck, meddled: &meddled, ..evidence };
    let (problems, shown) = weigh(options, &ended, [backup, restore], judged.as_ref(), evidence);
    Outcome {
        seed,
        options: *options,
        backup,
        restore,
        ended,
        problems,
        shown,
        struck,
        meddled,
        counts,
        judged,
        log,
        met,
    }
}

/// The BACKUP and, if it succeeded, the RESTORE of what it left.
fn both<E: Engine>(world: &mut World<'_, E>) -> (Ended, [StatementEnd; 2], Evidence<'static>) {
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
            let ours = world.own.is_none() && known.statement == Statement::Succeeded;
            if ours && let Some(at) = missing {
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
