//! Inputs made of a corpus, from a seed: for a toolchain that cannot tell what an input
//! reaches. A library that does the same on stable (`bolero`) makes its inputs of nothing and
//! only plays a corpus again; what is here are the changes that libFuzzer makes, too.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Bytes of an input, at most.
const LONGEST: usize = 1 << 16;

/// Numbers where mistakes are made.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "64",
    "65",
    "255",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
    "1.5",
    "00",
];

/// Makes inputs of those that are known: the same from the same seed.
#[derive(Debug)]
pub struct Mutator {
    random: ChaCha8Rng,
    corpus: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Of these inputs, with these words of their grammar.
    #[must_use]
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), corpus, words }
    }

    fn below(&mut self, end: usize) -> usize {
        (self.random.next_u64() % end.max(1) as u64) as usize
    }

    fn known(&mut self) -> Vec<u8> {
        let which = self.below(self.corpus.len());
        self.corpus.get(which).cloned().unwrap_or_default()
    }

    /// A piece of an input: where, and how long.
    fn piece(&mut self, of: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(of.len() + 1);
        let most = if self.below(4) == 0 { of.len() } else { 32 };
        start..(start + self.below(most + 1)).min(of.len())
    }

    /// The next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.known();
        for _ in 0..=self.below(5) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.below(9) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << (self.random.next_u32() % 8);
                }
            }
            1 => {
                let byte = self.random.next_u32() as u8;
                if let Some(place) = input.get_mut(at) {
                    *place = byte;
                }
            }
            2 => drop(input.drain(self.piece(input))),
            3 => {
                let piece = input[self.piece(input)].to_vec();
                input.splice(at..at, piece);
            }
            4 => {
                let other = self.known();
                let piece = other[self.piece(&other)].to_vec();
                let place = self.piece(input);
                input.splice(place, piece);
            }
            5 => {
                let bytes: Vec<u8> =
                    (0..=self.below(8)).map(|_| self.random.next_u32() as u8).collect();
                input.splice(at..at, bytes);
            }
            6 => input.truncate(at),
            7 => self.renumber(input),
            _ => {
                let which = self.below(self.words.len());
                let word = self.words.get(which).cloned().unwrap_or_default();
                let place = if self.below(2) == 0 { at..at } else { self.piece(input) };
                input.splice(place, word);
            }
        }
    }

    /// Another number in the place of one that is there.
    fn renumber(&mut self, input: &mut Vec<u8>) {
        let from = self.below(input.len());
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let Some(start) = input[from..].iter().position(is_digit).map(|at| from + at) else {
            return;
        };
        let length = input[start..].iter().take_while(|byte| is_digit(byte)).count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        input.splice(start..start + length, number.bytes());
    }
}
