//! A device set as one client has it: what the client's calls and its devices share.

use super::buffer::{Buffer, Views};
use super::layout::End;
use super::mapping::{PRIMARY, SetMapping};
use super::registry::Process;
use crate::sync::{Arc, AtomicU32, Mutant, Mutex, Ordering, seeded};
use vdi_spec::codes::HResult;

/// A set as one client has it, from Create or OpenInSecondary to Close.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) mapping: Arc<SetMapping>,
    pub(super) process: Process,
    pub(super) views: Arc<Views>,
    /// Its place among the sides.
    pub(super) side: usize,
    /// Not 0 after its Close has begun.
    closed: AtomicU32,
    /// Not 0 after its Close: only while names are given by nobody else.
    ended: AtomicU32,
    /// The devices, as far as this client has opened them.
    pub(super) devices: Vec<Mutex<Slot>>,
}

impl Client {
    pub(super) fn new(process: &Process, mapping: Arc<SetMapping>, side: usize) -> Arc<Self> {
        let devices = mapping.devices().iter().map(|_| Mutex::new(Slot::default())).collect();
        let (process, views) = (process.clone(), Views::new());
        let (closed, ended) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self { mapping, process, views, side, closed, ended, devices })
    }

    /// Whether its Close has taken effect. Only while [`SetMapping::naming`] holds, so that an
    /// OpenDevice comes before a Close as a whole, or after it.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) != 0
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != 0
    }

    pub(super) fn end(&self) -> Result<(), HResult> {
        let mapping = &self.mapping;
        mapping.notice_deaths();
        self.closed.store(1, Ordering::Release);
        let closes = || {
            let misuse = if self.side == PRIMARY { self.close() } else { self.close_secondary() };
            mapping.close_side(self.side);
            self.ended.store(1, Ordering::Release);
            misuse
        };
        let misuse = match seeded(Mutant::CloseOverlooksOpening) {
            true => closes(),
            false => mapping.naming(self.side, closes),
        };
        // What the clients still hold nobody will complete.
        mapping.ring_all();
        if self.side == PRIMARY {
            self.process.forget(mapping);
        }
        mapping.leave_side(self.side);
        self.views.end();
        if misuse { Err(HResult::VD_E_OPEN) } else { Ok(()) }
    }

    /// Close of the primary client: whether a device was open that it should not have left so.
    fn close(&self) -> bool {
        let Self { mapping, .. } = self;
        let ends: Result<Vec<End>, _> =
            mapping.devices().iter().map(|device| mapping.sound(device.client.get())).collect();
        // What a corrupt mapping says of itself does not matter any more.
        let aborted = mapping.is_aborted().unwrap_or(true) || ends.is_err();
        let ends = ends.unwrap_or_default();
        let open = !aborted && ends.contains(&End::Open);
        let seen_all = ends.iter().all(|end| *end == End::Closed);
        // The side closes after this: who dies in between is seen to have died with its side
        // open. Who aborts after another, be it by its Close, too, does nothing wrong.
        let first = (aborted || !seen_all) && mapping.abort_first();
        open && (first || seeded(Mutant::CloseOverlooksOther))
    }

    /// The same of a secondary client: nothing happens to the set, unless a device is open
    /// that this process has opened.
    fn close_secondary(&self) -> bool {
        let mapping = &self.mapping;
        let own = |slot: usize| self.devices[slot].lock().is_open();
        let mut open = false;
        for (slot, device) in mapping.devices().iter().enumerate() {
            open |= own(slot) && device.client.get() != Ok(End::Closed);
        }
        let aborted = mapping.is_aborted().unwrap_or(true);
        open && !aborted && mapping.abort_first()
    }
}

/// One device as the client that opened it knows it.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) open: bool,
    /// Requests read so far.
    pub(super) read: u64,
    /// Completions written so far.
    pub(super) written: u64,
    /// What was delivered and not completed.
    pub(super) held: Vec<Held>,
}

/// A command the client has got and not completed.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) number: u64,
    /// It was out when the device entered the error state: ClearError waits for it.
    pub(super) before_error: bool,
    pub(super) buffer: Option<Buffer>,
    pub(super) moves_data: bool,
}

impl Slot {
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Whether this client has opened it.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether this is the buffer of a Read or a Write that is delivered and not
    /// completed.
    pub(super) fn lends(&self, same: impl Fn(&Buffer) -> bool) -> bool {
        let lent = self.held.iter().filter(|held| held.moves_data);
        lent.filter_map(|held| held.buffer.as_ref()).any(same)
    }
}
