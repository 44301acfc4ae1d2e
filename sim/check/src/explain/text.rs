//! Answers and callbacks in words.

use vdi_model::{Answer, Callback, Ending, Outcome};

use crate::session::Session;

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
