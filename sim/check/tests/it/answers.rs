//! Sizes, alignments, features and counts that a side gives: who is right, under which reading.

use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::{Party, Profile, Reading};

const CREATED: &str = r#"{"vdi":"trace/1"}
{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1,"features":["RequestComplete"]}}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}
{"lane":"server.main","return":"NOERROR"}
"#;
const BEGUN: &str = r#"{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}}
{"lane":"server.main","return":"NOERROR"}
"#;
const ACTIVE: &str = r#"{"lane":"server.main","call":"RequestBuffers","on":"sset","args":{"size":65536,"count":1}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.main","call":"EndConfiguration","on":"sset"}
{"lane":"server.main","return":"NOERROR"}
{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":0}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"server.agent","call":"ExecuteCompletionAgent","on":"sset"}
{"lane":"server.main","call":"OpenDevice","on":"sset","as":"sdev1","args":{"name":"S"}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev1","args":{"name":"S"}}
{"lane":"primary.main","return":"NOERROR"}
"#;

/// A call of a lane and how it returns.
fn call(lane: &str, name: &str, on: &str, rest: &str, status: &str) -> String {
    format!(
        "{{\"lane\":\"{lane}\",\"call\":\"{name}\",\"on\":\"{on}\",{rest}}}\n\
         {{\"lane\":\"{lane}\",\"return\":\"{status}\"}}\n"
    )
}

fn server(name: &str, rest: &str, status: &str) -> String {
    call("server.main", name, "sset", rest, status)
}

fn judged(events: &[&str], readings: &[&str]) -> Judged {
    let mut profile = Profile::default();
    for reading in readings {
        profile.choose(reading.parse::<Reading>().expect("a reading"));
    }
    check_reader(events.concat().as_bytes(), &profile)
}

/// The broken clauses: the violation's, and those of findings with their party.
fn broken(events: &[&str], readings: &[&str]) -> (Option<String>, Vec<(Party, String)>) {
    let judged = judged(events, readings);
    assert_eq!(judged.error, None);
    let clause = match judged.verdict {
        Verdict::Violation(violation) => Some(violation.clause.to_string()),
        Verdict::Conformant => None,
        Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => panic!("not decided"),
    };
    let found = judged.findings.iter().map(|found| (found.party, found.clause.to_string()));
    (clause, found.collect())
}

/// A Flush that is completed with `given` bytes and called back with `told`.
fn flushed(given: u32, told: u32) -> String {
    let complete = format!(r#""args":{{"command":"c1","code":"ERROR_SUCCESS","bytes":{given}}}"#);
    let sent = call(
        "server.main",
        "SendCommand",
        "sdev1",
        r#""as":"c1","args":{"code":"Flush"}"#,
        "NOERROR",
    );
    let got = call("primary.main", "GetCommand", "cdev1", r#""args":{"timeout":0}"#, "NOERROR");
    let got = got.replace("\"NOERROR\"}", "\"NOERROR\",\"out\":{\"command\":\"c1\"}}");
    let done = call("primary.main", "CompleteCommand", "cdev1", &complete, "NOERROR");
    let back = format!(
        "{{\"lane\":\"server.agent\",\"callback\":\"c1\",\"completion\":\"ERROR_SUCCESS\",\"bytes\":{told}}}\n"
    );
    format!("{sent}{got}{done}{back}")
}

#[test]
fn a_count_with_a_flush_is_told_and_nobody_is_at_fault() {
    for told in [0, 65536] {
        let events = [CREATED, BEGUN, ACTIVE, &flushed(65536, told)];
        assert_eq!(broken(&events, &[]), (None, vec![]), "called back with {told}");
        let judged = judged(&events, &[]);
        assert_eq!(judged.notes.len(), 1, "{:?}", judged.notes);
        assert!(judged.notes[0].what.contains("Flush"), "{:?}", judged.notes);
        assert_eq!(judged.exit_code(&[Party::Interface, Party::Client]), 0);
    }
}

#[test]
fn under_another_reading_it_is_a_fault_of_the_client() {
    let events = [CREATED, BEGUN, ACTIVE, &flushed(65536, 0)];
    let fault = (Party::Client, "client.complete-command.stray-bytes".to_owned());
    assert_eq!(broken(&events, &["stray-bytes=client-fault"]), (None, vec![fault]));
    let without = [CREATED, BEGUN, ACTIVE, &flushed(0, 0)];
    assert_eq!(broken(&without, &["stray-bytes=client-fault"]), (None, vec![]));
    assert!(judged(&without, &[]).notes.is_empty());
}

#[test]
fn bytes_that_nobody_gave_are_made_up() {
    for (given, told) in [(0, 512), (65536, 512)] {
        let events = [CREATED, BEGUN, ACTIVE, &flushed(given, told)];
        assert_eq!(broken(&events, &[]).0.as_deref(), Some("agent.callback"));
    }
}

fn freed(size: &str, status: &str) -> String {
    let allocated = server("AllocateBuffer", r#""as":"b1","args":{"size":65536}"#, "NOERROR");
    let args = format!(r#""args":{{"buffer":"b1"{size}}}"#);
    allocated + &server("FreeBuffer", &args, status)
}

#[test]
fn another_size_is_the_servers_fault_and_is_refused() {
    let fault = (Party::Server, "server.free-buffer.size".to_owned());
    for size in [r#","size":512"#, r#","size":0"#, r#","size":131072"#] {
        let refused = freed(size, "VD_E_INVALID");
        let events = [CREATED, BEGUN, ACTIVE, &refused];
        assert_eq!(broken(&events, &[]), (None, vec![fault.clone()]), "{size}");
        let taken = freed(size, "NOERROR");
        let (clause, _) = broken(&[CREATED, BEGUN, ACTIVE, &taken], &[]);
        assert_eq!(clause.as_deref(), Some("server.free-buffer.size-refused"), "{size}");
    }
    for size in ["", r#","size":65536"#, r#","size":"64KiB""#] {
        let events = [CREATED, BEGUN, ACTIVE, &freed(size, "NOERROR")];
        assert_eq!(broken(&events, &[]), (None, vec![]), "{size}");
    }
}

#[test]
fn who_checks_is_a_reading_and_the_server_is_at_fault() {
    let bad = |status| {
        server(
            "BeginConfiguration",
            r#""args":{"blockSize":1000,"maxTransferSize":65536,"features":["WriteMedia"]}"#,
            status,
        )
    };
    let request = |status| {
        BEGUN.to_owned()
            + &server(
                "RequestBuffers",
                r#""args":{"size":65536,"count":1,"alignment":3000}"#,
                status,
            )
    };
    let limits = (Party::Server, "server.begin-configuration.limits".to_owned());
    let arguments = (Party::Server, "server.request-buffers.arguments".to_owned());
    let unchecked = ["bad-configuration-arguments=unchecked"];
    let checked = ["bad-request-arguments=checked"];
    let refused = Some("server.begin-configuration.limits-refused");
    let unsound = Some("server.request-buffers.unsound");
    for (events, readings, clause, fault) in [
        (bad("VD_E_INVALID"), &[][..], None, &limits),
        (bad("NOERROR"), &[], refused, &limits),
        (bad("NOERROR"), &unchecked, None, &limits),
        (bad("VD_E_INVALID"), &unchecked, refused, &limits),
        (request("NOERROR"), &[], None, &arguments),
        (request("VD_E_INVALID"), &[], unsound, &arguments),
        (request("VD_E_INVALID"), &checked, None, &arguments),
        (request("NOERROR"), &checked, unsound, &arguments),
    ] {
        let (violated, found) = broken(&[CREATED, &events], readings);
        assert_eq!(violated.as_deref(), clause, "{events} {readings:?}");
        assert_eq!(found, std::slice::from_ref(fault), "{events} {readings:?}");
    }
}

#[test]
fn what_an_alignment_of_0_is_to_allocate_buffer_is_a_reading() {
    let allocate = |args: &str, status| {
        let args = format!(r#""as":"b1","args":{{"size":65536{args}}}"#);
        server("AllocateBuffer", &args, status)
    };
    let invalid = ["allocate-alignment-zero=zero-is-invalid"];
    let zero = r#","alignment":0"#;
    for (events, readings, sound) in [
        (allocate(zero, "NOERROR"), &[][..], true),
        (allocate(zero, "VD_E_INVALID"), &[], false),
        (allocate(zero, "VD_E_INVALID"), &invalid, true),
        (allocate(zero, "NOERROR"), &invalid, false),
        // What is not told may be anything that is right.
        (allocate("", "NOERROR"), &invalid, true),
        (allocate(r#","alignment":512"#, "NOERROR"), &invalid, true),
    ] {
        let (violated, found) = broken(&[CREATED, BEGUN, ACTIVE, &events], readings);
        assert_eq!(violated.is_none(), sound, "{events} {readings:?}");
        assert_eq!(found, []);
    }
}

#[test]
fn whether_a_feature_may_be_withheld_is_a_reading() {
    let told = |features: &str| {
        let end = server("EndConfiguration", r#""args":{}"#, "NOERROR");
        let get =
            r#"{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":0}}"#;
        format!(
            "{end}{get}\n{{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{{\"config\":{{\
             \"deviceCount\":1,\"features\":[{features}],\"alignment\":512,\"blockSize\":512,\
             \"maxIODepth\":4,\"maxTransferSize\":65536,\"bufferAreaSize\":262144}}}}}}\n"
        )
    };
    let (kept, withheld) = (r#""RequestComplete","WriteMedia""#, r#""WriteMedia""#);
    let reading = ["withheld-features=withheld"];
    for (features, readings, sound) in [
        (kept, &[][..], true),
        (withheld, &[], false),
        (withheld, &reading, true),
        (kept, &reading, false),
    ] {
        let (violated, _) = broken(&[CREATED, BEGUN, &told(features)], readings);
        assert_eq!(violated.is_none(), sound, "{features} {readings:?}");
    }
}

#[test]
fn a_set_without_a_name_is_made_or_refused() {
    let create = r#"{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"","config":{"deviceCount":1}}}"#;
    let open = r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":""}}"#;
    for (made, found) in [("NOERROR", "NOERROR"), ("VD_E_INVALID", "VD_E_INVALID")] {
        let text = format!(
            "{{\"vdi\":\"trace/1\"}}\n{create}\n{{\"lane\":\"primary.main\",\"return\":\"{made}\"}}\n\
             {open}\n{{\"lane\":\"server.main\",\"return\":\"{found}\"}}\n"
        );
        vdi_check::check_reader(text.as_bytes(), &Default::default()).assert_conformant();
    }
}

#[test]
fn who_joins_a_set_by_a_second_interface_is_not_accused() {
    let step = |call: &str, status: &str| {
        let lane = call.split(',').next().unwrap();
        format!("{{{call}}}\n{{{lane},\"return\":\"{status}\"}}\n")
    };
    let join = |on: &str| {
        format!(
            r#""lane":"secondary1.main","call":"OpenInSecondary","on":"{on}","args":{{"name":"S"}}"#
        )
    };
    for status in ["NOERROR", "VD_E_PROTOCOL"] {
        let configured = crate::reduction::Lines::configured(1).text.replace(
            "{\"vdi\":\"trace/1\"}",
            "{\"vdi\":\"trace/1\",\"interfaces\":{\"other\":\"secondary1\"}}",
        );
        let text = [configured, step(&join("x1set"), "NOERROR"), step(&join("other"), status)];
        let judged = vdi_check::check_reader(text.concat().as_bytes(), &Default::default());
        assert!(matches!(judged.verdict, Verdict::Inconclusive(_)), "{judged:?}");
    }
}

#[test]
fn a_pointer_from_nowhere_is_judged() {
    let on_client =
        |name: &str, rest: &str, status: &str| call("primary.main", name, "cset", rest, status);
    let complete = r#""args":{"command":"?","code":"ERROR_SUCCESS","bytes":0}"#;
    let sound = [
        server("FreeBuffer", r#""args":{"buffer":"?","size":65536}"#, "VD_E_INVALID"),
        on_client("GetBufferHandle", r#""args":{"buffer":"?"}"#, "VD_E_INVALID"),
        on_client("MapBufferHandle", r#""args":{"handle":"?"}"#, "VD_E_INVALID"),
        call("primary.main", "CompleteCommand", "cdev1", complete, "VD_E_INVALID"),
    ];
    for event in &sound {
        let (clause, _) = broken(&[CREATED, BEGUN, ACTIVE, event], &[]);
        assert_eq!(clause, None, "{event}");
        let taken = event.replace("VD_E_INVALID", "NOERROR");
        let (clause, _) = broken(&[CREATED, BEGUN, ACTIVE, &taken], &[]);
        assert!(clause.is_some(), "{taken}");
    }
}

/// So many kinds of buffers are requested, two of each, and the set is configured.
fn of_kinds(kinds: usize) -> String {
    let mut events = CREATED.to_owned() + BEGUN;
    for kind in 1..=kinds {
        let args = format!(r#""args":{{"size":{},"count":2}}"#, 512 * kind);
        events += &server("RequestBuffers", &args, "NOERROR");
    }
    events + &server("EndConfiguration", r#""args":{}"#, "NOERROR")
}

#[test]
fn what_is_requested_of_several_kinds_is_promised_of_each() {
    let allocate = |kind: usize, number: usize, status: &str| {
        let args = format!(r#""as":"b{kind}x{number}","args":{{"size":{}}}"#, 512 * kind);
        server("AllocateBuffer", &args, status)
    };
    let counted = |kind: usize, count: usize| {
        let args = format!(r#""args":{{"size":{}}}"#, 512 * kind);
        let told = format!("\"NOERROR\",\"out\":{{\"count\":{count}}}}}");
        server("QueryAvailableBuffers", &args, "NOERROR").replace("\"NOERROR\"}", &told)
    };
    let requested = Some("server.allocate-buffer.requested");
    for kinds in [1, 2, 3, 5, 64] {
        let begun = of_kinds(kinds);
        for kind in [1, kinds / 2 + 1, kinds] {
            for (events, clause) in [
                (allocate(kind, 1, "VD_E_MEMORY"), requested),
                (allocate(kind, 1, "NOERROR") + &allocate(kind, 2, "VD_E_MEMORY"), requested),
                (counted(kind, 2), None),
                (counted(kind, 9) + &allocate(kind, 1, "NOERROR"), None),
                (counted(kind, 1), Some("server.query-available-buffers.count")),
                (counted(kind, 0), Some("server.query-available-buffers.count")),
            ] {
                let (violated, _) = broken(&[&begun, &events], &[]);
                assert_eq!(violated.as_deref(), clause, "{kind} of {kinds}: {events}");
            }
            let taken = allocate(kind, 1, "NOERROR") + &allocate(kind, 2, "NOERROR");
            let (violated, _) = broken(&[&begun, &taken, &allocate(kind, 3, "VD_E_MEMORY")], &[]);
            assert_eq!(violated, None, "the third of two, {kind} of {kinds}");
            let other = kind % kinds + 1;
            if other != kind {
                let (violated, _) =
                    broken(&[&begun, &taken, &allocate(other, 1, "VD_E_MEMORY")], &[]);
                assert_eq!(violated.as_deref(), requested, "{other} after {kind} of {kinds}");
            }
        }
    }
}
