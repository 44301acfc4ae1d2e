//! One world from its seed to its outcome.

use super::set::Set;
use super::setup;
use super::step::Simulation;
use crate::backend::{Backend, ModelBackend};
use crate::observe::events::Observation;
use crate::observe::observer::{Observer, header};
use crate::observe::outcome::{Ended, Evidence, Interference, Loss, Outcome, StatementEnd, weigh};
use crate::options::Options;
use crate::rng::Rng;
use crate::workload::client::Client;
use crate::workload::deviation::Deviation;
use crate::workload::external_client::{Application, ExternalClient};
use crate::workload::program::{StatementKind, StatementState};
use crate::workload::stream::Stream;
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
    Options::draw(&mut Rng::new(seed))
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
    let mut backend = ModelBackend::new(profile.clone());
    simulate_on(&mut backend, "vdi-model", seed, options, profile, watch)
}

/// Runs the world of a seed on any backend, whose name is told in the trace.
pub fn simulate_on<B: Backend>(
    backend: &mut B,
    name: &str,
    seed: u64,
    options: &Options,
    profile: &Profile,
    watch: Watch,
) -> Outcome {
    whole(backend, None, name, seed, options, profile, watch)
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
///     Action, Answer, Application, Buffers, ClientAsk, Complete, Delivered, Input, Like, Plan,
///     StatementEnd, Watch, options_of, simulate_with,
/// };
/// use vdi_trace::{Reported, TimeoutArg};
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
///     fn next(&mut self, input: &Input, buffers: &mut dyn Buffers) -> Action {
///         self.step += u8::from(self.step < 4);
///         match (input, self.step) {
///             (Input::Begins { .. }, _) => {
///                 (self.step, self.at) = (0, 0);
///                 Action::Call(ClientAsk::CREATE)
///             }
///             (_, 1) => Action::Issue,
///             (_, 2) => Action::Call(ClientAsk::GetConfiguration { wait: TimeoutArg::Infinite }),
///             (_, 3) => Action::Call(ClientAsk::open_device(0)),
///             (Input::Returned(Answer { delivered: Some(command), .. }), _) => {
///                 let bytes = self.carry_out(command, buffers);
///                 let (command, code) = (command.command, Win32::ERROR_SUCCESS);
///                 let done = Complete { device: 0, command, code, bytes, position: None };
///                 Action::Call(ClientAsk::CompleteCommand(done))
///             }
///             (Input::Returned(answer), 4) => match answer.status {
///                 HResult::NOERROR => {
///                     Action::Call(ClientAsk::GetCommand { device: 0, wait: TimeoutArg::Infinite })
///                 }
///                 _ => {
///                     self.step = 5;
///                     Action::Call(ClientAsk::Close)
///                 }
///             },
///             (Input::Returned(_), _) => Action::AwaitStatement,
///             (Input::Statement { succeeded: true }, _) => Action::Report(Reported::Success),
///             (Input::Statement { .. }, _) => Action::Report(Reported::Failure),
///             (Input::Done | Input::Died { .. }, _) => Action::End,
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
    let mut backend = ModelBackend::new(profile.clone());
    simulate_with_on(&mut backend, "vdi-model", application, seed, options, profile, watch)
}

/// The same on any backend, whose name is told in the trace.
pub fn simulate_with_on<B: Backend>(
    backend: &mut B,
    name: &str,
    application: &mut dyn Application,
    seed: u64,
    options: &Options,
    profile: &Profile,
    watch: Watch,
) -> Outcome {
    let arrangement = application.arrangement(options.arrangement);
    let options = options.for_application(arrangement);
    whole(backend, Some(application), name, seed, &options, profile, watch)
}

fn whole<'a, B: Backend>(
    backend: &'a mut B,
    application: Option<&'a mut dyn Application>,
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
    let known = lanes.iter().map(|lane| lane.info).collect();
    let observer = Observer::new(header, known, watch.judge.then_some(profile), watch.keep);
    let mut world = Simulation::new(seed, options, profile, backend, lanes, observer);
    world.external = application.map(|own| ExternalClient::new(own, &world.lanes));
    let mut evidence = Evidence::default();
    let (ended, backup) = back_up(&mut world, &mut evidence);
    // An interface that was not closed cannot create another set.
    let closed = options.deviation != Some(Deviation::NeverCloses);
    let succeeded = backup == StatementEnd::Succeeded;
    let goes_on = ended == Ended::Done && succeeded && closed && world.faults.all_live();
    let (ended, restore) = match goes_on {
        true => restore(&mut world, &mut evidence),
        false => (ended, StatementEnd::NotBegun),
    };
    finish(&mut world, &ended);
    world.note_pending_misuses();
    let (injected, primary_died) = (world.faults.injected, world.faults.primary_died);
    let misused = world.faults.misuses.into_disturbing();
    evidence.broken = world.external.and_then(ExternalClient::into_broken);
    let met = world.backend.met().copied().unwrap_or_default();
    let (judged, log, error) = world.observer.finish();
    let evidence = Evidence { error, primary_died, injected, misused: &misused, ..evidence };
    let (problems, shown) = weigh(options, &ended, [backup, restore], judged.as_ref(), evidence);
    Outcome {
        seed,
        options: *options,
        backup,
        restore,
        ended,
        problems,
        shown,
        interference: Interference { injected, misused },
        counts: world.counts,
        judged,
        log,
        met,
    }
}

/// The BACKUP, and what its media lack after a power cut.
fn back_up<B: Backend>(
    world: &mut Simulation<'_, B>,
    evidence: &mut Evidence<'_>,
) -> (Ended, StatementEnd) {
    world.begin(StatementKind::Backup);
    let ended = world.run();
    evidence.false_success |= reported_falsely(&world.sets);
    let ours = world.external.is_none();
    for (set, known) in world.sets.iter_mut().enumerate() {
        for (device, medium) in known.media.of_devices.iter_mut().enumerate() {
            medium.power_cut();
            let id = known.ids + device as u32;
            let missing = medium.missing(id, world.options.stream());
            if ours
                && known.statement == StatementState::Succeeded
                && let Some(at) = missing
            {
                let (set, device) = (set as u8, device as u8);
                evidence.losses.push(Loss { set, device, at, restored: false });
            }
        }
    }
    (ended, result(&world.sets))
}

/// The RESTORE of what the BACKUP has left, and what it gave that is something else.
fn restore<B: Backend>(
    world: &mut Simulation<'_, B>,
    evidence: &mut Evidence<'_>,
) -> (Ended, StatementEnd) {
    world.begin(StatementKind::Restore);
    let ended = world.run();
    evidence.false_success |= reported_falsely(&world.sets);
    for (set, known) in world.sets.iter().enumerate() {
        let succeeded = known.statement == StatementState::Succeeded;
        for (device, stream) in known.server.streams().iter().enumerate() {
            let short = succeeded && stream.moved() != world.options.stream();
            let wrong = Stream::wrong(stream).or(short.then_some(stream.moved()));
            let (set, device) = (set as u8, device as u8);
            evidence.losses.extend(wrong.map(|at| Loss { set, device, at, restored: true }));
        }
    }
    (ended, result(&world.sets))
}

/// The end of every process that still lives; with a lane stuck in a call it is killed.
fn finish<B: Backend>(world: &mut Simulation<'_, B>, ended: &Ended) {
    let stuck = match ended {
        Ended::Judged | Ended::TooLong => return,
        Ended::Done => false,
        Ended::Stuck(_) => true,
    };
    if stuck {
        world.tell_rest();
    }
    for process in world.living() {
        let how = if stuck { HowEnded::Killed } else { HowEnded::Normal };
        if !stuck {
            world.observer.note(Observation::Unloaded { process });
        }
        world.observer.note(Observation::Exited { process, how });
        world.backend.exit(process);
    }
}

fn result(sets: &[Set]) -> StatementEnd {
    let all = |wanted: fn(StatementState) -> bool| sets.iter().all(|set| wanted(set.statement));
    if all(|statement| statement == StatementState::Succeeded) {
        StatementEnd::Succeeded
    } else if all(StatementState::is_over) {
        StatementEnd::Failed
    } else {
        StatementEnd::Unended
    }
}

/// Whether a client said that it went well, and it did not.
fn reported_falsely(sets: &[Set]) -> bool {
    let success = |client: &Client| client.reported() == Some(Reported::Success);
    sets.iter().any(|set| success(&set.client) && set.statement != StatementState::Succeeded)
}
