//! Named profiles, and profiles from a file.

use std::collections::BTreeMap;

use super::{Profile, QUESTIONS, Reading};
use crate::codes::{UnknownName, closest};

/// The named profiles with what they follow: name, description, and the
/// readings in which they differ from the default.
pub static PROFILES: &[(&str, &str, &[&str])] = &[
    ("documented-pages", "the function pages, the default of every question", &[]),
    (
        "documented-tables",
        "the two transition tables wherever they differ from the function pages",
        &[
            "server-close-devices-open=noerror",
            "client-close-devices-open=noerror",
            "close-device-after-all-closed=noerror",
            "close-device-twice-while-active=noerror",
            "configuration-call-when-aborted=protocol-error",
            "server-open-device-surplus=protocol-error",
            "client-open-device-surplus=protocol-error",
            "connected-state-cells=table",
            "active-entry=per-call",
            "get-command-before-active=protocol-error",
            "get-command-after-close-seen=protocol-error",
            "server-handle-reuse=reopens",
            "stale-command-before-active=protocol-error",
        ],
    ),
    (
        "linux",
        "what was seen of the library for SQL Server on Linux",
        &["get-configuration-after-abort=noerror-then-open-device-fails"],
    ),
];

/// A profile as a file: a named profile and what is read otherwise.
///
/// ```
/// use vdi_spec::clauses::{Profile, ProfileFile, ServerCloseDevicesOpen};
///
/// let file: ProfileFile = serde_json::from_str(
///     r#"{"base": "linux", "readings": {"server-close-devices-open": "noerror"}}"#,
/// )?;
/// let profile = Profile::from_file(&file).expect("a sound profile");
/// assert_eq!(profile.server_close_devices_open, ServerCloseDevicesOpen::Noerror);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct ProfileFile {
    /// Where the schema is.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")
    )]
    pub schema: Option<String>,
    /// The named profile to start from; `documented-pages` if missing.
    #[cfg_attr(feature = "serde", serde(default = "default_base"))]
    pub base: String,
    /// Question to reading.
    #[cfg_attr(feature = "serde", serde(default))]
    #[cfg_attr(feature = "schema", schemars(schema_with = "known_readings"))]
    pub readings: BTreeMap<String, String>,
}

/// Each question with its readings.
#[cfg(feature = "schema")]
fn known_readings(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let of = |row: &super::QuestionInfo| {
        let ids: Vec<&str> = row.question.readings().map(|reading| reading.info().id).collect();
        (row.id, schemars::json_schema!({ "enum": ids }))
    };
    let questions: BTreeMap<&str, schemars::Schema> = QUESTIONS.iter().map(of).collect();
    schemars::json_schema!({
        "type": "object", "properties": questions, "additionalProperties": false, "default": {}
    })
}

#[cfg(feature = "serde")]
fn default_base() -> String {
    PROFILES[0].0.to_owned()
}

/// Why a profile cannot be had: it names something unknown.
pub type ProfileError = UnknownName;

impl Profile {
    /// The profile of that name.
    ///
    /// # Errors
    /// No profile has that name.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        let (_, _, readings) =
            PROFILES.iter().find(|(known, _, _)| *known == name).ok_or_else(|| UnknownName {
                kind: "profile",
                text: name.to_owned(),
                expected: "documented-pages, documented-tables or linux",
                near: closest(name, PROFILES.iter().map(|row| row.0)),
            })?;
        let mut profile = Self::default();
        for reading in *readings {
            profile.choose(reading.parse()?);
        }
        Ok(profile)
    }

    /// The profile that a file describes.
    ///
    /// # Errors
    /// The file names an unknown profile, question or reading.
    pub fn from_file(file: &ProfileFile) -> Result<Self, ProfileError> {
        let mut profile = Self::named(&file.base)?;
        for (question, reading) in &file.readings {
            profile.choose(format!("{question}={reading}").parse()?);
        }
        Ok(profile)
    }

    /// The readings in which this profile differs from the default.
    pub fn differences(&self) -> impl Iterator<Item = Reading> + '_ {
        QUESTIONS.iter().map(|row| self.reading(row.question)).filter(|reading| reading.index != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_profile_is_sound() {
        for (name, _, readings) in PROFILES {
            let profile = Profile::named(name).expect("the table names known readings");
            assert_eq!(profile.differences().count(), readings.len(), "{name}");
        }
    }
}
