//! Walks: long programs that nobody wrote, each drawn from a number. They live through whole
//! backups and restores, one after the other and side by side, with every command, several
//! devices, buffers, secondary clients, errors and ends of every kind, and with calls that come
//! at the wrong time or ask for something odd.
//!
//! What a scenario cannot have thought of, a combination, a walk may come by. Nothing is pinned:
//! the oracle alone judges what comes of each call. A number draws the same walk everywhere, and
//! an implementation that refuses what the walk goes on with is not called with what it never
//! made.

mod choose;
mod configure;
mod ends;
mod meetings;
mod mood;
mod odd;
mod program;
mod set;
mod take;
mod traffic;

use std::collections::BTreeMap;

use vdi_simulate::Rng;
use vdi_spec::clauses::{CLAUSES, Party};
use vdi_trace::Process;

use crate::scenario::{Scenario, Step, StepCall};
use program::Program;
use set::Set;

pub use choose::{choose, met, usual};
pub use take::{Walked, walk_all};

/// The folder of the ids of walks: `walks/17` is the one that is drawn from 17.
const FOLDER: &str = "walks";

/// The number from which the walk of this id is drawn, if it is one's.
///
/// ```
/// assert_eq!(vdi_suite::walks::number("walks/17"), Some(17));
/// assert_eq!(vdi_suite::walks::number("walks/017"), None);
/// assert_eq!(vdi_suite::walks::number("close/normal"), None);
/// ```
#[must_use]
pub fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// The walk that is drawn from a number.
///
/// ```
/// let walk = vdi_suite::walks::walk(17);
/// assert_eq!(walk.id, "walks/17");
/// assert_eq!(walk, vdi_suite::walks::walk(17));
/// assert!(!walk.is_pinned());
/// ```
#[must_use]
pub fn walk(number: u64) -> Scenario {
    let mut program = Program::new(Rng::new(number));
    let sets = &mut Set::drawn(&mut program);
    let length = program.rng.between(40, 90) as usize;
    while program.steps.len() < length + program.more && !sets.is_empty() {
        let at = program.rng.below(sets.len() as u32) as usize;
        if program.rng.once_in(program.mood.odd) {
            odd::call(&mut program, &mut sets[at]);
        } else {
            go_on(&mut program, &mut sets[at]);
        }
        sets.retain(|set| set.lives > 0);
    }
    // Who has one interface a process takes the walks that need no more.
    let used = |on: &str| {
        let on_it = |step: &Step| StepCall::of(&step.action).is_some_and(|call| call.on == on);
        program.steps.iter().any(on_it)
    };
    let more = set::INTERFACES.iter().skip(1).filter(|(client, _)| used(client));
    let interfaces = more
        .flat_map(|(client, server)| [(*client, Process::Primary), (*server, Process::Server)])
        .map(|(name, process)| (name.to_owned(), process))
        .collect();
    let misuse = CLAUSES.iter().filter(|row| row.party != Party::Interface);
    Scenario {
        schema: None,
        id: format!("{FOLDER}/{number}"),
        title: "A long program that nobody wrote comes to nothing that the documents do not allow."
            .to_owned(),
        clauses: Vec::new(),
        parties: vec![Party::Interface],
        misuse: misuse.map(|row| row.clause).collect(),
        misuse_under: BTreeMap::new(),
        unpinned: true,
        records: Vec::new(),
        interfaces,
        config: None,
        given: None,
        steps: program.steps,
    }
}

/// What comes next in the life of a set, where nobody does anything odd.
fn go_on(program: &mut Program, set: &mut Set) {
    match set.stage {
        set::Stage::New
        | set::Stage::Created
        | set::Stage::Opened
        | set::Stage::Begun
        | set::Stage::Initializing => configure::go_on(program, set),
        set::Stage::Active => traffic::go_on(program, set),
        set::Stage::Ending => ends::go_on(program, set),
    }
}
