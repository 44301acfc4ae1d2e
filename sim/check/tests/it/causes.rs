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
