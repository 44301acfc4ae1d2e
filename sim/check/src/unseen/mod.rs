//! Half a history: the calls of one side, while nobody looked at the other.
//!
//! What a client program does can be recorded where the server cannot, by a library that
//! stands between the client and an original one. The unseen side is free to do whatever
//! the documents allow it. So calls are supplied for it, and the whole is judged like any
//! other history: a return of the client that a server can bring about has an explanation,
//! and one that no server can is a violation.
//!
//! A supplied call is under way for as long as it can matter. That the server aborts, say,
//! begins when the first call begins that is answered with `VD_E_ABORT`, and has no return:
//! the judge finds out when it takes effect, and whether it has to. Earlier than that it
//! need never begin, since nothing that was seen before depends on it. So it is with the
//! configuration, with each command, and with the end of a device. What the supplied calls
//! break is not held against anyone.

mod seen;
mod server;
mod supply;

use std::borrow::Cow;

use super::sequential::Checker;
use super::verdict::{Judged, Verdict};
use vdi_trace::{Event, Header, Process};

pub(super) use supply::Supply;

/// An event with its line: of a supplied one the line of the event that called for it.
pub(super) type Placed<'t> = (usize, Cow<'t, Event<'t>>);

/// Judges events of which a side is missing. That the server closes is tried where it is
/// not enough that it aborts.
pub(super) fn judge(checker: Checker, header: &Header, events: &[(usize, Event<'_>)]) -> Judged {
    let judged = judge_with(checker.clone(), header, events, false);
    match judged.verdict {
        Verdict::Violation(_) => judge_with(checker, header, events, true),
        _ => judged,
    }
}

fn judge_with(
    checker: Checker,
    header: &Header,
    events: &[(usize, Event<'_>)],
    closes: bool,
) -> Judged {
    let mut checker = checker;
    let whole = Supply::new(header, events, closes).whole();
    for interface in whole.interfaces {
        checker.add_interface(interface, Process::Server);
    }
    for (handle, buffer) in whole.handles {
        checker.add_foreign_handle(handle, buffer);
    }
    for (line, event) in whole.events {
        match checker.event(line, &event) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return checker.finish_with(error.at(line, &event)),
        }
    }
    checker.finish()
}
