//! The names of devices, where their media stand, and who uses them.

use crate::Checker;
use crate::explain::Report;
use crate::session::{Bound, PositionReport, Session, SetTrack};
use crate::terms::Terms;
use vdi_model::{LaneId, ServerDevice, State};
use vdi_spec::clauses::{Clause, DeviceThread, StrayBytes};
use vdi_trace::Function;

/// The server opens the first device by the set's name, and none by another's.
pub(crate) fn check_device_name(set: &SetTrack, report: &mut Report, name: &str, index: u8) {
    let index = usize::from(index);
    let is_first = |state: &State| {
        let mut devices = state.devices.iter().enumerate();
        devices.all(|(other, device)| other == index || device.server == ServerDevice::Unopened)
    };
    // Its Create need not have returned.
    let of_set = set.creating.as_ref().map_or(&set.name, |known| &known.name);
    let wrong = name != of_set && set.states().all(is_first);
    let mut names = set.devices.names.iter().enumerate();
    let twice = names.any(|(other, known)| other != index && known.as_deref() == Some(name));
    if wrong || twice {
        let what = format!("OpenDevice by the name {name}");
        report.find(report.line, Clause::ServerOpenDeviceNames, what, false);
    }
}

/// The client has given a position with a success, in the call that began in this line.
pub(crate) fn check_position(
    set: &mut SetTrack,
    report: &mut Report,
    line: usize,
    given: PositionReport,
) {
    let Some((clause, due)) = set.media.note_given(given) else {
        return;
    };
    let position = given.position;
    if position == due {
        report.mark([clause]);
    } else {
        let what = format!("CompleteCommand tells the position {position}, not {due}");
        report.find(line, clause, what, false);
    }
}

/// Tells of bytes that are given with a command that has none to give, where that is nobody's
/// fault.
pub(crate) fn note_stray_bytes(checker: &mut Checker, bound: &Bound) {
    let Some((command, bytes @ 1..)) = bound.call.completes() else {
        return;
    };
    let Checker { session, report, terms, .. } = checker;
    let sent = session.names.sent(bound.set, command).filter(|sent| !sent.code.info().moves_data);
    if let Some(sent) = sent.filter(|_| terms.profile.stray_bytes == StrayBytes::Told) {
        let code = sent.code.info().name;
        let what = format!("{bytes} bytes are given with a {code}, which has none to give");
        report.note(report.line, what);
    }
}

/// A device is used by one thread of a client at a time, or by one alone.
pub(crate) fn check_use(checker: &mut Checker, lane: LaneId, function: Function, bound: &Bound) {
    let Some(device) = bound.call.client_device() else {
        return;
    };
    let Checker { session, report, terms, .. } = checker;
    let at_the_same_time = session.calls.iter().position(|call| {
        call.lane != lane
            && call.bound.set == bound.set
            && call.bound.call.client_device() == Some(device)
    });
    let what = if let Some(index) = at_the_same_time {
        format!("{function} while {} goes on", session.call_text(index))
    } else if let Some(first) = other_first_user(session, terms, lane, bound.set, device) {
        let first = session.lanes.name(first);
        format!("{function}, and {first} has used the device before")
    } else {
        return;
    };
    report.find(report.line, Clause::ClientDeviceOneThread, what, false);
}

/// Where a device belongs to one thread: the lane that used it first, if it is another.
fn other_first_user(
    session: &mut Session,
    terms: &Terms,
    lane: LaneId,
    set: usize,
    device: u8,
) -> Option<LaneId> {
    if terms.profile.device_thread == DeviceThread::Turns {
        return None;
    }
    let users = &mut session.sets[set].devices.users;
    let known = users.iter().find(|(of, _)| *of == device).map(|(_, first)| *first);
    if known.is_none() {
        users.push((device, lane));
    }
    known.filter(|first| *first != lane)
}
