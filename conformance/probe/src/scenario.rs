//! One scenario: what the client does, how far it is to come, and how its statements end.

use vdi_spec::clauses::Clause;
use vdi_spec::codes::{Features, Win32};

use crate::steps::{Asked, Odd, Serving, Step};

/// How the statements of a scenario are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// There is none, or it is nobody's affair.
    Whatever,
    /// The last succeeds: the client does all that it asks.
    Last,
    /// All succeed: the client does all that is asked of it.
    Well,
}

/// How far a scenario has to come to tell anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anything will do.
    Nothing,
    /// A configuration was given.
    Configuration,
    /// So many commands were delivered.
    Commands(u32),
    /// No command was left: a wait for one was over when its time was.
    Emptied,
    /// Somebody waited for a command when it was ended.
    Waited,
    /// A command came that is answered otherwise than by doing it.
    Odd,
    /// Two came, of which the one is to end while the other is held.
    OddBesideHeld,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its id.
    pub id: String,
    /// What is tried, in one sentence.
    pub title: String,
    /// What the client does.
    pub steps: Vec<Step>,
    /// How its statements are to end.
    pub ends: Ends,
    /// How far it has to come.
    pub reach: Reach,
    /// Whether nothing in it gives the server a reason to abort.
    pub sound: bool,
    /// Whether the client does what one in a recording did, of which nobody knows that it must
    /// come to an end.
    pub recorded: bool,
    /// The clauses it is about.
    pub clauses: Vec<Clause>,
}

impl Scenario {
    /// Whether the server has a part in it.
    #[must_use]
    pub fn has_statement(&self) -> bool {
        !self.asked().is_empty()
    }

    /// The statements that it hands to the server, in their order.
    #[must_use]
    pub fn asked(&self) -> Vec<&Asked> {
        let mut all = Vec::new();
        for step in all_of(&self.steps) {
            all.extend(if let Step::Issue(one) = step { Some(one) } else { None });
        }
        all
    }

    /// The codes with which it ends commands otherwise than by doing them.
    pub(crate) fn odd_codes(&self) -> Vec<Win32> {
        let code = |step: &Step| match step {
            Step::Serve(Serving { odd: Some(Odd { code, .. }), .. })
            | Step::CompleteWith(_, code)
            | Step::CompleteThe(_, _, Some((code, _))) => Some(*code),
            _ => None,
        };
        all_of(&self.steps).into_iter().filter_map(code).collect()
    }

    /// Whether it creates a set that asks for these features.
    pub(crate) fn asks_for(&self, features: Features) -> bool {
        let asks = |step: &Step| matches!(step, Step::Create(config) if config.features.contains(features));
        any(&self.steps, &asks)
    }

    /// Whether the client ends before its time, on purpose.
    #[must_use]
    pub fn dies(&self) -> bool {
        dies(&self.steps)
    }
}

/// Every step, of whichever thread and process.
fn all_of(steps: &[Step]) -> Vec<&Step> {
    let mut all = Vec::new();
    for step in steps {
        all.push(step);
        if let Step::Start(_, within) | Step::Secondary(_, within) = step {
            all.extend(all_of(within));
        }
    }
    all
}

/// Whether any step holds that this process takes, on whichever of its threads.
fn any(steps: &[Step], holds: &impl Fn(&Step) -> bool) -> bool {
    let within = |step: &Step| matches!(step, Step::Start(_, steps) if any(steps, holds));
    steps.iter().any(|step| holds(step) || within(step))
}

/// Whether the process that takes these steps ends before its time, on purpose.
pub(crate) fn dies(steps: &[Step]) -> bool {
    any(steps, &|step| matches!(step, Step::Die))
}
