//! The reference implementation under loom: every order of events, up to a bound on
//! preemptions, of the races that the documents speak of.
//!
//! The sources are compiled a second time here, with loom's lock and condition
//! variable in place of the standard library's. Loom's time-outs never expire,
//! so nothing here waits for one.
//!
//! `LOOM_MAX_PREEMPTIONS` sets another bound than 3.

#[allow(dead_code, reason = "the races need a part of the interface only")]
#[path = "../../src/implementation/mod.rs"]
pub mod implementation;

mod races;
mod stage;

/// What `src/sync.rs` is to the program. Arc stays the standard library's: it
/// orders nothing here, and loom's cannot be dropped after a deadlock.
mod sync {
    pub(crate) use std::sync::{Arc, LockResult, PoisonError};

    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

    /// Loom tries every order without.
    pub(crate) fn linger() {
        loom::thread::yield_now();
    }
}

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use self::implementation::Mutant;

/// A race, which runs once and says what was seen, and all that may be seen.
type Race = (fn(Option<Mutant>) -> String, &'static [&'static str]);

const SERVER_CLOSE: Race = (
    races::server_close,
    &["agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: VD_E_ABORT; server: VD_E_PROTOCOL"],
);
const SERVER_CLOSE_AND_COMPLETION: Race = (
    races::server_close_and_completion,
    &[
        "agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: NOERROR; server: VD_E_PROTOCOL",
        "agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: VD_E_ABORT; server: VD_E_PROTOCOL",
        "agent: c1 ERROR_SUCCESS, NOERROR; client: NOERROR; server: VD_E_PROTOCOL",
    ],
);
const SIGNAL_ABORT: &[&str] = &[
    "aborter: NOERROR; agent: NOERROR; client: VD_E_ABORT; \
     sender: c1 ERROR_OPERATION_ABORTED, VD_E_ABORT",
    "aborter: NOERROR; agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: NOERROR; \
     sender: NOERROR",
    "aborter: NOERROR; agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: VD_E_ABORT; \
     sender: NOERROR",
];
const SERVER_SIGNAL_ABORT: Race = (races::server_signal_abort, SIGNAL_ABORT);
const CLIENT_SIGNAL_ABORT: Race = (races::client_signal_abort, SIGNAL_ABORT);
const TWO_SIGNAL_ABORTS: Race = (
    races::two_signal_aborts,
    &["agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: NOERROR; server: NOERROR"],
);
const CLIENT_CLOSE_AND_SEND: Race = (
    races::client_close_and_send,
    &[
        "agent: NOERROR; client: VD_E_OPEN; sender: c1 ERROR_OPERATION_ABORTED, VD_E_ABORT",
        "agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: VD_E_OPEN; sender: NOERROR",
    ],
);
const AGENT_AND_LAST_OPEN: Race = (
    races::agent_and_last_open,
    &[
        "agent: NOERROR; client: NOERROR; \
         sender, perhaps too early: c1 ERROR_INVALID_HANDLE, VD_E_PROTOCOL; server: VD_E_PROTOCOL",
        "agent: VD_E_PROTOCOL; client: NOERROR; \
         sender, perhaps too early: c1 ERROR_INVALID_HANDLE, VD_E_PROTOCOL; server: VD_E_PROTOCOL",
        "agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: NOERROR; \
         sender, agent runs: NOERROR; server: VD_E_PROTOCOL",
        "agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: NOERROR; \
         sender, perhaps too early: NOERROR; server: VD_E_PROTOCOL",
    ],
);
const LAST_CLOSE_AND_COMPLETION: Race = (
    races::last_close_and_completion,
    &["agent: c1 ERROR_SUCCESS, NOERROR; client: NOERROR; server: NOERROR"],
);
const NORMAL_END: Race =
    (races::normal_end, &["agent: c1 ERROR_SUCCESS, NOERROR; client: NOERROR; server: NOERROR"]);
const ERROR_AND_SEND: Race = (
    races::error_and_send,
    &[
        "agent: c1 ERROR_DISK_FULL, NOERROR; client: NOERROR; \
         sender: c2 ERROR_IO_DEVICE, VD_E_IO_ERROR; server: NOERROR",
        "agent: c1 ERROR_DISK_FULL, c2 ERROR_IO_DEVICE, NOERROR; client: NOERROR; \
         sender: NOERROR; server: NOERROR",
    ],
);

/// Runs a race in every order. Gives what was seen, and in how many orders.
fn explore((race, _): Race, mutant: Option<Mutant>) -> (BTreeSet<String>, usize) {
    let seen = Arc::new(Mutex::new((BTreeSet::new(), 0)));
    let into = seen.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let outcome = race(mutant);
        let mut seen = into.lock().expect("no panic while held");
        seen.0.insert(outcome);
        seen.1 += 1;
    });
    std::mem::take(&mut *seen.lock().expect("no panic while held"))
}

/// Holds that a race ends as it may in every order, and in each of these ways in
/// some order.
#[expect(clippy::print_stderr, reason = "how much was explored belongs into the log")]
#[track_caller]
fn hold(race: Race) {
    let (seen, orders) = explore(race, None);
    eprintln!("{orders} orders, {} outcomes", seen.len());
    assert_eq!(seen, race.1.iter().map(|&outcome| outcome.to_owned()).collect());
}

/// Holds that a race shows the defect: some order ends in another way, or never.
#[track_caller]
fn find(mutant: Mutant, race: Race) {
    // Loom panics on a deadlock.
    if let Ok((seen, orders)) = catch_unwind(|| explore(race, Some(mutant))) {
        let strange = seen.iter().any(|outcome| !race.1.contains(&outcome.as_str()));
        assert!(strange, "{mutant} was not seen in {orders} orders");
    }
}

/// Close with a device open answers VD_E_PROTOCOL; a command that the client holds is
/// called back as aborted, once, on the agent, before the agent returns.
///
/// Source: IServerVirtualDeviceSet2::Close, Remarks.
#[test]
fn server_close_against_the_agent() {
    hold(SERVER_CLOSE);
}

/// A command is called back once, whether its completion or the abort comes first: a
/// completion that is refused leaves no trace, one that is recorded is overridden
/// unless the agent was faster.
///
/// Source: IServerVirtualDeviceSet2::Close, Remarks; Specification, Abnormal
/// Termination.
#[test]
fn server_close_against_complete_command() {
    hold(SERVER_CLOSE_AND_COMPLETION);
}

/// After SignalAbort no command is accepted or delivered, a blocked GetCommand
/// returns, and a command that was accepted before is called back as aborted.
///
/// Source: SQL Server VDI reference, SignalAbort (server).
#[test]
fn server_signal_abort_against_send_and_get() {
    hold(SERVER_SIGNAL_ABORT);
}

/// The same when it is the client that aborts.
///
/// Source: SQL Server VDI reference, SignalAbort (client).
#[test]
fn client_signal_abort_against_send_and_get() {
    hold(CLIENT_SIGNAL_ABORT);
}

/// SignalAbort may come from both sides: each is answered NOERROR, and the callbacks
/// are made once.
///
/// Source: Specification, Abnormal Termination.
#[test]
fn two_signal_aborts_at_once() {
    hold(TWO_SIGNAL_ABORTS);
}

/// The client's Close with a device open answers VD_E_OPEN and aborts: a command is
/// either refused or called back as aborted, and the agent returns.
///
/// Source: SQL Server VDI reference, Close (client).
#[test]
fn client_close_against_send_command() {
    hold(CLIENT_CLOSE_AND_SEND);
}

/// Active is entered with whatever comes last, the agent or the client's OpenDevice.
///
/// Source: Specification, Server State Diagram.
#[test]
fn agent_start_against_the_last_open_device() {
    hold(AGENT_AND_LAST_OPEN);
}

/// The agent returns by itself after the last CloseDevice, and only once no callback
/// is owed.
///
/// Source: Specification, Normal Termination.
#[test]
fn last_close_device_against_the_last_completion() {
    hold(LAST_CLOSE_AND_COMPLETION);
}

/// What was sent before CloseDevice is still delivered, then GetCommand answers
/// VD_E_CLOSE, also if the server has closed its set meanwhile.
///
/// Source: Specification, Normal Termination.
#[test]
fn normal_end_against_the_clients_loop() {
    hold(NORMAL_END);
}

/// A command sent to a device as it enters the error state is refused on the spot,
/// or comes back from the queue through the agent.
///
/// Source: Specification, Command Error Handling.
#[test]
fn completion_with_an_error_against_send_command() {
    hold(ERROR_AND_SEND);
}

/// What the races hold can be broken: each of these defects shows in one of them.
#[test]
fn seeded_defects_are_found() {
    find(Mutant::ServerCloseNoerror, SERVER_CLOSE);
    find(Mutant::ServerCloseNoAbort, SERVER_CLOSE);
    find(Mutant::ForgetsDelivered, SERVER_CLOSE);
    find(Mutant::ForgetsQueued, SERVER_SIGNAL_ABORT);
    find(Mutant::CallbackTwice, SERVER_CLOSE);
    find(Mutant::AgentReturnsFirst, SERVER_CLOSE);
    find(Mutant::CallbacksOnClosingThread, SERVER_CLOSE);
    find(Mutant::CompletesAfterAbort, SERVER_CLOSE);
    find(Mutant::SignalAbortTwice, TWO_SIGNAL_ABORTS);
    find(Mutant::SleepsThroughAbort, SERVER_SIGNAL_ABORT);
    find(Mutant::ClientCloseUnnoticed, CLIENT_CLOSE_AND_SEND);
    find(Mutant::NormalCloseAborts, NORMAL_END);
    find(Mutant::ErrorKeepsQueue, ERROR_AND_SEND);
}

/// Some defects need an unlucky order; loom finds it.
#[test]
fn lost_wake_ups_and_gaps_are_found() {
    find(Mutant::AbortForgetsToWake, SERVER_CLOSE);
    find(Mutant::AbortForgetsToWake, CLIENT_SIGNAL_ABORT);
    find(Mutant::CompletionForgetsToWake, LAST_CLOSE_AND_COMPLETION);
    find(Mutant::AgentStays, LAST_CLOSE_AND_COMPLETION);
    find(Mutant::ActiveMissed, AGENT_AND_LAST_OPEN);
    find(Mutant::LooksThenSleeps, SERVER_CLOSE);
    find(Mutant::LooksThenSleeps, LAST_CLOSE_AND_COMPLETION);
    find(Mutant::LooksThenSleeps, SERVER_SIGNAL_ABORT);
    find(Mutant::SendChecksThenQueues, CLIENT_CLOSE_AND_SEND);
}
