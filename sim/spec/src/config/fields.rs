//! The fields of VDConfig, one row each, in the order of the structure.

use super::{CONFIG_RULES, ConfigRule, Setter};
use crate::codes::Source;

/// One field of VDConfig.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Its name in the headers.
    pub name: &'static str,
    /// Whose it is.
    pub setter: Setter,
    /// What it means, in our words.
    pub meaning: &'static str,
    /// Where it is published.
    pub source: Source,
}

impl FieldInfo {
    /// The rules that speak of the field.
    pub fn rules(&self) -> impl Iterator<Item = &'static ConfigRule> {
        let name = self.name;
        let speaks = move |rule: &&ConfigRule| rule.demand.split([' ', ',']).any(|w| w == name);
        CONFIG_RULES.iter().filter(speaks)
    }
}

const fn field(name: &'static str, setter: Setter, meaning: &'static str) -> FieldInfo {
    FieldInfo { name, setter, meaning, source: Source::specification("VDConfig Structure") }
}

use Setter::{Client, Interface, Server};

/// Every field, in the order of the structure.
pub static CONFIG_FIELDS: &[FieldInfo] = &[
    field("deviceCount", Client, "How many devices the set has, 1 to 64."),
    field("features", Client, "Feature bits: the client's, to which the server adds its own."),
    field(
        "prefixZoneSize",
        Client,
        "Bytes just before the aligned data zone of every buffer, hidden from the server.",
    ),
    field(
        "alignment",
        Client,
        "The least alignment of buffers, in bytes, that the client needs; 0 is none. The server \
         may raise it.",
    ),
    field(
        "softFileMarkBlockSize",
        Client,
        "Block size of soft filemarks in bytes, only with FileMarks; 0 is hard filemarks.",
    ),
    field(
        "EOMWarningSize",
        Client,
        "Bytes of the warning zone before the end of the medium; 0 is ignored.",
    ),
    field(
        "serverTimeOut",
        Client,
        "Milliseconds; 0 is for ever. If requests are pending and none completes for longer than \
         two of these intervals, the set is aborted.",
    ),
    field("blockSize", Server, "Bytes of a block, a power of 2 from 512 to 64 KiB."),
    field("maxIODepth", Interface, "Deprecated, always 4."),
    field("maxTransferSize", Server, "The largest transfer in bytes, a multiple of 64 KiB."),
    field("bufferAreaSize", Interface, "Deprecated, always maxTransferSize x 4 x deviceCount."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::VdConfig;

    #[test]
    fn the_rows_are_the_fields_of_the_structure() {
        let all: Vec<String> =
            CONFIG_FIELDS.iter().map(|row| format!("\"{}\":1", row.name)).collect();
        let text = format!("{{{}}}", all.join(","));
        // A field that is unknown is refused, and so is one that stands twice.
        let config: VdConfig = serde_json::from_str(&text).expect("the fields of VDConfig");
        assert_eq!(size_of::<VdConfig>(), CONFIG_FIELDS.len() * size_of::<u32>());
        let written = serde_json::to_string(&config).expect("JSON");
        let mut from = 0;
        for row in CONFIG_FIELDS {
            let at = written.find(&format!("\"{}\"", row.name)).expect(row.name);
            assert!(at >= from, "{} is out of order", row.name);
            from = at;
        }
    }

    #[test]
    fn every_rule_speaks_of_a_field() {
        for rule in CONFIG_RULES {
            let spoken =
                CONFIG_FIELDS.iter().any(|row| row.rules().any(|other| other.id == rule.id));
            assert!(spoken, "{}", rule.id);
        }
    }
}
