//! The readings on which a verdict rests: those without which it would be another.

use std::convert::Infallible;

use super::verdict::{Finding, Judged, Verdict, Violation};
use vdi_spec::clauses::{Profile, QUESTIONS, Reading};
use vdi_trace::Trace;

impl Judged {
    /// Names the readings on which the verdict and the findings rest, more exactly than
    /// their clauses do: `again` judges the same trace under another profile, and is
    /// asked once for every reading that `profile` does not follow.
    ///
    /// ```
    /// use vdi_check::{Verdict, check_reader};
    /// use vdi_spec::clauses::Profile;
    ///
    /// let trace = concat!(
    ///     r#"{"vdi":"trace/1"}"#, "\n",
    ///     r#"{"lane":"server.main","call":"SignalAbort","on":"sset"}"#, "\n",
    ///     r#"{"lane":"server.main","return":"NOERROR"}"#, "\n",
    /// );
    /// let judge = |profile: &Profile| check_reader(trace.as_bytes(), profile);
    /// let mut judged = judge(&Profile::default());
    /// judged.name_readings(&Profile::default(), |other| Ok::<_, ()>(judge(other))).unwrap();
    /// let Verdict::Violation(violation) = judged.verdict else { panic!("no set is open") };
    /// assert_eq!(violation.otherwise[0].to_string(), "signal-abort-not-open=noerror");
    /// ```
    ///
    /// # Errors
    /// The trace could not be judged again; then nothing was named.
    pub fn name_readings<E>(
        &mut self,
        profile: &Profile,
        mut again: impl FnMut(&Profile) -> Result<Self, E>,
    ) -> Result<(), E> {
        if matches!(self.verdict, Verdict::Conformant) && self.findings.is_empty() {
            return Ok(());
        }
        let mut rests = Rests::new(self);
        for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
            let chosen = profile.reading(reading.question);
            if chosen != reading {
                let mut other = profile.clone();
                other.choose(reading);
                rests.compare(self, &again(&other)?, chosen, reading);
            }
        }
        rests.settle(self);
        Ok(())
    }

    /// The same for a trace in memory.
    pub fn name_readings_in(&mut self, trace: &Trace, profile: &Profile) {
        let again = |other: &Profile| Ok::<_, Infallible>(crate::check_trace(trace, other));
        let Ok(()) = self.name_readings(profile, again);
    }
}

/// The readings on which one violation or finding rests.
#[derive(Clone, Default)]
struct RestsOn {
    /// Those of the profile that matter.
    matter: Vec<Reading>,
    /// The others, under which there would be none.
    otherwise: Vec<Reading>,
}

/// What was learnt of the violation and of each finding.
struct Rests {
    violation: RestsOn,
    findings: Vec<RestsOn>,
}

impl Rests {
    fn new(judged: &Judged) -> Self {
        let findings = vec![RestsOn::default(); judged.findings.len()];
        Self { violation: RestsOn::default(), findings }
    }

    /// Compares with the same trace judged with `reading` in place of `chosen`.
    fn compare(&mut self, judged: &Judged, other: &Judged, chosen: Reading, reading: Reading) {
        // What is not decided under the other reading clears nobody.
        if matches!(other.verdict, Verdict::Inconclusive(_) | Verdict::Unreadable { .. }) {
            return;
        }
        // Where the other reading does not allow the history, there is nothing to compare.
        let until = violation(&other.verdict).map_or(usize::MAX, |violation| violation.line);
        if let Some(found) = violation(&judged.verdict).filter(|found| found.line <= until) {
            let same = violation(&other.verdict).filter(|there| there.line == found.line);
            if same.is_none_or(|there| !alike(there, found)) {
                push_new(&mut self.violation.matter, chosen);
            }
            if same.is_none() {
                self.violation.otherwise.push(reading);
            }
        }
        for (found, rests) in judged.findings.iter().zip(&mut self.findings) {
            if found.line <= until && !other.findings.iter().any(|there| is_same(there, found)) {
                push_new(&mut rests.matter, chosen);
                rests.otherwise.push(reading);
            }
        }
    }

    fn settle(self, judged: &mut Judged) {
        if let Verdict::Violation(found) = &mut judged.verdict {
            self.violation.settle(&mut found.readings, &mut found.otherwise);
        }
        for (found, rests) in judged.findings.iter_mut().zip(self.findings) {
            rests.settle(&mut found.readings, &mut found.otherwise);
        }
    }
}

impl RestsOn {
    fn settle(self, readings: &mut Vec<Reading>, otherwise: &mut Vec<Reading>) {
        (*readings, *otherwise) = (exact(readings, self.matter), self.otherwise);
    }
}

/// Of the readings that the clause cites only those that matter are kept, and those
/// that have no alternative.
fn exact(cited: &[Reading], matter: Vec<Reading>) -> Vec<Reading> {
    let fixed = cited.iter().filter(|reading| reading.question.info().readings.len() == 1);
    fixed.copied().chain(matter).collect()
}

fn push_new(readings: &mut Vec<Reading>, reading: Reading) {
    if !readings.contains(&reading) {
        readings.push(reading);
    }
}

/// Whether two violations of one line allow the same in its place.
fn alike(one: &Violation, other: &Violation) -> bool {
    let allowed = |violation: &Violation| {
        violation.expected.iter().map(|allowed| allowed.what.clone()).collect::<Vec<_>>()
    };
    allowed(one) == allowed(other)
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    (one.line, one.clause) == (other.line, other.clause)
}

fn violation(verdict: &Verdict) -> Option<&Violation> {
    match verdict {
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => None,
        Verdict::Violation(violation) => Some(violation),
    }
}
