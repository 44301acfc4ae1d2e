//! The suite's histories, among them a way through every transition of the explored
//! world, told out of order: a return or a callback that is seen later changes nothing, and
//! an answer that the model does not give is found.

use std::sync::OnceLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vdi_conformance::adapter::{Limits, Reference};
use vdi_conformance::run::{ScenarioResult, SuiteOptions, run_suite};
use vdi_conformance::scenario::{Library, Scenario};
use vdi_sim::check::{Checker, Verdict, ask, check_trace, check_trace_with};
use vdi_sim::clauses::Profile;
use vdi_sim::codes::HResult;
use vdi_sim::model::Expected;
use vdi_sim::trace::{Event, Function, Trace};

/// What the suite has come to, run once for all tests of this process.
fn suite() -> &'static [ScenarioResult] {
    static SUITE: OnceLock<Vec<ScenarioResult>> = OnceLock::new();
    SUITE.get_or_init(run)
}

fn run() -> Vec<ScenarioResult> {
    let library = Library::embedded().expect("sound scenarios");
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    run_suite(&Reference::adapter(), &scenarios, &options, &|_| {})
}

/// The call that an event ends, if it ends one.
fn call_of(trace: &Trace, at: usize) -> Option<usize> {
    let Event::Return { lane, .. } = &trace.events[at] else {
        return None;
    };
    let mut returns = 0;
    for index in (0..at).rev() {
        match &trace.events[index] {
            Event::Return { lane: other, .. } if other == lane => returns += 1,
            Event::Call { lane: other, .. } if other == lane && returns == 0 => return Some(index),
            Event::Call { lane: other, .. } if other == lane => returns -= 1,
            _ => {}
        }
    }
    None
}

/// Whether an event may be seen later than another one without meaning something else.
fn commutes(trace: &Trace, at: usize, call: Option<usize>) -> bool {
    match (&trace.events[at], call.map(|call| &trace.events[call])) {
        // What it gives can be used only after it is seen.
        (Event::Return { .. }, Some(Event::Call { call, creates, .. })) => {
            let sends = *call == Function::SendCommand;
            (creates.is_none() || sends)
                && !matches!(call, Function::Close | Function::QueryAvailableBuffers)
        }
        (Event::Callback { held, .. }, _) => !held,
        _ => false,
    }
}

/// Some returns and callbacks are seen later, past events of other lanes.
fn delayed(trace: &Trace, seed: u64) -> Trace {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut later = trace.clone();
    for _ in 0..trace.events.len() {
        let at = (draw.next_u64() % trace.events.len() as u64) as usize;
        let call = call_of(&later, at);
        if !commutes(&later, at, call) {
            continue;
        }
        let own = later.events[at].lane().map(str::to_owned);
        let steps = draw.next_u64() % 4;
        for place in at..(at + steps as usize).min(later.events.len() - 1) {
            let next = &later.events[place + 1];
            let passes =
                matches!(next, Event::Call { .. } | Event::Return { .. } | Event::Callback { .. })
                    && next.lane().map(str::to_owned) != own;
            if !passes || reuses_name(&later.events[place], next) {
                break;
            }
            later.events.swap(place, place + 1);
        }
    }
    for (index, event) in later.events.iter_mut().enumerate() {
        event.set_seq(index as u64 + 1);
    }
    later
}

/// After its callback a command's name may be given anew, not before.
fn reuses_name(event: &Event<'_>, next: &Event<'_>) -> bool {
    match (event, next) {
        (Event::Callback { callback, .. }, Event::Call { creates: Some(name), .. }) => {
            callback == name
        }
        _ => false,
    }
}

/// What two searches say of a trace: the same, or the test fails.
fn verdict(result: &ScenarioResult, trace: &Trace) -> Verdict {
    let profile = Profile::default();
    let by_order = check_trace(trace, &profile);
    let judge = Checker::new(&trace.header, profile).searching_always();
    let by_search = check_trace_with(judge, trace);
    let told = trace.to_json_lines();
    assert_eq!(by_order.error, None, "{}\n{told}", result.id);
    let kind = |verdict: &Verdict| match verdict {
        Verdict::Conformant => 0,
        Verdict::Violation(_) => 1,
        Verdict::Inconclusive(_) => 2,
        Verdict::Unreadable { .. } => 3,
    };
    assert_eq!(kind(&by_order.verdict), kind(&by_search.verdict), "{}\n{told}", result.id);
    by_order.verdict
}

#[test]
fn what_is_seen_later_changes_nothing() {
    let rounds = std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let mut moved = 0;
    for result in suite() {
        let conformant = verdict(result, &result.trace);
        assert_eq!(conformant, Verdict::Conformant, "{}", result.id);
        // What was judged before is not judged again: short traces have few orders.
        let mut seen = vec![result.trace.clone()];
        for round in 0..rounds {
            let later = delayed(&result.trace, round);
            moved += u64::from(later != result.trace);
            if seen.contains(&later) {
                continue;
            }
            let judged = verdict(result, &later);
            assert_eq!(judged, Verdict::Conformant, "{}\n{}", result.id, later.to_json_lines());
            seen.push(later);
        }
    }
    assert!(moved > 100 * rounds, "{moved}");
}

/// An answer in place of the one that came: a violation, just where the model does not
/// give it.
#[test]
fn one_answer_that_leaves_the_graph_is_found() {
    let statuses = [
        HResult::NOERROR,
        HResult::VD_E_ABORT,
        HResult::VD_E_PROTOCOL,
        HResult::VD_E_TIMEOUT,
        HResult::VD_E_CLOSE,
        HResult::VD_E_OPEN,
        HResult::VD_E_INVALID,
        HResult::VD_E_NOTOPEN,
    ];
    let profile = Profile::default();
    let mut tried = 0;
    // Each answer is tried after all that came before it: one scenario in twelve, or every one
    // with `VDI_SEEDS`.
    let each = if std::env::var_os("VDI_SEEDS").is_some() { 1 } else { 12 };
    let generated = suite().iter().filter(|result| result.id.starts_with("generated/"));
    for result in generated.step_by(each) {
        let mut trace = Trace::new(result.trace.header.clone());
        for (at, event) in result.trace.events.iter().enumerate() {
            if let Event::Return { out, lane, .. } = event
                && out.command.is_none()
                && call_of(&result.trace, at) == at.checked_sub(1)
            {
                let mut before = trace.clone();
                before.events.truncate(at - 1);
                let asked = ask(&before, &profile, &trace.events[at - 1]).expect("a sound history");
                for status in statuses {
                    let allowed = asked.outcomes.iter().any(|outcome| {
                        outcome.delivers.is_none()
                            && outcome
                                .status
                                .is_some_and(|expected: Expected| expected.admits(status))
                    });
                    // A call that waits may come back with its time-out.
                    let waits = asked.outcomes.iter().any(|outcome| outcome.status.is_none());
                    if allowed || waits {
                        continue;
                    }
                    let mut wrong = trace.clone();
                    wrong.push(Event::Return {
                        seq: None,
                        lane: lane.clone(),
                        status,
                        out: Default::default(),
                    });
                    tried += 1;
                    let Verdict::Violation(violation) = verdict(result, &wrong) else {
                        panic!("{}: {status}\n{}", result.id, wrong.to_json_lines());
                    };
                    assert_eq!(violation.line, at + 2, "{}", result.id);
                }
            }
            trace.push(event.clone());
        }
    }
    assert!(tried * each > 3_000, "{tried}");
}
