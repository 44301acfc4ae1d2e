//! BACKUP and RESTORE, read from the text that a client hands to `sqlcmd`.
//!
//! The words come from `logos`, which is kept, small, and says where a word stands; the
//! grammar of two statements is short enough to be followed by hand. `sqlparser` knows
//! neither BACKUP nor RESTORE.

use super::options::{Effect, Options, Value, clash, option};
use super::verb::{Verb, What};
use super::words::{Placed, Word, words};

/// Characters of a word that are shown of one that is wrong.
const NEAR: usize = 128;

/// What a statement may begin with.
const KNOWN: &str = "BACKUP, RESTORE, CREATE, DROP, SELECT, USE or SET: nothing else is known here";

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

/// One statement of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// BACKUP or RESTORE.
    Run(Statement),
    /// USE: nothing happens, and it is said.
    Use(String),
    /// SET, which does nothing here.
    Set,
    /// CREATE DATABASE.
    Create(String),
    /// DROP DATABASE.
    Drop(String),
    /// SELECT @@VERSION.
    Version,
}

/// Why a text is no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct BadStatement {
    /// The number a server gives such an error.
    pub number: u32,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The statements of a batch, in the order they are to be carried out; `;` may part them. `GO` is not SQL: it parts batches, and
/// whoever reads a script takes it out.
///
/// ```
/// use vdi_server::{Order, Verb, parse};
///
/// let batch = parse("backup database [my db] to virtual_device = N'S', virtual_device='S2' \
///     with blocksize = 4096, copy_only")?;
/// let Order::Run(backup) = &batch[0] else { panic!("a BACKUP") };
/// assert_eq!((backup.verb, backup.database.as_str()), (Verb::Backup, "my db"));
/// assert_eq!(backup.devices, ["S", "S2"]);
/// assert_eq!(backup.options.block_size, Some(4096));
/// let wrong = parse("BACKUP DATABASE x TO VIRTUAL_DEVICE='S' WITH FAST").expect_err("unknown");
/// assert_eq!(wrong.message, "'FAST' is not a recognized BACKUP option.");
/// # Ok::<(), vdi_server::BadStatement>(())
/// ```
///
/// # Errors
/// The first thing that is not understood.
pub fn parse(text: &str) -> Result<Vec<Order>, BadStatement> {
    let lines = Lines::of(text);
    let words = words(text).map_err(|span| {
        let piece: String = text[span.start..].chars().take(20).collect();
        bad(105, lines.of_place(span.start), format!("Unclosed or unknown text near '{piece}'."))
    })?;
    let mut reader = Reader { text, lines: &lines, words: &words, next: 0 };
    let mut batch = Vec::new();
    while reader.next < words.len() {
        if !reader.takes(&Word::Semicolon) {
            batch.push(reader.order()?);
        }
    }
    Ok(batch)
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

const fn bad(number: u32, line: usize, message: String) -> BadStatement {
    BadStatement { number, line, message }
}

/// Where the lines of a text begin: every word is asked for its own.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The line of a place, counted from 1.
    fn of_place(&self, place: usize) -> usize {
        self.0.partition_point(|start| *start <= place) + 1
    }
}

/// The words of a text, one after the other.
struct Reader<'a> {
    text: &'a str,
    lines: &'a Lines,
    words: &'a [Placed],
    next: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next).map(|placed| &placed.word)
    }

    fn line(&self) -> usize {
        let place = self.words.get(self.next).or(self.words.last());
        place.map_or(1, |placed| self.lines.of_place(placed.start))
    }

    /// The word that comes next is not what must come.
    fn wrong(&self, expected: &str) -> BadStatement {
        let message = match self.words.get(self.next) {
            Some(placed) => {
                let near: String = self.text[placed.start..placed.end].chars().take(NEAR).collect();
                format!("Incorrect syntax near '{near}'. Expected {expected}.")
            }
            None => format!("The statement ends too early. Expected {expected}."),
        };
        bad(102, self.line(), message)
    }

    fn takes(&mut self, word: &Word) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Word::Plain(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn need(&mut self, keyword: &str) -> Result<(), BadStatement> {
        if self.keyword(keyword) { Ok(()) } else { Err(self.wrong(keyword)) }
    }

    /// A name, with or without quotes.
    fn name(&mut self, expected: &str) -> Result<String, BadStatement> {
        match self.peek() {
            Some(Word::Plain(name) | Word::Quoted(name)) if !name.is_empty() => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.wrong(expected)),
        }
    }

    fn text(&mut self, expected: &str) -> Result<String, BadStatement> {
        match self.peek() {
            Some(Word::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.wrong(expected)),
        }
    }

    fn number(&mut self, name: &str) -> Result<u32, BadStatement> {
        let number = match self.peek() {
            Some(Word::Number(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.wrong(&format!("a number for {name}")))?;
        self.next += 1;
        Ok(number)
    }

    fn order(&mut self) -> Result<Order, BadStatement> {
        let line = self.line();
        if self.keyword("USE") {
            return self.name("the name of a database").map(Order::Use);
        }
        if self.keyword("SET") {
            self.name("an option such as NOCOUNT")?;
            self.name("ON or OFF")?;
            return Ok(Order::Set);
        }
        if self.keyword("SELECT") {
            let asked = matches!(self.peek(), Some(Word::Variable(name)) if name.eq_ignore_ascii_case("@@VERSION"));
            if !asked {
                return Err(self.wrong("@@VERSION: nothing else is selected here"));
            }
            self.next += 1;
            return self.end().map(|()| Order::Version);
        }
        if self.keyword("CREATE") {
            return self.database().map(Order::Create);
        }
        if self.keyword("DROP") {
            return self.database().map(Order::Drop);
        }
        let verb = match () {
            () if self.keyword("BACKUP") => Verb::Backup,
            () if self.keyword("RESTORE") => Verb::Restore,
            () => return Err(self.wrong(KNOWN)),
        };
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
        self.end()?;
        if options.snapshot {
            snapshot(verb, what, &devices, &without_effect)
                .map_err(|(number, message)| bad(number, line, message))?;
        }
        Ok(Order::Run(Statement { verb, what, database, devices, options, without_effect, line }))
    }

    /// The name of a database that is made or dropped; nothing else is.
    fn database(&mut self) -> Result<String, BadStatement> {
        self.need("DATABASE")?;
        let name = self.name("the name of a database")?;
        self.end()?;
        Ok(name)
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

    /// A statement ends where the text does, at `;`, or where another begins.
    fn end(&self) -> Result<(), BadStatement> {
        const BEGINNINGS: [&str; 7] =
            ["BACKUP", "RESTORE", "CREATE", "DROP", "SELECT", "USE", "SET"];
        match self.peek() {
            None | Some(Word::Semicolon) => Ok(()),
            Some(Word::Plain(word))
                if BEGINNINGS.iter().any(|begin| word.eq_ignore_ascii_case(begin)) =>
            {
                Ok(())
            }
            Some(_) => Err(self.wrong("WITH, a comma, or the end of the statement")),
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
            self.next += 1;
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
            self.next += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).expect_err("not a statement").to_string()
    }

    #[test]
    fn statements_are_parted() {
        let text = "USE master\n\nSET NOCOUNT ON;\nBACKUP LOG x TO VIRTUAL_DEVICE='a'\n\
            RESTORE DATABASE x FROM VIRTUAL_DEVICE='a' WITH MOVE 'a' TO 'b', REPLACE, STATS = 5;";
        let batch = parse(text).expect("four");
        assert_eq!(batch.len(), 4);
        let Order::Run(restore) = &batch[3] else { panic!("{batch:?}") };
        assert_eq!((restore.line, restore.options.stats), (5, Some(5)));
    }

    #[test]
    fn what_servers_know_is_accepted_and_said_to_have_no_effect() {
        let text = "BACKUP TRANSACTION x TO VIRTUAL_DEVICE='a' WITH COMPRESSION (ALGORITHM = \
            ZSTD), ENCRYPTION(ALGORITHM = AES_256, SERVER CERTIFICATE = c), CREDENTIAL = 'c'\n\
            RESTORE LOG x FROM VIRTUAL_DEVICE='a' WITH KEEP_CDC, NEW_BROKER, MOVE 'a' TO 'b', \
            MOVE 'c' TO 'd', STOPATMARK = 'm' AFTER '2026-01-01'";
        let batch = parse(text).expect("two");
        let [Order::Run(backup), Order::Run(restore)] = &batch[..] else { panic!("{batch:?}") };
        assert_eq!(backup.what, What::Log);
        assert_eq!(backup.without_effect, ["COMPRESSION", "ENCRYPTION", "CREDENTIAL"]);
        let expected = ["KEEP_CDC", "NEW_BROKER", "MOVE", "MOVE", "STOPATMARK"];
        assert_eq!(restore.without_effect, expected);
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        for (text, expected) in [
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a', VIRTUAL_DEVICE='a'",
                "line 1: Device 'a' is named twice. Ensure that backup devices are correctly \
                specified.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a', VIRTUAL_DEVICE='b' WITH SNAPSHOT",
                "line 1: WITH SNAPSHOT must be used with only one virtual device.",
            ),
            (
                "RESTORE DATABASE x FROM VIRTUAL_DEVICE='a', VIRTUAL_DEVICE='b' WITH SNAPSHOT",
                "line 1: WITH SNAPSHOT must be used with only one virtual device.",
            ),
            (
                "BACKUP LOG x TO VIRTUAL_DEVICE='a' WITH SNAPSHOT",
                "line 1: BACKUP LOG cannot be used WITH SNAPSHOT: it is for full and file backups.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH DIFFERENTIAL, SNAPSHOT",
                "line 1: Option 'snapshot' conflicts with option(s) 'differential'. Remove the \
                conflicting option and reissue the statement.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH SNAPSHOT, DIFFERENTIAL",
                "line 1: Option 'snapshot' conflicts with option(s) 'differential'. Remove the \
                conflicting option and reissue the statement.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH CHECKSUM,\nNO_CHECKSUM",
                "line 2: Option 'no_checksum' conflicts with option(s) 'checksum'. Remove the \
                conflicting option and reissue the statement.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH BLOCKSIZE=512, BLOCKSIZE=512",
                "line 1: Option 'blocksize' is specified more than once.",
            ),
            (
                "RESTORE VERIFYONLY FROM VIRTUAL_DEVICE='a'",
                "line 1: RESTORE VERIFYONLY is not supported here: only DATABASE and LOG are.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH METADATA_ONLY",
                "line 1: The BACKUP option METADATA_ONLY is not supported here.",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, expected) in [
            (
                "SELECT 1",
                "line 1: Incorrect syntax near '1'. Expected @@VERSION: nothing else is selected \
                here.",
            ),
            (
                "BACKUP DATABASE x TO DISK='a'",
                "line 1: Incorrect syntax near 'DISK'. Expected \
                VIRTUAL_DEVICE: there are no other devices here.",
            ),
            (
                "BACKUP DATABASE x TO\nVIRTUAL_DEVICE=a",
                "line 2: Incorrect syntax near 'a'. \
                Expected the name of a device, in single quotes.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH REPLACE",
                "line 1: 'REPLACE' is not a recognized BACKUP option.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' WITH BLOCKSIZE=1000",
                "line 1: Invalid value specified for BLOCKSIZE: it must be a power of 2 from 512 \
                to 65536.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a",
                "line 1: Unclosed or unknown text near \
                ''a'.",
            ),
            (
                "BACKUP DATABASE",
                "line 1: The statement ends too early. Expected the name of a \
                database.",
            ),
            (
                "USE a GO",
                "line 1: Incorrect syntax near 'GO'. Expected BACKUP, RESTORE, CREATE, DROP, \
                SELECT, USE or SET: nothing else is known here.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' MIRROR",
                "line 1: Incorrect syntax near \
                'MIRROR'. Expected WITH, a comma, or the end of the statement.",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }
}
