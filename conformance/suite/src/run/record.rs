//! From a recorded trace to the steps that make its calls again.

use vdi_trace::{Event, LaneName, Trace};

use crate::scenario::{Action, Step};

/// The steps that drive an implementation as the trace was driven, with no
/// pinned expectation: the oracle alone judges what comes.
///
/// # Errors
/// A lane's name in the trace is not of the form `process.thread`.
pub fn steps_of_trace(trace: &Trace) -> Result<Vec<Step>, vdi_spec::codes::UnknownName> {
    let lane = |name: &vdi_trace::Name<'_>| name.as_str().parse::<LaneName>();
    let mut steps = Vec::new();
    for event in &trace.events {
        let action = match event {
            Event::Call { lane: on_lane, call, on, creates, args, .. } => Action::Start {
                start: *call,
                lane: lane(on_lane)?,
                on: on.to_string(),
                creates: creates.as_ref().map(ToString::to_string),
                args: Box::new(args.clone()),
            },
            Event::Ended { lane: on_lane, ended, .. } => {
                Action::Resume { resume: ended.to_string(), lane: lane(on_lane)? }
            }
            Event::Touch { lane: on_lane, touch, found, .. } => {
                Action::Touch { touch: touch.to_string(), lane: lane(on_lane)?, found: *found }
            }
            Event::Exit { process, exit, .. } => Action::Exit { exit: *process, how: *exit },
            Event::Unload { process, unload, .. } => {
                Action::Unload { unload: *process, found: *unload }
            }
            Event::Wrote { lane: on_lane, wrote, .. } => {
                Action::Wrote { wrote: wrote.to_string(), lane: lane(on_lane)? }
            }
            Event::Expired { expired, after, .. } => {
                Action::Expire { expire: lane(expired)?, after: *after }
            }
            Event::Statement { lane: on_lane, on, statement, devices, .. } => Action::Statement {
                statement: *statement,
                lane: lane(on_lane)?,
                on: on.as_ref().map(ToString::to_string),
                devices: *devices,
            },
            Event::Report { lane: on_lane, on, report, .. } => Action::Report {
                report: *report,
                lane: lane(on_lane)?,
                on: on.as_ref().map(ToString::to_string),
            },
            Event::Return { .. } | Event::Callback { .. } | Event::Blocked { .. } => continue,
        };
        steps.push(Step { when: None, times: None, action });
    }
    Ok(steps)
}
