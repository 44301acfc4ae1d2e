//! Readings as seen: what real implementations were told to do otherwise than their documents
//! say, with the version and the evidence. None of it is a default.

use super::{Question, Reading};

/// What was seen of an implementation.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The question.
    pub question: Question,
    /// The reading that explains it, by its name.
    pub reading: &'static str,
    /// Whose implementation.
    pub implementation: &'static str,
    /// Its version, if that was told.
    pub version: Option<&'static str>,
    /// What was seen, and where that comes from.
    pub evidence: &'static str,
    /// The scenario of `vdi probe` that would show it.
    pub scenario: &'static str,
    /// Whether that scenario, if it is conformant, tells that it is not so.
    pub denied: bool,
}

/// Everything that was seen.
pub const SEEN: &[Seen] = &[
    Seen {
        question: Question::GetConfigurationAfterAbort,
        reading: "noerror-then-open-device-fails",
        implementation: "libsqlvdi.so of SQL Server on Linux",
        version: None,
        evidence: "a public report: shared memory could not be mapped; GetConfiguration answered NOERROR with the features 0x10000, OpenDevice then VD_E_ABORT",
        scenario: "configuration/much-memory",
        denied: false,
    },
    Seen {
        question: Question::RandomAccessOperations,
        reading: "may-abort",
        implementation: "Microsoft's library, of a system not told",
        version: None,
        evidence: "public reports: operations of clients that ask for RandomAccess abort",
        scenario: "configuration/like-disk",
        denied: true,
    },
    Seen {
        question: Question::SeveralWaiters,
        reading: "one-may-time-out",
        implementation: "Microsoft's library, of a system not told",
        version: None,
        evidence: "a public report: of two threads that wait one times out",
        scenario: "wait/two-for-the-configuration",
        denied: true,
    },
];

impl Seen {
    /// The reading.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let named = |reading: &Reading| reading.info().id == self.reading;
        self.question.readings().find(named).expect("a test finds every one")
    }

    /// What was seen of this reading.
    pub fn of(reading: Reading) -> impl Iterator<Item = &'static Self> {
        SEEN.iter().filter(move |seen| seen.reading() == reading)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let version = self.version.unwrap_or("of a version not told");
        write!(f, "{}, {version}: {}", self.implementation, self.evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_a_reading_and_no_default() {
        for seen in SEEN {
            assert!(seen.reading().index > 0, "{} is the default", seen.reading());
            assert_eq!(Seen::of(seen.reading()).count(), 1);
        }
    }
}
