//! The smallest part of a recording that still fails.

use vdi_suite::shrink::ddmin;

use super::Recording;
use super::blocks::Block;
use crate::steps::{Serving, Step, Wait};

/// The steps that are needed, and of these the simplest.
pub(super) fn smaller(
    recording: &Recording,
    mut fails: impl FnMut(&Recording) -> bool,
) -> Recording {
    let mut small = recording.clone();
    // Who waits for a statement waits long for one that has lost its client.
    let leaves = |block: &&Block| block.step != Step::Await;
    let left = small.with(small.blocks.iter().filter(leaves).cloned().collect());
    if fails(&left) {
        small = left;
    }
    loop {
        let before = small.blocks.clone();
        let left = ddmin(&small.blocks, |left| fails(&small.with(left.to_vec())));
        small = small.with(left);
        for at in 0..small.blocks.len() {
            let simpler = simpler(&small.blocks[at].step);
            let with = |step: Step| {
                let mut blocks = small.blocks.clone();
                blocks[at] = Block { step, ..blocks[at].clone() };
                small.with(blocks)
            };
            if let Some(found) = simpler.into_iter().map(with).find(&mut fails) {
                small = found;
            }
        }
        if small.blocks == before {
            return small;
        }
    }
}

/// What could be done in place of a step, the simplest first.
fn simpler(step: &Step) -> Vec<Step> {
    match step {
        Step::Serve(serving) => {
            let Serving { device, wait, commands, .. } = *serving;
            let some = |count: u32| Step::Serve(Serving { commands: Some(count), ..*serving });
            let fewer = (0..6).map(|power| 1 << power);
            let fewer = fewer.filter(|count| commands.is_none_or(|had| *count < had)).map(some);
            let once = match wait {
                Wait::Parts(time) if time > 0 => Wait::Milliseconds(time),
                Wait::Parts(_) | Wait::Poll | Wait::Milliseconds(_) | Wait::Forever => wait,
            };
            std::iter::once(Step::GetCommand(device, once)).chain(fewer).collect()
        }
        Step::Issue(asked) if !asked.with.is_empty() => {
            let mut plain = asked.clone();
            plain.with = String::new();
            vec![Step::Issue(plain)]
        }
        Step::Create(_)
        | Step::CreateAgain(_)
        | Step::GetConfiguration(_)
        | Step::OpenDevice(..)
        | Step::GetCommand(..)
        | Step::HoldAll(..)
        | Step::Complete(_)
        | Step::CompleteAll(_)
        | Step::CompleteWith(..)
        | Step::CompleteThe(..)
        | Step::CompleteAgain(_)
        | Step::CompleteNothing(_)
        | Step::CompleteElsewhere(..)
        | Step::BufferHandle(_)
        | Step::CompletedBuffer(_)
        | Step::StrayBuffer
        | Step::MapHandle
        | Step::StrayHandle
        | Step::SignalAbort
        | Step::Close
        | Step::OpenInSecondary(_)
        | Step::Issue(_)
        | Step::Await
        | Step::Cancel
        | Step::Pause(_)
        | Step::Start(..)
        | Step::Join(_)
        | Step::After(..)
        | Step::Secondary(..)
        | Step::Count(_)
        | Step::Die => Vec::new(),
    }
}
