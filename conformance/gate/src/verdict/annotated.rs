//! A trace, and in it what no library sees: what the program knows of its statement, and what
//! it tells its own caller.

use vdi_spec::clauses::Party;
use vdi_trace::{Event, Function, Name, Reported, Statement, Trace};

use crate::observation::{Observation, Outcome};
use crate::program::is_end_of_client;
use crate::situation::Situation;

/// The lane on which stands what the program knows of its statement and what it says.
const LANE: &str = "primary.statement";

/// What became of the statement for this set, of those that are not yet taken by another: its
/// first device bears the set's name.
pub(super) fn outcome_of<'a>(
    trace: &Trace,
    outcomes: &mut Vec<&'a Outcome>,
) -> Option<&'a Outcome> {
    let created = trace.events.iter().find_map(|event| match event {
        Event::Call { call: Function::Create | Function::CreateEx, args, .. } => args.name.as_ref(),
        _ => None,
    });
    let of = |outcome: &&Outcome| {
        created
            .is_some_and(|name| outcome.devices.first().is_some_and(|first| first == name.as_str()))
    };
    let index = outcomes.iter().position(of)?;
    Some(outcomes.remove(index))
}

/// The trace, and in it what no library sees: the program has issued a statement, learns
/// what became of it, and tells its own caller, by its exit code, how all ended.
pub(super) fn annotated(
    situation: &Situation,
    observed: &Observation,
    trace: &Trace,
    outcome: Option<&Outcome>,
) -> Trace {
    let mut header = trace.header.clone();
    header.provoked = vec![Party::Server];
    header.scenario = Some(situation.id.to_owned());
    let lane = || Name::from(LANE);
    let note = |statement, devices| Event::Statement {
        seq: None,
        lane: lane(),
        on: None,
        statement,
        devices,
    };
    let succeeded = outcome.is_some_and(|outcome| outcome.succeeded);
    let learned = if succeeded { Statement::Succeeded } else { Statement::Failed };
    let mut end = vec![note(learned, None)];
    if let Some(success) = observed.end.tells_success() {
        let report = if success { Reported::Success } else { Reported::Failure };
        end.push(Event::Report { seq: None, lane: lane(), on: None, report });
    }
    let mut annotated = Trace::new(header);
    let mut issued = outcome.map(|outcome| outcome.devices.len());
    for event in &trace.events {
        // It has issued its statement before the server could come.
        if event.lane().is_some_and(|lane| lane.starts_with("server."))
            && let Some(devices) = issued.take()
        {
            annotated.push(note(Statement::Issued, u32::try_from(devices).ok()));
        }
        if is_end_of_client(event) {
            for event in end.drain(..) {
                annotated.push(event);
            }
        }
        annotated.push(event.clone());
    }
    for event in end {
        annotated.push(event);
    }
    annotated
}
