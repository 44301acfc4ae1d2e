//! What calls that race may come to, as racing walks have met it: OpenDevices for which too few
//! devices are left, Creates and OpenInSecondarys of names that others have or may have, devices
//! of a secondary client that joins again, a BeginConfiguration that is refused.

use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::Profile;

/// A line of a trace: `lane Call on {args}`, `lane Call on as {args}`, `lane = STATUS`, or JSON.
fn event(line: &str) -> String {
    if line.starts_with('{') {
        return format!("{line}\n");
    }
    let (words, args) = match line.find('{') {
        Some(at) => (&line[..at], format!(",\"args\":{}", &line[at..])),
        None => (line, String::new()),
    };
    let text = match words.split_whitespace().collect::<Vec<_>>()[..] {
        [lane, "=", status] => format!(r#"{{"lane":"{lane}","return":"{status}"}}"#),
        [lane, call, on] => format!(r#"{{"lane":"{lane}","call":"{call}","on":"{on}"{args}}}"#),
        [lane, call, on, made] => {
            format!(r#"{{"lane":"{lane}","call":"{call}","on":"{on}","as":"{made}"{args}}}"#)
        }
        _ => panic!("{line}"),
    };
    text + "\n"
}

fn judged(lines: &[&str]) -> Judged {
    let header = r#"{"vdi":"trace/1","interfaces":{"cset2":"primary","sset2":"server"}}"#;
    let text: String = lines.iter().map(|line| event(line)).collect();
    let text = format!("{header}\n{text}");
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.error, None, "{text}");
    judged
}

/// `conformant`, `undecided`, or the clause that is broken.
fn verdict(lines: &[&str]) -> String {
    match judged(lines).verdict {
        Verdict::Conformant => "conformant".to_owned(),
        Verdict::Inconclusive(_) => "undecided".to_owned(),
        Verdict::Violation(violation) => violation.clause.to_string(),
        Verdict::Unreadable { .. } => panic!("{lines:?}"),
    }
}

/// A set of two devices, Initializing on both sides.
const INITIALIZING: [&str; 10] = [
    r#"primary.main CreateEx cset {"name":"S","config":{"deviceCount":2}}"#,
    "primary.main = NOERROR",
    r#"server.main Open sset {"name":"S"}"#,
    "server.main = NOERROR",
    r#"server.main BeginConfiguration sset {"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}"#,
    "server.main = NOERROR",
    "server.main EndConfiguration sset",
    "server.main = NOERROR",
    r#"primary.main GetConfiguration cset {"timeout":"infinite"}"#,
    "primary.main = NOERROR",
];

fn after_initializing(lines: &[&str]) -> String {
    verdict(&[&INITIALIZING, lines].concat())
}

/// Of two OpenDevices one gets the device that is left, whichever began first.
#[test]
fn the_last_device_is_that_of_either() {
    let opened = |first: &str, second: &str, then: &[&str]| {
        let (first, second) = (format!("server.t1 = {first}"), format!("server.t2 = {second}"));
        let lines = [
            r#"server.main OpenDevice sset sd1 {"name":"S"}"#,
            "server.main = NOERROR",
            r#"server.t1 OpenDevice sset sd2 {"name":"X"}"#,
            r#"server.t2 OpenDevice sset sd3 {"name":"Y"}"#,
            &first,
            &second,
        ];
        after_initializing(&[&lines[..], then].concat())
    };
    let (ok, open) = ("NOERROR", "VD_E_OPEN");
    for (first, second, made, name, other) in
        [(ok, open, "sd2", "X", "Y"), (open, ok, "sd3", "Y", "X")]
    {
        let touched = format!(r#"{{"lane":"server.main","touch":"{made}","found":"alive"}}"#);
        let by = |name: &str| format!(r#"primary.main OpenDevice cset cd {{"name":"{name}"}}"#);
        assert_eq!(opened(first, second, &[&touched]), "conformant", "{made}");
        let asked = |name: &str, status: &str| {
            opened(first, second, &[&by(name), &format!("primary.main = {status}")])
        };
        assert_eq!(asked(name, "NOERROR"), "conformant", "{made}");
        assert_eq!(asked(name, "VD_E_INVALID"), "client.open-device.status", "{made}");
        assert_eq!(asked(other, "VD_E_INVALID"), "conformant", "{made}");
        assert_eq!(asked(other, "NOERROR"), "client.open-device.unknown", "{made}");
    }
    assert_ne!(opened(ok, ok, &[]), "conformant");
    assert_ne!(opened(open, open, &[]), "conformant");
}

/// Where the server gives one name twice nobody can say what a client opens by it.
#[test]
fn which_device_has_a_name_that_two_have_nobody_can_tell() {
    let twice = [
        r#"server.t1 OpenDevice sset sd1 {"name":"X"}"#,
        r#"server.t2 OpenDevice sset sd2 {"name":"X"}"#,
        "server.t1 = NOERROR",
        "server.t2 = NOERROR",
        r#"primary.main OpenDevice cset cd {"name":"X"}"#,
    ];
    for status in ["NOERROR", "VD_E_INVALID"] {
        let answer = format!("primary.main = {status}");
        assert_eq!(after_initializing(&[&twice[..], &[&answer]].concat()), "undecided");
    }
}

/// A set that `Create` made is of whatever instance: a Create of its name for another makes one,
/// also on an interface on which another call is in progress.
#[test]
fn a_create_for_another_instance_while_a_call_goes_on() {
    let lines = |second: &'static str| {
        [
            r#"primary.t2 Create cset {"name":"S","config":{"deviceCount":1}}"#,
            "primary.t2 = NOERROR",
            r#"primary.t2 CreateEx cset2 {"name":"T","config":{"deviceCount":1}}"#,
            "primary.t2 = NOERROR",
            "primary.t1 Close cset2",
            "primary.t1 = NOERROR",
            r#"primary.t3 GetConfiguration cset2 {"timeout":0}"#,
            second,
            "primary.t2 = NOERROR",
            "primary.t3 = VD_E_TIMEOUT",
        ]
    };
    let of_a =
        r#"primary.t2 CreateEx cset2 {"name":"S","instance":"A","config":{"deviceCount":1}}"#;
    assert_eq!(verdict(&lines(of_a)), "conformant");
}

/// Two of one process that ask at once find it both, or neither.
#[test]
fn who_asks_without_an_instance_may_find_none_twice() {
    let lines = |first: &str, second: &str| {
        let (first, second) =
            (format!("secondary1.t2 = {first}"), format!("secondary1.t3 = {second}"));
        let initializing = INITIALIZING.map(|line| line.replace(r#""S""#, r#""S","instance":"A""#));
        let lines: Vec<&str> = initializing.iter().map(String::as_str).collect();
        let rest = [
            r#"secondary1.t2 OpenInSecondary x1set {"name":"S"}"#,
            r#"secondary1.t3 OpenInSecondary x1set {"name":"S"}"#,
            &first,
            &second,
        ];
        verdict(&[&lines[..], &rest].concat())
    };
    assert_eq!(lines("VD_E_PROTOCOL", "VD_E_PROTOCOL"), "conformant");
    assert_eq!(lines("NOERROR", "VD_E_PROTOCOL"), "conformant");
    assert_ne!(lines("NOERROR", "NOERROR"), "conformant");
}

/// A name stays taken, though another Create on the interface is what begins first.
#[test]
fn a_name_that_is_taken_beside_a_create_that_fails() {
    let lines = |second: &str| {
        let second = format!("primary.t1 = {second}");
        verdict(&[
            r#"primary.t2 CreateEx cset2 {"name":"T","config":{"deviceCount":1}}"#,
            "primary.t2 = NOERROR",
            r#"primary.t2 CreateEx cset {"name":"U","config":{"deviceCount":65}}"#,
            r#"primary.t1 CreateEx cset {"name":"T","config":{"deviceCount":1}}"#,
            &second,
            "primary.t2 = VD_E_NOTSUPPORTED",
        ])
    };
    assert_eq!(lines("VD_E_PROTOCOL"), "conformant");
}

/// A process that has joined a set by another interface, of which no document speaks, may come
/// to do so when its own set is closed meanwhile.
#[test]
fn a_second_interface_while_the_first_set_is_closed() {
    let lines = |status: &str| {
        let status = format!("primary.t1 = {status}");
        verdict(&[
            r#"primary.t3 CreateEx cset2 {"name":"T","config":{"deviceCount":1}}"#,
            "primary.t3 = NOERROR",
            r#"primary.t3 CreateEx cset {"name":"S","config":{"deviceCount":1}}"#,
            "primary.t3 = NOERROR",
            "primary.t1 SignalAbort cset",
            "primary.t1 = NOERROR",
            r#"primary.t1 OpenInSecondary cset2 {"name":"S"}"#,
            "primary.t2 Close cset2",
            "primary.t2 = NOERROR",
            &status,
        ])
    };
    assert_eq!(lines("VD_E_PROTOCOL"), "conformant");
    assert_eq!(lines("VD_E_ABORT"), "undecided");
}

/// The devices of a secondary client go with its Close, though it joins again.
#[test]
fn what_a_secondary_has_opened_goes_with_its_close() {
    let rejoins = [
        r#"secondary1.t1 OpenInSecondary x1set {"name":"S"}"#,
        "secondary1.t1 = NOERROR",
        r#"server.main OpenDevice sset sd1 {"name":"S"}"#,
        "server.main = NOERROR",
        r#"server.main OpenDevice sset sd2 {"name":"X"}"#,
        "server.main = NOERROR",
        r#"primary.main OpenDevice cset cd1 {"name":"S"}"#,
        "primary.main = NOERROR",
        r#"secondary1.t1 OpenDevice x1set cd2 {"name":"X"}"#,
        "secondary1.t1 = NOERROR",
        "server.agent ExecuteCompletionAgent sset",
        "server.main CloseDevice sd2",
        "server.main = NOERROR",
        r#"secondary1.t1 GetCommand cd2 {"timeout":0}"#,
        "secondary1.t1 = VD_E_CLOSE",
        "secondary1.t2 Close x1set",
        "secondary1.t2 = NOERROR",
        r#"secondary1.t1 OpenInSecondary x1set {"name":"S"}"#,
        "secondary1.t1 = NOERROR",
    ];
    let touched = |found: &str| {
        let touch = format!(r#"{{"lane":"secondary1.t3","touch":"cd2","found":"{found}"}}"#);
        after_initializing(&[&rejoins[..], &[&touch]].concat())
    };
    assert_eq!(touched("gone"), "conformant");
    assert_eq!(touched("alive"), "client.close.releases");
    let asked = [
        r#"secondary1.t1 GetCommand cd2 {"timeout":0}"#,
        "secondary1.t1 = VD_E_PROTOCOL",
        r#"secondary1.t1 GetConfiguration x1set {"timeout":0}"#,
        "secondary1.t1 = NOERROR",
    ];
    assert_eq!(after_initializing(&[&rejoins[..], &asked].concat()), "conformant");
}

/// What a BeginConfiguration asks for that is refused is in no configuration.
#[test]
fn a_begin_configuration_that_is_refused_meanwhile() {
    let begins = r#"server.t2 BeginConfiguration sset {"features":["ReadMedia"],"blockSize":512,"maxTransferSize":65536}"#;
    let told = |features: &str| {
        let told = format!(
            r#"{{"lane":"primary.t1","return":"NOERROR","out":{{"config":{{"deviceCount":2,"features":["{features}"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":524288}}}}}}"#
        );
        let asks = r#"primary.t1 GetConfiguration cset {"timeout":0}"#;
        after_initializing(&[asks, begins, &told, "server.t2 = VD_E_PROTOCOL"])
    };
    assert_eq!(told("WriteMedia"), "conformant");
    assert_eq!(told("RequestComplete"), "client.get-configuration.features");
}
