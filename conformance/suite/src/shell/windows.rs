//! As programs of Windows take them apart, and as `cmd` has them.

use std::mem::take;

/// The words of a command line, by the rules of programs that Microsoft's C library starts: a
/// quotation that is open ends with the line. The library winsplit loses words that are empty.
#[must_use]
pub fn split(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let (mut backslashes, mut quoted) = (0, false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\\' {
            backslashes += 1;
            word.get_or_insert_default();
            continue;
        }
        let before = take(&mut backslashes);
        if matches!(c, ' ' | '\t') && !quoted {
            word = word.map(|word| word + &"\\".repeat(before));
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        word.push_str(&"\\".repeat(if c == '"' { before / 2 } else { before }));
        match c {
            '"' if before % 2 == 1 => word.push('"'),
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                word.push('"');
            }
            '"' => quoted = !quoted,
            _ => word.push(c),
        }
    }
    words.extend(word.map(|word| word + &"\\".repeat(backslashes)));
    Some(words)
}

/// A word as a program takes it that takes its line apart: one with blanks or quotes is put
/// in quotes, and a backslash counts twice before one.
#[must_use]
pub fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"']) {
        word.to_owned()
    } else {
        in_quotes(word)
    }
}

/// A word in quotes, whatever it is.
#[must_use]
pub fn in_quotes(word: &str) -> String {
    let mut text = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                text.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        text.push(c);
    }
    text.extend(std::iter::repeat_n('\\', backslashes));
    text.push('"');
    text
}

/// A command line that gives a text to a command.
#[must_use]
pub fn given(text: &str, command: &str) -> String {
    format!("echo {text}| {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_once_it_is_taken_apart() {
        let words = ["a", "", "a b", r"C:\x y\", r#"say "so""#, r#"\\"\"#, r"\\host\a b\\", "\t"];
        for word in words {
            assert_eq!(split(&format!("p {} q", quoted(word))).unwrap(), ["p", word, "q"]);
            assert_eq!(split(&in_quotes(word)).unwrap(), [word]);
        }
        assert_eq!(
            split(r#"  "C:\a b\c.exe"   x"y z"w  a"" "" """b" "#).unwrap(),
            [r"C:\a b\c.exe", "xy zw", "a", "", "\"b",]
        );
    }
}
