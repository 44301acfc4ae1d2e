//! Failures of the environment: no scenario can bring them about, so traces that tell of
//! them are judged here.

use vdi_check::{Judged, Verdict, check_reader};
use vdi_spec::clauses::{Clause, Profile};

/// A run of a set with a secondary client, call by call, from its creation to where the
/// secondary has mapped a buffer.
const RUN: &[(&str, &str)] = &[
    (
        "primary.main",
        r#""call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#,
    ),
    ("server.main", r#""call":"Open","on":"sset","args":{"name":"S"}"#),
    (
        "server.main",
        r#""call":"BeginConfiguration","on":"sset","args":{"features":["WriteMedia"],"alignment":0,"blockSize":512,"maxTransferSize":65536}"#,
    ),
    (
        "server.main",
        r#""call":"RequestBuffers","on":"sset","args":{"size":65536,"alignment":0,"count":1}"#,
    ),
    ("server.main", r#""call":"EndConfiguration","on":"sset""#),
    ("primary.main", r#""call":"GetConfiguration","on":"cset","args":{"timeout":0}"#),
    ("secondary1.main", r#""call":"OpenInSecondary","on":"x1set","args":{"name":"S"}"#),
    ("primary.main", r#""call":"OpenDevice","on":"cset","as":"cdev1","args":{"name":"S"}"#),
    ("server.main", r#""call":"OpenDevice","on":"sset","as":"sdev1","args":{"name":"S"}"#),
    (
        "server.main",
        r#""call":"AllocateBuffer","on":"sset","as":"b1","args":{"size":65536,"alignment":0}"#,
    ),
    ("server.agent", r#""call":"ExecuteCompletionAgent","on":"sset""#),
    (
        "server.main",
        r#""call":"SendCommand","on":"sdev1","as":"c1","args":{"code":"Write","buffer":"b1","size":65536}"#,
    ),
    ("primary.main", r#""call":"GetCommand","on":"cdev1","args":{"timeout":0}"#),
    ("primary.main", r#""call":"GetBufferHandle","on":"cset","as":"h1","args":{"buffer":"b1"}"#),
    ("secondary1.main", r#""call":"MapBufferHandle","on":"x1set","args":{"handle":"h1"}"#),
];

const FAILED: &str = "HRESULT_FROM_WIN32(ERROR_NO_SYSTEM_RESOURCES)";

/// The run up to a call, which comes back once with `statuses` each.
fn judged(last: &str, statuses: &[&str]) -> Judged {
    let mut lines = vec![r#"{"vdi":"trace/1"}"#.to_owned()];
    for (lane, call) in RUN {
        let is_last = call.starts_with(&format!(r#""call":"{last}","#));
        for status in if is_last { statuses } else { &["NOERROR"] } {
            lines.push(format!(r#"{{"lane":"{lane}",{call}}}"#));
            // The agent's call goes on.
            if *lane != "server.agent" || *status != "NOERROR" {
                lines.push(format!(r#"{{"lane":"{lane}","return":"{status}"}}"#));
            }
        }
    }
    check_reader(lines.join("\n").as_bytes(), &Profile::default())
}

/// The calls that make, open or allocate something.
const TAKERS: [&str; 10] = [
    "CreateEx",
    "Open",
    "RequestBuffers",
    "EndConfiguration",
    "OpenInSecondary",
    "OpenDevice",
    "AllocateBuffer",
    "ExecuteCompletionAgent",
    "GetBufferHandle",
    "MapBufferHandle",
];

fn is_excused(function: &str, status: &str) {
    let judged = judged(function, &[status, "NOERROR"]);
    assert_eq!(judged.error, None, "{function} {status}");
    assert_eq!(judged.verdict, Verdict::Conformant, "{function} {status}");
    assert!(judged.findings.is_empty(), "{function} {status}: {:?}", judged.findings);
    assert!(judged.clauses.contains(&Clause::StatusSystemError), "{function} {status}");
}

#[test]
fn what_takes_resources_may_fail_and_be_tried_again() {
    for function in TAKERS {
        for status in [FAILED, "VD_E_SECURITY", "VD_E_UNEXPECTED"] {
            is_excused(function, status);
        }
    }
}

/// Where buffers are allocated VD_E_MEMORY has clauses of its own.
#[test]
fn memory_may_be_short_everywhere_else() {
    for function in TAKERS {
        if !["RequestBuffers", "EndConfiguration", "AllocateBuffer"].contains(&function) {
            is_excused(function, "VD_E_MEMORY");
        }
    }
    // What was requested is there.
    let judged = judged("AllocateBuffer", &["VD_E_MEMORY"]);
    assert!(matches!(judged.verdict, Verdict::Violation(_)), "{judged:?}");
}

#[test]
fn an_instance_may_not_be_found_by_who_names_it() {
    for function in ["CreateEx", "OpenInSecondary"] {
        is_excused(function, "VD_E_INSTANCE_NAME");
    }
    for function in ["Open", "AllocateBuffer", "MapBufferHandle"] {
        let judged = judged(function, &["VD_E_INSTANCE_NAME"]);
        assert!(matches!(judged.verdict, Verdict::Violation(_)), "{function}: {judged:?}");
    }
}

#[test]
fn what_takes_none_has_no_such_excuse() {
    for function in ["BeginConfiguration", "GetConfiguration", "SendCommand", "GetCommand"] {
        for status in [FAILED, "VD_E_SECURITY", "VD_E_MEMORY", "VD_E_UNEXPECTED"] {
            let judged = judged(function, &[status]);
            let violated = matches!(judged.verdict, Verdict::Violation(_));
            assert!(violated, "{function} {status}: {judged:?}");
        }
    }
}

/// A status that wraps nothing is no system error.
#[test]
fn only_a_wrapped_error_is_one() {
    for status in ["0x80070000", "VD_E_NOTOPEN", "0x80080008"] {
        let judged = judged("AllocateBuffer", &[status]);
        assert!(matches!(judged.verdict, Verdict::Violation(_)), "{status}: {judged:?}");
    }
}

/// A call that is refused in any case is refused as the documents say.
#[test]
fn a_refusal_is_no_failure_of_the_system() {
    let judged = judged("CreateEx", &["NOERROR", FAILED]);
    let Verdict::Violation(violation) = judged.verdict else { panic!("{judged:?}") };
    assert_eq!(violation.clause.to_string(), "client.create.once");
}
