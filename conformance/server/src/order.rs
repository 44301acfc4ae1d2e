//! The statements of a batch: BACKUP and RESTORE, and what clients send around them.

use super::parser::{BadStatement, Parser, Variables};
use super::query::{Query, query, value};
use super::statement::Statement;
use super::verb::Verb;
use super::words::Word;

/// One statement of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// BACKUP or RESTORE.
    Run(Statement),
    /// USE: nothing happens, and it is said.
    Use(String),
    /// SET, or DECLARE, which does nothing here any more.
    Set,
    /// A transaction begins, or ends.
    Transaction(Transact),
    /// IF @@TRANCOUNT is, or is not, above 0: another statement.
    IfTransaction(bool, Box<Self>),
    /// SELECT.
    Select(Query),
    /// CREATE DATABASE, which makes an empty one.
    Create(String),
    /// DROP DATABASE of some; whether it does not matter if they are not there.
    Drop(Vec<String>, bool),
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transact {
    /// It begins, within another if there is one.
    Begin,
    /// It ends well; within another, this goes on.
    Commit,
    /// It ends, with all others that are open.
    Rollback,
    /// A point of it is named, which does nothing here.
    Save,
}

/// The statements of a batch, in the order they are to be carried out; `;` may part
/// them. `GO` is not SQL: it parts batches, and whoever reads a script takes it out.
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
    parse_with(text, Variables::new())
}

/// The statements of a batch, with what its variables hold at its beginning.
pub(super) fn parse_with(text: &str, variables: Variables) -> Result<Vec<Order>, BadStatement> {
    let mut parser = Parser::new(text, variables)?;
    let mut batch = Vec::new();
    while !parser.is_at_end() {
        if !parser.takes(&Word::Semicolon) {
            batch.push(parser.order()?);
        }
    }
    Ok(batch)
}

/// What is known here.
const KNOWN: &str =
    "BACKUP or RESTORE, or what clients send around them: nothing else is known here";

/// Words of a transaction.
const TRANSACTION: [&str; 2] = ["TRAN", "TRANSACTION"];

impl Parser<'_> {
    fn order(&mut self) -> Result<Order, BadStatement> {
        let line = self.line();
        let order = match () {
            () if self.keyword("BACKUP") => Order::Run(self.statement(Verb::Backup, line)?),
            () if self.keyword("RESTORE") => Order::Run(self.statement(Verb::Restore, line)?),
            () if self.keyword("USE") => {
                return self.name("the name of a database").map(Order::Use);
            }
            () if self.keyword("SET") => return self.set(),
            () if self.keyword("DECLARE") => self.declare()?,
            () if self.keyword("CREATE") => {
                self.need("DATABASE")?;
                Order::Create(self.name("the name of a database")?)
            }
            () if self.keyword("DROP") => self.drop()?,
            () if self.keyword("SELECT") => Order::Select(query(self)?),
            () if self.keyword("IF") => return self.condition(),
            () if self.keyword("BEGIN") => {
                self.keyword("DISTRIBUTED");
                if !self.one_of(&TRANSACTION) {
                    return Err(self.wrong("TRANSACTION"));
                }
                self.transaction(Transact::Begin)
            }
            () if self.keyword("SAVE") => {
                if !self.one_of(&TRANSACTION) {
                    return Err(self.wrong("TRANSACTION"));
                }
                self.transaction(Transact::Save)
            }
            () if self.keyword("COMMIT") => {
                self.one_of(&["TRAN", "TRANSACTION", "WORK"]);
                self.transaction(Transact::Commit)
            }
            () if self.keyword("ROLLBACK") => {
                self.one_of(&["TRAN", "TRANSACTION", "WORK"]);
                self.transaction(Transact::Rollback)
            }
            () => return Err(self.wrong(KNOWN)),
        };
        self.end()?;
        Ok(order)
    }

    /// DROP DATABASE, of one or several.
    fn drop(&mut self) -> Result<Order, BadStatement> {
        self.need("DATABASE")?;
        let lenient = self.keyword("IF");
        if lenient {
            self.need("EXISTS")?;
        }
        let mut names = vec![self.name("the name of a database")?];
        while self.takes(&Word::Comma) {
            names.push(self.name("the name of a database")?);
        }
        Ok(Order::Drop(names, lenient))
    }

    fn one_of(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.keyword(word))
    }

    /// A transaction may have a name, which does nothing here.
    fn transaction(&mut self, what: Transact) -> Order {
        if !self.is_at_beginning() && !matches!(self.peek(), None | Some(Word::Semicolon)) {
            self.skip();
        }
        Order::Transaction(what)
    }

    /// SET of a variable, or of what does nothing here: all that stands before the next
    /// statement.
    fn set(&mut self) -> Result<Order, BadStatement> {
        if let Some(Word::Variable(name)) = self.peek() {
            let name = name.to_ascii_lowercase();
            self.variable()?;
            self.skip();
            if !self.takes(&Word::Equals) {
                return Err(self.wrong("="));
            }
            let value = value(self)?;
            self.variables.insert(name, value);
            self.end()?;
            return Ok(Order::Set);
        }
        self.name("an option such as NOCOUNT")?;
        while !matches!(self.peek(), None | Some(Word::Semicolon)) && !self.is_at_beginning() {
            self.skip();
        }
        Ok(Order::Set)
    }

    /// DECLARE of variables: each with a type, which is not looked at, and perhaps a value.
    fn declare(&mut self) -> Result<Order, BadStatement> {
        loop {
            let Some(Word::Variable(name)) = self.peek() else {
                return Err(self.wrong("a variable"));
            };
            let name = name.to_ascii_lowercase();
            self.skip();
            self.keyword("AS");
            self.name("the type of a variable")?;
            if self.takes(&Word::Open) {
                while !self.takes(&Word::Close) {
                    if self.is_at_end() {
                        return Err(self.wrong(")"));
                    }
                    self.skip();
                }
            }
            let value =
                if self.takes(&Word::Equals) { value(self)? } else { super::rows::Value::Null };
            self.variables.insert(name, value);
            if !self.takes(&Word::Comma) {
                return Ok(Order::Set);
            }
        }
    }

    /// IF @@TRANCOUNT: what drivers ask at the end of a transaction.
    fn condition(&mut self) -> Result<Order, BadStatement> {
        const ASKED: &str = "@@TRANCOUNT > 0, or = 0: nothing else is asked here";
        let is = |word: Option<&Word>| matches!(word, Some(Word::Variable(name)) if name.eq_ignore_ascii_case("@@TRANCOUNT"));
        if !is(self.peek()) {
            return Err(self.wrong(ASKED));
        }
        self.skip();
        let equal = self.takes(&Word::Equals);
        let other = !equal
            && (self.takes(&Word::Symbol('>'))
                || self.takes(&Word::Symbol('<')) && self.takes(&Word::Symbol('>'))
                || self.takes(&Word::Symbol('!')) && self.takes(&Word::Equals));
        if !equal && !other || !self.takes(&Word::Number(0)) {
            return Err(self.wrong(ASKED));
        }
        Ok(Order::IfTransaction(other, Box::new(self.order()?)))
    }

    /// A statement ends where the text does, at `;`, or where another begins.
    fn end(&self) -> Result<(), BadStatement> {
        if matches!(self.peek(), None | Some(Word::Semicolon)) || self.is_at_beginning() {
            return Ok(());
        }
        Err(self.wrong("WITH, a comma, or the end of the statement"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Restoring;
    use crate::verb::{Look, What};

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

    /// The one BACKUP or RESTORE of a batch.
    fn statement(text: &str) -> Statement {
        let orders = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
        let mut found = orders.into_iter().filter_map(|order| match order {
            Order::Run(statement) => Some(statement),
            _ => None,
        });
        found.next_back().unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn variables_stand_in_the_place_of_names() {
        let text = "DECLARE @db sysname = N'x', @set AS nvarchar(128), @size int = 65536\n\
            SET @set = 'a'; BACKUP DATABASE @DB TO VIRTUAL_DEVICE = @set WITH MAXTRANSFERSIZE=@size";
        let backup = statement(text);
        assert_eq!((backup.database.as_str(), &backup.devices[..]), ("x", &["a".to_owned()][..]));
        assert_eq!((backup.options.max_transfer_size, backup.line), (Some(65_536), 2));
        let given = Variables::from([("@d".to_owned(), "given".into())]);
        let orders = parse_with("BACKUP DATABASE @d TO VIRTUAL_DEVICE='a'", given).expect("one");
        assert!(matches!(&orders[..], [Order::Run(backup)] if backup.database == "given"));
    }

    #[test]
    fn what_clients_send_around_their_statements_is_understood() {
        let text = "set quoted_identifier on set textsize 2147483647 SET TRANSACTION ISOLATION \
            LEVEL READ COMMITTED\nSET IMPLICIT_TRANSACTIONS ON BEGIN TRAN BEGIN TRANSACTION t; \
            IF @@TRANCOUNT > 0 ROLLBACK TRAN COMMIT WORK SAVE TRAN p IF @@trancount <> 0 COMMIT \
            IF @@TRANCOUNT = 0 SELECT 1";
        let orders = parse(text).expect("understood");
        assert_eq!(orders[..4], vec![Order::Set; 4]);
        let begin = Order::Transaction(Transact::Begin);
        assert_eq!(orders[4..6], [begin.clone(), begin]);
        let rollback = Box::new(Order::Transaction(Transact::Rollback));
        assert_eq!(orders[6], Order::IfTransaction(true, rollback));
        assert_eq!(
            orders[7..9].to_vec(),
            [Transact::Commit, Transact::Save].map(Order::Transaction)
        );
        let commit = Box::new(Order::Transaction(Transact::Commit));
        assert_eq!(orders[9], Order::IfTransaction(true, commit));
        assert!(matches!(&orders[10], Order::IfTransaction(false, _)) && orders.len() == 11);
    }

    #[test]
    fn databases_are_made_and_dropped() {
        let orders = parse("CREATE DATABASE [a b] DROP DATABASE IF EXISTS x, y; DROP DATABASE z");
        let drop = |names: &[&str], lenient| {
            Order::Drop(names.iter().map(|name| (*name).to_owned()).collect(), lenient)
        };
        let expected =
            [Order::Create("a b".to_owned()), drop(&["x", "y"], true), drop(&["z"], false)];
        assert_eq!(orders.as_deref(), Ok(&expected[..]));
        // Files of one's own would be needed.
        assert!(parse("CREATE DATABASE a ON (NAME = 'a', FILENAME = 'b')").is_err());
    }

    #[test]
    fn restores_that_look_or_recover_are_understood() {
        let look = statement("RESTORE HEADERONLY FROM VIRTUAL_DEVICE='a' WITH FILE = 1, NOUNLOAD");
        assert_eq!((look.look, look.title().as_str()), (Some(Look::Header), "RESTORE HEADERONLY"));
        let recover = statement("RESTORE DATABASE x WITH RECOVERY SELECT 1");
        assert!(recover.devices.is_empty() && recover.options.restoring.is_none());
        let all = "BACKUP DATABASE x FILE = 'X', FILEGROUP = 'primary' READ_WRITE_FILEGROUPS TO \
            VIRTUAL_DEVICE='a'";
        assert_eq!(statement(all).devices, ["a"]);
        let left = statement("RESTORE LOG x FROM VIRTUAL_DEVICE='a' WITH STANDBY = 'undo'");
        assert_eq!(left.options.restoring, Some(Restoring::Standby));
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
                "RESTORE REWINDONLY FROM VIRTUAL_DEVICE='a'",
                "line 1: RESTORE REWINDONLY is not supported here: only DATABASE and LOG are.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' MIRROR TO VIRTUAL_DEVICE='b'",
                "line 1: MIRROR TO is not supported here.",
            ),
            (
                "RESTORE DATABASE x PAGE='1:57' FROM VIRTUAL_DEVICE='a'",
                "line 1: RESTORE of pages is not supported here.",
            ),
            (
                "RESTORE DATABASE x FILE='y' FROM VIRTUAL_DEVICE='a'",
                "line 1: Logical file 'y' is not part of database 'x'. Use RESTORE FILELISTONLY \
                to list the logical file names.",
            ),
            (
                "BACKUP DATABASE x FILEGROUP='other' TO VIRTUAL_DEVICE='a'",
                "line 1: There is no filegroup 'other' here, only PRIMARY.",
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
                "UPDATE x",
                "line 1: Incorrect syntax near 'UPDATE'. Expected BACKUP or RESTORE, or what \
                clients send around them: nothing else is known here.",
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
                "line 1: Incorrect syntax near 'GO'. Expected BACKUP or RESTORE, or what clients \
                send around them: nothing else is known here.",
            ),
            (
                "BACKUP DATABASE x TO VIRTUAL_DEVICE='a' MORE",
                "line 1: Incorrect syntax near \
                'MORE'. Expected WITH, a comma, or the end of the statement.",
            ),
            (
                "BACKUP DATABASE @x TO VIRTUAL_DEVICE='a'",
                "line 1: Must declare the scalar variable \"@x\".",
            ),
            (
                "BACKUP DATABASE x WITH NORECOVERY",
                "line 1: Incorrect syntax near 'WITH'. Expected TO.",
            ),
            (
                "IF 1 = 1 SELECT 1",
                "line 1: Incorrect syntax near '1'. Expected @@TRANCOUNT > 0, or = 0: nothing \
                else is asked here.",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }
}
