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
mod pairs;
mod program;
mod racing;
mod set;
mod take;
mod traffic;

use std::collections::BTreeMap;

use vdi_simulate::Rng;
use vdi_spec::clauses::{CLAUSES, Party};
use vdi_trace::Process;

use crate::scenario::{Action, Scenario, StepCall};
use program::Program;
use set::Set;

pub use choose::{choose, choose_racing, met, raced, usual, usual_racing};
pub use take::{Walked, walk_all};

/// The folder of the ids of walks: `walks/17` is the one that is drawn from 17.
const FOLDER: &str = "walks";

/// The same of walks in which calls race.
const RACING: &str = "racing-walks";

/// The walk of this id, if it is one's.
///
/// ```
/// assert_eq!(vdi_suite::walks::drawn("walks/17"), Some(vdi_suite::walks::walk(17)));
/// assert_eq!(vdi_suite::walks::drawn("racing-walks/17"), Some(vdi_suite::walks::racing_walk(17)));
/// assert_eq!(vdi_suite::walks::drawn("walks/017"), None);
/// assert_eq!(vdi_suite::walks::drawn("close/normal"), None);
/// ```
#[must_use]
pub fn drawn(id: &str) -> Option<Scenario> {
    number(id, FOLDER).map(walk).or_else(|| number(id, RACING).map(racing_walk))
}

/// The number from which the walk of this id is drawn, if it is one's in this folder.
fn number(id: &str, folder: &str) -> Option<u64> {
    let digits = id.strip_prefix(folder)?.strip_prefix('/')?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// The walk that is drawn from a number.
///
/// ```
/// let walk = vdi_suite::walks::walk(17);
/// assert_eq!(walk.id, "walks/17");
/// assert_eq!(walk, vdi_suite::walks::walk(17));
/// assert!(!walk.is_pinned() && !walk.races());
/// ```
#[must_use]
pub fn walk(number: u64) -> Scenario {
    lived(Program::new(Rng::new(number)), format!("{FOLDER}/{number}"))
}

/// The walk that is drawn from a number, in which calls race: what comes next is begun at once
/// with what was begun last, or with something that may get in its way.
///
/// ```
/// let walk = vdi_suite::walks::racing_walk(17);
/// assert_eq!(walk.id, "racing-walks/17");
/// assert_eq!(walk, vdi_suite::walks::racing_walk(17));
/// assert!(!walk.is_pinned() && walk.races());
/// ```
#[must_use]
pub fn racing_walk(number: u64) -> Scenario {
    lived(Program::with_races(Rng::new(number)), format!("{RACING}/{number}"))
}

/// The walk of a program that is still to be drawn.
fn lived(mut program: Program, id: String) -> Scenario {
    let sets = &mut Set::drawn(&mut program);
    let length = program.rng.between(40, 90) as usize;
    while program.steps.len() < length + program.more && !sets.is_empty() {
        let at = program.rng.below(sets.len() as u32) as usize;
        let set = &mut sets[at];
        if program.rng.once_in(program.mood.odd) {
            odd::call(&mut program, set);
        } else {
            go_on(&mut program, set);
        }
        if program.has_races() && program.rng.once_in(2) {
            racing::rival(&mut program, set);
            racing::look(&mut program, set);
        }
        sets.retain(|set| set.lives > 0);
    }
    scenario(program, id)
}

fn scenario(program: Program, id: String) -> Scenario {
    // Who has one interface a process takes the walks that need no more.
    let used = |on: &str| {
        let on_it = |action: &Action| StepCall::of(action).is_some_and(|call| call.on == on);
        program.steps.iter().any(|step| match &step.action {
            Action::Together { together, .. } => together.iter().any(on_it),
            action => on_it(action),
        })
    };
    let more =
        set::INTERFACES.iter().skip(1).filter(|(client, server)| used(client) || used(server));
    let interfaces = more
        .flat_map(|(client, server)| [(*client, Process::Primary), (*server, Process::Server)])
        .map(|(name, process)| (name.to_owned(), process))
        .collect();
    let misuse = CLAUSES.iter().filter(|row| row.party != Party::Interface);
    Scenario {
        schema: None,
        id,
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
