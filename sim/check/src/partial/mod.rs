//! Half a history: the calls of one side, while nobody observed the other.
//!
//! What a client program does can be recorded where the server cannot, by a library that
//! stands between the client and an original one. The unseen side is free to do whatever
//! the documents allow it. So calls are synthesized for it, and the whole is judged like any
//! other history: a return of the client that a server can bring about has an explanation,
//! and one that no server can is a violation.
//!
//! A synthesized call is under way for as long as it can matter. That the server aborts, say,
//! begins when the first call begins that is answered with `VD_E_ABORT`, and has no return:
//! the checker finds out when it takes effect, and whether it has to. Earlier than that it
//! need never begin, since nothing that was seen before depends on it. So it is with the
//! configuration, with each command, and with the end of a device. What the synthesized
//! calls break is not held against anyone.

mod endings;
mod server;
mod synthesize;

use crate::Checker;
use crate::explain::{Judged, Verdict};
use vdi_trace::{Event, Header, Process};

use synthesize::Synthesizer;

/// Judges events of which a side is missing. That the server closes is tried where it is
/// not enough that it aborts.
pub(crate) fn judge(checker: Checker, header: &Header, events: &[(usize, Event<'_>)]) -> Judged {
    let judged = judge_with(checker.clone(), header, events, false);
    match judged.verdict {
        Verdict::Violation(_) => judge_with(checker, header, events, true),
        Verdict::Conformant | Verdict::Inconclusive(_) => judged,
    }
}

fn judge_with(
    mut checker: Checker,
    header: &Header,
    events: &[(usize, Event<'_>)],
    closes: bool,
) -> Judged {
    let whole = Synthesizer::new(header, events, closes).whole();
    let names = &mut checker.session.names;
    for interface in whole.interfaces {
        names.add_interface(interface, Process::Server);
    }
    for (handle, buffer) in whole.handles {
        names.add_foreign(handle, buffer);
    }
    checker.judge_all(whole.events)
}
