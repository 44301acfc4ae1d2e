//! Rest, as an adapter that does not offer `settle` lets it be known: by silence.
//!
//! A silence is believed where the model knows of nothing that is still to come. Where it
//! does, something is late, or never comes: it is waited for as long as for an answer.

use std::collections::BTreeSet;

use vdi_check::{Verdict, check_trace};
use vdi_trace::{Event, Name};

use super::driver::{Driver, End};

/// Waits until everything is at rest, as far as silence can tell.
pub(super) fn by_silence(driver: &mut Driver<'_>) -> Result<(), End> {
    let (grace, timeout) = (driver.limits.grace, driver.limits.timeout);
    loop {
        if let Some(answer) = driver.connection.receive(grace)? {
            driver.note(answer)?;
            continue;
        }
        if may_be(driver) {
            break;
        }
        match driver.connection.receive(timeout.saturating_sub(grace))? {
            Some(answer) => driver.note(answer)?,
            None => break,
        }
    }
    driver.run.by_silence |= !driver.calls.is_empty();
    Ok(())
}

/// The event that says which lanes are in a call, if any is.
pub(super) fn event(driver: &Driver<'_>) -> Option<Event<'static>> {
    let lanes: BTreeSet<&String> = driver.calls.values().collect();
    let blocked: Vec<_> = lanes.into_iter().map(|lane| Name::from(lane.clone())).collect();
    (!blocked.is_empty()).then_some(Event::Blocked { seq: None, blocked })
}

/// Whether, by the model, nothing more comes by itself.
fn may_be(driver: &Driver<'_>) -> bool {
    let Some(rest) = event(driver) else { return true };
    let mut trace = driver.run.trace.clone();
    trace.push(rest);
    let last = trace.events.len() + 1;
    match check_trace(&trace, driver.profile).verdict {
        Verdict::Violation(violation) => violation.line != last,
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => true,
    }
}
