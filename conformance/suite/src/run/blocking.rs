//! Blocking as a verdict of its own: a call that must block, one that must not, and one
//! that must be unblocked by what happened.
//!
//! All three are decided by rest: everything else has come to it. An implementation that
//! hangs never does, and is told apart by that; its limit decides nothing here.

use vdi_check::Violation;
use vdi_trace::{Event, Function, Trace};

use super::seen::Mismatch;
use crate::scenario::Unblocked;

/// What a call did wrong about blocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", tag = "must")]
pub enum Blocking {
    /// It returned, and had to stay in progress.
    Block,
    /// It stays in progress, and had to return without waiting.
    NotBlock,
    /// It was blocked, and stays so although this has happened.
    Unblock {
        /// What.
        by: Unblocked,
    },
}

impl Blocking {
    /// What it had to do, for people.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Block => "it must block here".to_owned(),
            Self::NotBlock => "it must not block here".to_owned(),
            Self::Unblock { by } => format!("it must be unblocked by {}", by.name()),
        }
    }
}

/// What a violation says of blocking, if it does.
pub(super) fn of_violation(trace: &Trace, violation: &Violation) -> Option<Blocking> {
    let at = trace.index(violation.line)?;
    if !matches!(trace.events[at], Event::Blocked { .. }) {
        return violation.early.then_some(Blocking::Block);
    }
    stays(trace, at, violation.lane.as_deref()?)
}

/// What a pinned expectation that was not met says of blocking.
pub(super) fn of_mismatch(trace: &Trace, mismatch: &Mismatch) -> Option<Blocking> {
    match &mismatch.stays {
        Some((_, true)) => Some(Blocking::Block),
        Some((lane, false)) => stays(trace, trace.events.len(), lane),
        None => None,
    }
}

/// The lane is still in its call at this event: was it blocked before, and what has
/// happened since?
fn stays(trace: &Trace, at: usize, lane: &str) -> Option<Blocking> {
    let events = trace.events.get(..at)?;
    let calls =
        |event: &Event<'_>| matches!(event, Event::Call { .. }) && event.lane() == Some(lane);
    let begun = events.iter().rposition(calls)?;
    let rests = |event: &Event<'_>| match event {
        Event::Blocked { blocked, .. } => blocked.iter().any(|name| name.as_str() == lane),
        _ => false,
    };
    // What is at rest at last is what is judged; before that it may have been once.
    let earlier = match events.last() {
        Some(Event::Blocked { .. }) => &events[begun..events.len() - 1],
        _ => &events[begun..],
    };
    let Some(rest) = earlier.iter().rposition(rests) else {
        return Some(Blocking::NotBlock);
    };
    let by = cause(&earlier[rest..]);
    by.map(|by| Blocking::Unblock { by })
}

/// What has happened that unblocks calls.
fn cause(events: &[Event<'_>]) -> Option<Unblocked> {
    events.iter().enumerate().rev().find_map(|(at, event)| match event {
        Event::Expired { .. } => Some(Unblocked::Expiry),
        Event::Exit { .. } => Some(Unblocked::Abort),
        Event::Call { call: Function::SignalAbort, .. } => Some(Unblocked::Abort),
        Event::Call { call: Function::CloseDevice, .. } => Some(Unblocked::Close),
        Event::Call { call: Function::Close, lane, .. } => {
            // With devices open it fails, and aborts.
            let fails = |event: &Event<'_>| match event {
                Event::Return { lane: of, status, .. } => of == lane && status.is_failure(),
                _ => false,
            };
            let fails = events[at..].iter().any(fails);
            Some(if fails { Unblocked::Abort } else { Unblocked::Close })
        }
        _ => None,
    })
}
