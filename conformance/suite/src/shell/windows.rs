//! As programs of Windows take them apart, and as `cmd` has them.

/// The words of a command line; a quotation that is open ends with it.
#[must_use]
pub fn split(line: &str) -> Option<Vec<String>> {
    Some(winsplit::split(line))
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
    }
}
