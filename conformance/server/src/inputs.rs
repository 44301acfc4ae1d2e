//! What others write, read and not acted upon: for tests that try every input.

use std::collections::BTreeMap;

use super::sqlcmd::{Reader, Script, decoded};
use super::standing::Request;

/// The batches in a file of statements for `sqlcmd`, and what is wrong behind them; nothing
/// if it is no text.
#[must_use]
pub fn batches(bytes: &[u8], variables: &[(&str, &str)]) -> Option<(Vec<String>, Option<String>)> {
    let text = decoded(bytes)?;
    let mut reader = Reader::new("GO".to_owned(), false);
    let own = |(name, value): &(&str, &str)| (name.to_ascii_uppercase(), (*value).to_owned());
    reader.variables = Some(variables.iter().map(own).collect::<BTreeMap<_, _>>());
    let mut script = Script::default();
    reader.read(&text, Some("input"), &mut script);
    Some((script.batches.into_iter().map(|batch| batch.text).collect(), script.wrong))
}

/// The texts in a line that is handed over to a server that stands.
///
/// # Errors
/// It is no request.
pub fn request(line: &[u8]) -> Result<Vec<String>, String> {
    let request: Request = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Ok(request.batches.into_iter().map(|batch| batch.text).collect())
}
