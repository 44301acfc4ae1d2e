//! What a step does, seen apart from what it expects: the one form in which the rest of
//! the suite has a call, and the event that records a step.

use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Args, Event, Function, LaneName, Name};

use super::{Action, Await, Pinned, Truth};
use crate::adapter::protocol::Request;

/// A call as a step asks for it, whether or not it waits for the return.
#[derive(Clone, Copy, Debug)]
pub struct StepCall<'s> {
    /// The function.
    pub function: Function,
    /// The calling lane.
    pub lane: &'s LaneName,
    /// The handle it is called on.
    pub on: &'s str,
    /// The name of what it makes.
    pub creates: Option<&'s str>,
    /// Its arguments.
    pub args: &'s Args<'static>,
}

/// What a step expects of a return.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExpectedReturn<'s> {
    /// The status.
    pub(crate) status: Option<&'s Pinned<HResult>>,
    /// The command that is delivered.
    pub(crate) gives: Option<&'s str>,
    /// What IsSharedBuffer tells.
    pub(crate) tells: Option<&'s Pinned<Truth>>,
}

impl<'s> StepCall<'s> {
    /// The call of an action that makes one.
    #[must_use]
    pub fn of(action: &'s Action) -> Option<Self> {
        let (Action::Call { call, lane, on, creates, args, .. }
        | Action::Start { start: call, lane, on, creates, args }) = action
        else {
            return None;
        };
        Some(Self { function: *call, lane, on, creates: creates.as_deref(), args })
    }

    /// The event that records it.
    #[must_use]
    pub fn event(&self) -> Event<'s> {
        Event::Call {
            seq: None,
            lane: Name::from(self.lane.as_str()),
            call: self.function,
            on: Name::from(self.on),
            creates: self.creates.map(Name::from),
            args: self.args.clone(),
        }
    }

    /// The request for it.
    pub(crate) fn request(&self, id: u64) -> Request {
        Request::Call {
            id,
            lane: self.lane.to_string(),
            call: self.function,
            on: self.on.to_owned(),
            creates: self.creates.map(str::to_owned),
            args: Box::new(self.args.clone()),
        }
    }

    /// The action that makes it and leaves it in progress.
    pub(crate) fn started(&self) -> Action {
        Action::Start {
            start: self.function,
            lane: self.lane.clone(),
            on: self.on.to_owned(),
            creates: self.creates.map(str::to_owned),
            args: Box::new(self.args.clone()),
        }
    }

    /// The action that makes it and takes its return.
    pub(crate) fn returning(&self, expect: Pinned<HResult>, gives: Option<String>) -> Action {
        Action::Call {
            call: self.function,
            lane: self.lane.clone(),
            on: self.on.to_owned(),
            creates: self.creates.map(str::to_owned),
            args: Box::new(self.args.clone()),
            expect: Some(expect),
            gives,
            tells: None,
        }
    }
}

impl Action {
    /// Takes the return of the call in progress on a lane.
    pub(crate) fn await_return(
        lane: LaneName,
        expect: Pinned<HResult>,
        gives: Option<String>,
    ) -> Self {
        Self::Await {
            what: Await::Return,
            lane,
            expect: Some(expect),
            gives,
            unblocked_by: None,
            of: None,
            completion: None,
            bytes: None,
        }
    }

    /// Takes the callback of a command.
    pub(crate) fn await_callback(
        lane: LaneName,
        command: String,
        completion: Pinned<Win32>,
    ) -> Self {
        Self::Await {
            what: Await::Callback,
            lane,
            expect: None,
            gives: None,
            unblocked_by: None,
            of: Some(command),
            completion: Some(completion),
            bytes: None,
        }
    }

    /// The lane of what may race, but for an exit, which is its process's.
    pub(crate) const fn racing_lane(&self) -> Option<&LaneName> {
        match self {
            Self::Call { lane, .. } | Self::Resume { lane, .. } => Some(lane),
            Self::Start { .. }
            | Self::Await { .. }
            | Self::Blocked { .. }
            | Self::Together { .. }
            | Self::Touch { .. }
            | Self::Wrote { .. }
            | Self::Expire { .. }
            | Self::Statement { .. }
            | Self::Report { .. }
            | Self::Exit { .. }
            | Self::Unload { .. } => None,
        }
    }

    /// The event that records what is done; nothing for what only waits or only begins
    /// others.
    pub(crate) fn event(&self) -> Option<Event<'_>> {
        let seq = None;
        let name = |lane: &'_ LaneName| Name::from(lane.to_string());
        Some(match self {
            Self::Call { .. } | Self::Start { .. } => StepCall::of(self)?.event(),
            Self::Await { .. } | Self::Blocked { .. } | Self::Together { .. } => return None,
            Self::Resume { resume, lane } => {
                Event::Ended { seq, lane: name(lane), ended: Name::from(resume.as_str()) }
            }
            Self::Touch { touch, lane, found } => {
                let touch = Name::from(touch.as_str());
                Event::Touch { seq, lane: name(lane), touch, found: *found }
            }
            Self::Wrote { wrote, lane } => {
                Event::Wrote { seq, lane: name(lane), wrote: Name::from(wrote.as_str()) }
            }
            Self::Expire { expire, after } => {
                Event::Expired { seq, expired: name(expire), after: *after }
            }
            Self::Statement { statement, lane, on, devices } => {
                let (lane, on) = (name(lane), on.as_deref().map(Name::from));
                Event::Statement { seq, lane, on, statement: *statement, devices: *devices }
            }
            Self::Report { report, lane, on } => {
                let on = on.as_deref().map(Name::from);
                Event::Report { seq, lane: name(lane), on, report: *report }
            }
            Self::Exit { exit, how } => Event::Exit { seq, process: *exit, exit: *how },
            Self::Unload { unload, found } => {
                Event::Unload { seq, process: *unload, unload: *found }
            }
        })
    }
}
