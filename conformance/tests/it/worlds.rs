//! Seeded worlds on the implementations: nothing is wrong on sound ones, the same seed gives
//! the same bytes, and seeded defects are found.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{snapshot, told, vdi};
use vdi_conformance::campaign::{BackendKind, CampaignConfig, Seeds, Shard, Share, hunt};
use vdi_conformance::reference::Mutant;
use vdi_sim::simulate::{Campaign, Deviation, Outcome, Watch};

fn worlds(backend: BackendKind) -> CampaignConfig {
    CampaignConfig { backend, ..CampaignConfig::on_model() }
}

fn campaign(backend: BackendKind, from: u64, to: u64, shard: &str) -> Campaign {
    let shard: Shard = shard.parse().expect("a shard");
    let stop = AtomicBool::new(false);
    let found = worlds(backend).campaign(
        "documented-pages",
        Share { seeds: Seeds { from, to }, shard },
        2,
        &stop,
        &|_| {},
    );
    found.expect("nothing is overruled")
}

#[test]
fn sound_implementations_come_to_no_harm() {
    for backend in [BackendKind::Runtime, BackendKind::Reference(None)] {
        let found = campaign(backend, 0, 300, "1/1");
        assert_eq!(found.failures, [], "{}", backend.name());
        assert!(found.totals.restores > 80, "{:?}", found.totals);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_an_implementation() {
    let watch = Watch { judge: true, keep: true };
    for backend in [BackendKind::Runtime, BackendKind::Reference(None)] {
        let worlds = worlds(backend);
        let bytes = |seed| {
            let options = worlds.options(seed).expect("as drawn");
            let outcome = worlds.run(seed, &options, watch);
            outcome.log.expect("kept").to_trace().to_json_lines()
        };
        for seed in 300..340 {
            assert_eq!(bytes(seed), bytes(seed), "seed {seed} on {}", backend.name());
        }
    }
}

#[test]
fn shards_merge_into_the_whole() {
    let whole = campaign(BackendKind::Model, 0, 400, "1/1");
    let part = |number: u64| campaign(BackendKind::Model, 0, 400, &format!("{number}/3"));
    let mut merged = part(2);
    for number in [3, 1] {
        merged.merge(part(number)).expect("of one campaign");
    }
    assert_eq!((merged.worlds, &merged.coverage), (400, &whole.coverage));
    assert_eq!((merged.totals, &merged.deviations), (whole.totals, &whole.deviations));
    merged.merge(part(1)).expect_err("it is in already");
    merged
        .merge(campaign(BackendKind::Reference(None), 0, 3, "1/1"))
        .expect_err("of something else");
}

#[test]
fn a_campaign_can_be_stopped() {
    let stop = AtomicBool::new(false);
    let done = |outcome: &Outcome| stop.store(outcome.seed > 0, Ordering::SeqCst);
    let seeds = Seeds { from: 0, to: 1_000_000 };
    let found = worlds(BackendKind::Model)
        .campaign("documented-pages", Share { seeds, shard: Shard::WHOLE }, 2, &stop, &done)
        .expect("nothing is overruled");
    assert!(found.interrupted && found.worlds < 1_000, "{}", found.worlds);
}

#[test]
fn options_can_be_overruled() {
    let set = |key: &str, value| {
        let overrides = vec![(key.to_owned(), value)];
        CampaignConfig { overrides, ..worlds(BackendKind::Model) }.options(7)
    };
    assert_eq!(
        set("faults.clientAbortAt", 12.into()).expect("an option").faults.client_abort_at,
        Some(12)
    );
    let refused = |key: &str, value| set(key, value).expect_err("there is none").to_string();
    assert!(refused("colour", 12.into()).contains("no option `colour`"));
    assert!(refused("devices", "many".into()).contains("invalid type"));
    assert!(refused("devices", 99.into()).contains("`devices` cannot be 99"));
    assert!(refused("blockSize", 0.into()).contains("expected a power of 2"));
    // The joint snapshot of this seed has one device in each set.
    let plan = set("plan", "snapshot".into()).expect("an option");
    assert_eq!(plan.devices, 1);
    let overrides = vec![("plan".to_owned(), "snapshot".into()), ("devices".to_owned(), 2.into())];
    let both = CampaignConfig { overrides, ..worlds(BackendKind::Model) };
    let why = both.options(7).expect_err("they do not go together").to_string();
    assert_eq!(
        why,
        "seed 7: `devices` cannot be 2 with the other options of this seed: it would be 1"
    );
}

/// A deviation that is asked for comes to something, or is refused.
#[test]
fn a_deviation_that_is_asked_for_shows() {
    for deviation in Deviation::ALL {
        let overrides = vec![("deviation".to_owned(), deviation.id().into())];
        let worlds = CampaignConfig { overrides, ..worlds(BackendKind::Model) };
        for seed in 0..60 {
            let options = worlds.options(seed).expect("whatever it takes is there");
            let outcome = worlds.run(seed, &options, Watch { judge: true, keep: false });
            assert!(!outcome.shown.is_empty(), "{deviation} in seed {seed}");
            assert!(outcome.is_good(), "{deviation} in seed {seed}: {:?}", outcome.problems);
        }
    }
    let set = |name: &str, value: serde_json::Value| (name.to_owned(), value);
    let overrides = vec![set("deviation", "holds-complete".into()), set("complete", false.into())];
    let both = CampaignConfig { overrides, ..worlds(BackendKind::Model) };
    let why = both.options(7).expect_err("there is nothing to hold").to_string();
    assert_eq!(why, "seed 7: `deviation` cannot be holds-complete without complete=true");
}

/// Defects that a few hundred worlds find, a clause that fits blamed; the seeds it took are
/// printed. `vdi mutants --worlds` hunts all of them.
#[test]
#[expect(clippy::print_stdout, reason = "the seeds needed are asked for")]
fn seeded_defects_are_found() {
    let known = [
        "callbacks-on-closing-thread",
        "delivers-after-abort",
        "last-in-first-out",
        "sleeps-through-abort",
        "command-timeout-early",
        "poll-waits",
        "server-device-after-close",
        "creates-anything",
        "shared-never",
        "warning-size-lost",
        "abort-forgets-to-wake",
        "looks-then-sleeps",
        "one-command-twice",
        "both-complete",
    ];
    let chosen: Vec<_> = Mutant::ALL.iter().filter(|row| known.contains(&row.name)).collect();
    assert_eq!(chosen.len(), known.len(), "the names have changed");
    for row in chosen {
        let kill = hunt(row, 2_500);
        assert!(kill.fits, "{}: {kill:?}", row.name);
        println!("{}: {:?} after {} seeds", row.name, kill.clause, kill.seeds);
    }
}

/// The window of a race is a step of the scheduler: the same seed, the same verdict.
#[test]
fn a_race_is_decided_by_the_seed() {
    let row = Mutant::OneCommandTwice.info();
    let (one, two) = (hunt(row, 2_500), hunt(row, 2_500));
    assert!(one.fits, "{one:?}");
    assert_eq!((one.clause, one.seed, one.under), (two.clause, two.seed, two.under));
}

#[test]
fn mutants_are_hunted() {
    snapshot("cli", "mutants", &told(&["mutants", "--filter", "server-close"]));
    assert_eq!(vdi(&["mutants", "--filter", "no-such"]).status.code(), Some(64));
}

/// What is of campaigns is not of one seed, nor the other way round.
#[test]
fn options_of_campaigns_and_of_seeds_are_told_apart() {
    for of_campaigns in [&["--jobs", "2"][..], &["--digest"], &["--shard", "1/2"]] {
        let words = [&["simulate", "--seed", "7"], of_campaigns].concat();
        assert_eq!(vdi(&words).status.code(), Some(64), "{words:?}");
    }
    for of_seeds in [&["--shrink"][..], &["--trace", "-"]] {
        let words = [&["simulate", "--seeds", "0..2"], of_seeds].concat();
        assert_eq!(vdi(&words).status.code(), Some(64), "{words:?}");
    }
}
