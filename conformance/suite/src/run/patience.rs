//! When an implementation is not asked any more: it does not start, or does not answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::judge::Verdict;
use crate::adapter::Trouble;

/// After so many failed starts in a row it is not started any more.
const STARTS: usize = 3;

/// After so many silent scenarios in a row it is not asked any more, if it has come to the
/// end of none before.
const SILENT_EVER: usize = 3;

/// The same, if it has.
const SILENT_SINCE: usize = 20;

/// What is known of whether an implementation answers.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failed_starts: AtomicUsize,
    silent: AtomicUsize,
    has_answered: AtomicBool,
}

impl Patience {
    /// It has greeted.
    pub(super) fn started(&self) {
        self.failed_starts.store(0, Ordering::SeqCst);
    }

    /// It has not.
    pub(super) fn failed_to_start(&self) {
        self.failed_starts.fetch_add(1, Ordering::SeqCst);
    }

    /// A scenario has come to this.
    pub(super) fn note(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Trouble(Trouble::Silent { .. } | Trouble::TooMuch(_)) => {
                self.silent.fetch_add(1, Ordering::SeqCst);
            }
            Verdict::NotOffered(_) | Verdict::NotRun => {}
            Verdict::Conformant
            | Verdict::Violation(_)
            | Verdict::Disagreement(_)
            | Verdict::Trouble(_)
            | Verdict::Inconclusive(_) => {
                self.silent.store(0, Ordering::SeqCst);
                self.has_answered.store(true, Ordering::SeqCst);
            }
        }
    }

    /// Why it is not asked any more.
    pub(super) fn is_over(&self, is_running: bool) -> Option<Trouble> {
        if !is_running && self.failed_starts.load(Ordering::SeqCst) >= STARTS {
            let text = format!("{STARTS} starts in a row failed; not tried again");
            return Some(Trouble::NotStarted(text));
        }
        let most =
            if self.has_answered.load(Ordering::SeqCst) { SILENT_SINCE } else { SILENT_EVER };
        let is_silent = self.silent.load(Ordering::SeqCst) >= most;
        is_silent
            .then(|| Trouble::GivenUp(format!("{most} scenarios in a row did not come to an end")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn silence() -> Verdict {
        let (asked, within) = ("settle".to_owned(), Duration::from_secs(1));
        Verdict::Trouble(Trouble::Silent { asked, within })
    }

    #[test]
    fn whoever_never_answers_is_given_up_sooner() {
        let patience = Patience::default();
        (0..SILENT_EVER).for_each(|_| patience.note(&silence()));
        assert!(patience.is_over(true).is_some());
        patience.note(&Verdict::Conformant);
        (1..SILENT_SINCE).for_each(|_| patience.note(&silence()));
        assert_eq!(patience.is_over(true), None);
        patience.note(&silence());
        assert!(matches!(patience.is_over(true), Some(Trouble::GivenUp(_))));
    }

    #[test]
    fn an_answer_in_between_counts() {
        let patience = Patience::default();
        for _ in 0..3 * SILENT_SINCE {
            patience.note(&silence());
            patience.note(&Verdict::Conformant);
        }
        assert_eq!(patience.is_over(false), None);
    }
}
