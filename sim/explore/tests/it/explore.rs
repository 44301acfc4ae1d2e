//! Every state of a bounded world: what holds, what is seen, how many there are.
//!
//! With `VDI_EXPLORE=full` in the environment the larger worlds are explored too; that is
//! meant for `--release`.

use std::collections::BTreeSet;
use std::fmt::Write;

use vdi_explore::testing::{
    everything_done, nearest_violations, packed_and_unpacked, reachable, same_up_to_detail,
    uncited_readings, violated_after,
};
use vdi_explore::{
    Action, Bounds, Breaches, Detail, Exploration, INVARIANTS, Mutant, Node, World, explore,
    paths_covering_transitions, ways_to_violations,
};
use vdi_spec::clauses::{CLAUSES, Clause, Party, Profile, QUESTIONS};

use crate::support::snapshot;

fn full() -> bool {
    std::env::var("VDI_EXPLORE").is_ok_and(|value| value == "full")
}

fn profile(name: &str) -> Profile {
    Profile::named(name).expect("a named profile")
}

fn text(bounds: &Bounds, profile: &str, found: &Exploration) -> String {
    let mut out = format!("{bounds:?}, {profile}\n");
    let _ = writeln!(out, "{} states, {} transitions", found.states, found.transitions);
    for row in INVARIANTS {
        let verdict = if found.violations.contains_key(row.name) { "VIOLATED" } else { "holds" };
        let _ = writeln!(out, "{verdict}: {} ({})", row.name, row.clause);
    }
    let _ = writeln!(out, "not seen: {:?}", found.unseen);
    let _ = writeln!(out, "clauses met: {}", found.met.len());
    out
}

/// Explores and pins what was counted.
fn pin(name: &str, bounds: Bounds, readings: &str, threads: usize) {
    let found = explore(World::new(bounds, profile(readings)), threads);
    assert_eq!(found.violations, std::collections::BTreeMap::new());
    snapshot(name, &text(&bounds, readings, &found));
}

#[test]
fn a_small_world() {
    pin("explore-small", Bounds::SMALL, "documented-pages", 1);
    pin("explore-small-documented-tables", Bounds::SMALL, "documented-tables", 1);
}

#[test]
fn threads_count_the_same() {
    let one = explore(World::new(Bounds::SMALL, Profile::default()), 1);
    let three = explore(World::new(Bounds::SMALL, Profile::default()), 3);
    assert_eq!((one.states, one.transitions), (three.states, three.transitions));
    assert_eq!((one.met, one.unseen), (three.met, three.unseen));
    let listed = reachable(&World::new(Bounds::SMALL, Profile::default()));
    assert_eq!(listed.len(), one.states);
}

#[test]
fn the_full_world() {
    if full() {
        pin("explore-rare", Bounds::RARE, "documented-pages", 2);
        pin("explore-full", Bounds::FULL, "documented-pages", 2);
        pin("explore-full-documented-tables", Bounds::FULL, "documented-tables", 2);
    }
}

/// Routines that are held, buffers sent twice, serverTimeOut: on one device.
#[test]
fn the_small_world_with_rare_steps() {
    let bounds = Bounds { devices: 1, ..Bounds::RARE };
    pin("explore-rare-small", bounds, "documented-pages", 2);
}

#[test]
fn the_world_with_a_secondary() {
    let bounds = Bounds { secondaries: 1, commands: 1, ..Bounds::SMALL };
    pin("explore-secondary", bounds, "documented-pages", 1);
}

/// What `Detail::Needed` drops is not needed.
#[test]
fn dropping_detail_loses_nothing() {
    let commands = if full() { 2 } else { 1 };
    let bounds = Bounds { commands, ..Bounds::SMALL };
    for (readings, least) in [("documented-pages", 1000), ("documented-tables", 1000)] {
        let compared = same_up_to_detail(&bounds, &profile(readings));
        let compared = compared.unwrap_or_else(|difference| panic!("{readings}: {difference}"));
        assert!(compared > least, "{readings}: only {compared} states");
    }
}

/// Each broken world breaks the invariant that is there to notice it.
#[test]
fn broken_worlds_are_noticed() {
    let mut out = String::new();
    let mut broken = BTreeSet::new();
    for mutant in Mutant::ALL {
        // Two commands share a buffer where there are two.
        let buffers = if *mutant == Mutant::SharesABuffer { 2 } else { 1 };
        let bounds = Bounds { buffers, ..Bounds::SMALL };
        let found = explore(World::new(bounds, Profile::default()).mutated(*mutant), 1);
        let names: Vec<&str> = found.violations.keys().copied().collect();
        assert!(!names.is_empty(), "nothing notices {mutant:?}");
        broken.extend(names.iter().copied());
        let _ = writeln!(out, "{mutant:?}: {}", names.join(", "));
    }
    snapshot("explore-broken", &out);
    let never: Vec<&str> =
        INVARIANTS.iter().map(|row| row.name).filter(|name| !broken.contains(name)).collect();
    assert!(never.is_empty(), "no broken world breaks {never:?}");
}

/// The way to a violation is as long as plain breadth-first search finds it, leads there, and
/// is the same whatever the number of threads.
#[test]
fn ways_to_violations_are_the_shortest() {
    for mutant in Mutant::ALL {
        let buffers = if *mutant == Mutant::SharesABuffer { 2 } else { 1 };
        let bounds = Bounds { buffers, ..Bounds::SMALL };
        let world = World::new(bounds, Profile::default()).mutated(*mutant);
        let nearest = nearest_violations(&world);
        let ways = ways_to_violations(&world, 1);
        let lengths = ways.iter().map(|(name, way)| (*name, way.len())).collect();
        assert_eq!(nearest, lengths, "{mutant:?}");
        for (name, way) in &ways {
            assert!(violated_after(&world, way).contains(name), "{mutant:?}: {name}: {way:#?}");
        }
        assert_eq!(ways, ways_to_violations(&world, 3), "{mutant:?}");
    }
}

/// No state is lost, and none becomes another, when it is held in words.
#[test]
fn states_in_words_are_the_states() {
    let one = Bounds { commands: 1, ..Bounds::SMALL };
    let two = Bounds { devices: 2, buffers: 0, ..one };
    let secondary = Bounds { secondaries: 1, buffers: 0, ..one };
    let rare = Bounds { rare: true, ..one };
    let whole = Bounds { detail: Detail::Whole, buffers: 0, ..one };
    let mut worlds = vec![Bounds::SMALL, two, secondary, rare, whole];
    let mut profiles = vec!["documented-pages"];
    if full() {
        worlds.extend([TINY, Bounds { detail: Detail::Whole, ..one }, Bounds::RARE]);
        profiles.extend(["documented-tables", "linux"]);
    }
    for bounds in worlds {
        for readings in &profiles {
            let states = packed_and_unpacked(&World::new(bounds, profile(readings)));
            let states = states.unwrap_or_else(|node| panic!("{bounds:?}, {readings}: {node}"));
            assert!(states > 1000, "{bounds:?}, {readings}: only {states} states");
        }
    }
}

/// The tiniest world in which everything is told apart and every call is made.
const TINY: Bounds = Bounds {
    devices: 1,
    commands: 1,
    buffers: 1,
    secondaries: 0,
    detail: Detail::Every,
    rare: false,
};

/// Clauses that bind the interface and that no world meets, each with the reason.
const OUTSIDE: &[(&str, &str)] = &[
    ("server.request-buffers.basic-alignment", "a bounded world asks for one alignment only"),
    ("server.allocate-buffer.aligned", "addresses are no part of a state; a trace is judged"),
    ("server.allocate-buffer.prefix-zone", "addresses are no part of a state; a trace is judged"),
    ("server.time-out.load", "no Load is sent in a bounded world"),
    ("client.create.name-taken", "a bounded world has one set"),
    ("client.get-configuration.granted", "what the fields hold is judged in a trace"),
    ("client.get-configuration.as-asked", "what the fields hold is judged in a trace"),
    ("client.get-configuration.features", "what the fields hold is judged in a trace"),
    ("client.get-configuration.fixed", "what the fields hold is judged in a trace"),
    ("client.open-device.null", "pointers are no part of a state"),
    ("client.get-command.phase", "no device is open before the client has seen the configuration"),
    ("data.intact", "data are no part of a state"),
    ("set.any-thread", "threads are interchangeable in the model"),
    ("status.system-error", "no state brings it about; a trace that tells of it is judged"),
    ("abi.layout", "memory is no part of a state"),
    ("linux.time-out.negative", "a time-out is infinite however it is written"),
];

#[test]
fn every_clause_of_the_interface_is_met() {
    let two = Bounds { devices: 2, commands: 1, buffers: 0, ..Bounds::SMALL };
    let secondary = Bounds { secondaries: 1, commands: 1, ..Bounds::SMALL };
    let mut met = BTreeSet::new();
    for bounds in [Bounds::SMALL, TINY, two, secondary] {
        met.extend(explore(World::new(bounds, Profile::default()), 2).met);
    }
    let of_interface = |clause: Clause| clause.party() == Party::Interface;
    let unmet: Vec<&str> = CLAUSES
        .iter()
        .filter(|row| of_interface(row.clause) && !met.contains(row.id))
        .map(|row| row.id)
        .collect();
    let listed: Vec<&str> = OUTSIDE.iter().map(|(id, _)| *id).collect();
    assert_eq!(unmet, listed);
}

/// Readings that make no difference to what a bounded world does, each with the reason.
const SILENT: &[(&str, &str)] = &[
    ("short-read-success=client-fault", "it says whose fault an answer is, which changes no step"),
    ("linux-timeout-unit=seconds", "the model knows no clock"),
    ("withheld-features=withheld", "no feature is asked for in a bounded world"),
    ("allocate-alignment-zero=zero-is-invalid", "the model is told whether arguments are sound"),
    ("stray-bytes=client-fault", "it says whose fault an answer is, which changes no step"),
    ("completion-codes=listed", "it says whose fault an answer is, which changes no step"),
    ("handle-of-another=given", "what it would otherwise be is a refusal, which changes no state"),
    ("available-count=exact", "it depends on the number that an implementation gave"),
    ("disk-get-position=position-only", "no GetPosition is sent in a bounded world"),
    ("load-excuses=whole-set", "no Load is sent in a bounded world"),
    ("load-excuses=own-device", "no Load is sent in a bounded world"),
    ("transfer-size-limit=four-mebibytes", "the model is told whether arguments keep the limits"),
    ("device-thread=one-thread", "it says whose fault a call is, which changes no step"),
    ("random-access-operations=may-abort", "no feature is asked for in a bounded world"),
    ("several-waiters=one-may-time-out", "the model knows no clock"),
];

fn reading(question: &str, reading: &str) -> Profile {
    let mut profile = Profile::default();
    profile.choose(format!("{question}={reading}").parse().expect("a reading"));
    profile
}

#[test]
fn the_invariants_hold_under_every_reading() {
    let bounds = if full() { Bounds::SMALL } else { Bounds { commands: 1, ..Bounds::SMALL } };
    for row in QUESTIONS {
        for other in row.readings.iter().skip(1) {
            let found = explore(World::new(bounds, reading(row.id, other.id)), 2);
            assert!(found.violations.is_empty(), "{}={}: {found:#?}", row.id, other.id);
        }
    }
}

/// Whom a reading makes answer otherwise, that answer's clauses say so.
#[test]
fn what_a_reading_changes_cites_it() {
    let small = Bounds { commands: 1, ..Bounds::SMALL };
    let two = Bounds { devices: 2, buffers: 0, ..small };
    for bounds in [small, two] {
        let uncited = uncited_readings(&World::new(bounds, Profile::default()));
        assert_eq!(uncited, BTreeSet::new(), "{bounds:?}");
    }
    if full() {
        let secondary = Bounds { secondaries: 1, buffers: 0, ..small };
        for bounds in [TINY, secondary] {
            let uncited = uncited_readings(&World::new(bounds, Profile::default()));
            assert_eq!(uncited, BTreeSet::new(), "{bounds:?}");
        }
    }
}

/// What a world does under a reading, it does not do under another.
#[test]
fn every_reading_makes_a_difference() {
    if !full() {
        return;
    }
    let small = Bounds { commands: 1, ..Bounds::SMALL };
    let worlds = [
        Bounds::SMALL,
        Bounds { devices: 2, ..small },
        Bounds { secondaries: 1, ..small },
        Bounds { buffers: 0, detail: Detail::Every, ..small },
    ];
    let base = worlds.map(|bounds| everything_done(&World::new(bounds, Profile::default())));
    let mut silent = Vec::new();
    for row in QUESTIONS {
        for other in row.readings.iter().skip(1) {
            let differs = worlds.iter().zip(&base).any(|(bounds, base)| {
                everything_done(&World::new(*bounds, reading(row.id, other.id))) != *base
            });
            if !differs {
                silent.push(format!("{}={}", row.id, other.id));
            }
        }
    }
    let listed: Vec<&str> = SILENT.iter().map(|(reading, _)| *reading).collect();
    assert_eq!(silent, listed);
}

/// The paths can be walked, and take every kind of step.
#[test]
fn paths_cover_every_class_of_steps() {
    let base = Profile::default();
    let paths = paths_covering_transitions(&Bounds::SMALL, &base);
    let world = World::new(Bounds::SMALL, base);
    let mut kinds = BTreeSet::new();
    for path in &paths {
        let last = path.iter().fold(Node::default(), |node, action| world.step(&node, action));
        assert_eq!(last.ghost.breaches, Breaches::default());
        kinds.extend(path.iter().map(Action::kind));
    }
    let steps: usize = paths.iter().map(Vec::len).sum();
    let mut out = format!("{} paths, {steps} steps, {} kinds:\n", paths.len(), kinds.len());
    for kind in kinds {
        let _ = writeln!(out, "{kind}");
    }
    snapshot("explore-paths", &out);
}
