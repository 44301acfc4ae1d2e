//! The statements, and the command line that hands them to the server.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::steps::{Asked, Verb};

/// What stands for the statement in the words of the command line.
const STATEMENT: &str = "{statement}";

/// How statements reach the server: the words of a command line, in one of which the
/// statement is put. No shell reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sql(Vec<String>);

/// Why a command line is none for statements.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSql {
    /// It cannot be read.
    #[error("its quotes are not closed, or nothing stands behind its last backslash")]
    Quotes,
    /// It does not say where the statement goes.
    #[error(
        "{{statement}} is nowhere in it, expected a command line such as 'sqlcmd -b -Q {{statement}}'"
    )]
    NoStatement,
    /// It begins with the statement.
    #[error("it begins with {{statement}}, expected a program")]
    NoProgram,
}

impl Sql {
    /// Reads a command line.
    ///
    /// # Errors
    /// It cannot be one.
    pub fn parse(line: &str) -> Result<Self, BadSql> {
        let words = shlex::split(line).ok_or(BadSql::Quotes)?;
        if !words.iter().any(|word| word.contains(STATEMENT)) {
            return Err(BadSql::NoStatement);
        }
        if words[0].contains(STATEMENT) {
            return Err(BadSql::NoProgram);
        }
        Ok(Self(words))
    }

    /// Its program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.0[0]
    }

    /// Begins to hand a statement over; what is printed goes behind the end of a file.
    ///
    /// # Errors
    /// The program cannot be started, or the file not be written.
    pub fn begin(&self, statement: &str, output: &Path) -> io::Result<Child> {
        let output = File::options().append(true).create(true).open(output)?;
        let words = self.0.iter().skip(1).map(|word| word.replace(STATEMENT, statement));
        let mut command = Command::new(self.program());
        command.args(words).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        command.spawn()
    }
}

/// The names of a scenario: those of its database and of its set, made of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The database.
    pub database: String,
    /// The set.
    pub set: String,
}

impl Names {
    /// The name of a device, from 1: that of the first is the set's.
    #[must_use]
    pub fn device(&self, number: u8) -> String {
        if number <= 1 { self.set.clone() } else { format!("{}-{number}", self.set) }
    }

    /// What no set and no device is called.
    #[must_use]
    pub fn unknown(&self) -> String {
        format!("{}-unknown", self.set)
    }

    /// The statement.
    #[must_use]
    pub fn statement(&self, asked: &Asked) -> String {
        let Self { database, .. } = self;
        let nothing = if asked.of_nothing { "_not_there" } else { "" };
        let devices: Vec<String> = (1..=asked.devices)
            .map(|number| format!("VIRTUAL_DEVICE='{}'", self.device(number)))
            .collect();
        let devices = devices.join(", ");
        let (verb, to, always) = match asked.verb {
            Verb::Backup => ("BACKUP", "TO", ""),
            Verb::Restore => ("RESTORE", "FROM", "REPLACE"),
        };
        let with = [always, &asked.with].into_iter().filter(|word| !word.is_empty());
        let with = with.collect::<Vec<_>>().join(", ");
        let with = if with.is_empty() { String::new() } else { format!(" WITH {with}") };
        format!("{verb} DATABASE [{database}{nothing}] {to} {devices}{with}")
    }

    /// What makes the database.
    #[must_use]
    pub fn creation(&self) -> String {
        format!("CREATE DATABASE [{}]", self.database)
    }

    /// What drops it.
    #[must_use]
    pub fn removal(&self) -> String {
        format!("DROP DATABASE [{}]", self.database)
    }
}

/// What names of databases begin with that are the probe's to make and to drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabasePrefix(String);

/// Why a prefix is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no prefix for databases that may be made and dropped: expected 4 to 40 letters of \
     a to z, digits and _, the first of them a letter, such as vdi_probe_"
)]
pub struct BadPrefix(String);

impl DatabasePrefix {
    /// Takes a prefix.
    ///
    /// # Errors
    /// It is too short to tell such databases from others, or has other characters.
    pub fn parse(text: &str) -> Result<Self, BadPrefix> {
        let letters = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if letters && begins && (4..=40).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadPrefix(text.to_owned()))
        }
    }

    /// The names of the scenario of this number, in this run.
    #[must_use]
    pub fn names(&self, run: &str, number: usize) -> Names {
        let Self(prefix) = self;
        Names {
            database: format!("{prefix}{run}_{number}"),
            set: format!("{prefix}{run}-{number}"),
        }
    }
}

/// A name with the database of another's prefix is never made: whatever is made or dropped is
/// named by [`DatabasePrefix::names`] alone.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_says_where_the_statement_goes() {
        let sql = Sql::parse("sqlcmd -S 'a b' -Q {statement}").expect("a command line");
        assert_eq!(
            sql,
            Sql(["sqlcmd", "-S", "a b", "-Q", "{statement}"].map(str::to_owned).into())
        );
        assert_eq!(Sql::parse("sqlcmd -Q"), Err(BadSql::NoStatement));
        assert_eq!(Sql::parse("{statement}"), Err(BadSql::NoProgram));
        assert_eq!(Sql::parse("sqlcmd 'x {statement}"), Err(BadSql::Quotes));
    }

    #[test]
    fn what_could_be_anybodys_database_is_refused() {
        for bad in ["", "abc", "Probe_", "1probe", "a b c d", "probe'", "probe]", "_probe"] {
            assert!(DatabasePrefix::parse(bad).is_err(), "{bad}");
        }
        let names = DatabasePrefix::parse("vdi_probe_").expect("a prefix").names("77", 3);
        assert_eq!(names.creation(), "CREATE DATABASE [vdi_probe_77_3]");
        assert_eq!(names.removal(), "DROP DATABASE [vdi_probe_77_3]");
        let asked = |verb, devices, with: &str| Asked {
            verb,
            devices,
            with: with.to_owned(),
            of_nothing: false,
        };
        assert_eq!(
            names.statement(&asked(Verb::Backup, 2, "BLOCKSIZE=4096")),
            "BACKUP DATABASE [vdi_probe_77_3] TO VIRTUAL_DEVICE='vdi_probe_77-3', \
             VIRTUAL_DEVICE='vdi_probe_77-3-2' WITH BLOCKSIZE=4096"
        );
        assert_eq!(
            names.statement(&asked(Verb::Restore, 1, "")),
            "RESTORE DATABASE [vdi_probe_77_3] FROM VIRTUAL_DEVICE='vdi_probe_77-3' WITH REPLACE"
        );
    }
}
