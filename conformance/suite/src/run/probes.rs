//! Asking whether things are there: of a buffer or a device, of a thread inside the library.

use vdi_trace::{Event, Found, LaneName, Name, Presence, Process};

use super::driver::{Driver, End};
use crate::adapter::protocol::{Answer, Request};

/// Whether an object is there for a lane; where nothing is expected the oracle alone judges.
pub(super) fn touch(
    driver: &mut Driver<'_>,
    object: &str,
    lane: &LaneName,
    expected: Option<Found>,
) -> Result<(), End> {
    let id = driver.id();
    let request = Request::Touch { id, lane: lane.to_string(), object: object.to_owned() };
    let answer = driver
        .ask(&request, |answer| matches!(answer, Answer::Touched { id: of, .. } if *of == id))?;
    let Answer::Touched { found, .. } = answer else { return Ok(()) };
    let (lane, touch) = (Name::from(lane.to_string()), Name::from(object.to_owned()));
    let what = format!("touching {object} from {lane}");
    let event = Event::Touch { seq: None, lane, touch, found };
    let word = |found| if found == Found::Alive { "alive" } else { "gone" };
    match expected {
        Some(expected) => record(driver, event, &what, word(expected), word(found)),
        None => drop(driver.push(event)),
    }
    Ok(())
}

/// Whether a thread of a process is inside the library.
pub(super) fn unload(
    driver: &mut Driver<'_>,
    process: Process,
    expected: Presence,
) -> Result<(), End> {
    let id = driver.id();
    let request = Request::Unload { id, process };
    let answer = driver
        .ask(&request, |answer| matches!(answer, Answer::Unloaded { id: of, .. } if *of == id))?;
    let Answer::Unloaded { found, .. } = answer else { return Ok(()) };
    let what = format!("unloading the library from {process}");
    let event = Event::Unload { seq: None, process, unload: found };
    let word = |found| if found == Presence::Idle { "idle" } else { "busy" };
    record(driver, event, &what, word(expected), word(found));
    Ok(())
}

fn record(driver: &mut Driver<'_>, event: Event<'static>, what: &str, expected: &str, found: &str) {
    let line = driver.push(event);
    if found == expected {
        driver.run.pinned.insert(line);
    } else {
        driver.mismatch(what, expected, found.to_owned(), false);
    }
}
