//! A failing world made smaller: simpler options of the same seed that fail the same way.

use super::faults::Faults;
use super::options::{About, Arrangement, Asks, Options, Plan, Strategy};
use super::outcome::Outcome;

/// Simpler options than these, the simplest first.
fn simpler(options: &Options) -> Vec<Options> {
    let mut all = Vec::new();
    let mut try_with = |change: &dyn Fn(&mut Options)| {
        let mut changed = *options;
        change(&mut changed);
        changed.settle();
        if changed != *options && !all.contains(&changed) {
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
    for fault in 0..15 {
        try_with(&|of| without(&mut of.faults, fault));
    }
    for earlier in [1, 2, 4, 8, 16, 32, 64] {
        try_with(&|of| sooner(&mut of.faults, earlier));
    }
    all
}

/// Takes one fault away.
fn without(faults: &mut Faults, fault: u8) {
    match fault {
        0 => faults.server_abort_at = None,
        1 => faults.client_abort_at = None,
        2 => faults.server_dies_at = None,
        3 => faults.primary_dies_at = None,
        4 => faults.secondary_dies_at = None,
        5 => faults.statement_fails = false,
        6 => faults.medium_fails_at = None,
        7 => faults.capacity = None,
        8 => faults.memory = 0,
        9 => faults.queue = 0,
        10 => faults.system = 0,
        11 => faults.short = 0,
        12 => faults.slow_client = 0,
        13 => faults.slow_server = 0,
        _ => faults.slow_callback = 0,
    }
}

/// Lets what comes at a step come so many steps sooner.
fn sooner(faults: &mut Faults, by: u32) {
    let Faults {
        server_abort_at,
        client_abort_at,
        server_dies_at,
        primary_dies_at,
        secondary_dies_at,
        ..
    } = faults;
    let steps =
        [server_abort_at, client_abort_at, server_dies_at, primary_dies_at, secondary_dies_at];
    for step in steps {
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
    let classes =
        |of: &Outcome| of.problems.iter().map(super::outcome::Problem::class).collect::<Vec<_>>();
    let wanted = classes(outcome);
    let mut best = outcome.clone();
    let mut left = runs;
    'smaller: loop {
        for options in simpler(&best.options) {
            if left == 0 {
                return best;
            }
            left -= 1;
            let next = again(&options);
            if classes(&next).iter().any(|class| wanted.contains(class)) && is_less(&next, &best) {
                best = next;
                continue 'smaller;
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
