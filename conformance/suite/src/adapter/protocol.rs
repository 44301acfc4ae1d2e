//! The messages of the adapter protocol; `conformance/adapters/PROTOCOL.md` tells
//! what they mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{
    Args, Declares, Found, Function, HowEnded, Interfaces, Origin, Out, Presence, Process,
    owned_args, owned_out,
};

/// The version spoken here.
pub const VERSION: u64 = 2;

/// The oldest version that is spoken, too.
pub const OLDEST: u64 = 1;

/// The first version with set interfaces besides those that there are from the start.
const INTERFACES_SINCE: u64 = 2;

/// What an adapter offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// The server half.
    Server,
    /// The client half.
    Client,
    /// Telling whether an object is alive.
    Touch,
    /// Ending a process.
    Exit,
    /// Telling whether a thread is inside the library.
    Unload,
    /// Holding a completion routine.
    Hold,
    /// Knowing when everything is at rest.
    Settle,
    /// Letting time pass on request, and not by itself.
    Expire,
    /// Beginning several requests at once.
    Together,
}

impl Offer {
    /// Its word in a message.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Touch => "touch",
            Self::Exit => "exit",
            Self::Unload => "unload",
            Self::Hold => "hold",
            Self::Settle => "settle",
            Self::Expire => "expire",
            Self::Together => "together",
        }
    }
}

/// From the suite to an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub enum Request {
    /// The first line.
    Hello {
        /// The oldest protocol version that is spoken.
        protocol: u64,
        /// The newest; the same one if missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<u64>,
        /// Version of the suite.
        suite: String,
    },
    /// Forget everything.
    Reset {
        /// The scenario to come; for people.
        scenario: String,
        /// From version 2 on: set interfaces besides those that there are from the start, by
        /// name, with the process of each.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        interfaces: Interfaces,
    },
    /// Call a function.
    Call {
        /// Number of this request.
        id: u64,
        /// The lane to call from.
        lane: String,
        /// The function.
        call: Function,
        /// The handle to call it on.
        on: String,
        /// The name of what it makes.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        creates: Option<String>,
        /// Its arguments.
        #[serde(deserialize_with = "owned_args")]
        args: Box<Args<'static>>,
    },
    /// Let a held completion routine return.
    Resume {
        /// Number of this request.
        id: u64,
        /// Its lane.
        lane: String,
        /// Its command.
        command: String,
    },
    /// Ask whether an object is alive.
    Touch {
        /// Number of this request.
        id: u64,
        /// The lane that would use it.
        lane: String,
        /// The object.
        object: String,
    },
    /// End a process.
    Exit {
        /// Number of this request.
        id: u64,
        /// Which.
        process: Process,
        /// How.
        how: HowEnded,
    },
    /// Ask whether a thread of a process is inside the library.
    Unload {
        /// Number of this request.
        id: u64,
        /// Which process.
        process: Process,
    },
    /// Let the time-out of the call in progress on a lane pass; on the agent's
    /// lane, one interval of serverTimeOut.
    Expire {
        /// Number of this request.
        id: u64,
        /// The lane.
        lane: String,
        /// Milliseconds that pass; just as many as are needed if missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u32>,
    },
    /// Wait until everything is at rest.
    Settle {
        /// Number of this request.
        id: u64,
    },
    /// Begin all of these at once: every lane waits until all are ready.
    Together {
        /// Calls, resumes and exits, one at most for a lane, each answered by itself.
        requests: Vec<Racing>,
    },
    /// Finish and exit.
    Bye,
}

/// A request that races with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Racing {
    /// The request.
    pub request: Request,
    /// Microseconds for which its lane waits after the common start: a hint.
    pub delay: u32,
}

/// What an adapter says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// Protocol version.
    pub protocol: u64,
    /// The implementation.
    pub implementation: Implementation,
    /// What it offers.
    pub offers: Vec<Offer>,
    /// The functions it offers, if it says so one by one; it is then held to its word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions: Option<Functions>,
    /// What it declares where the documents leave it free.
    #[serde(default)]
    pub declares: Declares,
}

/// The functions that an adapter offers, by the process that calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Functions {
    /// Called by the server.
    pub server: Vec<Function>,
    /// Called by the primary client.
    pub client: Vec<Function>,
    /// Called by a secondary client.
    pub secondary: Vec<Function>,
}

impl Functions {
    /// Those that a process calls.
    #[must_use]
    pub fn of(&self, process: Process) -> &[Function] {
        match role(process) {
            "server" => &self.server,
            "client" => &self.client,
            _ => &self.secondary,
        }
    }
}

/// The half of the interface, or the part of it, that a process calls.
#[must_use]
pub fn role(process: Process) -> &'static str {
    match process {
        Process::Server => "server",
        Process::Primary => "client",
        Process::Secondary(_) => "secondary",
    }
}

/// The implementation behind an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Implementation {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The language it is written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// From an adapter to the suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// Answer to the greeting.
    Hello(Hello),
    /// Answer to `reset`.
    Ready,
    /// A call returned.
    Return {
        /// Number of the call.
        id: u64,
        /// Its lane.
        lane: String,
        /// The status.
        status: HResult,
        /// What it gave.
        #[serde(default, deserialize_with = "owned_out")]
        out: Box<Out<'static>>,
    },
    /// The request cannot be done here.
    Unsupported {
        /// Number of the request.
        id: u64,
        /// Why.
        reason: String,
    },
    /// A completion routine was invoked.
    Callback {
        /// The lane it runs on.
        lane: String,
        /// The command.
        command: String,
        /// The completion code.
        completion: Win32,
        /// Bytes moved.
        bytes: u32,
        /// The position, if one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// Answer to `resume`.
    Resumed {
        /// Number of the request.
        id: u64,
    },
    /// Answer to `touch`.
    Touched {
        /// Number of the request.
        id: u64,
        /// Whether the object is there.
        found: Found,
    },
    /// Answer to `exit`.
    Exited {
        /// Number of the request.
        id: u64,
    },
    /// Answer to `unload`.
    Unloaded {
        /// Number of the request.
        id: u64,
        /// Whether a thread was inside.
        found: Presence,
    },
    /// Answer to `expire`.
    Expired {
        /// Number of the request.
        id: u64,
    },
    /// Answer to `settle`.
    Settled {
        /// Number of the request.
        id: u64,
        /// The lanes still inside a call.
        in_call: Vec<String>,
        /// How often anything has begun or ended to move here: asked twice, the same
        /// number says that nothing did in between. For an adapter that is one of several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moves: Option<u64>,
    },
    /// The adapter itself failed.
    Trouble {
        /// What happened.
        message: String,
    },
}

impl Hello {
    /// Whether this is offered.
    #[must_use]
    pub fn has(&self, offer: Offer) -> bool {
        let functions = |list: fn(&Functions) -> &Vec<Function>| {
            self.functions.as_ref().is_some_and(|functions| !list(functions).is_empty())
        };
        match offer {
            Offer::Server if functions(|of| &of.server) => true,
            Offer::Client if functions(|of| &of.client) => true,
            _ => self.offers.contains(&offer),
        }
    }

    /// Whether it makes set interfaces besides those that there are from the start.
    #[must_use]
    pub const fn makes_interfaces(&self) -> bool {
        self.protocol >= INTERFACES_SINCE
    }

    /// The same in the version that a suite whose newest is this one understands.
    #[must_use]
    pub fn in_version(&self, newest: Option<u64>) -> Self {
        let protocol = self.protocol.min(newest.unwrap_or(OLDEST));
        Self { protocol, ..self.clone() }
    }

    /// Whether a function is offered to a process; whoever does not list them says so when
    /// it is asked.
    #[must_use]
    pub fn has_function(&self, process: Process, function: Function) -> bool {
        self.functions.as_ref().is_none_or(|offered| offered.of(process).contains(&function))
    }

    /// The origin that a trace of this implementation names.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            name: self.implementation.name.clone(),
            version: Some(self.implementation.version.clone()),
            setting: self.implementation.language.clone(),
        }
    }
}

impl Request {
    /// The greeting.
    #[must_use]
    pub fn hello() -> Self {
        let suite = env!("CARGO_PKG_VERSION").to_owned();
        Self::Hello { protocol: OLDEST, newest: Some(VERSION), suite }
    }

    /// The word by which what it asks for is offered.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Reset { .. } => "reset",
            Self::Call { .. } => "call",
            Self::Resume { .. } => "hold",
            Self::Touch { .. } => "touch",
            Self::Exit { .. } => "exit",
            Self::Unload { .. } => "unload",
            Self::Expire { .. } => "expire",
            Self::Settle { .. } => "settle",
            Self::Together { .. } => "together",
            Self::Bye => "bye",
        }
    }

    /// The name of the operation, with the function if it is a call.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Hello { .. } => "hello".to_owned(),
            Self::Reset { .. } => "reset".to_owned(),
            Self::Call { call, lane, .. } => format!("call {call} from {lane}"),
            Self::Resume { command, .. } => format!("resume {command}"),
            Self::Touch { object, .. } => format!("touch {object}"),
            Self::Exit { process, .. } => format!("exit {process}"),
            Self::Unload { process, .. } => format!("unload {process}"),
            Self::Expire { lane, .. } => format!("expire {lane}"),
            Self::Settle { .. } => "settle".to_owned(),
            Self::Together { .. } => "together".to_owned(),
            Self::Bye => "bye".to_owned(),
        }
    }
}
