//! What is known of the objects of a scenario as it is driven, and the steps that are left out
//! since what they need was never made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::outputs::Outputs;
use crate::scenario::{Action, StepCall};

/// What is known of calls and of the objects that they make.
#[derive(Default)]
pub(super) struct Objects {
    /// Whether the scenario pins nothing of what comes.
    pub(super) unpinned: bool,
    /// Bytes of what was told of calls and callbacks, which stays in the trace.
    pub(super) told: usize,
    /// Commands whose completion routines are held.
    pub(super) holds: BTreeSet<String>,
    /// Of the last call on each lane; of the agent's, an interval of serverTimeOut.
    pub(super) time_outs: BTreeMap<String, Duration>,
    /// An interval of serverTimeOut, by the name of the set.
    pub(super) intervals: BTreeMap<String, Duration>,
    /// The same, by the interface that has opened the set.
    pub(super) opened: BTreeMap<String, Duration>,
    /// Devices and buffers that calls in progress would make, by number.
    pub(super) making: BTreeMap<u64, String>,
    /// Devices and buffers that calls were to make and did not.
    pub(super) unmade: BTreeSet<String>,
    pub(super) outputs: Outputs,
}

impl Objects {
    /// A step is not done: nor is there what it would have made, or sent.
    pub(super) fn never_made(&mut self, action: &Action) {
        let made = StepCall::of(action).and_then(|asked| asked.creates);
        self.unmade.extend(made.map(str::to_owned));
    }

    /// Whether a step needs a device or buffer that was not made.
    pub(super) fn lack(&self, action: &Action) -> bool {
        let unmade = &self.unmade;
        let needs_unmade = |StepCall { on, args, .. }: StepCall<'_>| {
            let named = [&args.buffer, &args.handle, &args.command];
            let mut named = named.into_iter().flatten().filter_map(|handle| handle.name());
            unmade.contains(on) || named.any(|name| unmade.contains(name))
        };
        let touches_unmade =
            matches!(action, Action::Touch { touch, .. } if unmade.contains(touch));
        touches_unmade || StepCall::of(action).is_some_and(needs_unmade)
    }
}
