//! Of several clauses that explain a wrong answer the cause is named, not what follows from it.

use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::Profile;

/// Two devices, active, with the agent running and an interval of serverTimeOut; a secondary
/// client is attached.
const ACTIVE: &[&str] = &[
    r#"{"vdi":"trace/1","records":["time"]}"#,
    r#"{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":2,"serverTimeOut":300}}}"#,
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
    r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}"#,
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    r#"{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}}"#,
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    r#"{"lane":"server.main","call":"EndConfiguration","on":"sset"}"#,
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    r#"{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":0}}"#,
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
    r#"{"lane":"secondary1.main","call":"OpenInSecondary","on":"x1set","args":{"name":"S"}}"#,
    r#"{"lane":"secondary1.main","return":"NOERROR"}"#,
    r#"{"lane":"server.agent","call":"ExecuteCompletionAgent","on":"sset"}"#,
    r#"{"lane":"server.main","call":"OpenDevice","on":"sset","as":"s1","args":{"name":"S"}}"#,
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    r#"{"lane":"server.main","call":"OpenDevice","on":"sset","as":"s2","args":{"name":"S2"}}"#,
    r#"{"lane":"server.main","return":"NOERROR"}"#,
    r#"{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"d1","args":{"name":"S"}}"#,
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
    r#"{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"d2","args":{"name":"S2"}}"#,
    r#"{"lane":"primary.main","return":"NOERROR"}"#,
];

const SEND: &[&str] = &[
    r#"{"lane":"server.main","call":"SendCommand","on":"s1","as":"c1","args":{"code":"Flush"}}"#,
    r#"{"lane":"server.main","return":"NOERROR"}"#,
];
const REFUSED: &[&str] = &[
    r#"{"lane":"server.main","call":"SendCommand","on":"s1","as":"c9","args":{"code":"Flush"}}"#,
    r#"{"lane":"server.main","callback":"c9","completion":"ERROR_IO_DEVICE","bytes":0}"#,
];
const ABORTED: &[&str] = &[
    r#"{"lane":"server.agent","callback":"c1","completion":"ERROR_OPERATION_ABORTED","bytes":0}"#,
];
const INTERVAL: &[&str] = &[r#"{"expired":"server.agent"}"#];
const POLL: &[&str] =
    &[r#"{"lane":"primary.main","call":"GetCommand","on":"d1","args":{"timeout":0}}"#];
const DELIVERS: &[&str] = &[
    r#"{"lane":"primary.main","return":"NOERROR","out":{"command":"c1","code":"Flush","size":0,"position":0}}"#,
];
const ALL_WAIT: &[&str] = &[r#"{"blocked":["server.agent"]}"#];
const NONE_WAITS: &[&str] = &[r#"{"blocked":[]}"#];
const SECONDARY_CLOSES: &[&str] = &[
    r#"{"lane":"secondary1.main","call":"Close","on":"x1set"}"#,
    r#"{"lane":"secondary1.main","return":"NOERROR"}"#,
];
const SECONDARY_DIES: &[&str] = &[r#"{"exit":"killed","process":"secondary1"}"#];
const SERVER_DIES: &[&str] = &[r#"{"exit":"killed","process":"server"}"#];
const PRIMARY_CLOSES: &[&str] = &[
    r#"{"lane":"primary.main","call":"Close","on":"cset"}"#,
    r#"{"lane":"primary.main","return":"VD_E_OPEN"}"#,
];

/// The clause that a history of an active set is said to break.
fn broken(parts: &[&[&str]]) -> String {
    let lines: Vec<&str> = ACTIVE.iter().chain(parts.iter().copied().flatten()).copied().collect();
    let text = lines.join("\n");
    let judged = check_reader(text.as_bytes(), &Profile::default());
    match judged.verdict {
        Verdict::Violation(violation) => violation.clause.to_string(),
        other => panic!("{other:?}\n{text}"),
    }
}

#[test]
fn a_time_out_that_never_aborts() {
    let passed = [INTERVAL, INTERVAL].concat();
    assert_eq!(broken(&[SEND, &passed, ALL_WAIT]), "server.time-out.aborts");
}

#[test]
fn a_time_out_that_aborts_too_early() {
    assert_eq!(broken(&[SEND, INTERVAL, ABORTED]), "server.time-out.aborts");
    // What succeeded in between shows that it was no time-out.
    let alive = [SEND, INTERVAL, POLL, DELIVERS].concat();
    assert_eq!(broken(&[&alive, ABORTED]), "agent.callback");
}

#[test]
fn a_part_of_an_interval_that_aborts() {
    let half = [r#"{"expired":"server.agent","after":150}"#];
    assert_eq!(broken(&[SEND, &half, ABORTED]), "server.time-out.aborts");
}

/// A command that comes while its SendCommand is in progress could have come, but as it was
/// sent: that it was not is the cause, and not that the call could have waited on.
#[test]
fn a_command_that_comes_too_soon_to_know_comes_as_it_was_sent() {
    let told = r#""code":"Flush","size":0,"position":0"#;
    let sends = SEND[0].replace(r#""code":"Flush""#, told);
    let as_sent = [
        r#""code":"Flush","size":0,"position":0"#,
        r#""code":"Write","size":0,"position":0"#,
        r#""code":"Flush","size":512,"position":0"#,
        r#""code":"Flush","size":0,"position":4096"#,
    ];
    for timeout in ["0", "\"infinite\"", "1000"] {
        let get = POLL[0].replace("\"timeout\":0", &format!("\"timeout\":{timeout}"));
        for (of, out) in as_sent.iter().enumerate() {
            let comes = format!(
                r#"{{"lane":"primary.main","return":"NOERROR","out":{{"command":"c1",{out}}}}}"#
            );
            let lines = [&*get, &sends, &comes];
            if of > 0 {
                assert_eq!(broken(&[&lines]), "client.get-command.as-sent", "{timeout} {out}");
            } else {
                let all: Vec<&str> = ACTIVE.iter().copied().chain(lines).collect();
                let judged = check_reader(all.join("\n").as_bytes(), &Profile::default());
                assert_eq!(judged.verdict, Verdict::Conformant);
            }
        }
    }
}

/// Nobody has closed: what is not there was not given, or another's Close has taken it.
#[test]
fn a_buffer_that_is_not_where_it_was_given() {
    let allocated = [
        r#"{"lane":"server.main","call":"AllocateBuffer","on":"sset","as":"b1","args":{"size":65536}}"#,
        r#"{"lane":"server.main","return":"NOERROR","out":{"address":65536}}"#,
    ];
    let by = |lane: &str| format!(r#"{{"lane":"{lane}","touch":"b1","found":"gone"}}"#);
    let server = by("server.main");
    assert_eq!(broken(&[&allocated, &[&server]]), "server.allocate-buffer.status");
    let given = [
        r#"{"lane":"server.main","call":"SendCommand","on":"s1","as":"c1","args":{"code":"Write","buffer":"b1","size":512}}"#,
        r#"{"lane":"server.main","return":"NOERROR"}"#,
        r#"{"lane":"primary.main","call":"GetCommand","on":"d1","args":{"timeout":0}}"#,
        r#"{"lane":"primary.main","return":"NOERROR","out":{"command":"c1","code":"Write","size":512,"position":0,"buffer":"b1"}}"#,
    ];
    let primary = by("primary.main");
    assert_eq!(broken(&[&allocated, &given, &[&primary]]), "client.get-command.as-sent");
    let mapped = [
        r#"{"lane":"primary.main","call":"GetBufferHandle","on":"cset","as":"h1","args":{"buffer":"b1"}}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
        r#"{"lane":"secondary1.main","call":"MapBufferHandle","on":"x1set","args":{"handle":"h1"}}"#,
        r#"{"lane":"secondary1.main","return":"NOERROR","out":{"buffer":"b1"}}"#,
    ];
    let secondary = by("secondary1.main");
    let lone = [&allocated[..], &given[..], &mapped[..]].concat();
    assert_eq!(broken(&[&lone, &[&secondary]]), "client.map-buffer-handle.status");
    assert_eq!(broken(&[&lone, SECONDARY_CLOSES, &[&primary]]), "client.close.secondary");
}

#[test]
fn what_is_no_abort_is_taken_for_one() {
    assert_eq!(broken(&[SEND, SECONDARY_CLOSES, ABORTED]), "client.close.secondary");
    assert_eq!(broken(&[SEND, SECONDARY_DIES, ABORTED]), "process.secondary-death");
    // The abort is seen before the call that it came of has returned.
    assert_eq!(broken(&[SEND, &SECONDARY_CLOSES[..1], ABORTED]), "client.close.secondary");
    assert_eq!(broken(&[SEND, ABORTED]), "agent.callback");
}

#[test]
fn what_aborts_goes_unnoticed() {
    assert_eq!(broken(&[SEND, PRIMARY_CLOSES, ALL_WAIT]), "client.close.devices-open.aborts");
    assert_eq!(broken(&[SEND, SERVER_DIES, NONE_WAITS, POLL, DELIVERS]), "process.server-death");
}

#[test]
fn a_send_that_is_refused_without_cause() {
    assert_eq!(broken(&[REFUSED]), "server.send-command.status");
    let failed = [
        SEND,
        POLL,
        DELIVERS,
        &[
            r#"{"lane":"primary.main","call":"CompleteCommand","on":"d1","args":{"command":"c1","code":"ERROR_IO_DEVICE","bytes":0}}"#,
            r#"{"lane":"primary.main","return":"NOERROR"}"#,
            r#"{"lane":"server.agent","callback":"c1","completion":"ERROR_IO_DEVICE","bytes":0}"#,
        ],
    ]
    .concat();
    let other: &[&str] = &[
        r#"{"lane":"server.main","call":"SendCommand","on":"s2","as":"c2","args":{"code":"Flush"}}"#,
        r#"{"lane":"server.main","callback":"c2","completion":"ERROR_IO_DEVICE","bytes":0}"#,
    ];
    assert_eq!(broken(&[&failed, other]), "device.independent");
    let cleared: &[&str] = &[
        r#"{"lane":"server.main","call":"SendCommand","on":"s1","as":"c3","args":{"code":"ClearError"}}"#,
        r#"{"lane":"server.main","return":"NOERROR"}"#,
        r#"{"lane":"primary.main","call":"GetCommand","on":"d1","args":{"timeout":0}}"#,
        r#"{"lane":"primary.main","return":"NOERROR","out":{"command":"c3","code":"ClearError","size":0,"position":0}}"#,
        r#"{"lane":"primary.main","call":"CompleteCommand","on":"d1","args":{"command":"c3","code":"ERROR_SUCCESS","bytes":0}}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
        r#"{"lane":"server.agent","callback":"c3","completion":"ERROR_SUCCESS","bytes":0}"#,
    ];
    assert_eq!(broken(&[&failed, cleared, REFUSED]), "device.error.cleared");
}

#[test]
fn a_call_that_does_not_come_back_breaks_its_own_clause() {
    let stuck: &[&str] = &[
        r#"{"lane":"server.main","call":"SignalAbort","on":"sset"}"#,
        r#"{"blocked":["server.agent","server.main"]}"#,
    ];
    let clause = broken(&[SEND, stuck]);
    assert!(!clause.starts_with("agent."), "{clause}");
}

fn noerror() -> String {
    r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned()
}

/// A command of this name, sent to a device of the set.
fn sent(device: &str, name: &str, code: &str) -> [String; 2] {
    [
        format!(
            r#"{{"lane":"server.main","call":"SendCommand","on":"{device}","as":"{name}","args":{{"code":"{code}"}}}}"#
        ),
        r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned(),
    ]
}

/// A command of this name, delivered by the first device.
fn delivered(name: &str, code: &str) -> [String; 2] {
    [
        POLL[0].to_owned(),
        format!(
            r#"{{"lane":"primary.main","return":"NOERROR","out":{{"command":"{name}","code":"{code}","size":0,"position":0}}}}"#
        ),
    ]
}

/// A completion of the first device, called back or not.
fn completed(name: &str, code: &str, called_back: bool) -> Vec<String> {
    let mut lines = vec![
        format!(
            r#"{{"lane":"primary.main","call":"CompleteCommand","on":"d1","args":{{"command":"{name}","code":"{code}","bytes":0}}}}"#
        ),
        r#"{"lane":"primary.main","return":"NOERROR"}"#.to_owned(),
    ];
    if called_back {
        lines.push(format!(
            r#"{{"lane":"server.agent","callback":"{name}","completion":"{code}","bytes":0}}"#
        ));
    }
    lines
}

/// The clause that a history made of such parts breaks.
fn broken_by(parts: &[&[String]]) -> String {
    let lines: Vec<&str> = parts.iter().flat_map(|part| part.iter()).map(String::as_str).collect();
    broken(&[&lines])
}

#[test]
fn what_has_not_to_be_delivered() {
    let c1 = sent("s1", "c1", "Flush");
    let d1 = delivered("c1", "Flush");
    let order = "client.get-command.delivers";
    // Again: while the client has it, when it has completed it, when it was called back.
    assert_eq!(broken_by(&[&c1, &d1, &d1]), order);
    let ends = completed("c1", "ERROR_SUCCESS", false);
    assert_eq!(broken_by(&[&c1, &d1, &ends, &d1]), order);
    let ends = completed("c1", "ERROR_SUCCESS", true);
    assert_eq!(broken_by(&[&c1, &d1, &ends, &d1]), order);
    // Of another device.
    assert_eq!(broken_by(&[&sent("s2", "c1", "Flush"), &d1]), order);
    // Before it was sent.
    assert_eq!(broken_by(&[&d1, &c1]), "client.get-command.timeout");
    // In the error state: what was queued, and the ClearError that has to wait.
    let c2 = sent("s1", "c2", "Flush");
    let fails = completed("c1", "ERROR_IO_DEVICE", false);
    let d2 = delivered("c2", "Flush");
    assert_eq!(broken_by(&[&c1, &c2, &d1, &fails, &d2]), "device.error.queue");
    let both = [&c1[..], &c2[..], &d1[..], &d2[..], &fails[..]].concat();
    let told =
        [r#"{"lane":"server.agent","callback":"c1","completion":"ERROR_IO_DEVICE","bytes":0}"#
            .to_owned()];
    let clears = [sent("s1", "c3", "ClearError"), delivered("c3", "ClearError")].concat();
    assert_eq!(broken_by(&[&both, &told, &clears]), "device.error.clear-error-waits");
}

#[test]
fn a_command_that_is_accepted_and_had_to_be_refused() {
    let (c1, c2) = (sent("s1", "c1", "Flush"), sent("s1", "c2", "Flush"));
    let fails = completed("c1", "ERROR_IO_DEVICE", true);
    let failed = [&c1[..], &delivered("c1", "Flush")[..], &fails[..]].concat();
    assert_eq!(broken_by(&[&failed, &c2]), "server.send-command.io-error");
    let closed = [r#"{"lane":"server.main","call":"CloseDevice","on":"s1"}"#.to_owned(), noerror()];
    assert_eq!(broken_by(&[&closed, &c1]), "server.send-command.phase");
    // The same beside a call that may have come before it or after it.
    let abort = [
        r#"{"lane":"primary.main","call":"SignalAbort","on":"cset"}"#.to_owned(),
        r#"{"lane":"primary.main","return":"NOERROR"}"#.to_owned(),
    ];
    let failure = [c1[0].clone(), r#"{"lane":"server.main","return":"VD_E_ABORT"}"#.to_owned()];
    let overlap = [&abort[..1], &failure[..1], &abort[1..], &failure[1..]].concat();
    assert_eq!(broken_by(&[&overlap]), "server.send-command.error-callback");
}

#[test]
fn a_device_in_error_is_not_blamed_for_every_refusal() {
    let c1 = sent("s1", "c1", "Flush");
    let fails = completed("c1", "ERROR_IO_DEVICE", true);
    let failed = [&c1[..], &delivered("c1", "Flush")[..], &fails[..]].concat();
    let refused = |code: &str| {
        let send = sent("s2", "c2", "Flush")[0].clone();
        let callback =
            format!(r#"{{"lane":"server.main","callback":"c2","completion":"{code}","bytes":0}}"#);
        broken_by(&[&failed, &[send, callback]])
    };
    assert_eq!(refused("ERROR_IO_DEVICE"), "device.independent");
    assert_eq!(refused("ERROR_NO_SYSTEM_RESOURCES"), "server.send-command.status");
}

#[test]
fn a_callback_that_is_lost_or_comes_too_soon() {
    let c1 = sent("s1", "c1", "Flush");
    let (d1, ends) = (delivered("c1", "Flush"), completed("c1", "ERROR_SUCCESS", false));
    let mut closed = Vec::new();
    for device in ["s1", "s2"] {
        closed.push(format!(r#"{{"lane":"server.main","call":"CloseDevice","on":"{device}"}}"#));
        closed.push(noerror());
    }
    for device in ["d1", "d2"] {
        closed.push(format!(
            r#"{{"lane":"primary.main","call":"GetCommand","on":"{device}","args":{{"timeout":0}}}}"#
        ));
        closed.push(r#"{"lane":"primary.main","return":"VD_E_CLOSE"}"#.to_owned());
    }
    closed.push(r#"{"lane":"primary.main","call":"Close","on":"cset"}"#.to_owned());
    closed.push(r#"{"lane":"primary.main","return":"NOERROR"}"#.to_owned());
    let returns = [r#"{"lane":"server.agent","return":"NOERROR"}"#.to_owned()];
    assert_eq!(broken_by(&[&c1, &d1, &ends, &closed, &returns]), "agent.callback");
    // A second one while the first is being executed.
    let c2 = sent("s1", "c2", "Flush");
    let held = [
        r#"{"lane":"server.agent","callback":"c1","completion":"ERROR_SUCCESS","bytes":0,"held":true}"#,
        r#"{"lane":"server.agent","callback":"c2","completion":"ERROR_SUCCESS","bytes":0}"#,
    ]
    .map(str::to_owned);
    let both = [&c1[..], &d1[..], &ends[..], &c2[..], &delivered("c2", "Flush")[..]].concat();
    let ends = completed("c2", "ERROR_SUCCESS", false);
    assert_eq!(broken_by(&[&both, &ends, &held]), "agent.callback.lane");
}

/// A device of the active set has its Flush.
const FLUSHED: [&[&str]; 3] = [SEND, POLL, DELIVERS];

#[test]
fn what_the_client_completed_was_not_thrown_out_of_a_queue() {
    let completes: &[&str] = &[
        r#"{"lane":"primary.main","call":"CompleteCommand","on":"d1","args":{"command":"c1","code":"ERROR_IO_DEVICE","bytes":0}}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
    ];
    let other: &[&str] =
        &[r#"{"lane":"server.agent","callback":"c1","completion":"ERROR_WRITE_FAULT","bytes":0}"#];
    let parts = [&FLUSHED[..], &[completes, other]].concat();
    assert_eq!(broken(&parts), "agent.callback");
}

/// What was expected and what was got, of the first violation.
fn told(parts: &[&[&str]]) -> (String, String) {
    let text = [ACTIVE, &parts.concat()].concat().join("\n");
    let judged = check_reader(text.as_bytes(), &Profile::default());
    let Verdict::Violation(violation) = judged.verdict else { panic!("{judged:?}\n{text}") };
    (violation.expected[0].what.clone(), violation.got)
}

#[test]
fn what_differs_is_told() {
    let size: &[&str] = &[
        r#"{"lane":"primary.main","return":"NOERROR","out":{"command":"c1","code":"Flush","size":512,"position":0}}"#,
    ];
    let sized: &[&str] = &[
        r#"{"lane":"server.main","call":"SendCommand","on":"s1","as":"c1","args":{"code":"Flush","size":0,"position":0}}"#,
        r#"{"lane":"server.main","return":"NOERROR"}"#,
    ];
    let (expected, got) = told(&[sized, POLL, size]);
    assert_eq!(expected, "returns NOERROR with c1, Flush, size 0, position 0");
    assert_eq!(got, "primary.main returns NOERROR with c1, Flush, size 512, position 0");

    let shared: &[&str] = &[
        r#"{"lane":"server.main","call":"IsSharedBuffer","on":"sset","args":{"buffer":null}}"#,
        r#"{"lane":"server.main","return":"NOERROR","out":{"shared":true}}"#,
    ];
    let (expected, got) = told(&[shared]);
    assert_eq!(expected, "returns false");
    assert_eq!(got, "server.main returns NOERROR, shared true");

    let completes: &[&str] = &[
        r#"{"lane":"primary.main","call":"CompleteCommand","on":"d1","args":{"command":"c1","code":"ERROR_SUCCESS","bytes":0,"position":7}}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
    ];
    let position: &[&str] = &[
        r#"{"lane":"server.agent","callback":"c1","completion":"ERROR_SUCCESS","bytes":0,"position":9}"#,
    ];
    let (expected, got) = told(&[&FLUSHED[..], &[completes, position]].concat());
    assert_eq!(expected, "callback of c1 with ERROR_SUCCESS, bytes 0, on server.agent, position 7");
    assert_eq!(got, "callback of c1 with ERROR_SUCCESS on server.agent, position 9");
}
