//! Rest, as an adapter that does not offer `settle` lets it be known: by silence.
//!
//! A silence is believed where the model knows of nothing that is still to come. Where it
//! does, something is late, or never comes: it is waited for as long as for an answer.

use std::collections::BTreeSet;
use std::time::Duration;

use vdi_check::{Verdict, check_trace};
use vdi_trace::{Event, Name};

use super::driver::{Driver, End};
use crate::adapter::protocol::Answer;
use crate::adapter::{Deadline, Trouble};

/// Waits until everything is at rest, as far as silence can tell.
pub(super) fn by_silence(driver: &mut Driver<'_>) -> Result<(), End> {
    let (grace, timeout) = (driver.limits.grace, driver.limits.timeout);
    let deadline = Deadline::after(timeout.saturating_add(grace));
    loop {
        until_silent(driver, grace, &deadline)?;
        if may_be(driver) {
            break;
        }
        match driver.connection.receive(timeout.saturating_sub(grace))? {
            Some(answer) => note_before(driver, answer, &deadline)?,
            None => break,
        }
    }
    driver.run.by_silence |= !driver.calls.is_empty();
    Ok(())
}

/// Takes what comes until nothing has for so long. Whoever goes on and on has no rest: that
/// it comes to some is waited for as long as for an answer, and for the silence.
pub(super) fn of_silence(driver: &mut Driver<'_>, silence: Duration) -> Result<(), End> {
    let deadline = Deadline::after(driver.limits.timeout.saturating_add(silence));
    until_silent(driver, silence, &deadline)
}

fn until_silent(driver: &mut Driver<'_>, silence: Duration, by: &Deadline) -> Result<(), End> {
    while let Some(answer) = driver.connection.receive(silence)? {
        note_before(driver, answer, by)?;
    }
    Ok(())
}

fn note_before(driver: &mut Driver<'_>, answer: Answer, deadline: &Deadline) -> Result<(), End> {
    driver.note(answer)?;
    if deadline.is_over() {
        let within = driver.limits.timeout;
        let text = format!("does not come to rest: it goes on to write after {within:?}");
        return Err(Trouble::TooMuch(text).into());
    }
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
