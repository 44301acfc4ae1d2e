//! The search for an order of effects, against histories whose verdict is known and
//! against the judge that tries everything.

use vdi_check::{Checker, Judged, Verdict, check_reader, check_trace, check_trace_with};
use vdi_simulate::{Overlaps, overlapping};
use vdi_spec::clauses::{Profile, QUESTIONS};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Trace};

/// How many seeds; `VDI_SEEDS` goes deeper.
pub(crate) fn seeds(usual: u64) -> u64 {
    std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The first of them: `VDI_FIRST_SEED` tries one again.
pub(crate) fn first_seed() -> u64 {
    std::env::var("VDI_FIRST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A profile that depends on the seed: every reading is met.
pub(crate) fn profile(seed: u64) -> Profile {
    let mut profile = Profile::default();
    if seed.is_multiple_of(2) {
        return profile;
    }
    let mut rest = seed;
    for row in QUESTIONS {
        let readings: Vec<_> = row.question.readings().collect();
        let count = readings.len() as u64;
        profile.choose(readings[(rest % count) as usize]);
        rest = rest.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(row.id.len() as u64) >> 3;
    }
    profile
}

fn overlaps(seed: u64, events: usize) -> Overlaps {
    Overlaps {
        devices: 1 + (seed % 3) as u8,
        server_lanes: 1 + (seed / 3 % 3) as u8,
        client_lanes: 1 + (seed / 9 % 3) as u8,
        events,
        trouble: 5 + (seed % 40) as usize,
        from_active: seed % 4 < 2,
        thread_per_device: seed.is_multiple_of(5),
        drained: seed.is_multiple_of(7),
        deaths: seed % 6 == 1,
        time_told: seed % 5 == 2,
    }
}

#[test]
fn what_the_model_draws_is_conformant() {
    for seed in 0..seeds(1_000) {
        let profile = profile(seed);
        let trace = overlapping(seed, overlaps(seed, 120), &profile);
        // However few calls are in progress, what does not bear on an event may be put off.
        let judge = Checker::new(&trace.header, profile.clone());
        let judge = if seed % 2 == 0 { judge } else { judge.putting_off_from(0) };
        let judged = check_trace_with(judge, &trace);
        assert_eq!(judged.error, None, "seed {seed}\n{}", trace.to_json_lines());
        assert_eq!(judged.verdict, Verdict::Conformant, "seed {seed}\n{}", trace.to_json_lines());
        assert_eq!(judged.events, trace.events.len(), "seed {seed}");
    }
}

/// One wrong event, or two that changed places; not every such change is a violation.
pub(crate) fn corrupted(trace: &Trace, at: usize, kind: u8) -> Trace {
    let mut wrong = trace.clone();
    let at = at % wrong.events.len();
    let statuses = [
        HResult::NOERROR,
        HResult::VD_E_ABORT,
        HResult::VD_E_PROTOCOL,
        HResult::VD_E_TIMEOUT,
        HResult::VD_E_CLOSE,
        HResult::VD_E_OPEN,
    ];
    let lane = |event: &Event<'_>| event.lane().map(str::to_owned);
    match kind {
        // Two events of different lanes change places.
        0..4 => {
            let next = (at + 1 + usize::from(kind) / 2).min(wrong.events.len() - 1);
            let between = &wrong.events[at..=next];
            let apart = between.iter().skip(1).all(|event| lane(event) != lane(&between[0]));
            if apart {
                wrong.events[at..=next].rotate_left(1);
            }
        }
        4 => drop(wrong.events.remove(at)),
        _ => match &mut wrong.events[at] {
            Event::Return { status, out, .. } if out.command.is_none() => {
                *status = statuses[usize::from(kind) % statuses.len()];
            }
            Event::Callback { completion, bytes, .. } => {
                *completion =
                    [Win32::ERROR_SUCCESS, Win32::ERROR_OPERATION_ABORTED][usize::from(kind) % 2];
                *bytes = if *completion == Win32::ERROR_SUCCESS { 65536 } else { 0 };
            }
            _ => {}
        },
    }
    for (index, event) in wrong.events.iter_mut().enumerate() {
        event.set_seq(index as u64 + 1);
    }
    wrong
}

fn plainly(trace: &Trace, profile: &Profile) -> Judged {
    let judge = Checker::new(&trace.header, profile.clone());
    check_trace_with(judge.trying_everything().with_budget(20_000), trace)
}

/// What two judges must agree upon: the kind of verdict, where, and what is not to be
/// judged at all.
pub(crate) fn told(judged: &Judged) -> (u8, usize, bool) {
    let (kind, line) = match &judged.verdict {
        Verdict::Conformant | Verdict::Unreadable { .. } => (0, 0),
        Verdict::Violation(violation) => (1, violation.line),
        Verdict::Inconclusive(_) => (2, 0),
    };
    (kind, line, judged.error.is_some())
}

/// Judges it both ways; gives the kind of verdict, if both reached one.
fn agree(trace: &Trace, profile: &Profile) -> Option<u8> {
    let by_search = told(&check_trace(trace, profile));
    let judge = Checker::new(&trace.header, profile.clone());
    let judge = judge.searching_always().putting_off_from(0);
    let always = told(&check_trace_with(judge, trace));
    let by_trying = told(&plainly(trace, profile));
    if by_trying.0 == 2 {
        return None;
    }
    assert_eq!(by_search, by_trying, "search, everything\n{}", trace.to_json_lines());
    assert_eq!(always, by_trying, "search always, everything\n{}", trace.to_json_lines());
    Some(by_search.0)
}

/// The search and the judge that tries everything agree on small histories, conformant
/// and corrupted.
#[test]
fn the_search_finds_what_trying_everything_finds() {
    let mut counts = [0_u64; 3];
    for seed in 0..seeds(2_000) {
        let profile = profile(seed);
        let trace = overlapping(seed, overlaps(seed, 10 + (seed % 30) as usize), &profile);
        let mut count = |kind: Option<u8>| counts[usize::from(kind.unwrap_or(2))] += 1;
        count(agree(&trace, &profile));
        for kind in 0..4 {
            let at = seed as usize * 7 + usize::from(kind) * 13;
            let wrong = corrupted(&trace, at, (seed as u8 / 4).wrapping_add(kind * 5) % 16);
            count(agree(&wrong, &profile));
        }
    }
    let [conformant, violations, too_large] = counts;
    assert!(conformant > violations && violations > 0, "{counts:?}");
    assert!(too_large * 20 < conformant + violations, "{counts:?}");
}

/// Of a configuration that is told while BeginConfiguration has not returned yet it is
/// known all the same what it has to be.
#[test]
fn a_configuration_is_known_before_its_return() {
    let told = |block_size: u32| {
        let config = format!(
            r#"{{"deviceCount":1,"features":[],"alignment":1024,"blockSize":{block_size},"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":262144}}"#
        );
        let lines = [
            r#"{"vdi":"trace/1"}"#,
            r#"{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1,"features":[]}}}"#,
            r#"{"lane":"primary.main","return":"NOERROR"}"#,
            r#"{"lane":"server.t1","call":"Open","on":"sset","args":{"name":"S"}}"#,
            r#"{"lane":"server.t1","return":"NOERROR"}"#,
            r#"{"lane":"server.t1","call":"BeginConfiguration","on":"sset","args":{"blockSize":1024,"maxTransferSize":65536}}"#,
            r#"{"lane":"server.t2","call":"EndConfiguration","on":"sset"}"#,
            r#"{"lane":"server.t2","return":"NOERROR"}"#,
            r#"{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}"#,
            &format!(r#"{{"lane":"primary.main","return":"NOERROR","out":{{"config":{config}}}}}"#),
            r#"{"lane":"server.t1","return":"NOERROR"}"#,
        ];
        check_reader(lines.join("\n").as_bytes(), &Profile::default()).verdict
    };
    assert_eq!(told(1024), Verdict::Conformant);
    assert!(matches!(told(2048), Verdict::Violation(_)), "{:?}", told(2048));
}
