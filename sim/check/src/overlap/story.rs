//! The order of effects that explains a history: told step by step, newest first, so that
//! configurations share what they have in common.

use std::sync::Arc;

use serde::Serialize;

use super::config::With;
use super::ground::{Aside, Pending};
use crate::sequential::Checker;
use vdi_model::{Answer, Callback, Caller, LaneId, Outcome};
use vdi_spec::clauses::Clause;

/// A step, and what went before it.
#[derive(Debug)]
pub(crate) struct Told {
    before: Story,
    depth: usize,
    /// The line of the event that made the search try it.
    line: usize,
    step: Step,
}

/// What happened at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The call that began in a line, on a lane, took effect, or was decided.
    Call(usize, LaneId, Outcome),
    /// The call that began in a line returned what was possible after so many steps, as
    /// noted in another line.
    Possible { began: usize, lane: LaneId, with: With, depth: usize, noted: usize },
    /// The interface began to invoke a routine.
    Began(Callback),
    /// Something happened without a call.
    Aside(Aside),
}

/// The story of a configuration; nothing is told unless it is asked for.
pub(crate) type Story = Option<Arc<Told>>;

pub(super) fn depth(story: &Story) -> usize {
    story.as_ref().map_or(0, |told| told.depth)
}

pub(super) fn tell(story: &mut Story, line: usize, step: Step) {
    let depth = depth(story) + 1;
    *story = Some(Arc::new(Told { before: story.take(), depth, line, step }));
}

/// Long stories are let go of step by step, not one inside the other.
impl Drop for Told {
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(told) = next {
            next = Arc::into_inner(told).and_then(|mut told| told.before.take());
        }
    }
}

/// One moment of the order of effects that explains a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// It happened after the event in this line, and before the next.
    pub after: usize,
    /// The lane in whose call it happened, or on which a routine was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// The line in which the call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// What happened.
    pub what: String,
    /// The clause it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
}

impl Step {
    pub(super) const fn of(pending: &Pending<'_>, outcome: &Outcome) -> Self {
        Self::Call(pending.line, pending.lane, *outcome)
    }
}

impl Checker {
    /// The order of effects of one set, oldest first.
    pub(crate) fn order_of_effects(&self, world: usize, story: &Story) -> Vec<Effect> {
        let mut steps: Vec<&Told> = Vec::new();
        let mut next = story.as_deref();
        while let Some(told) = next {
            steps.push(told);
            next = told.before.as_deref();
        }
        steps.reverse();
        let mut effects: Vec<((usize, usize, usize), Effect)> = Vec::new();
        for told in steps {
            let (place, after) = match told.step {
                // What was merely possible stands where it became so.
                Step::Possible { depth, noted, .. } => {
                    ((depth, 1), noted.min(told.line.saturating_sub(1)))
                }
                _ => ((told.depth, 0), told.line.saturating_sub(1)),
            };
            effects.push(((after, place.0, place.1), self.effect(world, after, &told.step)));
        }
        effects.sort_by_key(|(place, _)| *place);
        effects.into_iter().map(|(_, effect)| effect).collect()
    }

    fn effect(&self, world: usize, after: usize, step: &Step) -> Effect {
        let lane = |lane: LaneId| Some(self.lane_of(lane).name.clone());
        let nothing = Effect { after, lane: None, call: None, what: String::new(), clause: None };
        match step {
            Step::Call(line, on, outcome)
            | Step::Possible { began: line, lane: on, with: With::Outcome(outcome), .. } => {
                Effect {
                    lane: lane(*on),
                    call: Some(*line),
                    what: match outcome.answer {
                        Answer::Blocks => "waits".to_owned(),
                        _ => self.answer_text(world, outcome),
                    },
                    clause: Some(outcome.clause),
                    ..nothing
                }
            }
            Step::Possible { began, lane: on, .. } => Effect {
                lane: lane(*on),
                call: Some(*began),
                what: "returns an error of the system".to_owned(),
                clause: Some(Clause::StatusSystemError),
                ..nothing
            },
            Step::Began(callback) => Effect {
                lane: lane(callback.lane),
                what: self.callback_text(world, callback),
                clause: Some(callback.clause),
                ..nothing
            },
            Step::Aside(Aside::Exit(caller)) => {
                let who = match caller {
                    Caller::Server => "server".to_owned(),
                    Caller::Client(0) => "primary".to_owned(),
                    Caller::Client(number) => format!("secondary {number}"),
                };
                Effect { what: format!("the end of the {who} is noticed"), ..nothing }
            }
            Step::Aside(Aside::Passes(on, _)) => Effect {
                lane: lane(*on),
                what: "an interval of serverTimeOut passes".to_owned(),
                ..nothing
            },
        }
    }
}
