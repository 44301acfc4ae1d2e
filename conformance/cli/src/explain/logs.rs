//! What logs contain: numbers of messages and errors, words of lines, options.

use std::io::Write;

use super::super::failure::Failure;
use vdi_diagnose::words::{Word, explained, words};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    words().map(|word| word.name)
}

pub(super) fn word(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let found = explained(word);
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
