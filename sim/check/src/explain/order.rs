//! The order of effects that explains a history, as a report shows it.

use super::state::{answer_text, callback_text};
use super::verdict::Effect;
use crate::linearize::{Linearization, Moment, Spontaneous, TentativeAnswer};
use crate::session::Session;
use vdi_model::{Answer, Caller};
use vdi_spec::clauses::Clause;

/// One order of effects that explains what was judged, up to a violation.
pub(crate) fn order_of_effects(session: &Session) -> Vec<Effect> {
    let mut order = Vec::new();
    for (index, set) in session.sets.iter().enumerate() {
        let mut configs = set.frontier.iter().flat_map(|frontier| &frontier.configurations);
        if let Some(first) = configs.next() {
            order.extend(effects_in(session, index, &first.linearization));
        }
    }
    order.sort_by_key(|effect| effect.after);
    order
}

/// The order of effects of one set, oldest first.
fn effects_in(session: &Session, set: usize, linearization: &Linearization) -> Vec<Effect> {
    let mut effects: Vec<((usize, usize, usize), Effect)> = Vec::new();
    for entry in linearization.entries() {
        let before = entry.line.saturating_sub(1);
        let (depth, second, after) = match entry.moment {
            // What was merely possible stands where it became so.
            Moment::Possible { depth, noted, .. } => (depth, 1, noted.min(before)),
            Moment::Call(..) | Moment::Began(_) | Moment::Spontaneous(_) => {
                (entry.depth, 0, before)
            }
        };
        effects.push(((after, depth, second), effect(session, set, after, &entry.moment)));
    }
    effects.sort_by_key(|(place, _)| *place);
    effects.into_iter().map(|(_, effect)| effect).collect()
}

fn effect(session: &Session, set: usize, after: usize, moment: &Moment) -> Effect {
    let (lane, call, what, clause) = match moment {
        Moment::Call(line, lane, outcome)
        | Moment::Possible {
            began: line, lane, answer: TentativeAnswer::Outcome(outcome), ..
        } => {
            let what = if outcome.answer == Answer::Blocks {
                "waits".to_owned()
            } else {
                answer_text(session, set, outcome)
            };
            (Some(*lane), Some(*line), what, Some(outcome.clause))
        }
        Moment::Possible { began, lane, .. } => {
            let what = "returns an error of the system".to_owned();
            (Some(*lane), Some(*began), what, Some(Clause::StatusSystemError))
        }
        Moment::Began(callback) => {
            let what = callback_text(session, set, callback);
            (Some(callback.lane), None, what, Some(callback.clause))
        }
        Moment::Spontaneous(Spontaneous::Exit(caller)) => {
            let who = match caller {
                Caller::Server => "server".to_owned(),
                Caller::Client(0) => "primary".to_owned(),
                Caller::Client(number) => format!("secondary {number}"),
            };
            (None, None, format!("the end of the {who} is noticed"), None)
        }
        Moment::Spontaneous(Spontaneous::Passes(lane, _)) => {
            let what = "an interval of serverTimeOut passes".to_owned();
            (Some(*lane), None, what, None)
        }
    };
    let lane = lane.map(|lane| session.lanes.name(lane).to_owned());
    Effect { after, lane, call, what, clause }
}
