//! A device set as its server has it: what the server's calls, its devices and its
//! completion agent share.

use super::buffer::Views;
use super::clock::Waits;
use super::command::invoke;
use super::layout::{End, Phase};
use super::mapping::{Listen, SERVER, SetMapping};
use super::registry::Process;
use super::server_table::ServerTable;
use crate::sync::{Arc, Mutant, Mutex, MutexGuard, seeded};
use vdi_spec::codes::HResult;

/// A set as its server has it, from Open to Close; the completion agent may have it
/// longer.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) mapping: Arc<SetMapping>,
    pub(super) process: Process,
    pub(super) views: Arc<Views>,
    table: Mutex<ServerTable>,
}

impl Server {
    pub(super) fn new(
        mapping: Arc<SetMapping>,
        process: Process,
        views: Arc<Views>,
        table: ServerTable,
    ) -> Self {
        Self { mapping, process, views, table: Mutex::new(table) }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, ServerTable> {
        self.table.lock()
    }

    /// Takes in what was completed, for another call than the agent's.
    pub(super) fn absorb(&self, table: &mut ServerTable) -> Result<(), HResult> {
        let before = table.owed.len();
        table.absorb_all(&self.mapping)?;
        if table.owed.len() > before {
            // Whoever completed it may have died before it could ring.
            self.mapping.control().bells.agent.ring();
        }
        Ok(())
    }

    pub(super) fn close(&self) -> Result<(), HResult> {
        self.mapping.notice_deaths();
        let mut table = self.table();
        if seeded(Mutant::CloseWaitsForRoutine) {
            while table.calling {
                let heard = self.mapping.bell(Listen::Agent).listen();
                drop(table);
                self.mapping.sleep(Listen::Agent, heard, None);
                table = self.table();
            }
        }
        table.closed = true;
        if seeded(Mutant::CloseForgetsOutstanding) {
            table.devices.iter_mut().for_each(|device| device.outstanding.clear());
        }
        let any_open =
            |table: &ServerTable| table.devices.iter().any(|device| device.end == End::Open);
        let mut open = None;
        if seeded(Mutant::CloseDecidesFirst) {
            open = Some(any_open(&table));
            table.closed = false;
            drop(table);
            table = self.table();
            table.closed = true;
        }
        // What a corrupt mapping says of itself does not matter any more.
        let state = self.mapping.state().ok();
        let aborted = state.is_none_or(|state| state.aborted);
        let ended = state.is_some_and(|state| state.phase == Phase::NormallyTerminated);
        let aborted = aborted || table.aborted;
        let open = !aborted && open.unwrap_or_else(|| any_open(&table));
        // What the agent does from here on no other process can change.
        table.aborted = aborted || !ended;
        if seeded(Mutant::CloseCallsBack) && table.calling {
            self.call_back(&mut table);
        }
        drop(table);
        // In this order: who dies in between is seen to have died with its side open. Who
        // aborts after another, be it by its Close, too, does nothing wrong.
        let first = (aborted || !ended) && self.mapping.abort_first();
        let unasked = seeded(Mutant::CloseOverlooksOther) || seeded(Mutant::CloseDecidesFirst);
        let misuse = open && (first || unasked);
        self.mapping.close_side(SERVER);
        // A client that died cannot take its set's name away.
        if !self.mapping.client_lives() {
            self.process.forget(&self.mapping);
        }
        self.mapping.leave_side(SERVER);
        self.views.end();
        if misuse { Err(HResult::VD_E_PROTOCOL) } else { Ok(()) }
    }

    /// The defect that makes the agent's callbacks on the thread that closes.
    fn call_back(&self, table: &mut ServerTable) {
        table.abort();
        for mut owed in table.owed.drain(..) {
            let _ = invoke(&mut owed.routine, owed.completion);
        }
    }
}

impl Waits for Server {
    fn time_passes(&self, milliseconds: Option<u32>) {
        let mut table = self.table();
        // An abort by what is corrupt comes by itself.
        let _ = table.absorb_all(&self.mapping);
        let Some(patience) = table.patience().filter(|_| !table.calling) else { return };
        table.waiting.waited += u64::from(milliseconds.unwrap_or(table.config.server_time_out));
        if table.waiting.waited >= patience {
            table.time_out(&self.mapping);
        }
    }
}
