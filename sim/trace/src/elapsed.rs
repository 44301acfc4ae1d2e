//! When a line of a trace was written: told beside its event, and no part of it.

use serde::{Deserialize, Deserializer};

use super::Event;
use super::event::Raw;

/// An event with the milliseconds that had elapsed, if its line tells them.
#[derive(Debug)]
pub(super) struct Timed<'a> {
    pub(super) event: Event<'a>,
    pub(super) elapsed: Option<u64>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Timed<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(from)?;
        let elapsed = raw.elapsed;
        let event = raw.into_event().map_err(serde::de::Error::custom)?;
        Ok(Self { event, elapsed })
    }
}

/// Every kind of event may have the field `elapsed`.
#[cfg(feature = "schema")]
pub(super) fn with_elapsed(schema: &mut schemars::Schema) {
    let field = serde_json::json!({
        "description": "Milliseconds from some moment, the same for the whole trace, to when \
            the line was written; no verdict depends on it.",
        "format": "uint64",
        "minimum": 0,
        "type": ["integer", "null"],
    });
    let kinds = schema.get_mut("anyOf").and_then(serde_json::Value::as_array_mut);
    for kind in kinds.into_iter().flatten() {
        if let Some(fields) = kind.get_mut("properties").and_then(|fields| fields.as_object_mut()) {
            fields.insert("elapsed".to_owned(), field.clone());
        }
    }
}
