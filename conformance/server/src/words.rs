//! The words of Transact-SQL, as far as BACKUP and RESTORE have them.

use logos::{Lexer, Logos};

use super::quotes::length;

/// One word of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Logos)]
#[logos(skip r"[ \t\r\n\f]+")]
#[logos(skip(r"--[^\n]*", allow_greedy = true))]
pub(super) enum Word {
    /// A comment between `/*` and `*/`, which may hold others; false if it does not end.
    #[token("/*", comment)]
    Comment(bool),
    /// A word without quotes: a keyword or a name.
    #[regex(r"[\p{L}_#][\p{L}\p{N}_@#$]*", |lex| lex.slice().to_owned())]
    Plain(String),
    /// A name in brackets or double quotes.
    #[token("[", |lex| quoted(lex, ']'))]
    #[token("\"", |lex| quoted(lex, '"'))]
    Quoted(String),
    /// A text in single quotes, with or without the `N` before it.
    #[regex("[Nn]?'", |lex| quoted(lex, '\''))]
    Text(String),
    /// A whole number.
    #[regex(r"[0-9]+", |lex| lex.slice().parse().ok())]
    Number(u64),
    /// A variable, which has no value here.
    #[regex(r"@[A-Za-z0-9_@#$]+", |lex| lex.slice().to_owned())]
    Variable(String),
    #[token("=")]
    Equals,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token("(")]
    Open,
    #[token(")")]
    Close,
    #[token(".")]
    Dot,
    /// A sign of arithmetic, or of a comparison.
    #[regex(r"[-+*/%<>!&|^~]", |lex| lex.slice().chars().next())]
    Symbol(char),
}

/// What stands between the quotes, the last character of what was found and `closing`.
fn quoted(lexer: &mut Lexer<'_, Word>, closing: char) -> Option<String> {
    let start = lexer.span().end - 1;
    let text = &lexer.source()[start..];
    let length = length(text)?;
    lexer.bump(length - 1);
    let single = closing.to_string();
    Some(text[1..length - 1].replace(&single.repeat(2), &single))
}

/// Skips to the end of a comment.
fn comment(lexer: &mut Lexer<'_, Word>) -> bool {
    let length = length(&lexer.source()[lexer.span().start..]);
    lexer.bump(length.map_or(lexer.remainder().len(), |length| length - 2));
    length.is_some()
}

/// A word with its place: bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) word: Word,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The words of a text; the place at which there is none.
pub(super) fn words(text: &str) -> Result<Vec<Placed>, std::ops::Range<usize>> {
    let mut words = Vec::new();
    for (word, span) in Word::lexer(text).spanned() {
        match word {
            Ok(Word::Comment(true)) => {}
            Ok(Word::Comment(false)) | Err(()) => return Err(span),
            Ok(word) => words.push(Placed { word, start: span.start, end: span.end }),
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
