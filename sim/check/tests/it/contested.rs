//! Answers on which the documents disagree: a violation that names the reading under which it
//! would be none, and conformant under that; of a whole history, and of its client's half.

use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::{Clause, Party, Profile, ProfileFile, QUESTIONS};

/// The default, with one question read otherwise.
fn reading(question: &str, reading: &str) -> Profile {
    let file = format!(r#"{{"readings":{{"{question}":"{reading}"}}}}"#);
    let file: ProfileFile = serde_json::from_str(&file).expect("a profile");
    Profile::from_file(&file).expect("a sound profile")
}

/// Both sides have opened the only device of a set; then these calls, each with what it returns.
fn whole(calls: &[(&str, &str)]) -> String {
    let mut text = String::from("{\"vdi\":\"trace/1\"}\n");
    let opened = [
        (
            r#""lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#,
            "NOERROR",
        ),
        (r#""lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}"#, "NOERROR"),
        (
            r#""lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"alignment":4096,"maxTransferSize":65536,"features":["WriteMedia"]}"#,
            "NOERROR",
        ),
    ];
    for (call, status) in opened.iter().chain(calls) {
        let lane = call.split("\",").next().expect("a lane");
        text.push_str(&format!("{{{call}}}\n{{{lane}\",\"return\":\"{status}\"}}\n"));
    }
    text
}

/// What the client alone has seen of it.
fn half(whole: &str) -> String {
    let seen = whole.lines().skip(1).filter(|line| line.contains("primary."));
    let head = r#"{"vdi":"trace/1","unseen":["server"]}"#;
    std::iter::once(head).chain(seen).map(|line| format!("{line}\n")).collect()
}

fn judge(text: &str, profile: &Profile) -> Judged {
    let judged = check_reader(text.as_bytes(), profile);
    assert_eq!(judged.error, None, "{text}");
    judged
}

/// The interface is blamed by this clause, which this reading would excuse.
fn blamed(text: &str, clause: Clause, question: &str, other: &str) {
    let mut judged = judge(text, &Profile::default());
    let again = |profile: &Profile| Ok::<_, ()>(judge(text, profile));
    judged.name_readings(&Profile::default(), again).expect("it is judged again");
    let Verdict::Violation(found) = judged.verdict else { panic!("{text}") };
    assert_eq!((found.clause, found.party), (clause, Party::Interface), "{text}");
    let otherwise: Vec<String> = found.otherwise.iter().map(ToString::to_string).collect();
    assert_eq!(otherwise, [format!("{question}={other}")], "{text}");
    let excused = judge(text, &reading(question, other)).verdict;
    assert_eq!(excused, Verdict::Conformant, "{text}");
}

const END: (&str, &str) =
    (r#""lane":"server.main","call":"EndConfiguration","on":"sset""#, "NOERROR");
const TOLD: (&str, &str) = (
    r#""lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":0}"#,
    "NOERROR",
);
const OPENS: (&str, &str) = (
    r#""lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev1","args":{"name":"S"}"#,
    "NOERROR",
);
const SERVER_OPENS: (&str, &str) = (
    r#""lane":"server.main","call":"OpenDevice","on":"sset","as":"sdev1","args":{"name":"S"}"#,
    "NOERROR",
);
const CLIENT_ABORTS: (&str, &str) =
    (r#""lane":"primary.main","call":"SignalAbort","on":"cset""#, "NOERROR");
const SERVER_ABORTS: (&str, &str) =
    (r#""lane":"server.main","call":"SignalAbort","on":"sset""#, "NOERROR");
const CLIENT_CLOSE: &str = r#""lane":"primary.main","call":"Close","on":"cset""#;
const SERVER_CLOSE: &str = r#""lane":"server.main","call":"Close","on":"sset""#;

#[test]
fn close_of_the_server_after_an_abort() {
    for aborts in [CLIENT_ABORTS, SERVER_ABORTS] {
        let text = whole(&[END, SERVER_OPENS, aborts, (SERVER_CLOSE, "VD_E_PROTOCOL")]);
        let question = "server-close-after-abort";
        blamed(&text, Clause::ServerCloseStatus, question, "protocol-error");
    }
    // Without a device open no reading excuses it.
    let text = whole(&[END, SERVER_ABORTS, (SERVER_CLOSE, "VD_E_PROTOCOL")]);
    let strict = reading("server-close-after-abort", "protocol-error");
    assert!(matches!(judge(&text, &strict).verdict, Verdict::Violation(_)));
}

#[test]
fn close_of_the_client_after_an_abort() {
    let question = "client-close-after-abort";
    let calls = [END, TOLD, OPENS, CLIENT_ABORTS, (CLIENT_CLOSE, "VD_E_OPEN")];
    let text = whole(&calls);
    blamed(&text, Clause::ClientCloseStatus, question, "open-error");
    let seen = half(&text.replace("\"NOERROR\"}\n{\"lane\":\"primary.main\",\"call\":\"OpenDevice", 
        "\"NOERROR\",\"out\":{\"config\":{\"deviceCount\":1,\"features\":[\"WriteMedia\"],\"alignment\":4096,\"blockSize\":512,\"maxIODepth\":4,\"maxTransferSize\":65536,\"bufferAreaSize\":262144}}}\n{\"lane\":\"primary.main\",\"call\":\"OpenDevice"));
    blamed(&seen, Clause::ClientCloseStatus, question, "open-error");
    let text = whole(&[END, TOLD, CLIENT_ABORTS, (CLIENT_CLOSE, "VD_E_OPEN")]);
    let strict = reading(question, "open-error");
    assert!(matches!(judge(&text, &strict).verdict, Verdict::Violation(_)));
}

#[test]
fn who_moves_the_client_to_initializing() {
    let question = "client-initializing";
    let text = whole(&[END, OPENS]);
    blamed(&text, Clause::ClientOpenDevicePhase, question, "end-configuration");
    blamed(&half(&text), Clause::ClientOpenDevicePhase, question, "end-configuration");
    // Before the server has configured no reading excuses it.
    let other = reading(question, "end-configuration");
    let text = whole(&[OPENS, END]);
    assert!(matches!(judge(&text, &other).verdict, Verdict::Violation(_)));
    // Nor may it be refused then; the client is not at fault.
    let text = whole(&[END, (OPENS.0, "VD_E_PROTOCOL")]);
    assert_eq!(judge(&text, &Profile::default()).verdict, Verdict::Conformant);
    assert!(!judge(&text, &Profile::default()).findings.is_empty());
    let judged = judge(&text, &other);
    let Verdict::Violation(found) = judged.verdict else { panic!("{text}") };
    assert_eq!(found.party, Party::Interface);
    assert_eq!(judged.findings, []);
}

/// An alignment of 0 and the basic one ask for one kind of buffers, whoever says it how.
#[test]
fn alignments_of_one_kind() {
    let call = |function: &str, alignment: u32, rest: &str| {
        format!(
            r#""lane":"server.main","call":"{function}","on":"sset"{rest},"args":{{"size":65536,"alignment":{alignment}"#
        )
    };
    for (asked, sought, same) in
        [(0, 4096, true), (4096, 0, true), (0, 0, true), (0, 8192, false), (8192, 4096, false)]
    {
        let request = call("RequestBuffers", asked, "") + r#","count":2}"#;
        let allocate = call("AllocateBuffer", sought, r#","as":"b1""#) + "}";
        for (status, allowed) in [("NOERROR", true), ("VD_E_MEMORY", !same)] {
            let calls = [(request.as_str(), "NOERROR"), END, (allocate.as_str(), status)];
            let text = whole(&calls);
            let verdict = judge(&text, &Profile::default()).verdict;
            assert_eq!(verdict == Verdict::Conformant, allowed, "{text}{verdict:?}");
            if let Verdict::Violation(found) = verdict {
                let understood = asked != sought;
                let clause = match understood {
                    true => Clause::ServerRequestBuffersBasicAlignment,
                    false => Clause::ServerAllocateBufferRequested,
                };
                assert_eq!((found.clause, found.party), (clause, Party::Interface), "{text}");
            }
        }
    }
}

/// The server closes a device of which the client holds a command, and has been told so: whether
/// it can be completed still is contested, so that who tries, and is refused, breaks nothing.
#[test]
fn what_is_held_when_the_device_is_closed() {
    const AGENT: &str =
        "{\"lane\":\"server.agent\",\"call\":\"ExecuteCompletionAgent\",\"on\":\"sset\"}\n";
    const GETS: &str =
        r#""lane":"primary.main","call":"GetCommand","on":"cdev1","args":{"timeout":0}"#;
    const CLOSES: (&str, &str) =
        (r#""lane":"server.main","call":"CloseDevice","on":"sdev1""#, "NOERROR");
    let sends = r#""lane":"server.main","call":"SendCommand","on":"sdev1","as":"c1","args":{"code":"Flush"}"#;
    let begun = [END, TOLD, OPENS, SERVER_OPENS, (sends, "NOERROR"), (GETS, "NOERROR")];
    let completes = r#""lane":"primary.main","call":"CompleteCommand","on":"cdev1","args":{"command":"c1","code":"ERROR_SUCCESS"}"#;
    let calls = |end: &[(&str, &str)]| {
        let told = [CLOSES, (GETS, "VD_E_CLOSE")];
        let all = begun.iter().chain(&told).chain(end).copied();
        let text = whole(&all.collect::<Vec<_>>());
        let at = text.find("{\"lane\":\"server.main\",\"call\":\"SendCommand").expect("sent");
        let (before, after) = text.split_at(at);
        let returns = r#"{"lane":"primary.main","return":"NOERROR"}"#;
        let given = r#"{"lane":"primary.main","return":"NOERROR","out":{"command":"c1"}}"#;
        let first = format!("{{{GETS}}}\n");
        let after = after.replacen(&format!("{first}{returns}"), &format!("{first}{given}"), 1);
        format!("{before}{AGENT}{after}")
    };
    let found = |text: &str, profile: &Profile| {
        let judged = judge(text, profile);
        assert_eq!(judged.verdict, Verdict::Conformant, "{text}");
        judged.findings.iter().map(|finding| finding.clause).collect::<Vec<_>>()
    };
    let question = "complete-after-close-seen";
    for (status, profile) in [("VD_E_PROTOCOL", "protocol-error"), ("NOERROR", "noerror")] {
        let profile = reading(question, profile);
        assert_eq!(found(&calls(&[(completes, status)]), &profile), []);
    }
    let silent = calls(&[(CLIENT_CLOSE, "NOERROR")]);
    for other in ["protocol-error", "noerror"] {
        let each = [Clause::ClientCompleteCommandEach];
        assert_eq!(found(&silent, &reading(question, other)), each);
    }
}

/// The client's half of a backup of one Write, as its recorder has written it.
const HALF: &str = r#"{"vdi":"trace/1","unseen":["server"]}
{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}
{"lane":"primary.main","return":"NOERROR","out":{"config":{"deviceCount":1,"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":262144}}}
{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"d1","args":{"name":"S"}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","call":"GetCommand","on":"d1","args":{"timeout":"infinite"}}
{"lane":"primary.main","return":"NOERROR","out":{"command":"c1","code":"Write","size":65536,"buffer":"b1"}}
{"lane":"primary.main","call":"CompleteCommand","on":"d1","args":{"command":"c1","code":"ERROR_SUCCESS","bytes":65536}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","call":"GetCommand","on":"d1","args":{"timeout":"infinite"}}
{"lane":"primary.main","return":"VD_E_CLOSE"}
{"lane":"primary.main","call":"Close","on":"cset"}
{"lane":"primary.main","return":"NOERROR"}
"#;

/// A server that was not seen does what it may under whatever reading: it allocates its buffers
/// so that no reading refuses them.
#[test]
fn half_of_a_backup_is_conformant_under_every_reading() {
    for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
        let mut profile = Profile::default();
        profile.choose(reading);
        let judged = check_reader(HALF.as_bytes(), &profile);
        assert_eq!(judged.verdict, Verdict::Conformant, "{reading}");
        assert!(judged.findings.is_empty(), "{reading}: {:?}", judged.findings);
    }
}
