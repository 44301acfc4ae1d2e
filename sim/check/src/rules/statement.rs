//! What a client knows of its SQL statement, and what it does and says in spite of it; what
//! the server says of it.

use super::ending::judge_success;
use crate::Checker;
use crate::explain::InputError;
use crate::session::{Bound, Interface, Session, SetTrack};
use vdi_model::{Caller, Configuration, LaneId, State};
use vdi_spec::clauses::{Clause, Party};
use vdi_trace::{Args, Event, Function, Reported, Statement, TimeoutArg};

/// A client learns something of its SQL statement, or the server says it.
pub(crate) fn statement(
    checker: &mut Checker,
    told: &Told<'_>,
    statement: Statement,
    devices: Option<u32>,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let Checker { session, report, .. } = checker;
    let by_client = session.lanes[told.lane].process.party() == Party::Client;
    let interface = interface_of(session, told)?;
    let known = interface.map(|index| &mut session.names.interfaces[index]);
    let set = known.as_ref().and_then(|known| known.set).unwrap_or(SetTrack::UNATTACHED);
    let SetTrack { config, statement: track, .. } = &mut session.sets[set];
    // Of sets that are not made yet each has a statement of its own.
    let issued = match known {
        Some(known) if known.set.is_none() => &mut known.issued,
        Some(_) | None => &mut track.issued,
    };
    let asked = config.asked.device_count;
    if by_client && statement != Statement::Issued {
        track.succeeded = Some(statement == Statement::Succeeded);
    }
    match statement {
        Statement::Issued => {
            if by_client && std::mem::replace(issued, true) {
                let what = format!("{event} a second time for one Create");
                report.find(report.line, Clause::ClientCreateOneStatement, what, false);
            }
            let other = set != SetTrack::UNATTACHED && devices.is_some_and(|named| named != asked);
            if other && !std::mem::replace(&mut track.miscounted, true) {
                let what = format!("{event}, and the client asked for {asked}");
                report.find(report.line, Clause::ClientCreateDeviceCount, what, false);
            }
        }
        Statement::Succeeded => judge_success(checker, set, event),
        Statement::Failed => {
            track.failed.get_or_insert(report.line);
        }
    }
    Ok(())
}

/// A client reports to its caller how it ended.
pub(crate) fn report(
    checker: &mut Checker,
    told: &Told<'_>,
    reported: Reported,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let Checker { session, report, .. } = checker;
    let process = session.lanes[told.lane].process;
    if process.party() != Party::Client {
        return Err(InputError(format!("this is told of a client's lane, not of {process}'s")));
    }
    let set = set_of(session, told)?;
    let succeeded = session.sets[set].statement.succeeded == Some(true);
    if reported == Reported::Success && !succeeded {
        report.find(report.line, Clause::ClientSuccess, event.to_string(), false);
    }
    Ok(())
}

/// Who tells something of a statement, and of which set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) lane: LaneId,
    /// The name of a set interface.
    pub(crate) on: Option<&'a str>,
}

/// The set that this interface has, or had last; without one, the first that the process has
/// or had.
fn set_of(session: &Session, told: &Told<'_>) -> Result<usize, InputError> {
    let interface = interface_of(session, told)?;
    let set = interface.and_then(|index| session.names.interfaces[index].set);
    Ok(set.unwrap_or(SetTrack::UNATTACHED))
}

/// The interface of which something is told; without a name, the first of the process that has
/// or had a set, or else the first.
fn interface_of(session: &Session, told: &Told<'_>) -> Result<Option<usize>, InputError> {
    let process = session.lanes[told.lane].process;
    let mut own = session.names.interfaces.iter().enumerate();
    let of_process = |known: &(usize, &Interface)| known.1.process == process;
    let found = match told.on {
        None => own
            .clone()
            .filter(of_process)
            .find(|(_, known)| known.set.is_some())
            .or_else(|| own.find(of_process)),
        Some(on) => match own.find(|known| of_process(known) && known.1.name == on) {
            None => return Err(InputError(format!("`{on}` is no set interface of {process}"))),
            found => found,
        },
    };
    Ok(found.map(|(index, _)| index))
}

/// A client waits for a configuration without a limit, although its statement has failed.
pub(crate) fn check_wait(
    checker: &mut Checker,
    function: Function,
    bound: &Bound,
    args: &Args<'_>,
) {
    if function == Function::GetConfiguration
        && matches!(bound.call.caller(), Caller::Client(_))
        && args.timeout == Some(TimeoutArg::Infinite)
        && waits_in_vain(&checker.session.sets[bound.set])
    {
        let what = "GetConfiguration without a limit after the statement failed".to_owned();
        let clause = Clause::ClientGetConfigurationAfterFailure;
        checker.report.find(checker.report.line, clause, what, false);
    }
}

/// Whether no configuration will come, and no abort that would end the wait for it. Where it is
/// there nobody waits.
pub(super) fn waits_in_vain(set: &SetTrack) -> bool {
    let in_vain =
        |state: &State| state.aborted.is_none() && state.configuration != Configuration::Ended;
    set.statement.succeeded == Some(false) && set.states().all(in_vain)
}
