//! Numbers and texts of a message, read and written. Numbers are little-endian, texts UTF-16.

/// A message is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'m>(pub(crate) &'m [u8]);

impl<'m> Rest<'m> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'m [u8], Malformed> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(Malformed("the message ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) =
            self.0.split_first_chunk().ok_or(Malformed("the message ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u16_be(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text behind a byte that counts its characters.
    pub(crate) fn short_text(&mut self) -> Result<String, Malformed> {
        let length = usize::from(self.u8()?);
        self.take(2 * length).map(text)
    }

    /// A text behind a number of two bytes that counts its characters.
    pub(crate) fn long_text(&mut self, length: u16) -> Result<String, Malformed> {
        self.take(2 * usize::from(length)).map(text)
    }
}

/// A text in UTF-16; what is none is put in the place of what is wrong.
pub(crate) fn text(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}

/// A text as UTF-16, no longer than so many characters.
pub(crate) fn utf16(text: &str, most: usize) -> Vec<u16> {
    let mut units = Vec::new();
    for character in text.chars() {
        let mut both = [0; 2];
        let encoded = character.encode_utf16(&mut both);
        if units.len() + encoded.len() > most {
            break;
        }
        units.extend_from_slice(encoded);
    }
    units
}

fn put_units(into: &mut Vec<u8>, units: &[u16]) {
    into.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

/// A text behind a byte that counts its characters.
pub(crate) fn put_short_text(into: &mut Vec<u8>, text: &str) {
    let units = utf16(text, u8::MAX.into());
    into.push(units.len() as u8);
    put_units(into, &units);
}

/// A text behind a number of two bytes that counts its characters.
pub(crate) fn put_long_text(into: &mut Vec<u8>, text: &str, most: usize) {
    let units = utf16(text, most);
    into.extend((units.len() as u16).to_le_bytes());
    put_units(into, &units);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_there_and_back_and_are_cut_between_characters() {
        let mut bytes = Vec::new();
        put_short_text(&mut bytes, "aé\u{1F600}");
        assert_eq!(Rest(&bytes).short_text().as_deref(), Ok("aé\u{1F600}"));
        assert_eq!(utf16("a\u{1F600}", 2), [97]);
        let mut long = Vec::new();
        put_long_text(&mut long, &"x".repeat(70_000), 4000);
        let mut rest = Rest(&long);
        let length = rest.u16().expect("a length");
        assert_eq!(length, 4000);
        assert_eq!(rest.long_text(length).map(|text| text.len()), Ok(4000));
    }

    #[test]
    fn a_message_that_ends_too_early_is_told() {
        assert!(Rest(&[1]).u16().is_err());
        assert!(Rest(&[2, 0, 0]).short_text().is_err());
    }
}
