//! Times as logs write them, and how far they can be compared.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};

use super::Record;

pub use jiff::tz::Offset;

/// A time in a log: when, how exactly, and against which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    local: DateTime,
    /// How long the moment may last.
    exact: SignedDuration,
    zone: Option<Offset>,
    /// Day and month can be told apart.
    plain: bool,
}

impl Moment {
    /// Whether this was over before the other began; nothing, if they cannot be compared or
    /// overlap.
    #[must_use]
    pub fn before(&self, other: &Self) -> Option<bool> {
        let apart = self.until(other)?;
        if apart >= self.exact {
            Some(true)
        } else if -apart >= other.exact {
            Some(false)
        } else {
            None
        }
    }

    /// Whether it is known how far its clock is ahead of UTC.
    #[must_use]
    pub const fn has_zone(&self) -> bool {
        self.zone.is_some()
    }

    /// How long from the beginning of this to that of the other, if they can be compared.
    #[must_use]
    pub fn until(&self, other: &Self) -> Option<SignedDuration> {
        if !(self.plain && other.plain) {
            return None;
        }
        match (self.zone, other.zone) {
            (Some(one), Some(two)) => {
                let (one, two) = (at(self.local, one)?, at(other.local, two)?);
                Some(two.duration_since(one))
            }
            (None, None) => Some(other.local.duration_since(self.local)),
            _ => None,
        }
    }

    /// The same, for times of one file: these are of one clock, and of one way to write.
    #[must_use]
    pub fn until_in_file(&self, other: &Self) -> SignedDuration {
        other.local.duration_since(self.local)
    }
}

fn at(local: DateTime, zone: Offset) -> Option<Timestamp> {
    zone.to_timestamp(local).ok()
}

/// An offset from UTC as people write it: `+02:00`, `-0530`, `Z`.
#[must_use]
pub fn offset(text: &str) -> Option<Offset> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(r"^([+-])(\d\d):?(\d\d)$"));
    if ["z", "utc"].iter().any(|zero| text.trim().eq_ignore_ascii_case(zero)) {
        return Some(Offset::UTC);
    }
    let found = FORM.captures(text.trim())?;
    let part = |index: usize| found[index].parse::<i32>().ok();
    let seconds = part(2)? * 3600 + part(3)? * 60;
    Offset::from_seconds(if &found[1] == "-" { -seconds } else { seconds }).ok()
}

pub(super) fn form(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression of this file")
}

/// A date, a time, and perhaps a zone.
const STAMP: &str = r"(?x)
    (?: (?<y>\d{4})[-/.](?<m>\d\d?)[-/.](?<d>\d\d?) | (?<a>\d\d?)(?<sep>[-/.])(?<b>\d\d?)[-/.](?<y2>\d{4}) )
    (?:T|,?\s+)
    (?<h>\d\d?):(?<min>\d\d)(?::(?<s>\d\d)(?:[.,](?<frac>\d{1,9}))?)?
    (?:\s*(?<half>[AaPp])\.?[Mm]\b\.?)?
    (?<zone>Z|\s?[+-]\d\d:?\d\d\b|\s?UTC\b)?";

/// Where a time stands in a text, if one does.
pub(super) fn stamp(text: &str) -> Option<std::ops::Range<usize>> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(STAMP));
    FORM.find(text).map(|found| found.range())
}

/// Understands the times of a file's entries.
pub(super) fn understand(records: &mut [Record], local: Option<Offset>, notes: &mut Vec<String>) {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(STAMP));
    let found = |record: &Record| {
        record.time.as_deref().and_then(|time| FORM.captures(time)).map(|found| {
            let number = |name: &str| found.name(name).and_then(|part| part.as_str().parse().ok());
            (number("a"), number("b"), found.name("half").is_some(), dotted(&found))
        })
    };
    let dates: Vec<(Option<i8>, Option<i8>, bool, bool)> =
        records.iter().filter_map(found).collect();
    let slashed = dates.iter().any(|(a, _, _, dotted)| a.is_some() && !dotted);
    let day_first = dates.iter().any(|(a, ..)| a.is_some_and(|a| a > 12));
    let month_first = dates.iter().any(|(_, b, ..)| b.is_some_and(|b| b > 12));
    let halves = dates.iter().any(|(_, _, halves, _)| *halves);
    let order = match (day_first, month_first || halves) {
        (true, false) => Order::DayFirst,
        (false, true) => Order::MonthFirst,
        _ => Order::Unknown,
    };
    if slashed && order == Order::Unknown {
        notes.push(
            "dates such as 03/04/2024 do not tell day from month here: these times are compared \
             within this file only"
                .to_owned(),
        );
    }
    for record in records {
        let moment = record.time.as_deref().and_then(|time| FORM.captures(time));
        record.moment = moment.and_then(|found| moment_of(&found, order, local));
    }
}

fn dotted(found: &Captures<'_>) -> bool {
    found.name("sep").is_some_and(|sep| sep.as_str() == ".")
}

/// What comes first in a date.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    DayFirst,
    MonthFirst,
    Unknown,
}

fn moment_of(found: &Captures<'_>, order: Order, local: Option<Offset>) -> Option<Moment> {
    let part = |name: &str| found.name(name).map(|part| part.as_str());
    let number = |name: &str| part(name).and_then(|text| text.parse::<i8>().ok());
    let (year, month, day, plain) = match (part("y"), part("y2")) {
        (Some(year), _) => (year, number("m")?, number("d")?, true),
        (None, Some(year)) => {
            let (a, b) = (number("a")?, number("b")?);
            let day_first = order == Order::DayFirst || dotted(found);
            let plain = order != Order::Unknown || dotted(found) || a == b;
            if day_first { (year, b, a, plain) } else { (year, a, b, plain) }
        }
        (None, None) => return None,
    };
    let hour = match (number("h")?, part("half").map(|half| half.eq_ignore_ascii_case("p"))) {
        (12, Some(false)) => 0,
        (hour, Some(true)) if hour < 12 => hour + 12,
        (hour, _) => hour,
    };
    let fraction = part("frac").unwrap_or_default();
    let nanos = format!("{fraction:0<9}").parse::<i32>().ok()?;
    let second = number("s");
    let year = year.parse().ok()?;
    let moment =
        DateTime::new(year, month, day, hour, number("min")?, second.unwrap_or(0), nanos).ok()?;
    let exact = match (second, fraction.len()) {
        (None, _) => SignedDuration::from_secs(60),
        (Some(_), 0) => SignedDuration::from_secs(1),
        (Some(_), digits) => SignedDuration::from_nanos(10_i64.pow(9 - digits.min(9) as u32)),
    };
    let zone = part("zone").and_then(offset).or(local);
    Some(Moment { local: moment, exact, zone, plain })
}

/// Whether the entries of an export stand in the opposite order: each is at the time of the
/// one before, or earlier, and the last is earlier than the first.
pub(super) fn newest_first(records: &[Record]) -> bool {
    let moments: Vec<&Moment> = records.iter().filter_map(|r| r.moment.as_ref()).collect();
    let falls = |pair: &[&Moment]| pair[0].until_in_file(pair[1]) <= SignedDuration::ZERO;
    match (moments.first(), moments.last()) {
        (Some(first), Some(last)) => {
            first.until_in_file(last) < SignedDuration::ZERO && moments.windows(2).all(falls)
        }
        _ => false,
    }
}
