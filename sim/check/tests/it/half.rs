//! Histories of which the server was not seen: half of what is conformant is conformant,
//! and what the client broke is still found.

use std::collections::BTreeSet;

use vdi_check::{Judged, Verdict, check_trace};
use vdi_simulate::{Overlaps, overlapping};
use vdi_spec::clauses::{Clause, Party, Profile, QUESTIONS};
use vdi_spec::codes::HResult;
use vdi_trace::{Event, Function, Handle, LaneName, Process, Trace};

/// What is seen by the clients alone: that the server's process ended perhaps, too.
fn half(trace: &Trace, tells_of_server: bool) -> Trace {
    let mut half = trace.clone();
    half.header.unseen = vec![Party::Server];
    half.events.retain(|event| match event {
        Event::Blocked { .. } => false,
        Event::Exit { process, .. } => tells_of_server || *process != Process::Server,
        Event::Unload { process, .. } => *process != Process::Server,
        Event::Expired { expired, .. } => is_client(expired.as_str()),
        other => other.lane().is_some_and(is_client),
    });
    half
}

/// Of every second server that dies the clients' recorder has noticed it.
const fn tells(seed: u64) -> bool {
    seed % 8 == 7
}

fn is_client(lane: &str) -> bool {
    LaneName::process_of(lane).is_ok_and(|process| process != Process::Server)
}

fn overlaps(seed: u64) -> Overlaps {
    Overlaps {
        devices: 1 + (seed % 3) as u8,
        server_lanes: 1 + (seed / 2 % 2) as u8,
        client_lanes: 1 + (seed / 3 % 3) as u8,
        trouble: if seed.is_multiple_of(3) { 0 } else { 5 + (seed % 30) as usize },
        events: 20 + (seed % 120) as usize,
        from_active: seed.is_multiple_of(2),
        deaths: seed % 4 == 3,
        time_told: seed % 5 == 1,
        ..Overlaps::default()
    }
}

/// A profile that depends on the seed: every reading is met.
fn profile(seed: u64) -> Profile {
    let mut profile = Profile::default();
    for (index, row) in QUESTIONS.iter().enumerate().filter(|_| seed.is_multiple_of(2)) {
        let readings: Vec<_> = row.question.readings().collect();
        profile.choose(readings[(seed as usize / 2 + index * 7) % readings.len()]);
    }
    profile
}

fn seeds(usual: u64) -> u64 {
    std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What clients broke.
fn of_clients(judged: &Judged) -> BTreeSet<Clause> {
    let clauses = judged.findings.iter().map(|finding| finding.clause);
    clauses.filter(|clause| clause.party() == Party::Client).collect()
}

/// Whether this looks different to who knows of more than the client: whether it closes because
/// of a Flush, when commands are on their way that it has not seen; and whether it closes for no
/// reason, beside an abort of the server of which nothing has told it.
fn depends_on_the_server(clause: Clause, trace: &Trace) -> bool {
    clause == Clause::ClientFlushNotTheEnd
        || clause == Clause::ClientCloseDevicesOpenMistake && a_client_closes_beside_an_abort(trace)
}

/// Whether a client begins to close while the server is in a call that aborts.
fn a_client_closes_beside_an_abort(trace: &Trace) -> bool {
    let mut aborting = BTreeSet::new();
    trace.events.iter().any(|event| match event {
        Event::Call { lane, call: Function::SignalAbort | Function::Close, .. }
            if !is_client(lane.as_str()) =>
        {
            aborting.insert(lane.as_str());
            false
        }
        Event::Call { lane, call: Function::Close, .. } => {
            is_client(lane.as_str()) && !aborting.is_empty()
        }
        Event::Return { lane, .. } => {
            aborting.remove(lane.as_str());
            false
        }
        _ => false,
    })
}

/// It is conformant, and of what a client broke a good part is seen; never more than that.
#[test]
fn half_of_what_is_conformant_is_conformant() {
    let (mut halves, mut wholes) = (0, 0);
    for seed in 0..seeds(200) {
        let profile = profile(seed);
        let trace = overlapping(seed, overlaps(seed), &profile);
        let judged = check_trace(&half(&trace, tells(seed)), &profile);
        let whole = trace.to_json_lines();
        assert_eq!(judged.error, None, "seed {seed}\n{whole}");
        assert_eq!(judged.verdict, Verdict::Conformant, "seed {seed}\n{whole}");
        let (mut seen, broken) = (of_clients(&judged), of_clients(&check_trace(&trace, &profile)));
        seen.retain(|clause| !depends_on_the_server(*clause, &trace));
        assert!(seen.is_subset(&broken), "seed {seed}: {seen:?}, {broken:?}\n{whole}");
        (halves, wholes) = (halves + seen.len(), wholes + broken.len());
    }
    assert!(halves * 4 > wholes && halves > 30, "{halves} of {wholes}");
}

/// One wrong event of a client.
fn corrupted(trace: &Trace, at: u64) -> Trace {
    let mut wrong = trace.clone();
    let clients = |event: &Event<'_>| event.lane().is_some_and(is_client);
    let places: Vec<usize> =
        (0..wrong.events.len()).filter(|place| clients(&wrong.events[*place])).collect();
    let Some(place) = places.get(at as usize % places.len().max(1)).copied() else {
        return wrong;
    };
    let statuses = [
        HResult::NOERROR,
        HResult::VD_E_ABORT,
        HResult::VD_E_PROTOCOL,
        HResult::VD_E_TIMEOUT,
        HResult::VD_E_CLOSE,
        HResult::VD_E_OPEN,
    ];
    match &mut wrong.events[place] {
        Event::Return { status, out, .. } if out.command.is_none() => {
            *status = statuses[at as usize / 3 % statuses.len()];
        }
        Event::Return { out, .. } if at.is_multiple_of(3) => out.command = Some("c1".into()),
        Event::Call { args, .. } if args.command.is_some() => {
            args.command = Some(Handle::Name("c1".into()));
        }
        Event::Call { .. } => {
            // The call and its return are gone.
            let lane = wrong.events[place].lane().map(str::to_owned);
            let own = |event: &Event<'_>| event.lane().map(str::to_owned) == lane;
            let returns = (place + 1..wrong.events.len()).find(|next| own(&wrong.events[*next]));
            returns.into_iter().for_each(|returns| drop(wrong.events.remove(returns)));
            wrong.events.remove(place);
        }
        _ => {}
    }
    wrong
}

const fn is_violated(judged: &Judged) -> bool {
    matches!(judged.verdict, Verdict::Violation(_))
}

/// What no server can explain, this server cannot; and a good part of what is wrong with
/// the whole is seen in the half.
#[test]
fn what_is_wrong_with_half_is_wrong_with_the_whole() {
    let (mut halves, mut wholes) = (0, 0);
    for seed in 0..seeds(200) {
        let profile = profile(seed);
        let trace = overlapping(seed, overlaps(seed), &profile);
        for at in 0..4 {
            let wrong = corrupted(&trace, seed * 13 + at * 7);
            let of_half = check_trace(&half(&wrong, tells(seed)), &profile);
            let of_whole = check_trace(&wrong, &profile);
            if of_whole.error.is_some() || matches!(of_whole.verdict, Verdict::Inconclusive(_)) {
                continue;
            }
            wholes += u64::from(is_violated(&of_whole));
            halves += u64::from(is_violated(&of_half));
            assert!(
                is_violated(&of_whole) || !is_violated(&of_half),
                "seed {seed}, {at}: {:#?}\n{}",
                of_half.verdict,
                wrong.to_json_lines()
            );
        }
    }
    assert!(halves * 4 > wholes && wholes > 50, "{halves} of {wholes}");
}
