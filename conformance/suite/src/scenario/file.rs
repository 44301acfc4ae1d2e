//! The types of a scenario file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vdi_spec::clauses::{Clause, Party, Profile, Question, Reading};
use vdi_spec::codes::{CommandCode, Features, HResult, UnknownName, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{
    Args, Found, Function, HowEnded, Interfaces, LaneName, Presence, Process, Recorded, Reported,
    Size, Statement,
};

use super::{Pinned, Truth};

/// A scenario, version 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Where the schema is.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The id: the path below `scenarios/` without `.json`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[a-z0-9/-]+$")))]
    pub id: String,
    /// What it shows, in one sentence.
    pub title: String,
    /// The clauses it exercises.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub clauses: Vec<Clause>,
    /// The parties these clauses bind.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub parties: Vec<Party>,
    /// Clauses that server or client break on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misuse: Vec<Clause>,
    /// What else they break under a reading, written `question=reading`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shapes::by_reading"))]
    pub misuse_under: BTreeMap<String, Vec<Clause>>,
    /// Nothing that comes is pinned, and nothing is awaited: the oracle alone judges.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unpinned: bool,
    /// What its steps tell without a gap: with `data`, a buffer that no step
    /// touches or writes is not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Recorded>,
    /// Set interfaces besides those that every process has from the start, by name, with the
    /// process of each: what a second set is made with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: Interfaces,
    /// What the client asks for in Create, beyond the number of devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<VdConfig>,
    /// The situation in which the steps begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// What is done, and what is expected of it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Whether it pins what comes. The calls of a trace, made again, pin nothing:
    /// the oracle alone judges them.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        !self.clauses.is_empty() && !self.unpinned
    }

    /// Whether some of its steps race.
    #[must_use]
    pub fn races(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Together { .. }))
    }

    /// Every clause that server or client break, under whatever reading.
    pub fn all_misuse(&self) -> impl Iterator<Item = Clause> + '_ {
        self.misuse.iter().chain(self.misuse_under.values().flatten()).copied()
    }

    /// What server and client break under a profile, where the scenario says so: it
    /// does for the default, and for the default with one reading that it names.
    #[must_use]
    pub fn misuse_for(&self, profile: &Profile) -> Option<BTreeSet<Clause>> {
        let named = |reading: Reading| self.misuse_under.get(&reading.to_string());
        let mut differences = profile.differences();
        let told = match (differences.next(), differences.next()) {
            (None, _) => true,
            (Some(one), None) => named(one).is_some(),
            _ => false,
        };
        let holds = |text: &&String| {
            text.parse::<Reading>().is_ok_and(|r| profile.reading(r.question) == r)
        };
        let rows = self.misuse_under.iter().filter(|(reading, _)| holds(reading));
        let more = rows.flat_map(|(_, clauses)| clauses);
        told.then(|| self.misuse.iter().chain(more).copied().collect())
    }

    /// The questions on which its own expectations depend, in the order of the register.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let misused = self.misuse_under.keys().filter_map(|reading| reading.parse().ok());
        let mut readings: Vec<Reading> = misused.collect();
        for (index, step) in self.steps.iter().enumerate() {
            let done_under = step.readings().into_iter().flatten();
            readings.extend(done_under.filter(|reading| !self.ends_there(index, *reading)));
            match &step.action {
                Action::Call { expect, tells, .. } => {
                    readings.extend(expect.iter().flat_map(Pinned::readings));
                    readings.extend(tells.iter().flat_map(Pinned::readings));
                }
                Action::Await { expect, completion, .. } => {
                    readings.extend(expect.iter().flat_map(Pinned::readings));
                    readings.extend(completion.iter().flat_map(Pinned::readings));
                }
                Action::Start { .. }
                | Action::Blocked { .. }
                | Action::Resume { .. }
                | Action::Together { .. }
                | Action::Touch { .. }
                | Action::Wrote { .. }
                | Action::Expire { .. }
                | Action::Statement { .. }
                | Action::Report { .. }
                | Action::Exit { .. }
                | Action::Unload { .. } => {}
            }
        }
        let questions: BTreeSet<Question> =
            readings.into_iter().map(|reading| reading.question).collect();
        questions.into_iter().collect()
    }

    /// Whether a step belongs to an end of the scenario that is done under this reading
    /// only: from an action on to the last step. Under another reading the scenario is
    /// shorter, and expects nothing else.
    fn ends_there(&self, index: usize, reading: Reading) -> bool {
        let under = |step: &Step| step.readings().is_ok_and(|all| all.contains(&reading));
        let first = self.steps.iter().rposition(|step| !under(step)).map_or(0, |at| at + 1);
        let acts =
            |step: &Step| !matches!(step.action, Action::Await { .. } | Action::Blocked { .. });
        first <= index && self.steps.get(first).is_some_and(acts)
    }
}

/// A situation, told instead of done: it expands to the calls that lead there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Given {
    /// How far the set has come.
    pub phase: Phase,
    /// How many devices it has, 1 to 64.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 64)))]
    pub devices: u32,
    /// How many devices the server has opened, if the phase is Initializing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_opened: Option<u32>,
    /// How many devices the client has opened, if the phase is Initializing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_opened: Option<u32>,
    /// What the completion agent does; in Active it runs if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<GivenAgent>,
    /// How many secondary clients have opened the set; device 2 is then the first's,
    /// device 3 the second's, and so on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub secondaries: u8,
    /// The feature bits that the server grants; if missing, those of a BACKUP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Features>,
    /// Names of buffers of 64 KiB that the server has allocated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buffers: Vec<String>,
    /// Commands that were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<GivenCommand>,
}

const fn one() -> u32 {
    1
}

/// How far a set has come, in the documents' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Phase {
    /// The client has created it.
    Created,
    /// The server has opened it.
    Connected,
    /// BeginConfiguration was called.
    Configurable,
    /// EndConfiguration was called and the client has seen the configuration.
    Initializing,
    /// All devices are open on both sides and the agent runs.
    Active,
    /// The server has closed all devices, the client has seen it, the agent has returned.
    NormallyTerminated,
}

/// What the completion agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GivenAgent {
    /// Nobody executes it.
    None,
    /// It waits for completions on `server.agent`.
    Running,
    /// It is inside the completion routine of a command named `busy`, held.
    Busy,
}

/// A command that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenCommand {
    /// Its name.
    #[serde(rename = "as")]
    pub name: String,
    /// Its code.
    pub code: CommandCode,
    /// Its buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<String>,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The device it was sent to, counted from 1.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 64)))]
    pub device: u32,
    /// How far it has come.
    pub at: GivenStage,
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GivenStage {
    /// Completed by the client with success and not called back: the agent is busy.
    Completed,
    /// Delivered to the client.
    Delivered,
    /// Waiting in the device's queue.
    Queued,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Await {
    /// The return of the call in progress on a lane.
    Return,
    /// A callback.
    Callback,
}

/// For what a blocked call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Unblocked {
    /// The set was aborted: by SignalAbort, a Close, or the end of a process.
    Abort,
    /// The device or the set was closed in order.
    Close,
    /// Time passed.
    Expiry,
}

impl Unblocked {
    /// Its word in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Close => "close",
            Self::Expiry => "expiry",
        }
    }
}

/// One step, and under which reading it is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Step {
    /// Done only if the profile has this reading, written `question=reading`, or all of
    /// several, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shapes::when"))]
    pub when: Option<String>,
    /// How often it is done, if not once: `#` in its names is then the number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
}

/// How often a step is done, if that depends on what the implementation declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Times {
    /// As often as a queue takes commands.
    QueueDepth,
}

impl Step {
    /// The readings under which it is done.
    ///
    /// # Errors
    /// What is written is no reading.
    pub fn readings(&self) -> Result<Vec<Reading>, UnknownName> {
        let words = self.when.iter().flat_map(|when| when.split(','));
        words.map(|word| word.trim().parse()).collect()
    }

    /// Whether it is done under a profile.
    #[must_use]
    pub fn is_done_under(&self, profile: &Profile) -> bool {
        let holds = |reading: &Reading| profile.reading(reading.question) == *reading;
        self.readings().is_ok_and(|readings| readings.iter().all(holds))
    }
}

/// What came of lanes that raced: by lane the statuses of its calls, or that it is
/// `blocked`, by command the completion codes.
pub type Combination = BTreeMap<String, String>;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Action {
    /// Makes a call and takes its return.
    Call {
        /// The function.
        call: Function,
        /// The calling lane; `server.main` or `primary.main` if missing.
        #[cfg_attr(feature = "schema", schemars(with = "Option<LaneName>"))]
        lane: LaneName,
        /// The handle it is called on.
        on: String,
        /// The name of what it makes.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        creates: Option<String>,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "is_default")]
        #[cfg_attr(feature = "schema", schemars(with = "Args<'static>"))]
        args: Box<Args<'static>>,
        /// The status it returns with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Pinned<HResult>>,
        /// The command that GetCommand delivers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives: Option<String>,
        /// What IsSharedBuffer tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tells: Option<Pinned<Truth>>,
    },
    /// Begins a call and leaves it.
    Start {
        /// The function.
        start: Function,
        /// The calling lane; `server.agent` for ExecuteCompletionAgent if missing.
        #[cfg_attr(feature = "schema", schemars(with = "Option<LaneName>"))]
        lane: LaneName,
        /// The handle it is called on.
        on: String,
        /// The name of what it makes.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        creates: Option<String>,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "is_default")]
        #[cfg_attr(feature = "schema", schemars(with = "Args<'static>"))]
        args: Box<Args<'static>>,
    },
    /// Takes the return of a call begun earlier, or a callback.
    #[serde(rename_all = "camelCase")]
    Await {
        /// What.
        #[serde(rename = "await")]
        what: Await,
        /// The lane; for a callback `server.agent` if missing.
        #[cfg_attr(feature = "schema", schemars(with = "Option<LaneName>"))]
        lane: LaneName,
        /// For a return: the status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Pinned<HResult>>,
        /// For a return of GetCommand: the command it delivers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives: Option<String>,
        /// For a return: the call was blocked, everything being at rest, and what was
        /// done last is what it has to return for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unblocked_by: Option<Unblocked>,
        /// For a callback: the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
        /// For a callback: the completion code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completion: Option<Pinned<Win32>>,
        /// For a callback: the bytes moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u32>,
    },
    /// These lanes are still inside their calls, everything being at rest.
    Blocked {
        /// The lanes.
        blocked: Vec<LaneName>,
    },
    /// Lets the held callback of a command return.
    Resume {
        /// The command.
        resume: String,
        /// Its lane; `server.agent` if missing.
        #[cfg_attr(feature = "schema", schemars(with = "Option<LaneName>"))]
        lane: LaneName,
    },
    /// Begins several things at once, on lanes that race, and waits until all is at rest.
    /// What comes of it the model says.
    Together {
        /// Calls, exits and resumes; those of one lane follow each other.
        #[cfg_attr(feature = "schema", schemars(transform = super::shapes::racers))]
        together: Vec<Self>,
        /// Every combination of outcomes that the documents allow under the default
        /// readings.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        combinations: Option<Vec<Combination>>,
    },
    /// Uses a buffer or a device.
    Touch {
        /// The object.
        touch: String,
        /// The lane that uses it.
        lane: LaneName,
        /// Whether it is there. `gone` is a hazard.
        found: Found,
    },
    /// Writes into a buffer or a command's structure; the implementation is not asked.
    Wrote {
        /// The buffer or the command.
        wrote: String,
        /// The lane that writes.
        lane: LaneName,
    },
    /// Lets the time-out of the call in progress on a lane pass; on the agent's
    /// lane, one interval of serverTimeOut.
    Expire {
        /// The lane.
        expire: LaneName,
        /// Milliseconds that pass, if not just as many as are needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u32>,
    },
    /// The client learns something of its SQL statement, or the server says it; the
    /// implementation is not asked.
    Statement {
        /// What.
        statement: Statement,
        /// The lane that learns it; `primary.main` if missing.
        #[cfg_attr(feature = "schema", schemars(with = "Option<LaneName>"))]
        lane: LaneName,
        /// The set interface whose set it is about, if the process has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on: Option<String>,
        /// How many VIRTUAL_DEVICE clauses it has, when it is issued.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        devices: Option<u32>,
    },
    /// The client tells its own caller how it ended; the implementation is not asked.
    Report {
        /// What.
        report: Reported,
        /// The lane that tells it; `primary.main` if missing.
        #[cfg_attr(feature = "schema", schemars(with = "Option<LaneName>"))]
        lane: LaneName,
        /// The set interface whose set it is about, if the process has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on: Option<String>,
    },
    /// A process ends.
    Exit {
        /// Which.
        exit: Process,
        /// How.
        how: HowEnded,
    },
    /// A process unloads the library.
    Unload {
        /// Which process.
        unload: Process,
        /// Whether a thread of it is inside. `busy` is a hazard.
        found: Presence,
    },
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The file of a scenario: a step a line.
#[must_use]
pub fn file_text(scenario: &Scenario) -> String {
    let mut bare = scenario.clone();
    let steps: Vec<Step> = std::mem::take(&mut bare.steps);
    let head = serde_json::to_string_pretty(&bare).expect("a scenario serialises");
    let lines: Vec<String> = steps
        .iter()
        .map(|step| format!("    {}", serde_json::to_string(step).expect("a step serialises")))
        .collect();
    let list = format!("\"steps\": [\n{}\n  ]", lines.join(",\n"));
    head.replace("\"steps\": []", &list) + "\n"
}
