//! What the environment says to the commands that play a server.

use std::time::Duration;

use super::Failure;

/// A variable, if it is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the names of shared memory objects begin with.
pub(super) fn prefix() -> String {
    variable("VDI_PREFIX").unwrap_or_default()
}

/// Whether sets of the same group are used.
pub(super) fn group() -> bool {
    variable("VDI_GROUP").is_some_and(|value| value == "1")
}

/// Seconds that a set that does not exist yet is waited for, if that is said. Looked at by
/// [`check`] before.
pub(super) fn wait() -> Option<f64> {
    variable("VDI_WAIT").and_then(|text| seconds_from_none(&text))
}

/// A length of time in seconds; what is too long for a clock is for ever.
pub(super) fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

fn seconds_from_none(text: &str) -> Option<f64> {
    text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

/// Whether what is said can be understood: what is misspelt would be another behaviour than
/// the one that is wanted.
pub(super) fn check() -> Result<(), Failure> {
    /// A name, what its values are like, and the same in words.
    type Known = (&'static str, fn(&str) -> bool, &'static str);
    const KNOWN: [Known; 3] = [
        ("VDI_WAIT", |text| seconds_from_none(text).is_some(), "a number of seconds from 0"),
        ("VDI_GROUP", |text| matches!(text, "0" | "1"), "0 or 1"),
        (
            "VDI_TIMEOUT_UNIT",
            |text| matches!(text, "milliseconds" | "seconds"),
            "milliseconds or seconds",
        ),
    ];
    for (name, is_sound, expected) in KNOWN {
        if let Some(text) = variable(name).filter(|text| !is_sound(text)) {
            return Err(Failure::Usage(format!("{name} is `{text}`, expected {expected}")));
        }
    }
    Ok(())
}
