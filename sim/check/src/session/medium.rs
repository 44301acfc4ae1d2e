//! Where the medium of a device stands, as far as a client's answers show it: with
//! RandomAccess positions are bytes, and what was set can be compared with what is given.

use super::call::PositionReport;
use super::names::{Names, SentCommand};
use vdi_model::CommandId;
use vdi_spec::clauses::Clause;
use vdi_spec::codes::CommandCode;

/// What is known of the media of a set's devices.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediumTrack {
    /// Positions that GetPosition returned.
    pub(crate) reported: Vec<u64>,
    /// Where the media stand, with RandomAccess.
    heads: Vec<Head>,
}

/// What is known of one device's medium.
#[derive(Clone, Copy, Debug)]
struct Head {
    device: u8,
    /// The byte where it stands.
    at: Option<u64>,
    /// The positioning in progress, if no other command is that could move the medium.
    alone: Option<Positioning>,
}

/// A SetPosition or GetPosition that was sent.
#[derive(Clone, Copy, Debug)]
struct Positioning {
    command: CommandId,
    /// The clause that binds its answer.
    clause: Clause,
    /// The byte that the answer has to give.
    due: Option<u64>,
}

impl MediumTrack {
    /// A command of a set is sent, while others of its device are in progress (`busy`) or
    /// none: it may move the medium, or ask where it stands.
    pub(crate) fn note_sent(&mut self, names: &Names, set: usize, sent: &SentCommand, busy: bool) {
        let head = self.head(sent.device);
        // Two that are sent at the same time are both not in the state yet.
        let unsettled = head.alone.is_some_and(|asked| names.command(set, asked.command).is_some());
        let at = head.at;
        if sent.code != CommandCode::GetPosition {
            head.at = None;
        }
        let asked = if sent.code == CommandCode::GetPosition {
            Some((Clause::ClientGetPositionPlace, at))
        } else if sent.code == CommandCode::SetPosition {
            Some((Clause::ClientSetPositionPlace, goal(sent, at)))
        } else {
            None
        };
        head.alone = asked.filter(|_| !busy && !unsettled).map(|(clause, due)| Positioning {
            command: sent.id,
            clause,
            due,
        });
    }

    /// The client has given a position with a success: the clause that binds it, and the
    /// byte that it had to give, if that is known.
    pub(crate) fn note_given(&mut self, given: PositionReport) -> Option<(Clause, u64)> {
        let head = self.heads.iter_mut().find(|head| head.device == given.device)?;
        let asked = head.alone.filter(|asked| asked.command == given.command)?;
        head.at = Some(given.position);
        Some((asked.clause, asked.due?))
    }

    fn head(&mut self, device: u8) -> &mut Head {
        let known = self.heads.iter().position(|head| head.device == device);
        let index = known.unwrap_or_else(|| {
            self.heads.push(Head { device, at: None, alone: None });
            self.heads.len() - 1
        });
        &mut self.heads[index]
    }
}

/// The byte that a SetPosition asks for, if that is known: the end is the client's.
fn goal(sent: &SentCommand, at: Option<u64>) -> Option<u64> {
    match sent.size {
        None | Some(0) => sent.position,
        Some(1) => Some(at?.wrapping_add(sent.position?)),
        Some(_) => None,
    }
}
