//! Ranges of seeds, and the shards that share them out.

use std::fmt;
use std::str::FromStr;

/// Seeds from the first to the one before the last: `A..B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub from: u64,
    /// The first that is not one of them.
    pub to: u64,
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no range of seeds, expected one such as 0..1000");
        let (from, to) = text.split_once("..").ok_or_else(bad)?;
        let number = |text: &str| text.replace('_', "").parse::<u64>().map_err(|_| bad());
        let (from, to) = (number(from)?, number(to)?);
        if from < to { Ok(Self { from, to }) } else { Err(format!("`{text}` holds no seed")) }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

/// One of several equal shares of a range: `K/N`, K from 1 to N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// The whole.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// The seed of this shard at a place, counted from 0.
    #[must_use]
    pub fn seed(self, seeds: Seeds, place: u64) -> Option<u64> {
        let step = place.checked_mul(self.of)?.checked_add(self.number - 1)?;
        let seed = seeds.from.checked_add(step)?;
        (seed < seeds.to).then_some(seed)
    }

    /// How many seeds of the range are in it.
    #[must_use]
    pub const fn count(self, seeds: Seeds) -> u64 {
        (seeds.to - seeds.from + self.of - self.number) / self.of
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no shard, expected one such as 1/4");
        let (number, of) = text.split_once('/').ok_or_else(bad)?;
        let number: u64 = number.parse().map_err(|_| bad())?;
        let of: u64 = of.parse().map_err(|_| bad())?;
        if (1..=of).contains(&number) { Ok(Self { number, of }) } else { Err(bad()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_a_range_out() {
        let seeds: Seeds = "10..21".parse().expect("a range");
        let mut all = Vec::new();
        for shard in ["1/3", "2/3", "3/3"] {
            let shard: Shard = shard.parse().expect("a shard");
            let own: Vec<u64> = (0..).map_while(|place| shard.seed(seeds, place)).collect();
            assert_eq!(own.len() as u64, shard.count(seeds));
            all.extend(own);
        }
        all.sort_unstable();
        assert_eq!(all, (10..21).collect::<Vec<_>>());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "5", "5..5", "7..3", "a..b"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
        for text in ["", "1", "0/2", "3/2", "1/0"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
