//! Halves of histories as recorders write them: threads, errors, secondaries, many devices.

use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::Profile;

/// What a library that stands between a client and the original one has written.
struct Recording(Vec<String>);

impl Recording {
    /// The primary client has created the set; the server has configured it.
    fn of(devices: usize) -> Self {
        let mut made = Self(vec![r#"{"vdi":"trace/1","unseen":["server"]}"#.to_owned()]);
        made.call(
            "primary.main",
            "CreateEx",
            "cset",
            &format!(r#","args":{{"name":"S","config":{{"deviceCount":{devices}}}}}"#),
        );
        made.ret("primary.main", "NOERROR", "");
        made.call("primary.main", "GetConfiguration", "cset", r#","args":{"timeout":"infinite"}"#);
        let area = 65_536 * 4 * devices;
        made.ret(
            "primary.main",
            "NOERROR",
            &format!(
                r#","out":{{"config":{{"deviceCount":{devices},"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":{area}}}}}"#
            ),
        );
        made
    }

    fn call(&mut self, lane: &str, call: &str, on: &str, rest: &str) {
        self.0.push(format!(r#"{{"lane":"{lane}","call":"{call}","on":"{on}"{rest}}}"#));
    }

    fn ret(&mut self, lane: &str, status: &str, rest: &str) {
        self.0.push(format!(r#"{{"lane":"{lane}","return":"{status}"{rest}}}"#));
    }

    fn opens(&mut self, lane: &str, set: &str, device: usize) {
        self.opens_at(lane, set, device);
        self.ret(lane, "NOERROR", "");
    }

    fn opens_at(&mut self, lane: &str, set: &str, device: usize) {
        let name = if device == 1 { "S".to_owned() } else { format!("S{device}") };
        let rest = format!(r#","as":"d{device}","args":{{"name":"{name}"}}"#);
        self.call(lane, "OpenDevice", set, &rest);
    }

    fn waits(&mut self, lane: &str, device: usize) {
        self.call(lane, "GetCommand", &format!("d{device}"), r#","args":{"timeout":"infinite"}"#);
    }

    fn given(&mut self, lane: &str, command: &str, code: &str, buffer: &str) {
        let data = if code == "Write" {
            format!(r#","size":65536,"buffer":"{buffer}""#)
        } else {
            String::new()
        };
        let out = format!(r#","out":{{"command":"{command}","code":"{code}"{data}}}"#);
        self.ret(lane, "NOERROR", &out);
    }

    fn completes(&mut self, lane: &str, device: usize, command: &str, code: &str, bytes: u32) {
        let args = format!(r#","args":{{"command":"{command}","code":"{code}","bytes":{bytes}}}"#);
        self.call(lane, "CompleteCommand", &format!("d{device}"), &args);
        self.ret(lane, "NOERROR", "");
    }

    /// A Write, an error, its ClearError and another Write.
    fn recovers(&mut self, lane: &str, device: usize, round: usize) {
        let (name, buffer) = (|n: usize| format!("c{device}-{round}-{n}"), format!("b{device}"));
        self.waits(lane, device);
        self.given(lane, &name(1), "Write", &buffer);
        self.completes(lane, device, &name(1), "ERROR_WRITE_FAULT", 0);
        self.waits(lane, device);
        self.given(lane, &name(2), "ClearError", "");
        self.completes(lane, device, &name(2), "ERROR_SUCCESS", 0);
        self.waits(lane, device);
        self.given(lane, &name(3), "Write", &buffer);
        self.completes(lane, device, &name(3), "ERROR_SUCCESS", 65_536);
    }

    fn closes(&mut self, lane: &str, set: &str) {
        self.call(lane, "Close", set, "");
        self.ret(lane, "NOERROR", "");
    }

    fn judged(&self) -> Judged {
        check_reader(self.0.join("\n").as_bytes(), &Profile::default())
    }

    fn is_conformant(&self) {
        self.judged().assert_conformant();
    }

    /// The clause that it breaks.
    fn breaks(&self) -> String {
        match self.judged().verdict {
            Verdict::Violation(violation) => violation.clause.to_string(),
            other => panic!("{other:?}\n{}", self.0.join("\n")),
        }
    }
}

#[test]
fn what_goes_on_beside_a_thread_that_waits_until_the_abort() {
    for rounds in 1..=4 {
        let mut seen = Recording::of(2);
        (1..=2).for_each(|device| seen.opens("primary.main", "cset", device));
        seen.waits("primary.t2", 2);
        (0..rounds).for_each(|round| seen.recovers("primary.t1", 1, round));
        let before = seen.0.len();
        seen.waits("primary.t1", 1);
        seen.ret("primary.t1", "VD_E_ABORT", "");
        seen.ret("primary.t2", "VD_E_ABORT", "");
        seen.closes("primary.main", "cset");
        seen.is_conformant();
        // What is delivered when one has been told of the abort is delivered after it.
        seen.0.truncate(before);
        seen.ret("primary.t2", "VD_E_ABORT", "");
        for late in 0..24 {
            seen.waits("primary.t1", 1);
            seen.given("primary.t1", &format!("late{late}"), "Write", &format!("b{late}"));
        }
        assert_eq!(seen.breaks(), "abort.no-delivery", "{rounds}");
    }
}

#[test]
fn secondary_clients_that_close_end_nothing() {
    let mut seen = Recording::of(1);
    seen.opens_at("primary.main", "cset", 1);
    for secondary in 1..=3 {
        let (lane, set) = (format!("secondary{secondary}.main"), format!("x{secondary}set"));
        seen.call(&lane, "OpenInSecondary", &set, r#","args":{"name":"S"}"#);
        seen.ret(&lane, "NOERROR", "");
        seen.call(&lane, "Close", &set, "");
    }
    seen.ret("primary.main", "NOERROR", "");
    seen.recovers("primary.t1", 1, 0);
    for secondary in 1..=3 {
        seen.ret(&format!("secondary{secondary}.main"), "NOERROR", "");
    }
    seen.recovers("primary.t1", 1, 1);
    seen.recovers("primary.t1", 1, 2);
    let before = seen.0.len();
    seen.waits("primary.t1", 1);
    seen.ret("primary.t1", "VD_E_CLOSE", "");
    seen.closes("primary.main", "cset");
    seen.is_conformant();
    // The set is as open to another one as it was.
    seen.0.truncate(before);
    seen.call("secondary4.main", "OpenInSecondary", "x4set", r#","args":{"name":"S"}"#);
    seen.ret("secondary4.main", "VD_E_PROTOCOL", "");
    assert_eq!(seen.breaks(), "client.open-in-secondary.status");
}

/// Errors of two devices, each of which is told to the server and cleared by itself.
#[test]
fn the_error_of_one_device_is_cleared_before_that_of_the_other_is_told() {
    let mut seen = Recording::of(2);
    (1..=2).for_each(|device| seen.opens("primary.main", "cset", device));
    for device in 1..=2 {
        let (lane, name) = (format!("primary.t{device}"), format!("c{device}"));
        seen.waits(&lane, device);
        seen.given(&lane, &name, "Write", &format!("b{device}"));
        seen.completes(&lane, device, &name, "ERROR_WRITE_FAULT", 0);
    }
    for device in 1..=2 {
        let (lane, name) = (format!("primary.t{device}"), format!("e{device}"));
        seen.waits(&lane, device);
        seen.given(&lane, &name, "ClearError", "");
        seen.completes(&lane, device, &name, "ERROR_SUCCESS", 0);
        seen.recovers(&lane, device, 1);
    }
    seen.is_conformant();
}

/// Of eight devices each has a command in hand when the abort is told, and the end of the
/// history is wrong: no order explains it, and that is found without trying them all.
#[test]
fn many_devices_and_a_wrong_answer() {
    let mut seen = Recording::of(8);
    (1..=8).for_each(|device| seen.opens("primary.main", "cset", device));
    for device in 1..=8 {
        let lane = format!("primary.t{device}");
        seen.waits(&lane, device);
        seen.given(&lane, &format!("c{device}"), "Write", &format!("b{device}"));
        seen.waits(&lane, device);
    }
    seen.call("primary.main", "SignalAbort", "cset", "");
    seen.ret("primary.main", "NOERROR", "");
    (1..=8).for_each(|device| seen.ret(&format!("primary.t{device}"), "VD_E_ABORT", ""));
    let before = seen.0.len();
    seen.closes("primary.main", "cset");
    seen.is_conformant();
    for (call, clause) in [("Write", "abort.no-delivery"), ("Flush", "abort.no-delivery")] {
        seen.0.truncate(before);
        seen.waits("primary.t8", 8);
        seen.given("primary.t8", "late", call, "b8");
        assert_eq!(seen.breaks(), clause);
    }
    seen.0.truncate(before);
    seen.waits("primary.t8", 8);
    seen.ret("primary.t8", "VD_E_TIMEOUT", "");
    assert_eq!(seen.breaks(), "abort.no-delivery");
}

/// The same of devices that are closed in order, some by clients that leave at once.
#[test]
fn many_devices_closed_by_clients_that_leave_one_after_the_other() {
    let mut seen = Recording::of(8);
    for secondary in 1..=3 {
        let (lane, set) = (format!("secondary{secondary}.main"), format!("x{secondary}set"));
        seen.call(&lane, "OpenInSecondary", &set, r#","args":{"name":"S"}"#);
        seen.ret(&lane, "NOERROR", "");
    }
    let owner = |device: usize| match device {
        1..=2 => ("primary.main".to_owned(), "cset".to_owned(), "primary".to_owned()),
        _ => {
            let secondary = 1 + device % 2;
            let process = format!("secondary{secondary}");
            (format!("{process}.main"), format!("x{secondary}set"), process)
        }
    };
    for device in 1..=8 {
        let (lane, set, _) = owner(device);
        seen.opens(&lane, &set, device);
    }
    let thread = |device: usize| format!("{}.t{device}", owner(device).2);
    for device in 1..=8 {
        seen.waits(&thread(device), device);
        seen.given(&thread(device), &format!("c{device}"), "Flush", "");
        if device == 4 {
            // It has no device.
            seen.closes("secondary3.main", "x3set");
        }
    }
    for device in 1..=8 {
        seen.completes(&thread(device), device, &format!("c{device}"), "ERROR_SUCCESS", 0);
        seen.waits(&thread(device), device);
    }
    (1..=8).rev().for_each(|device| seen.ret(&thread(device), "VD_E_CLOSE", ""));
    let before = seen.0.len();
    for (lane, set) in
        [("secondary1.main", "x1set"), ("secondary2.main", "x2set"), ("primary.main", "cset")]
    {
        seen.closes(lane, set);
    }
    seen.is_conformant();
    seen.0.truncate(before);
    seen.waits(&thread(8), 8);
    seen.ret(&thread(8), "VD_E_TIMEOUT", "");
    assert_eq!(seen.breaks(), "client.get-command.close-again");
}

/// A command that is asked for and given while the primary client ends the set, or dies: it and
/// its buffer are of a time before.
#[test]
fn a_first_command_that_is_given_while_the_set_ends() {
    for (code, begins) in [("Write", "SignalAbort"), ("Flush", "SignalAbort"), ("Write", "Close")] {
        let mut seen = Recording::of(1);
        seen.opens("primary.main", "cset", 1);
        seen.call("primary.end", begins, "cset", "");
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "c1", code, "b1");
        let status = if begins == "Close" { "VD_E_OPEN" } else { "NOERROR" };
        seen.ret("primary.end", status, "");
        let violation = |judged: Judged| match judged.verdict {
            Verdict::Violation(violation) => Some(violation.clause.to_string()),
            Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => None,
        };
        assert_eq!(violation(seen.judged()), None, "{code} {begins}");
    }
    for code in ["Write", "Flush"] {
        let mut seen = Recording::of(1);
        seen.0[0] = r#"{"vdi":"trace/1","free":true,"unseen":["server"]}"#.to_owned();
        seen.call("secondary1.main", "OpenInSecondary", "x1set", r#","args":{"name":"S"}"#);
        seen.ret("secondary1.main", "NOERROR", "");
        seen.opens("secondary1.main", "x1set", 1);
        seen.0.push(r#"{"process":"primary","exit":"killed"}"#.to_owned());
        seen.waits("secondary1.main", 1);
        seen.given("secondary1.main", "c1", code, "b1");
        seen.is_conformant();
    }
}

/// Whoever tells of a server's death in a client's recording tells when it was noticed: until
/// then what it had sent is given, and after it the set is aborted, for good.
#[test]
fn a_server_that_is_said_to_have_ended() {
    for (exit, code) in [("killed", "Write"), ("killed", "Flush"), ("normal", "Flush")] {
        let ends = format!(r#"{{"process":"server","exit":"{exit}"}}"#);
        let mut seen = Recording::of(1);
        seen.0[0] = r#"{"vdi":"trace/1","free":true,"unseen":["server"]}"#.to_owned();
        seen.opens("primary.main", "cset", 1);
        seen.0.push(ends.clone());
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "c1", code, "b1");
        seen.waits("primary.t2", 1);
        seen.ret("primary.t2", "VD_E_ABORT", "");
        let told = seen.0.len();
        seen.closes("primary.main", "cset");
        seen.is_conformant();
        // The primary makes its set anew, for another server.
        let again = Recording::of(1).0;
        seen.0.extend(again[1..].iter().cloned());
        seen.call("primary.main", "OpenDevice", "cset", r#","as":"e1","args":{"name":"S"}"#);
        seen.ret("primary.main", "NOERROR", "");
        seen.call("primary.main", "GetCommand", "e1", r#","args":{"timeout":"infinite"}"#);
        seen.given("primary.main", "c2", code, "b2");
        seen.is_conformant();
        seen.0.truncate(told);
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "late", code, "b1");
        assert_eq!(seen.breaks(), "abort.no-delivery", "{exit} {code}");
    }
    // It has closed everything, and ends.
    let mut seen = Recording::of(1);
    seen.opens("primary.main", "cset", 1);
    seen.waits("primary.t1", 1);
    seen.given("primary.t1", "c1", "Flush", "");
    seen.completes("primary.t1", 1, "c1", "ERROR_SUCCESS", 0);
    seen.waits("primary.t1", 1);
    seen.ret("primary.t1", "VD_E_CLOSE", "");
    seen.0.push(r#"{"process":"server","exit":"normal"}"#.to_owned());
    seen.closes("primary.main", "cset");
    seen.is_conformant();
}

/// A client that is killed in a call may have come so far that it took effect.
#[test]
fn a_call_that_its_process_did_not_survive() {
    let dies = |process: &str| format!(r#"{{"process":"{process}","exit":"killed"}}"#);
    for given in [true, false] {
        let mut seen = Recording::of(2);
        seen.0[0] = r#"{"vdi":"trace/1","free":true,"unseen":["server"]}"#.to_owned();
        seen.opens("primary.main", "cset", 1);
        seen.call("secondary1.main", "OpenInSecondary", "x1set", r#","args":{"name":"S"}"#);
        seen.ret("secondary1.main", "NOERROR", "");
        if given {
            seen.opens_at("secondary1.main", "x1set", 2);
        }
        seen.0.push(dies("secondary1"));
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "c1", "Write", "b1");
        match given {
            true => seen.is_conformant(),
            // Nobody has opened the second device.
            false => assert_eq!(seen.breaks(), "client.get-command.waits"),
        }
    }
    for waits in [true, false] {
        let mut seen = Recording::of(1);
        seen.0.truncate(3);
        seen.0[0] = r#"{"vdi":"trace/1","free":true,"unseen":["server"]}"#.to_owned();
        if waits {
            let args = r#","args":{"timeout":"infinite"}"#;
            seen.call("primary.main", "GetConfiguration", "cset", args);
        }
        seen.0.push(dies("primary"));
        seen.call("secondary1.main", "OpenInSecondary", "x1set", r#","args":{"name":"S"}"#);
        seen.ret("secondary1.main", "NOERROR", "");
        match waits {
            true => seen.is_conformant(),
            false => assert!(!seen.breaks().is_empty()),
        }
    }
}

/// A primary that is killed beside secondaries which go on until they notice it.
#[test]
fn many_devices_whose_primary_was_killed() {
    for devices in [2, 8, 16] {
        let mut seen = Recording::of(devices);
        seen.0[0] = r#"{"vdi":"trace/1","free":true,"unseen":["server"]}"#.to_owned();
        seen.call("secondary1.main", "OpenInSecondary", "x1set", r#","args":{"name":"S"}"#);
        seen.ret("secondary1.main", "NOERROR", "");
        let owner = |device: usize| match device % 2 {
            0 => ("secondary1", "x1set"),
            _ => ("primary", "cset"),
        };
        let thread = |device: usize| format!("{}.t{device}", owner(device).0);
        for device in 1..=devices {
            seen.opens(&format!("{}.main", owner(device).0), owner(device).1, device);
            seen.waits(&thread(device), device);
        }
        seen.0.push(r#"{"process":"primary","exit":"killed"}"#.to_owned());
        let own = (2..=devices).step_by(2);
        own.clone().for_each(|device| {
            seen.given(&thread(device), &format!("c{device}"), "Write", &format!("b{device}"));
            seen.completes(&thread(device), device, &format!("c{device}"), "ERROR_SUCCESS", 65_536);
            seen.waits(&thread(device), device);
        });
        own.for_each(|device| seen.ret(&thread(device), "VD_E_ABORT", ""));
        seen.closes("secondary1.main", "x1set");
        seen.is_conformant();
    }
}

/// A client process that writes into a buffer has an address of it: of its own GetCommand, or
/// of MapBufferHandle.
#[test]
fn who_writes_has_an_address() {
    for (writer, clauses) in
        [("primary.t1", &[][..]), ("secondary1.main", &["client.buffer.mapped"][..])]
    {
        let mut seen = Recording::of(1);
        seen.opens("primary.main", "cset", 1);
        seen.call("secondary1.main", "OpenInSecondary", "x1set", r#","args":{"name":"S"}"#);
        seen.ret("secondary1.main", "NOERROR", "");
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "c1", "Write", "b1");
        seen.0.push(format!(r#"{{"lane":"{writer}","wrote":"b1"}}"#));
        let judged = seen.judged();
        assert_eq!(judged.verdict, Verdict::Conformant);
        let found = judged.findings.iter().map(|finding| finding.clause.info().id);
        assert_eq!(found.collect::<Vec<_>>(), clauses, "{writer}");
    }
}

/// What is wrong is a call of the client that was seen, and not one of the server that nobody
/// made.
#[test]
fn what_no_server_can_explain_is_wrong_itself() {
    let begun = |code: &str| {
        let mut seen = Recording::of(1);
        seen.opens("primary.main", "cset", 1);
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "c1", code, "b1");
        seen
    };
    // An end, and a command after it.
    for (end, code, clause) in [
        ("VD_E_CLOSE", "Flush", "client.get-command.close-again"),
        ("VD_E_CLOSE", "Write", "client.get-command.close-again"),
        ("VD_E_ABORT", "Flush", "abort.no-delivery"),
        ("VD_E_ABORT", "Write", "abort.no-delivery"),
    ] {
        let mut seen = begun("Flush");
        seen.completes("primary.t1", 1, "c1", "ERROR_SUCCESS", 0);
        seen.waits("primary.t1", 1);
        seen.ret("primary.t1", end, "");
        seen.waits("primary.t1", 1);
        seen.given("primary.t1", "c2", code, "b2");
        assert_eq!(seen.breaks(), clause, "{end} {code} {:#?}", seen.judged());
    }
    // More devices than there are.
    let mut seen = begun("Flush");
    seen.completes("primary.t1", 1, "c1", "ERROR_SUCCESS", 0);
    seen.call("primary.main", "OpenDevice", "cset", r#","as":"d2","args":{"name":"S2"}"#);
    seen.ret("primary.main", "NOERROR", "");
    let line = seen.0.len();
    let Verdict::Violation(violation) = seen.judged().verdict else { panic!("conformant") };
    let clause = violation.clause.info().id;
    assert_eq!((violation.line, clause), (line, "client.open-device.surplus"));
}

/// A client opens devices by these names, one after the other, and is answered so.
fn opened_by(devices: usize, opens: &[(&str, &str)]) -> Recording {
    let mut made = Recording::of(devices);
    for (at, (name, status)) in opens.iter().enumerate() {
        let rest = format!(r#","as":"d{at}","args":{{"name":"{name}"}}"#);
        made.call("primary.main", "OpenDevice", "cset", &rest);
        made.ret("primary.main", status, "");
    }
    made
}

#[test]
fn a_name_that_no_device_has_once_the_server_has_opened_all() {
    const OPENED: &str = "NOERROR";
    const NONE: &str = "VD_E_INVALID";
    let sound: [(usize, &[(&str, &str)]); 7] = [
        (2, &[("u", NONE)]),
        (64, &[("u", NONE)]),
        (2, &[("u", NONE), ("S", OPENED), ("v", NONE), ("S2", OPENED)]),
        (3, &[("u", NONE), ("u", NONE), ("S2", OPENED), ("S", OPENED), ("S3", OPENED)]),
        (3, &[("S2", OPENED), ("u", NONE), ("S2", "VD_E_PROTOCOL"), ("u", NONE)]),
        (5, &[("u", NONE), ("S4", OPENED), ("v", NONE), ("w", NONE)]),
        (1, &[("S", OPENED), ("u", "VD_E_OPEN")]),
    ];
    for (devices, opens) in sound {
        let judged = opened_by(devices, opens).judged();
        assert_eq!(judged.verdict, Verdict::Conformant, "{devices} {opens:?}");
    }
    let wrong: [(usize, &[(&str, &str)]); 4] = [
        (1, &[("S", NONE)]),
        (2, &[("S2", NONE), ("S2", OPENED)]),
        (2, &[("u", NONE), ("x", OPENED), ("y", OPENED)]),
        (3, &[("S2", OPENED), ("u", NONE), ("u", OPENED)]),
    ];
    for (devices, opens) in wrong {
        let judged = opened_by(devices, opens).judged();
        assert!(matches!(judged.verdict, Verdict::Violation(_)), "{devices} {opens:?}");
    }
    // While it waits for its answer others may open what there is.
    let mut made = Recording::of(2);
    made.call("primary.t1", "OpenDevice", "cset", r#","as":"no","args":{"name":"u"}"#);
    made.opens("primary.t2", "cset", 2);
    made.ret("primary.t1", NONE, "");
    made.opens("primary.t2", "cset", 1);
    made.call("primary.t1", "SignalAbort", "cset", "");
    made.ret("primary.t1", OPENED, "");
    assert_eq!(made.judged().verdict, Verdict::Conformant);
}

#[test]
fn lives_that_no_server_came_to_before_one_that_it_did() {
    let backup = |lives: usize| {
        let mut seen = Recording::of(1);
        let served = seen.0.split_off(1);
        for _ in 0..lives {
            seen.0.extend_from_slice(&served[..2]);
            seen.call("primary.main", "GetConfiguration", "cset", r#","args":{"timeout":10}"#);
            seen.ret("primary.main", "VD_E_TIMEOUT", "");
            seen.closes("primary.main", "cset");
        }
        seen.0.extend(served);
        seen.opens("primary.main", "cset", 1);
        for number in 0..40 {
            let (command, buffer) = (format!("c{number}"), format!("b{}", number % 4));
            seen.waits("primary.t1", 1);
            seen.given("primary.t1", &command, "Write", &buffer);
            seen.completes("primary.t1", 1, &command, "ERROR_SUCCESS", 65_536);
        }
        seen.waits("primary.t1", 1);
        seen
    };
    // Nothing of the lives before can reach this one, or time and memory would go with each
    // command by a factor.
    for lives in [0, 1, 3, 12] {
        let mut seen = backup(lives);
        seen.ret("primary.t1", "VD_E_CLOSE", "");
        seen.closes("primary.main", "cset");
        seen.is_conformant();
    }
    let mut seen = backup(1);
    seen.ret("primary.t1", "VD_E_TIMEOUT", "");
    assert_eq!(seen.breaks(), "client.get-command.waits");
}

/// Threads that wait for their devices before all are open, and hear of the end at once.
#[test]
fn the_end_is_told_to_those_who_wait_since_before_all_was_open() {
    for devices in 2..=5 {
        for served in 0..=devices {
            let mut seen = Recording::of(devices);
            for device in 1..=devices {
                seen.opens("primary.main", "cset", device);
                seen.waits(&format!("primary.t{device}"), device);
            }
            for device in 1..=served {
                let (lane, command) = (format!("primary.t{device}"), format!("c{device}"));
                seen.given(&lane, &command, "Flush", "");
                seen.completes(&lane, device, &command, "ERROR_SUCCESS", 0);
                seen.waits(&lane, device);
            }
            let before = seen.0.len();
            for device in 1..=devices {
                seen.ret(&format!("primary.t{device}"), "VD_E_CLOSE", "");
            }
            seen.closes("primary.main", "cset");
            seen.is_conformant();
            // But not before all are open.
            if served == 0 {
                let last = seen.0.iter().position(|line| line.contains(&format!("d{devices}")));
                seen.0.truncate(last.expect("it is opened").min(before));
                seen.ret("primary.t1", "VD_E_CLOSE", "");
                assert_eq!(seen.breaks(), "client.get-command.waits", "{devices}");
            }
        }
    }
}

#[test]
fn what_is_given_beside_an_abort_needs_no_other_end() {
    let mut seen = Recording::of(8);
    for device in 1..=8 {
        seen.opens("primary.main", "cset", device);
        seen.waits(&format!("primary.t{device}"), device);
    }
    seen.call("primary.abort", "SignalAbort", "cset", "");
    for device in 1..=8 {
        let (lane, command) = (format!("primary.t{device}"), format!("c{device}"));
        seen.given(&lane, &command, "Write", &format!("b{device}"));
    }
    for device in 1..=8 {
        let lane = format!("primary.t{device}");
        seen.waits(&lane, device);
        seen.given(&lane, &format!("late{device}"), "Write", &format!("late-b{device}"));
    }
    seen.ret("primary.abort", "NOERROR", "");
    seen.waits("primary.t1", 1);
    seen.ret("primary.t1", "VD_E_ABORT", "");
    seen.closes("primary.main", "cset");
    seen.is_conformant();
}
