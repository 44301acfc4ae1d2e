//! What was made, in steps: a device that is served is one, however many commands came.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::HResult;
use vdi_trace::TimeoutArg;

use super::made::{Act, Answer, Made, Who};
use crate::steps::{Odd, Serving, Step, Wait};

/// A step with its place in the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) who: Who,
    pub(super) lane: String,
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) step: Step,
}

/// What was made, in steps, in the order in which these began.
pub(super) fn blocks(made: &[Made]) -> Vec<Block> {
    let mut lanes: BTreeMap<(Who, &str), Vec<&Made>> = BTreeMap::new();
    for one in made {
        lanes.entry((one.who, one.lane.as_str())).or_default().push(one);
    }
    let ends: Vec<&Made> = made.iter().filter(|made| ends(&made.act)).collect();
    let mut all = Vec::new();
    for ((who, lane), made) in lanes {
        let ends = ends.iter().filter(|one| (one.who, one.lane.as_str()) != (who, lane));
        let ends = ends.map(|one| one.begin).collect();
        Lane { made, ends, closed: BTreeSet::new(), blocks: &mut all }.fold();
    }
    all.sort_by_key(|block| block.begin);
    all
}

/// Whether this may end what others do, so that they have to have come as far.
fn ends(act: &Act) -> bool {
    match act {
        Act::Step(step) => {
            matches!(step, Step::SignalAbort | Step::Close | Step::Cancel | Step::Die)
        }
        Act::Configuration(_) | Act::Command(..) | Act::Answer(_) => false,
    }
}

struct Lane<'m> {
    made: Vec<&'m Made>,
    /// When others have begun what may end this.
    ends: Vec<usize>,
    /// Devices that have ended.
    closed: BTreeSet<u8>,
    blocks: &'m mut Vec<Block>,
}

/// Commands of a device, each carried out before the next was asked for.
#[derive(Default)]
struct Run {
    commands: u32,
    odd: Option<Odd>,
    /// How many there were of the kind of the odd one, and of others.
    kinds: BTreeMap<Option<u32>, u32>,
    wait: Option<Wait>,
    next: usize,
    /// Its device has ended.
    ended: bool,
}

impl Lane<'_> {
    fn fold(mut self) {
        let mut at = 0;
        while at < self.made.len() {
            at = match &self.made[at].act {
                Act::Configuration(timeout) => self.configuration(at, *timeout),
                Act::Command(device, timeout) => self.commands(at, *device, *timeout),
                Act::Answer(answer) => self.single(at, at + 1, answered(answer)),
                Act::Step(step) => {
                    if matches!(step, Step::Create(_)) {
                        self.closed.clear();
                    }
                    self.single(at, at + 1, step.clone())
                }
            };
        }
    }

    /// One step of what stands from here to there.
    fn single(&mut self, from: usize, to: usize, step: Step) -> usize {
        let (first, last) = (self.made[from], self.made[to - 1]);
        let (who, lane) = (first.who, first.lane.clone());
        self.blocks.push(Block { who, lane, begin: first.begin, end: last.end, step });
        to
    }

    /// Where the same was done again since its time-out had passed: the last time, and how it
    /// waits.
    fn patient(&self, from: usize, timeout: TimeoutArg) -> (usize, Wait) {
        let mut last = from;
        while self.made[last].status == Some(HResult::VD_E_TIMEOUT)
            && self.made.get(last + 1).is_some_and(|next| next.act == self.made[from].act)
            && !self.cut(from, last + 1)
        {
            last += 1;
        }
        let wait = match timeout {
            TimeoutArg::Infinite => Wait::Forever,
            TimeoutArg::Milliseconds(_) if self.made[last].status.is_none() => once(timeout),
            TimeoutArg::Milliseconds(_)
                if self.made[last].status == Some(HResult::VD_E_TIMEOUT) =>
            {
                // It gave up: each time is one of its own.
                return (from, once(timeout));
            }
            TimeoutArg::Milliseconds(time) => Wait::Parts(time),
        };
        (last, wait)
    }

    /// Whether somebody else has begun meanwhile what may end this.
    fn cut(&self, from: usize, to: usize) -> bool {
        let between = self.made[from].begin..self.made[to].begin;
        self.ends.iter().any(|at| between.contains(at))
    }

    fn configuration(&mut self, at: usize, timeout: TimeoutArg) -> usize {
        let (last, wait) = self.patient(at, timeout);
        self.single(at, last + 1, Step::GetConfiguration(wait))
    }

    fn commands(&mut self, at: usize, device: u8, timeout: TimeoutArg) -> usize {
        if !self.closed.contains(&device) {
            let run = self.run(at, device);
            let serving = |commands| {
                let wait = run.wait.unwrap_or(Wait::Forever);
                Step::Serve(Serving { device, wait, commands, odd: run.odd })
            };
            if run.ended {
                self.closed.insert(device);
                return self.single(at, run.next, serving(None));
            }
            if run.commands > 0 {
                return self.single(at, run.next, serving(Some(run.commands)));
            }
        }
        let (last, wait) = self.patient(at, timeout);
        self.single(at, last + 1, Step::GetCommand(device, wait))
    }

    /// The commands from here that were carried out one after the other.
    fn run(&self, from: usize, device: u8) -> Run {
        let mut run = Run { next: from, ..Run::default() };
        while let Some(Made { act: Act::Command(of, timeout), .. }) = self.made.get(run.next) {
            let (last, wait) = self.patient(run.next, *timeout);
            let fits = run.wait.is_none_or(|known| known == wait);
            if *of != device || !fits || run.next > from && self.cut(from, run.next) {
                break;
            }
            match self.made[last].status {
                Some(HResult::VD_E_CLOSE) => {
                    run.ended = true;
                }
                Some(HResult::VD_E_ABORT) if run.commands > 0 => run.ended = true,
                Some(HResult::NOERROR) if self.carried_out(&mut run, last + 1, device) => {
                    run.wait = Some(wait);
                    run.commands += 1;
                    run.next = last + 2;
                    // Who is told that it could not complete asks no further.
                    run.ended = self.made[last + 1].status != Some(HResult::NOERROR);
                    if run.ended {
                        break;
                    }
                    continue;
                }
                Some(_) | None => break,
            }
            run.wait = Some(wait);
            run.next = last + 1;
            break;
        }
        run
    }

    /// Whether what stands here completes the command before it, and the run can say how.
    fn carried_out(&self, run: &mut Run, at: usize, device: u8) -> bool {
        let Some(Made { act: Act::Answer(answer), status, .. }) = self.made.get(at) else {
            return false;
        };
        let begins = self.made[run.next].begin;
        let cut = self.ends.iter().any(|end| (begins..self.made[at].end).contains(end));
        if answer.device != device || status.is_none() || cut || answer.place > 0 {
            return false;
        }
        let kind = answer.kind.map(|kind| kind.number());
        let number = run.kinds.get(&kind).copied().unwrap_or_default() + 1;
        let odd = match (answer.plain, answer.kind) {
            (true, _) => None,
            (false, Some(command)) if run.odd.is_none() && answer.bytes == 0 => {
                Some(Odd { command, number, code: answer.code })
            }
            (false, _) => return false,
        };
        run.odd = run.odd.or(odd);
        run.kinds.insert(kind, number);
        true
    }
}

const fn once(timeout: TimeoutArg) -> Wait {
    match timeout {
        TimeoutArg::Infinite => Wait::Forever,
        TimeoutArg::Milliseconds(0) => Wait::Poll,
        TimeoutArg::Milliseconds(time) => Wait::Milliseconds(time),
    }
}

const fn answered(answer: &Answer) -> Step {
    let Answer { device, place, code, bytes, plain, .. } = *answer;
    match (place, plain) {
        (0, true) => Step::Complete(device),
        (0, false) if bytes == 0 => Step::CompleteWith(device, code),
        (_, true) => Step::CompleteThe(device, place, None),
        (_, false) => Step::CompleteThe(device, place, Some((code, bytes))),
    }
}
