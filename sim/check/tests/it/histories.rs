//! The judge against histories whose verdict is known: those the model drew are
//! conformant, and one wrong event in them is found.

use proptest::prelude::*;
use vdi_check::{Verdict, check_reader, check_trace};
use vdi_simulate::{HistoryOptions, history};
use vdi_spec::clauses::{Profile, QUESTIONS};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Trace};

/// How many seeds; `VDI_SEEDS` goes deeper.
fn seeds() -> u64 {
    std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn options(seed: u64) -> HistoryOptions {
    HistoryOptions { devices: 1 + (seed % 3) as u8, events: 200, trouble: 1 + (seed % 30) as usize }
}

/// A profile that depends on the seed: every reading is met.
fn profile(seed: u64) -> Profile {
    let mut profile = Profile::default();
    let mut rest = seed;
    for row in QUESTIONS {
        let readings: Vec<_> = row.question.readings().collect();
        let count = readings.len() as u64;
        profile.choose(readings[(rest % count) as usize]);
        rest = rest.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(row.id.len() as u64) >> 3;
    }
    profile
}

#[test]
fn what_the_model_draws_is_conformant() {
    for seed in 0..seeds() {
        let profile = if seed % 2 == 0 { Profile::default() } else { profile(seed) };
        let trace = history(seed, options(seed), &profile);
        let judged = check_trace(&trace, &profile);
        assert_eq!(judged.error, None, "seed {seed}\n{}", trace.to_json_lines());
        assert_eq!(judged.verdict, Verdict::Conformant, "seed {seed}\n{}", trace.to_json_lines());
        assert_eq!(judged.events, trace.events.len(), "seed {seed}");
    }
}

#[test]
fn a_trace_survives_its_file() {
    for seed in 0..50 {
        let profile = Profile::default();
        let trace = history(seed, options(seed), &profile);
        let judged = check_reader(trace.to_json_lines().as_bytes(), &profile);
        assert_eq!(judged, check_trace(&trace, &profile), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    // FNV-1a over a thousand histories; the same number on every machine.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for seed in 0..1_000 {
        let text = history(seed, options(seed), &Profile::default()).to_json_lines();
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    crate::support::snapshot("thousand-histories", &format!("{hash:016x}"));
}

/// A change of one event that no order of effects explains.
fn corrupt(trace: &Trace, at: usize) -> Option<Trace> {
    let mut corrupted = trace.clone();
    let index = at % trace.events.len();
    match &mut corrupted.events[index] {
        // A code that no function returns in a sound state.
        Event::Return { status, .. } => *status = HResult::VD_E_NOTOPEN,
        Event::Callback { completion, .. } => *completion = Win32::ERROR_ARENA_TRASHED,
        _ => return None,
    }
    // A status that may be anything is no corruption.
    let dangling = trace.events[..index].iter().rev().take(6).any(|event| {
        matches!(event, Event::Call { on, .. } if on.as_str().starts_with("sdev") || on.as_str().starts_with("cdev"))
    });
    (!dangling).then_some(corrupted)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        rng_seed: proptest::test_runner::RngSeed::Fixed(2005),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_wrong_answer_is_found(seed in 0_u64..100_000, at in 0_usize..400) {
        let profile = Profile::default();
        let trace = history(seed, options(seed), &profile);
        if let Some(corrupted) = corrupt(&trace, at) {
            let judged = check_trace(&corrupted, &profile);
            prop_assert!(
                judged.verdict != Verdict::Conformant,
                "{}", corrupted.to_json_lines()
            );
            // The events before the wrong one explain themselves.
            let index = at % trace.events.len();
            if let Verdict::Violation(violation) = &judged.verdict {
                prop_assert_eq!(violation.line, index + 2);
                prop_assert!(!violation.expected.is_empty());
            }
        }
    }

    /// A callback that is left out is missed, at the latest when everything rests.
    #[test]
    fn a_forgotten_callback_is_found(seed in 0_u64..100_000) {
        let profile = Profile::default();
        let trace = history(seed, options(seed), &profile);
        let forgotten = trace.events.iter().position(|event| matches!(event, Event::Callback { .. }));
        let rest = trace.events.iter().rposition(|event| matches!(event, Event::Blocked { .. }));
        let agent_returned = trace.events.iter().rposition(|event| {
            matches!(event, Event::Return { lane, .. } if lane.as_str() == "server.agent")
        });
        if let Some(index) = forgotten && rest.max(agent_returned).is_some_and(|last| last > index) {
            let mut corrupted = trace.clone();
            corrupted.events.remove(index);
            let judged = check_trace(&corrupted, &profile);
            prop_assert!(
                judged.verdict != Verdict::Conformant || judged.error.is_some(),
                "{}", corrupted.to_json_lines()
            );
        }
    }
}
