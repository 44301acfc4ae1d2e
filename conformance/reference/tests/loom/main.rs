//! The reference implementation under loom: every order of events, up to a bound on
//! preemptions, of the races that the documents speak of.
//!
//! The sources are compiled a second time here, with loom's lock and condition
//! variable in place of the standard library's.
//!
//! Some races are described here, with what each may end in; the others are those that
//! every implementation has, within what the model allows. Time passes only where a race
//! says so.
//!
//! `LOOM_MAX_PREEMPTIONS` sets another bound than 3.

#[allow(dead_code, reason = "the races need a part of the interface only")]
#[path = "../../src/implementation/mod.rs"]
pub mod implementation;

macro_rules! races {
    ($($(#[$doc:meta])* $name:ident: $clause:literal, $race:expr;)+) => { $(
        $(#[$doc])*
        #[test]
        fn $name() {
            hold(stringify!($name), $clause, &$race);
        }
    )+ };
}

#[path = "../../../../sim/runtime/tests/loom/allowed.rs"]
mod allowed;
#[path = "../../../../sim/runtime/tests/loom/held.rs"]
mod held;
#[allow(dead_code, reason = "the runtime sees and needs more")]
#[path = "../../../../sim/runtime/tests/loom/history.rs"]
mod history;
#[path = "../../../../sim/runtime/tests/loom/orders.rs"]
mod orders;
mod pinned;
mod played;
#[path = "../../../../sim/runtime/tests/loom/races.rs"]
mod races;
#[path = "../../../../sim/runtime/tests/loom/record.rs"]
mod record;
#[allow(dead_code, reason = "the runtime sees and needs more")]
#[path = "../../../../sim/runtime/tests/loom/script.rs"]
mod script;
mod stage;
mod sync;
#[path = "../../../../sim/runtime/tests/loom/told.rs"]
mod told;
#[path = "../../../../sim/runtime/tests/loom/tries.rs"]
mod tries;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use self::implementation::Mutant;
use self::orders::End;
use self::script::Race;

#[track_caller]
fn hold(name: &str, clause: &str, race: &Race) {
    tries::hold(name, clause, race, |race| played::run(race, None));
}

#[track_caller]
fn find(mutant: Mutant, ends: &[End], race: &Race) {
    tries::find(mutant.info().name, ends, race, move |race| played::run(race, Some(mutant)));
}

/// A race, which runs once and says what was seen, and all that may be seen.
type Pinned = (fn(Option<Mutant>) -> String, &'static [&'static str]);

const SERVER_CLOSE: Pinned = (
    pinned::server_close,
    &["agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: VD_E_ABORT; server: VD_E_PROTOCOL"],
);
const SERVER_CLOSE_AND_COMPLETION: Pinned = (
    pinned::server_close_and_completion,
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
const SERVER_SIGNAL_ABORT: Pinned = (pinned::server_signal_abort, SIGNAL_ABORT);
const CLIENT_SIGNAL_ABORT: Pinned = (pinned::client_signal_abort, SIGNAL_ABORT);
const TWO_SIGNAL_ABORTS: Pinned = (
    pinned::two_signal_aborts,
    &["agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: NOERROR; server: NOERROR"],
);
const CLIENT_CLOSE_AND_SEND: Pinned = (
    pinned::client_close_and_send,
    &[
        "agent: NOERROR; client: VD_E_OPEN; sender: c1 ERROR_OPERATION_ABORTED, VD_E_ABORT",
        "agent: c1 ERROR_OPERATION_ABORTED, NOERROR; client: VD_E_OPEN; sender: NOERROR",
    ],
);
const AGENT_AND_LAST_OPEN: Pinned = (
    pinned::agent_and_last_open,
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
const LAST_CLOSE_AND_COMPLETION: Pinned = (
    pinned::last_close_and_completion,
    &["agent: c1 ERROR_SUCCESS, NOERROR; client: NOERROR; server: NOERROR"],
);
const NORMAL_END: Pinned =
    (pinned::normal_end, &["agent: c1 ERROR_SUCCESS, NOERROR; client: NOERROR; server: NOERROR"]);
const ERROR_AND_SEND: Pinned = (
    pinned::error_and_send,
    &[
        "agent: c1 ERROR_DISK_FULL, NOERROR; client: NOERROR; \
         sender: c2 ERROR_IO_DEVICE, VD_E_IO_ERROR; server: NOERROR",
        "agent: c1 ERROR_DISK_FULL, c2 ERROR_IO_DEVICE, NOERROR; client: NOERROR; \
         sender: NOERROR; server: NOERROR",
    ],
);

/// Holds that a race ends as it may in every order, and in each of these ways in
/// some order.
#[expect(clippy::print_stderr, reason = "how much was explored belongs into the log")]
#[track_caller]
fn hold_pinned((race, all): Pinned) {
    let seen = Arc::new(Mutex::new((BTreeSet::new(), 0)));
    let into = seen.clone();
    orders::builder().check(move || {
        let outcome = race(None);
        let mut seen = into.lock().expect("no panic while held");
        seen.0.insert(outcome);
        seen.1 += 1;
    });
    let (seen, orders) = std::mem::take(&mut *seen.lock().expect("no panic while held"));
    eprintln!("{orders} orders, {} outcomes", seen.len());
    assert_eq!(seen, all.iter().map(|&outcome| outcome.to_owned()).collect());
}

/// Holds that a race shows the defect: some order ends in another way, or never.
#[track_caller]
fn find_pinned(mutant: Mutant, end: End, (race, all): Pinned) {
    let found = orders::find(&orders::builder(), move || {
        let outcome = race(Some(mutant));
        if !all.contains(&outcome.as_str()) {
            orders::strange(outcome);
        }
    });
    let (how, what) = found.unwrap_or_else(|| panic!("{mutant} was not seen"));
    assert_eq!(how, end, "{mutant}: {what}");
}

/// Close with a device open answers VD_E_PROTOCOL; a command that the client holds is
/// called back as aborted, once, on the agent, before the agent returns.
///
/// Source: IServerVirtualDeviceSet2::Close, Remarks.
#[test]
fn server_close_against_the_agent() {
    hold_pinned(SERVER_CLOSE);
}

/// A command is called back once, whether its completion or the abort comes first: a
/// completion that is refused leaves no trace, one that is recorded is overridden
/// unless the agent was faster.
///
/// Source: IServerVirtualDeviceSet2::Close, Remarks; Specification, Abnormal
/// Termination.
#[test]
fn server_close_against_complete_command() {
    hold_pinned(SERVER_CLOSE_AND_COMPLETION);
}

/// After SignalAbort no command is accepted or delivered, a blocked GetCommand
/// returns, and a command that was accepted before is called back as aborted.
///
/// Source: SQL Server VDI reference, SignalAbort (server).
#[test]
fn server_signal_abort_against_send_and_get() {
    hold_pinned(SERVER_SIGNAL_ABORT);
}

/// The same when it is the client that aborts.
///
/// Source: SQL Server VDI reference, SignalAbort (client).
#[test]
fn client_signal_abort_against_send_and_get() {
    hold_pinned(CLIENT_SIGNAL_ABORT);
}

/// SignalAbort may come from both sides: each is answered NOERROR, and the callbacks
/// are made once.
///
/// Source: Specification, Abnormal Termination.
#[test]
fn two_signal_aborts_at_once() {
    hold_pinned(TWO_SIGNAL_ABORTS);
}

/// The client's Close with a device open answers VD_E_OPEN and aborts: a command is
/// either refused or called back as aborted, and the agent returns.
///
/// Source: SQL Server VDI reference, Close (client).
#[test]
fn client_close_against_send_command() {
    hold_pinned(CLIENT_CLOSE_AND_SEND);
}

/// Active is entered with whatever comes last, the agent or the client's OpenDevice.
///
/// Source: Specification, Server State Diagram.
#[test]
fn agent_start_against_the_last_open_device() {
    hold_pinned(AGENT_AND_LAST_OPEN);
}

/// The agent returns by itself after the last CloseDevice, and only once no callback
/// is owed.
///
/// Source: Specification, Normal Termination.
#[test]
fn last_close_device_against_the_last_completion() {
    hold_pinned(LAST_CLOSE_AND_COMPLETION);
}

/// What was sent before CloseDevice is still delivered, then GetCommand answers
/// VD_E_CLOSE, also if the server has closed its set meanwhile.
///
/// Source: Specification, Normal Termination.
#[test]
fn normal_end_against_the_clients_loop() {
    hold_pinned(NORMAL_END);
}

/// A command sent to a device as it enters the error state is refused on the spot,
/// or comes back from the queue through the agent.
///
/// Source: Specification, Command Error Handling.
#[test]
fn completion_with_an_error_against_send_command() {
    hold_pinned(ERROR_AND_SEND);
}

/// What the races hold can be broken: each of these defects shows in one of them.
#[test]
fn seeded_defects_are_found() {
    find_pinned(Mutant::ServerCloseNoerror, End::Strange, SERVER_CLOSE);
    find_pinned(Mutant::ServerCloseNoAbort, End::Never, SERVER_CLOSE);
    find_pinned(Mutant::ForgetsDelivered, End::Strange, SERVER_CLOSE);
    find_pinned(Mutant::ForgetsQueued, End::Strange, SERVER_SIGNAL_ABORT);
    find_pinned(Mutant::CallbackTwice, End::Strange, SERVER_CLOSE);
    find_pinned(Mutant::AgentReturnsFirst, End::Strange, SERVER_CLOSE);
    find_pinned(Mutant::CallbacksOnClosingThread, End::Strange, SERVER_CLOSE);
    find_pinned(Mutant::CompletesAfterAbort, End::Strange, SERVER_CLOSE);
    find_pinned(Mutant::SignalAbortTwice, End::Strange, TWO_SIGNAL_ABORTS);
    find_pinned(Mutant::SleepsThroughAbort, End::Never, SERVER_SIGNAL_ABORT);
    find_pinned(Mutant::ClientCloseUnnoticed, End::Never, CLIENT_CLOSE_AND_SEND);
    find_pinned(Mutant::NormalCloseAborts, End::Strange, NORMAL_END);
    find_pinned(Mutant::ErrorKeepsQueue, End::Never, ERROR_AND_SEND);
}

/// Some defects need an unlucky order; loom finds it.
#[test]
fn lost_wake_ups_and_gaps_are_found() {
    find_pinned(Mutant::AbortForgetsToWake, End::Never, SERVER_CLOSE);
    find_pinned(Mutant::AbortForgetsToWake, End::Never, CLIENT_SIGNAL_ABORT);
    find_pinned(Mutant::CompletionForgetsToWake, End::Never, LAST_CLOSE_AND_COMPLETION);
    find_pinned(Mutant::AgentStays, End::Never, LAST_CLOSE_AND_COMPLETION);
    find_pinned(Mutant::ActiveMissed, End::Strange, AGENT_AND_LAST_OPEN);
    find_pinned(Mutant::LooksThenSleeps, End::Never, SERVER_CLOSE);
    find_pinned(Mutant::LooksThenSleeps, End::Never, LAST_CLOSE_AND_COMPLETION);
    find_pinned(Mutant::LooksThenSleeps, End::Never, SERVER_SIGNAL_ABORT);
    find_pinned(Mutant::SendChecksThenQueues, End::Strange, CLIENT_CLOSE_AND_SEND);
}

macro_rules! mutants_found {
    ($($name:ident: $mutant:ident, [$($end:ident),+], $race:expr;)+) => { $(
        #[test]
        fn $name() {
            find(Mutant::$mutant, &[$(End::$end),+], &$race);
        }
    )+ };
}

/// Defects that the races show which every implementation has.
mod defects {
    use super::*;

    mutants_found! {
        closing_calls_back: CallbacksOnClosingThread, [Never],
            races::server_close_inside_a_routine();
        recorded_keeps_code: RecordedKeepsCode, [Strange],
            races::server_close_inside_a_routine();
        callback_twice: CallbackTwice, [Strange], races::server_close_by_a_routine();
        forgets_delivered: ForgetsDelivered, [Strange], races::server_close_by_a_routine();
        closes_twice: ServerClosesTwice, [Strange],
            races::server_close_by_a_routine_and_another_thread();
        agent_misses_abort: AgentMissesAbort, [Never],
            races::server_close_against_the_agents_start();
        failed_send_as_success: FailedSendAsSuccess, [Strange],
            races::server_close_against_send_command();
        normal_close_aborts: NormalCloseAborts, [Strange],
            races::server_close_against_close_device();
        sleeps_through_abort: SleepsThroughAbort, [Never],
            races::server_close_against_get_command();
        looks_then_sleeps: LooksThenSleeps, [Never], races::server_close_against_get_command();
        client_close_noerror: ClientCloseNoerror, [Strange],
            races::server_close_against_client_close();
        agent_stays: AgentStays, [Never], races::unload_against_the_agents_return();
        agent_returns_first: AgentReturnsFirst, [Strange],
            races::unload_against_the_aborted_agents_return();
    }
}
