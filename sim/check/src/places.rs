//! Where the medium of a device stands, as far as a client's answers tell it: with
//! RandomAccess positions are bytes, and what was set can be compared with what is told.

use super::bind::{Binder, Then};
use super::names::CommandFacts;
use super::sequential::Checker;
use vdi_model::{ClientCall, CommandId};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_trace::Args;

/// What is known of one device's medium.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    device: u8,
    /// The byte where it stands.
    at: Option<u64>,
    /// The positioning under way, if no other command is that could move the medium.
    alone: Option<Positioning>,
}

/// A SetPosition or GetPosition that was sent.
#[derive(Clone, Copy, Debug)]
struct Positioning {
    command: CommandId,
    /// The clause that binds its answer.
    clause: Clause,
    /// The byte that the answer has to tell.
    due: Option<u64>,
}

impl Binder<'_> {
    /// A command is sent: it may move the medium, or ask where it stands.
    pub(super) fn sends(&mut self, world: usize, device: u8, facts: CommandFacts) {
        let set = &mut self.worlds[world];
        if !set.config.features.contains(Features::RANDOM_ACCESS) {
            return;
        }
        let busy = set.any(|state| state.commands.iter().any(|command| command.device == device));
        let index = set.places.iter().position(|place| place.device == device);
        let index = index.unwrap_or_else(|| {
            set.places.push(Place { device, at: None, alone: None });
            set.places.len() - 1
        });
        let place = &mut set.places[index];
        // Two that are sent at the same time are both not in the state yet.
        let unsettled = place.alone.is_some_and(|p| self.names.command(world, p.command).is_some());
        let at = place.at;
        if facts.code != CommandCode::GetPosition {
            place.at = None;
        }
        place.alone = match facts.code {
            _ if busy || unsettled => None,
            CommandCode::GetPosition => Some((Clause::ClientGetPositionPlace, at)),
            CommandCode::SetPosition => Some((Clause::ClientSetPositionPlace, goal(&facts, at))),
            _ => None,
        }
        .map(|(clause, due)| Positioning { command: facts.id, clause, due });
    }

    /// What the success of a CompleteCommand tells of the medium.
    pub(super) const fn answers(call: &ClientCall, args: &Args<'_>) -> Then {
        match (call, args.position) {
            (
                ClientCall::CompleteCommand {
                    device,
                    command: Some(command),
                    code: Win32::ERROR_SUCCESS,
                    ..
                },
                Some(position),
            ) => Then::Placed { device: *device, command: *command, position },
            _ => Then::Nothing,
        }
    }
}

/// The byte that a SetPosition asks for, if that is known: the end is the client's.
fn goal(facts: &CommandFacts, at: Option<u64>) -> Option<u64> {
    match facts.size {
        None | Some(0) => facts.position,
        Some(1) => Some(at?.wrapping_add(facts.position?)),
        Some(_) => None,
    }
}

impl Checker {
    /// The client has told a position with a success.
    pub(super) fn placed(
        &mut self,
        line: usize,
        world: usize,
        (device, command, position): (u8, CommandId, u64),
    ) {
        let mut places = self.worlds[world].places.iter_mut();
        let Some(place) = places.find(|place| place.device == device) else {
            return;
        };
        let Some(asked) = place.alone.filter(|asked| asked.command == command) else {
            return;
        };
        place.at = Some(position);
        match asked.due {
            None => {}
            Some(due) if due == position => self.mark([asked.clause]),
            Some(due) => {
                let what = format!("CompleteCommand tells the position {position}, not {due}");
                self.find(line, asked.clause, what, false);
            }
        }
    }
}
