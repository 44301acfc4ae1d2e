//! A configuration in JSON is an object, and never a list of its fields.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::VdConfig;

impl Serialize for VdConfig {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // What was derived, which is no trait's.
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for VdConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = VdConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of VDConfig")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<VdConfig, A::Error> {
        VdConfig::deserialize(MapAccessDeserializer::new(map))
    }
}
