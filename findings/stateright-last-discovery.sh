#!/usr/bin/env bash
# stateright 0.31.0 (Rust model checker), `Checker::spawn_bfs` with one thread.
#
# Expected by most: breadth-first search reports the shortest way to a violation of an
# `always` property, and keeps it.
#
# Seen: it does so only as long as no other property is open. While another one is, a state
# that violates the first is not the end of the search, and each further one overwrites the
# discovery: what is reported in the end is the way to the violation that was met last, one of the
# longest. On a counter that must stay below 3 and counts to 20, alone: 3 steps; beside a
# `sometimes` property that never comes true: 20 steps.
#
# Consequence for whoever wants short counterexamples: ask for one property at a time, or search
# oneself.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "last-discovery"
version = "0.0.0"
edition = "2021"

[dependencies]
stateright = "=0.31.0"

[workspace]
TOML
cat > "$folder/src/main.rs" <<'RUST'
use stateright::{Checker, Model, Property};

/// Counts from 0 to 20, by one.
struct Counter {
    with_another: bool,
}

impl Model for Counter {
    type State = u8;
    type Action = ();

    fn init_states(&self) -> Vec<u8> {
        vec![0]
    }

    fn actions(&self, state: &u8, actions: &mut Vec<()>) {
        if *state < 20 {
            actions.push(());
        }
    }

    fn next_state(&self, state: &u8, (): ()) -> Option<u8> {
        Some(state + 1)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![Property::always("below 3", |_: &Self, state: &u8| *state < 3)];
        if self.with_another {
            all.push(Property::sometimes("at 100", |_: &Self, state: &u8| *state == 100));
        }
        all
    }
}

fn main() {
    for with_another in [false, true] {
        let checker = Counter { with_another }.checker().threads(1).spawn_bfs().join();
        let path = checker.discovery("below 3").expect("a violation");
        println!("{}", path.into_actions().len());
    }
}
RUST
seen=$(cd "$folder" && CARGO_TARGET_DIR="$folder/target" cargo run --quiet | tr '\n' ' ')
alone=${seen%% *} beside=${seen#* }
echo "steps to the violation: alone $alone, beside another property $beside"
test "$alone" = 3 && test "${beside% }" = 20
