//! The steps of a walk while it is drawn.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vdi_simulate::Rng;
use vdi_trace::Process;

use crate::scenario::Step;

/// The steps of a walk while it is drawn.
pub(super) struct Program {
    pub(super) rng: Rng,
    pub(super) steps: Vec<Step>,
    /// Steps that it may have besides, for what takes many.
    pub(super) more: usize,
    /// Numbers of names and lanes.
    next: u32,
    /// Processes that have ended.
    gone: Vec<Process>,
    /// Names of what they would have made.
    missing: BTreeSet<String>,
}

impl Program {
    pub(super) fn new(rng: Rng) -> Self {
        let (steps, gone, missing) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { rng, steps, more: 0, next: 0, gone, missing }
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

    /// A call on an object by a process, on a lane of its own since it may block: gives the lane.
    pub(super) fn call(&mut self, process: Process, call: &str, on: &str, args: Value) -> String {
        let lane = format!("{process}.t{}", self.number());
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
        let number = self.number();
        let (lane, name) = (format!("{process}.t{number}"), format!("{prefix}{number}"));
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
            self.step(step);
        } else {
            self.missing.extend(step["as"].as_str().map(str::to_owned));
        }
    }

    /// Any other step.
    pub(super) fn step(&mut self, step: Value) {
        self.steps.push(serde_json::from_value(step).expect("a sound step"));
    }

    /// A process is killed.
    pub(super) fn kill(&mut self, process: Process) {
        if self.has(process) {
            self.step(json!({ "exit": process.to_string(), "how": "killed" }));
            self.gone.push(process);
        }
    }
}
