//! What the lanes of a world do besides calls: data moves, media work, clients learn and
//! tell, the sets of a joint snapshot wait for one another.

use super::content;
use super::deviation::Deviation;
use super::engine::{Ask, CalledBack, Engine};
use super::medium::Done;
use super::odd;
use super::program::Act;
use super::world::{Lane, Role, Set, World};
use crate::codes::{CommandCode, HResult};
use crate::trace::{Process, Statement};

impl<E: Engine> World<'_, E> {
    /// Carries out the command at hand of a client's device, if it moves no data.
    pub(super) fn carry_out(&mut self, index: usize, worker: usize) {
        let joint = self.sets.len() > 1;
        let set = &mut self.sets[index];
        let Some(device) = set.client.workers.get_mut(worker) else {
            return;
        };
        let carried = device.carries().filter(|delivered| delivered.buffer.is_none());
        if carried.is_some() && !device.control(&mut set.media[worker], joint) {
            self.gather();
        }
        if self.options.deviation == Some(Deviation::CompletesOnAnother) {
            let other = (worker as u8 + 1) % self.options.devices;
            self.sets[index].client.workers[worker].misdirects(other);
        }
        if joint {
            self.gather();
        }
    }

    /// The sets of a joint snapshot wait for one another; if one fails, the others do
    /// not wait for ever.
    pub(super) fn gather(&mut self) {
        let stage = |set: &Set| set.client.workers[0].gathers();
        let first = stage(&self.sets[0]);
        let together = first.is_some() && self.sets.iter().all(|set| stage(set) == first);
        let apart = |set: &Set| {
            set.statement.is_over() || set.client.workers.iter().any(|known| known.end().is_some())
        };
        if !together && !self.sets.iter().any(apart) {
            return;
        }
        for index in 0..self.sets.len() {
            if stage(&self.sets[index]).is_some() {
                self.sets[index].client.workers[0].gathered(together);
                self.wake_all(index);
            }
        }
    }

    /// What is called out of the order, if it is time.
    pub(super) fn act_oddly(&mut self, role: Role, index: usize) -> Act {
        // What is under way may change what an odd call is bound to.
        let busy = self.is_changing(index, role == Role::OddServer);
        let Self { sets, chance, commands, buffers, odd_due, options, .. } = self;
        let Set { server, client, of_server, of_client, .. } = &mut sets[index];
        let server_side = role == Role::OddServer;
        let ended = if server_side { server.has_ended() } else { client.has_ended() };
        if index > 0 || options.odd_calls == 0 {
            return Act::Done;
        }
        let due = &mut odd_due[usize::from(!server_side)];
        if !*due {
            return if ended { Act::Done } else { Act::Idle };
        }
        if busy && !ended {
            return Act::Idle;
        }
        *due = false;
        Act::call(match server_side {
            true => odd::of_server(*of_server, chance, (commands, buffers)),
            false => odd::of_client(*of_client, chance, *commands),
        })
    }

    /// What a return tells whoever makes odd calls.
    pub(super) fn learn(&mut self, lane: usize, ask: &Ask, status: HResult) {
        let Lane { place, .. } = self.lanes[lane];
        let set = &mut self.sets[usize::from(place.set)];
        let known = match place.process {
            Process::Server => &mut set.of_server,
            Process::Primary => &mut set.of_client,
            Process::Secondary(_) => return,
        };
        known.devices = self.options.devices;
        match ask {
            Ask::Open | Ask::CreateEx if status == HResult::NOERROR => known.begun = true,
            Ask::Close => known.closed = true,
            Ask::OpenDevice { device } if status == HResult::NOERROR => {
                known.opened |= 1 << device;
            }
            _ => {}
        }
    }

    /// A lane does something that is no call.
    pub(super) fn note(&mut self, lane: usize, act: Act) {
        let Lane { place, role, .. } = self.lanes[lane];
        let index = usize::from(place.set);
        match act {
            Act::Use { buffer, writes } => {
                let worker = match role {
                    Role::Worker(worker) => usize::from(worker),
                    _ => 0,
                };
                self.use_buffer(lane, worker, (buffer, writes));
            }
            Act::Scribble { command } => self.observer.scribbled(lane as u8, command),
            Act::Issue { devices } => {
                if index == 0 {
                    self.observer.statement(lane as u8, Statement::Issued, Some(devices));
                }
                self.wake_all(index);
            }
            Act::Learn { succeeded } => {
                let what = if succeeded { Statement::Succeeded } else { Statement::Failed };
                self.observer.statement(lane as u8, what, None);
                self.wake_all(index);
            }
            Act::Report(what) => self.observer.reported(lane as u8, what),
            Act::Call(..) | Act::Sleep(_) | Act::Idle | Act::Done => {}
        }
    }

    /// A client's device uses the buffer of the command at hand.
    fn use_buffer(&mut self, lane: usize, worker: usize, (buffer, writes): (u32, bool)) {
        let place = self.lanes[lane].place;
        let by = self.by(lane);
        let options = self.options;
        let set = &mut self.sets[usize::from(place.set)];
        let device = &mut set.client.workers[worker];
        let Some(delivered) = device.carries() else {
            return;
        };
        if device.moves_nothing() {
            device.pretends();
            return;
        }
        let size = u32::try_from(delivered.size).unwrap_or_default();
        let fails = options.faults.medium_fails_at == Some(set.data);
        set.data += 1;
        let medium = &mut set.media[worker];
        let given = match writes {
            false => self.engine.get(by, buffer, size),
            true => Some(content::Content::new()),
        };
        let readable = given.is_some();
        let mut done = match given {
            None => Done::failed(!writes),
            Some(_) if fails => Done::failed(!writes),
            Some(content) if delivered.code == CommandCode::Write => {
                medium.write(&content, delivered.position)
            }
            Some(_) => {
                let blocks = size / options.block_size;
                let short = self.chance.once_in(options.faults.short) && blocks > 1;
                let most = if short { blocks / 2 * options.block_size } else { size };
                medium.read(size, most, delivered.position)
            }
        };
        let found = if writes { self.engine.put(by, buffer, &done.content) } else { readable };
        self.observer.used(lane as u8, buffer, writes, found);
        done.content.clear();
        self.sets[usize::from(place.set)].client.workers[worker].answer(&done);
    }

    /// A completion routine runs in the server.
    pub(super) fn called_back(&mut self, lane: usize, back: &CalledBack) {
        let place = self.lanes[lane].place;
        let by = self.by(lane);
        let removable = self.options.removable;
        let set = &mut self.sets[usize::from(place.set)];
        let into = set.server.read_into(back.command);
        let content = into.and_then(|buffer| self.engine.get(by, buffer, back.bytes));
        set.server.called_back(back, content, removable);
    }

    /// The processes of this world that live.
    pub(super) fn living(&self) -> Vec<crate::trace::Process> {
        let mut living: Vec<_> = self.lanes.iter().map(|lane| lane.place.process).collect();
        living.sort_unstable();
        living.dedup();
        living.retain(|process| !self.dead.contains(process));
        living
    }
}
