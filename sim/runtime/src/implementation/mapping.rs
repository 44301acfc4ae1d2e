//! A device set as one process sees it: its control part, its buffers' bytes, who
//! else is there, how it ends, and how calls wait.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use super::allocator::Need;
use super::clock::Limit;
use super::clock::Timeout;
use super::host::{Host, Life};
use super::layout::{Control, Corrupt, DeviceWords, Holder, MAGIC, Phase, Piece, ProcessId, State};
use super::locked::lock;
use super::object::Object;
use super::processes::{Look, Presence};
use super::refusal::Refusal;
use super::shm::{ControlMemory, Segment, any_lost, control_length};
use crate::sync::limits::SEGMENTS;
use crate::sync::{Arc, Bell, Deadline, Mutant, Ordering, seeded};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// The server's place among the sides.
pub(super) const SERVER: usize = 0;
/// The primary client's.
pub(super) const PRIMARY: usize = 1;

/// The number that belongs to the call that created the set.
pub(super) const CREATION: u64 = 1;

/// How often a sleeping call looks whether the other processes still live.
const TICK: Duration = Duration::from_millis(20);

/// A set's memory, mapped into this process.
pub(super) struct SetMapping {
    host: Arc<Host>,
    memory: ControlMemory,
    /// Its name among the sets of this process alone.
    key: String,
    /// Its shared memory object, if others share it.
    object: Option<Object>,
    /// Who of the others is there, if others share it.
    presence: Option<Presence>,
    /// Of this process alone: the segments, which all virtual processes share.
    segments: Mutex<Vec<Arc<Segment>>>,
    /// Shared: the segments that are mapped here, to ask whether they lost anything.
    views: Mutex<Vec<Weak<Segment>>>,
    /// Something of it was cut off.
    lost: AtomicBool,
}

/// What a call listens to while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// For work for the completion agent.
    Agent,
    /// For the end of the configuration.
    Configured,
    /// For a command of this device.
    Device(usize),
}

impl SetMapping {
    pub(super) fn own(host: Arc<Host>, key: String, devices: u32) -> Arc<Self> {
        Self::new(host, ControlMemory::own(devices as usize), key, None)
    }

    /// `None` if the object's name was removed meanwhile.
    pub(super) fn shared(
        host: Arc<Host>,
        memory: ControlMemory,
        object: Object,
    ) -> Result<Option<Arc<Self>>, Refusal> {
        let Some(locks) = object.reopened()? else { return Ok(None) };
        let shared = (object, Presence::new(locks));
        Ok(Some(Self::new(host, memory, String::new(), Some(shared))))
    }

    /// The status of what the system has refused.
    fn refused(&self, refusal: &Refusal) -> HResult {
        self.host.refused(self.object.as_ref().map_or("", |object| &object.name), refusal)
    }

    fn new(
        host: Arc<Host>,
        memory: ControlMemory,
        key: String,
        shared: Option<(Object, Presence)>,
    ) -> Arc<Self> {
        let (object, presence) = shared.unzip();
        let lost = AtomicBool::new(false);
        let (segments, views) = (Mutex::default(), Mutex::default());
        Arc::new(Self { host, memory, key, object, presence, segments, views, lost })
    }

    /// Fills in what Create decides, and makes it a set. The primary's side has been taken.
    pub(super) fn begin(&self, name: &str, config: &VdConfig, salt: u32) {
        let control = self.control();
        control.identity.salt.set(salt.into());
        control.identity.device_count.set(config.device_count.into());
        control.asked.set(&config.client_part());
        self.devices()[0].name.set(name);
        control.history.sequence.store(CREATION + 1, Ordering::Release);
        control.state.begin();
        control.identity.magic.store(MAGIC, Ordering::Release);
    }

    pub(super) fn control(&self) -> &Control {
        self.memory.control()
    }

    pub(super) fn devices(&self) -> &[DeviceWords] {
        self.memory.devices()
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) const fn object(&self) -> Option<&Object> {
        self.object.as_ref()
    }

    // States.

    /// What the mapping says, or VD_E_UNEXPECTED and an abort if that cannot be.
    pub(super) fn sound<T>(&self, read: Result<T, Corrupt>) -> Result<T, HResult> {
        // What was read may be what stands in the place of what is lost.
        if let Ok(value) = read
            && !self.has_lost()
        {
            return Ok(value);
        }
        self.abort();
        Err(HResult::VD_E_UNEXPECTED)
    }

    pub(super) fn state(&self) -> Result<State, HResult> {
        self.sound(self.control().state.get())
    }

    /// Whether a part of the set's memory, as this process has it, was cut off.
    fn has_lost(&self) -> bool {
        if !any_lost() {
            return false;
        }
        let look = || {
            let views = lock(&self.views);
            self.memory.has_lost()
                || views.iter().filter_map(Weak::upgrade).any(|view| view.has_lost())
        };
        if look() {
            self.lost.store(true, Ordering::Release);
        }
        self.lost.load(Ordering::Acquire)
    }

    pub(super) fn is_aborted(&self) -> Result<bool, HResult> {
        Ok(self.state()?.aborted)
    }

    /// VD_E_ABORT after an abort, VD_E_PROTOCOL unless in one of these phases.
    pub(super) fn require(&self, phases: &[Phase]) -> Result<Phase, HResult> {
        match self.state()? {
            State { aborted: true, .. } => Err(HResult::VD_E_ABORT),
            State { phase, .. } if phases.contains(&phase) => Ok(phase),
            State { .. } => Err(HResult::VD_E_PROTOCOL),
        }
    }

    /// From a phase that the caller has seen to the next; VD_E_ABORT if an abort came
    /// between.
    pub(super) fn advance(&self, from: Phase, to: Phase) -> Result<(), HResult> {
        let word = &self.control().state;
        if seeded(Mutant::PhaseOverwritesAbort) {
            word.overwrite(to);
            return Ok(());
        }
        if word.advance(from, to) { Ok(()) } else { Err(HResult::VD_E_ABORT) }
    }

    /// Adds a piece to what makes a set active, and makes it so if nothing is missing.
    pub(super) fn add(&self, piece: Piece) {
        let progress = &self.control().progress;
        let devices = self.devices().len();
        if progress.add(piece, devices) {
            // An abort may have been faster.
            self.control().state.advance(Phase::Initializing, Phase::Active);
        }
    }

    /// SignalAbort processing, as far as it is shared: from here on everybody knows.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Abnormal
    /// Termination.
    pub(super) fn abort(&self) {
        self.abort_first();
    }

    /// The same; whether no other abort was faster.
    pub(super) fn abort_first(&self) -> bool {
        let first = self.control().state.abort();
        if !seeded(Mutant::AbortForgetsAgent) {
            self.control().bells.agent.ring();
        }
        self.control().bells.configured.ring();
        if !seeded(Mutant::AbortForgetsDevices) {
            self.devices().iter().for_each(|device| device.bell.ring());
        }
        first
    }

    /// Everyone who waits is to look again.
    pub(super) fn ring_all(&self) {
        self.control().bells.agent.ring();
        self.control().bells.configured.ring();
        self.devices().iter().for_each(|device| device.bell.ring());
    }

    fn knows_abort(&self) -> bool {
        self.control().state.get().is_ok_and(|state| state.aborted)
    }

    // Sides.

    /// Whether the primary client has the set open and lives.
    pub(super) fn client_lives(&self) -> bool {
        self.side_lives(PRIMARY)
    }

    /// Whether the client is gone in the ordinary way: it has closed the set.
    pub(super) fn client_has_closed(&self) -> bool {
        self.control().sides[PRIMARY].get() == Holder::Closed
    }

    /// Takes a side for this process, which has to find it free; false if it is another's.
    pub(super) fn take_side(&self, side: usize, id: ProcessId) -> Result<bool, HResult> {
        let word = &self.control().sides[side];
        let Some(presence) = &self.presence else {
            let free = match word.get() {
                Holder::Open(id) if self.host.lives(id) => None,
                holder => Some(holder),
            };
            return Ok(free.is_some_and(|free| word.take(free, id)));
        };
        // First what tells of our death.
        if !presence.take(side).map_err(|refusal| self.refused(&refusal))? {
            return Ok(false);
        }
        let taken = word.take(word.get(), id);
        if !taken {
            presence.let_go(side);
        }
        Ok(taken)
    }

    /// Closes a side, if it is this process's.
    pub(super) fn close_side(&self, side: usize) {
        self.control().sides[side].close();
    }

    /// Lets go of a side that is closed: from here on it may be cleared away.
    pub(super) fn leave_side(&self, side: usize) {
        if let Some(presence) = &self.presence {
            presence.let_go(side);
        }
    }

    /// Whether a side is open and its process lives.
    pub(super) fn side_lives(&self, side: usize) -> bool {
        match (self.control().sides[side].get(), &self.presence) {
            (Holder::Nobody | Holder::Closed, _) => false,
            (Holder::Open(_), Some(presence)) => presence.is_held(side),
            (Holder::Open(id), None) => self.host.lives(id),
        }
    }

    /// Whether the process of the server's side or the primary client's has died with it open.
    pub(super) fn side_died(&self, side: usize) -> bool {
        self.side_died_by(side, Look::Now)
    }

    fn side_died_by(&self, side: usize, look: Look) -> bool {
        let word = &self.control().sides[side];
        let Some(presence) = &self.presence else {
            return matches!(word.get(), Holder::Open(id) if !self.host.lives(id));
        };
        let state = self.control().state.get();
        let began = side == PRIMARY || state.is_ok_and(|state| state.phase > Phase::Created);
        presence.has_died(side, look, || word.get(), began)
    }

    /// Aborts the set if the server or the primary client has died with its side open.
    /// Nobody watches a secondary client: the documents leave that to the primary.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Abnormal
    /// Termination.
    pub(super) fn notice_deaths(&self) {
        self.notice(Look::Now);
    }

    /// The same for a call that begins, unless another has just looked.
    pub(super) fn notice_deaths_lately(&self) {
        self.notice(Look::Recent);
    }

    fn notice(&self, look: Look) {
        let died = self.side_died_by(SERVER, look) || self.side_died_by(PRIMARY, look);
        if died && !self.knows_abort() {
            self.abort();
        }
    }

    /// The same for a call that sleeps in between, after each time it has listened.
    /// Between processes it looks when it begins or was elsewhere, and then
    /// [`SetMapping::sleep`] looks for it, since a look is a system call; in memory whoever kills
    /// rings, and wants it seen.
    pub(super) fn notice_deaths_awake(&self, looks: bool) {
        if looks || !self.host.is_shared() {
            self.notice_deaths_lately();
        }
    }

    /// Acts as this side while no other gives devices names.
    pub(super) fn naming<T>(&self, side: usize, act: impl FnOnce() -> T) -> T {
        let number = |side: usize| u32::try_from(side + 1).unwrap_or(u32::MAX);
        let alive = |holder: u32| {
            let side = (holder as usize).checked_sub(1);
            side.is_some_and(|side| side < self.control().sides.len() && self.side_lives(side))
        };
        self.control().naming.with(number(side), alive, act)
    }

    /// The device of that name; a name not yet known names the next device that has
    /// none. Only while [`SetMapping::naming`] holds.
    pub(super) fn device_named(&self, name: &str) -> Option<usize> {
        let devices = self.devices();
        let known = devices.iter().position(|device| device.name.is(name));
        known.or_else(|| {
            let unnamed = devices.iter().position(|device| !device.name.is_set())?;
            devices[unnamed].name.set(name);
            Some(unnamed)
        })
    }

    // Waiting.

    pub(super) fn bell(&self, listen: Listen) -> &Bell {
        match listen {
            Listen::Agent => &self.control().bells.agent,
            Listen::Configured => &self.control().bells.configured,
            Listen::Device(slot) => &self.devices()[slot].bell,
        }
    }

    /// Looks until there is a result, and sleeps in between; VD_E_TIMEOUT after that
    /// long. `look` is told whether it is the first look.
    pub(super) fn wait<T>(
        self: &Arc<Self>,
        life: &Life,
        listen: Listen,
        timeout: Timeout,
        mut look: impl FnMut(bool) -> Option<Result<T, HResult>>,
    ) -> Result<T, HResult> {
        let mut limit: Option<Limit<'_>> = None;
        let mut first = true;
        loop {
            let mut heard = self.bell(listen).listen();
            if life.is_dead() {
                return Err(HResult::VD_E_ABORT);
            }
            self.notice_deaths_awake(first);
            if let Some(result) = look(std::mem::replace(&mut first, false)) {
                return result;
            }
            if seeded(Mutant::LooksThenListens) {
                heard = self.bell(listen).listen();
            }
            match (timeout, &limit) {
                (Timeout::Milliseconds(0), _) => return Err(HResult::VD_E_TIMEOUT),
                (Timeout::Milliseconds(_), Some(limit)) if limit.passed() => {
                    return Err(HResult::VD_E_TIMEOUT);
                }
                (Timeout::Milliseconds(most), None) => {
                    let mapping = self.clone();
                    let wake = || -> Arc<dyn Fn() + Send + Sync> {
                        Arc::new(move || mapping.bell(listen).ring())
                    };
                    limit = Some(self.host.clock.limit(most, wake));
                }
                _ => {}
            }
            self.sleep(listen, heard, limit.as_ref().and_then(Limit::deadline));
            if seeded(Mutant::WokenIsAborted) {
                return look(false).unwrap_or(Err(HResult::VD_E_ABORT));
            }
        }
    }

    /// Sleeps until the bell rings, the deadline passes, or it is time to look whether
    /// the others live.
    pub(super) fn sleep(self: &Arc<Self>, listen: Listen, heard: u32, deadline: Option<Deadline>) {
        let observer = self.host.options.observer.as_ref();
        if let Some(observer) = observer {
            let mapping = self.clone();
            observer.sleeps(Arc::new(move || mapping.bell(listen).listen() == heard));
        }
        let tick = self.host.is_shared().then_some(TICK);
        let bell = self.bell(listen);
        let left = deadline.map(Deadline::remaining);
        bell.wait(heard, tick.into_iter().chain(left).min());
        // Nobody rings for the dead. Who had something to say may have died before it could
        // ring, or the bell may have been overwritten: in any case the caller looks again.
        if tick.is_some() && bell.listen() == heard {
            self.notice_deaths();
        }
        if let Some(observer) = observer {
            observer.wakes();
        }
    }

    // Memory.

    /// Adds a segment to the buffer area, so many bytes from its start; false if there is
    /// not so much memory. Only the server does, and it alone knows what there is: it
    /// says the number, one after the other, and the start.
    pub(super) fn add_segment(&self, number: usize, start: u64, need: Need) -> bool {
        let control = self.control();
        let Some(words) = control.area.segments.get(number) else { return false };
        let added = match &self.object {
            Some(object) => {
                let grown = object.grow(self.control_length(), start, need.length);
                grown.map_err(|refusal| self.refused(&refusal)).is_ok()
            }
            None => {
                let sizes = (need.length.try_into(), need.alignment.try_into());
                let (Ok(length), Ok(alignment)) = sizes else { return false };
                let segment = Segment::own(length, alignment);
                segment.map(|segment| self.segments().push(Arc::new(segment))).is_some()
            }
        };
        if added {
            words.start.set(start);
            words.length.set(need.length);
            words.alignment.set(need.alignment);
            // There are few segments.
            let count = u32::try_from(number + 1).unwrap_or(u32::MAX);
            control.area.segment_count.store(count, Ordering::Release);
        }
        added
    }

    /// A segment's memory, mapped anew if others share it. VD_E_MEMORY if that is refused;
    /// what to do then is the caller's.
    pub(super) fn segment(&self, number: usize) -> Result<Arc<Segment>, HResult> {
        let control = self.control();
        let count = control.area.segment_count.load(Ordering::Acquire) as usize;
        if count > SEGMENTS || number >= count {
            return self.sound(Err(Corrupt));
        }
        let Some(object) = &self.object else {
            let segment = self.segments().get(number).cloned();
            return self.sound(segment.ok_or(Corrupt));
        };
        let words = &control.area.segments[number];
        let (start, length) = (words.start.get(), words.length.get());
        let segment = object.map(self.control_length(), start, length, words.alignment.get());
        let segment = segment.map_err(|refusal| self.refused(&refusal))?;
        let segment = self.sound(segment.map(Arc::new).ok_or(Corrupt))?;
        let mut views = lock(&self.views);
        views.retain(|view| view.strong_count() > 0);
        views.push(Arc::downgrade(&segment));
        Ok(segment)
    }

    fn control_length(&self) -> usize {
        control_length(self.devices().len())
    }

    fn segments(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Segment>>> {
        lock(&self.segments)
    }
}

impl fmt::Debug for SetMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetMapping").field("memory", &self.memory).finish_non_exhaustive()
    }
}
