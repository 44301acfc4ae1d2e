//! Secondary clients that end, close, or are not seen beside what goes on: it concerns nobody
//! else, and the other half of a history is made up so that it explains what was seen.

use std::fmt::Write as _;

use crate::reduction::{Lines, assert_cheap};
use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::{Profile, Reading};

fn judged_under(text: &str, readings: &[&str]) -> Judged {
    let mut profile = Profile::default();
    readings.iter().for_each(|one| profile.choose(one.parse::<Reading>().expect("a reading")));
    let judged = check_reader(text.as_bytes(), &profile);
    assert_eq!(judged.error, None, "{text}");
    judged
}

fn judged(text: &str) -> Judged {
    judged_under(text, &[])
}

/// The clause of the violation.
fn broken(text: &str) -> String {
    match judged(text).verdict {
        Verdict::Violation(violation) => violation.clause.to_string(),
        other => panic!("{other:?}: {text}"),
    }
}

fn is_conformant(text: &str) {
    let judged = judged(text);
    let told = (&judged.verdict, judged.findings.as_slice());
    assert_eq!(told, (&Verdict::Conformant, &[][..]), "{text}");
}

/// One after the other, each on a device of its own, the client is in GetCommand, and the server
/// sends.
fn sends_at_once(lines: &mut Lines, devices: usize) {
    (1..=devices).for_each(|device| lines.fetches(device));
    (1..=devices).for_each(|device| lines.sends(device, device));
    for device in (1..=devices).rev() {
        lines.returns(&format!("server.t{device}"), "NOERROR");
        let given = format!(r#""return":"NOERROR","out":{{"command":"k{device}"}}"#);
        lines.line(&format!("primary.t{device}"), &given);
    }
}

#[test]
fn a_secondary_that_has_no_part_in_it_may_end_beside_however_many_calls() {
    let joins = r#""call":"OpenInSecondary","on":"x1set","args":{"name":"S"}"#;
    let closes = r#""call":"Close","on":"x1set""#;
    for (devices, free) in [2, 8, 16, 64].into_iter().flat_map(|n| [(n, false), (n, true)]) {
        for end in ["never joined", "closed", "closes", "killed"] {
            let mut lines = Lines::active(devices);
            if end != "never joined" {
                lines.whole("secondary1.main", joins);
            }
            match end {
                "closed" => lines.whole("secondary1.main", closes),
                "closes" => lines.line("secondary1.main", closes),
                _ => {}
            }
            let how = if end == "closed" { "normal" } else { "killed" };
            if end != "closes" {
                let _ = writeln!(lines.text, r#"{{"process":"secondary1","exit":"{how}"}}"#);
            }
            sends_at_once(&mut lines, devices);
            if end == "closes" {
                lines.returns("secondary1.main", "NOERROR");
            }
            if free {
                let header = r#"{"vdi":"trace/1"}"#;
                lines.text = lines.text.replacen(header, r#"{"vdi":"trace/1","free":true}"#, 1);
            }
            assert_cheap(&lines, 12);
        }
    }
}

/// A half history of clients.
struct Half(String);

impl Half {
    fn of(header: &str) -> Self {
        Self(format!("{{\"vdi\":\"trace/1\",{header}}}\n"))
    }

    fn line(&mut self, lane: &str, what: &str) {
        let _ = writeln!(self.0, r#"{{"lane":"{lane}",{what}}}"#);
    }

    fn call(&mut self, lane: &str, call: &str, on: &str, rest: &str, answer: &str) {
        self.line(lane, &format!(r#""call":"{call}","on":"{on}"{rest}"#));
        self.line(lane, &format!(r#""return":{answer}"#));
    }

    /// A set that the primary creates, and is given the configuration of.
    fn configured(&mut self, on: &str, name: &str, devices: usize) {
        let asked = format!(r#","args":{{"name":"{name}","config":{{"deviceCount":{devices}}}}}"#);
        self.call("primary.main", "Create", on, &asked, r#""NOERROR""#);
        self.line("primary.main", &format!(r#""on":"{on}","statement":"issued""#));
        let area = 4 * 65536 * devices;
        let given = format!(
            r#""NOERROR","out":{{"config":{{"deviceCount":{devices},"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":{area}}}}}"#
        );
        let wait = r#","args":{"timeout":"infinite"}"#;
        self.call("primary.main", "GetConfiguration", on, wait, &given);
    }

    fn opens(&mut self, lane: &str, on: &str, (name, device): (&str, &str)) {
        let args = format!(r#","as":"{device}","args":{{"name":"{name}"}}"#);
        self.call(lane, "OpenDevice", on, &args, r#""NOERROR""#);
    }

    fn joins(&mut self, lane: &str, on: &str, name: &str) {
        let args = format!(r#","args":{{"name":"{name}"}}"#);
        self.call(lane, "OpenInSecondary", on, &args, r#""NOERROR""#);
    }

    /// A command is delivered and completed.
    fn serves(&mut self, lane: &str, device: &str, command: &str) {
        let wait = r#","args":{"timeout":"infinite"}"#;
        let given = format!(
            r#""NOERROR","out":{{"command":"{command}","code":"Write","size":65536,"buffer":"b{command}"}}"#
        );
        self.call(lane, "GetCommand", device, wait, &given);
        let done =
            format!(r#","args":{{"command":"{command}","code":"ERROR_SUCCESS","bytes":65536}}"#);
        self.call(lane, "CompleteCommand", device, &done, r#""NOERROR""#);
    }

    fn told(&mut self, lane: &str, device: &str, status: &str) {
        let wait = r#","args":{"timeout":"infinite"}"#;
        self.call(lane, "GetCommand", device, wait, &format!(r#""{status}""#));
    }
}

/// The primary has made so many sets, of which a secondary serves the devices, and is killed:
/// the secondary is given so many commands of each before it is told.
fn outlived(sets: usize, commands: usize) -> Half {
    let mut half = Half::of(
        r#""free":true,"unseen":["server"],"interfaces":{"cset2":"primary","x1b":"secondary1"}"#,
    );
    let all = [("cset", "x1set", "A", "da"), ("cset2", "x1b", "B", "db")];
    for (on, second, name, device) in &all[..sets] {
        half.configured(on, name, 1);
        half.joins("secondary1.main", second, name);
        half.opens("secondary1.main", second, (name, device));
    }
    half.0.push_str("{\"process\":\"primary\",\"exit\":\"killed\"}\n");
    for command in 1..=commands {
        for (.., device) in &all[..sets] {
            half.serves("secondary1.main", device, &format!("{device}{command}"));
        }
    }
    all[..sets].iter().for_each(|(.., device)| half.told("secondary1.main", device, "VD_E_ABORT"));
    half
}

#[test]
fn a_secondary_that_outlives_the_primary_is_served_until_the_end_is_noticed() {
    for (sets, commands) in [(1, 1), (1, 8), (1, 64), (2, 2), (2, 16)] {
        is_conformant(&outlived(sets, commands).0);
    }
    // Once it was told nothing more is delivered.
    let mut half = outlived(1, 4);
    half.serves("secondary1.main", "da", "late");
    assert_eq!(broken(&half.0), "abort.no-delivery");
}

#[test]
fn an_abort_that_is_refused_ends_nothing() {
    for commands in [1, 8, 64] {
        let mut half = Half::of(r#""free":true,"unseen":["server"]"#);
        half.configured("cset", "S", 1);
        half.opens("primary.main", "cset", ("S", "d"));
        half.joins("secondary1.main", "x1set", "S");
        half.line("secondary1.x", r#""call":"SignalAbort","on":"x1set""#);
        half.call("secondary1.main", "Close", "x1set", "", r#""NOERROR""#);
        half.line("secondary1.x", r#""return":"VD_E_PROTOCOL""#);
        (1..=commands).for_each(|one| half.serves("primary.main", "d", &format!("w{one}")));
        is_conformant(&half.0);
    }
}

/// One of two devices is served by a client that was not seen, life after life.
fn beside_an_unseen_client(lives: usize, end: &str) -> Half {
    let mut half = Half::of(r#""free":true,"unseen":["server","client"]"#);
    for life in 1..=lives {
        let device = format!("d{life}");
        half.configured("cset", "S", 2);
        half.opens("primary.main", "cset", ("S", &device));
        half.serves("primary.main", &device, &format!("w{life}"));
        half.told("primary.main", &device, end);
        half.call("primary.main", "Close", "cset", "", r#""NOERROR""#);
        half.line("primary.main", r#""on":"cset","statement":"succeeded""#);
    }
    half
}

#[test]
fn a_client_that_was_not_seen_has_served_the_other_device() {
    for lives in [1, 2, 3] {
        is_conformant(&beside_an_unseen_client(lives, "VD_E_CLOSE").0);
        // Of an abort the statement does not succeed, whoever was not seen.
        let judged = judged(&beside_an_unseen_client(lives, "VD_E_ABORT").0);
        let clauses: Vec<String> =
            judged.findings.iter().map(|found| found.clause.to_string()).collect();
        assert_eq!(clauses, vec!["server.statement.aborted"; lives]);
    }
}

/// Where a client may be told of the end in order as of an abort, it may be so in a half, too.
#[test]
fn an_end_in_order_that_is_told_as_an_abort() {
    let mut half = Half::of(r#""free":true,"unseen":["server"]"#);
    half.configured("cset", "S", 1);
    half.opens("primary.main", "cset", ("S", "d"));
    half.serves("primary.main", "d", "w1");
    half.told("primary.main", "d", "VD_E_ABORT");
    for status in ["NOERROR", "VD_E_OPEN"] {
        let mut half = Half(half.0.clone());
        half.call("primary.main", "Close", "cset", "", &format!(r#""{status}""#));
        half.line("primary.main", r#""on":"cset","statement":"succeeded""#);
        let reading = ["close-event-after-server-close=abort-error"];
        let judged = judged_under(&half.0, &reading);
        assert_eq!((judged.verdict, judged.findings), (Verdict::Conformant, Vec::new()));
    }
    half.line("primary.main", r#""on":"cset","statement":"succeeded""#);
    let found = &judged(&half.0).findings;
    assert_eq!(found[0].clause.to_string(), "server.statement.aborted");
}

/// A set of so many devices of the primary, and a last one that a secondary has opened.
pub(crate) fn shared(devices: usize) -> Lines {
    let mut lines = Lines::configured(devices + 1);
    lines.whole("secondary1.main", r#""call":"OpenInSecondary","on":"x1set","args":{"name":"S"}"#);
    for device in 1..=devices + 1 {
        let name = if device == 1 { "S".to_owned() } else { format!("S{device}") };
        let open = |on: &str, given: &str| {
            format!(
                r#""call":"OpenDevice","on":"{on}","args":{{"name":"{name}"}},"as":"{given}{device}""#
            )
        };
        lines.whole("server.main", &open("sset", "s"));
        let (lane, on) =
            if device > devices { ("secondary1.main", "x1set") } else { ("primary.main", "cset") };
        lines.whole(lane, &open(on, "c"));
    }
    lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
    lines
}

/// The secondary closes with its device open beside so many SendCommands and GetCommands, of
/// which every other one comes before that; what its Close answers.
fn closes_beside(devices: usize, answer: &str) -> Lines {
    let mut lines = shared(devices);
    (1..=devices).for_each(|device| lines.fetches(device));
    (1..=devices).for_each(|device| lines.sends(device, device));
    lines.line("secondary1.main", r#""call":"Close","on":"x1set""#);
    for device in 1..=devices {
        let lane = format!("server.t{device}");
        if device % 2 == 0 {
            let refused = r#""completion":"ERROR_OPERATION_ABORTED","bytes":0"#;
            lines.line(&lane, &format!(r#""callback":"k{device}",{refused}"#));
            lines.returns(&lane, "VD_E_ABORT");
            lines.returns(&format!("primary.t{device}"), "VD_E_ABORT");
        } else {
            lines.returns(&lane, "NOERROR");
            let given = format!(r#""return":"NOERROR","out":{{"command":"k{device}"}}"#);
            lines.line(&format!("primary.t{device}"), &given);
        }
    }
    lines.returns("secondary1.main", answer);
    lines
}

#[test]
fn a_secondary_that_closes_with_its_device_open_is_decided_beside_however_many_calls() {
    for devices in [2, 8, 16, 48] {
        assert_cheap(&closes_beside(devices, "VD_E_OPEN"), 40);
        let wrong = closes_beside(devices, "NOERROR").text;
        assert_eq!(broken(&wrong), "client.close.devices-open.status", "{devices}");
    }
    // What came after the abort is not delivered.
    let late = closes_beside(8, "VD_E_OPEN").text;
    let refused = r#"{"lane":"primary.t8","return":"VD_E_ABORT"}"#;
    let given = r#"{"lane":"primary.t8","return":"NOERROR","out":{"command":"k8"}}"#;
    assert!(late.contains(refused));
    broken(&late.replacen(refused, given, 1));
}

/// A secondary waits on so many devices of its own, and dies, and perhaps the primary with it.
fn dies_waiting(devices: usize, primary: bool) -> Lines {
    let mut lines = Lines::configured(devices);
    lines.whole("secondary1.main", r#""call":"OpenInSecondary","on":"x1set","args":{"name":"S"}"#);
    for device in 1..=devices {
        let name = if device == 1 { "S".to_owned() } else { format!("S{device}") };
        let open = |on: &str, given: &str| {
            format!(
                r#""call":"OpenDevice","on":"{on}","args":{{"name":"{name}"}},"as":"{given}{device}""#
            )
        };
        lines.whole("server.main", &open("sset", "s"));
        lines.whole("secondary1.main", &open("x1set", "c"));
    }
    lines.line("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#);
    for device in 1..=devices {
        let get =
            format!(r#""call":"GetCommand","on":"c{device}","args":{{"timeout":"infinite"}}"#);
        lines.line(&format!("secondary1.t{device}"), &get);
        lines.sends(device, device);
    }
    if primary {
        lines.text.push_str("{\"process\":\"primary\",\"exit\":\"killed\"}\n");
    }
    lines.text.push_str("{\"process\":\"secondary1\",\"exit\":\"killed\"}\n");
    for device in 1..=devices {
        if primary && device % 2 == 0 {
            let lane = format!("server.t{device}");
            let refused = r#""completion":"ERROR_OPERATION_ABORTED","bytes":0"#;
            lines.line(&lane, &format!(r#""callback":"k{device}",{refused}"#));
            lines.returns(&lane, "VD_E_ABORT");
        } else {
            lines.returns(&format!("server.t{device}"), "NOERROR");
        }
    }
    lines.text = lines.text.replacen(r#"{"vdi":"trace/1"}"#, r#"{"vdi":"trace/1","free":true}"#, 1);
    lines
}

#[test]
fn a_secondary_that_dies_in_many_calls_is_decided() {
    for (devices, primary) in [2, 8, 16, 64].into_iter().flat_map(|n| [(n, false), (n, true)]) {
        assert_cheap(&dies_waiting(devices, primary), 20);
    }
    // That a secondary has ended nobody notices.
    let refused = dies_waiting(8, true).text;
    let alone = refused.replacen("{\"process\":\"primary\",\"exit\":\"killed\"}\n", "", 1);
    assert_eq!(broken(&alone), "process.secondary-death");
}

/// A buffer of a command that a client has which was not seen.
#[test]
fn a_buffer_by_the_handle_of_a_client_that_was_not_seen() {
    let mut half = Half::of(r#""free":true,"unseen":["server","client"]"#);
    half.joins("secondary1.main", "x1set", "S");
    let args = r#","args":{"handle":"h"}"#;
    half.call(
        "secondary1.main",
        "MapBufferHandle",
        "x1set",
        args,
        r#""NOERROR","out":{"buffer":"b"}"#,
    );
    half.line("secondary1.main", r#""touch":"b","found":"alive""#);
    half.call("secondary1.main", "Close", "x1set", "", r#""NOERROR""#);
    is_conformant(&half.0);
}

/// Of a buffer that nobody handed on it is known who may use it, whoever else was not seen.
#[test]
fn a_buffer_of_a_command_that_was_completed() {
    let mut half = beside_an_unseen_client(1, "VD_E_CLOSE");
    let told = r#"{"lane":"primary.main","call":"GetCommand""#;
    let last = half.0.rfind(told).expect("the last GetCommand");
    let touched = r#"{"lane":"primary.main","touch":"bw1","found":"alive"}"#;
    half.0.insert_str(last, &format!("{touched}\n"));
    let found = judged(&half.0).findings;
    assert_eq!(found[0].clause.to_string(), "client.buffer.control");
}

/// Where secondaries alone were seen, the primary is made up for one life of one set; of more
/// nothing is held against them.
#[test]
fn secondaries_by_themselves() {
    let life = |half: &mut Half, device: &str| {
        half.joins("secondary1.main", "x1set", "S");
        half.opens("secondary1.main", "x1set", ("S", device));
        half.serves("secondary1.main", device, &format!("{device}w"));
        half.told("secondary1.main", device, "VD_E_CLOSE");
        half.call("secondary1.main", "Close", "x1set", "", r#""NOERROR""#);
    };
    let mut half = Half::of(r#""free":true,"unseen":["server","client"]"#);
    life(&mut half, "d1");
    is_conformant(&half.0);
    life(&mut half, "d2");
    let told = judged(&half.0).verdict;
    assert!(matches!(told, Verdict::Conformant | Verdict::Inconclusive(_)), "{told:?}");
    // What one life alone cannot have been is wrong still.
    let mut half = Half::of(r#""free":true,"unseen":["server","client"]"#);
    half.joins("secondary1.main", "x1set", "S");
    half.opens("secondary1.main", "x1set", ("S", "d1"));
    half.told("secondary1.main", "d1", "VD_E_ABORT");
    half.serves("secondary1.main", "d1", "late");
    assert_eq!(broken(&half.0), "abort.no-delivery");
}
