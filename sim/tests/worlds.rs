//! Worlds from seeds: well-behaved ones come to no harm whatever goes wrong around them,
//! and every deviation of a client shows.

mod support;

use vdi_sim::clauses::Profile;
use vdi_sim::simulate::{
    Arrangement, Ask, Buffers, Campaign, Deviation, Do, Ended, Faults, Like, Options, Plan,
    Problem, StatementEnd, Told, Wait, Watch, options_of, simulate, simulate_with,
};

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
        assert!(shown.first.is_some(), "{deviation} never showed");
        let by_clause = shown.first_by_clause.is_some();
        // These do not break an obligation that can be seen: they are seen by their harm.
        let by_harm = matches!(deviation, Deviation::FlushesNothing | Deviation::NeverCompletes);
        assert!(by_clause || by_harm, "{deviation} was not caught: {:?}", shown.how);
    }
    assert!(campaign.totals.restores > seeds() / 3, "{:?}", campaign.totals);
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
    let how = &campaign.deviations[Deviation::CloseIsSuccess.id()].how;
    assert!(how.contains_key("false success"), "{how:?}");
}

/// A world that makes no progress is told as such, with the lanes that wait.
#[test]
fn a_standstill_is_told_with_the_lanes_that_wait() {
    // It opens its device, fetches no command, and waits for the statement to end.
    let mut steps = [
        Do::Call(Ask::CreateEx),
        Do::Issue,
        Do::Call(Ask::GetConfiguration { wait: Wait::Infinite }),
        Do::Call(Ask::OpenDevice { device: 0 }),
    ]
    .into_iter();
    let mut idle = |_: &Told, _: &mut dyn Buffers| steps.next().unwrap_or(Do::AwaitStatement);
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

/// What a program could not even do is a breakdown of its own, and no fault of ours.
#[test]
fn senseless_calls_are_a_breakdown() {
    let poll = Wait::Milliseconds(0);
    let senseless = [
        Ask::Open,
        Ask::OpenInSecondaryEx,
        Ask::OpenDevice { device: 40 },
        Ask::GetCommand { device: 0, wait: poll },
        Ask::GetCommand { device: 200, wait: poll },
        Ask::CloseDevice { device: 0 },
    ];
    for ask in senseless {
        let mut client = |_: &Told, _: &mut dyn Buffers| Do::Call(ask);
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
    support::snapshot("two-hundred-worlds", &format!("{hash:016x}"));
}

/// What was judged as it happened is judged the same from its file.
#[test]
fn a_trace_is_judged_the_same_from_its_file() {
    let profile = Profile::default();
    for seed in 0..200 {
        let outcome = simulate(seed, &options_of(seed), &profile, KEPT);
        let trace = outcome.log.expect("kept").to_trace();
        let again = vdi_sim::check::check_reader(trace.to_json_lines().as_bytes(), &profile);
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
    options.faults = vdi_sim::simulate::Faults::default();
    options.deviate(Deviation::NeverCompletes);
    options.settle();
    options.server_time_out = 0;
    options.command_wait = 0;
    let outcome = simulate(1, &options, &profile, JUDGED);
    let Ended::Stuck(lanes) = &outcome.ended else { panic!("{:?}", outcome.ended) };
    assert!(lanes.iter().any(|lane| lane.starts_with("server.agent in Execute")), "{lanes:?}");
    options.command_wait = 1_000;
    options.most_steps = 500;
    let outcome = simulate(1, &options, &profile, JUDGED);
    assert_eq!((outcome.ended, outcome.counts.steps), (Ended::TooLong, 500));
}
