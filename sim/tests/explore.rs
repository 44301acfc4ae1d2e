//! Every state of a bounded world: what holds, what is seen, how many there are.
//!
//! With `VDI_EXPLORE=full` in the environment the larger worlds are explored too; that is
//! meant for `--release`.

use std::fmt::Write;

use vdi_sim::clauses::{CLAUSES, Party, Profile, QUESTIONS};
use vdi_sim::explore::{
    Bounds, Detail, Exploration, INVARIANTS, Node, Sabotage, World, explore,
    paths_covering_transitions, reachable, same_up_to_detail,
};

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/model");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

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
        pin("explore-full", Bounds::FULL, "documented-pages", 2);
        pin("explore-full-documented-tables", Bounds::FULL, "documented-tables", 2);
    }
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
    let bounds = Bounds { buffers: 2, ..Bounds::SMALL };
    let mut out = String::new();
    for sabotage in Sabotage::ALL {
        let found = explore(World::new(bounds, Profile::default()).broken(*sabotage), 1);
        let names: Vec<&str> = found.violations.keys().copied().collect();
        assert!(!names.is_empty(), "nothing notices {sabotage:?}");
        let _ = writeln!(out, "{sabotage:?}: {}", names.join(", "));
    }
    snapshot("explore-broken", &out);
}
