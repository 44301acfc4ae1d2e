//! Numbers side by side in words: what a packed state is written with and read by.

/// Values by their numbers.
pub(super) trait Listed: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn number(self) -> Option<u64> {
        Self::ALL.iter().position(|known| *known == self).map(|number| number as u64)
    }

    fn numbered(number: u64) -> Self {
        Self::ALL[number as usize]
    }
}

/// Writes numbers into words, one after the other.
pub(super) struct Writer<const N: usize> {
    words: [u64; N],
    /// Words that are full.
    full: usize,
    /// The word being filled, and how many of its bits are.
    word: u64,
    filled: usize,
    pub(super) fits: bool,
}

impl<const N: usize> Writer<N> {
    pub(super) const fn new() -> Self {
        Self { words: [0; N], full: 0, word: 0, filled: 0, fits: true }
    }

    /// `value` is less than two to the power of `bits`, which are 63 at most.
    #[inline]
    pub(super) fn put(&mut self, value: u64, bits: usize) {
        self.fits &= value >> bits == 0;
        self.word |= value << self.filled;
        self.filled += bits;
        if self.filled >= 64 {
            self.next(value, bits);
        }
    }

    /// Goes on with what of the value did not fit into the word.
    fn next(&mut self, value: u64, bits: usize) {
        self.filled -= 64;
        match self.words.get_mut(self.full) {
            Some(word) => *word = self.word,
            None => self.fits = false,
        }
        self.full += 1;
        let written = bits - self.filled;
        self.word = value >> written;
    }

    /// The words, if everything fits.
    pub(super) fn end(mut self) -> Option<[u64; N]> {
        if self.filled > 0 {
            *self.words.get_mut(self.full)? = self.word;
        }
        self.fits.then_some(self.words)
    }

    #[inline]
    pub(super) fn put_listed<T: Listed>(&mut self, value: T, bits: usize) {
        match value.number() {
            Some(number) => self.put(number, bits),
            None => self.fits = false,
        }
    }

    #[inline(always)]
    pub(super) fn put_field(&mut self, field: Field) {
        self.fits &= field.fits;
        self.word |= field.value << self.filled;
        self.filled += field.bits;
        if self.filled >= 64 {
            self.next(field.value, field.bits);
        }
    }

    #[inline]
    pub(super) fn require(&mut self, holds: bool) {
        self.fits &= holds;
    }
}

/// Numbers side by side in one word, of which one write makes all: their widths are known
/// when this is compiled.
#[derive(Clone, Copy)]
pub(super) struct Field {
    value: u64,
    bits: usize,
    pub(super) fits: bool,
}

impl Field {
    pub(super) const EMPTY: Self = Self { value: 0, bits: 0, fits: true };

    #[inline(always)]
    pub(super) const fn add(self, value: u64, bits: usize) -> Self {
        let fits = self.fits & (value >> bits == 0);
        Self { value: self.value | value << self.bits, bits: self.bits + bits, fits }
    }

    #[inline(always)]
    pub(super) const fn flag(self, flag: bool) -> Self {
        Self { value: self.value | (flag as u64) << self.bits, bits: self.bits + 1, ..self }
    }

    #[inline(always)]
    pub(super) const fn require(self, holds: bool) -> Self {
        Self { fits: self.fits & holds, ..self }
    }

    #[inline(always)]
    pub(super) fn listed<T: Listed>(self, value: T, bits: usize) -> Self {
        match value.number() {
            Some(number) => self.add(number, bits),
            None => Self { fits: false, ..self },
        }
    }
}

/// Reads them in the same order.
pub(super) struct Reader<'a> {
    words: &'a [u64],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(words: &'a [u64]) -> Self {
        Self { words, at: 0 }
    }

    pub(super) fn take(&mut self, bits: usize) -> u64 {
        let (word, shift) = (self.at / 64, self.at % 64);
        self.at += bits;
        let mut value = self.words[word] >> shift;
        if shift + bits > 64 {
            value |= self.words[word + 1] << (64 - shift);
        }
        value & ((1 << bits) - 1)
    }

    pub(super) fn listed<T: Listed>(&mut self, bits: usize) -> T {
        T::numbered(self.take(bits))
    }

    pub(super) fn flag(&mut self) -> bool {
        self.take(1) == 1
    }
}
