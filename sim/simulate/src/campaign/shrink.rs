//! A failing world made smaller: simpler options of the same seed that fail the same way.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::faults::Faults;
use crate::observe::outcome::Outcome;
use crate::options::{About, Arrangement, Asks, Like, Options, Plan, Strategy, Ways};

/// How many of the schedules of a seed are tried.
const ORDERS: u32 = 4;

/// Simpler options than these, the simplest first.
fn simpler(options: &Options) -> Vec<Options> {
    let mut all = Vec::new();
    let mut try_with = |change: &dyn Fn(&mut Options)| {
        let mut changed = *options;
        change(&mut changed);
        changed.settle();
        // A deviation that comes to nothing is not simpler.
        let comes = changed.prepared() == changed;
        if comes && changed != *options && !all.contains(&changed) {
            all.push(changed);
        }
    };
    try_with(&|of| of.faults = Faults::default());
    try_with(&|of| (of.plan, of.sets) = (Plan::Backup, 1));
    try_with(&|of| of.sets = 1);
    try_with(&|of| of.devices = 1);
    try_with(&|of| of.devices = of.devices.div_ceil(2));
    try_with(&|of| (of.arrangement, of.devices) = (Arrangement::OneThread, 1));
    try_with(&|of| of.arrangement = Arrangement::ThreadPerDevice);
    try_with(&|of| (of.data, of.metadata) = (0, 0));
    try_with(&|of| of.data = 0);
    try_with(&|of| of.metadata = 0);
    try_with(&|of| of.data = of.data / 2 / of.block_size * of.block_size);
    try_with(&|of| of.write_size = of.max_transfer_size);
    try_with(&|of| of.read_size = of.max_transfer_size);
    try_with(&|of| of.buffers = 1);
    try_with(&|of| of.queue_depth = 4);
    try_with(&|of| of.flushes = 1);
    try_with(&|of| of.holds = 1);
    try_with(&|of| of.complete = false);
    try_with(&|of| of.discard = false);
    try_with(&|of| of.positions = false);
    try_with(&|of| of.reads_to_end = false);
    try_with(&|of| of.removable = false);
    try_with(&|of| of.trusting = false);
    try_with(&|of| of.hasty = false);
    try_with(&|of| of.fails_in_order = false);
    try_with(&|of| of.closes_early = false);
    try_with(&|of| of.server_time_out = 0);
    try_with(&|of| of.command_wait = 0);
    try_with(&|of| of.configuration_wait = 0);
    try_with(&|of| of.strategy = Strategy::Uniform);
    try_with(&|of| of.at_once = 8);
    try_with(&|of| of.odd_calls = 0);
    try_with(&|of| of.overlaps = false);
    try_with(&|of| of.odd_about = About::Anything);
    try_with(&|of| of.asks = Asks::default());
    try_with(&|of| of.server_alignment = 0);
    try_with(&|of| of.same_name = false);
    try_with(&|of| of.aborts_on_failure = true);
    try_with(&|of| of.ways = Ways::default());
    for ways in each_without(&options.ways) {
        try_with(&|of| of.ways = ways);
    }
    try_with(&|of| of.like = Like::Pipe);
    try_with(&|of| (of.like, of.removable) = (Like::Pipe, false));
    try_with(&|of| of.block_size = 512);
    try_with(&|of| of.max_transfer_size = 65_536);
    for faults in each_without(&options.faults) {
        try_with(&|of| of.faults = faults);
    }
    for earlier in [1, 2, 4, 8, 16, 32, 64] {
        try_with(&|of| sooner(&mut of.faults, earlier));
    }
    all
}

/// The same, each time with another of its parts as it is by default.
fn each_without<T: Serialize + DeserializeOwned>(whole: &T) -> Vec<T> {
    let Ok(Value::Object(parts)) = serde_json::to_value(whole) else {
        return Vec::new();
    };
    let without = |name: &String| {
        let mut others = parts.clone();
        others.remove(name);
        serde_json::from_value(Value::Object(others)).ok()
    };
    parts.keys().filter_map(without).collect()
}

/// Lets what comes at a step come so many steps sooner.
fn sooner(faults: &mut Faults, by: u32) {
    let Faults {
        server_abort_at,
        client_abort_at,
        server_dies_at,
        primary_dies_at,
        secondary_dies_at,
        cancelled_at,
        ..
    } = faults;
    let aborts = [server_abort_at, client_abort_at, cancelled_at];
    let deaths = [server_dies_at, primary_dies_at, secondary_dies_at];
    for step in aborts.into_iter().chain(deaths) {
        *step = step.map(|at| at.saturating_sub(by));
    }
}

/// The simplest options found under which the world of this outcome's seed still has one
/// of its problems; `again` runs it with other options. At most so many runs are made.
pub fn shrink(
    outcome: &Outcome,
    runs: usize,
    mut again: impl FnMut(&Options) -> Outcome,
) -> Outcome {
    let classes = |of: &Outcome| {
        of.problems.iter().map(crate::observe::outcome::Problem::class).collect::<Vec<_>>()
    };
    let wanted = classes(outcome);
    let mut best = outcome.clone();
    let mut left = runs;
    'smaller: loop {
        let own = best.options.order;
        // Where the seed's own schedule misses it another may not.
        for order in std::iter::once(own).chain((0..ORDERS).filter(|order| *order != own)) {
            for options in std::iter::once(best.options).chain(simpler(&best.options)) {
                if left == 0 {
                    return best;
                }
                left -= 1;
                let next = again(&Options { order, ..options });
                let same = classes(&next).iter().any(|class| wanted.contains(class));
                if same && is_less(&next, &best) {
                    best = next;
                    continue 'smaller;
                }
            }
        }
        return best;
    }
}

/// Whether a world is simpler than another: fewer faults, then fewer calls, then options
/// that were not drawn.
fn is_less(one: &Outcome, other: &Outcome) -> bool {
    let weight = |of: &Outcome| {
        let text = serde_json::to_string(&of.options).unwrap_or_default();
        let odd = text.matches("true").count() + text.len();
        (of.options.fault_names().len(), of.counts.calls, odd)
    };
    weight(one) < weight(other)
}
