//! As shells of POSIX have them.

/// The words of a command line; `None` with an open quotation.
#[must_use]
pub fn split(line: &str) -> Option<Vec<String>> {
    shlex::split(line)
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    shlex::try_quote(word).unwrap_or(word.into()).into_owned()
}

/// A word in quotes, whatever it is.
#[must_use]
pub fn in_quotes(word: &str) -> String {
    format!("'{word}'")
}

/// A command line that gives a text to a command.
#[must_use]
pub fn given(text: &str, command: &str) -> String {
    format!("echo '{text}' | {command}")
}
