//! The clients' halves, recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use vdi_runtime::{Buffer, BufferHandle, CommandId, Delivered, Timeout};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, CodeArg, Event, Function, Handle, HowEnded, Name, Out, Size, TimeoutArg};

use super::names;
use super::recording::{Called, Side, nothing};
use super::sync::lock;

/// [`vdi_runtime::ClientSet`], recorded.
#[derive(Clone, Debug)]
pub struct ClientSet {
    side: Side,
    name: String,
    set: vdi_runtime::ClientSet,
}

/// [`vdi_runtime::ClientDevice`], recorded.
#[derive(Clone, Debug)]
pub struct ClientDevice {
    side: Side,
    name: String,
    /// `None` once it is let go.
    device: Arc<Mutex<Option<vdi_runtime::ClientDevice>>>,
    /// The numbers of the commands that were delivered; who completes one twice names it
    /// once more.
    delivered: Arc<Mutex<BTreeMap<CommandId, u64>>>,
}

/// Commands of a device whose numbers are remembered.
const REMEMBERED: usize = 4096;

const fn timeout_argument(timeout: Timeout) -> TimeoutArg {
    match timeout {
        Timeout::Infinite => TimeoutArg::Infinite,
        Timeout::Milliseconds(ms) => TimeoutArg::Milliseconds(ms),
    }
}

impl ClientSet {
    pub(super) fn new(side: Side, set: vdi_runtime::ClientSet) -> Self {
        Self { name: side.process.set_interface(), side, set }
    }

    fn call<T>(
        &self,
        function: Function,
        args: Args<'_>,
        make: impl FnOnce() -> Result<T, HResult>,
        out: impl FnOnce(&T) -> Out<'static>,
    ) -> Result<T, HResult> {
        self.side.call(Called::new(function, &self.name, args), make, out)
    }

    /// [`vdi_runtime::ClientSet::create`].
    ///
    /// # Errors
    /// As there.
    pub fn create(
        &self,
        instance: Option<&str>,
        name: &str,
        config: &VdConfig,
    ) -> Result<(), HResult> {
        let args = Args {
            name: Some(Name::from(name)),
            instance: instance.map(Name::from),
            config: Some(Box::new(*config)),
            ..Args::default()
        };
        let make = || {
            let created = self.set.create(instance, name, config);
            // Before the return is recorded, which bears a number of the set already.
            if let Some(history) = self.set.history().filter(|_| created.is_ok()) {
                self.side.recording.created(history);
            }
            created
        };
        self.call(Function::CreateEx, args, make, nothing)
    }

    /// [`vdi_runtime::ClientSet::get_configuration`].
    ///
    /// # Errors
    /// As there.
    pub fn get_configuration(&self, timeout: Timeout) -> Result<VdConfig, HResult> {
        let args = Args { timeout: Some(timeout_argument(timeout)), ..Args::default() };
        let out = |config: &VdConfig| Out { config: Some(Box::new(*config)), ..Out::default() };
        let make = || self.set.get_configuration(timeout);
        self.call(Function::GetConfiguration, args, make, out)
    }

    /// [`vdi_runtime::ClientSet::open_device`].
    ///
    /// # Errors
    /// As there.
    pub fn open_device(&self, name: &str) -> Result<ClientDevice, HResult> {
        let handle = self.side.names().device(self.side.process);
        let args = Args { name: Some(Name::from(name)), ..Args::default() };
        let make = || self.set.open_device(name);
        let device = self.side.call(
            Called::new(Function::OpenDevice, &self.name, args).creating(Some(&handle)),
            make,
            nothing,
        )?;
        let (side, delivered) = (self.side.clone(), Arc::default());
        let device = Arc::new(Mutex::new(Some(device)));
        Ok(ClientDevice { side, name: handle, device, delivered })
    }

    /// [`vdi_runtime::ClientSet::open_in_secondary`].
    ///
    /// # Errors
    /// As there.
    pub fn open_in_secondary(&self, instance: Option<&str>, name: &str) -> Result<(), HResult> {
        let (name_of, instance_of) = (Some(Name::from(name)), instance.map(Name::from));
        let args = Args { name: name_of, instance: instance_of, ..Args::default() };
        let make = || self.set.open_in_secondary(instance, name);
        self.call(Function::OpenInSecondaryEx, args, make, nothing)
    }

    /// [`vdi_runtime::ClientSet::get_buffer_handle`].
    ///
    /// # Errors
    /// As there.
    pub fn get_buffer_handle(&self, buffer: &Buffer) -> Result<BufferHandle, HResult> {
        let (names, process) = (self.side.names(), self.side.process);
        let name = names.handle(process, buffer);
        let argument = Some(names.buffer_argument(buffer));
        let args = Args { buffer: argument, ..Args::default() };
        let make = || {
            let handle = self.set.get_buffer_handle(buffer)?;
            if let Some(name) = name.clone() {
                names.keep_handle(process, handle.0, name);
            }
            Ok(handle)
        };
        self.side.call(
            Called::new(Function::GetBufferHandle, &self.name, args).creating(name.as_deref()),
            make,
            nothing,
        )
    }

    /// [`vdi_runtime::ClientSet::map_buffer_handle`].
    ///
    /// # Errors
    /// As there.
    pub fn map_buffer_handle(&self, handle: BufferHandle) -> Result<Buffer, HResult> {
        let names = self.side.names();
        let argument = if self.set.has_handle(handle) {
            names.handle_argument(self.side.process, handle)
        } else {
            // No handle of this set: nothing in the trace could bear its name.
            Handle::Null
        };
        let args = Args { handle: Some(argument), ..Args::default() };
        let make = || self.set.map_buffer_handle(handle);
        self.call(Function::MapBufferHandle, args, make, |buffer| Out {
            buffer: names.name_anywhere(buffer),
            ..Out::default()
        })
    }

    /// [`vdi_runtime::ClientSet::signal_abort`].
    ///
    /// # Errors
    /// As there.
    pub fn signal_abort(&self) -> Result<(), HResult> {
        self.call(Function::SignalAbort, Args::default(), || self.set.signal_abort(), nothing)
    }

    /// The process of this client ends by itself.
    pub fn exits(&self) {
        let (process, exit) = (self.side.process, HowEnded::Normal);
        self.side.record(Event::Exit { seq: None, process, exit });
    }

    /// [`vdi_runtime::ClientSet::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(&self) -> Result<(), HResult> {
        self.call(Function::Close, Args::default(), || self.set.close(), nothing)
    }
}

impl ClientDevice {
    fn delivered(&self) -> MutexGuard<'_, BTreeMap<CommandId, u64>> {
        lock(&self.delivered)
    }

    fn kept(&self) -> MutexGuard<'_, Option<vdi_runtime::ClientDevice>> {
        lock(&self.device)
    }

    fn device(&self) -> Result<vdi_runtime::ClientDevice, HResult> {
        self.kept().clone().ok_or(HResult::VD_E_PROTOCOL)
    }

    /// The set is closed, and this keeps nothing of it any more, nor does any clone: the
    /// device itself is given back. Whoever calls it all the same is refused with
    /// VD_E_PROTOCOL, as every device of a closed set refuses, and recorded.
    #[must_use]
    pub fn let_go(&self) -> Option<vdi_runtime::ClientDevice> {
        self.delivered().clear();
        self.kept().take()
    }

    /// [`vdi_runtime::ClientDevice::get_command`].
    ///
    /// # Errors
    /// As there.
    pub fn get_command(&self, timeout: Timeout) -> Result<Delivered, HResult> {
        let names = self.side.names();
        let args = Args { timeout: Some(timeout_argument(timeout)), ..Args::default() };
        let make = || self.device()?.get_command(timeout);
        let out = |got: &Delivered| {
            let mut delivered = self.delivered();
            delivered.insert(got.command, got.tag);
            while delivered.len() > REMEMBERED {
                delivered.pop_first();
            }
            drop(delivered);
            Out {
                command: Some(Name::from(names::command(got.tag))),
                code: Some(got.code),
                size: Some(Size(got.size)),
                position: Some(got.position),
                buffer: got.buffer.as_ref().and_then(|buffer| names.name_anywhere(buffer)),
                ..Out::default()
            }
        };
        let got = self.side.call(Called::new(Function::GetCommand, &self.name, args), make, out)?;
        Ok(Delivered { tag: names.tag(got.tag), ..got })
    }

    /// [`vdi_runtime::ClientDevice::complete_command`].
    ///
    /// # Errors
    /// As there.
    pub fn complete_command(
        &self,
        command: CommandId,
        code: Win32,
        bytes: u32,
        position: u64,
    ) -> Result<(), HResult> {
        let number = self.delivered().get(&command).copied();
        let named = |number| Handle::Name(Name::from(names::command(number)));
        let args = Args {
            command: Some(number.map_or(Handle::Null, named)),
            code: Some(CodeArg::Completion(code)),
            bytes: Some(bytes),
            position: Some(position),
            ..Args::default()
        };
        let make = || self.device()?.complete_command(command, code, bytes, position);
        self.side.call(Called::new(Function::CompleteCommand, &self.name, args), make, nothing)
    }

    /// The client has written into a command that was delivered to it.
    pub fn wrote(&self, command: CommandId) {
        let number = self.delivered().get(&command).copied();
        let Some(name) = number.map(names::command) else { return };
        let (lane, wrote) = (self.side.lane(), Name::from(name));
        self.side.record(Event::Wrote { seq: None, lane, wrote });
    }

    /// [`vdi_runtime::ClientDevice::is_alive`], which is not recorded.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.device().is_ok_and(|device| device.is_alive())
    }
}
