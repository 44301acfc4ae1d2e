//! What must hold of a scenario before it can be run.

use std::collections::{BTreeMap, BTreeSet};

use vdi_check::Checker;
use vdi_spec::clauses::{Party, Reading};
use vdi_spec::codes::closest;
use vdi_trace::{Creates, Function, LaneName, Process, Target, TimeoutArg};

use super::{
    Action, Await, Combination, Given, GivenAgent, GivenStage, Phase, Pinned, Scenario, Step,
    StepCall, expand,
};

/// Something that does not hold, and where.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The step, counted from 0 among the scenario's own.
    pub(super) step: Option<usize>,
    /// The word in question, as it stands quoted in the file.
    pub(super) word: Option<String>,
    pub(super) message: String,
}

fn problem<T>(word: Option<&str>, message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem { step: None, word: word.map(str::to_owned), message: message.into() })
}

/// Checks a scenario.
pub(super) fn validate(scenario: &Scenario) -> Result<(), Problem> {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c);
    if scenario.id.is_empty() || !scenario.id.chars().all(sound) {
        let message = "an id is made of lower-case letters, digits, `-` and `/`";
        return problem(Some(&scenario.id), message);
    }
    if scenario.clauses.is_empty() {
        return problem(Some("clauses"), "a scenario exercises at least one clause");
    }
    if scenario.steps.is_empty() {
        return problem(Some("steps"), "a scenario has at least one step");
    }
    parties(scenario)?;
    if let Some(given) = &scenario.given {
        situation(given)?;
    }
    let (steps, own) = expand(scenario);
    let mut handles = Handles::of(scenario)?;
    for (index, step) in steps.iter().enumerate() {
        handles.step(step).map_err(|found| Problem { step: index.checked_sub(own), ..found })?;
    }
    Ok(())
}

fn parties(scenario: &Scenario) -> Result<(), Problem> {
    let bound: BTreeSet<Party> = scenario
        .clauses
        .iter()
        .copied()
        .chain(scenario.all_misuse())
        .map(|clause| clause.party())
        .collect();
    let named: BTreeSet<Party> = scenario.parties.iter().copied().collect();
    if bound != named {
        let bound: Vec<String> = bound.iter().map(|party| format!("\"{party}\"")).collect();
        let message = format!("the clauses bind other parties: expected [{}]", bound.join(", "));
        return problem(Some("parties"), message);
    }
    for reading in scenario.misuse_under.keys() {
        reading.parse::<Reading>().or_else(|error| problem(Some(reading), error.to_string()))?;
    }
    for clause in scenario.all_misuse() {
        if clause.party() == Party::Interface {
            let message =
                format!("`{clause}` binds the interface, which cannot be misused by itself");
            return problem(Some(clause.info().id), message);
        }
        if !scenario.clauses.contains(&clause) {
            let message = format!("`{clause}` is broken on purpose, so `clauses` must list it");
            return problem(Some(clause.info().id), message);
        }
    }
    Ok(())
}

fn situation(given: &Given) -> Result<(), Problem> {
    if !(1..=64).contains(&given.devices) {
        return problem(Some("devices"), "a set has 1 to 64 devices");
    }
    let opened = given.server_opened.is_some() || given.client_opened.is_some();
    if opened && given.phase != Phase::Initializing {
        let message = "serverOpened and clientOpened belong to the phase Initializing";
        return problem(Some("phase"), message);
    }
    if given.server_opened.max(given.client_opened) > Some(given.devices) {
        return problem(Some("given"), "more devices opened than there are");
    }
    if !given.buffers.is_empty() && given.phase < Phase::Initializing {
        return problem(Some("buffers"), "buffers exist from Initializing on");
    }
    if !given.commands.is_empty() && given.phase != Phase::Active {
        return problem(Some("commands"), "commands can be outstanding in Active");
    }
    if given.agent == Some(GivenAgent::Busy) && given.phase != Phase::Active {
        return problem(Some("agent"), "an agent is busy in Active");
    }
    if given.agent == Some(GivenAgent::None) && given.phase > Phase::Initializing {
        return problem(Some("agent"), "Active is entered with an agent running");
    }
    let completed = given.commands.iter().any(|command| command.at == GivenStage::Completed);
    if completed && given.agent != Some(GivenAgent::Busy) {
        let message = "a completed command waits for its callback only while the agent is busy: \
            say `\"agent\": \"busy\"`";
        return problem(Some("completed"), message);
    }
    match given.commands.iter().find(|c| !(1..=given.devices).contains(&c.device)) {
        Some(command) => problem(Some(&command.name), "this command's device does not exist"),
        None => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Set(Process),
    Device(Process),
    Buffer,
    BufferHandle,
    Command,
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Set(Process::Server) => "the server's set interface",
            Self::Set(Process::Primary) => "the client's set interface",
            Self::Set(Process::Secondary(_)) => "a secondary client's set interface",
            Self::Device(Process::Server) => "a device of the server",
            Self::Device(Process::Primary) => "a device of the client",
            Self::Device(Process::Secondary(_)) => "a device of a secondary client",
            Self::Buffer => "a buffer",
            Self::BufferHandle => "a handle of a buffer",
            Self::Command => "a command",
        }
    }
}

/// The handles known so far.
struct Handles {
    known: BTreeMap<String, Kind>,
    /// The interfaces by which a secondary client has asked for a set.
    entered: BTreeSet<String>,
}

impl Handles {
    /// The set interfaces: those of every process, and those that the scenario adds.
    fn of(scenario: &Scenario) -> Result<Self, Problem> {
        let mut known: BTreeMap<String, Kind> =
            Process::all().map(|p| (p.set_interface(), Kind::Set(p))).collect();
        for (name, process) in &scenario.interfaces {
            let sound = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            if name.is_empty() || !name.chars().all(sound) {
                let message = "an interface's name is made of letters, digits, `-` and `_`";
                return problem(Some(name), message);
            }
            if known.insert(name.clone(), Kind::Set(*process)).is_some() {
                let message = format!("`{name}` is there from the start: choose another name");
                return problem(Some(name), message);
            }
        }
        Ok(Self { known, entered: BTreeSet::new() })
    }

    fn get(&self, name: &str) -> Result<Kind, Problem> {
        self.known.get(name).copied().map_or_else(
            || {
                let near = closest(name, self.known.keys().map(String::as_str))
                    .map(|near| format!(" (did you mean `{near}`?)"))
                    .unwrap_or_default();
                let message = format!(
                    "dangling handle: nothing is named `{name}` at this step; expected sset, \
                     cset, or a name that an earlier `as` gave{near}"
                );
                problem(Some(name), message)
            },
            Ok,
        )
    }

    fn expect(&self, name: &str, kind: Kind) -> Result<(), Problem> {
        match self.get(name)? {
            found if found == kind => Ok(()),
            found => {
                let message = format!("`{name}` is {}, expected {}", found.words(), kind.words());
                problem(Some(name), message)
            }
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Problem> {
        if let Some(when) = &step.when {
            step.readings().or_else(|error| problem(Some(when), error.to_string()))?;
        }
        match &step.action {
            Action::Call { call, expect, gives, tells, .. } => {
                StepCall::of(&step.action).map_or(Ok(()), |call| self.call(call))?;
                complete_pins(expect.as_ref())?;
                complete_pins(tells.as_ref())?;
                if tells.is_some() && *call != Function::IsSharedBuffer {
                    return problem(Some("tells"), "only IsSharedBuffer `tells` TRUE or FALSE");
                }
                gives.as_ref().map_or(Ok(()), |command| self.expect(command, Kind::Command))
            }
            Action::Start { .. } => {
                StepCall::of(&step.action).map_or(Ok(()), |call| self.call(call))
            }
            Action::Await { what, expect, gives, of, completion, bytes, .. } => {
                complete_pins(expect.as_ref())?;
                complete_pins(completion.as_ref())?;
                if let Some(command) = gives {
                    self.expect(command, Kind::Command)?;
                }
                match (what, of, completion, expect) {
                    (Await::Return, None, None, _) if bytes.is_none() => Ok(()),
                    (Await::Return, ..) => problem(
                        Some("return"),
                        "awaiting a return takes `expect` and `gives`, not `of`, `completion` \
                         or `bytes`",
                    ),
                    (Await::Callback, Some(of), Some(_), None) if gives.is_none() => {
                        self.expect(of, Kind::Command)
                    }
                    (Await::Callback, ..) => problem(
                        Some("callback"),
                        "awaiting a callback takes `of`, the command, and `completion`, and no \
                         `expect`",
                    ),
                }
            }
            Action::Resume { resume, .. } => self.expect(resume, Kind::Command),
            Action::Together { together, combinations } => {
                self.together(together, combinations.as_deref())
            }
            Action::Touch { touch, lane, .. } => match self.get(touch)? {
                Kind::Buffer => Ok(()),
                Kind::Device(process) if process == lane.process() => Ok(()),
                found => problem(
                    Some(touch),
                    format!("`{touch}` is {}, which {lane} cannot touch", found.words()),
                ),
            },
            Action::Wrote { wrote, lane } => self.wrote(wrote, lane),
            Action::Report { lane, .. } if lane.process().party() != Party::Client => {
                problem(Some(lane.as_str()), "this is told of a client's lane")
            }
            Action::Statement { lane, on: Some(on), .. }
            | Action::Report { lane, on: Some(on), .. } => self.tells(lane, on),
            Action::Statement { .. }
            | Action::Report { .. }
            | Action::Expire { .. }
            | Action::Blocked { .. }
            | Action::Exit { .. }
            | Action::Unload { .. } => Ok(()),
        }
    }

    /// A lane tells something of the set of this interface.
    fn tells(&self, lane: &LaneName, on: &str) -> Result<(), Problem> {
        match self.get(on)? {
            Kind::Set(process) if process == lane.process() => Ok(()),
            found => {
                let text = format!("`{on}` is {}, of which {lane} says nothing", found.words());
                problem(Some(on), text)
            }
        }
    }

    fn wrote(&self, wrote: &str, lane: &LaneName) -> Result<(), Problem> {
        match self.get(wrote)? {
            Kind::Buffer | Kind::Command => Ok(()),
            found => problem(
                Some(wrote),
                format!("`{wrote}` is {}, into which {lane} cannot write", found.words()),
            ),
        }
    }

    fn together(
        &mut self,
        racers: &[Action],
        combinations: Option<&[Combination]>,
    ) -> Result<(), Problem> {
        let mut lanes = BTreeSet::new();
        for racer in racers {
            match racer {
                Action::Call { lane, args, .. } => {
                    if matches!(args.timeout, Some(TimeoutArg::Milliseconds(1..))) {
                        let message = "a call that races has the time-out 0 or \"infinite\"";
                        return problem(Some("timeout"), message);
                    }
                    lanes.insert(lane.to_string());
                    StepCall::of(racer).map_or(Ok(()), |call| self.call(call))?;
                }
                Action::Resume { resume, lane } => {
                    lanes.insert(lane.to_string());
                    self.expect(resume, Kind::Command)?;
                }
                Action::Exit { exit, .. } => {
                    lanes.insert(exit.to_string());
                }
                Action::Start { .. }
                | Action::Await { .. }
                | Action::Blocked { .. }
                | Action::Together { .. }
                | Action::Touch { .. }
                | Action::Wrote { .. }
                | Action::Expire { .. }
                | Action::Statement { .. }
                | Action::Report { .. }
                | Action::Unload { .. } => {
                    return problem(Some("together"), "only `call`, `exit` and `resume` can race");
                }
            }
        }
        if lanes.len() < 2 {
            return problem(Some("together"), "a race has two lanes at least");
        }
        let key = |key: &&String| {
            self.known.get(*key) != Some(&Kind::Command) && LaneName::process_of(key).is_err()
        };
        match combinations.into_iter().flatten().flat_map(BTreeMap::keys).find(key) {
            None => Ok(()),
            Some(key) => problem(
                Some(key),
                format!("`{key}` is neither a lane nor a command of this scenario"),
            ),
        }
    }

    fn call(&mut self, call: StepCall<'_>) -> Result<(), Problem> {
        let StepCall { function, lane, on, creates, args } = call;
        let process = lane.process();
        let row = Checker::check_call(process, function, creates, args)
            .or_else(|error| problem(Some(function.name()), error.to_string()))?;
        self.expect(
            on,
            match row.target {
                Target::Set => Kind::Set(process),
                Target::Device => Kind::Device(process),
            },
        )?;
        self.enters(function, process, on)?;
        if let Some(buffer) = args.buffer.as_ref().and_then(|handle| handle.name()) {
            self.expect(buffer, Kind::Buffer)?;
        }
        if let Some(handle) = args.handle.as_ref().and_then(|handle| handle.name()) {
            self.expect(handle, Kind::BufferHandle)?;
        }
        if let Some(command) = args.command.as_ref().and_then(|handle| handle.name()) {
            self.expect(command, Kind::Command)?;
        }
        let Some(name) = creates else { return Ok(()) };
        let kind = match row.creates {
            Creates::Nothing => return Ok(()),
            Creates::Device => Kind::Device(process),
            Creates::Buffer => Kind::Buffer,
            Creates::Command => Kind::Command,
            Creates::BufferHandle => Kind::BufferHandle,
        };
        match self.known.insert(name.to_owned(), kind) {
            None => Ok(()),
            Some(_) => problem(Some(name), format!("the name `{name}` is taken already")),
        }
    }
}

impl Handles {
    /// A set is created in the process primary: of a secondary client's Create there is only
    /// to say what comes of it where its interface has a set.
    fn enters(&mut self, function: Function, process: Process, on: &str) -> Result<(), Problem> {
        let Process::Secondary(_) = process else { return Ok(()) };
        if matches!(function, Function::OpenInSecondary | Function::OpenInSecondaryEx) {
            self.entered.insert(on.to_owned());
        } else if function == Function::Close {
            self.entered.remove(on);
        }
        let creates = matches!(function, Function::Create | Function::CreateEx);
        if creates && !self.entered.contains(on) {
            let message = format!(
                "a set is created in the process primary: here `{on}` has not opened one that \
                 {function} could be refused for"
            );
            return problem(Some(function.name()), message);
        }
        Ok(())
    }
}

/// An expectation per reading covers every reading of its question.
fn complete_pins<C: Copy + PartialEq>(pinned: Option<&Pinned<C>>) -> Result<(), Problem> {
    let Some(pinned) = pinned else { return Ok(()) };
    let given: Vec<Reading> = pinned.readings().collect();
    let Some(first) = given.first() else {
        return Ok(());
    };
    if let Some(other) = given.iter().find(|reading| reading.question != first.question) {
        let message = format!("expectations depend on one question, not on {} too", other.question);
        return problem(Some(&other.to_string()), message);
    }
    match first.question.readings().find(|reading| !given.contains(reading)) {
        None => Ok(()),
        Some(missing) => problem(
            Some(&first.to_string()),
            format!("the reading `{missing}` is missing; every reading is expected"),
        ),
    }
}
