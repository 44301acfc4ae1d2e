//! Histories in which one life of a set follows another: each was misjudged once, found among
//! the programs of [`super::lives`] and made small.

use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::Profile;

/// The verdict on events that are written `lane call args` and `lane = status`.
fn verdict(events: &[&str]) -> Verdict {
    let mut text = String::from(
        "{\"vdi\":\"trace/1\",\"interfaces\":{\"cset2\":\"primary\",\"sset2\":\"server\"}}\n",
    );
    for event in events {
        if event.starts_with('{') {
            text.push_str(&format!("{event}\n"));
            continue;
        }
        let (lane, rest) = event.split_once(' ').expect("a lane");
        let line = match rest.strip_prefix("= ") {
            Some(status) => format!(r#""return":"{status}""#),
            None => called(lane, rest).to_owned(),
        };
        text.push_str(&format!("{{\"lane\":\"{lane}\",{line}}}\n"));
    }
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.error, None, "{text}");
    judged.verdict
}

fn called(lane: &str, call: &str) -> &'static str {
    let server = lane.starts_with("server");
    match call {
        "Create" => {
            r#""call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#
        }
        "CreateBeside" => {
            r#""call":"CreateEx","on":"cset2","args":{"name":"S","config":{"deviceCount":1}}"#
        }
        "CloseBeside" => r#""call":"Close","on":"cset2""#,
        "OpenOther" => r#""call":"Open","on":"sset","args":{"name":"T"}"#,
        "CreateOther" => {
            r#""call":"CreateEx","on":"cset2","args":{"name":"T","config":{"deviceCount":1}}"#
        }
        "OpenBeside" => r#""call":"Open","on":"sset2","args":{"name":"S"}"#,
        "ConfigurationBeside" => r#""call":"GetConfiguration","on":"sset2""#,
        "CreateNone" => {
            r#""call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":0}}"#
        }
        "GetConfiguration" => r#""call":"GetConfiguration","on":"cset","args":{"timeout":0}"#,
        "Close" if server => r#""call":"Close","on":"sset""#,
        "Close" => r#""call":"Close","on":"cset""#,
        "SignalAbort" => r#""call":"SignalAbort","on":"cset""#,
        "Open" => r#""call":"Open","on":"sset","args":{"name":"S"}"#,
        "ServerConfiguration" => r#""call":"GetConfiguration","on":"sset""#,
        "EndConfiguration" => r#""call":"EndConfiguration","on":"sset""#,
        "SecondaryAbort" => r#""call":"SignalAbort","on":"x1set""#,
        "OpenInSecondary" => r#""call":"OpenInSecondary","on":"x1set","args":{"name":"S"}"#,
        other => panic!("{other}"),
    }
}

fn is_violation(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Violation(_))
}

/// A set that another call has closed is not there any more, though its own Create has not
/// returned.
#[test]
fn closed_before_its_create_returns() {
    let mut events = vec![
        "primary.t2 Create",
        "primary.t1 Close",
        "primary.t1 = NOERROR",
        "primary.t1 Create",
        "primary.t1 = NOERROR",
        "primary.t0 Close",
        "primary.t0 = NOERROR",
        "primary.t1 Create",
        "primary.t2 = NOERROR",
        "primary.t1 = NOERROR",
    ];
    assert_eq!(verdict(&events), Verdict::Conformant);
    // The first of them is not open twice.
    events.truncate(5);
    events.extend(["primary.t1 Create", "primary.t1 = NOERROR"]);
    assert!(is_violation(&verdict(&events)));
}

/// An Open that finds no set has attached nothing, and no call that has begun meanwhile: such a
/// call may take effect once the next Open has attached another.
#[test]
fn begun_during_an_open_that_fails() {
    let mut events = vec![
        "primary.t0 Create",
        "primary.t0 = NOERROR",
        "server.t0 Open",
        "primary.t0 Close",
        "primary.t0 = NOERROR",
        "server.t1 EndConfiguration",
        "server.t0 = VD_E_INVALID",
        "primary.t0 Create",
        "primary.t0 = NOERROR",
        "server.t2 Open",
        "server.t2 = NOERROR",
        "primary.t0 SignalAbort",
        "primary.t0 = NOERROR",
        "server.t1 = VD_E_ABORT",
    ];
    assert_eq!(verdict(&events), Verdict::Conformant);
    let end = events.len() - 1;
    for (status, allowed) in [
        ("server.t1 = VD_E_PROTOCOL", true),
        ("server.t1 = NOERROR", false),
        ("server.t1 = VD_E_TIMEOUT", false),
    ] {
        events[end] = status;
        assert_eq!(is_violation(&verdict(&events)), !allowed, "{status}");
    }
    // Without the second Open nothing can have been aborted.
    events.drain(9..11);
    *events.last_mut().expect("there are some") = "server.t1 = VD_E_ABORT";
    assert!(is_violation(&verdict(&events)));
}

/// The same for a Create that fails, with the client's calls.
#[test]
fn begun_during_a_create_that_fails() {
    let mut events = vec![
        "primary.t0 CreateNone",
        "primary.t1 GetConfiguration",
        "primary.t0 = VD_E_NOTSUPPORTED",
        "primary.t0 Create",
        "primary.t0 = NOERROR",
        "primary.t1 = VD_E_TIMEOUT",
    ];
    assert_eq!(verdict(&events), Verdict::Conformant);
    let end = events.len() - 1;
    events[end] = "primary.t1 = VD_E_PROTOCOL";
    assert_eq!(verdict(&events), Verdict::Conformant);
    events[end] = "primary.t1 = NOERROR";
    assert!(is_violation(&verdict(&events)));
    events.drain(3..5);
    events[3] = "primary.t1 = VD_E_TIMEOUT";
    assert!(is_violation(&verdict(&events)));
}

/// The same for a secondary client.
#[test]
fn begun_during_an_open_in_secondary_that_fails() {
    let events = |status| {
        verdict(&[
            "primary.t0 Create",
            "primary.t0 = NOERROR",
            "secondary1.t0 OpenInSecondary",
            "secondary1.t1 SecondaryAbort",
            "secondary1.t0 = VD_E_PROTOCOL",
            status,
        ])
    };
    assert_eq!(events("secondary1.t1 = VD_E_PROTOCOL"), Verdict::Conformant);
    assert!(is_violation(&events("secondary1.t1 = NOERROR")));
}

#[test]
fn a_name_is_taken_while_another_call_finds_no_set() {
    let events = [
        "primary.t0 Create",
        "primary.t1 CreateBeside",
        "primary.t1 = NOERROR",
        "primary.t0 = VD_E_INVALID",
        "primary.t0 SignalAbort",
        "primary.t1 Create",
        "primary.t1 = VD_E_PROTOCOL",
        "primary.t0 = VD_E_PROTOCOL",
    ];
    assert_eq!(verdict(&events), Verdict::Conformant);
}

#[test]
fn of_two_creates_each_makes_a_set_once_the_one_before_is_closed() {
    let events = [
        "primary.t0 CreateBeside",
        "primary.t0 = NOERROR",
        "primary.t2 Create",
        "primary.t0 Create",
        "primary.t1 CloseBeside",
        "primary.t1 = NOERROR",
        "primary.t1 Close",
        "primary.t2 = NOERROR",
        "primary.t2 Close",
        "primary.t1 = NOERROR",
        "primary.t1 Close",
        "primary.t1 = VD_E_PROTOCOL",
        "primary.t0 = NOERROR",
        "primary.t2 = NOERROR",
    ];
    assert_eq!(verdict(&events), Verdict::Conformant);
}

#[test]
fn called_while_an_open_is_refused_because_another_interface_has_the_set() {
    let events = [
        "primary.t0 Create",
        "primary.t0 = NOERROR",
        "server.t0 Open",
        "server.t0 = NOERROR",
        "server.t1 ConfigurationBeside",
        "server.t0 OpenBeside",
        "server.t1 = VD_E_PROTOCOL",
        "server.t1 ConfigurationBeside",
        "server.t1 = VD_E_PROTOCOL",
        "server.t0 = VD_E_INVALID",
    ];
    assert_eq!(verdict(&events), Verdict::Conformant);
}

/// What the primary's Close has aborted it may not have released: while it is in progress its
/// set is found by its name, and answers as after any abort. Once it is over there is no set.
#[test]
fn opened_while_it_is_being_closed() {
    let events = |opened: &'static str, late: bool| {
        let closed = ["primary.main = NOERROR", "secondary1.main OpenInSecondary"];
        let mut events = vec![
            "primary.main Create",
            "primary.main = NOERROR",
            "server.main Open",
            "server.main = NOERROR",
            "primary.main Close",
            "server.main ServerConfiguration",
            "server.main = VD_E_ABORT",
        ];
        events.extend(if late { closed } else { [closed[1], opened] });
        events.push(if late { opened } else { closed[0] });
        events
    };
    let (aborted, none) = ("secondary1.main = VD_E_ABORT", "secondary1.main = VD_E_PROTOCOL");
    assert_eq!(verdict(&events(aborted, false)), Verdict::Conformant);
    assert_eq!(verdict(&events(none, false)), Verdict::Conformant);
    assert_eq!(verdict(&events(none, true)), Verdict::Conformant);
    assert!(is_violation(&verdict(&events(aborted, true))));
}

/// A server that calls while it closes with devices open is called back as after any abort, or
/// finds its device gone; it is not called back as if nothing had been aborted.
#[test]
fn sent_while_it_is_being_closed() {
    let events = |code: &str, status: &str| {
        let callback =
            format!(r#"{{"lane":"server.t1","callback":"c1","completion":"{code}","bytes":0}}"#);
        let text = format!("server.t1 = {status}");
        let (callback, text): (&'static str, &'static str) = (callback.leak(), text.leak());
        [
            "primary.main Create",
            "primary.main = NOERROR",
            "server.main Open",
            "server.main = NOERROR",
            r#"{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}}"#,
            "server.main = NOERROR",
            "server.main EndConfiguration",
            "server.main = NOERROR",
            "primary.main GetConfiguration",
            "primary.main = NOERROR",
            r#"{"lane":"server.main","call":"OpenDevice","on":"sset","as":"s1","args":{"name":"S"}}"#,
            "server.main = NOERROR",
            r#"{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"d1","args":{"name":"S"}}"#,
            "primary.main = NOERROR",
            "server.main Close",
            r#"{"lane":"server.t1","call":"SendCommand","on":"s1","as":"c1","args":{"code":"Flush"}}"#,
            callback,
            text,
            "server.main = VD_E_PROTOCOL",
        ]
    };
    let verdict = |code: &str, status: &str| verdict(&events(code, status));
    assert_eq!(verdict("ERROR_OPERATION_ABORTED", "VD_E_ABORT"), Verdict::Conformant);
    assert_eq!(verdict("ERROR_INVALID_HANDLE", "VD_E_PROTOCOL"), Verdict::Conformant);
    assert!(is_violation(&verdict("ERROR_OPERATION_ABORTED", "VD_E_PROTOCOL")));
    assert!(is_violation(&verdict("ERROR_IO_DEVICE", "VD_E_ABORT")));
}

/// Another interface's Open that found no set keeps nobody from the set that is made then.
#[test]
fn opened_after_another_interface_found_no_set() {
    let events = |last: &'static str| {
        [
            "server.t1 OpenBeside",
            "primary.t1 Create",
            "server.main Open",
            "server.t1 = VD_E_INVALID",
            "server.t2 Open",
            "primary.t1 = NOERROR",
            "server.t2 = NOERROR",
            last,
        ]
    };
    assert_eq!(verdict(&events("server.main = VD_E_PROTOCOL")), Verdict::Conformant);
    assert_eq!(verdict(&events("server.main = VD_E_INVALID")), Verdict::Conformant);
    assert!(is_violation(&verdict(&events("server.main = VD_E_ABORT"))));
}

/// A primary that is killed in its Create may have made the set: a secondary that has found it
/// finds it again.
#[test]
fn found_dead_though_its_create_never_returned() {
    let events = |again: &'static str| {
        [
            "primary.t1 Create",
            "secondary1.main OpenInSecondary",
            r#"{"process":"primary","exit":"killed"}"#,
            "secondary1.main = VD_E_ABORT",
            "secondary1.main OpenInSecondary",
            again,
        ]
    };
    assert_eq!(verdict(&events("secondary1.main = VD_E_ABORT")), Verdict::Conformant);
    assert!(is_violation(&verdict(&events("secondary1.main = NOERROR"))));
}

/// Two threads open two sets by one interface at a time.
#[test]
fn two_names_are_opened_by_one_interface() {
    let begun = ["primary.main Create", "primary.main = NOERROR"];
    let other = ["primary.main CreateOther", "primary.main = NOERROR"];
    let orders: [[&str; 2]; 2] =
        [["server.t1 OpenOther", "server.main Open"], ["server.main Open", "server.t1 OpenOther"]];
    for calls in orders {
        for first in ["server.main", "server.t1"] {
            let answered = |opened: &str, asked: &str| {
                let mut returns =
                    vec![format!("server.main = {opened}"), format!("server.t1 = {asked}")];
                if first == "server.t1" {
                    returns.reverse();
                }
                returns
            };
            let judged = |sets: &[&str], returns: &[String]| {
                let returns = returns.iter().map(String::as_str);
                let all: Vec<&str> = sets.iter().chain(&calls).copied().chain(returns).collect();
                verdict(&all)
            };
            // None has the other name: so it is, before and after.
            for status in ["VD_E_INVALID", "VD_E_PROTOCOL"] {
                let alone = judged(&begun, &answered("NOERROR", status));
                assert_eq!(alone, Verdict::Conformant, "{calls:?} {first} {status}");
            }
            let found = judged(&begun, &answered("NOERROR", "NOERROR"));
            assert!(is_violation(&found), "{calls:?} {first}: {found:?}");
            // Each name is one of a set: the first that is opened stays the only one.
            let two: Vec<&str> = begun.iter().chain(&other).copied().collect();
            for (opened, asked) in [("NOERROR", "VD_E_PROTOCOL"), ("VD_E_PROTOCOL", "NOERROR")] {
                let one = judged(&two, &answered(opened, asked));
                assert_eq!(one, Verdict::Conformant, "{calls:?} {first} {opened} {asked}");
            }
            let both = judged(&two, &answered("NOERROR", "NOERROR"));
            assert!(is_violation(&both), "{calls:?} {first}: {both:?}");
        }
    }
}

/// A call on a set that a Create in progress may yet make is of no device that there is.
#[test]
fn a_device_is_opened_of_a_set_that_another_makes_first() {
    let judged = verdict(&[
        r#"{"lane":"primary.t2","call":"OpenDevice","on":"cset","args":{"name":"S"}}"#,
        "primary.t3 Create",
        "primary.t1 CreateBeside",
        "primary.t2 = VD_E_PROTOCOL",
        "primary.t1 = NOERROR",
    ]);
    assert_eq!(judged, Verdict::Conformant);
}
