//! Whether what a reading changes says so: an answer that would be another under
//! another reading rests on a clause that cites the question.

use std::collections::BTreeSet;

use super::action::Action;
use super::paths::reachable;
use super::world::World;
use vdi_model::{Call, Callback, LaneId, Limits, Outcome};
use vdi_spec::clauses::{Clause, Profile, QUESTIONS, Question};

/// Every kind of answer in a bounded world that another reading changes at once, and
/// of which no clause cites the question, neither in what the world's profile allows
/// nor in what the other reading does.
#[must_use]
pub fn uncited_readings(world: &World) -> BTreeSet<String> {
    let mut uncited = BTreeSet::new();
    let mut actions = Vec::new();
    let others: Vec<(Question, Profile)> = alternatives(&world.profile).collect();
    for node in reachable(world) {
        world.offer(&node, true, &mut actions);
        let mut known: Vec<(LaneId, Call)> = Vec::new();
        for action in actions.drain(..) {
            if let Action::Call { lane, call, .. } = action
                && !known.contains(&(lane, call.clone()))
            {
                known.push((lane, call));
            }
        }
        for (question, other) in &others {
            let mut compare = |what: &dyn Fn() -> String, cited: bool| {
                if !cited {
                    uncited.insert(format!("{question}: {}", what()));
                }
            };
            for (lane, call) in &known {
                let of = |by| vdi_model::outcomes(&node.state, by, Limits::default(), *lane, call);
                let cited = is_cited(*question, &of(&world.profile), &of(other), rests);
                compare(&|| Action::name(call), cited);
            }
            for lane in node.state.lanes_in_call() {
                let of = |by| vdi_model::returns(&node.state, by, lane);
                let cited = is_cited(*question, &of(&world.profile), &of(other), rests);
                compare(&|| "a return".to_owned(), cited);
            }
            let of = |by| vdi_model::callbacks(&node.state, by);
            let cited = is_cited(*question, &of(&world.profile), &of(other), called_back_by);
            compare(&|| "a callback".to_owned(), cited);
        }
    }
    uncited
}

/// The profile with one question answered otherwise, for every question and answer.
fn alternatives(profile: &Profile) -> impl Iterator<Item = (Question, Profile)> + '_ {
    QUESTIONS.iter().flat_map(|row| row.question.readings()).filter_map(|reading| {
        let mut other = profile.clone();
        other.choose(reading);
        (other != *profile).then_some((reading.question, other))
    })
}

/// Whether two lists of answers are the same, or a clause of either cites the question.
fn is_cited<T: PartialEq>(
    question: Question,
    one: &[T],
    other: &[T],
    rests: fn(&T) -> Vec<Clause>,
) -> bool {
    let cites = |clause: Clause| clause.info().questions.contains(&question);
    one == other || one.iter().chain(other).flat_map(rests).any(cites)
}

fn rests(outcome: &Outcome) -> Vec<Clause> {
    outcome.clauses().chain(outcome.misuses()).collect()
}

fn called_back_by(callback: &Callback) -> Vec<Clause> {
    [Some(callback.clause), callback.also].into_iter().flatten().collect()
}
