//! Whom a call that is out of its place is held against, where calls are in progress together.

use std::fmt::Write as _;

use vdi_check::{Checker, Verdict, check_reader, check_trace_with};
use vdi_spec::clauses::{Clause, Party, Profile};
use vdi_trace::Trace;

const ALL: [Party; 3] = [Party::Interface, Party::Server, Party::Client];

/// A set, made and configured, with this many devices open on both sides.
pub(crate) fn active(devices: usize) -> String {
    let mut text = String::from("{\"vdi\":\"trace/1\"}\n");
    call(
        &mut text,
        "primary.main",
        "CreateEx",
        "cset",
        &format!(r#","args":{{"name":"S","config":{{"deviceCount":{devices}}}}}"#),
    );
    call(&mut text, "server.main", "Open", "sset", r#","args":{"name":"S"}"#);
    let asked = r#","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}"#;
    call(&mut text, "server.main", "BeginConfiguration", "sset", asked);
    call(&mut text, "server.main", "EndConfiguration", "sset", "");
    let forever = r#","args":{"timeout":"infinite"}"#;
    call(&mut text, "primary.main", "GetConfiguration", "cset", forever);
    begins(&mut text, "server.agent", "ExecuteCompletionAgent", "sset", "");
    for device in 1..=devices {
        let named = if device == 1 { "S".to_owned() } else { format!("S{device}") };
        for (lane, on, handle) in [("server", "sset", "sdev"), ("primary", "cset", "cdev")] {
            let rest = format!(r#","as":"{handle}{device}","args":{{"name":"{named}"}}"#);
            call(&mut text, &format!("{lane}.main"), "OpenDevice", on, &rest);
        }
    }
    text
}

pub(crate) fn begins(text: &mut String, lane: &str, call: &str, on: &str, rest: &str) {
    let _ = writeln!(text, r#"{{"lane":"{lane}","call":"{call}","on":"{on}"{rest}}}"#);
}

pub(crate) fn returns(text: &mut String, lane: &str, status: &str) {
    let _ = writeln!(text, r#"{{"lane":"{lane}","return":"{status}"}}"#);
}

pub(crate) fn call(text: &mut String, lane: &str, function: &str, on: &str, rest: &str) {
    begins(text, lane, function, on, rest);
    returns(text, lane, "NOERROR");
}

/// What the history shows of callers, by clause; the interface answered as it may.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.error, None, "{text}");
    let faults = judged.findings.iter().map(|finding| finding.clause.to_string());
    let mut faults: Vec<String> = faults.collect();
    if judged.exit_code(&ALL) != 0 && faults.is_empty() {
        faults.push(format!("{:?}", judged.verdict));
    }
    faults
}

const OPEN: &str = r#","args":{"name":"S"}"#;

/// Of several that open one set at once one wins, whichever it is.
#[test]
fn opens_that_overlap_are_no_fault() {
    for (threads, winner) in (2..=6).flat_map(|threads| (0..threads).map(move |w| (threads, w))) {
        for reversed in [false, true] {
            let mut text = String::from("{\"vdi\":\"trace/1\"}\n");
            let made = r#","args":{"name":"S","config":{"deviceCount":1}}"#;
            call(&mut text, "primary.main", "CreateEx", "cset", made);
            for thread in 0..threads {
                begins(&mut text, &format!("server.t{thread}"), "Open", "sset", OPEN);
            }
            for step in 0..threads {
                let thread = if reversed { threads - 1 - step } else { step };
                let status = if thread == winner { "NOERROR" } else { "VD_E_PROTOCOL" };
                returns(&mut text, &format!("server.t{thread}"), status);
            }
            assert_eq!(faults(&text), [""; 0], "{text}");
            // Whoever opens when one has succeeded could know.
            begins(&mut text, "server.late", "Open", "sset", OPEN);
            returns(&mut text, "server.late", "VD_E_PROTOCOL");
            assert_eq!(faults(&text), ["server.open.first"], "{text}");
        }
    }
}

/// After an abort nobody has to close devices: who closes beside one may come after it.
#[test]
fn a_close_beside_an_abort_is_no_fault() {
    for devices in [1, 2, 3, 8, 64] {
        for aborts in ["cset", "sset"] {
            let aborter = if aborts == "cset" { "primary.x" } else { "server.x" };
            for (closes, lane, refused, mistake) in [
                ("sset", "server.main", "VD_E_PROTOCOL", "server.close.devices-open.mistake"),
                ("cset", "primary.main", "VD_E_OPEN", "client.close.devices-open.mistake"),
            ] {
                // The side that has closed has no set any more to abort.
                let status = if aborts == closes { "VD_E_PROTOCOL" } else { "NOERROR" };
                let mut text = active(devices);
                begins(&mut text, aborter, "SignalAbort", aborts, "");
                begins(&mut text, lane, "Close", closes, "");
                returns(&mut text, "server.agent", "VD_E_ABORT");
                returns(&mut text, lane, refused);
                returns(&mut text, aborter, status);
                assert_eq!(faults(&text), [""; 0], "{text}");
                // Who closes before anybody aborts could know.
                let mut text = active(devices);
                begins(&mut text, lane, "Close", closes, "");
                begins(&mut text, aborter, "SignalAbort", aborts, "");
                returns(&mut text, "server.agent", "VD_E_ABORT");
                returns(&mut text, lane, refused);
                returns(&mut text, aborter, status);
                assert_eq!(faults(&text), [mistake], "{text}");
            }
        }
    }
}

/// Who closes the set while the last devices are being closed may come after that; who leaves
/// one of them open does not.
#[test]
fn a_close_beside_the_last_close_device_is_no_fault() {
    for devices in [1, 2, 3, 8] {
        for left_open in [0, 1] {
            let mut text = active(devices);
            for device in 1 + left_open..=devices {
                let lane = format!("server.d{device}");
                begins(&mut text, &lane, "CloseDevice", &format!("sdev{device}"), "");
            }
            begins(&mut text, "server.main", "Close", "sset", "");
            returns(&mut text, "server.agent", "VD_E_ABORT");
            returns(&mut text, "server.main", "VD_E_PROTOCOL");
            let wanted: &[&str] = match left_open {
                0 => &[],
                _ => &["server.close.devices-open.mistake"],
            };
            assert_eq!(faults(&text), wanted, "{text}");
        }
    }
}

/// A command that two threads complete at once is completed twice, in whatever order.
#[test]
fn a_command_that_two_threads_complete_is_completed_twice() {
    let mut text = active(1);
    let sent = r#","as":"k1","args":{"code":"Flush"}"#;
    call(&mut text, "server.main", "SendCommand", "sdev1", sent);
    begins(&mut text, "primary.main", "GetCommand", "cdev1", r#","args":{"timeout":"infinite"}"#);
    text.push_str(
        "{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{\"command\":\"k1\"}}\n",
    );
    for lane in ["primary.a", "primary.b"] {
        let done = r#","args":{"command":"k1","code":"ERROR_SUCCESS","bytes":0}"#;
        begins(&mut text, lane, "CompleteCommand", "cdev1", done);
    }
    returns(&mut text, "primary.a", "NOERROR");
    returns(&mut text, "primary.b", "VD_E_INVALID");
    let expected = ["client.device.one-thread", "client.complete-command.active-only"];
    assert_eq!(faults(&text), expected, "{text}");
}

/// A scenario that also decides when time passes makes the calls of both sides: what they break is on purpose, and no failure of
/// what was observed.
#[test]
fn what_a_scenario_breaks_is_on_purpose() {
    let mut text = active(1);
    call(&mut text, "server.main", "SignalAbort", "sset", "");
    returns(&mut text, "server.agent", "VD_E_ABORT");
    call(&mut text, "server.main", "Close", "sset", "");
    begins(&mut text, "server.main", "OpenDevice", "sset", r#","as":"sdev9","args":{"name":"S"}"#);
    returns(&mut text, "server.main", "VD_E_PROTOCOL");
    let exit = |text: &str| check_reader(text.as_bytes(), &Profile::default()).exit_code(&ALL);
    assert_eq!(exit(&text), 1, "{text}");
    let headed = |more: &str| text.replacen("trace/1\"", &format!("trace/1\",{more}"), 1);
    let of_scenario = headed(r#""scenario":"x","records":["time"]"#);
    assert_eq!(exit(&of_scenario), 0, "{text}");
    // A situation that a real client was put into makes no calls of the client's.
    assert_eq!(exit(&headed(r#""scenario":"x""#)), 1, "{text}");
    assert_eq!(exit(&headed(r#""scenario":"x","provoked":["client"],"records":["time"]"#)), 1);
    assert_eq!(faults(&of_scenario), faults(&text));
    // The interface's own answers count as ever.
    let wrong = of_scenario.replace("VD_E_PROTOCOL", "VD_E_TIMEOUT");
    assert_eq!(exit(&wrong), 1, "{wrong}");
}

/// A BeginConfiguration that is refused while Open and another are on their way: either it came
/// before the Open, or after the other, and breaks another obligation each time. Which of them is
/// not known.
#[test]
fn what_is_broken_in_one_of_two_orders_is_not_certain() {
    let judged = |first: &str, other: &str| {
        let begin = |lane: &str, features: &str| {
            format!(
                r#"{{"lane":"{lane}","call":"BeginConfiguration","on":"sset","args":{{{features}"blockSize":512,"maxTransferSize":65536}}}}"#
            )
        };
        let lines = [
            r#"{"vdi":"trace/1"}"#,
            r#"{"lane":"primary.t1","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1,"features":[]}}}"#,
            r#"{"lane":"primary.t1","return":"NOERROR"}"#,
            r#"{"lane":"server.t1","call":"Open","on":"sset","args":{"name":"S"}}"#,
            &begin("server.t2", first),
            r#"{"lane":"server.t1","return":"NOERROR"}"#,
            &begin("server.t1", other),
            r#"{"lane":"server.t1","return":"NOERROR"}"#,
            r#"{"lane":"server.t2","return":"VD_E_PROTOCOL"}"#,
        ];
        let trace = Trace::read(lines.join("\n").as_bytes()).expect("a trace");
        let judge = || Checker::new(&trace.header, Profile::default());
        let all = [
            judge(),
            judge().searching_always(),
            judge().searching_always().putting_off_from(0),
            judge().in_every_order(),
            judge().trying_everything(),
        ];
        let found = all.map(|judge| {
            let judged = check_trace_with(judge, &trace);
            assert_eq!(judged.verdict, Verdict::Conformant);
            let broken = judged.findings.iter().map(|finding| (finding.line, finding.clause));
            broken.collect::<Vec<_>>()
        });
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found[0].clone()
    };
    let media = r#""features":["WriteMedia"],"#;
    assert_eq!(judged("", media), []);
    assert_eq!(judged(media, media), []);
    assert_eq!(judged("", ""), [(7, Clause::ServerBeginConfigurationMedia)]);
}

/// A call on buffers that another overtakes was right when it began.
#[test]
fn calls_on_buffers_that_are_overtaken_are_no_fault() {
    let sized = r#","args":{"size":512}"#;
    let counted = r#","args":{"size":512,"count":1}"#;
    let begin = r#","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}"#;
    let allocate = r#","as":"b9","args":{"size":512}"#;
    let before = active(1);
    let configured = before.split("{\"lane\":\"server.agent\"").next().expect("a beginning");
    let until = |function: &str| {
        let at = configured.find(&format!("\"call\":\"{function}\"")).expect("a call");
        let line = configured[..at].rfind('\n').expect("a line before");
        configured[..=line].to_owned()
    };
    let (opened, begun) = (until("BeginConfiguration"), until("EndConfiguration"));
    for (start, other, with, late, rest, lone) in [
        (&before, ("CloseDevice", "sdev1"), "", "RequestBuffers", counted, true),
        (&before, ("CloseDevice", "sdev1"), "", "QueryAvailableBuffers", sized, true),
        (&opened, ("BeginConfiguration", "sset"), begin, "RequestBuffers", counted, true),
        (&begun, ("EndConfiguration", "sset"), "", "AllocateBuffer", allocate, true),
        // Alone, when it began, it was as wrong.
        (&opened, ("GetConfiguration", "sset"), "", "RequestBuffers", counted, false),
        (&begun, ("GetConfiguration", "sset"), "", "AllocateBuffer", allocate, false),
    ] {
        for first in [true, false] {
            let mut text = start.clone();
            if first {
                begins(&mut text, "server.late", late, "sset", rest);
            }
            begins(&mut text, "server.main", other.0, other.1, with);
            if !first {
                begins(&mut text, "server.late", late, "sset", rest);
            }
            returns(&mut text, "server.main", "NOERROR");
            returns(&mut text, "server.late", "VD_E_PROTOCOL");
            let found = faults(&text);
            // What begins after a configuration that has not begun is too early in any case.
            let begun_first = first && other.0 != "CloseDevice";
            let right = lone && !begun_first;
            assert_eq!(found.is_empty(), right, "{text}{found:?}");
        }
    }
}

#[test]
fn a_secondary_that_opens_two_sets_at_once_is_no_fault() {
    let interfaces = r#"{"vdi":"trace/1","interfaces":{"sset2":"server","cset2":"primary"}}"#;
    let two = active(1).replace("{\"vdi\":\"trace/1\"}", interfaces);
    let mut text = two.clone();
    // The same of a second set, by other interfaces.
    for line in two.lines().skip(1).filter(|line| !line.contains(".agent")) {
        let line = line.replace("cset", "cset2").replace("sset", "sset2");
        let line = line.replace("cdev1", "cdev9").replace("sdev1", "sdev9");
        let _ = writeln!(text, "{}", line.replace("\"S\"", "\"T\""));
    }
    let open = |name: &str| format!(r#","args":{{"name":"{name}"}}"#);
    for (one, other) in [("S", "T"), ("T", "S"), ("S", "S")] {
        let mut text = text.clone();
        begins(&mut text, "secondary1.a", "OpenInSecondary", "x1set", &open(one));
        begins(&mut text, "secondary1.b", "OpenInSecondary", "x1set", &open(other));
        returns(&mut text, "secondary1.a", "NOERROR");
        returns(&mut text, "secondary1.b", "VD_E_PROTOCOL");
        assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
    }
    begins(&mut text, "secondary1.a", "OpenInSecondary", "x1set", &open("S"));
    returns(&mut text, "secondary1.a", "NOERROR");
    begins(&mut text, "secondary1.b", "OpenInSecondary", "x1set", &open("T"));
    returns(&mut text, "secondary1.b", "VD_E_PROTOCOL");
    assert_eq!(faults(&text), ["client.order"], "{text}");
}
