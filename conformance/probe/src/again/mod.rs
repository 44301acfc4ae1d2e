//! A recording made again: the calls of its clients, of another library and another server.
//!
//! Commands are the server's: what was carried out in the recording is carried out again,
//! whatever comes, and what was completed otherwise is so again. Whoever waited until something
//! came waits until it comes. What is compared is told; what is judged is what happens now.

mod blocks;
mod differences;
mod made;
mod not_again;
mod order;
mod plain;
mod smaller;

use vdi_spec::clauses::Party;
use vdi_trace::{Process, Trace};

use crate::scenario::{Ends, Reach, Scenario};
use crate::steps::{Asked, Naming, Serving, Step, Verb, Wait, config, serve};
use blocks::{Block, blocks};
use differences::differences;
use made::{Made, Reading};

pub use not_again::NotAgain;

/// The lanes of what is done before the recording begin so.
const BEFOREHAND: &str = "before";

/// A recording whose calls can be made again.
#[derive(Clone, Debug)]
pub struct Recording {
    made: Vec<Made>,
    blocks: Vec<Block>,
    left_out: Vec<(usize, String)>,
    reach: Reach,
}

impl Recording {
    /// Reads a recording: of a whole history, or of the clients' half.
    ///
    /// # Errors
    /// It cannot be made again.
    pub fn of(trace: &Trace) -> Result<Self, NotAgain> {
        if trace.header.misses(Party::Client) {
            return Err(NotAgain::HalfOfClients);
        }
        let Reading { made, left_out, .. } = Reading::of(trace)?;
        if made.is_empty() {
            return Err(NotAgain::Nothing);
        }
        let blocks = blocks(&made);
        let restores = blocks
            .iter()
            .any(|block| matches!(&block.step, Step::Issue(asked) if asked.verb == Verb::Restore));
        let elsewhere = |block: &Block| {
            matches!(block.who.0, Process::Secondary(_))
                && matches!(block.step, Step::Serve(_) | Step::Complete(_))
        };
        if restores && blocks.iter().any(elsewhere) {
            return Err(NotAgain::RestoredElsewhere);
        }
        let reach = made::reach(&made);
        Ok(Self { made, blocks, left_out, reach })
    }

    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// What cannot be made again of it: the line of each call, and why.
    #[must_use]
    pub fn left_out(&self) -> &[(usize, String)] {
        &self.left_out
    }

    /// The scenario that makes its calls again.
    #[must_use]
    pub fn scenario(&self, id: &str) -> Scenario {
        let sound = self.is_sound();
        let mut steps = self.beforehand();
        steps.extend(order::steps(&self.blocks));
        Scenario {
            id: id.to_owned(),
            title: "the clients' calls of a recording, made again".to_owned(),
            steps,
            ends: if sound { Ends::Well } else { Ends::Whatever },
            reach: self.reach,
            sound,
            recorded: true,
            clauses: Vec::new(),
        }
    }

    /// What was answered otherwise than in the recording.
    ///
    /// # Errors
    /// What happened now is no recording.
    pub fn differences(&self, now: &Trace) -> Result<Vec<String>, NotAgain> {
        let now = Reading::of(now)?.made;
        let own = |made: &&Made| !made.lane.starts_with(BEFOREHAND);
        let now: Vec<Made> = now.iter().filter(own).cloned().collect();
        Ok(differences(&self.made, &now))
    }

    /// The fewest of its steps of which `fails` still says that they fail as it does.
    #[must_use]
    pub fn smaller(&self, fails: impl FnMut(&Self) -> bool) -> Self {
        smaller::smaller(self, fails)
    }

    fn with(&self, blocks: Vec<Block>) -> Self {
        Self { blocks, ..self.clone() }
    }

    fn statements(&self) -> impl Iterator<Item = &Asked> {
        self.blocks.iter().filter_map(|block| match &block.step {
            Step::Issue(asked) => Some(asked),
            _ => None,
        })
    }

    /// The backup of what is restored, if none of the recording made it.
    fn beforehand(&self) -> Vec<Step> {
        let mut statements = self.statements().filter(|asked| !asked.of_nothing);
        let Some(first) = statements.next().filter(|asked| asked.verb == Verb::Restore) else {
            return Vec::new();
        };
        let asked = Asked { verb: Verb::Backup, ..first.clone() };
        let devices = asked.devices;
        let patience = Wait::Milliseconds(20_000);
        let mut steps = vec![
            Step::Create(config(devices)),
            Step::Issue(asked),
            Step::GetConfiguration(patience),
        ];
        steps.extend((1..=devices).map(|device| Step::OpenDevice(device, Naming::Own)));
        let lane = |device| format!("{BEFOREHAND}-device{device}");
        steps.extend(
            (1..=devices)
                .map(|device| Step::Start(lane(device), vec![serve(device, Wait::Forever)])),
        );
        steps.extend((1..=devices).map(|device| Step::Join(lane(device))));
        steps.extend([Step::Close, Step::Await]);
        vec![Step::Start(BEFOREHAND.to_owned(), steps), Step::Join(BEFOREHAND.to_owned())]
    }

    /// Whether nothing in it gives a server a reason to abort: every device of every statement is
    /// served to its end, and nothing else is done with it.
    fn is_sound(&self) -> bool {
        let harmless = |block: &Block| match &block.step {
            Step::Create(config) => config.server_time_out == 0,
            Step::Serve(Serving { commands, odd, .. }) => commands.is_none() && odd.is_none(),
            Step::Issue(asked) => !asked.of_nothing,
            Step::GetConfiguration(wait) => matches!(wait, Wait::Parts(_) | Wait::Forever),
            Step::OpenDevice(_, naming) | Step::OpenInSecondary(naming) => *naming == Naming::Own,
            Step::Close | Step::Await => true,
            Step::CreateAgain(_)
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
            | Step::Cancel
            | Step::Pause(_)
            | Step::Start(..)
            | Step::Join(_)
            | Step::After(..)
            | Step::Secondary(..)
            | Step::Count(_)
            | Step::Die => false,
        };
        if !self.blocks.iter().all(harmless) {
            return false;
        }
        let count = |of: fn(&Step) -> bool| self.blocks.iter().filter(|one| of(&one.step)).count();
        let devices: usize = self.statements().map(|asked| usize::from(asked.devices)).sum();
        let statements = self.statements().count();
        count(|step| matches!(step, Step::Serve(_))) == devices
            && count(|step| matches!(step, Step::OpenDevice(..))) == devices
            && count(|step| matches!(step, Step::Create(_))) == statements
            && self.serves_at_once()
            && self.closes_last()
    }

    /// Whether the devices of each set are served at the same time: a server may need all of them.
    fn serves_at_once(&self) -> bool {
        let mut within: Option<(usize, usize)> = None;
        self.blocks.iter().all(|block| {
            if matches!(block.step, Step::Create(_)) {
                within = None;
            } else if matches!(block.step, Step::Serve(_)) {
                let (begin, end) = within.unwrap_or((block.begin, block.end));
                within = Some((begin.max(block.begin), end.min(block.end)));
            }
            within.is_none_or(|(last, first)| last < first)
        })
    }

    /// Whether each set is closed when all that was done with it has come to its end.
    fn closes_last(&self) -> bool {
        let mut latest = 0;
        let mut closed = true;
        for block in self.blocks.iter().filter(|one| one.who.0 == Process::Primary) {
            let waits = matches!(
                block.step,
                Step::Serve(_) | Step::OpenDevice(..) | Step::GetConfiguration(_)
            );
            let (begins, ends) =
                (matches!(block.step, Step::Create(_)), matches!(block.step, Step::Close));
            if ends && block.begin < latest || begins && !closed {
                return false;
            }
            closed = ends || closed && !begins;
            latest = if waits { latest.max(block.end) } else { latest };
        }
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"vdi":"trace/1","unseen":["server"]}
{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":2,"features":[]}}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","statement":"issued","devices":2}
{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}
{"lane":"primary.main","return":"NOERROR","out":{"config":{"deviceCount":2,"features":["WriteMedia"]}}}
{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev1","args":{"name":"S"}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev2","args":{"name":"T"}}
{"lane":"primary.main","return":"NOERROR"}
"#;

    const TAIL: &str = r#"{"lane":"primary.main","call":"Close","on":"cset"}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"primary.main","statement":"succeeded"}
"#;

    fn asks(lane: &str, device: u8) -> String {
        format!(
            "{{\"lane\":\"primary.{lane}\",\"call\":\"GetCommand\",\"on\":\"cdev{device}\",\"args\":{{\"timeout\":\"infinite\"}}}}\n"
        )
    }

    fn told(lane: &str, answer: &str) -> String {
        format!("{{\"lane\":\"primary.{lane}\",\"return\":\"{answer}\"}}\n")
    }

    fn recorded(middle: &[String]) -> Recording {
        let text = format!("{HEAD}{}{TAIL}", middle.concat());
        Recording::of(&Trace::read(text.as_bytes()).expect("a trace")).expect("a recording")
    }

    /// Who serves one device to its end before the next may keep a server waiting for ever.
    #[test]
    fn devices_that_are_served_by_turns_prove_nothing() {
        let at_once =
            [asks("a", 1), asks("b", 2), told("a", "VD_E_CLOSE"), told("b", "VD_E_CLOSE")];
        assert!(recorded(&at_once).scenario("x").sound);
        let by_turns =
            [asks("a", 1), told("a", "VD_E_CLOSE"), asks("a", 2), told("a", "VD_E_CLOSE")];
        assert!(!recorded(&by_turns).scenario("x").sound);
        let waits = [asks("a", 1), told("a", "VD_E_CLOSE"), asks("b", 2), told("b", "VD_E_CLOSE")];
        assert!(!recorded(&waits).scenario("x").sound);
        let one_is_left = [asks("a", 1), told("a", "VD_E_CLOSE")];
        assert!(!recorded(&one_is_left).scenario("x").sound);
    }

    /// A step begins when all has ended that had ended before it, and not later.
    #[test]
    fn what_waited_for_another_waits_again() {
        let middle = [asks("a", 1), told("a", "VD_E_CLOSE"), asks("b", 2), told("b", "VD_E_CLOSE")];
        let steps = recorded(&middle).scenario("x").steps;
        let of = |name: &str| {
            let lane = steps.iter().find_map(|step| match step {
                Step::Start(lane, steps) if lane == name => Some(steps.clone()),
                _ => None,
            });
            lane.unwrap_or_default()
        };
        let main = "main".to_owned();
        assert_eq!(of("a"), [Step::After(main.clone(), 5), serve(1, Wait::Forever)]);
        let after_a = Step::After("a".to_owned(), 1);
        assert_eq!(of("b"), [after_a, Step::After(main, 5), serve(2, Wait::Forever)]);
        assert!(of("main").contains(&Step::After("b".to_owned(), 1)));
    }

    /// A client that was refused once, and gave up, does so again.
    #[test]
    fn who_gave_up_gives_up_again() {
        let middle = [asks("a", 1), told("a", "VD_E_ABORT")];
        let recording = recorded(&middle);
        assert!(
            recording.blocks.iter().any(|block| block.step == Step::GetCommand(1, Wait::Forever))
        );
    }
}
