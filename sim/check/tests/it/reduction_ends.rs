//! What overlaps the end of a set, an abort, a Close or the death of a process: it is put off on
//! each device by itself whether it came before.

use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::Profile;

use crate::reduction::{Lines, assert_cheap, client, counted, server};

/// Commands on all devices, a client in GetCommand on each, when the client aborts and the
/// server, if it `closes`, closes: of every second device the command came before.
fn at_one_abort(devices: usize, closes: bool) -> Lines {
    let mut lines = Lines::active(devices);
    (1..=devices).for_each(|device| lines.fetches(device));
    (1..=devices).for_each(|device| lines.sends(device, device));
    lines.line("primary.x", r#""call":"SignalAbort","on":"cset""#);
    if closes {
        lines.line("server.main", r#""call":"Close","on":"sset""#);
    }
    for device in 1..=devices {
        if device % 2 == 1 {
            lines.returns(&server(device), "NOERROR");
            continue;
        }
        let what =
            format!(r#""callback":"k{device}","completion":"ERROR_OPERATION_ABORTED","bytes":0"#);
        lines.line(&server(device), &what);
        lines.returns(&server(device), "VD_E_ABORT");
    }
    (1..=devices).for_each(|device| lines.returns(&client(device), "VD_E_ABORT"));
    lines.returns("primary.x", "NOERROR");
    for command in (1..=devices).step_by(2) {
        lines.callback(command, "ERROR_OPERATION_ABORTED");
    }
    lines.returns("server.agent", "VD_E_ABORT");
    if closes {
        lines.returns("server.main", "NOERROR");
    }
    lines
}

#[test]
fn what_overlaps_an_abort_is_decided_device_by_device() {
    for devices in [2, 8, 16, 64] {
        assert_cheap(&at_one_abort(devices, false), 5);
    }
}

/// A server that closes while it sends may have sent to devices that are gone by then: whether
/// it has is told by the callbacks alone.
#[test]
fn what_overlaps_an_abort_and_a_close_is_decided() {
    for devices in [2, 4, 8] {
        assert_cheap(&at_one_abort(devices, true), 50);
    }
}

/// The same when the client closes with its devices open, and does not abort before.
fn at_one_close(devices: usize) -> Lines {
    let mut lines = at_one_abort(devices, false);
    let abort = r#""call":"SignalAbort","on":"cset""#;
    lines.text = lines.text.replace(abort, r#""call":"Close","on":"cset""#);
    let [succeeds, refused] = ["NOERROR", "VD_E_OPEN"]
        .map(|status| format!(r#"{{"lane":"primary.x","return":"{status}"}}"#));
    lines.text = lines.text.replace(&succeeds, &refused);
    lines
}

#[test]
fn what_overlaps_the_close_of_a_client_is_decided() {
    for devices in [2, 8, 16, 64] {
        assert_cheap(&at_one_close(devices), 5);
    }
    let replaced = |from: &str, to: &str| {
        let mut lines = at_one_close(8);
        assert!(lines.text.contains(from), "{from}");
        lines.text = lines.text.replacen(from, to, 1);
        counted(&lines).0
    };
    // It may have been delivered before; what was refused was not, and what was sent is owed.
    let delivered = |command: &str| {
        let lane = command.replace('k', "t");
        let with = |end: &str| format!(r#"{{"lane":"primary.{lane}","return":{end}}}"#);
        let delivers = format!(r#""NOERROR","out":{{"command":"{command}"}}"#);
        replaced(&with(r#""VD_E_ABORT""#), &with(&delivers))
    };
    assert_eq!(delivered("k3"), Verdict::Conformant);
    assert!(matches!(delivered("k2"), Verdict::Violation(_)));
    let called = "{\"lane\":\"server.agent\",\"callback\":\"k3\",\"completion\":\"ERROR_OPERATION_ABORTED\",\"bytes\":0}\n";
    assert!(matches!(replaced(called, ""), Verdict::Violation(_)));
    // Nothing but that Close ends the set: without it nobody is refused.
    let closes = r#"{"lane":"primary.x","call":"Close","on":"cset"}"#;
    let polls =
        r#"{"lane":"primary.x","call":"GetConfiguration","on":"cset","args":{"timeout":0}}"#;
    assert!(matches!(replaced(closes, polls), Verdict::Violation(_)));
}

/// On every device two commands with a buffer are queued, and the client is in GetCommand, when
/// its process is killed. Of every second device the first was delivered and completed before.
fn at_one_death(devices: usize) -> Lines {
    let mut lines = Lines::active(devices);
    for device in 1..=devices {
        let buffer = format!(
            r#""call":"AllocateBuffer","on":"sset","as":"b{device}","args":{{"size":512}}"#
        );
        lines.whole("server.main", &buffer);
        for command in [2 * device - 1, 2 * device] {
            let buffer = if command % 2 == 1 {
                format!(r#"{{"code":"Write","size":512,"buffer":"b{device}"}}"#)
            } else {
                r#"{"code":"Flush"}"#.to_owned()
            };
            let sent = format!(
                r#""call":"SendCommand","on":"s{device}","as":"k{command}","args":{buffer}"#
            );
            lines.whole("server.main", &sent);
        }
        lines.fetches(device);
    }
    lines.text.push_str("{\"process\":\"primary\",\"exit\":\"killed\"}\n");
    (1..=2 * devices).for_each(|command| lines.callback(command, "ERROR_OPERATION_ABORTED"));
    lines.returns("server.agent", "VD_E_ABORT");
    lines
}

#[test]
fn what_overlaps_the_death_of_a_client_is_decided() {
    for devices in [2, 8, 16, 64] {
        let mut lines = at_one_death(devices);
        let header = r#"{"vdi":"trace/1"}"#;
        lines.text = lines.text.replacen(header, r#"{"vdi":"trace/1","free":true}"#, 1);
        assert_cheap(&lines, 10);
        // Each is called back once, and none with success: nobody completed it.
        for (was, is) in [
            (
                "\"callback\":\"k4\",\"completion\":\"ERROR_OPERATION_ABORTED\"",
                "\"callback\":\"k4\",\"completion\":\"ERROR_SUCCESS\"",
            ),
            (
                "{\"lane\":\"server.agent\",\"callback\":\"k3\",\"completion\":\"ERROR_OPERATION_ABORTED\",\"bytes\":0}\n",
                "",
            ),
            ("{\"process\":\"primary\",\"exit\":\"killed\"}\n", ""),
        ] {
            assert!(lines.text.contains(was), "{was}");
            let wrong = lines.with(lines.text.replacen(was, is, 1));
            assert!(matches!(counted(&wrong).0, Verdict::Violation(_)), "{was}");
        }
    }
}

/// On every device the client waits in GetCommand, each is sent two commands, and one SendCommand
/// is in progress when its process is killed; then it is refused. If it `aborts`, the server is in
/// SignalAbort, too.
fn at_one_death_amid_a_command(devices: usize, aborts: bool) -> Lines {
    let mut lines = Lines::active(devices);
    (1..=devices).for_each(|device| lines.fetches(device));
    let sent = |device: usize, command: usize| {
        format!(
            r#""call":"SendCommand","on":"s{device}","as":"k{command}","args":{{"code":"Flush"}}"#
        )
    };
    for command in 1..=2 * devices {
        lines.whole("server.main", &sent(command.div_ceil(2), command));
    }
    let last = 2 * devices + 1;
    lines.line(&server(devices), &sent(devices, last));
    if aborts {
        lines.line("server.x", r#""call":"SignalAbort","on":"sset""#);
    }
    lines.text.push_str("{\"process\":\"primary\",\"exit\":\"killed\"}\n");
    if aborts {
        lines.returns("server.x", "NOERROR");
    }
    let aborted = |command: usize| {
        format!(r#""callback":"k{command}","completion":"ERROR_OPERATION_ABORTED","bytes":0"#)
    };
    lines.line(&server(devices), &aborted(last));
    lines.returns(&server(devices), "VD_E_ABORT");
    (1..last).for_each(|command| lines.callback(command, "ERROR_OPERATION_ABORTED"));
    lines.returns("server.agent", "VD_E_ABORT");
    lines
}

/// Which of the commands were given before nobody will tell, and none is tried.
#[test]
fn what_waits_at_the_death_of_a_client_is_decided() {
    let settings = [(false, false), (true, false), (false, true)];
    for (devices, (free, aborts)) in
        [2, 8, 16, 64].into_iter().flat_map(|n| settings.map(|setting| (n, setting)))
    {
        let mut lines = at_one_death_amid_a_command(devices, aborts);
        if free {
            let header = r#"{"vdi":"trace/1"}"#;
            lines.text = lines.text.replacen(header, r#"{"vdi":"trace/1","free":true}"#, 1);
        }
        assert_cheap(&lines, 10);
        let called = "{\"lane\":\"server.agent\",\"callback\":\"k3\",\"completion\":\"ERROR_OPERATION_ABORTED\",\"bytes\":0}\n";
        let success = called.replace("OPERATION_ABORTED", "SUCCESS");
        for (was, is) in [(called, success.as_str()), (called, "")] {
            assert!(lines.text.contains(was), "{was}");
            let wrong = lines.with(lines.text.replacen(was, is, 1));
            assert!(matches!(counted(&wrong).0, Verdict::Violation(_)), "{was}");
        }
    }
}

/// A call on every device, or by every thread, in progress beside an abort: every second came
/// before it. Where no command is under way the agent may return as well.
fn calls_beside_an_abort(devices: usize, lane: fn(usize) -> String, call: &str) -> Lines {
    let mut lines = Lines::active(devices);
    for device in 1..=devices {
        lines.line(&lane(device), &call.replace('#', &device.to_string()));
    }
    lines.line("server.main", r#""call":"SignalAbort","on":"sset""#);
    (1..=devices).for_each(|device| {
        lines.returns(&lane(device), ["VD_E_ABORT", "NOERROR"][device % 2]);
    });
    lines.returns("server.main", "NOERROR");
    lines.returns("server.agent", "VD_E_ABORT");
    lines
}

#[test]
fn calls_of_one_kind_beside_an_abort_are_decided() {
    let closes = r#""call":"CloseDevice","on":"s#""#;
    let polls = r#""call":"GetConfiguration","on":"cset","args":{"timeout":0}"#;
    for devices in [2, 8, 16, 64] {
        for (lane, call) in [(server as fn(usize) -> String, closes), (client, polls)] {
            let lines = calls_beside_an_abort(devices, lane, call);
            assert_cheap(&lines, 10);
            let closed = lines.text.replace(
                "VD_E_ABORT\"}\n{\"lane\":\"server.main",
                "VD_E_CLOSE\"}\n{\"lane\":\"server.main",
            );
            assert_ne!(closed, lines.text);
            assert!(matches!(counted(&lines.with(closed)).0, Verdict::Violation(_)));
        }
    }
}

/// Of a client of two processes the primary is killed while the secondary has its devices, and
/// is given what is sent on those before the death is noticed.
#[test]
fn what_overlaps_the_death_of_a_primary_beside_a_secondary_is_decided() {
    for devices in [2, 8, 16, 64] {
        let lines = at_one_death_beside_a_secondary(devices);
        assert_cheap(&lines, 10);
        let given = r#""return":"NOERROR","out":{"command":"k2"}"#;
        for wrong in [r#""return":"NOERROR","out":{"command":"k1"}"#, r#""return":"VD_E_CLOSE""#] {
            let text = lines.text.replacen(given, wrong, 1);
            assert_ne!(text, lines.text);
            let wrong = lines.with(text);
            assert!(matches!(counted(&wrong).0, Verdict::Violation(_)), "{}", wrong.text);
        }
        // What it holds it keeps, and no other has it.
        for (writer, conforms) in [("secondary1.t2", true), ("server.main", false)] {
            let wrote = format!(r#"{{"lane":"{writer}","wrote":"b2"}}"#);
            let end = r#"{"lane":"server.agent","return":"VD_E_ABORT"}"#;
            let text = lines.text.replacen(end, &format!("{wrote}\n{end}"), 1);
            assert_ne!(text, lines.text);
            let judged = vdi_check::check_reader(text.as_bytes(), &Profile::default());
            let found = judged.findings.iter().map(|finding| finding.clause.info().id);
            let found: Vec<_> = found.filter(|id| id.contains("buffer")).collect();
            assert_eq!(found.is_empty(), conforms, "{writer}: {found:?}\n{text}");
        }
    }
}

fn at_one_death_beside_a_secondary(devices: usize) -> Lines {
    let mut lines = Lines::active(devices);
    let joined = concat!(
        r#"{"lane":"secondary1.main","call":"OpenInSecondary","on":"x1set","args":{"name":"S"}}"#,
        "\n",
        r#"{"lane":"secondary1.main","return":"NOERROR"}"#,
        "\n{\"lane\":\"server.main\",\"call\":\"OpenDevice\""
    );
    let opened = r#"{"lane":"server.main","call":"OpenDevice""#;
    lines.text = lines.text.replacen(opened, joined, 1);
    for device in (2..=devices).step_by(2) {
        let own = |process: &str, set: &str| {
            format!(r#"{{"lane":"{process}.t{device}","call":"OpenDevice","on":"{set}""#)
        };
        lines.text = lines.text.replace(&own("primary", "cset"), &own("secondary1", "x1set"));
        let returns = |process: &str| format!(r#"{{"lane":"{process}.t{device}","return""#);
        lines.text = lines.text.replace(&returns("primary"), &returns("secondary1"));
    }
    let header = r#"{"vdi":"trace/1"}"#;
    lines.text = lines.text.replacen(header, r#"{"vdi":"trace/1","free":true}"#, 1);
    let joins = |device: usize| match device % 2 {
        0 => format!("secondary1.t{device}"),
        _ => client(device),
    };
    for device in 1..=devices {
        let buffer = r#""call":"AllocateBuffer","on":"sset""#;
        let args = format!(r#"{buffer},"as":"b{device}","args":{{"size":512}}"#);
        lines.whole("server.main", &args);
        let gets = format!(r#""call":"GetCommand","on":"c{device}","args":{{"timeout":9}}"#);
        lines.line(&joins(device), &gets);
        let sends = format!(
            r#""call":"SendCommand","on":"s{device}","args":{{"code":"Write","size":512,"buffer":"b{device}"}},"as":"k{device}""#
        );
        lines.line(&server(device), &sends);
    }
    lines.text.push_str("{\"process\":\"primary\",\"exit\":\"killed\"}\n");
    for device in (2..=devices).step_by(2) {
        let delivers = format!(r#""return":"NOERROR","out":{{"command":"k{device}"}}"#);
        match device % 3 {
            2 => lines.line(&joins(device), &delivers),
            _ => lines.returns(&joins(device), "VD_E_ABORT"),
        }
    }
    (1..=devices).for_each(|device| lines.returns(&server(device), "NOERROR"));
    (1..=devices).for_each(|command| lines.callback(command, "ERROR_OPERATION_ABORTED"));
    lines.returns("server.agent", "VD_E_ABORT");
    lines
}

/// On every device a SendCommand and a GetCommand are in progress when the server is killed: of
/// every third the command came before.
fn at_one_death_of_the_server(devices: usize) -> Lines {
    let mut lines = Lines::active(devices);
    (1..=devices).for_each(|device| lines.fetches(device));
    (1..=devices).for_each(|device| lines.sends(device, device));
    lines.text.push_str("{\"process\":\"server\",\"exit\":\"killed\"}\n");
    for device in 1..=devices {
        let delivers = format!(r#""return":"NOERROR","out":{{"command":"k{device}"}}"#);
        match device % 3 {
            0 => lines.line(&client(device), &delivers),
            _ => lines.returns(&client(device), "VD_E_ABORT"),
        }
    }
    lines.whole("primary.main", r#""call":"Close","on":"cset""#);
    lines
}

/// It is decided, whether or not the lanes ran freely, and what another device was sent is not
/// given here, nor does anything come of no command.
fn assert_decided(at_one_death: impl Fn(usize) -> Lines) {
    for devices in [3, 8, 16, 64] {
        for free in ["", r#","free":true"#] {
            let mut lines = at_one_death(devices);
            let header = format!(r#"{{"vdi":"trace/1"{free}}}"#);
            lines.text = lines.text.replacen(r#"{"vdi":"trace/1"}"#, &header, 1);
            assert_cheap(&lines, 10);
            let given = r#""return":"NOERROR","out":{"command":"k3"}"#;
            for wrong in
                [r#""return":"NOERROR","out":{"command":"k1"}"#, r#""return":"VD_E_CLOSE""#]
            {
                let text = lines.text.replacen(given, wrong, 1);
                assert_ne!(text, lines.text);
                let wrong = lines.with(text);
                assert!(matches!(counted(&wrong).0, Verdict::Violation(_)), "{}", wrong.text);
            }
        }
    }
}

#[test]
fn what_overlaps_the_death_of_a_server_is_decided() {
    assert_decided(at_one_death_of_the_server);
}

/// What came before the abort is not free: a command that was refused is not delivered, and
/// one that was sent has to be called back before the agent returns.
#[test]
fn what_overlaps_an_abort_is_not_free() {
    let replaced = |from: &str, to: &str| {
        let mut lines = at_one_abort(8, false);
        assert!(lines.text.contains(from), "{from}");
        lines.text = lines.text.replacen(from, to, 1);
        counted(&lines).0
    };
    let delivers = r#"{"lane":"primary.t2","return":"NOERROR","out":{"command":"k2"}}"#;
    let refused = r#"{"lane":"primary.t2","return":"VD_E_ABORT"}"#;
    assert!(matches!(replaced(refused, delivers), Verdict::Violation(_)));
    let delivers = r#"{"lane":"primary.t3","return":"NOERROR","out":{"command":"k3"}}"#;
    let aborted = r#"{"lane":"primary.t3","return":"VD_E_ABORT"}"#;
    assert_eq!(replaced(aborted, delivers), Verdict::Conformant);
    let called = "{\"lane\":\"server.agent\",\"callback\":\"k3\",\"completion\":\"ERROR_OPERATION_ABORTED\",\"bytes\":0}\n";
    assert!(matches!(replaced(called, ""), Verdict::Violation(_)));
}

/// The same where the client aborts before, and the server dies in it.
fn at_one_death_after_an_abort(devices: usize) -> Lines {
    let mut lines = at_one_death_of_the_server(devices);
    let death = "{\"process\":\"server\",\"exit\":\"killed\"}\n";
    let abort = concat!(
        "{\"lane\":\"primary.x\",\"call\":\"SignalAbort\",\"on\":\"cset\"}\n",
        "{\"lane\":\"primary.x\",\"return\":\"NOERROR\"}\n",
    );
    lines.text = lines.text.replacen(death, &format!("{abort}{death}"), 1);
    lines
}

#[test]
fn what_overlaps_a_death_after_an_abort_is_decided() {
    assert_decided(at_one_death_after_an_abort);
}

/// One device is full; its completion goes on, and the server sends to the others, when it
/// aborts, or not before all is called back.
fn at_one_full_device(devices: usize, aborts: bool) -> Lines {
    let mut lines = Lines::active(devices);
    let write = |lines: &mut Lines, device: usize| {
        let args = format!(r#"{{"code":"Write","size":65536,"buffer":"b{device}"}}"#);
        let call =
            format!(r#""call":"SendCommand","on":"s{device}","as":"k{device}","args":{args}"#);
        lines.line(&server(device), &call);
    };
    for device in 1..=devices {
        let args = r#""args":{"size":65536,"alignment":0}"#;
        let call = format!(r#""call":"AllocateBuffer","on":"sset","as":"b{device}",{args}"#);
        lines.whole("server.main", &call);
        lines.fetches(device);
    }
    write(&mut lines, 1);
    lines.returns(&server(1), "NOERROR");
    let out = r#"{"command":"k1","code":"Write","size":65536,"buffer":"b1"}"#;
    lines.line(&client(1), &format!(r#""return":"NOERROR","out":{out}"#));
    let full = r#""args":{"command":"k1","code":"ERROR_DISK_FULL","bytes":0}"#;
    lines.line(&client(1), &format!(r#""call":"CompleteCommand","on":"c1",{full}"#));
    (2..=devices).for_each(|device| write(&mut lines, device));
    if aborts {
        lines.line("server.main", r#""call":"SignalAbort","on":"sset""#);
    } else {
        lines.callback(1, "ERROR_DISK_FULL");
    }
    (2..=devices).for_each(|device| lines.returns(&server(device), "NOERROR"));
    lines.returns(&client(1), "NOERROR");
    if !aborts {
        return lines;
    }
    (2..=devices).for_each(|device| lines.returns(&client(device), "VD_E_ABORT"));
    (2..=devices).for_each(|device| lines.callback(device, "ERROR_OPERATION_ABORTED"));
    lines.callback(1, "ERROR_OPERATION_ABORTED");
    lines.returns("server.agent", "NOERROR");
    lines.returns("server.main", "NOERROR");
    lines
}

#[test]
fn what_is_sent_beside_a_device_that_is_full_is_decided() {
    for devices in [2, 8, 16, 64] {
        assert_cheap(&at_one_full_device(devices, true), 5);
        assert_cheap(&at_one_full_device(devices, false), 5);
    }
    // Whoever knows that it is full, and sends, is refused or not; and so is who could not
    // know yet, since the interface may have told it by then.
    let late = |begun: bool| {
        let mut lines = at_one_full_device(2, false);
        let text = lines.text.clone();
        let (write, told) =
            (text.rfind(r#"{"lane":"server.t2","call""#), text.rfind("\"callback\""));
        let (write, told) = (write.expect("it is sent"), told.expect("it is told"));
        assert!(write < told);
        if begun {
            let end = r#"{"lane":"server.t2","return":"NOERROR"}"#;
            let refused = r#"{"lane":"server.t2","callback":"k2","completion":"ERROR_INVALID_HANDLE","bytes":0}
{"lane":"server.t2","return":"VD_E_PROTOCOL"}"#;
            lines.text = text.replace(end, refused);
        }
        check_reader(lines.text.as_bytes(), &Profile::default())
    };
    for begun in [false, true] {
        let judged = late(begun);
        assert_eq!(judged.verdict, Verdict::Conformant, "{begun}");
        assert!(judged.findings.is_empty(), "{begun}: {:?}", judged.findings);
    }
}
