//! What is seen of a world, in little space, and how the trace tells it.

use super::calls::{Told, client_call, server_call};
use super::names::{self, LaneInfo};
use crate::backend::{Actor, Answer, Ask, CalledBack, Extra, Resource, Setup};
use crate::scheduler::strategy::{LaneSet, each};
use vdi_spec::codes::{CommandCode, Features};
use vdi_trace::{
    Event, Found, Header, HowEnded, Name, Out, Presence, Process, Reported, Size, Statement,
};

/// Something that was seen, in little space: a trace of these is written out when it is
/// asked for.
#[derive(Clone, Debug)]
pub(crate) enum Observation {
    /// `again`: it opens a device that is open, and so makes nothing.
    Call {
        lane: u8,
        run: u8,
        ask: Ask,
        again: bool,
    },
    Returned {
        lane: u8,
        run: u8,
        answer: Answer,
    },
    CalledBack {
        lane: u8,
        back: CalledBack,
        told: CallbackDetail,
    },
    Ended {
        lane: u8,
        command: u32,
    },
    Touched {
        by: Actor,
        resource: Resource,
        found: bool,
    },
    Used {
        lane: u8,
        buffer: u32,
        writes: bool,
        found: bool,
    },
    Scribbled {
        lane: u8,
        command: u32,
    },
    Statement {
        lane: u8,
        what: Statement,
        devices: Option<u32>,
    },
    Reported {
        lane: u8,
        what: Reported,
    },
    Expired {
        lane: u8,
    },
    Rests {
        lanes: LaneSet,
    },
    Exited {
        process: Process,
        how: HowEnded,
    },
    Unloaded {
        process: Process,
    },
}

/// What is told of a callback beyond its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallbackDetail {
    /// The position matters.
    pub(super) position: bool,
    /// The routine takes its time.
    pub(super) held: bool,
}

/// What the events of a world are written out with.
#[derive(Clone, Debug)]
pub(super) struct TraceWriter {
    pub(super) header: Header,
    pub(super) lanes: Vec<LaneInfo>,
    /// By the life of a set.
    pub(super) setups: Vec<Setup>,
}

impl TraceWriter {
    fn name(&self, lane: u8) -> Name<'static> {
        self.lanes[usize::from(lane)].name.into()
    }

    /// The client's interface to the set of a lane, where its process has several.
    fn set_of(&self, lane: u8) -> Option<Name<'static>> {
        let several = self.lanes.iter().any(|lane| lane.set > 0);
        let LaneInfo { set, run, .. } = self.lanes[usize::from(lane)];
        several.then(|| names::interface(Process::Primary, set.into(), run.into()))
    }

    /// Writes out what was seen.
    pub(super) fn event(&self, seen: &Observation) -> Event<'static> {
        let seq = None;
        match seen {
            Observation::Call { lane, run, ask, again } => self.call(*lane, *run, ask, *again),
            Observation::Returned { lane, run, answer } => {
                let features = self.setups[usize::from(*run)].config.features;
                let (lane, status) = (self.name(*lane), answer.status);
                let addressed = features.contains(Features::RANDOM_ACCESS);
                Event::Return { seq, lane, status, out: results(answer, addressed) }
            }
            Observation::CalledBack { lane, back, told } => Event::Callback {
                seq,
                lane: self.name(*lane),
                callback: names::command(back.command),
                completion: back.code,
                bytes: back.bytes,
                position: told.position.then_some(back.position),
                held: told.held,
            },
            Observation::Ended { lane, command } => {
                Event::Ended { seq, lane: self.name(*lane), ended: names::command(*command) }
            }
            Observation::Touched { by, resource, found } => {
                let (lane, found) = (self.name(by.lane), found_as(*found));
                let touch = match *resource {
                    Resource::Device(device) => names::device(by.process, by.run.into(), device),
                    Resource::Buffer(buffer) => names::buffer(buffer),
                };
                Event::Touch { seq, lane, touch, found }
            }
            Observation::Used { lane, buffer, writes, found } => {
                let (lane, buffer) = (self.name(*lane), names::buffer(*buffer));
                let found = found_as(*found);
                match (writes, found) {
                    (true, Found::Alive) => Event::Wrote { seq, lane, wrote: buffer },
                    _ => Event::Touch { seq, lane, touch: buffer, found },
                }
            }
            Observation::Scribbled { lane, command } => {
                Event::Wrote { seq, lane: self.name(*lane), wrote: names::command(*command) }
            }
            Observation::Statement { lane, what, devices } => {
                let (lane, on) = (self.name(*lane), self.set_of(*lane));
                Event::Statement { seq, lane, on, statement: *what, devices: *devices }
            }
            Observation::Reported { lane, what } => {
                let (lane, on) = (self.name(*lane), self.set_of(*lane));
                Event::Report { seq, lane, on, report: *what }
            }
            Observation::Expired { lane } => {
                Event::Expired { seq, expired: self.name(*lane), after: None }
            }
            Observation::Rests { lanes } => {
                let blocked = each(*lanes).map(|lane| self.name(lane as u8)).collect();
                Event::Blocked { seq, blocked }
            }
            Observation::Exited { process, how } => {
                Event::Exit { seq, process: *process, exit: *how }
            }
            Observation::Unloaded { process } => {
                Event::Unload { seq, process: *process, unload: Presence::Idle }
            }
        }
    }

    fn call(&self, lane: u8, run: u8, ask: &Ask, again: bool) -> Event<'static> {
        let lane = LaneInfo { run, ..self.lanes[usize::from(lane)] };
        let setup = &self.setups[usize::from(run)];
        let told = match ask {
            Ask::Server(ask) => server_call(&lane, ask, setup),
            Ask::Client(ask) => client_call(&lane, ask, setup),
        };
        let Told { on, creates, args } = told;
        let creates = creates.filter(|_| !again);
        Event::Call { seq: None, lane: lane.name.into(), call: ask.function(), on, creates, args }
    }
}

const fn found_as(alive: bool) -> Found {
    if alive { Found::Alive } else { Found::Gone }
}

fn results(answer: &Answer, addressed: bool) -> Out<'static> {
    let mut out = Out::default();
    if let Some(delivered) = answer.delivered {
        let moves = delivered.code.info().moves_data;
        out.command = Some(names::command(delivered.command));
        out.code = Some(delivered.code);
        out.size = moves.then_some(Size(delivered.size));
        let places = delivered.code == CommandCode::SetPosition || moves && addressed;
        out.position = places.then_some(delivered.position);
        out.buffer = delivered.buffer.map(names::buffer);
    }
    out.config = answer.config.clone();
    out.address = answer.address;
    match answer.extra {
        Some(Extra::Shared(shared)) => out.shared = Some(shared),
        Some(Extra::Count(count)) => out.count = Some(count),
        Some(Extra::Mapped(buffer)) => out.buffer = buffer.map(names::buffer),
        None => {}
    }
    out
}
