//! The steps of a walk while it is drawn.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vdi_simulate::Rng;
use vdi_trace::{LaneName, Process};

use super::mood::{Mood, Traffic};
use crate::scenario::Step;

/// Lanes of a process for what does not block: to begin and end a thread for each call would take
/// longer than the calls.
const FEW: u32 = 3;

/// Whether the call may stay in progress, or its lane in the routine of a command.
fn may_block(call: &str, args: &Value) -> bool {
    let waits = args.get("timeout").is_some_and(|timeout| *timeout != 0);
    waits || args["hold"] == true || matches!(call, "ExecuteCompletionAgent" | "Close")
}

/// The steps of a walk while it is drawn.
pub(super) struct Program {
    pub(super) rng: Rng,
    pub(super) mood: Mood,
    pub(super) steps: Vec<Step>,
    /// Steps that it may have besides, for what takes many.
    pub(super) more: usize,
    /// The lane of an agent that is held in a routine, as far as the walk knows.
    pub(super) inside: Option<String>,
    /// Lanes of calls whose time-out has still to pass.
    pub(super) passing: Vec<String>,
    /// Numbers of names and lanes.
    next: u32,
    /// Processes that have ended.
    gone: Vec<Process>,
    /// Names of what they would have made.
    missing: BTreeSet<String>,
    race: Race,
}

/// What begins at once, in a walk with races.
#[derive(Default)]
struct Race {
    /// Whether there are any.
    has: bool,
    /// Whether ends of all kinds race with the rest. Where they do, nothing goes on for long.
    ends: bool,
    /// Whether what comes next is begun with what was begun last; drawn if it is not said.
    next: Option<bool>,
    /// What the last step begins.
    group: Vec<Value>,
}

impl Race {
    /// How many begin at once, at most.
    const MOST: usize = 3;

    /// Whether a step may begin with what the last one begins.
    fn takes(&self, step: &Value) -> bool {
        let names = |value: &Value, made: &Value| made.is_string() && value == made;
        let uses = |made: &Value| {
            let args = &step["args"];
            let named = [&step["on"], &args["command"], &args["buffer"], &args["handle"]];
            named.into_iter().any(|value| names(value, made))
        };
        let with = |one: &Value| {
            let same_lane = step["lane"].is_string() && step["lane"] == one["lane"];
            !same_lane && !uses(&one["as"]) && one.get("exit").is_none()
        };
        (1..Self::MOST).contains(&self.group.len()) && self.group.iter().all(with)
    }

    /// Whether it may race at all.
    fn can(step: &Value) -> bool {
        let timeout = &step["args"]["timeout"];
        timeout.as_u64().is_none_or(|timeout| timeout == 0)
    }

    /// The step that begins all of the group.
    fn step(&self) -> Value {
        match self.group.as_slice() {
            [one] => one.clone(),
            all => {
                let racer = |one: &Value| {
                    let mut one = one.clone();
                    if let Some(fields) = one.as_object_mut()
                        && let Some(call) = fields.remove("start")
                    {
                        fields.insert("call".to_owned(), call);
                    }
                    one
                };
                json!({ "together": all.iter().map(racer).collect::<Vec<_>>() })
            }
        }
    }
}

impl Program {
    pub(super) fn new(mut rng: Rng) -> Self {
        let mood = Mood::drawn(&mut rng);
        let (steps, gone, missing) = (Vec::new(), Vec::new(), BTreeSet::new());
        let race = Race::default();
        Self {
            rng,
            mood,
            steps,
            more: 0,
            inside: None,
            passing: Vec::new(),
            next: FEW,
            gone,
            missing,
            race,
        }
    }

    /// One in which calls race.
    pub(super) fn with_races(rng: Rng) -> Self {
        let mut program = Self::new(rng);
        program.mood.never(&[Traffic::Burst, Traffic::Hoard]);
        program.race.has = true;
        program.race.ends = program.rng.once_in(2);
        program
    }

    /// Whether ends of all kinds race with the rest.
    pub(super) const fn ends_early(&self) -> bool {
        self.race.has && self.race.ends
    }

    /// Whether calls race.
    pub(super) const fn has_races(&self) -> bool {
        self.race.has
    }

    /// Whether the next call is begun with what was begun last, if it can be.
    pub(super) const fn begins_together(&mut self, so: bool) {
        if self.race.has {
            self.race.next = Some(so);
        }
    }

    /// The call that was begun last, if it may race.
    pub(super) fn last_racer(&self) -> Option<Value> {
        self.race.group.last().filter(|last| last.get("start").is_some()).cloned()
    }

    /// Whether the call that makes this object is one of those that were begun last.
    pub(super) fn is_beginning(&self, made: &str) -> bool {
        self.race.group.iter().any(|one| one["as"] == made)
    }

    /// The number of a lane in which nothing of the group begins.
    fn few(&mut self, process: Process) -> u32 {
        let taken = |number: &u32| {
            let lane = format!("{process}.t{number}");
            self.race.group.iter().any(|one| one["lane"] == lane.as_str())
        };
        let free: Vec<u32> = (1..=FEW).filter(|number| !taken(number)).collect();
        match free.is_empty() {
            true => self.rng.between(1, FEW),
            false => self.rng.one_of(&free),
        }
    }

    /// The lane of a call: one of its own if it may block, or one of a few of its process, or
    /// that of a routine which is held.
    fn lane(&mut self, process: Process, call: &str, args: &Value) -> String {
        let own = self.number();
        let number = if may_block(call, args) { own } else { self.few(process) };
        match &self.inside {
            // The agent of another set would never return, and this one with it.
            Some(lane)
                if process == Process::Server
                    && call != "ExecuteCompletionAgent"
                    && self.rng.once_in(self.mood.inside) =>
            {
                lane.clone()
            }
            Some(_) | None => format!("{process}.t{number}"),
        }
    }

    /// A number that no other name has.
    pub(super) const fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Whether a process is there.
    pub(super) fn has(&self, process: Process) -> bool {
        !self.gone.contains(&process)
    }

    /// A call on an object by a process: gives the lane.
    pub(super) fn call(&mut self, process: Process, call: &str, on: &str, args: Value) -> String {
        let lane = self.lane(process, call, &args);
        self.start(process, json!({ "start": call, "lane": lane, "on": on, "args": args }));
        lane
    }

    /// A call that makes an object, or sends a command: gives its name.
    pub(super) fn make(
        &mut self,
        process: Process,
        call: &str,
        (on, prefix): (&str, &str),
        args: Value,
    ) -> String {
        let lane = self.lane(process, call, &args);
        let name = format!("{prefix}{}", self.next);
        self.start(
            process,
            json!({ "start": call, "lane": lane, "on": on, "as": name, "args": args }),
        );
        name
    }

    /// Who has ended calls nothing, and nobody calls what he would have made.
    fn start(&mut self, process: Process, step: Value) {
        let of = |value: &Value| value.as_str().is_some_and(|name| self.missing.contains(name));
        let args = &step["args"];
        let misses =
            ["command", "buffer", "handle"].iter().any(|name| of(&args[*name])) || of(&step["on"]);
        if self.has(process) && !misses {
            self.race(step);
        } else {
            self.missing.extend(step["as"].as_str().map(str::to_owned));
        }
    }

    /// Whether an object is there for a process; what is expected is the oracle's matter.
    pub(super) fn touch(&mut self, process: Process, object: &str) {
        if self.has(process) && !self.missing.contains(object) {
            let lane = format!("{process}.t{}", self.number());
            self.step(json!({ "touch": object, "lane": lane, "found": "alive" }));
        }
    }

    /// Time passes for a lane, if its process has not ended.
    pub(super) fn expire(&mut self, lane: &str) {
        if LaneName::process_of(lane).is_ok_and(|process| self.has(process)) {
            self.step(json!({ "expire": lane }));
        }
    }

    /// A step that may be begun with the one before.
    fn race(&mut self, step: Value) {
        let joins = self.race.has && {
            let drawn = self.rng.once_in(3) == self.race.ends;
            self.race.next.take().unwrap_or(drawn)
        };
        if !self.race.has || !Race::can(&step) {
            return self.step(step);
        }
        if joins && self.race.takes(&step) {
            self.steps.pop();
            self.race.group.push(step);
        } else {
            self.race.group = vec![step];
        }
        self.push(self.race.step());
    }

    /// Any other step.
    pub(super) fn step(&mut self, step: Value) {
        self.race.group.clear();
        self.push(step);
    }

    fn push(&mut self, step: Value) {
        self.steps.push(serde_json::from_value(step).expect("a sound step"));
    }

    /// A process is killed.
    pub(super) fn kill(&mut self, process: Process) {
        if self.has(process) {
            self.race(json!({ "exit": process.to_string(), "how": "killed" }));
            self.gone.push(process);
        }
    }
}
