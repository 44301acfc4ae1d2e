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

macro_rules! races {
    ($($(#[$doc:meta])* $name:ident: $clause:literal, $race:expr;)+) => { $(
        $(#[$doc])*
        #[test]
        fn $name() {
            hold(stringify!($name), $clause, &$race);
        }
    )+ };
}

mod allowed;
mod held;
mod history;
#[path = "../../src/sync/mutants.rs"]
mod mutants;
mod orders;
mod races;
mod record;
mod script;
mod stage;
#[allow(dead_code, reason = "as above")]
mod sync;
mod told;
mod tries;

use self::mutants::Mutant;
use self::orders::End;
use self::races::Side;
use self::script::Race;

#[track_caller]
fn hold(name: &str, clause: &str, race: &Race) {
    tries::hold(name, clause, race, |race| stage::run(race, None));
}

#[track_caller]
fn find(mutant: Mutant, ends: &[End], race: &Race) {
    tries::find(&format!("{mutant:?}"), ends, race, move |race| stage::run(race, Some(mutant)));
}

macro_rules! mutants_found {
    ($($name:ident: $mutant:ident, [$($end:ident),+], $race:expr;)+) => { $(
        #[test]
        fn $name() {
            find(Mutant::$mutant, &[$(End::$end),+], &$race);
        }
    )+

        // Without a test for each of them this does not compile.
        const _: fn(Mutant) = |mutant| match mutant {
            $(Mutant::$mutant)|+ => {}
        };
    };
}

macro_rules! again {
    ($($name:ident: $mutant:ident, [$($end:ident),+], $race:expr;)+) => { $(
        #[test]
        fn $name() {
            find(Mutant::$mutant, &[$(End::$end),+], &$race);
        }
    )+ };
}

/// Every defect is found by a race; what each breaks is told at [`Mutant`].
mod defects {
    use super::*;

    mutants_found! {
        bell_before_request: BellBeforeRequest, [Never], races::send_command_against_get_command();
        index_before_record: IndexBeforeRecord, [Torn], races::send_command_against_get_command();
        looks_then_listens: LooksThenListens, [Never], races::send_command_against_get_command();
        agent_leaves_outstanding: AgentLeavesOutstanding, [Strange], races::server_close_against_the_agent();
        held_looks_then_takes: HeldLooksThenTakes, [Strange], races::one_command_completed_by_two_threads();
        close_forgets_outstanding: CloseForgetsOutstanding, [Strange], races::server_close_against_the_agent();
        admits_then_queues: AdmitsThenQueues, [Strange], races::client_close_against_send_command();
        abort_forgets_devices: AbortForgetsDevices, [Never], races::abort_against_get_command(Side::Client);
        active_by_two_looks: ActiveByTwoLooks, [Strange], races::agent_start_against_the_last_open_device();
        queue_before_closed: QueueBeforeClosed, [Strange], races::normal_end_against_the_clients_loop();
        error_after_completion: ErrorAfterCompletion, [Never], races::failure_against_send_command();
        stale_request_delivered: StaleRequestDelivered, [Strange], races::failure_against_send_command();
        close_looks_then_takes: CloseLooksThenTakes, [Strange], races::server_close_twice();
        mask_after_bell: MaskAfterBell, [Never], races::last_close_device_against_the_agents_return();
        agent_looks_then_listens: AgentLooksThenListens, [Never],
            races::last_close_device_against_the_agents_return();
        agent_returns_owing: AgentReturnsOwing, [Strange],
            races::last_close_device_against_the_agents_return();
        mask_looks_then_clears: MaskLooksThenClears, [Never], races::two_devices_completing_at_once();
        mask_overwritten: MaskOverwritten, [Never], races::two_devices_completing_at_once();
        delivers_then_takes: DeliversThenTakes, [Strange], races::two_threads_getting_commands();
        time_out_overlooks_completion: TimeOutOverlooksCompletion, [Strange],
            races::server_time_out_against_complete_command();
        clear_error_sleeps_on: ClearErrorSleepsOn, [Never], races::clear_error_against_late_completions();
        phase_overwrites_abort: PhaseOverwritesAbort, [Strange],
            races::abort_against_close_device(Side::Server);
        phase_before_configuration: PhaseBeforeConfiguration, [Torn],
            races::get_configuration_against_abort(Side::Server);
        abort_forgets_agent: AbortForgetsAgent, [Never],
            races::server_close_against_the_agents_start();
        calls_back_locked: CallsBackLocked, [Never],
            races::server_close_by_a_routine();
        agent_takes_all: AgentTakesAll, [Strange],
            races::server_close_inside_a_routine();
        close_waits_for_routine: CloseWaitsForRoutine, [Never],
            races::server_close_inside_a_routine();
        close_calls_back: CloseCallsBack, [Strange],
            races::server_close_inside_a_routine();
        agent_leaves_early: AgentLeavesEarly, [Strange],
            races::unload_against_the_aborted_agents_return();
        close_decides_first: CloseDecidesFirst, [Strange],
            races::server_close_against_close_device();
        close_overlooks_other: CloseOverlooksOther, [Strange],
            races::server_close_against_client_close();
        close_overlooks_opening: CloseOverlooksOpening, [Strange],
            races::client_close_against_open_device();
        closed_is_aborted: ClosedIsAborted, [Strange],
            races::server_close_against_allocate_buffer();
        queues_then_looks: QueuesThenLooks, [Strange],
            races::server_close_against_send_command();
        woken_is_aborted: WokenIsAborted, [Never],
            races::send_command_against_get_command().waking();
    }

    /// The same defects, where another race shows them, too.
    mod again {
        use super::*;

        again! {
            a_start_that_listens_late: AgentLooksThenListens, [Never],
                races::server_close_against_the_agents_start();
            a_close_by_routine_and_thread: CloseLooksThenTakes, [Strange],
                races::server_close_by_a_routine_and_another_thread();
            a_close_that_wakes_nobody: AbortForgetsDevices, [Never],
                races::server_close_against_get_command();
            a_wait_that_listens_late: LooksThenListens, [Never],
                races::server_close_against_get_command();
            a_buffer_of_a_closed_set: ClosedIsAborted, [Strange],
                races::server_close_against_free_buffer();
            an_unload_after_a_normal_run: AgentLeavesEarly, [Strange],
                races::unload_against_the_agents_return();
        }
    }
}
