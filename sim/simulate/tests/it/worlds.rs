//! Worlds from seeds: well-behaved ones come to no harm whatever goes wrong around them,
//! and every deviation of a client shows.

use std::collections::{BTreeMap, BTreeSet};

use vdi_simulate::{
    Action, Answer, Arrangement, Buffers, Campaign, ClientAsk, Complete, CreateFlaw, Deviation,
    Ended, Fault, Faults, Input, Like, Log, Options, Plan, Problem, StatementEnd, Watch,
    options_of, simulate, simulate_with,
};
use vdi_spec::clauses::{Profile, QUESTIONS};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{CodeArg, Event, Function, TimeoutArg};

const JUDGED: Watch = Watch { judge: true, keep: false };
const KEPT: Watch = Watch { judge: true, keep: true };

/// How many seeds; `VDI_SEEDS` goes deeper.
fn seeds() -> u64 {
    std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4_000)
}

fn campaign(seeds: impl Iterator<Item = u64>) -> Campaign {
    let profile = Profile::default();
    let mut campaign = Campaign::new("vdi-model", "documented-pages", Vec::new());
    for seed in seeds {
        let outcome = simulate(seed, &options_of(seed), &profile, JUDGED);
        campaign.add(&outcome, &profile);
    }
    campaign.settle();
    campaign
}

#[test]
fn nothing_is_wrong_and_every_deviation_shows() {
    let campaign = campaign(0..seeds());
    assert!(campaign.failures.is_empty(), "{:#?}", campaign.failures.first());
    for deviation in Deviation::ALL {
        let known = campaign.deviations.get(deviation.id());
        let shown = known.unwrap_or_else(|| panic!("{deviation} was not drawn"));
        // A deviant client meets nothing else that goes wrong: what it does shows always.
        assert_eq!(shown.shown, shown.worlds, "{deviation} did not always show");
        let by_clause = shown.first_by_clause.is_some();
        // What these break is a promise about a disk, or has no time by which it is due: they
        // are seen by their harm.
        let by_harm = matches!(deviation, Deviation::FlushesNothing | Deviation::NeverCompletes);
        assert!(by_clause || by_harm, "{deviation} was not caught: {:?}", shown.how);
    }
    assert!(campaign.totals.restores > seeds() / 4, "{:?}", campaign.totals);
    for fault in Fault::ALL {
        let met = campaign.coverage.faults.contains_key(fault.name());
        assert!(met, "{} never struck", fault.name());
    }
}

/// What the documents leave open is open for server and clients, too: whichever way the
/// interface reads them, sound programs come to no harm.
#[test]
fn our_programs_are_sound_under_every_reading() {
    let others = QUESTIONS.iter().flat_map(|row| row.question.readings().skip(1));
    let single = others.map(|reading| {
        let mut profile = Profile::default();
        profile.choose(reading);
        (reading.to_string(), profile)
    });
    let named = ["documented-tables", "linux"]
        .map(|name| (name.to_owned(), Profile::named(name).expect("a profile")));
    let (mut tried, each) = (0, (seeds() / 50).max(1));
    for (name, profile) in single.chain(named) {
        tried += 1;
        // Other seeds for each, so that more is seen in all.
        for seed in (tried * each..).take(each as usize) {
            let outcome = simulate(seed, &options_of(seed), &profile, JUDGED);
            assert!(outcome.is_good(), "seed {seed} under {name}: {:?}", outcome.problems);
        }
    }
    assert!(tried > 50, "{tried} readings");
}

/// What a trace tells of commands: those sent with their sizes, and how they ended.
fn commands(log: &Log) -> BTreeSet<String> {
    let (mut codes, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for event in &log.to_trace().events {
        match event {
            Event::Call { call: Function::SendCommand, creates: Some(name), args, .. } => {
                let Some(CodeArg::Command(code)) = args.code else { continue };
                codes.insert(name.to_string(), code);
                let sign = args.size.map_or(0, |size| size.0.signum());
                seen.insert(match code {
                    CommandCode::SkipMarks | CommandCode::SkipBlocks => format!("{code:?} {sign}"),
                    CommandCode::Load | CommandCode::SetPosition => {
                        format!("{code:?} {}", args.size.map_or(0, |size| size.0))
                    }
                    _ => format!("{code:?}"),
                });
            }
            Event::Callback { callback, completion, bytes, .. } => {
                let code = codes.get(callback.as_str()).copied().unwrap_or(CommandCode::Read);
                let moved = if *bytes > 0 { " with bytes" } else { "" };
                seen.insert(format!("{code:?} ended {completion}{moved}"));
            }
            _ => {}
        }
    }
    seen
}

/// Every part of a plan, and every answer of a medium, comes in a few thousand worlds.
#[test]
fn every_command_and_every_end_is_drawn() {
    let watch = Watch { judge: false, keep: true };
    let (mut seen, mut disks) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..seeds().min(3_000) {
        let outcome = simulate(seed, &options_of(seed), &Profile::default(), watch);
        let own = commands(&outcome.log.expect("kept"));
        if outcome.options.like == Like::Disk {
            disks.extend(own.iter().cloned());
        }
        seen.extend(own);
    }
    for wanted in [
        "Rewind",
        "Discard",
        "WriteMark",
        "SkipMarks 1",
        "SkipMarks -1",
        "SkipBlocks 1",
        "SkipBlocks -1",
        "Load 0",
        "Load 1",
        "SetPosition 0",
        "SetPosition 1",
        "SetPosition 2",
        "GetPosition",
        "Write ended ERROR_END_OF_MEDIA",
        "Write ended ERROR_END_OF_MEDIA with bytes",
        "Write ended ERROR_EOM_OVERFLOW",
        "Write ended ERROR_DISK_FULL",
        "Read ended ERROR_FILEMARK_DETECTED",
        "Read ended ERROR_NO_DATA_DETECTED",
        "Read ended ERROR_HANDLE_EOF",
        "Flush ended ERROR_WRITE_FAULT",
        "Complete ended ERROR_WRITE_FAULT",
        "Snapshot ended ERROR_OPERATION_ABORTED",
        "MountSnapshot ended ERROR_READ_FAULT",
    ] {
        assert!(seen.contains(wanted), "{wanted} was not drawn");
    }
    assert!(disks.contains("Load 1") && disks.contains("Load 0"), "{disks:?}");
}

/// What server and client recover from excuses no failure: every statement succeeds.
#[test]
fn harmless_faults_do_no_harm() {
    let mut injected = BTreeSet::new();
    for seed in 0..seeds() / 8 {
        let drawn = options_of(seed);
        let capacity = Some(drawn.write_size * 2);
        let faults = Faults { capacity, cuts: true, short: 2, queue: 2, slow_client: 2, ..none() };
        let mut options = Options { faults, deviation: None, odd_calls: 0, ..drawn };
        (options.removable, options.server_time_out) = (true, 0);
        options.settle();
        let outcome = simulate(seed, &options, &Profile::default(), JUDGED);
        assert_eq!(outcome.problems, [], "seed {seed}");
        assert_eq!(outcome.restore, StatementEnd::Succeeded, "seed {seed}");
        assert!(!outcome.interference.injected.explains_failure());
        injected.extend(outcome.interference.injected.iter().map(Fault::name));
    }
    let wanted = ["end-of-media", "queue-full", "short-transfer", "short-write", "slow-client"];
    assert_eq!(injected.into_iter().collect::<Vec<_>>(), wanted);
}

fn none() -> Faults {
    Faults::default()
}

/// A client that fails its first Write for no reason is not excused by a fault that was drawn
/// and did not strike, nor by one that is harmless.
#[test]
fn what_did_not_strike_excuses_nothing() {
    let mut step = 0;
    let mut client = |input: &Input, _: &mut dyn Buffers| {
        step += 1;
        match (step, input) {
            (1, _) => Action::Call(ClientAsk::CREATE),
            (2, _) => Action::Issue,
            (3, _) => Action::Call(ClientAsk::GetConfiguration { wait: TimeoutArg::Infinite }),
            (4, _) => Action::Call(ClientAsk::open_device(0)),
            (5, _) => Action::Call(ClientAsk::GetCommand { device: 0, wait: TimeoutArg::Infinite }),
            (6, Input::Returned(Answer { delivered: Some(command), .. })) => {
                let (command, code) = (command.command, Win32::ERROR_DISK_FULL);
                let done = Complete { device: 0, command, code, bytes: 0, position: None };
                Action::Call(ClientAsk::CompleteCommand(done))
            }
            (7, _) => Action::Call(ClientAsk::SignalAbort),
            (8, _) => Action::Call(ClientAsk::Close),
            (9, _) => Action::AwaitStatement,
            _ => Action::End,
        }
    };
    let faults =
        Faults { primary_dies_at: Some(5_000), short: 3, slow_server: 1_000, queue: 2, ..none() };
    let (plan, like) = (Plan::Backup, Like::Pipe);
    let options = Options { faults, plan, like, devices: 1, server_time_out: 0, ..options_of(7) };
    let outcome = simulate_with(&mut client, 7, &options, &Profile::default(), KEPT);
    assert!(outcome.interference.injected.contains(Fault::SlowServer));
    assert_eq!(outcome.backup, StatementEnd::Failed);
    assert!(outcome.problems.contains(&Problem::Unexplained), "{:?}", outcome.problems);
}

/// A draw for one purpose does not shift those for another.
#[test]
fn an_option_does_not_shift_the_schedule() {
    for seed in 0..40 {
        let quiet = Options { faults: none(), deviation: None, odd_calls: 0, ..options_of(seed) };
        let trace = |slow_callback: u32| {
            let options = Options { faults: Faults { slow_callback, ..none() }, ..quiet };
            let outcome = simulate(seed, &options, &Profile::default(), KEPT);
            outcome.log.expect("kept").to_trace()
        };
        // It is drawn at every callback whether it takes its time, and never does.
        assert_eq!(trace(u32::MAX), trace(0), "seed {seed}");
    }
}

/// A standstill is told with the lanes that wait, in worlds with calls out of the order, too.
#[test]
fn standstills_are_told() {
    let mut odd = 0;
    for seed in 0..seeds() {
        let options = options_of(seed);
        let outcome = simulate(seed, &options, &Profile::default(), JUDGED);
        let Ended::Stuck(lanes) = &outcome.ended else { continue };
        assert!(!lanes.is_empty(), "seed {seed}");
        let ending = outcome.ending();
        assert!(ending.contains(&lanes.join(", ")), "{ending}");
        if options.odd_calls > 0 {
            odd += 1;
            assert!(ending.starts_with("stuck, as odd calls may bring about ("), "{ending}");
        } else {
            let told = |problem: &Problem| matches!(problem, Problem::Stuck { .. });
            assert!(outcome.shown.iter().any(told), "seed {seed}: {:?}", outcome.shown);
        }
    }
    assert!(odd > 0, "no such world");
}

/// A client that loses data is shown as the loss it causes.
#[test]
fn lost_data_is_seen() {
    let campaign = campaign(0..seeds());
    let losing =
        [Deviation::FlushesNothing, Deviation::MovesNothing, Deviation::ShortWriteIsSuccess];
    for deviation in losing {
        let how = &campaign.deviations[deviation.id()].how;
        assert!(how.contains_key("loss of data"), "{deviation}: {how:?}");
    }
    let how = &campaign.deviations[Deviation::NeverCompletes.id()].how;
    assert!(how.contains_key("stuck") && how.contains_key("unexplained failure"), "{how:?}");
    let how = &campaign.deviations[Deviation::CloseIsSuccess.id()].how;
    assert!(how.contains_key("false success"), "{how:?}");
}

/// A world that makes no progress is told as such, with the lanes that wait.
#[test]
fn a_standstill_is_told_with_the_lanes_that_wait() {
    // It opens its device, fetches no command, and waits for the statement to end.
    let mut steps = [
        Action::Call(ClientAsk::CREATE),
        Action::Issue,
        Action::Call(ClientAsk::GetConfiguration { wait: TimeoutArg::Infinite }),
        Action::Call(ClientAsk::open_device(0)),
    ]
    .into_iter();
    let mut idle = |_: &Input, _: &mut dyn Buffers| steps.next().unwrap_or(Action::AwaitStatement);
    let (faults, server_time_out, complete) = (Faults::default(), 0, false);
    let drawn = options_of(7);
    let plan = Plan::Backup;
    let options = Options { faults, server_time_out, complete, plan, devices: 1, ..drawn };
    let outcome = simulate_with(&mut idle, 7, &options, &Profile::default(), KEPT);
    let lanes = [
        "server.main in no call",
        "server.agent in ExecuteCompletionAgent",
        "primary.main in no call",
    ];
    assert_eq!(outcome.ended, Ended::Stuck(lanes.map(str::to_owned).to_vec()));
    let told = outcome.problems.iter().find(|problem| matches!(problem, Problem::Stuck { .. }));
    let told = told.expect("a problem").to_string();
    assert_eq!(told, format!("no progress: {} wait", lanes.join(", ")));
}

/// Whoever sleeps, or is slow, goes on in the end, however often others poll meanwhile.
#[test]
fn polls_do_not_end_a_world_in_which_somebody_sleeps() {
    for seed in 0..seeds() / 20 {
        let slow = Faults { slow_server: 15_000, ..none() };
        let drawn = options_of(seed);
        if drawn.odd_calls > 0 || drawn.deviation.is_some() {
            continue;
        }
        let (command_wait, most_steps) = (10, 1_000_000);
        let options = Options { command_wait, most_steps, faults: slow, ..drawn };
        let outcome = simulate(seed, &options, &Profile::default(), JUDGED);
        assert!(outcome.is_good(), "seed {seed}: {:?}", outcome.problems);
    }
}

/// What a client says it has read and never put into the buffer is not what was written, and
/// looking at what nobody wrote is nobody's fault.
#[test]
fn a_read_that_was_never_filled_is_a_loss() {
    let mut kept = 0;
    let mut step = 0;
    let mut hollow = |input: &Input, buffers: &mut dyn Buffers| {
        step += 1;
        match (input, step) {
            (Input::Begins { .. }, _) => {
                step = 0;
                Action::Call(ClientAsk::CREATE)
            }
            (_, 1) => Action::Issue,
            (_, 2) => Action::Call(ClientAsk::GetConfiguration { wait: TimeoutArg::Infinite }),
            (_, 3) => Action::Call(ClientAsk::open_device(0)),
            (Input::Returned(Answer { delivered: Some(command), .. }), _) => {
                kept += buffers.read(command).map_or(0, |bytes| bytes.len());
                let (command, bytes) = (command.command, command.size as u32);
                let code = Win32::ERROR_SUCCESS;
                let done = Complete { device: 0, command, code, bytes, position: None };
                Action::Call(ClientAsk::CompleteCommand(done))
            }
            (Input::Returned(Answer { status: HResult::NOERROR, .. }), _) => {
                Action::Call(ClientAsk::GetCommand { device: 0, wait: TimeoutArg::Infinite })
            }
            (Input::Returned(Answer { status: HResult::VD_E_CLOSE, .. }), _) => {
                Action::Call(ClientAsk::Close)
            }
            _ => Action::End,
        }
    };
    let drawn = options_of(7);
    for like in [Like::Pipe, Like::Disk] {
        let options = Options {
            plan: Plan::Backup,
            like,
            devices: 1,
            data: 4 * drawn.write_size,
            faults: none(),
            deviation: None,
            odd_calls: 0,
            reads_to_end: false,
            complete: false,
            positions: false,
            ..drawn
        };
        let outcome = simulate_with(&mut hollow, 7, &options, &Profile::default(), JUDGED);
        let lost = |problem: &Problem| matches!(problem, Problem::Loss(loss) if loss.restored);
        assert!(outcome.problems.iter().any(lost), "{like:?}: {:?}", outcome.problems);
        let blamed = |problem: &Problem| matches!(problem, Problem::Violation { .. });
        assert!(!outcome.problems.iter().any(blamed), "{like:?}: {:?}", outcome.problems);
    }
    assert!(kept > 0);
}

/// What a program could not even do is a breakdown of its own, and no fault of ours.
#[test]
fn senseless_calls_are_a_breakdown() {
    let poll = TimeoutArg::Milliseconds(0);
    let senseless = [
        ClientAsk::OPEN_IN_SECONDARY,
        ClientAsk::open_device(40),
        ClientAsk::CreateEx { flaw: Some(CreateFlaw::NoDevice) },
        ClientAsk::GetCommand { device: 0, wait: poll },
        ClientAsk::GetCommand { device: 200, wait: poll },
        ClientAsk::MapBufferHandle { handle: None },
    ];
    for ask in senseless {
        let mut client = |_: &Input, _: &mut dyn Buffers| Action::Call(ask);
        let outcome = simulate_with(&mut client, 7, &options_of(7), &Profile::default(), JUDGED);
        let [Problem::Broken { what }] = outcome.problems.as_slice() else {
            panic!("{ask:?}: {:?}", outcome.problems);
        };
        assert!(what.starts_with(ask.function().name()), "{what}");
    }
}

/// Without faults and deviations every BACKUP and every RESTORE succeeds, in all shapes.
#[test]
fn every_shape_of_world_succeeds() {
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..seeds() {
        let options = options_of(seed);
        if options.deviation.is_some() || !options.fault_names().is_empty() {
            continue;
        }
        let outcome = simulate(seed, &options, &Profile::default(), JUDGED);
        assert_eq!(outcome.ended, Ended::Done, "seed {seed}");
        assert_eq!(outcome.restore, StatementEnd::Succeeded, "seed {seed}");
        let joint = options.sets > 1;
        shapes.insert(format!(
            "{:?} {:?} {:?} {joint}",
            options.plan, options.like, options.arrangement
        ));
    }
    for plan in [Plan::Backup, Plan::Snapshot] {
        for like in [Like::Pipe, Like::Tape, Like::Disk] {
            for arrangement in [Arrangement::OneThread, Arrangement::ThreadPerDevice] {
                let shape = format!("{plan:?} {like:?} {arrangement:?} false");
                assert!(shapes.contains(&shape), "{shape} was not drawn");
            }
        }
    }
    let any = |text: &str| shapes.iter().any(|shape| shape.contains(text));
    assert!(any("ProcessPerDevice") && any("true"), "{shapes:?}");
}

/// FNV-1a, the same number on every machine.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for seed in 0..200 {
        let outcome = simulate(seed, &options_of(seed), &Profile::default(), KEPT);
        let trace = outcome.log.expect("kept").to_trace();
        hash = fnv(hash, trace.to_json_lines().as_bytes());
        hash = fnv(hash, format!("{:?}", outcome.options).as_bytes());
    }
    crate::support::snapshot("two-hundred-worlds", &format!("{hash:016x}"));
}

/// What was judged as it happened is judged the same from its file.
#[test]
fn a_trace_is_judged_the_same_from_its_file() {
    let profile = Profile::default();
    for seed in 0..200 {
        let outcome = simulate(seed, &options_of(seed), &profile, KEPT);
        let trace = outcome.log.expect("kept").to_trace();
        let again = vdi_check::check_reader(trace.to_json_lines().as_bytes(), &profile);
        assert_eq!(Some(again), outcome.judged, "seed {seed}");
    }
}

/// Campaigns joined in any order are the campaign of all their seeds.
#[test]
fn parts_make_the_whole() {
    let whole = campaign(0..300);
    let part = |shard: u64| campaign((0..300).filter(move |seed| seed % 3 == shard));
    for order in [[0, 1, 2], [2, 0, 1]] {
        let mut joined = Campaign::new("vdi-model", "documented-pages", Vec::new());
        order.into_iter().for_each(|shard| joined.join(part(shard)));
        assert_eq!(joined, whole);
    }
}

/// A world that makes no progress says which lanes wait, and takes no more steps than it may.
#[test]
fn no_world_hangs() {
    let profile = Profile::default();
    let mut options = options_of(1);
    options.faults = vdi_simulate::Faults::default();
    options.deviate(Deviation::NeverCompletes);
    options.settle();
    options.server_time_out = 0;
    options.command_wait = 0;
    let outcome = simulate(1, &options, &profile, JUDGED);
    let Ended::Stuck(lanes) = &outcome.ended else { panic!("{:?}", outcome.ended) };
    assert!(lanes.iter().any(|lane| lane.starts_with("server.agent in Execute")), "{lanes:?}");
    // Neither do polls make a progress.
    options.command_wait = 1_000;
    let outcome = simulate(1, &options, &profile, JUDGED);
    assert!(matches!(outcome.ended, Ended::Stuck(_)), "{:?}", outcome.ended);
    options.most_steps = 50;
    let outcome = simulate(1, &options, &profile, JUDGED);
    assert_eq!((outcome.ended, outcome.counts.steps), (Ended::TooLong, 50));
}
