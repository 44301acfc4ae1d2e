//! The JSON Schemas in `scenarios/schema/` are those of the types, and what the
//! project writes and reads matches them. `VDI_SCHEMAS=write` writes them anew.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use vdi_conformance::adapter::protocol::{Answer, Request};
use vdi_conformance::adapter::{Limits, Reference};
use vdi_conformance::baseline::Baseline;
use vdi_conformance::campaign::messages::{FromClient, ToClient};
use vdi_conformance::campaign::{BackendKind, CampaignConfig};
use vdi_conformance::diagnose::Diagnosis;
use vdi_conformance::report::JsonReport;
use vdi_conformance::run::{SuiteOptions, run_suite};
use vdi_conformance::scenario::{Library, Scenario};
use vdi_sim::clauses::{Profile, ProfileFile};
use vdi_sim::simulate::{Campaign, Watch};
use vdi_sim::trace::{Event, Header};

use crate::schema_words::for_people;

/// A line of a trace: the header, then events.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is asked for")]
enum TraceLine {
    Header(Header),
    Event(Event<'static>),
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/schema"))
}

fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    let all = vec![
        ("scenario.v1", schemars::schema_for!(Scenario)),
        ("trace.v1", schemars::schema_for!(TraceLine)),
        ("adapter-request.v1", as_it_is_written::<Request>()),
        ("adapter-answer.v1", as_it_is_read(schemars::schema_for!(Answer))),
        ("baseline.v1", schemars::schema_for!(Baseline)),
        ("profile.v1", schemars::schema_for!(ProfileFile)),
        ("report.v1", as_it_is_written::<JsonReport>()),
        ("campaign.v1", schemars::schema_for!(Campaign)),
        ("diagnosis.v1", as_it_is_written::<Diagnosis>()),
        ("client-request.v1", as_it_is_written::<ToClient>()),
        ("client-answer.v1", schemars::schema_for!(FromClient)),
    ];
    let mut change = |object: &mut serde_json::Map<String, Value>| {
        within_its_format(object);
        for_people(object);
    };
    all.into_iter().map(|(name, schema)| (name, changed(schema, &mut change))).collect()
}

/// A number of so many bits is no larger than these hold. To a validator its format says
/// nothing, and a strict one refuses a format that it does not know; so with fields that are
/// forbidden of what is not said to be an object.
fn within_its_format(object: &mut serde_json::Map<String, Value>) {
    if object.contains_key("unevaluatedProperties") {
        object.entry("type").or_insert("object".into());
    }
    let bounds: (i64, Option<i64>) = match object.get("format").and_then(Value::as_str) {
        Some("uint8") => (0, Some(u8::MAX.into())),
        Some("uint16") => (0, Some(u16::MAX.into())),
        Some("uint32") => (0, Some(u32::MAX.into())),
        // Beyond what every reader's numbers tell apart there is no bound to give.
        Some("uint64" | "uint") => (0, None),
        Some("int32") => (i32::MIN.into(), Some(i32::MAX.into())),
        _ => return,
    };
    object.remove("format");
    object.entry("minimum").or_insert(bounds.0.into());
    if let Some(most) = bounds.1 {
        object.entry("maximum").or_insert(most.into());
    }
}

/// The schema, each object of it changed, those within first.
fn changed(
    schema: schemars::Schema,
    change: &mut dyn FnMut(&mut serde_json::Map<String, Value>),
) -> schemars::Schema {
    fn visit(value: &mut Value, change: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                object.values_mut().for_each(|within| visit(within, change));
                change(object);
            }
            Value::Array(list) => list.iter_mut().for_each(|within| visit(within, change)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut value = schema.to_value();
    visit(&mut value, change);
    value.try_into().expect("a schema is an object")
}

/// What nobody here reads: a field that is left out when it is empty may be missing, and every
/// other one is there.
fn as_it_is_written<T: schemars::JsonSchema>() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// An adapter's answers are read as PROTOCOL.md says: a field that nobody knows is ignored,
/// and so is an offer; null stands for what is missing.
fn as_it_is_read(schema: schemars::Schema) -> schemars::Schema {
    changed(schema, &mut |object| {
        object.remove("additionalProperties");
        let required = object.get("required").cloned().unwrap_or_default();
        let Some(Value::Object(fields)) = object.get_mut("properties") else { return };
        for (name, field) in fields {
            let is_required = |list: &Vec<Value>| list.iter().any(|one| one == name);
            if name == "offers" {
                let known = field["items"].take();
                field["items"] = serde_json::json!({ "anyOf": [known, { "type": "string" }] });
            }
            if !required.as_array().is_some_and(is_required) {
                *field = serde_json::json!({ "anyOf": [field.take(), { "type": "null" }] });
            }
        }
    })
}

fn validator(name: &str) -> jsonschema::Validator {
    let (_, schema) = schemas().into_iter().find(|(known, _)| *known == name).expect("a schema");
    jsonschema::validator_for(schema.as_value()).expect("a sound schema")
}

#[test]
fn the_files_are_those_of_the_types() {
    for (name, schema) in schemas() {
        let path = folder().join(format!("{name}.json"));
        let mut text = serde_json::to_string_pretty(schema.as_value()).expect("it serialises");
        text.push('\n');
        if std::env::var("VDI_SCHEMAS").is_ok_and(|word| word == "write") {
            fs::create_dir_all(folder()).expect("made");
            fs::write(&path, &text).expect("written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{} has drifted: run this test with VDI_SCHEMAS=write",
            path.display()
        );
    }
}

#[test]
fn scenarios_match_their_schema_and_point_to_it() {
    let validator = validator("scenario.v1");
    for loaded in Library::embedded().expect("sound scenarios").iter() {
        let path = format!("{}/../{}", env!("CARGO_MANIFEST_DIR"), loaded.path);
        let text = fs::read_to_string(&path).expect("the file of an embedded scenario");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        if let Err(error) = validator.validate(&value) {
            panic!("{path}: {error} at {}", error.instance_path());
        }
        let schema = value["$schema"].as_str().expect("a schema is named");
        let target = PathBuf::from(&path).parent().expect("a folder").join(schema);
        assert!(target.is_file(), "{path}: {schema} is no file");
        // Written out again it is the same scenario.
        let written = serde_json::to_string(&loaded.scenario).expect("it serialises");
        let again = vdi_conformance::scenario::parse("again", &written).expect("it parses");
        assert_eq!(serde_json::to_value(&again).ok(), serde_json::to_value(&loaded.scenario).ok());
    }
}

#[test]
fn scenarios_with_unknown_fields_do_not_match() {
    let validator = validator("scenario.v1");
    let sound = serde_json::json!({
        "id": "a", "title": "t", "clauses": ["server.close.not-open"], "parties": ["interface"],
        "steps": [{ "call": "Close", "on": "sset", "expect": "VD_E_PROTOCOL" }],
    });
    assert!(validator.is_valid(&sound));
    for (pointer, value) in [
        ("/steps/0", serde_json::json!({ "call": "Close", "on": "sset", "expects": "NOERROR" })),
        ("/steps/0", serde_json::json!({ "call": "Close", "on": "sset", "expect": "VD_E_NO" })),
        ("/clauses/0", serde_json::json!("server.close.no")),
        ("/parties/0", serde_json::json!("library")),
    ] {
        let mut broken = sound.clone();
        *broken.pointer_mut(pointer).expect("it is there") = value;
        assert!(!validator.is_valid(&broken), "{broken}");
    }
}

#[test]
fn traces_match_their_schema() {
    let validator = validator("trace.v1");
    let library = Library::embedded().expect("sound scenarios");
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    for result in run_suite(&Reference::adapter(), &scenarios, &options, &|_| {}) {
        for line in result.trace.to_json_lines().lines() {
            let value: Value = serde_json::from_str(line).expect("JSON");
            assert!(validator.is_valid(&value), "{}: {line}", result.id);
        }
    }
    for line in [
        r#"{"lane":"server.main","return":"NOERROR","found":"gone"}"#,
        r#"{"lane":"main","return":"NOERROR"}"#,
        r#"{"lane":"server.main","call":"Clsoe","on":"sset"}"#,
        r#"{"process":"server"}"#,
    ] {
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert!(!validator.is_valid(&value), "{line}");
    }
}

/// With worlds that fail, so that there is everything to tell.
#[test]
fn results_of_campaigns_match_their_schema() {
    let defect = vdi_conformance::reference::Mutant::by_name("forgets-delivered");
    let worlds =
        CampaignConfig { backend: BackendKind::Reference(defect), ..CampaignConfig::on_model() };
    let mut campaign = Campaign::new("vdi-plain", "documented-pages", vec!["0..200 1/1".into()]);
    for seed in 0..200 {
        let options = worlds.options(seed).expect("as drawn");
        let outcome = worlds.run(seed, &options, Watch { judge: true, keep: false });
        campaign.add(&outcome, &worlds.profile);
    }
    assert!(campaign.failed > 0 && !campaign.deviations.is_empty());
    let validator = validator("campaign.v1");
    let sound = serde_json::to_value(&campaign).expect("it serialises");
    if let Err(error) = validator.validate(&sound) {
        panic!("{error} at {}", error.instance_path());
    }
    for (pointer, value) in [
        ("/worlds", serde_json::json!("many")),
        ("/totals", serde_json::json!({ "calls": 1 })),
        ("/failures/0/options/like", serde_json::json!("drum")),
        ("/failures/0/problems/0/problem", serde_json::json!("bad luck")),
        ("/coverage/lastNew", serde_json::json!(-1)),
    ] {
        let mut broken = sound.clone();
        *broken.pointer_mut(pointer).expect("it is there") = value;
        assert!(!validator.is_valid(&broken), "{pointer}");
        serde_json::from_value::<Campaign>(broken).expect_err(pointer);
    }
}
