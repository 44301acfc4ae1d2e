//! Events in words.

use std::borrow::Cow;
use std::fmt;

use super::{Event, Found, Presence, Reported, Statement};

/// One line for people: `server.main  Close on sset`.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { lane, call, on, creates, .. } => {
                write!(f, "{lane} calls {call} on {on}")?;
                creates.iter().try_for_each(|name| write!(f, " as {name}"))
            }
            Self::Return { lane, status, out, .. } => {
                write!(f, "{lane} returns {status}")?;
                out.command.iter().try_for_each(|name| write!(f, " with {name}"))
            }
            Self::Callback { lane, callback, completion, bytes: 0, .. } => {
                write!(f, "callback of {callback} with {completion} on {lane}")
            }
            Self::Callback { lane, callback, completion, bytes, .. } => {
                write!(f, "callback of {callback} with {completion}, bytes {bytes}, on {lane}")
            }
            Self::Ended { lane, ended, .. } => write!(f, "callback of {ended} ends on {lane}"),
            Self::Touch { lane, touch, found, .. } => {
                let found = if *found == Found::Alive { "alive" } else { "gone" };
                write!(f, "{lane} touches {touch}: {found}")
            }
            Self::Wrote { lane, wrote, .. } => write!(f, "{lane} writes into {wrote}"),
            Self::Expired { expired, after, .. } => {
                write!(f, "time passes for {expired}")?;
                after.iter().try_for_each(|ms| write!(f, ": {ms} ms"))
            }
            Self::Statement { lane, on, statement, devices, .. } => {
                let servers = lane.as_str().starts_with("server.");
                let what = match statement {
                    Statement::Issued if servers => "takes the SQL statement",
                    Statement::Issued => "issues the SQL statement",
                    Statement::Succeeded if servers => "says that the SQL statement succeeded",
                    Statement::Succeeded => "learns that the SQL statement succeeded",
                    Statement::Failed if servers => "says that the SQL statement failed",
                    Statement::Failed => "learns that the SQL statement failed",
                };
                write!(f, "{lane} {what}")?;
                on.iter().try_for_each(|on| write!(f, " of {on}"))?;
                devices.iter().try_for_each(|count| write!(f, " with {count} virtual devices"))
            }
            Self::Report { lane, on, report, .. } => {
                let what = match report {
                    Reported::Success => "success",
                    Reported::Failure => "failure",
                };
                write!(f, "{lane} reports {what}")?;
                on.iter().try_for_each(|on| write!(f, " of {on}"))
            }
            Self::Blocked { blocked, .. } if blocked.is_empty() => f.pad("at rest, no call open"),
            Self::Blocked { blocked, .. } => {
                let lanes: Vec<Cow<'_, str>> = blocked.iter().map(|lane| lane.0.clone()).collect();
                write!(f, "at rest, still in a call: {}", lanes.join(", "))
            }
            Self::Exit { process, .. } => write!(f, "{process} exits"),
            Self::Unload { process, unload, .. } => {
                let found = if *unload == Presence::Idle { "idle" } else { "busy" };
                write!(f, "{process} unloads the library: {found}")
            }
        }
    }
}
