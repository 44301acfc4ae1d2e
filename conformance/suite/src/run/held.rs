//! Completion routines that are held, and let go.

use vdi_trace::{Event, LaneName};

use super::driver::{Driver, End};
use crate::adapter::Trouble;
use crate::adapter::protocol::Answer;

/// Lets the completion routine of a command return; where nothing is pinned it may not be held.
pub(super) fn resume_if(
    driver: &mut Driver<'_>,
    command: &str,
    lane: &LaneName,
    unpinned: bool,
) -> Result<(), End> {
    if unpinned && (!is_held(driver, command, lane) || calls_on(driver, lane) > 1) {
        return Ok(());
    }
    resume(driver, command, lane)
}

/// Calls in progress on a lane: two if one was made from inside a routine.
fn calls_on(driver: &Driver<'_>, lane: &LaneName) -> usize {
    driver.calls.values().filter(|on| *on == lane.as_str()).count()
}

/// Whether no call can be made on a lane: it is in one, and not in a routine that is held.
pub(super) fn is_busy(driver: &Driver<'_>, lane: &LaneName) -> bool {
    let in_routine = || {
        let last = driver.run.trace.events.iter().rev().find_map(|event| match event {
            Event::Callback { lane: on, held, .. } => {
                (on.as_str() == lane.as_str()).then_some(*held)
            }
            Event::Ended { lane: on, .. } => (on.as_str() == lane.as_str()).then_some(false),
            _ => None,
        });
        last == Some(true)
    };
    match calls_on(driver, lane) {
        0 => false,
        1 => !in_routine(),
        _ => true,
    }
}

/// Lets the completion routine of a command return.
fn resume(driver: &mut Driver<'_>, command: &str, lane: &LaneName) -> Result<(), End> {
    let (id, request) = driver.let_go(command, lane);
    let resumed = |answer: &Answer| matches!(answer, Answer::Resumed { id: of } if *of == id);
    if let Err(end) = driver.ask(&request, resumed) {
        // Nothing ended.
        if matches!(end, End::NotOffered { .. }) {
            driver.run.trace.events.pop();
            driver.run.step_of_line.pop();
        }
        return Err(match end {
            End::NotOffered { what, reason } if is_held(driver, command, lane) => {
                Trouble::Unsupported { what, reason }.into()
            }
            end => end,
        });
    }
    driver.settle()
}

/// Whether the completion routine of a command was told to be held, and not let go since.
fn is_held(driver: &Driver<'_>, command: &str, lane: &LaneName) -> bool {
    let last = driver.run.trace.events.iter().rev().find_map(|event| match event {
        Event::Callback { lane: on, callback, held, .. }
            if callback.as_str() == command && on.as_str() == lane.as_str() =>
        {
            Some(*held)
        }
        Event::Ended { ended, .. } if ended.as_str() == command => Some(false),
        _ => None,
    });
    last == Some(true)
}
