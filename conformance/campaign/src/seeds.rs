//! Ranges of seeds, and the shards that share them out.

use std::collections::BTreeMap;
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

/// The seeds of a shard, as a result of a campaign names them: `A..B K/N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The range.
    pub seeds: Seeds,
    /// The shard of it.
    pub shard: Shard,
}

impl Share {
    /// Whether a seed is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let to = self.seeds.to.min(other.seeds.to);
        let first = |share: &Self| share.seeds.from.saturating_add(share.shard.number - 1);
        let (first, others, step) = (first(&self), first(&other), other.shard.of);
        // From where both have begun, the seeds of one meet those of the other within as
        // many steps as the other's are apart, or never.
        let behind = others.saturating_sub(first).div_ceil(self.shard.of);
        (behind..=behind.saturating_add(step))
            .map_while(|place| first.checked_add(place.checked_mul(self.shard.of)?))
            .take_while(|seed| *seed < to)
            .any(|seed| seed >= others && (seed - others).is_multiple_of(step))
    }
}

impl Share {
    /// Of the ranges that these are shares of, what none of them is, in words; they do not
    /// overlap.
    #[must_use]
    pub fn missing(shares: &[Self]) -> Vec<String> {
        let mut ranges: BTreeMap<(u64, u64), Vec<Shard>> = BTreeMap::new();
        for Self { seeds, shard } in shares {
            ranges.entry((seeds.from, seeds.to)).or_default().push(*shard);
        }
        let mut missing = Vec::new();
        for ((from, to), shards) in ranges {
            let seeds = Seeds { from, to };
            let there: u64 = shards.iter().map(|shard| shard.count(seeds)).sum();
            let left = (to - from).saturating_sub(there);
            let of = shards[0].of;
            if left > 0 && shards.iter().all(|shard| shard.of == of) {
                let others = (1..=of).map(|number| Shard { number, of });
                let others = others.filter(|shard| !shards.contains(shard));
                let few: Vec<String> = others.take(10).map(|shard| shard.to_string()).collect();
                missing.push(format!("of {seeds}: {left} seeds, shards {}", few.join(", ")));
            } else if left > 0 {
                missing.push(format!("of {seeds}: {left} seeds"));
            }
        }
        missing
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no share of seeds, expected one such as 0..1000 1/4");
        let (seeds, shard) = text.split_once(' ').ok_or_else(bad)?;
        Ok(Self { seeds: seeds.parse()?, shard: shard.parse()? })
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
    fn shares_that_overlap_are_seen() {
        let all = ["0..10 1/1", "10..20 1/1", "0..20 1/3", "0..20 2/3", "5..30 4/6", "7..8 1/1"];
        let share = |text: &str| text.parse::<Share>().expect("a share");
        let seeds = |share: Share| -> Vec<u64> {
            (0..).map_while(|place| share.shard.seed(share.seeds, place)).collect()
        };
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
            let (first, second) = (share(one), share(other));
            let both = seeds(first).iter().any(|seed| seeds(second).contains(seed));
            assert_eq!(first.overlaps(second), both, "{one} and {other}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let share = |text: &&str| text.parse::<Share>().expect("a share");
        let missing =
            |all: &[&str]| Share::missing(&all.iter().map(share).collect::<Vec<_>>()).join("; ");
        assert_eq!(missing(&["0..10 1/1", "10..20 2/2", "10..20 1/2"]), "");
        assert_eq!(missing(&["0..20 1/2", "0..20 2/4", "0..20 4/4"]), "");
        assert_eq!(missing(&["0..10 1/3", "0..10 3/3"]), "of 0..10: 3 seeds, shards 2/3");
        assert_eq!(missing(&["0..10 1/2", "0..10 2/4", "5..6 1/1"]), "of 0..10: 2 seeds");
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
