//! What an answer carries besides its status, told where nothing else tells what was seen
//! from what was expected.

use super::state::{answer_text, callback_text};
use super::verdict::Allowed;
use crate::session::{ObservedCallback, SentCommand, Session};
use vdi_model::{Answer, BufferId, Callback, Ending, Outcome};
use vdi_trace::{Event, Out};

/// An answer that was expected; with what the command was sent with, if that is what was seen
/// to be delivered.
pub(super) fn expected_answer(
    session: &Session,
    set: usize,
    outcome: &Outcome,
    out: &Out<'_>,
) -> String {
    let text = answer_text(session, set, outcome);
    match outcome.answer {
        Answer::Delivers(id)
            if out
                .command
                .as_ref()
                .is_some_and(|name| session.names.command_name(set, id) == name.as_str()) =>
        {
            let sent = session.names.sent(set, id).map(|sent| as_sent(session, set, &sent));
            text + &sent.unwrap_or_default()
        }
        Answer::Maps(buffer) => match buffer_name(session, set, buffer) {
            Some(name) => format!("returns NOERROR, buffer {name}"),
            None => text,
        },
        Answer::Delivers(_)
        | Answer::Returns(_)
        | Answer::Tells(_)
        | Answer::Counts(_)
        | Answer::Blocks => text,
    }
}

fn as_sent(session: &Session, set: usize, sent: &SentCommand) -> String {
    let buffer = sent.buffer.and_then(|buffer| buffer_name(session, set, buffer));
    listed([
        Some(sent.code.info().name.to_owned()),
        sent.size.map(|size| format!("size {size}")),
        sent.position.map(|position| format!("position {position}")),
        buffer.map(|name| format!("buffer {name}")),
    ])
}

fn buffer_name(session: &Session, set: usize, buffer: BufferId) -> Option<&str> {
    session.names.buffers(set).find(|(_, known)| known.id == buffer).map(|(name, _)| name)
}

/// A callback that was expected, with its position if that is what differs.
pub(super) fn expected_callback(
    session: &Session,
    set: usize,
    callback: &Callback,
    seen: &ObservedCallback,
) -> String {
    let text = callback_text(session, set, callback);
    match callback.ending {
        Ending::Client { position, .. } if seen.position.is_some_and(|seen| seen != position) => {
            format!("{text}, position {position}")
        }
        Ending::Client { .. } | Ending::Code(_) => text,
    }
}

/// What was seen; in full, if what was expected reads like it.
pub(super) fn got(event: &Event<'_>, expected: &[Allowed]) -> String {
    let text = event.to_string();
    match event {
        Event::Return { out, .. } if expected.iter().any(|allowed| is_alike(&allowed.what)) => {
            text + &told(out)
        }
        Event::Callback { position: Some(position), .. }
            if expected.iter().any(|allowed| allowed.what.contains(", position ")) =>
        {
            format!("{text}, position {position}")
        }
        _ => text,
    }
}

/// Whether an answer is told by what it carries.
fn is_alike(expected: &str) -> bool {
    ["returns NOERROR", "returns true", "returns false"]
        .into_iter()
        .any(|answer| expected.starts_with(answer))
}

fn told(out: &Out<'_>) -> String {
    listed([
        out.code.map(|code| code.info().name.to_owned()),
        out.size.map(|size| format!("size {}", size.0)),
        out.position.map(|position| format!("position {position}")),
        out.buffer.as_ref().map(|name| format!("buffer {name}")),
        out.count.map(|count| format!("count {count}")),
        out.shared.map(|shared| format!("shared {shared}")),
    ])
}

/// Each after a comma.
fn listed(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().map(|part| format!(", {part}")).collect()
}
