//! Steps on their lanes, in the order in which a recording has them.

use std::collections::BTreeMap;

use vdi_trace::Process;

use super::blocks::Block;
use super::made::Who;
use crate::steps::Step;

/// A step of a process, with its place in the recording.
struct Placed {
    lane: String,
    begin: usize,
    end: usize,
    step: Step,
}

/// The steps of the primary client: each on its lane, and begun when all has come to its end
/// that had ended before it in the recording. A secondary client is a step on a lane of its own.
pub(super) fn steps(blocks: &[Block]) -> Vec<Step> {
    let mut own = Vec::new();
    let mut others: BTreeMap<Who, Vec<Placed>> = BTreeMap::new();
    for block in blocks {
        let Block { lane, begin, end, step, .. } = block.clone();
        let placed = Placed { lane, begin, end, step };
        match block.who.0 {
            Process::Primary | Process::Server => own.push(placed),
            Process::Secondary(_) => others.entry(block.who).or_default().push(placed),
        }
    }
    for ((process, life), placed) in others {
        let Process::Secondary(number) = process else { continue };
        let begin = placed.iter().map(|one| one.begin).min().unwrap_or_default();
        let end = placed.iter().map(|one| one.end).max().unwrap_or_default();
        let step = Step::Secondary(number, lanes(placed));
        own.push(Placed { lane: format!("{process}-{life}"), begin, end, step });
    }
    lanes(own)
}

/// These steps, each lane begun and joined.
fn lanes(mut placed: Vec<Placed>) -> Vec<Step> {
    placed.sort_by_key(|one| one.begin);
    let mut by_lane: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    for one in &placed {
        by_lane.entry(&one.lane).or_default().push(one);
    }
    let mut steps = Vec::new();
    for (lane, own) in &by_lane {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut taken = Vec::new();
        for one in own {
            for (other, theirs) in by_lane.iter().filter(|(other, _)| *other != lane) {
                let ended = theirs.iter().take_while(|before| before.end < one.begin).count();
                if ended > seen.get(other).copied().unwrap_or_default() {
                    seen.insert(other, ended);
                    taken.push(Step::After((*other).to_owned(), ended));
                }
            }
            taken.push(one.step.clone());
        }
        steps.push(Step::Start((*lane).to_owned(), taken));
    }
    steps.extend(by_lane.keys().map(|lane| Step::Join((*lane).to_owned())));
    steps
}
