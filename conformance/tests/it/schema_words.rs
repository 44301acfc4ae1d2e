//! What a published schema has for editors and for generators of types, besides what the types
//! say: a sentence beside every clause, code and reading, and names to begin with.

use serde_json::{Map, Value, json};
use vdi_sim::clauses::{Clause, PROFILES, QUESTIONS};
use vdi_sim::codes::{COMMANDS, CommandCode, FEATURES, HResult, Win32};

/// The object of a schema, with what people and generators want to read.
pub(super) fn for_people(object: &mut Map<String, Value>) {
    apart_from_what_it_refers_to(object);
    words_with_their_sentences(object);
    names_to_begin_with(object);
    if let Some(Value::Object(fields)) = object.get_mut("properties") {
        questions_with_their_readings(fields);
    }
}

/// Generators take what stands beside a reference for the whole, or leave it out.
fn apart_from_what_it_refers_to(object: &mut Map<String, Value>) {
    if !(object.contains_key("$ref") && object.contains_key("properties")) {
        return;
    }
    let reference = object.remove("$ref").expect("it is there");
    let keys = ["type", "properties", "required"];
    let own = keys.iter().filter_map(|key| Some(((*key).to_owned(), object.remove(*key)?)));
    let own: Map<String, Value> = own.collect();
    object.insert("allOf".to_owned(), json!([{ "$ref": reference }, own]));
}

/// A list of words, if each has a sentence: an editor shows it.
fn words_with_their_sentences(object: &mut Map<String, Value>) {
    let Some(Value::Array(words)) = object.get("enum") else { return };
    let told = words.iter().map(|word| Some((word.as_str()?, sentence(word.as_str()?)?)));
    let Some(told) = told.collect::<Option<Vec<_>>>() else { return };
    let each = told.into_iter().map(|(word, text)| described(word, text));
    let each: Value = each.collect::<Vec<_>>().into();
    object.remove("enum");
    object.insert("anyOf".to_owned(), each);
}

fn described(word: &str, text: &str) -> Value {
    json!({ "const": word, "description": text })
}

/// What a word says.
fn sentence(word: &str) -> Option<&'static str> {
    let clause = word.parse::<Clause>().ok().map(|clause| clause.info().demand);
    let status = || HResult::by_name(word)?.info().map(|row| row.meaning);
    let completion = || Win32::by_name(word)?.info().map(|row| row.meaning);
    let command = || {
        let code: CommandCode = word.parse().ok()?;
        COMMANDS.iter().find(|row| row.code == code).map(|row| row.meaning)
    };
    let feature = || {
        let name = word.strip_prefix("VDF_").unwrap_or(word);
        FEATURES.iter().find(|row| row.name == name).map(|row| row.meaning)
    };
    clause.or_else(status).or_else(completion).or_else(command).or_else(feature)
}

/// Lanes, readings, profiles: what is no list, and has names all the same.
fn names_to_begin_with(object: &mut Map<String, Value>) {
    const LANES: [&str; 4] = ["server.main", "server.agent", "primary.main", "secondary1.main"];
    let readings = || QUESTIONS.iter().flat_map(|row| row.question.readings());
    let pattern = object.get("pattern").and_then(Value::as_str).unwrap_or_default();
    let names: Vec<String> = if pattern.starts_with("^(server|primary|") {
        LANES.map(str::to_owned).to_vec()
    } else if pattern.contains(&QUESTIONS[0].question.readings().next().expect("one").to_string()) {
        readings().map(|reading| reading.to_string()).collect()
    } else {
        Vec::new()
    };
    if !names.is_empty() {
        object.insert("examples".to_owned(), names.into());
    }
    if object.get("default").and_then(Value::as_str) == Some(PROFILES[0].0) {
        let each = PROFILES.iter().map(|(name, text, _)| described(name, text));
        object.insert("anyOf".to_owned(), each.collect::<Vec<_>>().into());
    }
}

/// Of a profile.
fn questions_with_their_readings(fields: &mut Map<String, Value>) {
    for row in QUESTIONS {
        let Some(Value::Object(field)) = fields.get_mut(row.id) else { continue };
        let Some(of) = field.remove("enum") else { continue };
        let readings = row.readings.iter().map(|reading| described(reading.id, reading.text));
        let readings = readings.collect::<Vec<_>>();
        assert_eq!(of.as_array().map(Vec::len), Some(readings.len()), "{}", row.id);
        field.insert("description".to_owned(), row.text.into());
        field.insert("anyOf".to_owned(), readings.into());
    }
}
