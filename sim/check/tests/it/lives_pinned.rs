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
