//! What a client knows of its SQL statement, and what it does and says in spite of it.

use crate::Checker;
use crate::explain::InputError;
use crate::session::{Bound, Session, SetTrack};
use vdi_model::{Caller, LaneId};
use vdi_spec::clauses::{Clause, Party};
use vdi_trace::{Args, Event, Function, Reported, Statement, TimeoutArg};

/// A client learns something of its SQL statement.
pub(crate) fn statement(
    checker: &mut Checker,
    lane: LaneId,
    statement: Statement,
    devices: Option<u32>,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let Checker { session, report, .. } = checker;
    let set = set_of_client(session, lane)?;
    let SetTrack { config, statement: track, .. } = &mut session.sets[set];
    let asked = config.asked.device_count;
    match statement {
        Statement::Issued => {
            if std::mem::replace(&mut track.issued, true) {
                let what = format!("{event} a second time for one Create");
                report.find(report.line, Clause::ClientCreateOneStatement, what, false);
            }
            if devices.is_some_and(|named| named != asked) {
                let what = format!("{event}, and asked for {asked}");
                report.find(report.line, Clause::ClientCreateDeviceCount, what, false);
            }
        }
        Statement::Succeeded => {
            if track.complete_failed != 0 {
                let what = format!("{event}, although Complete had failed");
                report.find(report.line, Clause::ServerCompleteFailure, what, false);
            }
            track.succeeded = Some(true);
        }
        Statement::Failed => track.succeeded = Some(false),
    }
    Ok(())
}

/// A client reports to its caller how it ended.
pub(crate) fn report(
    checker: &mut Checker,
    lane: LaneId,
    reported: Reported,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let Checker { session, report, .. } = checker;
    let set = set_of_client(session, lane)?;
    let succeeded = session.sets[set].statement.succeeded == Some(true);
    if reported == Reported::Success && !succeeded {
        report.find(report.line, Clause::ClientSuccess, event.to_string(), false);
    }
    Ok(())
}

/// The set that a client's process has, or had last.
fn set_of_client(session: &Session, lane: LaneId) -> Result<usize, InputError> {
    let process = session.lanes[lane].process;
    if process.party() != Party::Client {
        return Err(InputError(format!("this is told of a client's lane, not of {process}'s")));
    }
    let mut interfaces = session.names.interfaces.iter().filter(|known| known.process == process);
    Ok(interfaces.find_map(|known| known.set).unwrap_or(SetTrack::UNATTACHED))
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

/// Whether no configuration will come, and no abort that would end the wait for it.
pub(super) fn waits_in_vain(set: &SetTrack) -> bool {
    set.statement.succeeded == Some(false) && set.any(|state| state.aborted.is_none())
}
