//! What logs contain: numbers of messages and errors, words of lines, options.

use std::io::Write;

use super::super::failure::Failure;
use vdi_diagnose::words::{Word, WordKind, explained, words};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    words().map(|word| word.name)
}

/// What a log line is recognised by comes before everything else.
pub(super) fn word(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    some(word, |kind| kind != WordKind::Step, out)
}

/// Steps of the server are called as functions are, which come first.
pub(super) fn step(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    some(word, |kind| kind == WordKind::Step, out)
}

fn some(word: &str, is: fn(WordKind) -> bool, out: &mut dyn Write) -> Result<bool, Failure> {
    let found: Vec<&Word> = explained(word).into_iter().filter(|row| is(row.kind)).collect();
    found.iter().try_for_each(|word| one(word, out))?;
    Ok(!found.is_empty())
}

fn one(word: &Word, out: &mut dyn Write) -> Result<(), Failure> {
    let number = match (word.kind.title(), word.number) {
        (title, Some(number)) if number > 0xFFFF => {
            format!("{title} {} (0x{number:08X})", word.name)
        }
        (title, Some(number)) if word.name != number.to_string() => {
            format!("{title} {number} ({})", word.name)
        }
        (title, _) => format!("{title} {}", word.name),
    };
    writeln!(out, "{number}")?;
    writeln!(out, "    says: {}", word.says)?;
    writeln!(out, "    usually at fault: {}", word.fault)?;
    writeln!(out, "    look at next: {}", word.next)?;
    writeln!(out, "    does not tell: {}", word.silent)?;
    writeln!(out, "    source: {} <{}>", word.source.title, word.source.at)?;
    Ok(())
}
