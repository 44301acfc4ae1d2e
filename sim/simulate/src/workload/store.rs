//! Data as a medium stores it, by where it comes from.

use super::content::{Content, Extent, nothing, push};

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
pub(crate) struct Store {
    pieces: Vec<Piece>,
    end: u64,
}

impl Store {
    /// The byte after the last that was stored.
    #[must_use]
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    /// Stores data at a place, over what was there.
    pub(crate) fn write(&mut self, at: u64, content: &[Extent]) {
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
    pub(crate) fn read(&self, at: u64, length: u32) -> Content {
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
    pub(crate) fn truncate(&mut self, end: u64) {
        if end < self.end {
            self.cut(end, self.end);
            self.end = end;
        }
    }
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
