//! What goes wrong at a drawn step, and what strikes of it: somebody calls SignalAbort, a
//! process dies, a call is made out of the order.

use super::engine::{Ask, Engine};
use super::faults::Faults;
use super::odd::Odd;
use super::options::About;
use super::program::Statement;
use super::schedule::each;
use super::struck::Fault;
use super::world::{NEVER, Role, World};
use vdi_spec::codes::HResult;
use vdi_trace::{Function, HowEnded, Process};

impl<E: Engine> World<'_, E> {
    /// What the seed has drawn for this step goes wrong.
    #[inline]
    pub(super) fn trouble(&mut self) {
        let odd = self.options.odd_calls > 0;
        if odd && self.counts.steps >= self.odd_at && self.odd_left > 0 {
            self.odd_is_due();
        }
        if self.counts.steps == self.trouble_at {
            let now = self.counts.steps;
            self.trouble_at = next_fault(&self.options.faults, now + 1);
            self.strike(Some(now));
        }
    }

    /// Somebody is about to make a call out of the order.
    fn odd_is_due(&mut self) {
        self.odd_left -= 1;
        let odd = &mut self.chances.odd;
        self.odd_at = self.counts.steps + 1 + odd.below(self.options.odd_calls.saturating_mul(2));
        // A stranger comes seldom, but for worlds that are about it.
        let most = if self.options.odd_about == About::Secondaries { 3 } else { 5 };
        self.odd_due[[0, 1, 2, 0, 1][odd.below(most) as usize]] = true;
        self.wake_all(0);
    }

    fn strike(&mut self, now: Option<u32>) {
        let faults = &self.options.faults;
        let index = usize::from(faults.set).min(self.sets.len() - 1);
        let set = &mut self.sets[index];
        set.operator |= now == faults.server_abort_at;
        set.abort |= now == faults.client_abort_at;
        if now == faults.cancelled_at && set.server.cancel() {
            self.struck.insert(Fault::Cancel);
        }
        self.wake_all(index);
        let dies = [
            (faults.server_dies_at, Process::Server, Fault::ServerDeath),
            (faults.primary_dies_at, Process::Primary, Fault::PrimaryDeath),
            (
                faults.secondary_dies_at,
                Process::Secondary(1 + faults.secondary),
                Fault::SecondaryDeath,
            ),
        ];
        for (at, process, fault) in dies {
            let own = |lane: &usize| self.lanes[*lane].place.process == process;
            if at != now || self.dead.contains(&process) || !each(self.all()).any(|lane| own(&lane))
            {
                continue;
            }
            if each(self.all() & !self.done).any(|lane| own(&lane)) {
                self.struck.insert(fault);
            }
            self.kill(process);
        }
    }

    pub(super) fn kill(&mut self, process: Process) {
        self.dead.push(process);
        let own = |lane: &usize| self.lanes[*lane].place.process == process;
        let gone = (0..self.lanes.len()).filter(own).fold(0, |lanes, lane| lanes | 1 << lane);
        self.done |= gone;
        self.in_call &= !gone;
        self.asleep &= !gone;
        self.held &= !gone;
        for lane in each(gone) {
            (self.lanes[lane].ask, self.lanes[lane].deadline) = (None, NEVER);
        }
        self.observer.exited(process, HowEnded::Killed);
        if process == Process::Primary {
            self.primary_died = Some(self.observer.line());
        }
        self.counts.model_steps += 1;
        self.engine.exit(process);
        self.tell_own_of_death(process);
        for set in 0..self.sets.len() {
            let known = &mut self.sets[set];
            match process {
                // The connection breaks, which is how the client learns it.
                Process::Server if !known.statement.is_over() => {
                    known.statement = Statement::Failed;
                }
                Process::Primary if known.statement == Statement::NotIssued => {
                    known.statement = Statement::Failed;
                }
                Process::Secondary(number) => {
                    let worker = known.client.workers.get_mut(usize::from(number) - 1);
                    // One that had come to its end is not missed.
                    if let Some(worker) = worker.filter(|worker| worker.end().is_none()) {
                        worker.die();
                        known.client.orphan();
                    }
                }
                _ => {}
            }
            self.wake_all(set);
        }
        self.ready &= !gone;
    }

    /// What the return of a call shows of what is scarce, and of calls out of the order.
    pub(super) fn note_return(&mut self, lane: usize, ask: &Ask, status: HResult) {
        match status {
            HResult::VD_E_MEMORY => self.struck.insert(Fault::Memory),
            HResult::VD_E_BUSY => self.struck.insert(Fault::QueueFull),
            status if status.is_system_error() => self.struck.insert(Fault::System),
            _ => {}
        }
        // An agent that was ended by an abort has run until then.
        let ran = *ask == Ask::ExecuteCompletionAgent && status == HResult::VD_E_ABORT;
        if self.lanes[lane].role.is_odd() && meddles(ask, ran || status == HResult::NOERROR) {
            self.meddled(ask.function());
        }
    }

    fn meddled(&mut self, function: Function) {
        if !self.meddled.contains(&function) {
            self.meddled.push(function);
        }
    }

    /// The functions that were called out of the order, or are being called yet, by which
    /// others may have been disturbed.
    pub(super) fn meddling(&mut self) -> Vec<Function> {
        for lane in each(self.in_call) {
            if self.lanes[lane].role.is_odd()
                && let Some(ask) = self.lanes[lane].ask
                && meddles(&ask, true)
            {
                self.meddled(ask.function());
            }
        }
        std::mem::take(&mut self.meddled)
    }
}

/// The first step from this one on at which a fault is drawn to come.
pub(super) fn next_fault(faults: &Faults, from: u32) -> u32 {
    let drawn = [
        faults.server_abort_at,
        faults.client_abort_at,
        faults.server_dies_at,
        faults.primary_dies_at,
        faults.secondary_dies_at,
        faults.cancelled_at,
    ];
    drawn.into_iter().flatten().filter(|at| *at >= from).min().unwrap_or(u32::MAX)
}

/// Whether a call out of the order, which has succeeded or not, may have changed what others
/// find.
const fn meddles(ask: &Ask, good: bool) -> bool {
    match ask {
        // Whatever they answer, a set may be aborted and released.
        Ask::Close | Ask::SignalAbort => true,
        Ask::GetConfiguration { .. }
        | Ask::GetServerConfiguration
        | Ask::Odd(
            Odd::QueryAvailableBuffers { .. }
            | Odd::IsSharedBuffer { .. }
            | Odd::FreeNull
            | Odd::GetBufferHandle { .. }
            | Odd::MapBufferHandle { .. },
        ) => false,
        _ => good,
    }
}

impl Role {
    /// Whether nothing but calls out of the order is made on such a lane.
    pub(super) const fn is_odd(self) -> bool {
        matches!(self, Self::OddServer | Self::OddClient | Self::Stranger)
    }
}
