//! The sets and devices of this process, by the number that stands in a C++ object.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vdi_recorder::{ClientDevice, ClientSet, Recording};
use vdi_runtime::{AddressedCommands, Bytes, Machine};
use vdi_spec::codes::HResult;
use vdi_trace::Recorder;

use crate::recording::Role;
use crate::settings::Settings;

/// A number in a C++ object; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) u64);

/// What a C++ object stands for.
#[derive(Clone, Debug)]
enum Object {
    Set(Arc<Set>),
    Device(Arc<Device>),
}

/// A `ClientVirtualDeviceSet`.
#[derive(Debug)]
pub(crate) struct Set {
    /// The process whose it is. What a child has by fork is not its own, but for a set that
    /// nobody has begun to open.
    process: u32,
    /// From before Create or OpenInSecondary to their failure, or to Close.
    begun: AtomicBool,
    /// The interface, whose calls nobody records.
    unrecorded_set: vdi_runtime::ClientSet,
    /// The same, recorded if that is wanted.
    recorded: Mutex<ClientSet>,
    /// Its devices since the last Close.
    devices: Mutex<Vec<(Token, Arc<Device>)>>,
    /// The buffers that are mapped by handle: mapped until Close.
    pub(crate) mapped: Mutex<Vec<Bytes>>,
}

/// A `ClientVirtualDevice` that is open.
#[derive(Debug)]
pub(crate) struct Device {
    process: u32,
    pub(crate) device: ClientDevice,
    pub(crate) commands: Mutex<AddressedCommands>,
}

/// All objects of this process.
pub(crate) struct Objects {
    /// The next number: not small, so that garbage hardly ever is one.
    next: u64,
    known: BTreeMap<Token, Object>,
    /// The machine, as this process has it: a child by fork has another, since any lock of its
    /// parent's may be held for ever.
    machine: Option<(u32, Machine)>,
}

static OBJECTS: Mutex<Objects> =
    Mutex::new(Objects { next: 0x5644_4900_0000_0001, known: BTreeMap::new(), machine: None });

/// A fork is about to happen on this thread: until it has, nobody changes the objects, so that
/// the child finds them whole, and free.
pub(crate) fn hold_still() -> MutexGuard<'static, Objects> {
    objects()
}

fn objects() -> MutexGuard<'static, Objects> {
    lock(&OBJECTS)
}

/// No panic leaves anything half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Objects {
    fn add(&mut self, object: Object) -> Token {
        let token = Token(self.next);
        self.next += 1;
        self.known.insert(token, object);
        token
    }

    fn machine(&mut self) -> Machine {
        let process = std::process::id();
        match &self.machine {
            Some((of, machine)) if *of == process => machine.clone(),
            _ => {
                let machine = Settings::get().machine();
                // Of the parent's nothing is touched.
                std::mem::forget(self.machine.replace((process, machine.clone())));
                machine
            }
        }
    }

    /// A set of this process that nobody has opened.
    fn fresh_set(&mut self) -> Arc<Set> {
        let unrecorded_set = self.machine().client_set();
        Arc::new(Set {
            process: std::process::id(),
            begun: AtomicBool::new(false),
            recorded: Mutex::new(unrecorded(&unrecorded_set)),
            unrecorded_set,
            devices: Mutex::default(),
            mapped: Mutex::default(),
        })
    }
}

/// A new set object.
pub(crate) fn new_set() -> Token {
    let mut objects = objects();
    let set = objects.fresh_set();
    objects.add(Object::Set(set))
}

/// The interface with nothing recorded.
fn unrecorded(unrecorded_set: &vdi_runtime::ClientSet) -> ClientSet {
    Recording::new(Recorder::silent()).client(unrecorded_set.clone())
}

/// The set of this number, if it is one of this process. One that a parent has made and not
/// opened before the fork is.
pub(crate) fn set(token: Token) -> Option<Arc<Set>> {
    let mut objects = objects();
    let set = match objects.known.get(&token) {
        Some(Object::Set(set)) => set.clone(),
        Some(Object::Device(_)) | None => return None,
    };
    if set.process == std::process::id() {
        return Some(set);
    }
    let begun = set.begun.load(Ordering::Acquire);
    std::mem::forget(set);
    if begun {
        return None;
    }
    let fresh = objects.fresh_set();
    std::mem::forget(objects.known.insert(token, Object::Set(fresh.clone())));
    Some(fresh)
}

/// The device of this number, if it is one of this process and its set is not closed.
pub(crate) fn device(token: Token) -> Option<Arc<Device>> {
    match objects().known.get(&token) {
        Some(Object::Device(device)) if device.process == std::process::id() => {
            Some(device.clone())
        }
        _ => None,
    }
}

/// The C++ object ends. A set that is still open is closed.
pub(crate) fn forget(token: Token) {
    let gone = objects().known.remove(&token);
    match gone {
        Some(Object::Set(set)) => {
            if set.process == std::process::id() && set.unrecorded_set.history().is_some() {
                // What the destructor does is what Close does; it has nobody to tell.
                let _ = set.interface().close();
            }
            set.end_devices();
            discard(set.process, set);
        }
        Some(Object::Device(device)) => discard(device.process, device),
        None => {}
    }
}

/// Lets go of what belongs to this process; what a parent had before a fork is the
/// parent's to close.
fn discard<T>(process: u32, of: T) {
    if process == std::process::id() {
        drop(of);
    } else {
        std::mem::forget(of);
    }
}

/// The process ends: what nobody closed is closed, so that the other side hears of it and
/// no shared memory stays.
pub(crate) fn end_all() {
    let known = std::mem::take(&mut objects().known);
    for object in known.into_values() {
        match object {
            Object::Set(set) if set.process == std::process::id() => {
                if set.unrecorded_set.history().is_some() {
                    set.interface().exits();
                }
                // There is nobody to tell the status to.
                let _ = set.unrecorded_set.close();
            }
            other => std::mem::forget(other),
        }
    }
}

impl Set {
    /// Opens the set, by Create or OpenInSecondary. From here on it belongs to this process
    /// alone, whoever forks.
    pub(crate) fn begin(
        &self,
        open: impl FnOnce(&ClientSet) -> Result<(), HResult>,
    ) -> Result<(), HResult> {
        self.begun.store(true, Ordering::Release);
        let opened = open(&self.interface());
        self.note_end();
        opened
    }

    /// Close has been called, or the set has not been opened.
    pub(crate) fn note_end(&self) {
        let open = self.unrecorded_set.history().is_some();
        self.begun.store(open, Ordering::Release);
    }

    /// A device of this set has been opened.
    pub(crate) fn add_device(&self, device: ClientDevice) -> Token {
        let commands = Mutex::default();
        let device = Arc::new(Device { process: self.process, device, commands });
        let token = objects().add(Object::Device(device.clone()));
        lock(&self.devices).push((token, device));
        token
    }

    /// The interface to call.
    pub(crate) fn interface(&self) -> ClientSet {
        lock(&self.recorded).clone()
    }

    /// The set of this name is about to be created or opened: from here on it is recorded,
    /// if that is wanted, in a trace of its own, and never in that of an earlier set.
    pub(crate) fn record(&self, name: &str, role: Role) {
        if self.unrecorded_set.history().is_none()
            && let Some(recording) = Settings::get().recording(name)
        {
            let recorded = recording.of(&self.unrecorded_set, name, role);
            *lock(&self.recorded) = recorded.unwrap_or_else(|| unrecorded(&self.unrecorded_set));
        }
    }

    /// Waits until the set has ended, for ten seconds at most: a thread may be kept from
    /// running just then.
    #[expect(clippy::disallowed_methods, reason = "asked for by VDI_HOLD: a thread stands still")]
    pub(crate) fn await_end(&self) {
        let Some(history) = self.unrecorded_set.history() else { return };
        for _ in 0..5000 {
            if history.progress() == vdi_runtime::Progress::Ended {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Close: the device interfaces are invalid, and what they hold is let go. Who uses one
    /// all the same is refused; recorded, this is told: of each device that much stays.
    pub(crate) fn end_devices(&self) {
        let devices = std::mem::take(&mut *lock(&self.devices));
        if Settings::get().records() {
            for (_, device) in &devices {
                let ended = std::mem::take(&mut *lock(&device.commands));
                discard(device.process, (ended, device.device.let_go()));
            }
        } else {
            let mut objects = objects();
            devices.iter().for_each(|(token, _)| drop(objects.known.remove(token)));
        }
        for (_, device) in devices {
            discard(device.process, device);
        }
        let mapped = std::mem::take(&mut *lock(&self.mapped));
        discard(self.process, mapped);
    }

    /// The buffer of a command that is out on one of its devices, by its address.
    pub(crate) fn buffer_at(&self, address: usize) -> Option<vdi_runtime::Buffer> {
        let devices = lock(&self.devices);
        devices.iter().find_map(|(_, device)| lock(&device.commands).buffer_at(address).cloned())
    }
}
