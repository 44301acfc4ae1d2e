//! What the environment says to the libraries, the stand-in server and its `sqlcmd`: every
//! variable, what it means, which values it takes.

use std::fmt;
use std::path::PathBuf;

/// One variable of the environment.
#[derive(Debug)]
pub struct Setting {
    /// What it is called.
    pub name: &'static str,
    /// What stands behind the `=`, for people.
    pub value: &'static str,
    /// What it does.
    pub meaning: &'static str,
    kind: Kind,
}

/// The values of a variable.
#[derive(Debug)]
enum Kind {
    /// Any text.
    Text,
    /// A number of seconds, from 0.
    Seconds,
    /// One of these words; the first holds if nothing is said.
    Words(&'static [&'static str]),
}

/// A variable whose value is none that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is `{value}`, expected {expected}")]
pub struct BadSetting {
    name: &'static str,
    value: String,
    expected: String,
    /// What holds for whoever goes on all the same.
    pub default: &'static str,
}

macro_rules! settings {
    ($( $row:ident: $name:literal, $value:literal, $kind:expr, $meaning:literal; )+) => {
        /// Every variable, in the order of [`table`].
        pub const SETTINGS: &[&Setting] = &[$( &$row ),+];

        $(
            #[doc = concat!("`", $name, "`: ", $meaning, ".")]
            pub const $row: Setting =
                Setting { name: $name, value: $value, meaning: $meaning, kind: $kind };
        )+
    };
}

settings! {
    TIMEOUT_UNIT: "VDI_TIMEOUT_UNIT", "seconds", Kind::Words(&["milliseconds", "seconds"]),
        "time-outs are seconds, as a published sample has them; else milliseconds. The recorder \
        takes them so, too";
    TRACE: "VDI_TRACE", "FILE", Kind::Text,
        "a set is recorded there; `%s` in the name stands for the name of the set, `%p` for the \
        number of the process";
    PREFIX: "VDI_PREFIX", "PREFIX", Kind::Text,
        "what the names of shared memory objects begin with";
    GROUP: "VDI_GROUP", "1", Kind::Words(&["0", "1"]),
        "sets are for the users of one group, not of one user";
    DEBUG: "VDI_DEBUG", "1", Kind::Text,
        "of the library: what fails is told on standard error";
    HOLD: "VDI_HOLD", "configuration", Kind::Words(&["nothing", "configuration"]),
        "of the library: GetConfiguration, once it has succeeded, returns to the program only when \
        the set has been aborted, or after ten seconds";
    ORIGINAL: "VDI_ORIGINAL", "FILE", Kind::Text,
        "of the recorder: the path of the library that is recorded, if the program is not linked \
        with it";
    RECORD: "VDI_RECORD", "FILE", Kind::Text,
        "of the recorder: where it records, before `VDI_TRACE`";
    DATA: "VDI_DATA", "FOLDER", Kind::Text,
        "of the server: the folder of its databases";
    FAULTS: "VDI_FAULTS", "FAULTS", Kind::Text,
        "of the server: what goes wrong on purpose, as `vdi serve --help` lists it";
    WAIT: "VDI_WAIT", "SECONDS", Kind::Seconds,
        "of `sqlcmd`: how long a set that does not exist yet is waited for";
    SERVER: "VDI_SERVER", "SOCKET", Kind::Text,
        "where `vdi serve` listens and `sqlcmd` hands its statements over, or `none`";
    OUTCOME: "VDI_OUTCOME", "FILE", Kind::Text,
        "of the server: a line of JSON for each statement, and for each fault as it happens";
}

impl Setting {
    /// The value, if one is set that is not empty.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        std::env::var(self.name).ok().filter(|value| !value.is_empty())
    }

    /// The value as a path, if one is set that is not empty.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        std::env::var_os(self.name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Whether it has this value.
    #[must_use]
    pub fn is(&self, value: &str) -> bool {
        self.get().is_some_and(|is| is == value)
    }

    /// The value in seconds, if it is a number from 0.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        self.get().and_then(|text| seconds(&text))
    }

    /// Whether the value can be understood: what is misspelt would be another behaviour than
    /// the one that is wanted.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), BadSetting> {
        let value = std::env::var_os(self.name).unwrap_or_default();
        let value = value.to_string_lossy();
        let (is_known, expected, default) = match self.kind {
            Kind::Text => return Ok(()),
            Kind::Seconds => (seconds(&value).is_some(), "a number of seconds from 0".into(), "0"),
            Kind::Words(words) => (words.contains(&&*value), words.join(" or "), words[0]),
        };
        if value.is_empty() || is_known {
            return Ok(());
        }
        Err(BadSetting { name: self.name, value: value.into_owned(), expected, default })
    }
}

impl fmt::Display for Setting {
    /// As it is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

/// Whether every value can be understood.
///
/// # Errors
/// One cannot.
pub fn check_all() -> Result<(), BadSetting> {
    // The nearest to the command line first.
    SETTINGS.iter().rev().try_for_each(|setting| setting.check())
}

/// Every variable with its meaning, as a Markdown table.
#[must_use]
pub fn table() -> String {
    let rows = SETTINGS.iter().map(|row| format!("| `{row}` | {} |\n", row.meaning));
    format!("| variable | what it does |\n| --- | --- |\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_stands_once_in_the_table() {
        let table = table();
        for setting in SETTINGS {
            assert_eq!(table.matches(&format!("| `{}=", setting.name)).count(), 1, "{table}");
        }
        assert_eq!(table.lines().count(), 2 + SETTINGS.len());
    }

    #[test]
    fn seconds_are_finite_and_from_0() {
        assert_eq!(seconds("0.5"), Some(0.5));
        assert!(["-1", "inf", "NaN", "soon", ""].iter().all(|text| seconds(text).is_none()));
    }
}
