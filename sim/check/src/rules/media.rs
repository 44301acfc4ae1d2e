//! Where the medium of a device stands, as far as a client's answers tell it: with
//! RandomAccess positions are bytes, and what was set can be compared with what is given.

use crate::explain::Report;
use crate::session::{PositionReport, SentCommand, Session};
use vdi_model::CommandId;
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, Features};

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
    fn head(&mut self, device: u8) -> &mut Head {
        let known = self.heads.iter().position(|head| head.device == device);
        let index = known.unwrap_or_else(|| {
            self.heads.push(Head { device, at: None, alone: None });
            self.heads.len() - 1
        });
        &mut self.heads[index]
    }
}

/// A command is sent: it may move the medium, or ask where it stands.
pub(crate) fn note_sent(session: &mut Session, set: usize, sent: &SentCommand) {
    let Session { names, sets, .. } = session;
    let track = &mut sets[set];
    if !track.config.asked.features.contains(Features::RANDOM_ACCESS) {
        return;
    }
    let same_device = |command: &vdi_model::Command| command.device == sent.device;
    let busy = track.any(|state| state.commands.iter().any(same_device));
    let head = track.media.head(sent.device);
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

/// The byte that a SetPosition asks for, if that is known: the end is the client's.
fn goal(sent: &SentCommand, at: Option<u64>) -> Option<u64> {
    match sent.size {
        None | Some(0) => sent.position,
        Some(1) => Some(at?.wrapping_add(sent.position?)),
        Some(_) => None,
    }
}

/// The client has given a position with a success, in the call that began in this line.
pub(crate) fn compare_position(
    medium: &mut MediumTrack,
    report: &mut Report,
    line: usize,
    given: PositionReport,
) {
    let PositionReport { device, command, position } = given;
    let Some(head) = medium.heads.iter_mut().find(|head| head.device == device) else {
        return;
    };
    let Some(asked) = head.alone.filter(|asked| asked.command == command) else {
        return;
    };
    head.at = Some(position);
    match asked.due {
        None => {}
        Some(due) if due == position => report.mark([asked.clause]),
        Some(due) => {
            let what = format!("CompleteCommand tells the position {position}, not {due}");
            report.find(line, asked.clause, what, false);
        }
    }
}
