//! Do a scenario's pinned expectations and the oracle say the same?
//!
//! No implementation is needed: the oracle is asked at each step what it allows,
//! and that must be exactly what the scenario pins, neither more nor less. What
//! then happens is one of the allowed outcomes; of a race all of them.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::clauses::{Clause, Profile};
use vdi_trace::{Declares, Header};

use super::combine;
use super::disagreement::Disagreement;
use super::oracle_play::Play;
use super::race::{combination_text, is_same};
use crate::scenario::{Action, Combination, Scenario, Step, expand};

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// They say the same; these clauses were used.
    Agreed(Vec<Clause>),
    /// Under this profile the situation cannot be reached.
    Unreachable,
}

/// Asks the oracle about every step of a scenario under a profile.
///
/// # Errors
/// The first step about which they disagree.
pub fn agreement(scenario: &Scenario, profile: &Profile) -> Result<Agreement, Disagreement> {
    agree(scenario, Play::of(scenario, profile))
}

/// The same of an implementation that declares this.
///
/// # Errors
/// The first step about which they disagree.
pub(super) fn agreement_for(
    scenario: &Scenario,
    profile: &Profile,
    declares: Declares,
) -> Result<Agreement, Disagreement> {
    let header = Header { declares, ..Play::header(scenario) };
    agree(scenario, Play::with(&header, profile))
}

fn agree(scenario: &Scenario, play: Play<'_>) -> Result<Agreement, Disagreement> {
    let (steps, own) = expand(scenario);
    let profile = play.profile;
    let mut plays = vec![play];
    for (index, step) in steps.iter().enumerate() {
        let number = (index + 1).saturating_sub(own);
        if !step.is_done_under(profile) {
            continue;
        }
        match take_step(plays, number, &step.action) {
            Ok(after) => plays = after,
            Err(_) if number == 0 => return Ok(Agreement::Unreachable),
            Err(disagreement) => return Err(disagreement),
        }
    }
    finish(plays, scenario)
}

/// One step, in every play that the races so far may have led to.
fn take_step<'a>(
    mut plays: Vec<Play<'a>>,
    number: usize,
    action: &Action,
) -> Result<Vec<Play<'a>>, Disagreement> {
    plays.iter_mut().for_each(|play| play.step = number);
    let Action::Together { together, combinations } = action else {
        plays.iter_mut().try_for_each(|play| play.step(action))?;
        return Ok(plays);
    };
    let mut after = Vec::new();
    for play in &plays {
        after.extend(combine::combinations(play, together)?);
    }
    if let (Some(pinned), Some(play)) = (combinations, plays.first())
        && play.profile.differences().next().is_none()
    {
        let found = distinct(after.iter().map(|(seen, _)| seen.clone()).collect());
        let found: BTreeSet<&Combination> = found.iter().collect();
        let pinned = distinct(pinned.iter().cloned().collect());
        let pinned: BTreeSet<&Combination> = pinned.iter().collect();
        if found != pinned {
            let only = |one: &BTreeSet<&Combination>, other: &BTreeSet<&Combination>| {
                let texts: Vec<String> = one
                    .difference(other)
                    .map(|combination| combination_text(combination))
                    .collect();
                if texts.is_empty() { "nothing else".to_owned() } else { texts.join(" | ") }
            };
            return play.differ(only(&found, &pinned), only(&pinned, &found));
        }
    }
    Ok(after.into_iter().map(|(_, play)| play).collect())
}

/// Without what another one, which leaves a status open, says already.
fn distinct(all: BTreeSet<Combination>) -> BTreeSet<Combination> {
    let covered = |one: &Combination| all.iter().any(|other| other != one && is_same(other, one));
    all.iter().filter(|one| !covered(one)).cloned().collect()
}

/// The combinations that the races of a scenario may come to, by step; nothing if the
/// scenario cannot be played so far.
#[must_use]
pub fn allowed_combinations(
    scenario: &Scenario,
    profile: &Profile,
    declares: Declares,
) -> BTreeMap<usize, Vec<Combination>> {
    let (steps, own) = expand(scenario);
    let header = Header { declares, ..Play::header(scenario) };
    let mut plays = vec![Play::with(&header, profile)];
    let mut allowed = BTreeMap::new();
    let done = |(_, step): &(usize, &Step)| step.is_done_under(profile);
    for (index, step) in steps.iter().enumerate().filter(done) {
        let number = (index + 1).saturating_sub(own);
        if let Action::Together { together, .. } = &step.action {
            let ends: Vec<_> = plays
                .iter()
                .flat_map(|play| combine::combinations(play, together))
                .flatten()
                .collect();
            let found = distinct(ends.iter().map(|(seen, _)| seen.clone()).collect());
            allowed.insert(number, found.into_iter().collect());
            plays = ends.into_iter().map(|(_, play)| play).collect();
        } else {
            plays.retain_mut(|play| play.step(&step.action).is_ok());
        }
    }
    allowed
}

/// At the end of all plays: nothing is left over, and the misuse is what was meant.
fn finish(plays: Vec<Play<'_>>, scenario: &Scenario) -> Result<Agreement, Disagreement> {
    let Some((profile, step)) = plays.first().map(|play| (play.profile, play.step)) else {
        return Ok(Agreement::Unreachable);
    };
    let (mut found, mut used) = (BTreeSet::new(), BTreeSet::new());
    for play in plays {
        found.extend(play.misuse.iter().copied());
        let judged = play.finish()?;
        found.extend(judged.findings.iter().map(|finding| finding.clause));
        used.extend(judged.clauses);
    }
    // Which misuse a sequence amounts to may depend on the profile.
    if let Some(named) = scenario.misuse_for(profile)
        && found != named
    {
        let (oracle, scenario) = (format!("broken: {found:?}"), format!("broken: {named:?}"));
        return Err(Disagreement { oracle, scenario, step });
    }
    Ok(Agreement::Agreed(used.into_iter().collect()))
}

/// The clauses that server and client break in a scenario, under the default profile.
#[must_use]
pub fn misuse_of(scenario: &Scenario) -> Vec<Clause> {
    let profile = Profile::default();
    let mut plays = vec![Play::of(scenario, &profile)];
    for step in expand(scenario).0 {
        match take_step(plays.clone(), 0, &step.action) {
            Ok(after) => plays = after,
            Err(_) => break,
        }
    }
    let found = |play: &Play<'_>| play.misuse.iter().copied().chain(play.misuse()).collect();
    let found: BTreeSet<Clause> =
        plays.iter().flat_map(|play| -> Vec<Clause> { found(play) }).collect();
    found.into_iter().collect()
}
