//! Names as parts of the names of what the system holds for a set.

use std::fmt::Write as _;

/// A name without anything that the system knows. Letters, digits, `-`, `_` and inner dots
/// stay as they are.
pub(super) fn encoded(name: &str) -> String {
    let mut encoded = String::new();
    for (place, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if plain || byte == b'.' && place > 0 {
            encoded.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
