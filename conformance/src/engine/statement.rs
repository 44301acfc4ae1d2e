//! BACKUP and RESTORE, read from the text that a client hands to `sqlcmd`.
//!
//! The words come from `logos`, which is kept, small, and says where a word stands; the
//! grammar of two statements is short enough to be followed by hand. `sqlparser` knows
//! neither BACKUP nor RESTORE.

use super::words::{Placed, Word, words};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It reads the database and writes media.
    Backup,
    /// It reads media and writes the database.
    Restore,
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The database.
    Database,
    /// Its log.
    Log,
}

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

/// What stands behind WITH, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a block.
    pub block_size: Option<u32>,
    /// Buffers of the whole statement.
    pub buffer_count: Option<u32>,
    /// Bytes of the largest transfer.
    pub max_transfer_size: Option<u32>,
    /// The data is frozen and copied by the client.
    pub snapshot: bool,
    /// Without the checksum of the data on the media.
    pub no_checksum: bool,
    /// How often, in percent, it is told how far the statement is.
    pub stats: Option<u32>,
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
}

/// Statements in the order they are to be carried out.
pub type Batch = Vec<Order>;

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

/// What may stand behind an option's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Nothing,
    /// A number, after `=`.
    Number,
    /// A number, or nothing.
    Percent,
    /// A text or a number, after `=`.
    Any,
    /// MOVE: a text, TO, a text.
    Move,
}

/// What an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Both,
    Backup,
    Restore,
}

/// Whether an option changes anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Some,
    None,
}

/// Every option that is understood. Those behind "no effect" are accepted, and nothing that
/// a client could see depends on them: no medium is overwritten or appended to here, a
/// backup is always one of everything, and data is not compressed.
const OPTIONS: &[(&str, Value, For, Effect)] = &[
    ("BLOCKSIZE", Value::Number, For::Both, Effect::Some),
    ("BUFFERCOUNT", Value::Number, For::Both, Effect::Some),
    ("CHECKSUM", Value::Nothing, For::Both, Effect::Some),
    ("COMPRESSION", Value::Nothing, For::Backup, Effect::None),
    ("CONTINUE_AFTER_ERROR", Value::Nothing, For::Both, Effect::None),
    ("COPY_ONLY", Value::Nothing, For::Backup, Effect::None),
    ("DESCRIPTION", Value::Any, For::Backup, Effect::None),
    ("DIFFERENTIAL", Value::Nothing, For::Backup, Effect::None),
    ("EXPIREDATE", Value::Any, For::Backup, Effect::None),
    ("FILE", Value::Number, For::Restore, Effect::None),
    ("FORMAT", Value::Nothing, For::Backup, Effect::None),
    ("INIT", Value::Nothing, For::Backup, Effect::None),
    ("KEEP_REPLICATION", Value::Nothing, For::Restore, Effect::None),
    ("MAXTRANSFERSIZE", Value::Number, For::Both, Effect::Some),
    ("MEDIADESCRIPTION", Value::Any, For::Backup, Effect::None),
    ("MEDIANAME", Value::Any, For::Both, Effect::None),
    ("MEDIAPASSWORD", Value::Any, For::Both, Effect::None),
    ("MOVE", Value::Move, For::Restore, Effect::None),
    ("NAME", Value::Any, For::Backup, Effect::None),
    ("NOFORMAT", Value::Nothing, For::Backup, Effect::None),
    ("NOINIT", Value::Nothing, For::Backup, Effect::None),
    ("NORECOVERY", Value::Nothing, For::Both, Effect::None),
    ("NOREWIND", Value::Nothing, For::Both, Effect::None),
    ("NOSKIP", Value::Nothing, For::Backup, Effect::None),
    ("NOUNLOAD", Value::Nothing, For::Both, Effect::None),
    ("NO_CHECKSUM", Value::Nothing, For::Both, Effect::Some),
    ("NO_COMPRESSION", Value::Nothing, For::Backup, Effect::None),
    ("NO_TRUNCATE", Value::Nothing, For::Backup, Effect::None),
    ("PARTIAL", Value::Nothing, For::Restore, Effect::None),
    ("PASSWORD", Value::Any, For::Both, Effect::None),
    ("RECOVERY", Value::Nothing, For::Restore, Effect::None),
    ("REPLACE", Value::Nothing, For::Restore, Effect::None),
    ("RESTART", Value::Nothing, For::Both, Effect::None),
    ("RESTRICTED_USER", Value::Nothing, For::Restore, Effect::None),
    ("RETAINDAYS", Value::Number, For::Backup, Effect::None),
    ("REWIND", Value::Nothing, For::Both, Effect::None),
    ("SKIP", Value::Nothing, For::Backup, Effect::None),
    ("SNAPSHOT", Value::Nothing, For::Both, Effect::Some),
    ("STANDBY", Value::Any, For::Both, Effect::None),
    ("STATS", Value::Percent, For::Both, Effect::Some),
    ("STOPAT", Value::Any, For::Restore, Effect::None),
    ("STOP_ON_ERROR", Value::Nothing, For::Both, Effect::None),
    ("UNLOAD", Value::Nothing, For::Both, Effect::None),
];

/// The options that do something, and those that are accepted without effect, of BACKUP,
/// RESTORE or both, for people.
#[must_use]
pub fn list_options() -> String {
    let names = |wanted: Effect| {
        let all = OPTIONS.iter().filter(|(.., effect)| *effect == wanted);
        all.map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
    };
    format!(
        "Options of BACKUP and RESTORE that do what they say: {}.\n\n\
         Accepted without effect: {}. Any other is refused.",
        names(Effect::Some),
        names(Effect::None)
    )
}

/// The statements of a text. `GO` on a line of its own, which is `sqlcmd`'s and not SQL,
/// and `;` part them.
///
/// ```
/// use vdi_conformance::engine::{Order, Verb, parse};
///
/// let batch = parse("backup database [my db] to virtual_device = N'S', virtual_device='S2' \
///     with blocksize = 4096, copy_only")?;
/// let Order::Run(backup) = &batch[0] else { panic!("a BACKUP") };
/// assert_eq!((backup.verb, backup.database.as_str()), (Verb::Backup, "my db"));
/// assert_eq!(backup.devices, ["S", "S2"]);
/// assert_eq!(backup.options.block_size, Some(4096));
/// let wrong = parse("BACKUP DATABASE x TO VIRTUAL_DEVICE='S' WITH FAST").expect_err("unknown");
/// assert_eq!(wrong.message, "'FAST' is not a recognized BACKUP option.");
/// # Ok::<(), vdi_conformance::engine::BadStatement>(())
/// ```
///
/// # Errors
/// The first thing that is not understood.
pub fn parse(text: &str) -> Result<Batch, BadStatement> {
    let words = words(text).map_err(|span| {
        let piece: String = text[span.start..].chars().take(20).collect();
        bad(105, line_of(text, span.start), format!("Unclosed or unknown text near '{piece}'."))
    })?;
    let mut reader = Reader { text, words: &words, next: 0 };
    let mut batch = Batch::new();
    while reader.next < words.len() {
        if !reader.takes(&Word::Semicolon) && !reader.keyword("GO") {
            batch.push(reader.order()?);
        }
    }
    Ok(batch)
}

const fn bad(number: u32, line: usize, message: String) -> BadStatement {
    BadStatement { number, line, message }
}

fn line_of(text: &str, place: usize) -> usize {
    text[..place].matches('\n').count() + 1
}

/// The words of a text, one after the other.
struct Reader<'a> {
    text: &'a str,
    words: &'a [Placed],
    next: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next).map(|placed| &placed.word)
    }

    fn line(&self) -> usize {
        let place = self.words.get(self.next).or(self.words.last());
        place.map_or(1, |placed| line_of(self.text, placed.start))
    }

    /// The word that comes next is not what must come.
    fn wrong(&self, expected: &str) -> BadStatement {
        let message = match self.words.get(self.next) {
            Some(placed) => {
                let near = &self.text[placed.start..placed.end];
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
        let verb = match () {
            () if self.keyword("BACKUP") => Verb::Backup,
            () if self.keyword("RESTORE") => Verb::Restore,
            () => return Err(self.wrong("BACKUP, RESTORE, USE or SET: nothing else is known here")),
        };
        let what = match () {
            () if self.keyword("DATABASE") => What::Database,
            () if self.keyword("LOG") => What::Log,
            () => return Err(self.wrong("DATABASE or LOG")),
        };
        let database = self.name("the name of a database")?;
        self.need(if verb == Verb::Backup { "TO" } else { "FROM" })?;
        let mut devices = vec![self.device()?];
        while self.takes(&Word::Comma) {
            devices.push(self.device()?);
        }
        let (mut options, mut without_effect) = (Options::default(), Vec::new());
        if self.keyword("WITH") {
            without_effect.extend(self.option(verb, &mut options)?);
            while self.takes(&Word::Comma) {
                without_effect.extend(self.option(verb, &mut options)?);
            }
        }
        self.end()?;
        Ok(Order::Run(Statement { verb, what, database, devices, options, without_effect, line }))
    }

    /// A statement ends where the text does, at `;`, or where another begins.
    fn end(&self) -> Result<(), BadStatement> {
        const BEGINNINGS: [&str; 5] = ["BACKUP", "RESTORE", "USE", "SET", "GO"];
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

    /// One option; its name, if it has no effect.
    fn option(
        &mut self,
        verb: Verb,
        options: &mut Options,
    ) -> Result<Option<&'static str>, BadStatement> {
        let line = self.line();
        let name = self.name("an option")?.to_ascii_uppercase();
        let fits = |to: For| match to {
            For::Both => true,
            For::Backup => verb == Verb::Backup,
            For::Restore => verb == Verb::Restore,
        };
        let known = OPTIONS.iter().find(|(known, _, to, _)| *known == name && fits(*to));
        let Some((name, value, _, effect)) = known else {
            let verb = verb.name();
            return Err(bad(155, line, format!("'{name}' is not a recognized {verb} option.")));
        };
        let number = match value {
            Value::Nothing => 0,
            Value::Percent if self.peek() != Some(&Word::Equals) => 10,
            Value::Move => {
                self.text("the name of a file")?;
                self.need("TO")?;
                self.text("the place of a file")?;
                0
            }
            Value::Number | Value::Percent | Value::Any => {
                if !self.takes(&Word::Equals) {
                    return Err(self.wrong(&format!("= after {name}")));
                }
                match (value, self.peek()) {
                    (Value::Any, Some(Word::Text(_))) => {
                        self.next += 1;
                        0
                    }
                    _ => self.number(name)?,
                }
            }
        };
        options.set(name, number).map_err(|message| bad(3217, line, message))?;
        Ok((*effect == Effect::None).then_some(*name))
    }
}

impl Options {
    fn set(&mut self, name: &str, number: u32) -> Result<(), String> {
        let limit = |sound: bool, is: &str| {
            if sound { Ok(()) } else { Err(format!("Invalid value specified for {name}: {is}.")) }
        };
        match name {
            "BLOCKSIZE" => {
                let sound = number.is_power_of_two() && (512..=65_536).contains(&number);
                limit(sound, "it must be a power of 2 from 512 to 65536")?;
                self.block_size = Some(number);
            }
            "BUFFERCOUNT" => {
                limit(number > 0, "it must be above 0")?;
                self.buffer_count = Some(number);
            }
            "MAXTRANSFERSIZE" => {
                let sound = number.is_multiple_of(65_536) && (65_536..=4 << 20).contains(&number);
                limit(sound, "it must be a multiple of 65536 up to 4194304")?;
                self.max_transfer_size = Some(number);
            }
            "STATS" => {
                limit((1..=100).contains(&number), "it must be 1 to 100")?;
                self.stats = Some(number);
            }
            "SNAPSHOT" => self.snapshot = true,
            "NO_CHECKSUM" => self.no_checksum = true,
            "CHECKSUM" => self.no_checksum = false,
            _ => {}
        }
        Ok(())
    }
}

impl Verb {
    /// The first word of the statement.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "BACKUP",
            Self::Restore => "RESTORE",
        }
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
        let text = "USE master\nGO\nSET NOCOUNT ON;\nBACKUP LOG x TO VIRTUAL_DEVICE='a'\n\
            RESTORE DATABASE x FROM VIRTUAL_DEVICE='a' WITH MOVE 'a' TO 'b', REPLACE, STATS = 5;";
        let batch = parse(text).expect("four");
        assert_eq!(batch.len(), 4);
        let Order::Run(restore) = &batch[3] else { panic!("{batch:?}") };
        assert_eq!((restore.line, restore.options.stats), (5, Some(5)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, expected) in [
            (
                "SELECT 1",
                "line 1: Incorrect syntax near 'SELECT'. Expected BACKUP, RESTORE, USE or \
                SET: nothing else is known here.",
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
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' MIRROR",
                "line 1: Incorrect syntax near \
                'MIRROR'. Expected WITH, a comma, or the end of the statement.",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }
}
