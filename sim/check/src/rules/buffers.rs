//! Where buffers lie, and who uses them, a command's structure or a device, and when.

use smallvec::SmallVec;

use crate::Checker;
use crate::explain::{Allowed, InputError, Refusal, Shows, violated};
use crate::linearize::{search_for, settle_or_search};
use crate::session::{AllocatedBuffer, caller};
use vdi_model::{BufferId, Call, Command, LaneId, Object, ServerCall, Stage, State, Touch};
use vdi_spec::clauses::Clause;
use vdi_trace::{Event, Found, Process};

/// A party reads a buffer, a command's structure or a device, and finds it alive or gone.
pub(crate) fn touch(
    checker: &mut Checker,
    lane: LaneId,
    name: &str,
    found: Found,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let Some((set, object)) = checker.session.names.object(name) else {
        return Err(InputError(format!("`{name}` is no buffer, no device and no command")));
    };
    let process = caller(checker.session.lanes[lane].process);
    settle_or_search(checker, set);
    let alive = found == Found::Alive;
    let seen = move |state: &State| vdi_model::touch(state, process, object).alive == alive;
    // Another order may explain it; if none does, it is reported as for one state.
    search_for(checker, set, &seen);
    let Checker { session, report, .. } = checker;
    for state in session.sets[set].states_mut() {
        vdi_model::uses(state, process, object, false);
    }
    let touches: SmallVec<[Touch; 2]> =
        session.sets[set].states().map(|state| vdi_model::touch(state, process, object)).collect();
    let touch = touches[0];
    if touch.alive != alive {
        let what = format!("{name} is {}", if touch.alive { "alive" } else { "gone" });
        let taken = if alive { None } else { taken_away(checker, set, lane, object) };
        let clause = taken.unwrap_or(touch.clause);
        refuse(checker, set, Allowed { what, clause }, event.to_string());
        return Ok(());
    }
    report.mark([Some(touch.clause), touch.also].into_iter().flatten());
    let blameless = touches.iter().any(|touch| touch.misuse.is_none());
    if let Some(clause) = touch.misuse.filter(|_| !blameless) {
        report.find(report.line, clause, event.to_string(), !alive);
    }
    Ok(())
}

/// What is broken where a party does not find what it has not closed: what gave it the object.
fn taken_away(checker: &Checker, set: usize, lane: LaneId, object: Object) -> Option<Clause> {
    let Checker { session, .. } = checker;
    let (process, track) = (session.lanes[lane].process, &session.sets[set]);
    let Object::Buffer(buffer) = object else { return None };
    // A Close may take what is another set's.
    let closed = session.sets.iter().any(|set| set.evidence.has_closed(process));
    if closed || track.any(|state| state.aborted.is_some()) {
        return None;
    }
    let number = match process {
        Process::Secondary(number) => number,
        Process::Primary | Process::Server => 0,
    };
    let holds = |state: &State| {
        let own = |command: &Command| {
            let device = &state.devices[usize::from(command.device)];
            command.stage == Stage::Delivered && device.owner == number
        };
        state.commands.iter().any(|command| command.buffer == Some(buffer) && own(command))
    };
    match process {
        Process::Server => Some(Clause::ServerAllocateBufferStatus),
        Process::Primary | Process::Secondary(_) if track.evidence.has_secondary_closed() => {
            Some(Clause::ClientCloseSecondary)
        }
        Process::Primary | Process::Secondary(_) if track.any(holds) => {
            Some(Clause::ClientGetCommandAsSent)
        }
        Process::Secondary(_) => Some(Clause::ClientMapBufferHandleStatus),
        Process::Primary => None,
    }
}

/// A party writes into a buffer, or into a command's structure.
pub(crate) fn write(
    checker: &mut Checker,
    lane: LaneId,
    name: &str,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let process = caller(checker.session.lanes[lane].process);
    let (set, object) = match checker.session.names.object(name) {
        Some((_, Object::Device)) | None => {
            return Err(InputError(format!("`{name}` is no buffer and no command")));
        }
        Some(found) => found,
    };
    settle_or_search(checker, set);
    let Checker { session, report, .. } = checker;
    let mut broken: Option<Option<Clause>> = None;
    for state in session.sets[set].states_mut() {
        let clause = vdi_model::uses(state, process, object, true);
        broken = Some(broken.map_or(clause, |before| before.and(clause)));
    }
    if let Some(clause) = broken.flatten() {
        report.find(report.line, clause, event.to_string(), false);
    }
    Ok(())
}

/// A buffer is aligned, and it and its prefix zone share no byte with another.
pub(crate) fn check_buffer(
    checker: &mut Checker,
    set: usize,
    allocated: AllocatedBuffer,
    alignment: u32,
    event: &Event<'_>,
) {
    let Some(address) = allocated.address else {
        return;
    };
    let Checker { session, report, .. } = checker;
    let track = &session.sets[set];
    let config = track.config.asked.with_server(&track.config.server);
    let aligned = u64::from(alignment.max(config.alignment).max(1));
    let prefix = u64::from(track.config.asked.prefix_zone_size);
    let got = || format!("{event} at the address {address}");
    let clause = Clause::ServerAllocateBufferAligned;
    if !address.is_multiple_of(aligned) {
        let what = format!("an address that is a multiple of {aligned}");
        return refuse(checker, set, Allowed { what, clause }, got());
    }
    report.mark([clause]);
    let zone = |address: u64, size: u32| {
        (address.saturating_sub(prefix), address.saturating_add(size.into()))
    };
    let (start, end) = zone(address, allocated.size);
    // What may be freed by now may be given again.
    let lives = |id: BufferId| {
        track.states().all(|state| state.buffer(id).is_some())
            && !session.calls_of(set).any(|call| frees(&call.bound.call, id))
    };
    let overlapped = session.names.buffers(set).find(|(_, other)| {
        let apart = other.address.is_none_or(|other_address| {
            let (other_start, other_end) = zone(other_address, other.size);
            end <= other_start || other_end <= start
        });
        lives(other.id) && !apart
    });
    let clause = Clause::ServerAllocateBufferPrefixZone;
    let Some((name, _)) = overlapped else {
        report.mark([clause]);
        return;
    };
    let what = format!("a buffer with its prefix zone apart from {name}");
    refuse(checker, set, Allowed { what, clause }, got());
}

/// Whether a call frees this buffer.
fn frees(call: &Call, id: BufferId) -> bool {
    match call {
        Call::Server(ServerCall::FreeBuffer { buffer, .. }) => *buffer == Some(id),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => false,
    }
}

fn refuse(checker: &mut Checker, set: usize, expected: Allowed, got: String) {
    let clause = expected.clause;
    let (expected, shows) = (vec![expected], Shows::Nothing);
    violated(checker, Refusal { set, call: None, clause, expected, got, shows });
}
