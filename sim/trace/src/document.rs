//! A whole text of somebody else's: a scenario, a profile, a baseline. It is read up to a
//! bound, whatever is behind its name, and what is no UTF-8 is told with its place.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Bytes of a document, at most.
pub const LONGEST_DOCUMENT: u64 = 64 << 20;

/// The text in a file.
///
/// # Errors
/// It cannot be read, has more than [`LONGEST_DOCUMENT`] bytes, as a device has that never
/// ends, or is not UTF-8.
pub fn read_document(path: impl AsRef<Path>) -> Result<String> {
    document(File::open(path)?)
}

/// The text that comes from a reader.
///
/// # Errors
/// As [`read_document`].
pub fn document(input: impl Read) -> Result<String> {
    let mut bytes = Vec::new();
    input.take(LONGEST_DOCUMENT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_DOCUMENT {
        let why = format!("it has more than {LONGEST_DOCUMENT} bytes, too many for a document");
        return Err(Error::new(ErrorKind::FileTooLarge, why));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..good];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        let why = format!("line {line}, column {column}: not UTF-8");
        Error::new(ErrorKind::InvalidData, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_read_up_to_a_bound() {
        let error = document(std::io::repeat(b' ')).expect_err("it never ends");
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_no_utf8_is_told_with_its_place() {
        let error = document(&b"{\n \"\xC3\xA4\": \"\xFF\"\n}"[..]).expect_err("it is none");
        assert_eq!(error.to_string(), "line 2, column 8: not UTF-8");
    }
}
