//! The text that `sqlcmd` is given: batches of SQL, parted by lines with GO, and its own
//! commands, each on a line of its own.
//!
//! Source: sqlcmd utility, commands and scripting variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quotes::Quotes;

/// SQL that is handed to the server at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Batch {
    /// The SQL.
    pub(crate) text: String,
    /// How often it is carried out.
    pub(crate) count: u32,
    /// Whether all ends if it fails.
    pub(crate) stop: bool,
}

/// A text, read: what is to be carried out, and why it is no further, if it is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) batches: Vec<Batch>,
    /// What is wrong behind the batches.
    pub(crate) wrong: Option<String>,
}

/// How a text is read.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The word that ends a batch.
    pub(crate) terminator: String,
    /// Scripting variables, by their names in capitals; `None` if none are put in.
    pub(crate) variables: Option<BTreeMap<String, String>>,
    /// Whether all ends if a statement fails.
    pub(crate) stop: bool,
    /// EXIT or QUIT has come.
    ended: bool,
}

/// What a line does that is no SQL.
enum Act {
    /// The batch is complete; so often it is carried out.
    Go(u32),
    /// Something is remembered.
    Done,
    /// The batch so far is forgotten.
    Reset,
    /// All ends; with the batch so far if true.
    End(bool),
}

impl Reader {
    pub(crate) const fn new(terminator: String, stop: bool) -> Self {
        Self { terminator, variables: None, stop, ended: false }
    }

    /// Reads one text, behind those read before. `file` is where it comes from.
    pub(crate) fn read(&mut self, text: &str, file: Option<&str>, script: &mut Script) {
        let (mut batch, mut quotes) = (String::new(), Quotes::default());
        for (index, line) in text.lines().enumerate() {
            if self.ended || script.wrong.is_some() {
                return;
            }
            let act = if quotes.is_outside() { self.command(line) } else { Ok(None) };
            match act {
                Ok(None) => match self.substitute(line, &mut quotes) {
                    Ok(line) => batch.extend([line.as_str(), "\n"]),
                    Err(why) => script.wrong = Some(why),
                },
                Ok(Some(Act::Go(count))) => self.push(&mut batch, count, script),
                Ok(Some(Act::Done)) => {}
                Ok(Some(Act::Reset)) => batch.clear(),
                Ok(Some(Act::End(whole))) => {
                    self.ended = true;
                    if whole {
                        self.push(&mut batch, 1, script);
                    }
                }
                Err(why) => {
                    let word = line.split_whitespace().next().unwrap_or_default();
                    let place = file.map(|file| format!(" in file '{file}'")).unwrap_or_default();
                    script.wrong = Some(format!(
                        "Syntax error at line {} near command '{word}'{place}: {why}.",
                        index + 1
                    ));
                }
            }
        }
        if !self.ended && script.wrong.is_none() {
            self.push(&mut batch, 1, script);
        }
    }

    fn push(&self, batch: &mut String, count: u32, script: &mut Script) {
        let text = std::mem::take(batch);
        if !text.trim().is_empty() && count > 0 {
            script.batches.push(Batch { text, count, stop: self.stop });
        }
    }

    /// What a line does that is no SQL, if it is none; what is wrong with it.
    fn command(&mut self, line: &str) -> Result<Option<Act>, String> {
        let line = line.trim();
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return Ok(None) };
        if first.eq_ignore_ascii_case(&self.terminator) {
            let rest: Vec<&str> = words.collect();
            return match rest[..] {
                [] => Ok(Some(Act::Go(1))),
                [count] => {
                    let count = count.parse().map_err(|_| "expected a number of times")?;
                    Ok(Some(Act::Go(count)))
                }
                _ => Err("expected a number of times, or nothing".to_owned()),
            };
        }
        let bare = line.strip_prefix(':').unwrap_or(line).trim_start();
        let end = bare.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(bare.len());
        let (name, rest) = (bare[..end].to_ascii_uppercase(), bare[end..].trim());
        match (name.as_str(), line.starts_with(':')) {
            ("EXIT", _) if rest.is_empty() => Ok(Some(Act::End(false))),
            ("EXIT", _) if rest.starts_with('(') && rest.ends_with(')') => {
                if !rest[1..rest.len() - 1].trim().is_empty() {
                    return Err("a query in EXIT is not supported here".to_owned());
                }
                Ok(Some(Act::End(true)))
            }
            ("QUIT", _) if rest.is_empty() => Ok(Some(Act::End(false))),
            ("RESET", _) if rest.is_empty() => Ok(Some(Act::Reset)),
            ("SETVAR", true) => self.set(rest).map(|()| Some(Act::Done)),
            ("ON", true) => {
                match rest.to_ascii_uppercase().split_whitespace().collect::<Vec<_>>()[..] {
                    ["ERROR", "EXIT"] => {
                        self.stop = true;
                        Ok(Some(Act::Done))
                    }
                    ["ERROR", "IGNORE"] => {
                        self.stop = false;
                        Ok(Some(Act::Done))
                    }
                    _ => Err("expected ERROR EXIT or ERROR IGNORE".to_owned()),
                }
            }
            (_, true) => Err("not supported here".to_owned()),
            _ if bare.starts_with("!!") => Err("not supported here".to_owned()),
            _ => Ok(None),
        }
    }

    /// `:setvar NAME VALUE`; without a value the variable is defined no more.
    fn set(&mut self, rest: &str) -> Result<(), String> {
        let Some(variables) = &mut self.variables else { return Ok(()) };
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let value = value.trim();
        if !is_name(name) {
            return Err("expected the name of a variable, and its value".to_owned());
        }
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if quoted.is_none() && value.contains([' ', '\t', '"']) {
            return Err("a value with spaces stands in double quotes".to_owned());
        }
        let name = name.to_ascii_uppercase();
        match quoted.map(|value| value.replace("\"\"", "\"")) {
            Some(value) => drop(variables.insert(name, value)),
            None if value.is_empty() => drop(variables.remove(&name)),
            None => drop(variables.insert(name, value.to_owned())),
        }
        Ok(())
    }

    /// The line with the values of variables in place of `$(NAME)`, but in comments; why
    /// that cannot be.
    fn substitute(&self, line: &str, quotes: &mut Quotes) -> Result<String, String> {
        let mut done = String::new();
        let mut rest = line;
        while let Some(next) = rest.chars().next() {
            if !quotes.is_comment()
                && let Some(variables) = &self.variables
                && let Some((name, behind)) = variable(rest)
            {
                let value = variables.get(&name.to_ascii_uppercase()).cloned();
                let value = value.or_else(|| std::env::var(name).ok());
                done.push_str(
                    &value.ok_or_else(|| format!("'{name}' scripting variable not defined."))?,
                );
                rest = behind;
                continue;
            }
            if quotes.is_outside() && rest.starts_with("--") {
                done.push_str(rest);
                break;
            }
            let length = quotes.step(rest, next);
            done.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        Ok(done)
    }
}

/// The name in `$(NAME)`, and what stands behind it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("$(")?;
    // No further than a name goes: nothing of the text is looked at again and again.
    let (name, behind) = rest.split_at(rest.find(|c| !is_of_name(c))?);
    Some((name, behind.strip_prefix(')')?)).filter(|(name, _)| !name.is_empty())
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '#')
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_name)
}

/// The text in a file: UTF-8, or what its first bytes say; `None` if it is no such text.
pub(crate) fn decoded(bytes: &[u8]) -> Option<String> {
    let wide = |of: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks(2).map(|pair| pair.try_into().map(of));
        String::from_utf16(&units.collect::<Result<Vec<_>, _>>().ok()?).ok()
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, u32)>, Option<String>) {
        let mut reader = Reader::new("GO".to_owned(), false);
        reader.variables = Some(BTreeMap::from([("X".to_owned(), "one".to_owned())]));
        let mut script = Script::default();
        reader.read(text, None, &mut script);
        let batches = script.batches.into_iter();
        (batches.map(|batch| (batch.text, batch.count)).collect(), script.wrong)
    }

    fn batches(text: &str) -> Vec<(String, u32)> {
        let (batches, wrong) = read(text);
        assert_eq!(wrong, None, "{text}");
        batches
    }

    fn one(text: &str, count: u32) -> (String, u32) {
        (text.to_owned(), count)
    }

    #[test]
    fn only_a_line_of_its_own_parts_batches() {
        let text = "USE a\r\nGO\r\n go 2\nUSE [GO]\nGo 3\n\n'it''s\nGO\n' /* /* \nGO */\nGO\n*/ x";
        let last = "\n'it''s\nGO\n' /* /* \nGO */\nGO\n*/ x\n";
        assert_eq!(batches(text), [one("USE a\n", 1), one("USE [GO]\n", 3), one(last, 1)]);
        assert_eq!(batches("a GO\n-- it's\nGO\nb"), [one("a GO\n-- it's\n", 1), one("b\n", 1)]);
        assert_eq!(batches("a\nGO 0\n"), []);
    }

    #[test]
    fn commands_are_carried_out() {
        assert_eq!(batches("a\nEXIT\nb"), []);
        assert_eq!(batches("a\nGO\n:quit\nb"), [one("a\n", 1)]);
        assert_eq!(batches("a\nexit()\nb"), [one("a\n", 1)]);
        assert_eq!(batches("a\nRESET\nb"), [one("b\n", 1)]);
        assert_eq!(batches("EXITED\n"), [one("EXITED\n", 1)]);
    }

    #[test]
    fn variables_are_put_in() {
        let text = ":setvar y \"two words\"\n$(x) '$(Y)' -- $(no)\n/* $(no) */ $(x)$ (x)\n";
        assert_eq!(batches(text), [one("one 'two words' -- $(no)\n/* $(no) */ one$ (x)\n", 1)]);
        let (before, wrong) = read("a\nGO\n$(no-such)\nGO\nb");
        assert_eq!(before, [one("a\n", 1)]);
        assert_eq!(wrong.as_deref(), Some("'no-such' scripting variable not defined."));
        assert!(read(":setvar x\n$(x)").1.is_some());
    }

    #[test]
    fn what_is_not_understood_ends_the_script() {
        for (text, why) in [
            ("a\nGO x", "line 2 near command 'GO': expected a number of times."),
            (":r other.sql", "line 1 near command ':r': not supported here."),
            ("!! ls", "line 1 near command '!!': not supported here."),
            ("EXIT(SELECT 1)", "near command 'EXIT(SELECT': a query in EXIT is not supported"),
            (":setvar x a b", "a value with spaces stands in double quotes."),
            (":on error", "expected ERROR EXIT or ERROR IGNORE."),
        ] {
            let wrong = read(text).1.unwrap_or_default();
            assert!(wrong.starts_with("Syntax error at ") && wrong.contains(why), "{wrong}");
        }
    }

    #[test]
    fn files_are_read_as_their_first_bytes_say() {
        assert_eq!(decoded(b"\xEF\xBB\xBFab").as_deref(), Some("ab"));
        assert_eq!(decoded(b"\xFF\xFEa\0b\0").as_deref(), Some("ab"));
        assert_eq!(decoded(b"\xFE\xFF\0a").as_deref(), Some("a"));
        assert_eq!(decoded("ä".as_bytes()).as_deref(), Some("ä"));
        assert_eq!(decoded(b"\xE4"), None);
        assert_eq!(decoded(b"\xFF\xFEa"), None);
    }
}
