//! What passes without an event: serverTimeOut where no time is recorded, the lives of which only
//! one side was seen, and the end of a process in the midst of a call.

use vdi_check::{Checker, Verdict, check_reader, check_reader_with};
use vdi_spec::clauses::Profile;

use crate::blame::{active, begins, call, faults, returns};

/// A set with serverTimeOut and a command at this stage, judged by a header of these fields.
fn timed(header: &str, delivered: bool) -> String {
    let mut text = active(1).replace("{\"vdi\":\"trace/1\"}", header).replacen(
        "\"deviceCount\":1",
        "\"deviceCount\":1,\"serverTimeOut\":1000",
        1,
    );
    call(&mut text, "server.main", "SendCommand", "sdev1", r#","as":"c1","args":{"code":"Flush"}"#);
    if delivered {
        begins(&mut text, "primary.main", "GetCommand", "cdev1", r#","args":{"timeout":0}"#);
        text += "{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{\"command\":\"c1\"}}\n";
    }
    text
}

const PLAIN: &str = r#"{"vdi":"trace/1"}"#;
const TIME: &str = r#"{"vdi":"trace/1","records":["time"]}"#;
const FREE: &str = r#"{"vdi":"trace/1","free":true}"#;
const ABORTED: &str = "{\"lane\":\"server.agent\",\"callback\":\"c1\",\"completion\":\"ERROR_OPERATION_ABORTED\",\"bytes\":0}\n{\"lane\":\"server.agent\",\"return\":\"NOERROR\"}\n";
const EXPIRED: &str = "{\"expired\":\"server.agent\"}\n";

fn broken(text: &str) -> Option<String> {
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.error, None, "{text}");
    match judged.verdict {
        Verdict::Violation(violation) => Some(violation.clause.to_string()),
        Verdict::Conformant => None,
        other => panic!("{other:?}\n{text}"),
    }
}

#[test]
fn a_time_out_that_nobody_recorded() {
    for delivered in [true, false] {
        for header in [PLAIN, FREE] {
            let mut text = timed(header, delivered) + ABORTED;
            assert_eq!(broken(&text), None, "{text}");
            begins(
                &mut text,
                "primary.main",
                "GetConfiguration",
                "cset",
                r#","args":{"timeout":0}"#,
            );
            let gone = text.clone();
            returns(&mut text, "primary.main", "VD_E_ABORT");
            assert_eq!(broken(&text), None, "{text}");
            let mut text = gone;
            returns(&mut text, "primary.main", "NOERROR");
            assert_eq!(broken(&text).as_deref(), Some("client.get-configuration.aborted"));
        }
        // After an abort the server need not have closed its devices, and before one it has to.
        let mut closed = timed(PLAIN, delivered);
        call(&mut closed, "server.main", "Close", "sset", "");
        assert_eq!(broken(&closed), None, "{closed}");
        let told = closed.replace(PLAIN, TIME);
        assert_eq!(broken(&told).as_deref(), Some("server.close.devices-open.status"));
        let told = timed(TIME, delivered) + ABORTED;
        assert_eq!(broken(&told).as_deref(), Some("agent.callback"), "{told}");
        // Without serverTimeOut nothing ends it.
        let without = (timed(PLAIN, delivered) + ABORTED).replace(",\"serverTimeOut\":1000", "");
        assert_eq!(broken(&without).as_deref(), Some("agent.callback"), "{without}");
    }
}

#[test]
fn a_time_out_is_noticed_at_once_but_where_lanes_run_freely() {
    for (header, intervals, clause) in [
        (TIME, 1, None),
        (TIME, 2, Some("server.time-out.aborts")),
        (TIME, 5, Some("server.time-out.aborts")),
        (r#"{"vdi":"trace/1","records":["time"],"free":true}"#, 2, None),
    ] {
        let mut text = timed(header, true) + &EXPIRED.repeat(intervals);
        let done = r#","args":{"command":"c1","code":"ERROR_SUCCESS","bytes":0}"#;
        call(&mut text, "primary.main", "CompleteCommand", "cdev1", done);
        assert_eq!(broken(&text).as_deref(), clause, "{text}");
        let mut queued = timed(header, false) + &EXPIRED.repeat(intervals);
        call(&mut queued, "primary.main", "GetConfiguration", "cset", r#","args":{"timeout":0}"#);
        begins(&mut queued, "primary.main", "GetCommand", "cdev1", r#","args":{"timeout":0}"#);
        queued +=
            "{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{\"command\":\"c1\"}}\n";
        assert_eq!(broken(&queued).as_deref(), clause, "{queued}");
    }
}

/// Whoever dies is in a call mostly. That the other side waits on is seen where everything rests
/// at the end, and by what it is answered.
#[test]
fn a_death_in_the_midst_of_a_call_is_noticed() {
    let exit = |process: &str| format!("{{\"process\":\"{process}\",\"exit\":\"killed\"}}\n");
    let mut waiting = active(1);
    begins(&mut waiting, "primary.t1", "GetCommand", "cdev1", r#","args":{"timeout":"infinite"}"#);
    for (process, clause) in
        [("server", "process.server-death"), ("primary", "process.client-death")]
    {
        let text = waiting.clone() + &exit(process);
        let judged =
            check_reader_with(text.as_bytes(), &Profile::default(), Checker::ending_at_rest);
        let Verdict::Violation(violation) = judged.verdict else { panic!("{process}: {judged:?}") };
        assert_eq!(violation.clause.to_string(), clause);
        assert_eq!(broken(&text), None);
    }
    let mut polled = active(1) + &exit("server");
    begins(&mut polled, "primary.main", "GetCommand", "cdev1", r#","args":{"timeout":0}"#);
    let told = polled.clone();
    returns(&mut polled, "primary.main", "VD_E_TIMEOUT");
    assert_eq!(broken(&polled).as_deref(), Some("process.server-death"));
    let mut told = told;
    returns(&mut told, "primary.main", "VD_E_ABORT");
    assert_eq!(broken(&told), None);
}

/// Lives of one name, of which each was ended by an abort: whoever asked for it, what the server
/// has begun ends with it, and is no call of the next life.
#[test]
fn lives_of_one_name_that_are_aborted_are_decided_at_once() {
    let config = r#","out":{"config":{"deviceCount":1,"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":262144}}"#;
    for (client_aborts, lives, configured) in
        [(true, 12, false), (false, 12, false), (false, 8, true), (true, 8, true)]
    {
        let mut text = String::from("{\"vdi\":\"trace/1\",\"unseen\":[\"server\"]}\n");
        for _ in 0..lives {
            let create = r#","args":{"name":"S","config":{"deviceCount":1}}"#;
            call(&mut text, "primary.main", "Create", "cset", create);
            if configured {
                let wait = r#","args":{"timeout":"infinite"}"#;
                begins(&mut text, "primary.w", "GetConfiguration", "cset", wait);
                text += &format!("{{\"lane\":\"primary.w\",\"return\":\"NOERROR\"{config}}}\n");
            }
            let wait = r#","args":{"timeout":"infinite"}"#;
            begins(&mut text, "primary.w", "GetConfiguration", "cset", wait);
            if client_aborts {
                call(&mut text, "primary.main", "SignalAbort", "cset", "");
            }
            returns(&mut text, "primary.w", "VD_E_ABORT");
            call(&mut text, "primary.main", "Close", "cset", "");
        }
        assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
        assert_eq!(broken(&text), None);
    }
}

const FOR_EVER: &str = r#","args":{"timeout":"infinite"}"#;

/// The client's half of a history in which it has opened both devices.
fn half_of_two_devices() -> String {
    let config = r#","out":{"config":{"deviceCount":2,"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":524288}}"#;
    let mut text = String::from("{\"vdi\":\"trace/1\",\"unseen\":[\"server\"]}\n");
    let create = r#","args":{"name":"S","config":{"deviceCount":2}}"#;
    call(&mut text, "primary.main", "Create", "cset", create);
    begins(&mut text, "primary.main", "GetConfiguration", "cset", FOR_EVER);
    text += &format!("{{\"lane\":\"primary.main\",\"return\":\"NOERROR\"{config}}}\n");
    for (name, handle) in [("S", "d1"), ("S2", "d2")] {
        let rest = format!(r#","as":"{handle}","args":{{"name":"{name}"}}"#);
        call(&mut text, "primary.main", "OpenDevice", "cset", &rest);
    }
    text
}

/// An abort that another thread learns of later may have come before a call on a buffer is
/// answered.
#[test]
fn what_an_abort_that_is_told_later_explains() {
    let mut text = half_of_two_devices();
    begins(&mut text, "primary.t2", "GetCommand", "d2", FOR_EVER);
    begins(&mut text, "primary.main", "GetCommand", "d1", FOR_EVER);
    text += "{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{\"command\":\"c1\",\"code\":\"Write\",\"size\":65536,\"position\":0,\"buffer\":\"b1\"}}\n";
    let handle = r#","as":"h1","args":{"buffer":"b1"}"#;
    begins(&mut text, "primary.main", "GetBufferHandle", "cset", handle);
    returns(&mut text, "primary.main", "VD_E_INVALID");
    // Alone it is wrong.
    assert_eq!(broken(&text).as_deref(), Some("client.get-buffer-handle.status"));
    returns(&mut text, "primary.t2", "VD_E_ABORT");
    assert_eq!(broken(&text), None, "{text}");
}

/// Of two sets only the one whose time has passed is aborted.
#[test]
fn a_time_out_that_nobody_recorded_is_of_one_set() {
    for free in ["", ",\"free\":true"] {
        let header = format!(
            r#"{{"vdi":"trace/1","interfaces":{{"sset2":"server","cset2":"primary"}}{free}}}"#
        );
        let mut text = timed(&header, true);
        // The same of a second set, by other interfaces.
        for line in timed(&header, false).lines().skip(1) {
            let line = line.replace("cset", "cset2").replace("sset", "sset2");
            let line = line.replace("dev1", "dev2").replace("\"c1\"", "\"c2\"");
            text += &(line.replace("\"S\"", "\"T\"").replace(".agent", ".agent2") + "\n");
        }
        text += ABORTED;
        begins(&mut text, "primary.main", "GetCommand", "cdev2", r#","args":{"timeout":0}"#);
        let mut told = text.clone();
        text += "{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{\"command\":\"c2\"}}\n";
        assert_eq!(broken(&text), None, "{text}");
        // It may have passed for both.
        returns(&mut told, "primary.main", "VD_E_ABORT");
        assert_eq!(broken(&told), None, "{told}");
    }
}

/// What is made up for the side that was not seen stands in the line that asks for it: that it is
/// right excuses nobody else.
#[test]
fn a_mistake_is_told_of_half_a_history_too() {
    for open in 0..=2 {
        let mut text = half_of_two_devices();
        // As many stay open as are not told of their end.
        for handle in ["d1", "d2"].into_iter().skip(open) {
            begins(&mut text, "primary.main", "GetCommand", handle, FOR_EVER);
            returns(&mut text, "primary.main", "VD_E_CLOSE");
        }
        begins(&mut text, "primary.main", "Close", "cset", "");
        returns(&mut text, "primary.main", if open > 0 { "VD_E_OPEN" } else { "NOERROR" });
        let told: &[&str] = if open > 0 { &["client.close.devices-open.mistake"] } else { &[] };
        assert_eq!(faults(&text), told, "{text}");
        assert_eq!(broken(&text), None);
    }
}

/// Before the first command intervals pass as they do later: with nothing pending they count for
/// nothing, and an abort needs two with a request pending.
#[test]
fn intervals_before_the_first_command_do_not_lose_the_clock() {
    let told = |middle: &str| {
        let text = format!(
            r#"{{"vdi":"trace/1","records":["time"]}}
{{"lane":"primary.main","call":"CreateEx","on":"cset","args":{{"name":"S","config":{{"deviceCount":1,"serverTimeOut":1000}}}}}}
{{"lane":"primary.main","return":"NOERROR"}}
{{"lane":"server.main","call":"Open","on":"sset","args":{{"name":"S"}}}}
{{"lane":"server.main","return":"NOERROR"}}
{{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{{"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}}}}
{{"lane":"server.main","return":"NOERROR"}}
{{"lane":"server.main","call":"EndConfiguration","on":"sset"}}
{{"lane":"server.main","return":"NOERROR"}}
{{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{{"timeout":"infinite"}}}}
{{"lane":"primary.main","return":"NOERROR"}}
{{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cd","args":{{"name":"S"}}}}
{{"lane":"primary.main","return":"NOERROR"}}
{{"lane":"server.main","call":"OpenDevice","on":"sset","as":"sd","args":{{"name":"S"}}}}
{{"lane":"server.main","return":"NOERROR"}}
{{"lane":"server.agent","call":"ExecuteCompletionAgent","on":"sset"}}
{{"expired":"server.agent"}}
{{"expired":"server.agent"}}
{{"lane":"server.main","call":"SendCommand","on":"sd","as":"k","args":{{"code":"Flush"}}}}
{{"lane":"server.main","return":"NOERROR"}}
{middle}"#
        );
        let judged = vdi_check::check_reader(text.as_bytes(), &Profile::default());
        assert_eq!(judged.error, None, "{text}");
        judged.verdict
    };
    let passes = "{\"expired\":\"server.agent\"}\n";
    let aborted = "{\"lane\":\"server.agent\",\"callback\":\"k\",\"completion\":\"ERROR_OPERATION_ABORTED\",\"bytes\":0}\n";
    let given = "{\"lane\":\"primary.main\",\"call\":\"GetCommand\",\"on\":\"cd\",\"args\":{\"timeout\":0}}\n{\"lane\":\"primary.main\",\"return\":\"NOERROR\",\"out\":{\"command\":\"k\"}}\n";
    for (intervals, aborts) in [(0, false), (1, false), (2, true), (3, true)] {
        let with = |what: &str| told(&(passes.repeat(intervals) + what));
        assert_eq!(with(aborted) == Verdict::Conformant, aborts, "{intervals}, aborted");
        assert_eq!(with(given) == Verdict::Conformant, !aborts, "{intervals}, delivered");
    }
}
