//! One situation: what the program is asked to do, what goes wrong, and how it is to end.

use vdi_spec::clauses::Clause;
use vdi_suite::run::{ScenarioResult, Verdict};

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A backup.
    Backup,
    /// A restore of what it has backed up before.
    Restore,
}

/// How the statement, and with it the program, is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Both succeed.
    Well,
    /// Both fail.
    Badly,
    /// Either: the program may give up, and fails then.
    EitherWay,
}

/// What is about the program, besides what its server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// Nothing unusual.
    Nothing,
    /// Its files cannot become large.
    SmallDisk,
    /// Whoever has started it sends it SIGTERM, in the midst of the transfer.
    Cancelled,
    /// A thread of it stands still where it has got its configuration, until the set is aborted.
    HeldConfiguration,
    /// The database that it restores into is there, and another.
    OtherDatabase,
}

/// One situation that a program is put into.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Its id.
    pub id: &'static str,
    /// What is expected of the program, in one sentence.
    pub title: &'static str,
    /// What it is asked to do.
    pub verb: Verb,
    /// With the command line for several devices.
    pub several: bool,
    /// What the server does on purpose, at the latest at the last command that it sends.
    pub faults: &'static str,
    /// What is about it.
    pub around: Around,
    /// How it is to end.
    pub ends: Ends,
    /// Only for a program that asks for VDC_Complete.
    pub complete: bool,
    /// The clauses it is about.
    pub(super) clauses: &'static [&'static str],
}

impl Situation {
    /// The clauses it is about.
    pub fn clauses(&self) -> impl Iterator<Item = Clause> {
        self.clauses.iter().map(|id| id.parse().expect("the table names clauses that exist"))
    }

    /// Why it cannot be tried, when there is no command line for it.
    pub(super) const fn why_not(&self) -> &'static str {
        match (self.several, self.verb) {
            (false, Verb::Backup) => "no --client",
            (false, Verb::Restore) => "no --restore",
            (true, Verb::Backup) => "no --several",
            (true, Verb::Restore) => "no --several-restore",
        }
    }

    /// Whether this is the one without which no other of its kind can be tried.
    pub(super) fn is_plain_backup(&self) -> bool {
        matches!(self.id, "backup/plain" | "several/backup")
    }

    /// Whether nothing is unusual in it: neither its size nor a place follows from anything.
    pub(super) fn is_plain(&self) -> bool {
        self.faults.is_empty() && self.around == Around::Nothing
    }

    /// Whether the server reads the media, and puts nothing into the database.
    pub(super) fn restores_nothing(&self) -> bool {
        self.faults == "head-only"
    }

    /// Whether a wait of the client is what it is about.
    pub(super) fn pause(&self) -> Option<u64> {
        let (time, _) = self.faults.strip_prefix("pause=")?.split_once('@')?;
        time.parse().ok()
    }

    /// A result with this verdict and nothing else.
    pub(super) fn result(&self, verdict: Verdict) -> ScenarioResult {
        ScenarioResult::of(self.id, self.title, self.clauses().collect(), verdict)
    }
}
