//! What the lanes of a world do besides calls: data moves, media work, clients learn and
//! tell, the sets of a joint snapshot wait for one another.

use super::content;
use super::deviation::Deviation;
use super::engine::{Answer, Ask, CalledBack, Engine};
use super::faults::Refusal;
use super::medium::Done;
use super::odd::{self, Odd};
use super::program::Act;
use super::schedule::each;
use super::struck::Fault;
use super::world::{Lane, Role, Set, World};
use vdi_spec::clauses::ShortReadSuccess;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Process, Statement};

impl<E: Engine> World<'_, E> {
    /// Carries out the command at hand of a client's device, if it moves no data.
    pub(super) fn carry_out(&mut self, index: usize, worker: usize) {
        let joint = self.sets.len() > 1;
        let set = &mut self.sets[index];
        let Some(device) = set.client.workers.get_mut(worker) else {
            return;
        };
        let carried = device.carries().filter(|delivered| delivered.buffer.is_none());
        if let Some(delivered) = carried {
            let refusal = self.options.faults.refuses.map(Refusal::command);
            let refused = refusal.filter(|(code, _)| *code == delivered.code);
            if let Some((_, code)) = refused {
                self.struck.insert(Fault::Refusal);
                device.answer(&Done::refusal(code));
            } else if !device.control(&mut set.media[worker], joint) {
                self.gather();
            }
        }
        if self.options.deviation == Some(Deviation::CompletesOnAnother) {
            let other = (worker + 1) % usize::from(self.options.devices);
            let workers = &mut self.sets[index].client.workers;
            // Of a device that was never opened it has no handle.
            if workers[other].has_opened() {
                workers[worker].misdirects(other as u8);
            }
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

    /// Whether a main lane is inside a call that does not just wait.
    pub(super) fn is_changing(&self, set: usize, server: bool) -> bool {
        let main = self.first(set) + if server { 0 } else { 3 };
        let waits =
            |ask: &Ask| matches!(ask, Ask::GetConfiguration { .. } | Ask::GetCommand { .. });
        self.lanes[main].ask.as_ref().is_some_and(|ask| !waits(ask))
    }

    /// Whether the server, or the primary client, is inside such a call.
    pub(super) fn is_inside(&self, set: usize, server: bool, such: fn(&Ask) -> bool) -> bool {
        let process = if server { Process::Server } else { Process::Primary };
        each(self.in_call & self.sets[set].lanes).any(|lane| {
            let Lane { place, ask, .. } = &self.lanes[lane];
            place.process == process && ask.as_ref().is_some_and(such)
        })
    }

    /// What is called out of the order, if it is time.
    pub(super) fn act_oddly(&mut self, role: Role, index: usize) -> Act {
        // What is under way may change what an odd call is bound to.
        let busy = !self.options.overlaps && self.is_changing(index, role == Role::OddServer);
        let server_side = role == Role::OddServer;
        let opening =
            self.is_inside(index, server_side, |ask| matches!(ask, Ask::OpenDevice { .. }));
        let closing = self.is_inside(index, server_side, |ask| *ask == Ask::Close);
        let Self {
            sets,
            chances,
            commands,
            buffers,
            handles,
            given,
            odd_due,
            options,
            dead,
            struck,
            ..
        } = self;
        let Set { server, client, of_server, of_client, of_stranger, made, got, .. } = &sets[index];
        let ended = match role {
            Role::OddServer => server.has_ended(),
            _ => client.has_ended(),
        };
        // The stranger may be in the set of the BACKUP yet; and of a set whose primary has
        // died nothing is said.
        let orphaned = dead.contains(&Process::Primary);
        let stays = role == Role::Stranger && (of_stranger.closed || orphaned);
        if index > 0 || options.odd_calls == 0 || stays {
            return Act::Done;
        }
        let due = match role {
            Role::OddServer => &mut odd_due[0],
            Role::OddClient => &mut odd_due[1],
            _ => &mut odd_due[2],
        };
        if !*due {
            return if ended { Act::Done } else { Act::Idle };
        }
        if busy && !ended {
            return Act::Idle;
        }
        *due = false;
        struck.insert(Fault::OddCalls);
        let mut around = odd::Around {
            chance: &mut chances.odd,
            commands,
            buffers,
            handles,
            // A client knows the addresses that it was given.
            made: if role == Role::OddClient { got } else { made },
            given,
            named: of_server.opened,
            about: options.odd_about,
            size: options.max_transfer_size,
            opening,
            closing,
            own_addresses: role == Role::OddClient,
        };
        match role {
            Role::OddServer => odd::of_server(*of_server, &mut around),
            Role::OddClient => odd::of_client(*of_client, &mut around),
            _ => odd::of_secondary(*of_stranger, &mut around),
        }
    }

    /// What a return tells whoever makes odd calls.
    pub(super) fn learn(&mut self, lane: usize, ask: &Ask, answer: &Answer) {
        let Lane { place, role, .. } = self.lanes[lane];
        let good = answer.status == HResult::NOERROR;
        let set = &mut self.sets[usize::from(place.set)];
        match ask {
            Ask::AllocateBuffer { buffer, .. } | Ask::Odd(Odd::AllocateAligned { buffer, .. })
                if good =>
            {
                set.made.push(*buffer);
            }
            Ask::FreeBuffer { buffer } if good => set.server.loses(*buffer),
            Ask::GetCommand { .. } if place.process == Process::Primary => {
                let buffer = answer.delivered.and_then(|delivered| delivered.buffer);
                set.got.extend(buffer.filter(|buffer| !set.got.contains(buffer)));
            }
            Ask::Odd(Odd::GetBufferHandle { handle, .. }) if good => self.given.push(*handle),
            _ => {}
        }
        let known = match (place.process, role) {
            (Process::Server, _) => &mut set.of_server,
            (Process::Primary, _) => &mut set.of_client,
            (_, Role::Stranger) => &mut set.of_stranger,
            _ => return,
        };
        known.devices = self.options.devices;
        match ask {
            Ask::Close if role == Role::Stranger => known.begun = false,
            Ask::Close => known.closed = true,
            _ if !good => {}
            Ask::Open | Ask::CreateEx => known.begun = true,
            Ask::OpenInSecondaryEx if role == Role::Stranger => known.begun = true,
            Ask::EndConfiguration | Ask::GetConfiguration { .. } => known.configured = true,
            Ask::OpenDevice { device } => known.opened |= 1 << device,
            _ => {}
        }
    }

    /// Whether a completion routine takes its time, which is drawn; the agent is in it
    /// until then.
    pub(super) fn takes_its_time(&mut self, lane: usize, back: &CalledBack) -> bool {
        let slow = self.options.faults.slow_callback;
        if self.lanes[lane].role != Role::Agent || !self.chances.faults.once_in(slow) {
            return false;
        }
        let takes = self.chances.faults.one_of(&[1_u32, 400, 2_500]);
        self.lanes[lane].deadline = self.now + u64::from(takes);
        self.lanes[lane].routine = back.command;
        self.held |= 1 << lane;
        self.struck.insert(Fault::SlowCallback);
        let by = self.by(lane);
        self.engine.holds(by);
        true
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
            Act::Touch(thing) => {
                let by = self.by(lane);
                let found = self.engine.lives(by, thing);
                self.observer.touched(by, thing, found);
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
            Some(_) if fails => {
                self.struck.insert(Fault::MediumError);
                Done::failed(!writes)
            }
            Some(content) if delivered.code == CommandCode::Write => {
                let done = medium.write(&content, delivered.position);
                match done.code {
                    Win32::ERROR_SUCCESS => {}
                    Win32::ERROR_END_OF_MEDIA => {
                        self.struck.insert(Fault::EndOfMedia);
                        if done.bytes < size {
                            self.struck.insert(Fault::ShortWrite);
                        }
                    }
                    _ => self.struck.insert(Fault::MediumFull),
                }
                done
            }
            Some(_) => {
                let blocks = size / options.block_size;
                let may = self.profile.short_read_success == ShortReadSuccess::Allowed;
                let short = self.chances.faults.once_in(options.faults.short) && blocks > 1 && may;
                let most = if short { blocks / 2 * options.block_size } else { size };
                let done = medium.read(size, most, delivered.position);
                if short && done.code == Win32::ERROR_SUCCESS {
                    self.struck.insert(Fault::ShortTransfer);
                }
                done
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
        let content =
            into.and_then(|(buffer, most)| self.engine.get(by, buffer, back.bytes.min(most)));
        set.server.called_back(back, content, removable);
    }

    /// The processes of this world that live.
    pub(super) fn living(&self) -> Vec<vdi_trace::Process> {
        let mut living: Vec<_> = self.lanes.iter().map(|lane| lane.place.process).collect();
        living.sort_unstable();
        living.dedup();
        living.retain(|process| !self.dead.contains(process));
        living
    }
}
