//! Clients that close before the end. A secondary, with a device of its own open or without,
//! beside a few calls of everybody: what is put off is not lost, against the search in every
//! order. A primary of whom alone something was seen: what the server may have done meanwhile is
//! not tried in every order.

use std::fmt::Write as _;

use vdi_check::{Checker, Verdict, check_reader, check_trace_with};
use vdi_spec::clauses::Profile;
use vdi_trace::Trace;

use crate::overlaps::{first_seed, profile, seeds, told as kind_of};
use crate::reduction::{Choices, in_every_order};
use crate::secondaries::shared;

/// A call on a lane of its own, and what it may come to.
struct Told {
    lane: &'static str,
    call: String,
    /// Lines of that lane, the return among them; none: it stays in the call.
    ends: Vec<Vec<String>>,
}

fn returns(status: &str) -> Vec<String> {
    vec![format!(r#""return":"{status}""#)]
}

fn sends(device: usize, lane: &'static str) -> Told {
    let refused =
        format!(r#""callback":"k{device}","completion":"ERROR_OPERATION_ABORTED","bytes":0"#);
    let aborted = vec![refused, returns("VD_E_ABORT").remove(0)];
    Told {
        lane,
        call: format!(
            r#""call":"SendCommand","on":"s{device}","args":{{"code":"Flush","size":0}},"as":"k{device}""#
        ),
        ends: vec![returns("NOERROR"), returns("NOERROR"), aborted],
    }
}

fn fetches(device: usize, lane: &'static str) -> Told {
    let given = format!(r#""return":"NOERROR","out":{{"command":"k{device}"}}"#);
    Told {
        lane,
        call: format!(r#""call":"GetCommand","on":"c{device}","args":{{"timeout":"infinite"}}"#),
        ends: vec![vec![given.clone()], vec![given], returns("VD_E_ABORT"), Vec::new()],
    }
}

fn told(lane: &'static str, call: &str, statuses: &[&str]) -> Told {
    let ends = statuses.iter().map(|status| returns(status)).collect();
    Told { lane, call: call.to_owned(), ends }
}

/// What may be called beside the Close of the secondary. The set has two devices of the primary
/// and one of the secondary.
fn beside() -> Vec<Told> {
    vec![
        sends(1, "server.t1"),
        sends(2, "server.t2"),
        sends(3, "server.t3"),
        fetches(1, "primary.t1"),
        fetches(2, "primary.t2"),
        fetches(3, "secondary1.t3"),
        told("secondary2.main", r#""call":"Close","on":"x2set""#, &["NOERROR"]),
        told("primary.main", r#""call":"Close","on":"cset""#, &["VD_E_OPEN", "NOERROR"]),
        told("server.main", r#""call":"CloseDevice","on":"s3""#, &["NOERROR", "VD_E_ABORT"]),
        told("server.t4", r#""call":"SignalAbort","on":"sset""#, &["NOERROR"]),
        told("server.t5", r#""call":"Close","on":"sset""#, &["NOERROR"]),
    ]
}

/// Some of them beside the Close, that begin and end in some order, with some answers.
fn history(seed: u64) -> Trace {
    let mut choices = Choices(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut lines = shared(2);
    lines.whole("secondary2.main", r#""call":"OpenInSecondary","on":"x2set","args":{"name":"S"}"#);
    if choices.below(2) == 0 {
        // Without a device that stays open the Close is the secondary's own matter.
        lines.whole("server.main", r#""call":"CloseDevice","on":"s3""#);
    }
    let mut left = beside();
    if choices.below(2) == 0 {
        // What a client has in hand its Close lets go of.
        lines.whole(
            "server.main",
            r#""call":"SendCommand","on":"s2","args":{"code":"Flush"},"as":"k9""#,
        );
        lines.line("primary.main", r#""call":"GetCommand","on":"c2","args":{"timeout":0}"#);
        lines.line("primary.main", r#""return":"NOERROR","out":{"command":"k9"}"#);
        left.push(told(
            "primary.t4",
            r#""call":"CompleteCommand","on":"c2","args":{"command":"k9","code":"ERROR_SUCCESS","bytes":0}"#,
            &["NOERROR", "VD_E_ABORT", "VD_E_INVALID", "VD_E_PROTOCOL"],
        ));
        let callback =
            |code: &str| vec![format!(r#""callback":"k9","completion":"{code}","bytes":0"#)];
        left.push(Told {
            lane: "server.agent",
            call: String::new(),
            ends: vec![callback("ERROR_SUCCESS"), callback("ERROR_OPERATION_ABORTED"), Vec::new()],
        });
    }
    let closes = r#""call":"Close","on":"x1set""#;
    let mut calls = vec![told("secondary1.main", closes, &["VD_E_OPEN", "VD_E_OPEN", "NOERROR"])];
    for _ in 0..3 + choices.below(3) {
        calls.push(left.remove(choices.below(left.len())));
    }
    let mut begun: Vec<Told> = Vec::new();
    while !(calls.is_empty() && begun.is_empty()) {
        if !calls.is_empty() && (begun.is_empty() || choices.below(3) > 0) {
            let call = calls.remove(choices.below(calls.len()));
            if !call.call.is_empty() {
                lines.line(call.lane, &call.call);
            }
            begun.push(call);
        } else {
            let call = begun.remove(choices.below(begun.len()));
            let end = &call.ends[choices.below(call.ends.len())];
            end.iter().for_each(|what| lines.line(call.lane, what));
        }
    }
    Trace::read(lines.text.as_bytes()).expect("a trace")
}

#[test]
fn what_is_put_off_beside_the_close_of_a_secondary_is_not_lost() {
    let mut counts = [0_u64; 3];
    for seed in first_seed()..seeds(250) * 8 {
        let trace = history(seed);
        let profile = if seed % 3 == 0 { Profile::default() } else { profile(seed) };
        let every_order = kind_of(&in_every_order(&trace, &profile));
        let judge = Checker::new(&trace.header, profile).putting_off_from(0);
        let reduced = kind_of(&check_trace_with(judge, &trace));
        assert!(
            every_order.0 == 2 || reduced == every_order,
            "seed {seed}\n{}",
            trace.to_json_lines()
        );
        counts[usize::from(every_order.0)] += 1;
    }
    let [conformant, violations, too_large] = counts;
    let few = first_seed() > 0;
    assert!(few || (conformant > 100 && violations > 100 && too_large == 0), "{counts:?}");
}

/// A client of which alone something was seen: one command on each of so many devices, and then
/// it closes, which answers this.
fn closes_unheard(devices: usize, answer: &str) -> String {
    let mut text = "{\"vdi\":\"trace/1\",\"free\":true,\"unseen\":[\"server\"]}\n".to_owned();
    let mut whole = |call: &str, answer: &str| {
        let _ = writeln!(text, r#"{{"lane":"primary.main",{call}}}"#);
        let _ = writeln!(text, r#"{{"lane":"primary.main",{answer}}}"#);
    };
    let done = r#""return":"NOERROR""#;
    let asked = format!(r#""args":{{"name":"S","config":{{"deviceCount":{devices}}}}}"#);
    whole(&format!(r#""call":"CreateEx","on":"cset",{asked}"#), done);
    let area = 4 * 65536 * devices;
    let given = format!(
        r#"{done},"out":{{"config":{{"deviceCount":{devices},"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":{area}}}}}"#
    );
    whole(r#""call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}"#, &given);
    for device in 0..devices {
        let name = if device == 0 { "S".to_owned() } else { format!("S{device}") };
        let open = format!(
            r#""call":"OpenDevice","on":"cset","args":{{"name":"{name}"}},"as":"c{device}""#
        );
        whole(&open, done);
    }
    for device in 0..devices {
        let get =
            format!(r#""call":"GetCommand","on":"c{device}","args":{{"timeout":"infinite"}}"#);
        whole(&get, &format!(r#"{done},"out":{{"command":"k{device}","code":"Flush"}}"#));
        let args = format!(r#""args":{{"command":"k{device}","code":"ERROR_SUCCESS","bytes":0}}"#);
        whole(&format!(r#""call":"CompleteCommand","on":"c{device}",{args}"#), done);
    }
    whole(r#""call":"Close","on":"cset""#, &format!(r#""return":"{answer}""#));
    text
}

#[test]
fn a_client_that_closes_unheard_is_decided_with_however_many_devices() {
    for devices in [1, 10, 64] {
        let judged = |answer: &str| {
            let text = closes_unheard(devices, answer);
            check_reader(text.as_bytes(), &Profile::default())
        };
        let open = judged("VD_E_OPEN");
        assert_eq!(open.verdict, Verdict::Conformant, "{devices}");
        let mistakes: Vec<_> = open.findings.iter().map(|found| found.clause.to_string()).collect();
        assert_eq!(mistakes[0], "client.close.devices-open.mistake", "{devices}");
        // The server may have aborted.
        let aborted = judged("NOERROR");
        assert_eq!(
            (aborted.verdict, aborted.findings.len()),
            (Verdict::Conformant, 0),
            "{devices}"
        );
        assert!(matches!(judged("VD_E_PROTOCOL").verdict, Verdict::Violation(_)), "{devices}");
    }
}
