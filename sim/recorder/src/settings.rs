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

/// Every variable, in the order of [`table`].
pub const SETTINGS: [&Setting; 12] = [
    &TIMEOUT_UNIT,
    &TRACE,
    &PREFIX,
    &GROUP,
    &DEBUG,
    &ORIGINAL,
    &RECORD,
    &DATA,
    &FAULTS,
    &WAIT,
    &SERVER,
    &OUTCOME,
];

/// The unit of time-outs in C++.
pub const TIMEOUT_UNIT: Setting = Setting {
    name: "VDI_TIMEOUT_UNIT",
    value: "seconds",
    meaning: "time-outs are seconds, as a published sample has them; else milliseconds. The \
        recorder takes them so, too",
    kind: Kind::Words(&["milliseconds", "seconds"]),
};

/// Where sets are recorded.
pub const TRACE: Setting = Setting {
    name: "VDI_TRACE",
    value: "FILE",
    meaning: "a set is recorded there; `%s` in the name stands for the name of the set, `%p` for \
        the number of the process",
    kind: Kind::Text,
};

/// What the names of shared memory objects begin with.
pub const PREFIX: Setting = Setting {
    name: "VDI_PREFIX",
    value: "PREFIX",
    meaning: "what the names of shared memory objects begin with",
    kind: Kind::Text,
};

/// Whether sets of the same group are used.
pub const GROUP: Setting = Setting {
    name: "VDI_GROUP",
    value: "1",
    meaning: "sets are for the users of one group, not of one user",
    kind: Kind::Words(&["0", "1"]),
};

/// Whether failures are explained.
pub const DEBUG: Setting = Setting {
    name: "VDI_DEBUG",
    value: "1",
    meaning: "of the library: what fails is told on standard error",
    kind: Kind::Text,
};

/// The library that is recorded.
pub const ORIGINAL: Setting = Setting {
    name: "VDI_ORIGINAL",
    value: "FILE",
    meaning: "of the recorder: the path of the library that is recorded, if the program is not \
        linked with it",
    kind: Kind::Text,
};

/// Where the recorder records.
pub const RECORD: Setting = Setting {
    name: "VDI_RECORD",
    value: "FILE",
    meaning: "of the recorder: where it records, before `VDI_TRACE`",
    kind: Kind::Text,
};

/// The folder of databases.
pub const DATA: Setting = Setting {
    name: "VDI_DATA",
    value: "FOLDER",
    meaning: "of the server: the folder of its databases",
    kind: Kind::Text,
};

/// What goes wrong on purpose.
pub const FAULTS: Setting = Setting {
    name: "VDI_FAULTS",
    value: "FAULTS",
    meaning: "of the server: what goes wrong on purpose, as `vdi serve --help` lists it",
    kind: Kind::Text,
};

/// How long a set is waited for.
pub const WAIT: Setting = Setting {
    name: "VDI_WAIT",
    value: "SECONDS",
    meaning: "of `sqlcmd`: how long a set that does not exist yet is waited for",
    kind: Kind::Seconds,
};

/// Where the standing server listens.
pub const SERVER: Setting = Setting {
    name: "VDI_SERVER",
    value: "SOCKET",
    meaning: "where `vdi serve` listens and `sqlcmd` hands its statements over, or `none`",
    kind: Kind::Text,
};

/// Where it is written what became of statements.
pub const OUTCOME: Setting = Setting {
    name: "VDI_OUTCOME",
    value: "FILE",
    meaning: "of the server: a line of JSON for each statement, and for each fault as it happens",
    kind: Kind::Text,
};

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
