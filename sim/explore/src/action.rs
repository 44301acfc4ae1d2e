//! What can happen next in the bounded world.

use std::fmt;

use vdi_model::{
    Answer, Call, Callback, Caller, ClientCall, DeviceName, LaneId, Outcome, ServerCall,
};
use vdi_spec::clauses::Clause;

/// One step of the world. What has several outcomes is several actions.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// A lane makes a call, and this comes of it. Unless it blocks, the call returns
    /// in the same step.
    Call {
        /// The lane.
        lane: LaneId,
        /// The call.
        call: Call,
        /// What comes of it.
        outcome: Outcome,
    },
    /// The call in progress on a lane returns.
    Return {
        /// The lane.
        lane: LaneId,
        /// What it returns with.
        outcome: Outcome,
    },
    /// A completion routine runs, from its invocation to its return.
    Callback(Callback),
    /// A completion routine is invoked, and stays in its code.
    Hold(Callback),
    /// The completion routine that stayed in its code returns.
    Resume(LaneId),
    /// The time-out of the call in progress on a lane passes; for the agent's lane an
    /// interval of serverTimeOut.
    Expire(LaneId),
    /// A process ends.
    Exit(Caller),
    /// The server unloads the library.
    Unload,
}

impl Action {
    /// The clauses that allow it.
    pub fn clauses(&self) -> impl Iterator<Item = Clause> + '_ {
        let (outcome, callback) = match self {
            Self::Call { outcome, .. } | Self::Return { outcome, .. } => (Some(outcome), None),
            Self::Callback(callback) | Self::Hold(callback) => (None, Some(callback)),
            Self::Resume(_) | Self::Expire(_) | Self::Exit(_) | Self::Unload => (None, None),
        };
        let allowed = outcome.into_iter().flat_map(Outcome::clauses);
        let called = callback.into_iter().flat_map(|c| std::iter::once(c.clause).chain(c.also));
        allowed.chain(called)
    }

    /// A call by its name and what is peculiar in its arguments.
    pub(super) fn name(call: &Call) -> String {
        name(call)
    }

    /// The numbers of what a call concerns.
    pub(super) fn particulars(call: &Call) -> String {
        particulars(call)
    }

    /// What kind of action it is, whichever device, command or buffer it concerns.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Call { lane, call, outcome } => {
                format!("{}: {} -> {}", place(*lane), name(call), answer(outcome.answer))
            }
            Self::Return { lane, outcome } => {
                format!("{}: returns {}", place(*lane), answer(outcome.answer))
            }
            Self::Callback(callback) => {
                format!("{}: callback with {}", place(callback.lane), callback.ending.code())
            }
            Self::Hold(callback) => {
                format!(
                    "{}: held in a callback with {}",
                    place(callback.lane),
                    callback.ending.code()
                )
            }
            Self::Resume(lane) => format!("{}: the callback ends", place(*lane)),
            Self::Expire(lane) => format!("{}: time passes", place(*lane)),
            Self::Exit(process) => format!("{} ends", party(*process)),
            Self::Unload => "the server unloads the library".to_owned(),
        }
    }
}

fn place(lane: LaneId) -> &'static str {
    match lane.0 {
        0 => "server.main",
        1 => "server.agent",
        2 => "primary.main",
        number if number < super::lanes::SECONDARY => "device",
        _ => "secondary.main",
    }
}

fn party(process: Caller) -> String {
    match process {
        Caller::Server => "the server's process".to_owned(),
        Caller::Client(0) => "the primary client's process".to_owned(),
        Caller::Client(number) => format!("the process of secondary {number}"),
    }
}

/// The call by its name and what is peculiar in its arguments.
fn name(call: &Call) -> String {
    match call {
        Call::Server(call) => server(call),
        Call::Client(call) | Call::Secondary(_, call) => client(call),
    }
}

fn server(call: &ServerCall) -> String {
    match call {
        ServerCall::Open { found: false, .. } => "Open of no set".to_owned(),
        ServerCall::BeginConfiguration { sound: false, .. } => {
            "BeginConfiguration out of limits".to_owned()
        }
        ServerCall::AllocateBuffer { sound: false, .. } => "AllocateBuffer misaligned".to_owned(),
        ServerCall::FreeBuffer { buffer: None, .. } => "FreeBuffer of nothing".to_owned(),
        ServerCall::FreeBuffer { sized: false, .. } => "FreeBuffer of another size".to_owned(),
        ServerCall::RequestBuffers(requested) if !requested.is_sound() => {
            "RequestBuffers of nothing".to_owned()
        }
        ServerCall::IsSharedBuffer { buffer: None } => "IsSharedBuffer of nothing".to_owned(),
        ServerCall::SendCommand(request) => format!("SendCommand {}", request.code.info().name),
        other => plain(other),
    }
}

fn client(call: &ClientCall) -> String {
    match call {
        ClientCall::Create { flaw: Some(flaw), .. } => format!("Create with a bad {flaw:?}"),
        ClientCall::GetConfiguration { timeout } => format!("GetConfiguration {timeout:?}"),
        ClientCall::OpenDevice { name: DeviceName::Unknown } => "OpenDevice unknown".to_owned(),
        ClientCall::GetCommand { timeout, .. } => format!("GetCommand {timeout:?}"),
        ClientCall::CompleteCommand { command: None, .. } => {
            "CompleteCommand of nothing".to_owned()
        }
        ClientCall::CompleteCommand { code, .. } => format!("CompleteCommand {code}"),
        other => plain(other),
    }
}

/// The variant's own name: the documents'.
fn plain(call: &impl fmt::Debug) -> String {
    let text = format!("{call:?}");
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_owned()
}

fn answer(answer: Answer) -> String {
    match answer {
        Answer::Returns(expected) => expected.to_string(),
        Answer::Delivers(_) => "a command".to_owned(),
        Answer::Tells(told) => format!("tells {told:?}"),
        Answer::Counts(least) => format!("{least} or more"),
        Answer::Maps(_) => "an address".to_owned(),
        Answer::Blocks => "blocks".to_owned(),
    }
}

/// The numbers it concerns.
fn particulars(call: &Call) -> String {
    let numbered = |what: &str, number: u32| format!(" {what}{}", number + 1);
    match call {
        Call::Server(ServerCall::SendCommand(request)) => {
            let buffer = request.buffer.buffer().map(|b| numbered("b", b.0)).unwrap_or_default();
            let device = numbered("d", request.device.into());
            format!("{device}{}{buffer}", numbered("c", request.command.0))
        }
        Call::Server(
            ServerCall::CloseDevice { device } | ServerCall::OpenDevice { device: Some(device) },
        ) => numbered("d", (*device).into()),
        Call::Server(ServerCall::AllocateBuffer { buffer, .. }) => numbered("b", buffer.0),
        Call::Server(
            ServerCall::FreeBuffer { buffer: Some(buffer), .. }
            | ServerCall::IsSharedBuffer { buffer: Some(buffer) },
        ) => numbered("b", buffer.0),
        Call::Client(ClientCall::OpenDevice {
            name: DeviceName::Known(device) | DeviceName::New(device),
        })
        | Call::Secondary(
            _,
            ClientCall::OpenDevice { name: DeviceName::Known(device) | DeviceName::New(device) },
        ) => numbered("d", (*device).into()),
        Call::Client(call) | Call::Secondary(_, call) => {
            let device = call.device().map(|device| numbered("d", device.into()));
            let completed = if let ClientCall::CompleteCommand { command, .. } = call {
                command.map(|command| numbered("c", command.0))
            } else {
                None
            };
            device.into_iter().chain(completed).collect()
        }
        Call::Server(_) => String::new(),
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind())?;
        match self {
            Self::Call { call, outcome, .. } => {
                let numbers = particulars(call);
                if !numbers.is_empty() {
                    write!(f, " ({})", numbers.trim_start())?;
                }
                write!(f, " [{}]", outcome.clause)
            }
            Self::Return { lane, outcome } => {
                if place(*lane) == "device" {
                    write!(f, " (d{})", lane.0 - super::lanes::DEVICE + 1)?;
                }
                write!(f, " [{}]", outcome.clause)
            }
            Self::Callback(callback) | Self::Hold(callback) => {
                write!(f, " (c{}) [{}]", callback.command.0 + 1, callback.clause)
            }
            Self::Resume(_) | Self::Expire(_) | Self::Exit(_) | Self::Unload => Ok(()),
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
