//! What a server does on purpose that clients have to bear.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::sync::{lock, sleep as pause};

/// One thing that goes wrong, or is unusual. Commands are counted from 1 in each
/// statement, over all its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// So much time passes before each command.
    Slow(Duration),
    /// So much time passes before this command.
    Pause(Duration, u64),
    /// The server aborts instead of sending this command; before it configures the set, if
    /// that is 0.
    Abort(u64),
    /// The server closes the device instead of sending this command.
    Close(u64),
    /// The server closes the set, its devices open, instead of sending this command.
    CloseSet(u64),
    /// The server dies instead of sending this command.
    Kill(u64),
    /// A command that the client did not ask for comes before this one.
    Unknown(u64),
    /// Flush comes twice, and data comes in between, as with FILESTREAM.
    FlushTwice,
    /// Complete is not granted to a client that asks for it.
    NoComplete,
    /// The statement is refused before the set is opened.
    Refuse,
    /// The server aborts once the client has its configuration, before it sends anything.
    AbortConfigured,
    /// All is done, and the statement ends so much later.
    Late(Duration),
    /// The same, and then the statement fails.
    LateFailure(Duration),
    /// Of the media only the head is read; the statement succeeds, and restores nothing.
    HeadOnly,
}

/// What a server is to do instead of sending a command, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Abort,
    Close,
    CloseSet,
    Unknown,
}

/// What goes wrong in each statement.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    sent: AtomicU64,
    /// Those that have happened to this statement.
    happened: Mutex<Vec<Fault>>,
    /// What each is reported to, the first time it happens to a statement.
    report: Option<fn(Fault)>,
}

const EXPECTED: &str = "slow=MS, pause=MS@N, abort@N, close@N, close-set@N, kill@N, unknown@N, \
    flush-twice, no-complete, refuse, abort-configured, late=MS, late-failure=MS, head-only, \
    random=SEED";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("no such fault: `{text}`, expected one of {EXPECTED}");
        let (rest, place) = match text.split_once('@') {
            Some((rest, place)) => {
                let place = place.parse().ok().filter(|place| *place > 0 || rest == "abort");
                (rest, Some(place.ok_or_else(wrong)?))
            }
            None => (text, None),
        };
        let (name, value) = match rest.split_once('=') {
            Some((name, value)) => (name, Some(value.parse::<u64>().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        match (name, value, place) {
            ("slow", Some(time), None) => Ok(Self::Slow(Duration::from_millis(time))),
            ("pause", Some(time), Some(at)) => Ok(Self::Pause(Duration::from_millis(time), at)),
            ("abort", None, Some(at)) => Ok(Self::Abort(at)),
            ("close", None, Some(at)) => Ok(Self::Close(at)),
            ("close-set", None, Some(at)) => Ok(Self::CloseSet(at)),
            ("kill", None, Some(at)) => Ok(Self::Kill(at)),
            ("unknown", None, Some(at)) => Ok(Self::Unknown(at)),
            ("flush-twice", None, None) => Ok(Self::FlushTwice),
            ("no-complete", None, None) => Ok(Self::NoComplete),
            ("refuse", None, None) => Ok(Self::Refuse),
            ("abort-configured", None, None) => Ok(Self::AbortConfigured),
            ("late", Some(time), None) => Ok(Self::Late(Duration::from_millis(time))),
            ("late-failure", Some(time), None) => {
                Ok(Self::LateFailure(Duration::from_millis(time)))
            }
            ("head-only", None, None) => Ok(Self::HeadOnly),
            ("random", Some(seed), None) => Ok(Self::random(seed)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Fault {
    /// As it is asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(time) => write!(f, "slow={}", time.as_millis()),
            Self::Pause(time, at) => write!(f, "pause={}@{at}", time.as_millis()),
            Self::Abort(at) => write!(f, "abort@{at}"),
            Self::Close(at) => write!(f, "close@{at}"),
            Self::CloseSet(at) => write!(f, "close-set@{at}"),
            Self::Kill(at) => write!(f, "kill@{at}"),
            Self::Unknown(at) => write!(f, "unknown@{at}"),
            Self::FlushTwice => f.write_str("flush-twice"),
            Self::NoComplete => f.write_str("no-complete"),
            Self::Refuse => f.write_str("refuse"),
            Self::AbortConfigured => f.write_str("abort-configured"),
            Self::Late(time) => write!(f, "late={}", time.as_millis()),
            Self::LateFailure(time) => write!(f, "late-failure={}", time.as_millis()),
            Self::HeadOnly => f.write_str("head-only"),
        }
    }
}

impl Fault {
    /// The command it comes instead of, or before.
    fn place(mut self) -> Option<u64> {
        self.place_mut().copied()
    }

    /// The same, at this command if its own comes later.
    #[must_use]
    pub fn no_later_than(mut self, last: u64) -> Self {
        if let Some(at) = self.place_mut() {
            *at = last.min(*at);
        }
        self
    }

    const fn place_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::Pause(_, at)
            | Self::Abort(at)
            | Self::Close(at)
            | Self::CloseSet(at)
            | Self::Kill(at)
            | Self::Unknown(at) => Some(at),
            Self::Slow(_)
            | Self::FlushTwice
            | Self::NoComplete
            | Self::Refuse
            | Self::AbortConfigured
            | Self::Late(_)
            | Self::LateFailure(_)
            | Self::HeadOnly => None,
        }
    }

    /// One fault, by a seed.
    fn random(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |limit: u64| rng.next_u64() % limit;
        let at = 1 + below(8);
        match below(8) {
            0 => Self::Slow(Duration::from_millis(1 + below(20))),
            1 => Self::Pause(Duration::from_millis(100 + below(1000)), at),
            2 => Self::Abort(at),
            3 => Self::Close(at),
            4 => Self::CloseSet(at),
            5 => Self::Kill(at),
            6 => Self::Unknown(at),
            _ => Self::FlushTwice,
        }
    }
}

impl FromStr for Faults {
    type Err = String;

    /// Faults, parted by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let list = parts.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { list, ..Self::default() })
    }
}

impl Faults {
    /// What goes wrong is this.
    #[must_use]
    pub fn of(list: Vec<Fault>) -> Self {
        Self { list, ..Self::default() }
    }

    /// Every fault.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// The same, and each fault is reported when it happens; a death just before.
    #[must_use]
    pub fn reporting_to(self, report: fn(Fault)) -> Self {
        Self { report: Some(report), ..self }
    }

    /// A statement begins: its commands are counted anew, and what happened to the one
    /// before is not reported of this one.
    pub(super) fn begin(&self) {
        self.sent.store(0, Ordering::Relaxed);
        lock(&self.happened).clear();
    }

    /// Commands of this statement that were about to be sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// A fault has happened.
    pub(super) fn happens(&self, fault: Fault) {
        let mut happened = lock(&self.happened);
        if !happened.contains(&fault) {
            happened.push(fault);
            self.report.into_iter().for_each(|report| report(fault));
        }
    }

    /// The command that the client did not ask for has come back.
    pub(super) fn unknown_happens(&self) {
        let unknown = |fault: &&Fault| matches!(fault, Fault::Unknown(_));
        self.list.iter().filter(unknown).for_each(|fault| self.happens(*fault));
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.list.contains(&fault)
    }

    /// A command is about to be sent. However long it is to be waited, the end of the set
    /// is noticed.
    pub(super) fn before_command(&self, has_ended: impl Fn() -> bool) -> Option<Act> {
        let sleep = |time: Duration| {
            let slice = Duration::from_millis(20);
            let mut left = time;
            while !left.is_zero() && !has_ended() {
                pause(left.min(slice));
                left = left.saturating_sub(slice);
            }
        };
        let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let mut act = None;
        for fault in self.list.iter().filter(|fault| fault.place().is_none_or(|at| at == number)) {
            let happens_here = fault.place().is_some() || matches!(fault, Fault::Slow(_));
            if happens_here && !matches!(fault, Fault::Unknown(_)) {
                self.happens(*fault);
            }
            match *fault {
                Fault::Slow(time) | Fault::Pause(time, _) => sleep(time),
                Fault::Kill(_) => std::process::abort(),
                Fault::Abort(_) => act = Some(Act::Abort),
                Fault::Close(_) => act = Some(Act::Close),
                Fault::CloseSet(_) => act = Some(Act::CloseSet),
                Fault::Unknown(_) => act = Some(Act::Unknown),
                Fault::FlushTwice
                | Fault::NoComplete
                | Fault::Refuse
                | Fault::AbortConfigured
                | Fault::Late(_)
                | Fault::LateFailure(_)
                | Fault::HeadOnly => {}
            }
        }
        act
    }

    /// Whether this goes wrong; from here on it has happened.
    pub(super) fn strikes(&self, fault: Fault) -> bool {
        let strikes = self.has(fault);
        if strikes {
            self.happens(fault);
        }
        strikes
    }

    /// All of a statement is done: how long its end is held back, and whether it then fails.
    pub(super) fn after_all(&self) -> Option<(Duration, bool)> {
        self.list.iter().find_map(|fault| {
            let late = match *fault {
                Fault::Late(time) => (time, false),
                Fault::LateFailure(time) => (time, true),
                _ => return None,
            };
            self.happens(*fault);
            Some(late)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_random() {
        let faults: Faults = "slow=5, abort@3,flush-twice".parse().expect("three");
        let slow = Fault::Slow(Duration::from_millis(5));
        assert_eq!(faults.list(), [slow, Fault::Abort(3), Fault::FlushTwice]);
        for wrong in [
            "fast",
            "slow",
            "abort",
            "close@0",
            "kill@0",
            "abort=3",
            "late",
            "refuse@1",
            "kill@x",
            "flush-twice@1",
        ] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
        let shown: Vec<String> = faults.list().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["slow=5", "abort@3", "flush-twice"]);
        let random = |seed: u64| format!("random={seed}").parse::<Fault>().expect("a fault");
        assert_eq!(random(1), random(1));
        let kinds: std::collections::BTreeSet<String> = (0..200)
            .map(|seed| format!("{:?}", random(seed)).split('(').next().unwrap().into())
            .collect();
        assert_eq!(kinds.len(), 8, "{kinds:?}");
    }
}
