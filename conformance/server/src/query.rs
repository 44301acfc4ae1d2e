//! SELECT, as far as clients send it before and after their statements.

use super::reader::{BadStatement, Reader};
use super::rows::Value;
use super::words::Word;

/// A SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What is asked for; every column if it is empty.
    pub(super) items: Vec<Item>,
    /// Of what, as it was written, in small letters.
    pub(super) from: Option<String>,
    /// Columns, and what they must be.
    pub(super) conditions: Vec<Condition>,
    /// Columns, and whether the highest comes first.
    pub(super) order: Vec<(String, bool)>,
    /// So many rows at most.
    pub(super) top: Option<u64>,
    /// The line it begins in.
    pub(super) line: usize,
}

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What its column is called.
    pub(super) name: String,
    pub(super) asked: Asked,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// What is given.
    Given(Value),
    /// A variable of the server, with both `@`, in small letters.
    Global(String),
    /// A function, in small letters, of one text or nothing.
    Function(String, Option<String>),
    /// A column, in small letters.
    Column(String),
    /// How many rows there are.
    Count,
}

/// What a column must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) column: String,
    /// One of these, or none of them.
    pub(super) is: bool,
    pub(super) values: Vec<Value>,
}

/// What stands behind SELECT.
pub(super) fn query(reader: &mut Reader<'_>) -> Result<Query, BadStatement> {
    let line = reader.line();
    let mut top = None;
    if reader.keyword("TOP") {
        let open = reader.takes(&Word::Open);
        top = Some(reader.number("TOP")?.into());
        if open && !reader.takes(&Word::Close) {
            return Err(reader.wrong(")"));
        }
    }
    let mut items = Vec::new();
    if !reader.takes(&Word::Symbol('*')) {
        items.push(item(reader)?);
        while reader.takes(&Word::Comma) {
            items.push(item(reader)?);
        }
    }
    let mut query =
        Query { items, from: None, conditions: Vec::new(), order: Vec::new(), top, line };
    if reader.keyword("FROM") {
        query.from = Some(table(reader)?);
        if reader.keyword("WHERE") {
            query.conditions.push(condition(reader)?);
            while reader.keyword("AND") {
                query.conditions.push(condition(reader)?);
            }
        }
    }
    if reader.keyword("ORDER") {
        reader.need("BY")?;
        loop {
            let column = column(reader)?;
            let down = reader.keyword("DESC");
            if !down {
                reader.keyword("ASC");
            }
            query.order.push((column, down));
            if !reader.takes(&Word::Comma) {
                break;
            }
        }
    }
    Ok(query)
}

/// The name of a table: its parts, and a name for it, which is not needed here.
fn table(reader: &mut Reader<'_>) -> Result<String, BadStatement> {
    let mut name = reader.name("a table")?.to_ascii_lowercase();
    while reader.takes(&Word::Dot) {
        name.push('.');
        if reader.takes(&Word::Dot) {
            name.push('.');
        }
        name.push_str(&reader.name("a table")?.to_ascii_lowercase());
    }
    let follows = |word: &str| ["WHERE", "ORDER"].iter().any(|it| word.eq_ignore_ascii_case(it));
    if reader.keyword("AS") {
        reader.name("a name for the table")?;
    } else if matches!(reader.peek(), Some(Word::Plain(word)) if word.len() <= 2 && !follows(word))
    {
        reader.skip();
    }
    Ok(name)
}

/// The name of a column, without that of its table.
fn column(reader: &mut Reader<'_>) -> Result<String, BadStatement> {
    let mut name = reader.name("a column")?;
    while reader.takes(&Word::Dot) {
        name = reader.name("a column")?;
    }
    Ok(name.to_ascii_lowercase())
}

fn condition(reader: &mut Reader<'_>) -> Result<Condition, BadStatement> {
    const EXPECTED: &str = "=, <> or IN: nothing else is compared here";
    let column = column(reader)?;
    if reader.keyword("IN") {
        if !reader.takes(&Word::Open) {
            return Err(reader.wrong("("));
        }
        let mut values = vec![value(reader)?];
        while reader.takes(&Word::Comma) {
            values.push(value(reader)?);
        }
        if !reader.takes(&Word::Close) {
            return Err(reader.wrong(")"));
        }
        return Ok(Condition { column, is: true, values });
    }
    let is = reader.takes(&Word::Equals);
    let other = !is
        && (reader.takes(&Word::Symbol('<')) && reader.takes(&Word::Symbol('>'))
            || reader.takes(&Word::Symbol('!')) && reader.takes(&Word::Equals));
    if !is && !other {
        return Err(reader.wrong(EXPECTED));
    }
    Ok(Condition { column, is, values: vec![value(reader)?] })
}

/// A value that is given, or held by a variable.
pub(super) fn value(reader: &mut Reader<'_>) -> Result<Value, BadStatement> {
    let negative = reader.takes(&Word::Symbol('-'));
    let value = match reader.peek() {
        Some(Word::Text(text)) if !negative => Value::Text(text.clone()),
        Some(Word::Number(number)) => {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            Value::Int(if negative { -number } else { number })
        }
        Some(Word::Plain(word)) if word.eq_ignore_ascii_case("NULL") => Value::Null,
        Some(Word::Variable(_)) => reader.variable()?,
        _ => return Err(reader.wrong("a text, a number or a variable")),
    };
    reader.skip();
    Ok(value)
}

fn item(reader: &mut Reader<'_>) -> Result<Item, BadStatement> {
    let (asked, mut name) = asked(reader)?;
    // A name may stand before what it is for, too.
    if reader.takes(&Word::Equals) {
        let (asked, _) = self::asked(reader)?;
        return Ok(Item { name, asked });
    }
    let has_name = match reader.peek() {
        Some(Word::Quoted(_) | Word::Text(_)) => true,
        Some(Word::Plain(word)) => ![
            "FROM", "ORDER", "SELECT", "SET", "BACKUP", "RESTORE", "USE", "DECLARE", "BEGIN",
            "COMMIT", "ROLLBACK", "SAVE", "IF", "END",
        ]
        .iter()
        .any(|other| word.eq_ignore_ascii_case(other)),
        _ => false,
    };
    if has_name {
        reader.keyword("AS");
        name = match reader.peek() {
            Some(Word::Text(_)) => reader.text("a name")?,
            _ => reader.name("a name")?,
        };
    }
    Ok(Item { name, asked })
}

/// What is asked for, and what its column is called if it has no other name.
fn asked(reader: &mut Reader<'_>) -> Result<(Asked, String), BadStatement> {
    let word = match reader.peek() {
        Some(Word::Variable(name)) if name.starts_with("@@") => {
            let name = name.to_ascii_lowercase();
            reader.skip();
            return Ok((Asked::Global(name), String::new()));
        }
        Some(Word::Plain(word)) if !word.eq_ignore_ascii_case("NULL") => word.to_ascii_lowercase(),
        Some(Word::Quoted(_)) => {
            let column = column(reader)?;
            return Ok((Asked::Column(column.clone()), column));
        }
        _ => return Ok((Asked::Given(value(reader)?), String::new())),
    };
    let name = column(reader)?;
    if !reader.takes(&Word::Open) {
        return Ok((Asked::Column(name.clone()), name));
    }
    let found = match word.as_str() {
        "cast" => {
            let (inner, _) = asked(reader)?;
            reader.need("AS")?;
            type_name(reader)?;
            inner
        }
        "convert" => {
            type_name(reader)?;
            if !reader.takes(&Word::Comma) {
                return Err(reader.wrong("a comma"));
            }
            let (inner, _) = asked(reader)?;
            if reader.takes(&Word::Comma) {
                reader.number("a style")?;
            }
            inner
        }
        "count" if reader.takes(&Word::Symbol('*')) => Asked::Count,
        _ => {
            let has = reader.peek() != Some(&Word::Close);
            let argument = has.then(|| reader.text("a text")).transpose()?;
            Asked::Function(word, argument)
        }
    };
    if !reader.takes(&Word::Close) {
        return Err(reader.wrong(")"));
    }
    Ok((found, String::new()))
}

/// The name of a type, which changes nothing here.
fn type_name(reader: &mut Reader<'_>) -> Result<(), BadStatement> {
    reader.name("a type")?;
    if reader.takes(&Word::Open) {
        reader.skip();
        if !reader.takes(&Word::Close) {
            return Err(reader.wrong(")"));
        }
    }
    Ok(())
}
