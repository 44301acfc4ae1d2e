//! SELECT, as far as clients send it before and after their statements.

use super::parser::{BadStatement, Parser};
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
pub(super) fn query(parser: &mut Parser<'_>) -> Result<Query, BadStatement> {
    let line = parser.line();
    let mut top = None;
    if parser.keyword("TOP") {
        let open = parser.takes(&Word::Open);
        top = Some(parser.number("TOP")?.into());
        if open && !parser.takes(&Word::Close) {
            return Err(parser.wrong(")"));
        }
    }
    let mut items = Vec::new();
    if !parser.takes(&Word::Symbol('*')) {
        items.push(item(parser)?);
        while parser.takes(&Word::Comma) {
            items.push(item(parser)?);
        }
    }
    let mut query =
        Query { items, from: None, conditions: Vec::new(), order: Vec::new(), top, line };
    if parser.keyword("FROM") {
        query.from = Some(table(parser)?);
        if parser.keyword("WHERE") {
            query.conditions.push(condition(parser)?);
            while parser.keyword("AND") {
                query.conditions.push(condition(parser)?);
            }
        }
    }
    if parser.keyword("ORDER") {
        parser.need("BY")?;
        loop {
            let column = column(parser)?;
            let down = parser.keyword("DESC");
            if !down {
                parser.keyword("ASC");
            }
            query.order.push((column, down));
            if !parser.takes(&Word::Comma) {
                break;
            }
        }
    }
    Ok(query)
}

/// The name of a table: its parts, and a name for it, which is not needed here.
fn table(parser: &mut Parser<'_>) -> Result<String, BadStatement> {
    let mut name = parser.name("a table")?.to_ascii_lowercase();
    while parser.takes(&Word::Dot) {
        name.push('.');
        if parser.takes(&Word::Dot) {
            name.push('.');
        }
        name.push_str(&parser.name("a table")?.to_ascii_lowercase());
    }
    let follows = |word: &str| ["WHERE", "ORDER"].iter().any(|it| word.eq_ignore_ascii_case(it));
    if parser.keyword("AS") {
        parser.name("a name for the table")?;
    } else if matches!(parser.peek(), Some(Word::Plain(word)) if word.len() <= 2 && !follows(word))
    {
        parser.skip();
    }
    Ok(name)
}

/// The name of a column, without that of its table.
fn column(parser: &mut Parser<'_>) -> Result<String, BadStatement> {
    let mut name = parser.name("a column")?;
    while parser.takes(&Word::Dot) {
        name = parser.name("a column")?;
    }
    Ok(name.to_ascii_lowercase())
}

fn condition(parser: &mut Parser<'_>) -> Result<Condition, BadStatement> {
    const EXPECTED: &str = "=, <> or IN: nothing else is compared here";
    let column = column(parser)?;
    if parser.keyword("IN") {
        if !parser.takes(&Word::Open) {
            return Err(parser.wrong("("));
        }
        let mut values = vec![value(parser)?];
        while parser.takes(&Word::Comma) {
            values.push(value(parser)?);
        }
        if !parser.takes(&Word::Close) {
            return Err(parser.wrong(")"));
        }
        return Ok(Condition { column, is: true, values });
    }
    let is = parser.takes(&Word::Equals);
    let other = !is
        && (parser.takes(&Word::Symbol('<')) && parser.takes(&Word::Symbol('>'))
            || parser.takes(&Word::Symbol('!')) && parser.takes(&Word::Equals));
    if !is && !other {
        return Err(parser.wrong(EXPECTED));
    }
    Ok(Condition { column, is, values: vec![value(parser)?] })
}

/// A value that is given, or held by a variable.
pub(super) fn value(parser: &mut Parser<'_>) -> Result<Value, BadStatement> {
    let negative = parser.takes(&Word::Symbol('-'));
    let value = match parser.peek() {
        Some(Word::Text(text)) if !negative => Value::Text(text.clone()),
        Some(Word::Number(number)) => {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            Value::Int(if negative { -number } else { number })
        }
        Some(Word::Plain(word)) if word.eq_ignore_ascii_case("NULL") => Value::Null,
        Some(Word::Variable(_)) => parser.variable()?,
        _ => return Err(parser.wrong("a text, a number or a variable")),
    };
    parser.skip();
    Ok(value)
}

fn item(parser: &mut Parser<'_>) -> Result<Item, BadStatement> {
    let (asked, mut name) = asked(parser)?;
    // A name may stand before what it is for, too.
    if parser.takes(&Word::Equals) {
        let (asked, _) = self::asked(parser)?;
        return Ok(Item { name, asked });
    }
    let has_name = match parser.peek() {
        Some(Word::Quoted(_) | Word::Text(_)) => true,
        Some(Word::Plain(word)) => {
            let goes_on = ["FROM", "ORDER"].iter().any(|other| word.eq_ignore_ascii_case(other));
            !goes_on && !parser.is_at_beginning()
        }
        _ => false,
    };
    if has_name {
        parser.keyword("AS");
        name = match parser.peek() {
            Some(Word::Text(_)) => parser.text("a name")?,
            _ => parser.name("a name")?,
        };
    }
    Ok(Item { name, asked })
}

/// What is asked for, and what its column is called if it has no other name.
fn asked(parser: &mut Parser<'_>) -> Result<(Asked, String), BadStatement> {
    let word = match parser.peek() {
        Some(Word::Variable(name)) if name.starts_with("@@") => {
            let name = name.to_ascii_lowercase();
            parser.skip();
            return Ok((Asked::Global(name), String::new()));
        }
        Some(Word::Plain(word)) if !word.eq_ignore_ascii_case("NULL") => word.to_ascii_lowercase(),
        Some(Word::Quoted(_)) => {
            let column = column(parser)?;
            return Ok((Asked::Column(column.clone()), column));
        }
        _ => return Ok((Asked::Given(value(parser)?), String::new())),
    };
    let name = column(parser)?;
    if !parser.takes(&Word::Open) {
        return Ok((Asked::Column(name.clone()), name));
    }
    let found = match word.as_str() {
        "cast" => {
            let (inner, _) = asked(parser)?;
            parser.need("AS")?;
            type_name(parser)?;
            inner
        }
        "convert" => {
            type_name(parser)?;
            if !parser.takes(&Word::Comma) {
                return Err(parser.wrong("a comma"));
            }
            let (inner, _) = asked(parser)?;
            if parser.takes(&Word::Comma) {
                parser.number("a style")?;
            }
            inner
        }
        "count" if parser.takes(&Word::Symbol('*')) => Asked::Count,
        _ => {
            let has = parser.peek() != Some(&Word::Close);
            let argument = has.then(|| parser.text("a text")).transpose()?;
            Asked::Function(word, argument)
        }
    };
    if !parser.takes(&Word::Close) {
        return Err(parser.wrong(")"));
    }
    Ok((found, String::new()))
}

/// The name of a type, which changes nothing here.
fn type_name(parser: &mut Parser<'_>) -> Result<(), BadStatement> {
    parser.name("a type")?;
    if parser.takes(&Word::Open) {
        parser.skip();
        if !parser.takes(&Word::Close) {
            return Err(parser.wrong(")"));
        }
    }
    Ok(())
}
