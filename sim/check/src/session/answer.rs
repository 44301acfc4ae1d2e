//! Whether what was seen of a return or of a callback is what the model allows.

use super::{Names, Returned, SentCommand};
use vdi_model::{Answer, BufferId, Callback, CommandId, Ending, LaneId, Object, Outcome};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Name, Out, Size};

/// Whether an outcome explains a return with this status and these results.
pub(crate) fn matches(names: &Names, set: usize, outcome: &Outcome, seen: &Returned<'_>) -> bool {
    let Returned { status, out } = *seen;
    let succeeded = status == HResult::NOERROR;
    match outcome.answer {
        Answer::Blocks => false,
        Answer::Returns(expected) => expected.admits(status) && out.command.is_none(),
        Answer::Delivers(id) => succeeded && is_delivery_of(names, set, id, out),
        // An observer who names no result has seen that it came, not which.
        Answer::Tells(shared) => {
            succeeded && shared.is_none_or(|shared| out.shared.is_none_or(|seen| seen == shared))
        }
        Answer::Counts(least) => succeeded && out.count.is_none_or(|count| count >= least),
        Answer::Maps(buffer) => {
            succeeded && out.buffer.as_ref().is_none_or(|name| is_buffer(names, name, Some(buffer)))
        }
    }
}

fn is_buffer(names: &Names, name: &Name<'_>, buffer: Option<BufferId>) -> bool {
    matches!(names.object(name.as_str()),
        Some((_, Object::Buffer(given))) if Some(given) == buffer)
}

fn is_delivery_of(names: &Names, set: usize, id: CommandId, out: &Out<'_>) -> bool {
    // An observer who names no command has seen that one came, not which.
    let Some(name) = &out.command else {
        return true;
    };
    let Some(sent) = names.sent(set, id) else {
        return false;
    };
    names.command_name(set, id) == name.as_str()
        && is_as_sent(&sent, out.code, out.size, out.position)
        && out.buffer.as_ref().is_none_or(|name| is_buffer(names, name, sent.buffer))
}

/// Whether what was seen of a command on its delivery is what was sent.
fn is_as_sent(
    sent: &SentCommand,
    code: Option<CommandCode>,
    size: Option<Size>,
    position: Option<u64>,
) -> bool {
    code.is_none_or(|code| code == sent.code)
        && size.is_none_or(|Size(size)| sent.size.is_none_or(|sent| sent == size))
        && position.is_none_or(|position| sent.position.is_none_or(|sent| sent == position))
}

/// A callback as it was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObservedCallback {
    pub(crate) lane: LaneId,
    pub(crate) completion: Win32,
    pub(crate) bytes: u32,
    pub(crate) position: Option<u64>,
    /// Whether the routine goes on until an event says that it ends.
    pub(crate) held: bool,
}

impl ObservedCallback {
    /// Whether this is what the model allows.
    pub(crate) fn is(&self, callback: &Callback) -> bool {
        self.lane == callback.lane
            && match callback.ending {
                Ending::Code(code) => self.completion == code,
                Ending::Client { code, bytes, position } => {
                    self.completion == code
                        && self.bytes == bytes
                        && self.position.is_none_or(|seen| seen == position)
                }
            }
    }
}
