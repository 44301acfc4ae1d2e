//! The schemas of what is read are as strict as the reader, and no stricter: sound documents
//! with one thing changed are accepted by both or by neither.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use vdi_conformance::baseline::Baseline;
use vdi_conformance::scenario::{Library, parse};
use vdi_sim::clauses::{Profile, ProfileFile};
use vdi_sim::trace::from_str;

use crate::support::schema;

/// What takes the place of a value.
fn instead(value: &Value) -> Vec<Value> {
    let mut all = vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(5_000_000_000_u64),
        json!(""),
        json!("no such word"),
        json!([]),
        json!({}),
    ];
    if let Value::Array(list) = value {
        let mut twice = list.clone();
        twice.extend(list.first().cloned());
        all.push(twice.into());
    }
    all.retain(|other| other != value);
    all
}

/// The documents that differ from this one in one place.
fn changed(value: &Value, path: &str, found: &mut dyn FnMut(&str, Value)) {
    for other in instead(value) {
        found(&format!("{path} = {other}"), other);
    }
    match value {
        Value::Object(object) => {
            for (name, field) in object {
                let without: Map<String, Value> =
                    object.iter().filter(|(other, _)| *other != name).map(owned).collect();
                found(&format!("{path} without {name}"), without.into());
                let put = |new: Value| {
                    let mut object = object.clone();
                    object.insert(name.clone(), new);
                    Value::from(object)
                };
                changed(field, &format!("{path}.{name}"), &mut |what, new| found(what, put(new)));
            }
            let mut more = object.clone();
            more.insert("nobodyKnowsThis".to_owned(), json!(1));
            found(&format!("{path} with more"), more.into());
        }
        Value::Array(list) => {
            for (at, element) in list.iter().enumerate() {
                let put = |new: Value| {
                    let mut list = list.clone();
                    list[at] = new;
                    Value::from(list)
                };
                changed(element, &format!("{path}[]"), &mut |what, new| found(what, put(new)));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// What only the whole document can show: words of the reader's errors.
const OF_THE_WHOLE: &[&str] = &[
    "which lane?",
    "nothing is named",
    "is taken already",
    "needs the argument",
    "has no argument",
    "needs `as`",
    "the reading `",
    "awaiting a callback takes",
    "awaiting a return takes",
    "the clauses bind other parties",
    "a race has two lanes at least",
    "more devices opened than there are",
    "device does not exist",
    "waits for its callback only while",
    "is neither a lane nor a command of this scenario",
    "a set is created in the process primary",
    "`code` is a command",
    "`code` is a completion code",
];

/// Where schema and reader differ, by the kind of change.
#[derive(Default)]
struct Differences {
    /// What the schema alone refuses.
    stricter: BTreeSet<String>,
    /// What the reader alone refuses, and how it says so.
    laxer: BTreeMap<String, String>,
}

impl Differences {
    fn compare(&mut self, what: &str, valid: bool, read: Result<(), String>) {
        match read {
            Ok(()) if !valid => {
                self.stricter.insert(what.to_owned());
            }
            Err(error) if valid => {
                self.laxer.insert(what.to_owned(), error);
            }
            Ok(()) | Err(_) => {}
        }
    }
}

#[test]
fn of_scenarios() {
    let validator = schema("scenario.v1");
    let mut differences = Differences::default();
    let library = Library::embedded().expect("sound scenarios");
    for loaded in library.iter().step_by(97) {
        let sound = serde_json::to_value(&loaded.scenario).expect("it serialises");
        changed(&sound, "", &mut |what, new| {
            let text = new.to_string();
            let read = parse("changed", &text).map(drop).map_err(|error| error.message.clone());
            differences.compare(what, validator.is_valid(&new), read);
        });
    }
    assert_eq!(differences.stricter, BTreeSet::new());
    let unsaid = |error: &&String| !OF_THE_WHOLE.iter().any(|words| error.contains(words));
    let laxer: Vec<&String> = differences.laxer.values().filter(unsaid).collect();
    assert!(laxer.is_empty(), "{laxer:#?}");
    assert!(!differences.laxer.is_empty(), "nothing was compared");
}

/// Lines and files that are read with their types: whatever the reader takes is valid.
fn compare(name: &str, sound: &Value, read: &dyn Fn(&str) -> Result<(), String>) {
    let validator = schema(name);
    assert!(validator.is_valid(sound), "{sound}");
    let mut differences = Differences::default();
    changed(sound, "", &mut |what, new| {
        differences.compare(what, validator.is_valid(&new), read(&new.to_string()));
    });
    assert_eq!(differences.stricter, BTreeSet::new());
}

#[test]
fn of_baselines_and_profiles() {
    let baseline = json!({ "vdi": "baseline/1",
        "known": [{ "scenario": "a", "verdict": "violation", "clause": "agent.callback", "reason": "r" }],
        "notOffered": [{ "what": "hold", "reason": "r" }] });
    compare("baseline.v1", &baseline, &|text| {
        from_str::<Baseline>(text).map(drop).map_err(|error| error.to_string())
    });
    let profile = json!({ "base": "linux", "readings": { "free-buffer-in-use": "invalid" } });
    compare("profile.v1", &profile, &|text| {
        let file: ProfileFile = from_str(text).map_err(|error| error.to_string())?;
        Profile::from_file(&file).map(drop).map_err(|error| error.to_string())
    });
    let validator = schema("profile.v1");
    for unknown in [json!({ "no-question": "invalid" }), json!({ "free-buffer-in-use": "no" })] {
        assert!(!validator.is_valid(&json!({ "base": "linux", "readings": unknown })));
    }
}
