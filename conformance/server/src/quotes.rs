//! Quotes and comments of Transact-SQL: where they end.

/// Which quote or comments a place in a text is inside of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quotes {
    /// The quote that closes.
    quote: Option<char>,
    /// How many comments are open: they may hold others.
    comments: u32,
}

impl Quotes {
    /// Whether the place is outside of all.
    pub(super) fn is_outside(self) -> bool {
        self == Self::default()
    }

    /// Whether the place is inside a comment.
    pub(super) const fn is_comment(self) -> bool {
        self.comments > 0
    }

    /// Goes over what stands first in a text that begins with `next`; how many bytes that is.
    pub(super) fn step(&mut self, text: &str, next: char) -> usize {
        match self.quote {
            Some(quote) if quote == next => {
                // A quote that stands twice closes nothing.
                if text[quote.len_utf8()..].starts_with(quote) {
                    return 2 * quote.len_utf8();
                }
                self.quote = None;
            }
            Some(_) => {}
            None if text.starts_with("/*") => {
                self.comments += 1;
                return 2;
            }
            None if self.comments > 0 => {
                if text.starts_with("*/") {
                    self.comments -= 1;
                    return 2;
                }
            }
            None => match next {
                '\'' | '"' => self.quote = Some(next),
                '[' => self.quote = Some(']'),
                _ => {}
            },
        }
        next.len_utf8()
    }
}

/// Bytes of the quote or the comment that a text begins with; `None` if it does not end.
pub(super) fn length(text: &str) -> Option<usize> {
    let (mut quotes, mut at) = (Quotes::default(), 0);
    loop {
        let rest = &text[at..];
        at += quotes.step(rest, rest.chars().next()?);
        if quotes.is_outside() {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments_end() {
        for (text, expected) in [
            ("'it''s' x", Some(7)),
            ("[a]]b]c", Some(6)),
            ("\"ä\"\"\"", Some(6)),
            ("/* a /* b */ ' */ c", Some(17)),
            ("'never", None),
            ("/* /* */", None),
        ] {
            assert_eq!(length(text), expected, "{text}");
        }
    }
}
