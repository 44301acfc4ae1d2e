//! Data, told by where it comes from: a stretch of the stream that a server backs up.
//!
//! A run on the model moves no byte. What a buffer holds is then known by stretches of
//! the streams it came from; a run on a real implementation writes bytes that say the
//! same, and reads them back.

use smallvec::SmallVec;

/// A stretch of the stream of one device, as the server backed it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Whose: a number that no other stream of the world has; 0 is no stream.
    pub stream: u32,
    /// Bytes from the start of the stream.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

/// What a buffer holds, or a medium gives.
pub type Content = SmallVec<[Extent; 1]>;

/// What was in memory before: of no stream.
#[must_use]
pub(crate) const fn nothing(length: u32) -> Extent {
    Extent { stream: 0, offset: 0, length }
}

impl Extent {
    /// Whether `next` goes on where this ends.
    const fn goes_on(&self, next: &Self) -> bool {
        match self.stream {
            0 => next.stream == 0,
            stream => next.stream == stream && self.offset + self.length as u64 == next.offset,
        }
    }
}

/// Appends a stretch, joined to the last where it goes on.
pub(crate) fn push(content: &mut Content, extent: Extent) {
    if extent.length == 0 {
        return;
    }
    match content.last_mut() {
        Some(last) if last.goes_on(&extent) => last.length += extent.length,
        _ => content.push(extent),
    }
}

/// Bytes of a content.
#[must_use]
pub(crate) fn length(content: &[Extent]) -> u32 {
    content.iter().map(|extent| extent.length).sum()
}

/// The first bytes of a content.
#[must_use]
pub(crate) fn head(content: &[Extent], bytes: u32) -> Content {
    let (mut left, mut head) = (bytes, Content::new());
    for extent in content {
        let length = extent.length.min(left);
        push(&mut head, Extent { length, ..*extent });
        left -= length;
    }
    head
}

/// Bytes of a word that stands for eight bytes of a stream.
const WORD: usize = 8;

/// Where in a word the number of its stream is.
const STREAM_SHIFT: u32 = 40;

/// Bytes that stand for a content: each word says which stream it is of, and where.
#[must_use]
pub fn to_bytes(content: &[Extent]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length(content) as usize);
    for extent in content {
        let first = extent.offset / WORD as u64;
        for place in first..first + u64::from(extent.length) / WORD as u64 {
            let stands = u64::from(extent.stream) << STREAM_SHIFT | place;
            bytes.extend_from_slice(&if extent.stream == 0 {
                [0; WORD]
            } else {
                stands.to_le_bytes()
            });
        }
    }
    bytes
}

/// The content that bytes stand for; what stands for nothing is of no stream.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Content {
    let mut content = Content::new();
    for word in bytes.chunks(WORD) {
        let stands = word.try_into().map_or(0, u64::from_le_bytes);
        let stream = (stands >> STREAM_SHIFT) as u32;
        let place = stands & ((1 << STREAM_SHIFT) - 1);
        let offset = if stream == 0 { 0 } else { place * WORD as u64 };
        push(&mut content, Extent { stream, offset, length: word.len() as u32 });
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(offset: u64, length: u32) -> Extent {
        Extent { stream: 1, offset, length }
    }

    #[test]
    fn bytes_stand_for_a_content() {
        let content = [of(512, 1024), nothing(8), of(0, 64)];
        assert_eq!(from_bytes(&to_bytes(&content)).as_slice(), content);
        assert_eq!(from_bytes(&[7; 3]).as_slice(), [nothing(3)]);
    }
}
