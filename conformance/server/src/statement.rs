//! BACKUP and RESTORE, read from the text that a client hands to `sqlcmd`.
//!
//! The words come from `logos`, which is kept, small, and says where a word stands; the
//! grammar of two statements is short enough to be followed by hand. `sqlparser` knows
//! neither BACKUP nor RESTORE.

use super::options::{Effect, Options, Value, clash, option};
use super::reader::{BadStatement, Reader, bad};
use super::verb::{Verb, What};
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
    /// The name of the database.
    pub database: String,
    /// The names in its VIRTUAL_DEVICE clauses; the first is that of the set.
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

impl Reader<'_> {
    /// What stands behind BACKUP or RESTORE, which began in this line.
    pub(super) fn statement(&mut self, verb: Verb, line: usize) -> Result<Statement, BadStatement> {
        let what = self.what(verb, line)?;
        let database = self.name("the name of a database")?;
        self.need(if verb == Verb::Backup { "TO" } else { "FROM" })?;
        let devices = self.devices()?;
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
        Ok(Statement { verb, what, database, devices, options, without_effect, line })
    }

    /// Of what: the database, or its log.
    fn what(&mut self, verb: Verb, line: usize) -> Result<What, BadStatement> {
        /// What a server can do, too.
        const OTHERS: [&str; 9] = [
            "VERIFYONLY",
            "HEADERONLY",
            "FILELISTONLY",
            "LABELONLY",
            "REWINDONLY",
            "SERVER",
            "GROUP",
            "CERTIFICATE",
            "MASTER",
        ];
        if self.keyword("DATABASE") {
            return Ok(What::Database);
        }
        if ["LOG", "TRANSACTION", "TRAN"].iter().any(|word| self.keyword(word)) {
            return Ok(What::Log);
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
        let what = if self.what == What::Database { "DATABASE" } else { "LOG" };
        format!("{} {what}", self.verb.name())
    }
}
