//! Parts of the schema of scenarios that no type says: known readings, and what races.

use schemars::{Schema, SchemaGenerator, json_schema};
use vdi_spec::clauses::{Clause, QUESTIONS};

/// Every reading, written `question=reading`.
pub(super) fn readings() -> Vec<String> {
    let each = QUESTIONS.iter().flat_map(|row| row.question.readings());
    each.map(|reading| reading.to_string()).collect()
}

/// Readings, separated by commas; nothing for a step that is always done.
pub(super) fn when(_: &mut SchemaGenerator) -> Schema {
    // Between words the parser takes blanks.
    let one = format!("\\s*({})\\s*", readings().join("|"));
    json_schema!({ "type": ["string", "null"], "pattern": format!("^{one}(,{one})*$") })
}

/// Clauses by reading.
pub(super) fn by_reading(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": { "enum": readings() },
        "additionalProperties": generator.subschema_for::<Vec<Clause>>(),
    })
}

/// What races are two at least, and none has a field that nobody knows.
pub(super) fn racers(schema: &mut Schema) {
    schema.insert("minItems".to_owned(), 2.into());
    if let Some(serde_json::Value::Object(items)) = schema.get_mut("items") {
        items.insert("unevaluatedProperties".to_owned(), false.into());
    }
}
