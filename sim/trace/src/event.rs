//! The events of a trace: one JSON object a line.

use serde::{Deserialize, Deserializer, Serialize};

#[cfg(feature = "schema")]
use super::LaneName;
use super::{Args, Function, Name, Out, Process};
use vdi_spec::codes::{HResult, Win32};

/// Whether a thing that was touched was still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// It can be used.
    Alive,
    /// It is gone: to use it in a real process is undefined behaviour.
    Gone,
}

/// Whether a thread of a process was inside the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// None was.
    Idle,
    /// At least one was.
    Busy,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HowEnded {
    /// By itself.
    Normal,
    /// Killed.
    Killed,
}

/// What a client learns of the SQL statement for which it backs up or restores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Statement {
    /// It was handed to the server.
    Issued,
    /// The server says that it succeeded.
    Succeeded,
    /// The server says that it failed.
    Failed,
}

/// What a client tells its own caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Reported {
    /// The backup or restore succeeded.
    Success,
    /// It did not.
    Failure,
}

/// One event of a trace.
///
/// ```
/// use vdi_spec::codes::HResult;
/// use vdi_trace::Event;
///
/// let event: Event = serde_json::from_str(
///     r#"{"lane": "server.main", "return": "0x8077000C"}"#,
/// )?;
/// assert!(matches!(event, Event::Return { status: HResult::VD_E_PROTOCOL, .. }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = super::elapsed::with_elapsed))]
#[serde(untagged, deny_unknown_fields)]
pub enum Event<'a> {
    /// A lane enters a function.
    Call {
        /// Position in the trace, increasing; may be left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The calling lane.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The function.
        call: Function,
        /// The interface it is called on.
        on: Name<'a>,
        /// The name of what it makes.
        #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
        creates: Option<Name<'a>>,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "is_default")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<Args<'a>>"))]
        args: Args<'a>,
    },
    /// The call in progress on a lane returns.
    Return {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The status.
        #[serde(rename = "return")]
        status: HResult,
        /// What it gives.
        #[serde(default, skip_serializing_if = "is_default")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<Out<'a>>"))]
        out: Out<'a>,
    },
    /// A completion routine is invoked.
    Callback {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane it runs on.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The command.
        callback: Name<'a>,
        /// Its completion code.
        completion: Win32,
        /// Bytes moved.
        bytes: u32,
        /// The position, if one was given.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
        /// The routine does not return until the event `ended`.
        #[serde(default, skip_serializing_if = "is_default")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
        held: bool,
    },
    /// A completion routine that was held returns.
    Ended {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The command.
        ended: Name<'a>,
    },
    /// A party uses a buffer or a device interface.
    Touch {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane that uses it.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The object.
        touch: Name<'a>,
        /// Whether it was there.
        found: Found,
    },
    /// A party writes into a buffer, or into the structure of a command.
    Wrote {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane that writes.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The buffer or the command.
        wrote: Name<'a>,
    },
    /// Time passes: the time-out of the call in progress on this lane, or, if it
    /// executes the agent, one interval of serverTimeOut.
    Expired {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        expired: Name<'a>,
        /// Milliseconds that pass, if not just as many as are needed.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<u32>,
    },
    /// A client learns something of its SQL statement, or the server says it of the
    /// statement that it carries out.
    Statement {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane that learns or says it.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The set interface whose set it is about; if missing, the one that the process
        /// has or had first.
        #[serde(skip_serializing_if = "Option::is_none")]
        on: Option<Name<'a>>,
        /// What.
        statement: Statement,
        /// How many VIRTUAL_DEVICE clauses it has, when it is issued.
        #[serde(skip_serializing_if = "Option::is_none")]
        devices: Option<u32>,
    },
    /// A client tells its own caller how the backup or restore ended.
    Report {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lane that tells it.
        #[cfg_attr(feature = "schema", schemars(with = "LaneName"))]
        lane: Name<'a>,
        /// The set interface whose set it is about, as for a statement.
        #[serde(skip_serializing_if = "Option::is_none")]
        on: Option<Name<'a>>,
        /// What.
        report: Reported,
    },
    /// Everything has come to rest; these lanes are still in their calls.
    Blocked {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The lanes.
        #[cfg_attr(feature = "schema", schemars(with = "Vec<LaneName>"))]
        blocked: Vec<Name<'a>>,
    },
    /// A process ends.
    Exit {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The process.
        process: Process,
        /// How.
        exit: HowEnded,
    },
    /// A process unloads the library.
    Unload {
        /// Position in the trace.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The process.
        process: Process,
        /// Whether a thread of it was inside: `busy` is a hazard.
        unload: Presence,
    },
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Event<'_> {
    /// Its position, if it has one.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        match self {
            Self::Call { seq, .. }
            | Self::Return { seq, .. }
            | Self::Callback { seq, .. }
            | Self::Ended { seq, .. }
            | Self::Touch { seq, .. }
            | Self::Wrote { seq, .. }
            | Self::Expired { seq, .. }
            | Self::Statement { seq, .. }
            | Self::Report { seq, .. }
            | Self::Blocked { seq, .. }
            | Self::Exit { seq, .. }
            | Self::Unload { seq, .. } => *seq,
        }
    }

    /// Gives it a position.
    pub const fn set_seq(&mut self, to: u64) {
        match self {
            Self::Call { seq, .. }
            | Self::Return { seq, .. }
            | Self::Callback { seq, .. }
            | Self::Ended { seq, .. }
            | Self::Touch { seq, .. }
            | Self::Wrote { seq, .. }
            | Self::Expired { seq, .. }
            | Self::Statement { seq, .. }
            | Self::Report { seq, .. }
            | Self::Blocked { seq, .. }
            | Self::Exit { seq, .. }
            | Self::Unload { seq, .. } => *seq = Some(to),
        }
    }

    /// The lane it stands on, if it stands on one.
    #[must_use]
    pub fn lane(&self) -> Option<&str> {
        match self {
            Self::Call { lane, .. }
            | Self::Return { lane, .. }
            | Self::Callback { lane, .. }
            | Self::Ended { lane, .. }
            | Self::Touch { lane, .. }
            | Self::Wrote { lane, .. }
            | Self::Statement { lane, .. }
            | Self::Report { lane, .. } => Some(lane.as_str()),
            Self::Expired { .. }
            | Self::Blocked { .. }
            | Self::Exit { .. }
            | Self::Unload { .. } => None,
        }
    }
}

/// The object as it stands in a line, before it is known which event it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw<'a> {
    seq: Option<u64>,
    pub(super) elapsed: Option<u64>,
    #[serde(borrow)]
    lane: Option<Name<'a>>,
    call: Option<Function>,
    #[serde(borrow)]
    on: Option<Name<'a>>,
    #[serde(borrow, rename = "as")]
    creates: Option<Name<'a>>,
    #[serde(borrow)]
    args: Option<Args<'a>>,
    #[serde(rename = "return")]
    status: Option<HResult>,
    #[serde(borrow)]
    out: Option<Out<'a>>,
    #[serde(borrow)]
    callback: Option<Name<'a>>,
    completion: Option<Win32>,
    bytes: Option<u32>,
    position: Option<u64>,
    held: Option<bool>,
    #[serde(borrow)]
    ended: Option<Name<'a>>,
    #[serde(borrow)]
    touch: Option<Name<'a>>,
    found: Option<Found>,
    #[serde(borrow)]
    wrote: Option<Name<'a>>,
    #[serde(borrow)]
    expired: Option<Name<'a>>,
    after: Option<u32>,
    statement: Option<Statement>,
    devices: Option<u32>,
    report: Option<Reported>,
    #[serde(borrow)]
    blocked: Option<Vec<Name<'a>>>,
    process: Option<Process>,
    exit: Option<HowEnded>,
    unload: Option<Presence>,
}

const KINDS: &str = "one of `call`, `return`, `callback`, `ended`, `touch`, `wrote`, `expired`, \
    `statement`, `report`, `blocked`, `exit`, `unload`";

/// Which fields each kind of event may carry, besides `seq` and `elapsed`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("call", &["lane", "call", "on", "as", "args"]),
    ("return", &["lane", "return", "out"]),
    ("callback", &["lane", "callback", "completion", "bytes", "position", "held"]),
    ("ended", &["lane", "ended"]),
    ("touch", &["lane", "touch", "found"]),
    ("wrote", &["lane", "wrote"]),
    ("expired", &["expired", "after"]),
    ("statement", &["lane", "on", "statement", "devices"]),
    ("report", &["lane", "on", "report"]),
    ("blocked", &["blocked"]),
    ("exit", &["process", "exit"]),
    ("unload", &["process", "unload"]),
];

impl<'a> Raw<'a> {
    /// Every field with whether it is given.
    fn fields(&self) -> [(&'static str, bool); 25] {
        [
            ("lane", self.lane.is_some()),
            ("call", self.call.is_some()),
            ("on", self.on.is_some()),
            ("as", self.creates.is_some()),
            ("args", self.args.is_some()),
            ("return", self.status.is_some()),
            ("out", self.out.is_some()),
            ("callback", self.callback.is_some()),
            ("completion", self.completion.is_some()),
            ("bytes", self.bytes.is_some()),
            ("position", self.position.is_some()),
            ("held", self.held.is_some()),
            ("ended", self.ended.is_some()),
            ("touch", self.touch.is_some()),
            ("found", self.found.is_some()),
            ("wrote", self.wrote.is_some()),
            ("expired", self.expired.is_some()),
            ("after", self.after.is_some()),
            ("statement", self.statement.is_some()),
            ("devices", self.devices.is_some()),
            ("report", self.report.is_some()),
            ("blocked", self.blocked.is_some()),
            ("process", self.process.is_some()),
            ("exit", self.exit.is_some()),
            ("unload", self.unload.is_some()),
        ]
    }

    /// Refuses fields that belong to another kind of event.
    fn only(&self, kind: &'static str) -> Result<&'static str, String> {
        let (_, allowed) =
            ALLOWED.iter().find(|(name, _)| *name == kind).expect("every kind is in the table");
        match self.fields().into_iter().find(|(name, given)| *given && !allowed.contains(name)) {
            None => Ok(kind),
            Some((name, _)) => Err(format!(
                "an event `{kind}` has no `{name}`, expected only `{}`",
                allowed.join("`, `")
            )),
        }
    }

    /// The kind of event, by the field that only this kind has.
    fn kind(&self) -> Result<&'static str, String> {
        let given = self.fields();
        let own = |kind: &str| given.iter().any(|(name, given)| *given && *name == kind);
        match ALLOWED.iter().find(|(kind, _)| own(kind)) {
            Some((kind, _)) => self.only(kind),
            None => Err(format!("not an event: expected {KINDS}")),
        }
    }

    pub(super) fn into_event(self) -> Result<Event<'a>, String> {
        let (kind, seq) = (self.kind()?, self.seq);
        if matches!(kind, "wrote" | "expired" | "statement" | "report") {
            return self.into_note(kind);
        }
        let need = |name| move || format!("an event `{kind}` needs `{name}`");
        let lane = || self.lane.ok_or_else(need("lane"));
        let process = || self.process.ok_or_else(need("process"));
        Ok(match kind {
            "call" => Event::Call {
                seq,
                lane: lane()?,
                call: self.call.ok_or_else(need("call"))?,
                on: self.on.ok_or_else(need("on"))?,
                creates: self.creates,
                args: self.args.unwrap_or_default(),
            },
            "return" => Event::Return {
                seq,
                lane: lane()?,
                status: self.status.ok_or_else(need("return"))?,
                out: self.out.unwrap_or_default(),
            },
            "callback" => Event::Callback {
                seq,
                lane: lane()?,
                callback: self.callback.ok_or_else(need("callback"))?,
                completion: self.completion.ok_or_else(need("completion"))?,
                bytes: self.bytes.ok_or_else(need("bytes"))?,
                position: self.position,
                held: self.held.unwrap_or_default(),
            },
            "ended" => {
                Event::Ended { seq, lane: lane()?, ended: self.ended.ok_or_else(need("ended"))? }
            }
            "touch" => Event::Touch {
                seq,
                lane: lane()?,
                touch: self.touch.ok_or_else(need("touch"))?,
                found: self.found.ok_or_else(need("found"))?,
            },
            "blocked" => Event::Blocked { seq, blocked: self.blocked.ok_or_else(need("blocked"))? },
            "exit" => {
                Event::Exit { seq, process: process()?, exit: self.exit.ok_or_else(need("exit"))? }
            }
            "unload" => Event::Unload {
                seq,
                process: process()?,
                unload: self.unload.ok_or_else(need("unload"))?,
            },
            _ => return Err(format!("not an event: expected {KINDS}")),
        })
    }

    /// What is not of the interface itself: time, data, and what a client knows.
    fn into_note(self, kind: &'static str) -> Result<Event<'a>, String> {
        let seq = self.seq;
        let need = |name| move || format!("an event `{kind}` needs `{name}`");
        let lane = || self.lane.ok_or_else(need("lane"));
        Ok(match kind {
            "wrote" => {
                Event::Wrote { seq, lane: lane()?, wrote: self.wrote.ok_or_else(need("wrote"))? }
            }
            "expired" => Event::Expired {
                seq,
                expired: self.expired.ok_or_else(need("expired"))?,
                after: self.after,
            },
            "statement" => Event::Statement {
                seq,
                lane: lane()?,
                on: self.on,
                statement: self.statement.ok_or_else(need("statement"))?,
                devices: self.devices,
            },
            _ => Event::Report {
                seq,
                lane: lane()?,
                on: self.on,
                report: self.report.ok_or_else(need("report"))?,
            },
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Raw::deserialize(from)?.into_event().map_err(serde::de::Error::custom)
    }
}

impl Event<'_> {
    /// The same event, owned.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        let own = |name: Name<'_>| name.into_owned();
        match self {
            Self::Call { seq, lane, call, on, creates, args } => Event::Call {
                seq,
                lane: own(lane),
                call,
                on: own(on),
                creates: creates.map(own),
                args: args.into_owned(),
            },
            Self::Return { seq, lane, status, out } => {
                Event::Return { seq, lane: own(lane), status, out: out.into_owned() }
            }
            Self::Callback { seq, lane, callback, completion, bytes, position, held } => {
                let (lane, callback) = (own(lane), own(callback));
                Event::Callback { seq, lane, callback, completion, bytes, position, held }
            }
            Self::Ended { seq, lane, ended } => {
                Event::Ended { seq, lane: own(lane), ended: own(ended) }
            }
            Self::Touch { seq, lane, touch, found } => {
                Event::Touch { seq, lane: own(lane), touch: own(touch), found }
            }
            Self::Wrote { seq, lane, wrote } => {
                Event::Wrote { seq, lane: own(lane), wrote: own(wrote) }
            }
            Self::Expired { seq, expired, after } => {
                Event::Expired { seq, expired: own(expired), after }
            }
            Self::Statement { seq, lane, on, statement, devices } => {
                let (lane, on) = (own(lane), on.map(own));
                Event::Statement { seq, lane, on, statement, devices }
            }
            Self::Report { seq, lane, on, report } => {
                Event::Report { seq, lane: own(lane), on: on.map(own), report }
            }
            Self::Blocked { seq, blocked } => {
                Event::Blocked { seq, blocked: blocked.into_iter().map(own).collect() }
            }
            Self::Exit { seq, process, exit } => Event::Exit { seq, process, exit },
            Self::Unload { seq, process, unload } => Event::Unload { seq, process, unload },
        }
    }
}
