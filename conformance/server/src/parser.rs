//! The words of a text, one after the other.

use std::collections::BTreeMap;

use super::rows::Value;
use super::words::{Placed, Word, words};

/// Characters of a word that are shown of one that is wrong.
const NEAR: usize = 128;

/// Words that a statement begins with.
const BEGINNINGS: [&str; 14] = [
    "BACKUP", "RESTORE", "CREATE", "DROP", "USE", "SET", "DECLARE", "BEGIN", "COMMIT", "ROLLBACK",
    "SAVE", "IF", "SELECT", "END",
];

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

pub(super) const fn bad(number: u32, line: usize, message: String) -> BadStatement {
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

/// What variables hold, by their names in small letters, with the `@`.
pub(super) type Variables = BTreeMap<String, Value>;

/// The words of a text, one after the other.
pub(super) struct Parser<'a> {
    text: &'a str,
    lines: Lines,
    words: Vec<Placed>,
    next: usize,
    /// What its variables hold so far: nothing of it is read before it is set.
    pub(super) variables: Variables,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, variables: Variables) -> Result<Self, BadStatement> {
        let lines = Lines::of(text);
        let words = words(text).map_err(|start| {
            let piece: String = text[start..].chars().take(20).collect();
            let message = format!("Unclosed or unknown text near '{piece}'.");
            bad(105, lines.of_place(start), message)
        })?;
        Ok(Self { text, lines, words, next: 0, variables })
    }

    /// Whether all of it is read.
    pub(super) fn is_at_end(&self) -> bool {
        self.next >= self.words.len()
    }

    /// Goes over the next word, whatever it is.
    pub(super) fn skip(&mut self) {
        self.next += 1;
    }

    pub(super) fn peek(&self) -> Option<&Word> {
        self.words.get(self.next).map(|placed| &placed.word)
    }

    pub(super) fn line(&self) -> usize {
        let place = self.words.get(self.next).or(self.words.last());
        place.map_or(1, |placed| self.lines.of_place(placed.start))
    }

    /// The word that comes next is not what must come.
    pub(super) fn wrong(&self, expected: &str) -> BadStatement {
        let message = match self.words.get(self.next) {
            Some(placed) => {
                let near: String = self.text[placed.start..placed.end].chars().take(NEAR).collect();
                format!("Incorrect syntax near '{near}'. Expected {expected}.")
            }
            None => format!("The statement ends too early. Expected {expected}."),
        };
        bad(102, self.line(), message)
    }

    pub(super) fn takes(&mut self, word: &Word) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Word::Plain(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    pub(super) fn need(&mut self, keyword: &str) -> Result<(), BadStatement> {
        if self.keyword(keyword) { Ok(()) } else { Err(self.wrong(keyword)) }
    }

    /// A name, with or without quotes.
    pub(super) fn name(&mut self, expected: &str) -> Result<String, BadStatement> {
        match self.peek() {
            Some(Word::Plain(name) | Word::Quoted(name)) if !name.is_empty() => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            Some(Word::Variable(_)) => self.variable_text(expected),
            _ => Err(self.wrong(expected)),
        }
    }

    pub(super) fn text(&mut self, expected: &str) -> Result<String, BadStatement> {
        match self.peek() {
            Some(Word::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            Some(Word::Variable(_)) => self.variable_text(expected),
            _ => Err(self.wrong(expected)),
        }
    }

    pub(super) fn number(&mut self, name: &str) -> Result<u32, BadStatement> {
        let number = match self.peek() {
            Some(Word::Number(number)) => u32::try_from(*number).ok(),
            Some(Word::Variable(_)) => match self.variable()? {
                Value::Int(number) => u32::try_from(number).ok(),
                Value::Text(text) => text.trim().parse().ok(),
                Value::Null | Value::Bytes(_) | Value::Time(..) => None,
            },
            _ => None,
        };
        let number = number.ok_or_else(|| self.wrong(&format!("a number for {name}")))?;
        self.next += 1;
        Ok(number)
    }

    /// What the variable holds that comes next.
    pub(super) fn variable(&self) -> Result<Value, BadStatement> {
        let Some(Word::Variable(name)) = self.peek() else { return Err(self.wrong("a variable")) };
        let value = self.variables.get(&name.to_ascii_lowercase());
        value.cloned().ok_or_else(|| {
            let message = format!("Must declare the scalar variable \"{name}\".");
            bad(137, self.line(), message)
        })
    }

    /// The text that the variable holds that comes next.
    fn variable_text(&mut self, expected: &str) -> Result<String, BadStatement> {
        match self.variable()? {
            Value::Text(text) if !text.is_empty() => {
                self.next += 1;
                Ok(text)
            }
            Value::Null | Value::Int(_) | Value::Text(_) | Value::Bytes(_) | Value::Time(..) => {
                Err(self.wrong(expected))
            }
        }
    }

    /// Whether a statement begins with the next word.
    pub(super) fn is_at_beginning(&self) -> bool {
        matches!(self.peek(), Some(Word::Plain(word))
            if BEGINNINGS.iter().any(|begin| word.eq_ignore_ascii_case(begin)))
    }
}
