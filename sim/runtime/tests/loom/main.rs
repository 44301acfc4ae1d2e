//! The runtime under loom: every order of events, up to a bound on preemptions, of the
//! races that the documents speak of.
//!
//! The runtime's source is compiled a second time here, with loom's types in the place
//! of `src/sync.rs`. Each race is described once. The model enumerates what the lanes
//! may see, every order of calls, returns and callbacks; loom tries the runtime, whose
//! lanes must never see anything else. Time passes only where a race says so.
//!
//! What a race holds can be broken: [`mutants`] lists defects that each show in one.
//!
//! `LOOM_MAX_PREEMPTIONS` sets another bound than 3.

#[allow(dead_code, reason = "the races need a part of the interface only")]
#[path = "../../src/implementation/mod.rs"]
pub mod implementation;

mod allowed;
mod history;
#[path = "../../src/sync/mutants.rs"]
mod mutants;
mod races;
mod script;
mod stage;
#[allow(dead_code, reason = "as above")]
mod sync;
mod told;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use vdi_check::{Verdict, check_trace};
use vdi_spec::clauses::Profile;

use self::allowed::{Allowed, allowed};
use self::history::History;
use self::mutants::Mutant;
use self::races::Side;
use self::script::Race;

/// What was seen of a race, each with the number of orders.
type Seen = BTreeMap<History, usize>;

/// Runs a race in every order.
fn explore(race: &Race, mutant: Option<Mutant>) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let (into, race) = (seen.clone(), race.clone());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.max_branches = 10_000;
    builder.check(move || {
        let history = stage::run(&race, mutant);
        *into.lock().expect("no panic while held").entry(history).or_default() += 1;
    });
    std::mem::take(&mut *seen.lock().expect("no panic while held"))
}

/// Holds that whatever is seen of a race, in any order, the model allows, and that the
/// race is about this clause.
#[expect(clippy::print_stderr, reason = "how much was explored belongs into the log")]
#[track_caller]
fn hold(name: &str, clause: &str, race: &Race) {
    let allowed = allowed(race);
    explained(&allowed);
    assert!(allowed.clauses.contains(clause), "{name} is not about {clause}");
    let seen = explore(race, None);
    let orders: usize = seen.values().sum();
    let mut met: Vec<&History> = Vec::new();
    for history in seen.keys() {
        match allowed.find(history) {
            Some(known) => met.push(known),
            None => panic!("{name}: not allowed: {history}\n{}", listed(&allowed)),
        }
    }
    met.dedup();
    let all = allowed.histories.len();
    eprintln!("{name}: {orders} orders, {} of {all} outcomes that are allowed", met.len());
    if std::env::var_os("VDI_LOOM_HISTORIES").is_some() {
        seen.iter().for_each(|(history, orders)| eprintln!("  {orders} times: {history}"));
    }
}

/// The enumeration is right: the judge explains a trace of everything allowed.
fn explained(allowed: &Allowed) {
    for (history, trace) in &allowed.histories {
        let judged = check_trace(trace, &Profile::default());
        assert_eq!(judged.error, None, "{}", trace.to_json_lines());
        let explained = judged.verdict == Verdict::Conformant;
        assert!(explained, "{history}\n{:?}\n{}", judged.verdict, trace.to_json_lines());
    }
}

fn listed(allowed: &Allowed) -> String {
    let lines = allowed.histories.keys().map(|history| format!("allowed: {history}\n"));
    lines.collect()
}

/// Holds that a race shows the defect: some order ends as it may not, or never.
#[expect(clippy::print_stderr, reason = "how it was found belongs into the log")]
#[track_caller]
fn find(mutant: Mutant, race: &Race) {
    let allowed = allowed(race);
    // Loom panics on a deadlock, and when what is unpublished is read.
    let Ok(seen) = catch_unwind(|| explore(race, Some(mutant))) else {
        eprintln!("{mutant:?}: the race does not end");
        return;
    };
    let strange = seen.keys().find(|history| allowed.find(history).is_none());
    match strange {
        Some(history) => eprintln!("{mutant:?}: {history}"),
        None => panic!("{mutant:?} was not seen in {} orders", seen.values().sum::<usize>()),
    }
}

macro_rules! races {
    ($($(#[$doc:meta])* $name:ident: $clause:literal, $race:expr;)+) => { $(
        $(#[$doc])*
        #[test]
        fn $name() {
            hold(stringify!($name), $clause, &$race);
        }
    )+ };
}

races! {
    /// Close with a device open answers VD_E_PROTOCOL; a command that is queued or that
    /// the client holds is called back as aborted, once, on the agent, before it returns.
    server_close_against_the_agent: "server.close.devices-open.callbacks",
        races::server_close_against_the_agent();
    /// A completion that comes too late is refused; one that was recorded in time is
    /// called back as it is or as aborted.
    server_close_against_complete_command: "abort.recorded-completions",
        races::server_close_against_complete_command();
    /// The client's Close with a device open aborts, too.
    client_close_against_complete_command: "client.close.devices-open.aborts",
        races::client_close_against_complete_command();
    /// What the client holds when it closes nobody will complete: it is called back as
    /// aborted, and the agent returns.
    client_close_against_the_agent: "client.close.normal-no-abort",
        races::client_close_against_the_agent();
    /// What the client completed before it closed is called back as the client said.
    client_completing_and_closing_against_the_agent: "agent.callback",
        races::client_completing_and_closing_against_the_agent();
    /// A command is either refused or called back as aborted.
    client_close_against_send_command: "client.close.devices-open.status",
        races::client_close_against_send_command();

    /// After SignalAbort no command is accepted; one accepted before is called back.
    server_abort_against_send_command: "server.send-command.aborted",
        races::abort_against_send_command(Side::Server);
    /// The same by the client.
    client_abort_against_send_command: "abort.callbacks",
        races::abort_against_send_command(Side::Client);
    /// After SignalAbort no command is delivered, and whoever waits for one is woken.
    server_abort_against_get_command: "abort.unblocks",
        races::abort_against_get_command(Side::Server);
    /// The same by the client.
    client_abort_against_get_command: "abort.no-delivery",
        races::abort_against_get_command(Side::Client);
    /// After SignalAbort no completion is taken.
    server_abort_against_complete_command: "client.complete-command.aborted",
        races::abort_against_complete_command(Side::Server);
    /// The same by the client.
    client_abort_against_complete_command: "abort.recorded-completions",
        races::abort_against_complete_command(Side::Client);
    /// CloseDevice never takes an abort back.
    server_abort_against_close_device: "server.close-device.aborted",
        races::abort_against_close_device(Side::Server);
    /// The same by the client.
    client_abort_against_close_device: "abort.agent-returns",
        races::abort_against_close_device(Side::Client);
    /// SignalAbort may come from both sides: the callbacks are made once.
    two_aborts_at_once: "abort.callbacks",
        races::two_aborts_at_once();

    /// SendCommand is refused until the agent runs, and not after.
    agent_start_against_send_command: "server.send-command.phase",
        races::agent_start_against_send_command();
    /// The set is active with whatever comes last.
    agent_start_against_the_last_open_device: "agent.blocks",
        races::agent_start_against_the_last_open_device();
    /// The agent returns by itself, and only when no callback is owed.
    last_close_device_against_the_agents_return: "agent.returns-after-last-device",
        races::last_close_device_against_the_agents_return();
    /// Two threads close the last two devices.
    two_last_close_devices: "agent.returns-after-last-device",
        races::two_last_close_devices();

    /// The agent calls back both.
    two_devices_completing_at_once: "agent.callback",
        races::two_devices_completing_at_once();
    /// ClearError waits for them, and no longer.
    clear_error_against_late_completions: "device.error.clear-error-waits",
        races::clear_error_against_late_completions();
    /// The device takes commands again once ClearError is called back.
    clear_error_against_send_command: "device.error.cleared",
        races::clear_error_against_send_command();
    /// A command is refused, or taken from the queue.
    failure_against_send_command: "device.error.queue",
        races::failure_against_send_command();

    /// The client gets the whole configuration, or learns of the abort.
    get_configuration_against_server_abort: "client.get-configuration.aborted",
        races::get_configuration_against_abort(Side::Server);
    /// The same by the client.
    get_configuration_against_client_abort: "client.get-configuration.status",
        races::get_configuration_against_abort(Side::Client);

    /// One Close closes, the other finds nothing to close.
    server_close_twice: "server.close.not-open",
        races::server_close_twice();
    /// The same by the client.
    client_close_twice: "client.close.not-open",
        races::client_close_twice();

    /// What is queued is delivered, then comes VD_E_CLOSE.
    normal_end_against_the_clients_loop: "client.get-command.close",
        races::normal_end_against_the_clients_loop();
    /// A command that is sent is delivered, and what is completed is called back.
    send_command_against_get_command: "client.get-command.delivers",
        races::send_command_against_get_command();
    /// A command is completed once.
    one_command_completed_by_two_threads: "client.complete-command.inactive",
        races::one_command_completed_by_two_threads();
    /// A command is delivered once.
    two_threads_getting_commands: "client.get-command.delivers",
        races::two_threads_getting_commands();
    /// No more are accepted than there is room for.
    two_threads_sending_the_last_command: "server.send-command.queue-full",
        races::two_threads_sending_the_last_command();

    /// GetCommand gives the command or VD_E_TIMEOUT, and never both.
    time_out_against_send_command: "client.get-command.timeout",
        races::time_out_against_send_command();
    /// After two intervals without a completion the set is aborted.
    server_time_out_against_complete_command: "server.time-out.aborts",
        races::server_time_out_against_complete_command();
}

macro_rules! mutants_found {
    ($($name:ident: $mutant:ident, $race:expr;)+) => { $(
        #[test]
        fn $name() {
            find(Mutant::$mutant, &$race);
        }
    )+

        // Without a test for each of them this does not compile.
        const _: fn(Mutant) = |mutant| match mutant {
            $(Mutant::$mutant)|+ => {}
        };
    };
}

/// Every defect is found by a race; what each breaks is told at [`Mutant`].
mod defects {
    use super::*;

    mutants_found! {
        bell_before_request: BellBeforeRequest, races::send_command_against_get_command();
        index_before_record: IndexBeforeRecord, races::send_command_against_get_command();
        looks_then_listens: LooksThenListens, races::send_command_against_get_command();
        agent_leaves_outstanding: AgentLeavesOutstanding, races::server_close_against_the_agent();
        held_looks_then_takes: HeldLooksThenTakes, races::one_command_completed_by_two_threads();
        close_forgets_outstanding: CloseForgetsOutstanding, races::server_close_against_the_agent();
        admits_then_queues: AdmitsThenQueues, races::client_close_against_send_command();
        abort_forgets_devices: AbortForgetsDevices, races::abort_against_get_command(Side::Client);
        active_by_two_looks: ActiveByTwoLooks, races::agent_start_against_the_last_open_device();
        queue_before_closed: QueueBeforeClosed, races::normal_end_against_the_clients_loop();
        error_after_completion: ErrorAfterCompletion, races::failure_against_send_command();
        stale_request_delivered: StaleRequestDelivered, races::failure_against_send_command();
        close_looks_then_takes: CloseLooksThenTakes, races::server_close_twice();
        mask_after_bell: MaskAfterBell, races::last_close_device_against_the_agents_return();
        agent_looks_then_listens: AgentLooksThenListens,
            races::last_close_device_against_the_agents_return();
        agent_returns_owing: AgentReturnsOwing,
            races::last_close_device_against_the_agents_return();
        mask_looks_then_clears: MaskLooksThenClears, races::two_devices_completing_at_once();
        mask_overwritten: MaskOverwritten, races::two_devices_completing_at_once();
        delivers_then_takes: DeliversThenTakes, races::two_threads_getting_commands();
        time_out_overlooks_completion: TimeOutOverlooksCompletion,
            races::server_time_out_against_complete_command();
        clear_error_sleeps_on: ClearErrorSleepsOn, races::clear_error_against_late_completions();
        phase_overwrites_abort: PhaseOverwritesAbort,
            races::abort_against_close_device(Side::Server);
        phase_before_configuration: PhaseBeforeConfiguration,
            races::get_configuration_against_abort(Side::Server);
    }
}
