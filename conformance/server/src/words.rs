//! The words of Transact-SQL, as far as BACKUP and RESTORE have them.

use unicode_general_category::{GeneralCategory, get_general_category};

use super::quotes::length;

/// One word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A word without quotes: a keyword or a name.
    Plain(String),
    /// A name in brackets or double quotes.
    Quoted(String),
    /// A text in single quotes, with or without the `N` before it.
    Text(String),
    /// A whole number.
    Number(u64),
    /// A variable, which has no value here.
    Variable(String),
    Equals,
    Comma,
    Semicolon,
    Open,
    Close,
    Dot,
    /// A sign of arithmetic, or of a comparison.
    Symbol(char),
}

impl Word {
    /// The word that a text begins with, and its bytes; `None` if it begins with none, or with a
    /// quote that does not end.
    fn first_of(text: &str) -> Option<(Self, usize)> {
        let next = text.chars().next()?;
        let sign = |word| Some((word, next.len_utf8()));
        match next {
            'N' | 'n' if text[1..].starts_with('\'') => {
                let (text, length) = quoted(&text[1..])?;
                Some((Self::Text(text), 1 + length))
            }
            '\'' => quoted(text).map(|(text, length)| (Self::Text(text), length)),
            '[' | '"' => quoted(text).map(|(name, length)| (Self::Quoted(name), length)),
            '0'..='9' => {
                let digits = while_all(text, |next| next.is_ascii_digit());
                Some((Self::Number(digits.parse().ok()?), digits.len()))
            }
            '@' => {
                let is_of_name = |next: char| next.is_ascii_alphanumeric() || "_@#$".contains(next);
                let name = while_all(text, is_of_name);
                (name.len() > 1).then(|| (Self::Variable(name.to_owned()), name.len()))
            }
            '=' => sign(Self::Equals),
            ',' => sign(Self::Comma),
            ';' => sign(Self::Semicolon),
            '(' => sign(Self::Open),
            ')' => sign(Self::Close),
            '.' => sign(Self::Dot),
            _ if "-+*/%<>!&|^~".contains(next) => sign(Self::Symbol(next)),
            _ if is_letter(next) || "_#".contains(next) => {
                let is_of_name = |next| is_letter(next) || is_number(next) || "_@#$".contains(next);
                let name = while_all(text, is_of_name);
                Some((Self::Plain(name.to_owned()), name.len()))
            }
            _ => None,
        }
    }
}

/// What a text begins with, as far as this is true of every character.
fn while_all(text: &str, is_of: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|next| !is_of(next)).unwrap_or(text.len())]
}

fn is_letter(character: char) -> bool {
    use GeneralCategory as Is;
    matches!(
        get_general_category(character),
        Is::UppercaseLetter
            | Is::LowercaseLetter
            | Is::TitlecaseLetter
            | Is::ModifierLetter
            | Is::OtherLetter
    )
}

fn is_number(character: char) -> bool {
    use GeneralCategory as Is;
    matches!(
        get_general_category(character),
        Is::DecimalNumber | Is::LetterNumber | Is::OtherNumber
    )
}

/// What stands between the quotes that a text begins with, a quote that stands twice once; how
/// many bytes that is with the quotes.
fn quoted(text: &str) -> Option<(String, usize)> {
    let length = length(text)?;
    let single = &text[length - 1..length];
    Some((text[1..length - 1].replace(&single.repeat(2), single), length))
}

/// Bytes of the space, or of the comment, that a text begins with; `None` if a comment does not
/// end.
fn gap(text: &str) -> Option<usize> {
    if text.starts_with("/*") {
        return length(text);
    }
    if text.starts_with("--") {
        return Some(while_all(text, |next| next != '\n').len());
    }
    Some(while_all(text, |next| matches!(next, ' ' | '\t' | '\r' | '\n' | '\x0C')).len())
}

/// A word with its place: bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) word: Word,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The words of a text; the place from which on there is none.
pub(super) fn words(text: &str) -> Result<Vec<Placed>, usize> {
    let (mut words, mut start) = (Vec::new(), 0);
    while start < text.len() {
        match gap(&text[start..]).ok_or(start)? {
            0 => {
                let (word, length) = Word::first_of(&text[start..]).ok_or(start)?;
                words.push(Placed { word, start, end: start + length });
                start += length;
            }
            length => start += length,
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments() {
        let text = "BACKUP /* a /* b */ c */ [my]]db] -- x\n N'it''s' \"a\"\"b\" = 12, @v";
        let found: Vec<Word> =
            words(text).expect("words").into_iter().map(|placed| placed.word).collect();
        let expected = [
            Word::Plain("BACKUP".into()),
            Word::Quoted("my]db".into()),
            Word::Text("it's".into()),
            Word::Quoted("a\"b".into()),
            Word::Equals,
            Word::Number(12),
            Word::Comma,
            Word::Variable("@v".into()),
        ];
        assert_eq!(found, expected);
        assert!(words("BACKUP /* never ends").is_err());
        assert!(words("'never ends").is_err());
    }
}
