//! States, answers and callbacks in words.

use crate::session::Session;
use vdi_model::{Answer, Callback, CommandId, Ending, Outcome, State, in_words};

/// The sets that exist, by name, each with its state in words.
pub(crate) fn set_texts(session: &Session) -> Vec<(String, String)> {
    let named = session.sets.iter().enumerate().filter(|(_, set)| !set.name.is_empty());
    named.map(|(index, set)| (set.name.clone(), set_state(session, index))).collect()
}

/// A state of a set in words, with the names of its commands.
pub(crate) fn named_state(session: &Session, set: usize, state: &State) -> String {
    describe(state, |id| session.names.command_name(set, id).to_owned())
}

/// The state of a set before an event: the first that it may be in, and how many more.
pub(crate) fn set_state(session: &Session, set: usize) -> String {
    let mut states = session.sets[set].states();
    let Some(first) = states.next() else {
        return "no state".to_owned();
    };
    let mut text = named_state(session, set, first);
    let others = states.count();
    if others > 0 {
        text.push_str(&format!(" · or one of {others} other states"));
    }
    text
}

pub(crate) fn answer_text(session: &Session, set: usize, outcome: &Outcome) -> String {
    match outcome.answer {
        Answer::Returns(expected) => format!("returns {expected}"),
        Answer::Delivers(id) => {
            format!("returns NOERROR with {}", session.names.command_name(set, id))
        }
        Answer::Tells(Some(shared)) => format!("returns {shared}"),
        Answer::Tells(None) => "returns true or false".to_owned(),
        Answer::Counts(least) => format!("returns NOERROR with a count of {least} or more"),
        Answer::Maps(_) => "returns NOERROR with that buffer".to_owned(),
        Answer::Blocks => "stays in the call".to_owned(),
    }
}

pub(crate) fn callback_text(session: &Session, set: usize, callback: &Callback) -> String {
    let name = session.names.command_name(set, callback.command);
    let lane = session.lanes.name(callback.lane);
    match callback.ending {
        Ending::Code(code) => format!("callback of {name} with {code} on {lane}"),
        Ending::Client { code, bytes, .. } => {
            format!("callback of {name} with {code}, bytes {bytes}, on {lane}")
        }
    }
}

/// A state in words; commands are numbered.
#[must_use]
pub fn describe_state(state: &State) -> String {
    describe(state, |id| format!("command {}", id.0))
}

fn describe(state: &State, name: impl Fn(CommandId) -> String) -> String {
    in_words(state, name).join(" · ")
}
