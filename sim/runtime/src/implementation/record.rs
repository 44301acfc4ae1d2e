//! What goes through the rings: requests from the server to a client, completions
//! back.

use super::layout::{COMPLETION_WORDS, Corrupt, REQUEST_WORDS};

/// Which buffer, and which use of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BufferKey {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl BufferKey {
    /// Never 0: the generation of an allocated buffer is odd.
    pub(super) const fn word(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    pub(super) const fn from_word(word: u64) -> Option<Self> {
        if word == 0 {
            return None;
        }
        Some(Self { index: word as u32, generation: (word >> 32) as u32 })
    }
}

/// A command on its way to the client. Its place in the ring is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What the sender calls it.
    pub(super) tag: u64,
    /// The number of the command, kept for the check that the writer is sound.
    pub(super) number: u64,
    pub(super) code: u32,
    /// How often the device had been in the error state when it was sent.
    pub(super) errors: u32,
    pub(super) size: i64,
    pub(super) position: u64,
    pub(super) buffer: Option<BufferKey>,
}

impl Request {
    pub(super) fn words(&self) -> [u64; REQUEST_WORDS] {
        [
            self.tag,
            self.number,
            u64::from(self.errors) << 32 | u64::from(self.code),
            self.size.cast_unsigned(),
            self.position,
            self.buffer.map_or(0, BufferKey::word),
        ]
    }

    pub(super) const fn from_words(words: [u64; REQUEST_WORDS]) -> Self {
        let [tag, number, code, size, position, buffer] = words;
        Self {
            tag,
            number,
            code: code as u32,
            errors: (code >> 32) as u32,
            size: size.cast_signed(),
            position,
            buffer: BufferKey::from_word(buffer),
        }
    }
}

/// What the client answered to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// Its order among the completions of all devices.
    pub(super) ticket: u64,
    /// The number of the command.
    pub(super) number: u64,
    pub(super) code: u32,
    pub(super) bytes: u32,
    pub(super) position: u64,
    /// With it the device entered the error state.
    pub(super) error: Option<Entered>,
}

/// How a device entered the error state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    /// How often it has been in it, this time included.
    pub(super) count: u32,
    /// Requests the client had taken until then; the others it never sees.
    pub(super) taken: u64,
}

impl Answered {
    pub(super) fn words(&self) -> [u64; COMPLETION_WORDS] {
        let (count, taken) = self.error.map_or((0, 0), |error| (error.count, error.taken));
        [
            self.ticket,
            self.number,
            u64::from(self.bytes) << 32 | u64::from(self.code),
            self.position,
            count.into(),
            taken,
        ]
    }

    pub(super) fn from_words(words: [u64; COMPLETION_WORDS]) -> Result<Self, Corrupt> {
        let [ticket, number, code, position, count, taken] = words;
        let count = u32::try_from(count).map_err(|_| Corrupt)?;
        Ok(Self {
            ticket,
            number,
            code: code as u32,
            bytes: (code >> 32) as u32,
            position,
            error: (count > 0).then_some(Entered { count, taken }),
        })
    }
}
