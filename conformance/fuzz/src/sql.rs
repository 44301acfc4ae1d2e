//! SQL, as clients hand it over.

use vdi_server::{inputs, parse};

/// The statements of a batch. Of one that is none a line is told that it has.
pub(super) fn statement(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match parse(&text) {
        Ok(orders) => assert_eq!(parse(&text).ok(), Some(orders)),
        Err(bad) => {
            let lines = text.lines().count().max(1);
            assert!((1..=lines + 1).contains(&bad.line), "line {} of {lines}: {bad}", bad.line);
        }
    }
}

/// A script of `sqlcmd`, and the statements of its batches.
pub(super) fn script(input: &[u8]) {
    let Some((batches, _)) = inputs::batches(input, &[("a", "1"), ("name", "x")]) else { return };
    batches.iter().for_each(|batch| statement(batch.as_bytes()));
}

/// What is handed over to a server that stands.
pub(super) fn request(input: &[u8]) {
    let Ok(batches) = inputs::request(input) else { return };
    batches.iter().for_each(|batch| statement(batch.as_bytes()));
}
