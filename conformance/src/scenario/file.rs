//! The types of a scenario file.

use serde::{Deserialize, Deserializer, Serialize};
use vdi_sim::clauses::{Clause, Party};
use vdi_sim::codes::{CommandCode, HResult, Win32};
use vdi_sim::config::VdConfig;
use vdi_sim::trace::{
    Args, Found, Function, HowEnded, LaneName, Presence, Process, Size, owned_args,
};

use super::Pinned;

/// A scenario, version 1.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Where the schema is.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The id: the path below `scenarios/` without `.json`.
    pub id: String,
    /// What it shows, in one sentence.
    pub title: String,
    /// The clauses it exercises.
    pub clauses: Vec<Clause>,
    /// The parties these clauses bind.
    pub parties: Vec<Party>,
    /// Clauses that server or client break on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misuse: Vec<Clause>,
    /// What the client asks for in Create, beyond the number of devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<VdConfig>,
    /// The situation in which the steps begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// What is done, and what is expected of it.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Whether it pins what comes. The calls of a trace, made again, pin nothing:
    /// the oracle alone judges them.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        !self.clauses.is_empty()
    }
}

/// A situation, told instead of done: it expands to the calls that lead there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Given {
    /// How far the set has come.
    pub phase: Phase,
    /// How many devices it has, 1 to 64.
    #[serde(default = "one")]
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
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
    pub device: u32,
    /// How far it has come.
    pub at: GivenStage,
}

/// How far a command has come.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Await {
    /// The return of the call in progress on a lane.
    Return,
    /// A callback.
    Callback,
}

/// One step, and under which reading it is done.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// Done only if the profile has this reading, written `question=reading`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Action {
    /// Makes a call and takes its return.
    Call {
        /// The function.
        call: Function,
        /// The calling lane; `server.main` or `primary.main` if missing.
        #[schemars(with = "Option<LaneName>")]
        lane: LaneName,
        /// The handle it is called on.
        on: String,
        /// The name of what it makes.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        creates: Option<String>,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "is_default")]
        #[schemars(with = "Option<Args<'static>>")]
        args: Box<Args<'static>>,
        /// The status it returns with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Pinned<HResult>>,
        /// The command that GetCommand delivers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives: Option<String>,
    },
    /// Begins a call and leaves it.
    Start {
        /// The function.
        start: Function,
        /// The calling lane; `server.agent` for ExecuteCompletionAgent if missing.
        #[schemars(with = "Option<LaneName>")]
        lane: LaneName,
        /// The handle it is called on.
        on: String,
        /// The name of what it makes.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        creates: Option<String>,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "is_default")]
        #[schemars(with = "Option<Args<'static>>")]
        args: Box<Args<'static>>,
    },
    /// Takes the return of a call begun earlier, or a callback.
    Await {
        /// What.
        #[serde(rename = "await")]
        what: Await,
        /// The lane; for a callback `server.agent` if missing.
        #[schemars(with = "Option<LaneName>")]
        lane: LaneName,
        /// For a return: the status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Pinned<HResult>>,
        /// For a return of GetCommand: the command it delivers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives: Option<String>,
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
        #[schemars(with = "Option<LaneName>")]
        lane: LaneName,
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

/// A step as it stands in a file, before it is known which action it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct Raw {
    when: Option<String>,
    call: Option<Function>,
    start: Option<Function>,
    #[serde(rename = "await")]
    awaits: Option<Await>,
    blocked: Option<Vec<LaneName>>,
    resume: Option<String>,
    touch: Option<String>,
    exit: Option<Process>,
    unload: Option<Process>,
    lane: Option<LaneName>,
    on: Option<String>,
    #[serde(rename = "as")]
    creates: Option<String>,
    #[serde(deserialize_with = "some_args")]
    args: Option<Box<Args<'static>>>,
    expect: Option<Pinned<HResult>>,
    gives: Option<String>,
    of: Option<String>,
    completion: Option<Pinned<Win32>>,
    bytes: Option<u32>,
    found: Option<String>,
    how: Option<HowEnded>,
}

fn some_args<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<Args<'static>>>, D::Error> {
    owned_args(from).map(Some)
}

/// The kinds of step, each with the fields it may have besides `when`.
const KINDS: &[(&str, &[&str])] = &[
    ("call", &["call", "lane", "on", "as", "args", "expect", "gives"]),
    ("start", &["start", "lane", "on", "as", "args"]),
    ("await", &["await", "lane", "expect", "gives", "of", "completion", "bytes"]),
    ("blocked", &["blocked"]),
    ("resume", &["resume", "lane"]),
    ("touch", &["touch", "lane", "found"]),
    ("exit", &["exit", "how"]),
    ("unload", &["unload", "found"]),
];

impl Raw {
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("call", self.call.is_some()),
            ("start", self.start.is_some()),
            ("await", self.awaits.is_some()),
            ("blocked", self.blocked.is_some()),
            ("resume", self.resume.is_some()),
            ("touch", self.touch.is_some()),
            ("exit", self.exit.is_some()),
            ("unload", self.unload.is_some()),
            ("lane", self.lane.is_some()),
            ("on", self.on.is_some()),
            ("as", self.creates.is_some()),
            ("args", self.args.is_some()),
            ("expect", self.expect.is_some()),
            ("gives", self.gives.is_some()),
            ("of", self.of.is_some()),
            ("completion", self.completion.is_some()),
            ("bytes", self.bytes.is_some()),
            ("found", self.found.is_some()),
            ("how", self.how.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    fn kind(&self) -> Result<&'static str, String> {
        let fields = self.fields();
        let names: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let Some((kind, allowed)) = KINDS.iter().find(|(kind, _)| fields.contains(kind)) else {
            return Err(format!("not a step: expected one of `{}`", names.join("`, `")));
        };
        match fields.iter().find(|field| !allowed.contains(field)) {
            None => Ok(kind),
            Some(field) => Err(format!(
                "a step `{kind}` has no `{field}`; it may have `{}`",
                allowed.join("`, `")
            )),
        }
    }

    /// The lane, or the usual one for this handle and function.
    fn lane(&self, function: Option<Function>) -> Result<LaneName, String> {
        if let Some(lane) = &self.lane {
            return Ok(lane.clone());
        }
        let usual = match (function, self.on.as_deref()) {
            (Some(Function::ExecuteCompletionAgent), _) | (None, None) => "server.agent",
            (_, Some(on)) if on.starts_with('s') => "server.main",
            (_, Some(on)) if on.starts_with('c') => "primary.main",
            _ => {
                return Err("which lane? `on` is not named like a handle of the server (s…) or \
                the client (c…), so the step needs `lane`"
                    .to_owned());
            }
        };
        usual.parse().map_err(|error: vdi_sim::codes::UnknownName| error.to_string())
    }

    fn into_step(self) -> Result<Step, String> {
        let kind = self.kind()?;
        let need = |name: &'static str| move || format!("a step `{kind}` needs `{name}`");
        let found = |text: Option<String>, expected: &str| {
            text.ok_or_else(need("found")).and_then(|text| {
                serde_json::from_value(text.clone().into())
                    .map_err(|_| format!("`found` is `{text}`, expected {expected}"))
            })
        };
        let action = match kind {
            "call" => Action::Call {
                lane: self.lane(self.call)?,
                call: self.call.ok_or_else(need("call"))?,
                on: self.on.ok_or_else(need("on"))?,
                creates: self.creates,
                args: self.args.unwrap_or_default(),
                expect: self.expect,
                gives: self.gives,
            },
            "start" => Action::Start {
                lane: self.lane(self.start)?,
                start: self.start.ok_or_else(need("start"))?,
                on: self.on.ok_or_else(need("on"))?,
                creates: self.creates,
                args: self.args.unwrap_or_default(),
            },
            "await" => Action::Await {
                lane: self.lane(None)?,
                what: self.awaits.ok_or_else(need("await"))?,
                expect: self.expect,
                gives: self.gives,
                of: self.of,
                completion: self.completion,
                bytes: self.bytes,
            },
            "blocked" => Action::Blocked { blocked: self.blocked.ok_or_else(need("blocked"))? },
            "resume" => Action::Resume {
                lane: self.lane(None)?,
                resume: self.resume.ok_or_else(need("resume"))?,
            },
            "touch" => Action::Touch {
                touch: self.touch.ok_or_else(need("touch"))?,
                lane: self.lane.ok_or_else(need("lane"))?,
                found: match found(self.found, "`alive` or `gone`")? {
                    Where::Alive => Found::Alive,
                    Where::Gone => Found::Gone,
                    Where::Idle | Where::Busy => {
                        return Err("`found` of a touch is `alive` or `gone`".to_owned());
                    }
                },
            },
            "exit" => Action::Exit {
                exit: self.exit.ok_or_else(need("exit"))?,
                how: self.how.ok_or_else(need("how"))?,
            },
            _ => Action::Unload {
                unload: self.unload.ok_or_else(need("unload"))?,
                found: match found(self.found, "`idle` or `busy`")? {
                    Where::Idle => Presence::Idle,
                    Where::Busy => Presence::Busy,
                    Where::Alive | Where::Gone => {
                        return Err("`found` of an unload is `idle` or `busy`".to_owned());
                    }
                },
            },
        };
        Ok(Step { when: self.when, action })
    }
}

/// Every value of `found`, whatever the step.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Where {
    Alive,
    Gone,
    Idle,
    Busy,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Raw::deserialize(from)?.into_step().map_err(serde::de::Error::custom)
    }
}
