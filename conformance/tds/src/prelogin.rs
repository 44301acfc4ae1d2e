//! What is agreed before the login: above all what is encrypted.
//!
//! Source: [MS-TDS] 2.2.6.5, PRELOGIN.

use super::bytes::{Malformed, Rest};

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const END: u8 = 0xFF;

/// The version that is told: SQL Server 2022's, 16.0.1000.
pub(crate) const PRODUCT: [u8; 4] = [16, 0, 0x03, 0xE8];

/// What of a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    Nothing,
    /// The login alone.
    Login,
    Everything,
}

/// What a client says of encryption, as a byte; without one it does not know of it.
pub(crate) fn asked(message: &[u8]) -> Result<u8, Malformed> {
    let mut rest = Rest(message);
    loop {
        let option = rest.u8()?;
        if option == END {
            return Ok(2);
        }
        let (place, length) = (usize::from(rest.u16_be()?), usize::from(rest.u16_be()?));
        if option == ENCRYPTION {
            let value = place.checked_add(length).and_then(|end| message.get(place..end));
            let [byte] = value.ok_or(Malformed("an option lies outside of its message"))? else {
                return Err(Malformed("the option of encryption is no byte"));
            };
            return Ok(*byte);
        }
    }
}

/// What a client that says this is answered, and what that comes to. Not by one byte for
/// all: who asks for none gets none, who does not know it is not told to.
pub(crate) const fn answered(asked: u8) -> (u8, Encryption) {
    match asked {
        0 => (0, Encryption::Login),
        2 => (2, Encryption::Nothing),
        _ => (1, Encryption::Everything),
    }
}

/// The answer: version, encryption, nothing of an instance, a thread, no MARS.
pub(crate) fn answer(encryption: u8) -> Vec<u8> {
    let mut version = PRODUCT.to_vec();
    version.extend([0, 0]);
    let options: [(u8, &[u8]); 5] = [
        (VERSION, &version),
        (ENCRYPTION, &[encryption]),
        (INSTANCE, &[0]),
        (THREAD, &[]),
        (MARS, &[0]),
    ];
    let (mut head, mut values) = (Vec::new(), Vec::new());
    let first = 5 * options.len() + 1;
    for (option, value) in options {
        head.push(option);
        head.extend(((first + values.len()) as u16).to_be_bytes());
        head.extend((value.len() as u16).to_be_bytes());
        values.extend_from_slice(value);
    }
    head.push(END);
    head.extend(values);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_of_encryption_is_answered_by_its_table() {
        for (asked, byte, comes_to) in [
            (0, 0, Encryption::Login),
            (1, 1, Encryption::Everything),
            (2, 2, Encryption::Nothing),
            (3, 1, Encryption::Everything),
        ] {
            assert_eq!(answered(asked), (byte, comes_to), "{asked}");
        }
    }

    #[test]
    fn an_answer_is_read_as_a_question_is() {
        for byte in 0..4 {
            assert_eq!(asked(&answer(byte)), Ok(byte));
        }
        assert_eq!(asked(&[0, 0, 6, 0, 1, END, 9]), Ok(2), "nothing is said of it");
        assert!(asked(&[0, 0, 6, 0, 1]).is_err(), "no end");
        assert!(asked(&[1, 0, 60, 0, 1, END]).is_err(), "outside");
        assert!(asked(&[1, 0, 6, 0, 0, END]).is_err(), "no byte");
    }
}
