//! What happened to a program, in words: how it ended, what became of its statement, what its
//! own caller was told.

use vdi_trace::Trace;

use super::seen;
use crate::observation::{Observation, Outcome};
use crate::situation::{Around, Situation};

/// What ended it, if no exit code did.
pub(super) fn signal(observed: &Observation) -> String {
    observed.end.signal.map_or_else(|| "a signal".to_owned(), |number| format!("signal {number}"))
}

/// How it ended, and what its caller thinks of that.
pub(super) fn told(observed: &Observation) -> String {
    match observed.end.code {
        Some(0) => "exits with 0, which tells its caller success".to_owned(),
        Some(code) => format!("exits with {code}, which tells its caller failure"),
        None => format!("was ended by {}", signal(observed)),
    }
}

/// The whole of it, in one line.
pub(super) fn story(observed: &Observation) -> String {
    let told = if observed.end.hung {
        "did not end, and was killed".to_owned()
    } else if observed.end.cancelled {
        format!("was told to end (SIGTERM); {}", told(observed))
    } else {
        told(observed)
    };
    format!("{told}; {}", statements(observed))
}

/// What became of its statements.
fn statements(observed: &Observation) -> String {
    let all = &observed.outcomes;
    let late = |index: usize| if index < observed.awaited { "" } else { ", after it had ended" };
    let failed = all.iter().enumerate().find(|(_, outcome)| !outcome.succeeded);
    match (failed, all.len()) {
        (None, 0) => "it handed no statement to sqlcmd, or that did not end".to_owned(),
        (None, 1) => format!("its statement succeeded{}", late(0)),
        (None, count) => format!("its {count} statements succeeded{}", late(count - 1)),
        (Some((index, outcome)), 1) => {
            format!("its statement failed{}: {}", late(index), messages(outcome))
        }
        (Some((index, outcome)), count) => {
            format!("one of its {count} statements failed{}: {}", late(index), messages(outcome))
        }
    }
}

fn messages(outcome: &Outcome) -> String {
    outcome.messages.join(" ")
}

/// It has told its caller success, and there was none.
pub(super) fn false_success(observed: &Observation) -> String {
    let statement = match observed.outcomes.get(observed.awaited..) {
        Some([_, ..]) => "its statement had not ended".to_owned(),
        _ => statements(observed),
    };
    format!("{}, though {statement}", told(observed))
}

/// It has left these devices alone.
pub(super) fn unserved(devices: &[String]) -> Option<String> {
    (!devices.is_empty()).then(|| {
        format!(
            "asked for no command of the device `{}` while it served another, which stays open \
             until the operation is complete on all",
            devices.join("`, `")
        )
    })
}

/// Why its statement failed where all was to go well.
pub(super) fn why_failed(observed: &Observation, trace: &Trace) -> String {
    if let Some(why) = unserved(&seen::unserved(trace)) {
        return format!("{why}: {}", statements(observed));
    }
    match observed.outcomes.iter().any(|outcome| !outcome.succeeded) {
        true => format!("{}: {}", told(observed), statements(observed)),
        false if observed.outcomes.is_empty() => {
            format!("{}: {}", told(observed), statements(observed))
        }
        false => format!("{}, before {}", told(observed), statements(observed)),
    }
}

/// The server has read other bytes than it has written, if it says so.
pub(super) fn other_bytes(observed: &Observation) -> Option<String> {
    let damaged = |text: &&String| DAMAGED.iter().any(|told| text.contains(told));
    let mut failed = observed.outcomes.iter().filter(|outcome| !outcome.succeeded);
    let text = failed.find_map(|outcome| outcome.messages.iter().find(damaged))?;
    Some(format!("what it gave back is not what it was given: {text}"))
}

/// What a server says of media that do not hold what was written onto them.
const DAMAGED: [&str; 2] = ["Damage to the backup set", "is no valid backup set"];

/// It waits for its set, and nobody will come.
pub(super) fn vain_wait(observed: &Observation, asked: usize) -> String {
    let times = if asked == 1 { "once".to_owned() } else { format!("{asked} times") };
    format!(
        "waits for its set (GetConfiguration, called {times} so far), though {}",
        statements(observed)
    )
}

/// In which unit its time-out was taken.
pub(super) fn unit(ms: u32, seconds: bool) -> String {
    if seconds {
        let time = ms / 1000;
        return format!("its GetCommand({time}) had timed out, taken for {time} seconds");
    }
    format!(
        "its GetCommand({ms}) had timed out, taken for {ms} milliseconds; where time-outs are \
         seconds it would wait {ms} seconds"
    )
}

/// What was done to it on purpose.
pub(super) fn provoked(situation: &Situation, faults: &str) -> Option<String> {
    let server = (!faults.is_empty()).then(|| format!("the server was told to ({faults})"));
    let around = match situation.around {
        Around::Nothing => None,
        Around::SmallDisk => Some("its files could not become large"),
        Around::Cancelled => Some("the program was told to end (SIGTERM)"),
        Around::HeldConfiguration => Some("GetConfiguration came back late (VDI_HOLD)"),
        Around::OtherDatabase => Some("another database stood in the place of the restored one"),
    };
    let all: Vec<String> = server.into_iter().chain(around.map(str::to_owned)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Why a situation is not the one that it was to be.
pub(super) fn why_not_reached(situation: &Situation, observed: &Observation) -> String {
    let what = if situation.around == Around::SmallDisk {
        "no disk became full"
    } else {
        "what was to go wrong did not happen"
    };
    let on_server = |trace: &Trace| {
        let lanes = trace.events.iter().filter_map(vdi_trace::Event::lane);
        lanes.into_iter().any(|lane| lane.starts_with("server."))
    };
    let why = match observed.outcomes.iter().find(|outcome| !outcome.succeeded) {
        Some(outcome) => format!("its statement failed before: {}", messages(outcome)),
        None if !observed.traces.iter().any(on_server) => {
            "no server came: it handed no statement to sqlcmd, or that did not end".to_owned()
        }
        None => "it ended before".to_owned(),
    };
    format!("{what}: {why}")
}
