//! What earlier versions wrote is still read: a file of each kind, as it was written then.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{told, word};
use serde_json::Value;

/// The folder of a version, with a file of each kind.
fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/earlier").join(version)
}

#[test]
fn of_0_1() {
    let folder = folder("0.1");
    let file = |name: &str| word(&folder.join(name)).to_owned();
    let (trace, scenario) = (file("trace.jsonl"), file("scenario.json"));
    let text = told(&["check", &trace]);
    assert!(text.contains(": conformant") && text.ends_with("exit 0\n"), "{text}");
    for replayed in [&trace, &scenario] {
        let text = told(&["replay", replayed]);
        assert!(text.contains(": conformant\n"), "{text}");
    }
    // Its known failures are failures of this version, too; there are more scenarios now.
    let words = ["run", "--defect", "last-in-first-out", "--filter", "generated/queue/in-order"];
    let text = told(&[&words[..], &["--baseline", &file("baseline.json")]].concat());
    assert!(text.contains("known failures") && text.ends_with("exit 0\n"), "{text}");
    let text = told(&["run", "--filter", "server/open", "--profile", &file("profile.json")]);
    assert!(text.ends_with("exit 0\n"), "{text}");
    let text = told(&["merge", &file("campaign.json")]);
    assert!(text.ends_with("exit 0\n"), "{text}");
}

/// Only programs of others read reports: each field that there was is still one.
#[test]
fn reports_keep_their_fields() {
    let read = |path: &Path| -> Value {
        let text = fs::read_to_string(path).expect("a file of the project");
        serde_json::from_str(&text).expect("JSON")
    };
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = read(&top.join("scenarios/schema/report.v1.json"));
    let report = read(&folder("0.1").join("report.json"));
    assert_eq!(report["vdi"], "report/1");
    let fields = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let of = |name: &str| fields(&schema["$defs"][name]["properties"]);
    let missing = |had: &Value, known: &[String]| -> Vec<String> {
        fields(had).into_iter().filter(|name| !known.contains(name)).collect()
    };
    assert_eq!(missing(&report, &fields(&schema["properties"])), Vec::<String>::new());
    assert_eq!(missing(&report["counts"], &of("Counts")), Vec::<String>::new());
    let scenarios = report["scenarios"].as_array().expect("a list");
    assert!(!scenarios.is_empty());
    for scenario in scenarios {
        assert_eq!(missing(scenario, &of("JsonScenario")), Vec::<String>::new());
    }
}
