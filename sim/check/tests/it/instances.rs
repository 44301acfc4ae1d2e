//! A name in another instance is that of another set. The deprecated calls tell no instance but
//! take it from the environment (SQL Server VDI reference: Create), which a trace does not show.

use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::Profile;

/// A call on a lane of its own, with its answer.
fn whole(process: &str, call: &str, on: &str, name: &str, answer: &str) -> String {
    let config = if call.starts_with("Create") { r#","config":{"deviceCount":1}"# } else { "" };
    format!(
        "{{\"lane\":\"{process}.{on}\",\"call\":\"{call}\",\"on\":\"{on}\",\"args\":{{{name}{config}}}}}\n\
         {{\"lane\":\"{process}.{on}\",\"return\":\"{answer}\"}}\n"
    )
}

fn creates(call: &str, name: &str) -> String {
    whole("primary", call, "cset", name, "NOERROR")
}

/// The clause that is broken, if any is.
fn broken(steps: &[String]) -> Option<String> {
    let interfaces = r#""cset2":"primary","sset2":"server","x1set":"secondary1""#;
    let text =
        format!("{{\"vdi\":\"trace/1\",\"interfaces\":{{{interfaces}}}}}\n{}", steps.concat());
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.error, None, "{text}");
    match judged.verdict {
        Verdict::Conformant => None,
        Verdict::Violation(violation) => Some(violation.clause.to_string()),
        other => panic!("{other:?}: {text}"),
    }
}

const PLAIN: &str = r#""name":"S""#;
const OF_A: &str = r#""name":"S","instance":"A""#;
const OF_B: &str = r#""name":"S","instance":"B""#;

#[test]
fn a_name_is_taken_in_its_own_instance() {
    // (the set that there is, the Create of another interface, whether it may succeed and fail)
    let table = [
        (("CreateEx", OF_A), ("CreateEx", OF_A), (false, true)),
        (("CreateEx", OF_A), ("CreateEx", OF_B), (true, false)),
        (("CreateEx", OF_A), ("CreateEx", PLAIN), (true, false)),
        (("CreateEx", OF_A), ("Create", PLAIN), (true, true)),
        (("Create", PLAIN), ("CreateEx", OF_A), (true, true)),
        (("Create", PLAIN), ("CreateEx", PLAIN), (false, true)),
        (("Create", PLAIN), ("Create", PLAIN), (false, true)),
    ];
    for ((call, name), (other, second), expected) in table {
        let answers = |answer: &str| {
            let second = whole("primary", other, "cset2", second, answer);
            broken(&[creates(call, name), second]).is_none()
        };
        let seen = (answers("NOERROR"), answers("VD_E_PROTOCOL"));
        assert_eq!(seen, expected, "{call} {name}, {other} {second}");
    }
}

#[test]
fn a_set_is_found_in_its_own_instance() {
    let table = [
        (("CreateEx", OF_A), OF_A, (true, false)),
        (("CreateEx", OF_A), OF_B, (false, true)),
        (("CreateEx", OF_A), PLAIN, (false, true)),
        (("Create", PLAIN), OF_A, (true, true)),
        (("Create", PLAIN), PLAIN, (true, false)),
    ];
    for ((call, name), opened, expected) in table {
        let answers = |answer: &str| {
            let opens = whole("server", "Open", "sset", opened, answer);
            broken(&[creates(call, name), opens]).is_none()
        };
        let seen = (answers("NOERROR"), answers("VD_E_INVALID"));
        assert_eq!(seen, expected, "{call} {name}, Open {opened}");
    }
}

/// Where both Creates have succeeded, each server finds the set of its instance.
#[test]
fn of_two_sets_each_is_found_by_its_instance() {
    let sets = [creates("Create", PLAIN), whole("primary", "CreateEx", "cset2", OF_A, "NOERROR")];
    let opens = |on: &str, name: &str| whole("server", "Open", on, name, "NOERROR");
    let both = [&sets[..], &[opens("sset", PLAIN), opens("sset2", OF_A)]].concat();
    assert_eq!(broken(&both), None);
    let one_twice = [&sets[..], &[opens("sset", OF_A), opens("sset2", OF_A)]].concat();
    assert!(broken(&one_twice).is_some());
}

/// A secondary that tells no instance may be of another than the set.
#[test]
fn a_secondary_that_tells_no_instance_may_not_find_the_set_of_one() {
    let begins = r#"{"lane":"server.sset","call":"BeginConfiguration","on":"sset","args":{"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}}
{"lane":"server.sset","return":"NOERROR"}
"#;
    for (call, name, expected) in [
        ("OpenInSecondary", PLAIN, (true, true)),
        ("OpenInSecondaryEx", PLAIN, (false, true)),
        ("OpenInSecondaryEx", OF_A, (true, false)),
    ] {
        let answers = |answer: &str| {
            broken(&[
                creates("CreateEx", OF_A),
                whole("server", "Open", "sset", OF_A, "NOERROR"),
                begins.to_owned(),
                whole("server", "EndConfiguration", "sset", "", "NOERROR"),
                whole("primary", "GetConfiguration", "cset", r#""timeout":0"#, "NOERROR"),
                whole("secondary1", call, "x1set", name, answer),
            ])
            .is_none()
        };
        assert_eq!((answers("NOERROR"), answers("VD_E_PROTOCOL")), expected, "{call} {name}");
    }
}
