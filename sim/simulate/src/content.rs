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
pub(super) const fn nothing(length: u32) -> Extent {
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
pub(super) fn push(content: &mut Content, extent: Extent) {
    if extent.length == 0 {
        return;
    }
    match content.last_mut() {
        Some(last) if last.goes_on(&extent) => last.length += extent.length,
        _ => content.push(extent),
    }
}

/// A piece of what is stored.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    stream: u32,
    offset: u64,
    length: u64,
}

impl Piece {
    const fn end(&self) -> u64 {
        self.at + self.length
    }
}

/// Stored data, addressed by byte: pieces in the order of their places, none of which
/// overlap. A backup that nothing disturbs is one piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    pieces: Vec<Piece>,
    end: u64,
}

impl Store {
    /// The byte after the last that was stored.
    #[must_use]
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Stores data at a place, over what was there.
    pub(super) fn write(&mut self, at: u64, content: &[Extent]) {
        let mut at = at;
        for extent in content {
            let length = u64::from(extent.length);
            if at != self.end {
                self.cut(at, at + length);
            }
            let piece = Piece { at, stream: extent.stream, offset: extent.offset, length };
            self.insert(piece);
            at += length;
        }
    }

    fn insert(&mut self, piece: Piece) {
        self.end = self.end.max(piece.end());
        let index = self.pieces.iter().rposition(|known| known.at < piece.at).map_or(0, |i| i + 1);
        if let Some(before) = index.checked_sub(1).map(|index| &mut self.pieces[index]) {
            let goes_on = before.end() == piece.at
                && before.stream == piece.stream
                && before.offset + before.length == piece.offset;
            if goes_on {
                before.length += piece.length;
                return;
            }
        }
        self.pieces.insert(index, piece);
    }

    /// Forgets what is stored between two places.
    fn cut(&mut self, from: u64, to: u64) {
        let mut kept = Vec::with_capacity(self.pieces.len() + 1);
        for piece in &self.pieces {
            if piece.end() <= from || piece.at >= to {
                kept.push(*piece);
                continue;
            }
            if piece.at < from {
                kept.push(Piece { length: from - piece.at, ..*piece });
            }
            if piece.end() > to {
                let gone = to - piece.at;
                kept.push(Piece {
                    at: to,
                    offset: piece.offset + gone,
                    length: piece.length - gone,
                    ..*piece
                });
            }
        }
        self.pieces = kept;
    }

    /// What is stored from a place on, as far as it goes and `length` at most. A hole
    /// reads as no stream.
    #[must_use]
    pub(super) fn read(&self, at: u64, length: u32) -> Content {
        let to = (at + u64::from(length)).min(self.end);
        let (mut at, mut content) = (at, Content::new());
        for piece in &self.pieces {
            if piece.end() <= at || piece.at >= to {
                continue;
            }
            if piece.at > at {
                push(&mut content, nothing((piece.at - at) as u32));
                at = piece.at;
            }
            let taken = piece.end().min(to) - at;
            let offset = piece.offset + (at - piece.at);
            push(&mut content, Extent { stream: piece.stream, offset, length: taken as u32 });
            at += taken;
        }
        if at < to {
            push(&mut content, nothing((to - at) as u32));
        }
        content
    }

    /// Forgets what lies behind a place.
    pub(super) fn truncate(&mut self, end: u64) {
        if end < self.end {
            self.cut(end, self.end);
            self.end = end;
        }
    }
}

/// Bytes of a content.
#[must_use]
pub(super) fn length(content: &[Extent]) -> u32 {
    content.iter().map(|extent| extent.length).sum()
}

/// The first bytes of a content.
#[must_use]
pub(super) fn head(content: &[Extent], bytes: u32) -> Content {
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
    fn what_is_stored_in_order_is_one_piece() {
        let mut store = Store::default();
        (0..4).for_each(|n| store.write(n * 10, &[of(n * 10, 10)]));
        assert_eq!(store.pieces.len(), 1);
        assert_eq!(store.read(5, 100).as_slice(), [of(5, 35)]);
    }

    #[test]
    fn bytes_stand_for_a_content() {
        let content = [of(512, 1024), nothing(8), of(0, 64)];
        assert_eq!(from_bytes(&to_bytes(&content)).as_slice(), content);
        assert_eq!(from_bytes(&[7; 3]).as_slice(), [nothing(3)]);
    }

    #[test]
    fn what_is_stored_again_replaces() {
        let mut store = Store::default();
        store.write(0, &[of(0, 30)]);
        store.write(10, &[of(90, 5)]);
        assert_eq!(store.read(0, 30).as_slice(), [of(0, 10), of(90, 5), of(15, 15)]);
        store.truncate(12);
        assert_eq!(store.read(0, 30).as_slice(), [of(0, 10), of(90, 2)]);
        store.write(20, &[of(7, 1)]);
        assert_eq!(store.read(11, 9).as_slice(), [of(91, 1), nothing(8)]);
    }
}
