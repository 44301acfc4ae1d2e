//! BACKUP and RESTORE, read from the text that a client hands to `sqlcmd`.
//!
//! The words and the grammar of two statements are short enough to be followed by hand: `logos`
//! compiles two engines of regular expressions to make the first, and `sqlparser` knows neither
//! BACKUP nor RESTORE.

use super::options::{Effect, Options, Value, clash, option};
use super::parser::{BadStatement, Parser, bad};
use super::verb::{Look, Verb, What};
use super::words::Word;

/// Devices of a set, at most.
const DEVICES: usize = 64;

/// A BACKUP or RESTORE to virtual devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub verb: Verb,
    /// Of what.
    pub what: What,
    /// What is looked at instead of restoring it.
    pub look: Option<Look>,
    /// The name of the database; empty if a backup is looked at.
    pub database: String,
    /// The names in its VIRTUAL_DEVICE clauses; the first is that of the set. There is none if
    /// a database is recovered that was restored before.
    pub devices: Vec<String>,
    /// What stands behind WITH.
    pub options: Options,
    /// Options of it that have no effect here.
    pub without_effect: Vec<&'static str>,
    /// The line it begins in, counted from 1.
    pub line: usize,
}

/// What a snapshot is not taken of: a log, a difference, or on several devices. A restore of
/// one uses one device, too.
///
/// Source: SQL Server 2005 Virtual Backup Device Specification, Snapshot.
fn snapshot(
    verb: Verb,
    what: What,
    devices: &[String],
    without_effect: &[&str],
) -> Result<(), (u32, String)> {
    if devices.len() > 1 {
        let message = "WITH SNAPSHOT must be used with only one virtual device.";
        return Err((3277, message.to_owned()));
    }
    let name = verb.name();
    if what == What::Log {
        let message =
            format!("{name} LOG cannot be used WITH SNAPSHOT: it is for full and file backups.");
        return Err((3278, message));
    }
    if without_effect.contains(&"DIFFERENTIAL") {
        let message = "Option 'snapshot' conflicts with option(s) 'differential'. Remove the \
            conflicting option and reissue the statement.";
        return Err((3031, message.to_owned()));
    }
    Ok(())
}

impl Parser<'_> {
    /// What stands behind BACKUP or RESTORE, which began in this line.
    pub(super) fn statement(&mut self, verb: Verb, line: usize) -> Result<Statement, BadStatement> {
        let (what, look) = self.what(verb, line)?;
        let mut database = String::new();
        if look.is_none() {
            database = self.name("the name of a database")?;
            self.parts(verb, &database)?;
        }
        let devices = if self.recovers(verb, look) {
            Vec::new()
        } else {
            self.need(if verb == Verb::Backup { "TO" } else { "FROM" })?;
            self.devices()?
        };
        if self.keyword("MIRROR") {
            return Err(bad(3015, self.line(), "MIRROR TO is not supported here.".to_owned()));
        }
        let (mut options, mut without_effect) = (Options::default(), Vec::new());
        if self.keyword("WITH") {
            let mut has = Vec::new();
            without_effect.extend(self.option(verb, &mut options, &mut has)?);
            while self.takes(&Word::Comma) {
                without_effect.extend(self.option(verb, &mut options, &mut has)?);
            }
        }
        if options.snapshot {
            snapshot(verb, what, &devices, &without_effect)
                .map_err(|(number, message)| bad(number, line, message))?;
        }
        Ok(Statement { verb, what, look, database, devices, options, without_effect, line })
    }

    /// Whether it is a RESTORE without devices, which recovers what was restored before.
    fn recovers(&self, verb: Verb, look: Option<Look>) -> bool {
        let ends = match self.peek() {
            None | Some(Word::Semicolon) => true,
            Some(Word::Plain(word)) => word.eq_ignore_ascii_case("WITH"),
            Some(_) => false,
        };
        verb == Verb::Restore && look.is_none() && ends
    }

    /// Files, filegroups and pages behind the name of a database. It has one file here, of its
    /// own name, in the filegroup PRIMARY: that is all of it, and there is no other.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3234 and 3235.
    fn parts(&mut self, verb: Verb, database: &str) -> Result<(), BadStatement> {
        loop {
            let line = self.line();
            if self.keyword("READ_WRITE_FILEGROUPS") {
                // It is one.
            } else if self.keyword("PAGE") {
                let message = "RESTORE of pages is not supported here.".to_owned();
                return Err(bad(3015, line, message));
            } else if self.keyword("FILEGROUP") {
                let group = self.part("FILEGROUP")?;
                if !group.eq_ignore_ascii_case("PRIMARY") {
                    let message = format!("There is no filegroup '{group}' here, only PRIMARY.");
                    return Err(bad(3015, line, message));
                }
            } else if self.keyword("FILE") {
                let file = self.part("FILE")?;
                if !file.eq_ignore_ascii_case(database) {
                    return Err(match verb {
                        Verb::Backup => bad(
                            3235,
                            line,
                            format!(
                                "The file \"{file}\" is not part of database \"{database}\". You can \
                             only list files that are members of this database."
                            ),
                        ),
                        Verb::Restore => bad(
                            3234,
                            line,
                            format!(
                                "Logical file '{file}' is not part of database '{database}'. Use \
                             RESTORE FILELISTONLY to list the logical file names."
                            ),
                        ),
                    });
                }
            } else {
                return Ok(());
            }
            self.takes(&Word::Comma);
        }
    }

    fn part(&mut self, name: &str) -> Result<String, BadStatement> {
        if !self.takes(&Word::Equals) {
            return Err(self.wrong(&format!("= after {name}")));
        }
        self.text("a name, in single quotes")
    }

    /// Of what: the database, or its log; or what is looked at.
    fn what(&mut self, verb: Verb, line: usize) -> Result<(What, Option<Look>), BadStatement> {
        /// What a server can do, too.
        const OTHERS: [&str; 5] = ["REWINDONLY", "SERVER", "GROUP", "CERTIFICATE", "MASTER"];
        if self.keyword("DATABASE") {
            return Ok((What::Database, None));
        }
        if ["LOG", "TRANSACTION", "TRAN"].iter().any(|word| self.keyword(word)) {
            return Ok((What::Log, None));
        }
        if verb == Verb::Restore
            && let Some(look) = Look::ALL.into_iter().find(|look| self.keyword(look.name()))
        {
            return Ok((What::Database, Some(look)));
        }
        match OTHERS.iter().find(|word| self.keyword(word)) {
            Some(other) => {
                let title = format!("{} {other}", verb.name());
                let message = format!("{title} is not supported here: only DATABASE and LOG are.");
                Err(bad(3015, line, message))
            }
            None => Err(self.wrong("DATABASE or LOG")),
        }
    }

    fn device(&mut self) -> Result<String, BadStatement> {
        if !self.keyword("VIRTUAL_DEVICE") {
            return Err(self.wrong("VIRTUAL_DEVICE: there are no other devices here"));
        }
        if !self.takes(&Word::Equals) {
            return Err(self.wrong("="));
        }
        self.text("the name of a device, in single quotes")
    }

    /// The names of the devices, each another.
    fn devices(&mut self) -> Result<Vec<String>, BadStatement> {
        let mut devices: Vec<String> = Vec::new();
        loop {
            let line = self.line();
            let device = self.device()?;
            if devices.contains(&device) {
                let message = format!(
                    "Device '{device}' is named twice. Ensure that backup devices are correctly \
                     specified."
                );
                return Err(bad(3227, line, message));
            }
            devices.push(device);
            if devices.len() > DEVICES {
                let message = format!(
                    "Too many backup devices specified for backup or restore; only {DEVICES} are \
                     allowed."
                );
                return Err(bad(3205, line, message));
            }
            if !self.takes(&Word::Comma) {
                return Ok(devices);
            }
        }
    }

    /// One option, which goes to those that the statement `has`; its name, if it has no effect.
    fn option(
        &mut self,
        verb: Verb,
        options: &mut Options,
        has: &mut Vec<&'static str>,
    ) -> Result<Option<&'static str>, BadStatement> {
        let line = self.line();
        let name = self.name("an option")?.to_ascii_uppercase();
        let verb_name = verb.name();
        let Some((name, value, effect)) = option(&name, verb) else {
            let message = format!("'{name}' is not a recognized {verb_name} option.");
            return Err(bad(155, line, message));
        };
        if effect == Effect::Unsupported {
            let message = format!("The {verb_name} option {name} is not supported here.");
            return Err(bad(3032, line, message));
        }
        if let Some(message) = clash(name, has) {
            return Err(bad(3031, line, message));
        }
        has.push(name);
        let number = self.value(name, value)?;
        options.set(name, number).map_err(|message| bad(3217, line, message))?;
        Ok((effect == Effect::None).then_some(name))
    }

    /// What stands behind an option's name; 0 if that is no number.
    fn value(&mut self, name: &str, value: Value) -> Result<u32, BadStatement> {
        match value {
            Value::Nothing => return Ok(0),
            Value::Percent if self.peek() != Some(&Word::Equals) => return Ok(10),
            Value::MaybeList if self.peek() != Some(&Word::Open) => return Ok(0),
            Value::List | Value::MaybeList => return self.list(name).map(|()| 0),
            Value::Move => {
                self.text("the name of a file")?;
                self.need("TO")?;
                self.text("the place of a file")?;
                return Ok(0);
            }
            Value::Number | Value::Percent | Value::Any | Value::Mark => {}
        }
        if !self.takes(&Word::Equals) {
            return Err(self.wrong(&format!("= after {name}")));
        }
        if value == Value::Mark {
            self.text("the name of a mark")?;
            if self.keyword("AFTER") {
                self.text("a time")?;
            }
            return Ok(0);
        }
        if value == Value::Any && matches!(self.peek(), Some(Word::Text(_))) {
            self.skip();
            return Ok(0);
        }
        self.number(name)
    }

    /// Whatever stands in parentheses.
    fn list(&mut self, name: &str) -> Result<(), BadStatement> {
        if !self.takes(&Word::Open) {
            return Err(self.wrong(&format!("( after {name}")));
        }
        while !self.takes(&Word::Close) {
            if matches!(self.peek(), None | Some(Word::Open | Word::Semicolon)) {
                return Err(self.wrong(")"));
            }
            self.skip();
        }
        Ok(())
    }
}

impl Statement {
    /// Its first two words.
    #[must_use]
    pub fn title(&self) -> String {
        let what = match (self.look, self.what) {
            (Some(look), _) => look.name(),
            (None, What::Database) => "DATABASE",
            (None, What::Log) => "LOG",
        };
        format!("{} {what}", self.verb.name())
    }
}
