//! What is still in progress at the end; what cannot be judged; half a history.

use vdi_check::{Checker, Judged, Verdict, Why, ask, check_reader, check_reader_with, exit_code};
use vdi_spec::clauses::{Party, Profile};
use vdi_trace::{Event, Trace};

const PARTIES: [Party; 3] = [Party::Interface, Party::Server, Party::Client];

const HEADER: &str = "{\"vdi\":\"trace/1\"}\n";
const CREATE: &str = r#"{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1}}}
{"lane":"primary.main","return":"NOERROR"}
"#;
const WAITS: &str = r#"{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}
"#;
const WAITS_TOO: &str = r#"{"lane":"primary.t2","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}
"#;
const CONFIGURED: &str = r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.main","call":"EndConfiguration","on":"sset"}
{"lane":"server.main","return":"NOERROR"}
"#;

fn judged(text: &str) -> Judged {
    check_reader(text.as_bytes(), &Profile::default())
}

fn at_rest(text: &str) -> Judged {
    check_reader_with(text.as_bytes(), &Profile::default(), Checker::ending_at_rest)
}

#[test]
fn a_call_that_had_to_end_is_named() {
    let text = format!("{HEADER}{CREATE}{WAITS}{CONFIGURED}");
    let open = judged(&text).in_progress;
    assert_eq!(open.len(), 1);
    assert!(open[0].had_to, "{open:?}");
    assert_eq!((open[0].line, open[0].call.as_str()), (4, "GetConfiguration"));
    assert_eq!(judged(&text).exit_code(&PARTIES), exit_code::CONFORMANT);
    let Verdict::Violation(violation) = at_rest(&text).verdict else { panic!("it has to end") };
    assert_eq!(violation.clause.to_string(), "client.get-configuration.status");
}

#[test]
fn a_call_that_may_wait_is_named_and_right() {
    let text = format!("{HEADER}{CREATE}{WAITS}");
    for judged in [judged(&text), at_rest(&text)] {
        assert_eq!(judged.verdict, Verdict::Conformant);
        assert_eq!(judged.in_progress.len(), 1);
        assert!(!judged.in_progress[0].had_to);
        assert!(judged.in_progress[0].to_string().contains("EndConfiguration"));
    }
}

/// These lines, each written so many milliseconds after the one before.
fn timed(text: &str, each: u64) -> String {
    let with = |(number, line): (usize, &str)| match number {
        0 => format!("{line}\n"),
        _ => {
            let elapsed = 7_000 + number as u64 * each;
            format!("{},\"elapsed\":{elapsed}}}\n", line.strip_suffix('}').expect("an object"))
        }
    };
    text.lines().enumerate().map(with).collect()
}

/// How long it has waited is said; nothing else depends on it.
#[test]
fn how_long_a_call_has_waited_is_said() {
    let unseen = HEADER.replace("}\n", ",\"unseen\":[\"server\"]}\n");
    for header in [HEADER, &unseen] {
        let text = format!("{header}{CREATE}{WAITS}{WAITS_TOO}");
        let later = timed(&text, 20 * 60 * 1000);
        let (plain, told) = (judged(&text), judged(&later));
        assert_eq!(plain.verdict, told.verdict);
        let waited: Vec<_> = told.in_progress.iter().map(|call| call.waited).collect();
        assert_eq!(waited, [Some(1_200_000), Some(0)]);
        let said = told.in_progress[0].to_string();
        assert!(said.contains("since line 4, for 20 min: it is ended by"), "{said}");
        assert!(plain.in_progress.iter().all(|call| call.waited.is_none()));
        let read = |text: &str| Trace::read(text.as_bytes()).expect("a trace");
        assert_eq!(read(&text).events, read(&later).events);
    }
}

/// Of two that wait one is woken.
#[test]
fn the_waiter_that_is_forgotten_is_noticed() {
    let woken = r#"{"lane":"primary.t2","return":"NOERROR"}"#;
    let text = format!("{HEADER}{CREATE}{WAITS}{WAITS_TOO}{CONFIGURED}{woken}\n");
    let open = judged(&text).in_progress;
    assert_eq!(open.len(), 1);
    assert!(open[0].had_to && open[0].lane == "primary.main", "{open:?}");
    assert!(matches!(at_rest(&text).verdict, Verdict::Violation(_)));
    let both = format!("{text}{}\n", woken.replace("t2", "main"));
    assert_eq!(at_rest(&both).verdict, Verdict::Conformant);
    assert_eq!(judged(&both).in_progress, []);
}

/// Each whom a death concerns may tell it; who has ended does nothing more.
#[test]
fn a_death_may_be_told_by_several() {
    let dies = "{\"process\":\"server\",\"exit\":\"killed\"}\n";
    let aborted = "{\"lane\":\"primary.main\",\"return\":\"VD_E_ABORT\"}\n";
    let text = format!("{HEADER}{CREATE}{WAITS}{CONFIGURED}{dies}{dies}{aborted}");
    let once = format!("{HEADER}{CREATE}{WAITS}{CONFIGURED}{dies}{aborted}");
    assert_eq!(judged(&text).verdict, judged(&once).verdict);
    assert!(judged(&text).error.is_none());
    let normal = format!("{once}{}", dies.replace("killed", "normal"));
    assert!(judged(&normal).error.is_some());
}

#[test]
fn nothing_is_not_conformant() {
    for text in ["", HEADER, "nonsense\n", "{\"vdi\":\"trace/9\"}\n"] {
        let judged = judged(text);
        assert!(matches!(judged.verdict, Verdict::Unreadable { .. }), "{text}: {judged:?}");
        assert_eq!(judged.exit_code(&PARTIES), exit_code::BAD_INPUT);
    }
    let cut = format!("{HEADER}{CREATE}{{\"lane\":\"prim");
    assert!(matches!(judged(&cut).verdict, Verdict::Unreadable { .. }));
}

#[test]
fn a_test_is_told_what_the_command_prints() {
    judged(&format!("{HEADER}{CREATE}")).assert_conformant();
    let panics = |text: &str| {
        let judged = judged(text);
        let panic = std::panic::catch_unwind(|| judged.assert_conformant()).expect_err("it fails");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    assert!(panics(HEADER).contains("no event"));
    let close = "{\"lane\":\"server.main\",\"call\":\"Close\",\"on\":\"sset\"}\n";
    let wrong = format!("{HEADER}{close}{{\"lane\":\"server.main\",\"return\":\"NOERROR\"}}\n");
    assert!(panics(&wrong).contains("server.close.not-open"));
}

/// How a file is written makes no difference, but UTF-16 is none.
#[test]
fn how_lines_end_and_a_file_begins() {
    let plain = format!("{HEADER}{CREATE}");
    for text in [
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        format!("\n\r\n{}\n \n", plain.replace('\n', "\n\n")),
        plain.trim_end().to_owned(),
    ] {
        let judged = judged(&text);
        assert_eq!((judged.verdict, judged.error), (Verdict::Conformant, None), "{text:?}");
        let trace = Trace::read(text.as_bytes()).expect("the same rule");
        assert_eq!(trace.events.len(), 2);
    }
    for (mark, little) in [(true, true), (true, false), (false, true), (false, false)] {
        let units = plain.encode_utf16().flat_map(|unit| match little {
            true => unit.to_le_bytes(),
            false => unit.to_be_bytes(),
        });
        let mark: &[u8] = match (mark, little) {
            (false, _) => &[],
            (true, true) => &[0xFF, 0xFE],
            (true, false) => &[0xFE, 0xFF],
        };
        let bytes: Vec<u8> = mark.iter().copied().chain(units).collect();
        let error = check_reader(bytes.as_slice(), &Profile::default()).error.expect("refused");
        assert!(error.message.contains("UTF-16"), "{error:?}");
        assert_eq!(Trace::read(bytes.as_slice()).expect_err("the same rule"), error);
    }
    let seq = plain.replace("\"lane\"", "\"seq\":1,\"lane\"");
    let error = judged(&seq).error.expect("the same number twice");
    assert_eq!(Trace::read(seq.as_bytes()).expect_err("the same rule"), error);
}

const GIVEN: &str = r#"{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":10000}}
{"lane":"primary.main","return":"NOERROR","out":{"config":{"deviceCount":1,"features":["WriteMedia"],"alignment":512,"blockSize":512,"maxIODepth":4,"maxTransferSize":65536,"bufferAreaSize":262144}}}
"#;
const UNSEEN: &str = "{\"vdi\":\"trace/1\",\"unseen\":[\"server\"]}\n";

#[test]
fn a_side_that_is_missing_is_recognised() {
    let half = format!("{CREATE}{GIVEN}");
    let hint = judged(&format!("{HEADER}{half}")).hint().expect("nothing of the server");
    assert!(hint.contains("\"unseen\": [\"server\"]"), "{hint}");
    assert_eq!(judged(&format!("{UNSEEN}{half}")).hint(), None);
    judged(&format!("{UNSEEN}{half}")).assert_conformant();
}

#[test]
fn what_the_unseen_server_set_has_to_be_told() {
    for field in ["blockSize", "maxTransferSize"] {
        let value = if field == "blockSize" { "512" } else { "65536" };
        let given = GIVEN.replace(&format!("\"{field}\":{value},"), "");
        let judged = judged(&format!("{UNSEEN}{CREATE}{given}"));
        let error = judged.error.expect("not known");
        assert!(error.message.contains(field), "{error:?}");
        assert_eq!(error.line, 5);
    }
}

#[test]
fn half_a_history_is_asked_as_it_is_judged() {
    let history = format!("{UNSEEN}{CREATE}{GIVEN}");
    let trace = Trace::read(history.as_bytes()).expect("a trace");
    let open =
        r#"{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"d","args":{"name":"S"}}"#;
    let call: Event<'_> = serde_json::from_str(open).expect("a call");
    let asked = ask(&trace, &Profile::default(), &call).expect("it can be asked");
    let statuses: Vec<String> = asked
        .outcomes
        .iter()
        .filter_map(|outcome| outcome.status.map(|status| status.to_string()))
        .collect();
    for status in ["NOERROR", "VD_E_ABORT", "VD_E_CLOSE"] {
        let text =
            format!("{history}{open}\n{{\"lane\":\"primary.main\",\"return\":\"{status}\"}}\n");
        let allowed = judged(&text).verdict == Verdict::Conformant;
        assert_eq!(statuses.iter().any(|one| one == status), allowed, "{status}: {statuses:?}");
    }
}

/// A set that is configured at `configured` milliseconds, while a client has waited for that
/// since 0; it returns at `returned`.
fn waits(configured: u64, returned: u64) -> String {
    let event = |at: u64, what: &str| format!("{{{what},\"elapsed\":{at}}}\n");
    let server = |at: u64, call: &str| {
        let done = r#""lane":"server.main","return":"NOERROR""#;
        event(at, &format!(r#""lane":"server.main","call":{call}"#)) + &event(at, done)
    };
    let limits = r#"{"blockSize":512,"maxTransferSize":65536}"#;
    let waits = r#""lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}"#;
    [
        "{\"vdi\":\"trace/1\"}\n".to_owned(),
        event(0, r#""lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#),
        event(0, r#""lane":"primary.main","return":"NOERROR""#),
        event(0, waits),
        server(configured, r#""Open","on":"sset","args":{"name":"S"}"#),
        server(configured, &format!(r#""BeginConfiguration","on":"sset","args":{limits}"#)),
        server(configured, r#""EndConfiguration","on":"sset""#),
        event(returned, r#""lane":"primary.main","return":"NOERROR""#),
    ]
    .concat()
}

fn within(text: &str, milliseconds: u64) -> Verdict {
    let judged = check_reader_with(text.as_bytes(), &Profile::default(), |checker| {
        checker.ending_calls_within(milliseconds)
    });
    judged.verdict
}

/// Time decides where that is asked for: it counts from when nothing keeps a call any more, and
/// not while it waits.
#[test]
fn a_call_that_nothing_keeps_ends_in_time_if_that_is_asked() {
    const MINUTES: u64 = 60_000;
    let soon = waits(20 * MINUTES, 20 * MINUTES + 900);
    let late = waits(20 * MINUTES, 40 * MINUTES);
    for text in [&soon, &late] {
        let judged = check_reader(text.as_bytes(), &Profile::default());
        assert_eq!(judged.verdict, Verdict::Conformant, "not asked: {text}");
    }
    assert_eq!(within(&soon, 1_000), Verdict::Conformant, "{soon}");
    let Verdict::Violation(violation) = within(&late, 1_000) else { panic!("{late}") };
    assert_eq!(violation.clause.to_string(), "client.get-configuration.status");
    assert_eq!(violation.call.as_deref(), Some("GetConfiguration by primary.main"));
    assert!(violation.got.contains("1200000 ms"), "{}", violation.got);
    // What nobody timed cannot be in time.
    let untimed = late.replace(",\"elapsed\":", ",\"seq\":");
    let untimed = untimed.lines().map(|line| match line.split_once(",\"seq\":") {
        Some((event, _)) => format!("{event}}}\n"),
        None => format!("{line}\n"),
    });
    let untimed = within(&untimed.collect::<String>(), 1_000);
    assert!(matches!(untimed, Verdict::Unreadable { .. }), "{untimed:?}");
}

/// A call with a time-out has to end when that has passed.
#[test]
fn a_time_out_that_has_passed_ends_its_call_in_time() {
    let passes = |timeout: &str, at: u64| {
        let all = waits(0, 0).replace("\"infinite\"", timeout);
        let first = all.split("{\"lane\":\"server.main\"").next().expect("what is before");
        let timed_out = r#"{"lane":"primary.main","return":"VD_E_TIMEOUT","#;
        format!("{first}{timed_out}\"elapsed\":{at}}}\n")
    };
    for (timeout, at, sound) in [
        ("1000", 1_000, true),
        ("1000", 1_900, true),
        ("1000", 50_000, false),
        ("0", 900, true),
        ("0", 50_000, false),
        ("60000", 50_000, true),
    ] {
        let text = passes(timeout, at);
        match within(&text, 1_000) {
            Verdict::Conformant => assert!(sound, "{text}"),
            Verdict::Violation(violation) => {
                assert!(!sound, "{text}");
                assert_eq!(violation.clause.to_string(), "client.get-configuration.timeout");
            }
            other => panic!("{other:?}\n{text}"),
        }
    }
}

/// What no server can have sent is the interface's fault: a command after an abort, one in the
/// error state, one that is held already.
#[test]
fn what_no_unseen_server_can_have_sent() {
    let opened = r#"{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"d","args":{"name":"S"}}
{"lane":"primary.main","return":"NOERROR"}
"#;
    let given = |command: &str, buffer: &str| {
        format!(
            r#"{{"lane":"primary.main","call":"GetCommand","on":"d","args":{{"timeout":"infinite"}}}}
{{"lane":"primary.main","return":"NOERROR","out":{{"command":"{command}","code":"Write","size":65536,"buffer":"{buffer}"}}}}
"#
        )
    };
    let abort = r#"{"lane":"primary.main","call":"SignalAbort","on":"cset"}
{"lane":"primary.main","return":"NOERROR"}
"#;
    let fails = r#"{"lane":"primary.main","call":"CompleteCommand","on":"d","args":{"command":"c1","code":"ERROR_WRITE_FAULT","bytes":0}}
{"lane":"primary.main","return":"NOERROR"}
"#;
    let one = given("c1", "b1");
    let told = |rest: &str| judged(&format!("{UNSEEN}{CREATE}{GIVEN}{opened}{rest}"));
    told(&one).assert_conformant();
    let wrong = [
        (format!("{abort}{one}"), "abort.no-delivery"),
        (format!("{one}{fails}{}", given("c3", "b2")), "device.error.queue"),
        (format!("{one}{one}"), "client.get-command.delivers"),
    ];
    for (rest, clause) in wrong {
        let judged = told(&rest);
        assert_eq!(judged.error, None, "{rest}");
        let Verdict::Violation(violation) = &judged.verdict else { panic!("{rest}{judged:?}") };
        let found = (violation.party, violation.clause.info().id);
        assert_eq!(found, (Party::Interface, clause), "{rest}");
    }
}

/// A server by itself opens a set that a client made: of that nothing can be said without it.
#[test]
fn a_server_by_itself_is_not_judged() {
    let unseen = "{\"vdi\":\"trace/1\",\"unseen\":[\"client\"]}\n";
    let told = judged(&format!("{unseen}{CONFIGURED}"));
    assert!(matches!(told.verdict, Verdict::Inconclusive(_)), "{told:?}");
    assert_eq!(told.exit_code(&PARTIES), 2);
    let hint = judged(&format!("{HEADER}{CONFIGURED}")).hint().expect("no client");
    assert!(hint.contains("vdi join"), "{hint}");
}

/// Where clients of other processes alone were not seen, the server is the one that was: what
/// those who were seen explain is conformant, and the rest is nobody's.
#[test]
fn clients_in_other_processes_that_were_not_seen() {
    let unseen = "{\"vdi\":\"trace/1\",\"unseen\":[\"client\"]}\n";
    let made = format!("{unseen}{CREATE}{CONFIGURED}{GIVEN}");
    judged(&made).assert_conformant();
    // What a secondary has completed is called back.
    let others = r#"{"lane":"server.agent","call":"ExecuteCompletionAgent","on":"sset"}
{"lane":"server.main","call":"OpenDevice","on":"sset","as":"s","args":{"name":"S"}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.main","call":"SendCommand","on":"s","as":"c1","args":{"code":"Flush"}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.agent","callback":"c1","completion":"ERROR_SUCCESS","bytes":0}
"#;
    let told = judged(&format!("{made}{others}"));
    let Verdict::Inconclusive(undecided) = &told.verdict else { panic!("{told:?}") };
    assert!(matches!(undecided.why, Why::NoClient), "{undecided}");
    assert_eq!(told.exit_code(&PARTIES), 2);
}

/// The first device has the name of its set, though the Create has not returned yet.
#[test]
fn the_first_device_of_a_set_that_is_being_created() {
    let create = r#"{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1}}}
"#;
    let opened = |name: &str| {
        let device = format!(
            r#"{{"lane":"server.main","call":"OpenDevice","on":"sset","as":"s","args":{{"name":"{name}"}}}}
{{"lane":"server.main","return":"NOERROR"}}
{{"lane":"primary.main","return":"NOERROR"}}
"#
        );
        judged(&format!("{HEADER}{create}{CONFIGURED}{device}")).exit_code(&PARTIES)
    };
    assert_eq!((opened("S"), opened("T")), (0, 1));
}
