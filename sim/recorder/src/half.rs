//! A client's calls to a library that is not ours, as half a trace, in safe terms: names for sets,
//! devices, commands and buffers, in the order in which they are met. What is called where is
//! known by addresses.
//!
//! For recorders that stand before a library: `libsqlvdi-record.so` and `sqlvdi-record.dll`. The
//! trace goes to the file that `VDI_RECORD` names, or else `VDI_TRACE`. Every line is written
//! before the call goes on, so that whoever kills the process takes nothing along.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use vdi_spec::abi::{RawCommand, RawConfig};
use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{
    Args, CodeArg, Event, Function, Handle, Header, HowEnded, Name, Origin, Out, Process, Recorder,
    Size, TimeoutArg, files,
};

use super::recording::Called;
use super::settings::{RECORD, TRACE};
use super::shared::{Claim, claim, trace_path};
use super::sync::lock;

pub mod calls;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The call that the program has made on this thread, until this is dropped.
#[derive(Debug)]
pub struct Outermost(());

impl Outermost {
    /// `None` inside another call.
    #[must_use]
    pub fn enter() -> Option<Self> {
        // A thread that ends has forgotten: what it calls then is recorded.
        let inside = INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(false);
        (!inside).then_some(Self(()))
    }
}

impl Drop for Outermost {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(false));
    }
}

/// One set of this process, from Create on.
#[derive(Debug)]
pub struct Trace {
    recorder: Recorder,
    process: Process,
    /// Created, or opened as a secondary client, and not closed.
    in_use: AtomicBool,
    claim: Claim,
    names: Mutex<Names>,
    /// The number of the process that created it: a child of that has it, too.
    owner: u32,
}

#[derive(Debug, Default)]
struct Names {
    devices: u32,
    handles: u32,
    commands: u64,
    /// The commands that lie, or last lay, at these addresses.
    at: BTreeMap<usize, String>,
    /// Of those not completed, what they were.
    outstanding: BTreeMap<usize, RawCommand>,
    buffers: BTreeMap<usize, String>,
    handle_names: BTreeMap<u32, String>,
}

/// What lies behind C++ objects, by their addresses.
#[derive(Default)]
struct Objects {
    sets: BTreeMap<usize, Arc<Trace>>,
    /// Devices with their names.
    devices: BTreeMap<usize, (Arc<Trace>, String)>,
}

static OBJECTS: Mutex<Objects> =
    Mutex::new(Objects { sets: BTreeMap::new(), devices: BTreeMap::new() });

/// The trace of the set at this address.
#[must_use]
pub fn set(address: usize) -> Option<Arc<Trace>> {
    lock(&OBJECTS).sets.get(&address).cloned()
}

/// The trace and the name of the device at this address.
#[must_use]
pub fn device(address: usize) -> Option<(Arc<Trace>, String)> {
    lock(&OBJECTS).devices.get(&address).cloned()
}

/// A set is about to be created at this address, or opened as a secondary client: from
/// here on it has a trace, of its own unless the one it has is still in use. `library` is what
/// is recorded.
///
/// # Errors
/// There is none, since its file cannot be written; the message names it.
pub fn begin(address: usize, name: &str, process: Process, library: &str) -> io::Result<()> {
    let Some(pattern) = RECORD.get().or_else(|| TRACE.get()) else { return Ok(()) };
    let mut known = lock(&OBJECTS);
    if known.sets.get(&address).is_some_and(|set| set.in_use.load(Ordering::Acquire)) {
        return Ok(());
    }
    let mut path = trace_path(&pattern, name);
    if process != Process::Primary && !pattern.contains("%p") {
        // No two processes into one file: nothing orders what they write.
        path.as_mut_os_string().push(format!(".{}", std::process::id()));
    }
    let begun = claim(&path).and_then(|claim| {
        let file = files::written(&path)?;
        let source = Origin { name: library.to_owned(), version: None, setting: None };
        let unseen = vec![Party::Server, Party::Client];
        let header = Header { source: Some(source), unseen, ..Header::default() };
        Ok((Recorder::new(file, &header)?.timed(crate::elapsed), claim))
    });
    match begun {
        Ok((recorder, claim)) => {
            let (in_use, names) = (AtomicBool::new(false), Mutex::default());
            let owner = std::process::id();
            let trace = Trace { recorder, process, in_use, claim, names, owner };
            known.sets.insert(address, Arc::new(trace));
            Ok(())
        }
        Err(error) => {
            // What this object has been, this set is not: it goes into no trace.
            known.sets.remove(&address);
            Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        }
    }
}

/// The object at this address is gone; another may come there.
pub fn forget(address: usize) {
    let mut known = lock(&OBJECTS);
    if let Some(set) = known.sets.remove(&address) {
        set.claim.end();
    }
    known.devices.remove(&address);
}

/// The process ends by itself: what is in use then was never closed. Where whoever holds a lock
/// may never let it go (in a child by fork; when the other threads are ended already), `only_free`
/// says that what is locked is left as it is.
pub fn end_all(only_free: bool) {
    let known = if only_free {
        match OBJECTS.try_lock() {
            Ok(known) => known,
            Err(_) => return,
        }
    } else {
        lock(&OBJECTS)
    };
    for trace in known.sets.values() {
        if trace.in_use.load(Ordering::Acquire) && trace.owner == std::process::id() {
            let (process, exit) = (trace.process, HowEnded::Normal);
            let event = Event::Exit { seq: None, process, exit };
            if only_free {
                trace.recorder.record_if_free(event);
            } else {
                trace.recorder.record(event);
            }
        }
    }
}

/// A call that gives nothing but its status.
#[must_use]
pub fn nothing() -> Out<'static> {
    Out::default()
}

/// The arguments of a call that is given a name.
#[must_use]
pub fn named(name: &str) -> Args<'static> {
    Args { name: Some(Name::from(name.to_owned())), ..Args::default() }
}

/// A time-out in milliseconds; `None` if it is infinite.
#[must_use]
pub fn timeout(time: Option<u32>) -> Args<'static> {
    let timeout = time.map_or(TimeoutArg::Infinite, TimeoutArg::Milliseconds);
    Args { timeout: Some(timeout), ..Args::default() }
}

/// What Create is given.
#[must_use]
pub fn asked(name: &str, config: Option<RawConfig>) -> Args<'static> {
    let config = config.map(|config| Box::new(VdConfig::from(config).client_part()));
    Args { config, ..named(name) }
}

/// What GetConfiguration has given.
#[must_use]
pub fn granted(config: Option<RawConfig>) -> Out<'static> {
    Out { config: config.map(|config| Box::new(config.into())), ..Out::default() }
}

/// Whether a set comes of this function.
const fn is_begun_by(function: Function) -> bool {
    matches!(
        function,
        Function::Create
            | Function::CreateEx
            | Function::OpenInSecondary
            | Function::OpenInSecondaryEx
    )
}

impl Trace {
    /// What the set interface is called.
    #[must_use]
    pub fn interface(&self) -> String {
        self.process.set_interface()
    }

    /// A call, recorded before it is made and when it has returned.
    pub fn call(
        &self,
        call: Called<'_>,
        make: impl FnOnce() -> i32,
        out: impl FnOnce() -> Out<'static>,
    ) -> i32 {
        let lane = self.recorder.lane(self.process);
        self.recorder.record(call.event(lane.clone()));
        let made = make();
        let status = HResult(made.cast_unsigned());
        let out = if status == HResult::NOERROR { out() } else { Out::default() };
        self.recorder.record(Event::Return { seq: None, lane, status, out });
        made
    }

    /// What a call on the set means for whether it is in use.
    pub fn note_use(&self, function: Function, succeeded: bool) {
        // Whatever Close answers, the set is closed.
        if function == Function::Close {
            self.in_use.store(false, Ordering::Release);
            self.claim.end();
        }
        if is_begun_by(function) {
            self.in_use.fetch_or(succeeded, Ordering::AcqRel);
            self.claim.note_create(succeeded);
        }
    }

    /// The name for the next device.
    #[must_use]
    pub fn next_device(&self) -> String {
        let mut names = lock(&self.names);
        names.devices += 1;
        let number = names.devices;
        match self.process {
            Process::Secondary(of) => format!("x{of}dev{number}"),
            Process::Server | Process::Primary => format!("cdev{number}"),
        }
    }

    /// The device at this address is open.
    pub fn add_device(self: &Arc<Self>, address: usize, name: String) {
        lock(&OBJECTS).devices.insert(address, (self.clone(), name));
    }

    /// What GetCommand gave.
    #[must_use]
    pub fn delivered(&self, address: usize, command: &RawCommand) -> Out<'static> {
        let mut names = lock(&self.names);
        names.commands += 1;
        let name = format!("c{}", names.commands);
        names.at.insert(address, name.clone());
        names.outstanding.insert(address, *command);
        let buffer = (command.buffer != 0).then(|| Name::from(names.buffer(command.buffer)));
        Out {
            command: Some(Name::from(name)),
            code: u64::try_from(command.code).ok().and_then(CommandCode::from_number),
            size: Some(Size(command.size.into())),
            position: Some(command.position.cast_unsigned()),
            buffer,
            ..Out::default()
        }
    }

    /// A command is about to be completed: whether the client has written into what it may
    /// only read. `now` looks at it, if it is one that GetCommand gave.
    pub fn compare(&self, address: usize, now: impl FnOnce() -> Option<RawCommand>) {
        let mut names = lock(&self.names);
        let Some(given) = names.outstanding.remove(&address) else { return };
        let name = names.at.get(&address).cloned().filter(|_| now() != Some(given));
        drop(names);
        if let Some(name) = name {
            let lane = self.recorder.lane(self.process);
            self.recorder.record(Event::Wrote { seq: None, lane, wrote: Name::from(name) });
        }
    }

    /// What CompleteCommand is given.
    #[must_use]
    pub fn completed(&self, address: usize, code: i32, bytes: u64, position: i64) -> Args<'static> {
        let name = lock(&self.names).at.get(&address).cloned();
        // Where no command lies there is none.
        let command = name.map_or(Handle::Null, |name| Handle::Name(Name::from(name)));
        Args {
            command: Some(command),
            code: Some(CodeArg::Completion(Win32(code.cast_unsigned()))),
            bytes: Some(u32::try_from(bytes).unwrap_or(u32::MAX)),
            position: Some(position.cast_unsigned()),
            ..Args::default()
        }
    }

    /// A buffer as GetBufferHandle is given it, and the name of the handle.
    #[must_use]
    pub fn handed_out(&self, address: usize) -> (String, Args<'static>) {
        let mut names = lock(&self.names);
        names.handles += 1;
        let buffer = names.buffers.get(&address).cloned();
        let buffer = Some(buffer.map_or(Handle::Null, |name| Handle::Name(Name::from(name))));
        (format!("h{}", names.handles), Args { buffer, ..Args::default() })
    }

    /// The number of a handle that was given.
    pub fn keep_handle(&self, number: u32, name: String) {
        lock(&self.names).handle_names.insert(number, name);
    }

    /// A handle as MapBufferHandle is given it.
    #[must_use]
    pub fn handle(&self, number: u32) -> Args<'static> {
        let name = lock(&self.names).handle_names.get(&number).cloned();
        // Of another process, if of anybody.
        let name = name.unwrap_or_else(|| format!("unseen-h{number}"));
        let handle = Some(Handle::Name(Name::from(name)));
        Args { handle, ..Args::default() }
    }

    /// Where MapBufferHandle put a buffer.
    #[must_use]
    pub fn mapped(&self, address: usize) -> Out<'static> {
        let name = lock(&self.names).buffer(address);
        Out { buffer: Some(Name::from(name)), ..Out::default() }
    }
}

impl Names {
    fn buffer(&mut self, address: usize) -> String {
        let next = self.buffers.len() + 1;
        self.buffers.entry(address).or_insert_with(|| format!("b{next}")).clone()
    }
}
