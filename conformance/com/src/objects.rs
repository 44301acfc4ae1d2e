//! Each function, called at the object's table.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::ThreadId;

use vdi_com::{
    IClientVirtualDevice, IClientVirtualDeviceSet2, IServerVirtualDevice, IServerVirtualDeviceSet2,
    RawCommand, RawConfig,
};
use vdi_spec::codes::{CommandCode, HResult};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_suite::adapter::body::{Ended, Given, Got, ImplementationApi, Sent};
use vdi_trace::{Process, TimeoutArg};
use windows_core::{HRESULT, PCWSTR};

use crate::buffer::Buffer;
use crate::library::{Free, Library, made};
use crate::requests::request;

/// The threads of each process that are inside the library.
#[derive(Clone, Default)]
pub(crate) struct ComObjects(Arc<[AtomicUsize; 16]>);

/// A thread is inside, until this is dropped.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An object, and whose it is.
#[derive(Clone)]
pub(crate) struct Object<T: windows_core::Interface> {
    /// None: it could not be made.
    object: Option<Free<T>>,
    world: ComObjects,
    process: Process,
}

pub(crate) type ServerSet = Object<IServerVirtualDeviceSet2>;
pub(crate) type ClientSet = Object<IClientVirtualDeviceSet2>;
pub(crate) type ServerDevice = Object<IServerVirtualDevice>;
pub(crate) type ClientDevice = Object<IClientVirtualDevice>;

/// The status of a call on an object that could not be made.
const NOT_MADE: u32 = 0x8004_0154;

impl ComObjects {
    fn slot(&self, process: Process) -> &AtomicUsize {
        let index = Process::all().position(|one| one == process).unwrap_or_default();
        &self.0[index]
    }
}

#[expect(clippy::print_stderr, reason = "an adapter's standard error belongs to people")]
fn told<T>(made: std::io::Result<T>) -> Option<T> {
    made.inspect_err(|error| eprintln!("vdi-com-adapter: {error}")).ok()
}

impl ServerSet {
    pub(crate) fn new(library: &Library, process: Process, world: &ComObjects) -> Self {
        Self { object: told(library.server()), world: world.clone(), process }
    }
}

impl ClientSet {
    pub(crate) fn new(library: &Library, process: Process, world: &ComObjects) -> Self {
        Self { object: told(library.client()), world: world.clone(), process }
    }
}

impl<T: windows_core::Interface> Object<T> {
    /// Calls a function of it.
    fn call(&self, act: impl FnOnce(&T) -> HRESULT) -> HResult {
        let Some(object) = &self.object else { return HResult(NOT_MADE) };
        let slot = self.world.slot(self.process);
        slot.fetch_add(1, Ordering::SeqCst);
        let _inside = Inside(slot);
        HResult(act(&object.0).0.cast_unsigned())
    }

    /// A device of this set.
    fn device<D: windows_core::Interface>(
        &self,
        open: impl FnOnce(&T, *mut *mut std::ffi::c_void) -> HRESULT,
    ) -> Given<Object<D>> {
        let garbage = ptr::without_provenance_mut(0x5AD);
        let mut device = garbage;
        let status = self.call(|set| open(set, &raw mut device));
        if status != HResult::NOERROR {
            // By the documents the pointer is null then.
            let status = if device.is_null() { status } else { HResult(LEFT_AS_IT_WAS) };
            return Some((status, None));
        }
        let object = told(made(HRESULT(0), device, "OpenDevice")).map(Free);
        let (world, process) = (self.world.clone(), self.process);
        Some((status, Some(Object { object, world, process })))
    }
}

/// What is said of an OpenDevice that fails and leaves the pointer as it was: E_POINTER.
const LEFT_AS_IT_WAS: u32 = 0x8000_4003;

/// A command that was delivered.
#[derive(Clone, Copy)]
pub(crate) struct Delivered(*mut RawCommand);

// SAFETY: an address, which is given back to the library.
unsafe impl Send for Delivered {}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A text that may be null.
fn maybe(text: &Option<Vec<u16>>) -> PCWSTR {
    text.as_ref().map_or(PCWSTR::null(), |text| PCWSTR(text.as_ptr()))
}

const fn timeout(wait: TimeoutArg) -> u32 {
    match wait {
        TimeoutArg::Infinite => u32::MAX,
        TimeoutArg::Milliseconds(most) => most,
    }
}

fn plain(status: HResult) -> Given<()> {
    Some((status, (status == HResult::NOERROR).then_some(())))
}

fn given<T>(status: HResult, value: impl FnOnce() -> T) -> Given<T> {
    Some((status, (status == HResult::NOERROR).then(value)))
}

/// A configuration, and what lies behind it, which is nobody's to write.
#[repr(C)]
struct Guarded {
    config: RawConfig,
    behind: u32,
}

const BEHIND: u32 = 0x5AFE_5AFE;

impl Guarded {
    fn new() -> Self {
        Self { config: RawConfig::default(), behind: BEHIND }
    }

    fn read(self, status: HResult) -> Given<VdConfig> {
        if self.behind != BEHIND {
            return Some((HResult(LEFT_AS_IT_WAS), None));
        }
        given(status, || VdConfig::from(self.config))
    }
}

fn null(buffer: Option<Buffer>) -> *mut u8 {
    buffer.map_or(ptr::null_mut(), Buffer::start)
}

// SAFETY of every call below: an object whose table of functions is the published one, and
// pointers to what lives during the call.
impl ImplementationApi for ComObjects {
    type ServerSet = ServerSet;
    type ClientSet = ClientSet;
    type ServerDevice = ServerDevice;
    type ClientDevice = ClientDevice;
    type Buffer = Buffer;
    type Handle = u32;
    type Command = Delivered;

    fn open(set: &ServerSet, instance: Option<&str>, name: &str) -> Given<()> {
        let (instance, name) = (instance.map(wide), wide(name));
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.Open(maybe(&instance), PCWSTR(name.as_ptr())) }))
    }

    fn server_configuration(set: &ServerSet) -> Given<VdConfig> {
        let mut to = Guarded::new();
        // SAFETY: as above.
        let status = set.call(|set| unsafe { set.GetConfiguration(&raw mut to.config) });
        to.read(status)
    }

    fn begin_configuration(set: &ServerSet, part: &ServerConfig) -> Given<()> {
        let ServerConfig { features, alignment, block_size, max_transfer_size } = *part;
        // SAFETY: as above.
        plain(set.call(|set| unsafe {
            set.BeginConfiguration(features.0, block_size, alignment, max_transfer_size, 0)
        }))
    }

    fn request_buffers(set: &ServerSet, size: u32, alignment: u32, count: u32) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.RequestBuffers(size, alignment, count) }))
    }

    fn available_buffers(set: &ServerSet, size: u32, alignment: u32) -> Given<u64> {
        let mut count = 0;
        // SAFETY: as above.
        let status =
            set.call(|set| unsafe { set.QueryAvailableBuffers(size, alignment, &raw mut count) });
        given(status, || count.into())
    }

    fn end_configuration(set: &ServerSet) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.EndConfiguration() }))
    }

    fn execute_completion_agent(set: &ServerSet) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.ExecuteCompletionAgent() }))
    }

    fn server_open_device(set: &ServerSet, name: &str) -> Given<ServerDevice> {
        let name = wide(name);
        // SAFETY: as above.
        set.device(|set, to| unsafe { set.OpenDevice(PCWSTR(name.as_ptr()), to) })
    }

    fn allocate(set: &ServerSet, size: u32, alignment: u32) -> Given<(Buffer, u64)> {
        let mut start = ptr::null_mut();
        // SAFETY: as above.
        let status = set.call(|set| unsafe { set.AllocateBuffer(&raw mut start, size, alignment) });
        given(status, || (Buffer::allocated(start, size), start.addr() as u64))
    }

    fn free_buffer(set: &ServerSet, buffer: Option<Buffer>, size: Option<u32>) -> Given<()> {
        let size = size.or(buffer.map(Buffer::size)).unwrap_or_default();
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.FreeBuffer(null(buffer), size) }))
    }

    fn is_shared_buffer(set: &ServerSet, buffer: Option<Buffer>) -> Given<bool> {
        // SAFETY: as above.
        let status = set.call(|set| unsafe { set.IsSharedBuffer(null(buffer)) });
        // TRUE and FALSE stand where other functions have their status.
        let is_status = status.0 > 1;
        Some(if is_status { (status, None) } else { (HResult::NOERROR, Some(status.0 == 1)) })
    }

    fn server_signal_abort(set: &ServerSet) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.SignalAbort() }))
    }

    fn server_close(set: &ServerSet) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.Close() }))
    }

    fn send_command(device: &ServerDevice, sent: Sent<Buffer>) -> Given<()> {
        let request = request(sent);
        // SAFETY: as above; the structure lives for ever.
        plain(device.call(|device| unsafe { device.SendCommand(request) }))
    }

    fn close_device(device: &ServerDevice) -> Given<()> {
        // SAFETY: as above.
        plain(device.call(|device| unsafe { device.CloseDevice() }))
    }

    fn server_device_lives(_: &ServerDevice) -> bool {
        true
    }

    fn create(set: &ClientSet, instance: Option<&str>, name: &str, config: &VdConfig) -> Given<()> {
        let (instance, name) = (instance.map(wide), wide(name));
        let mut config = RawConfig::from(*config);
        let name = PCWSTR(name.as_ptr());
        // SAFETY: as above.
        plain(set.call(|set| unsafe {
            match &instance {
                None => set.Create(name, &raw mut config),
                Some(_) => set.CreateEx(maybe(&instance), name, &raw mut config),
            }
        }))
    }

    fn client_configuration(set: &ClientSet, wait: TimeoutArg) -> Given<VdConfig> {
        let mut to = Guarded::new();
        // SAFETY: as above.
        let status =
            set.call(|set| unsafe { set.GetConfiguration(timeout(wait), &raw mut to.config) });
        to.read(status)
    }

    fn client_open_device(set: &ClientSet, name: &str) -> Given<ClientDevice> {
        let name = wide(name);
        // SAFETY: as above.
        set.device(|set, to| unsafe { set.OpenDevice(PCWSTR(name.as_ptr()), to) })
    }

    fn open_in_secondary(set: &ClientSet, instance: Option<&str>, name: &str) -> Given<()> {
        let (instance, name) = (instance.map(wide), wide(name));
        let name = PCWSTR(name.as_ptr());
        // SAFETY: as above.
        plain(set.call(|set| unsafe {
            match &instance {
                None => set.OpenInSecondary(name),
                Some(_) => set.OpenInSecondaryEx(maybe(&instance), name),
            }
        }))
    }

    fn buffer_handle(set: &ClientSet, buffer: Option<Buffer>) -> Given<u32> {
        let mut handle = 0;
        // SAFETY: as above.
        let status = set.call(|set| unsafe { set.GetBufferHandle(null(buffer), &raw mut handle) });
        given(status, || handle)
    }

    fn map(set: &ClientSet, handle: Option<u32>) -> Given<Buffer> {
        let mut start = ptr::null_mut();
        let handle = handle.unwrap_or_default();
        // SAFETY: as above.
        let status = set.call(|set| unsafe { set.MapBufferHandle(handle, &raw mut start) });
        given(status, || Buffer::got(start.expose_provenance()).unwrap_or(Buffer::NOWHERE))
    }

    fn client_signal_abort(set: &ClientSet) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.SignalAbort() }))
    }

    fn client_close(set: &ClientSet) -> Given<()> {
        // SAFETY: as above.
        plain(set.call(|set| unsafe { set.Close() }))
    }

    fn get_command(device: &ClientDevice, wait: TimeoutArg) -> Given<Got<Delivered, Buffer>> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let mut command = ptr::null_mut();
        // SAFETY: as above.
        let status =
            device.call(|device| unsafe { device.GetCommand(timeout(wait), &raw mut command) });
        if status != HResult::NOERROR || command.is_null() {
            return Some((status, None));
        }
        // SAFETY: a command that the library has given.
        let raw = unsafe { command.read() };
        let code = u64::try_from(raw.code).ok().and_then(CommandCode::from_number);
        let Some(code) = code else { return Some((HResult(NO_COMMAND), None)) };
        let counts = matches!(code, CommandCode::SkipMarks | CommandCode::SkipBlocks);
        let size = if counts { raw.size.into() } else { raw.size.cast_unsigned().into() };
        Some((
            status,
            Some(Got {
                command: Delivered(command),
                tag: COUNT.fetch_add(1, Ordering::Relaxed),
                code,
                size,
                position: raw.position.cast_unsigned(),
                buffer: Buffer::got(raw.buffer),
            }),
        ))
    }

    fn complete_command(
        device: &ClientDevice,
        command: Option<Delivered>,
        Ended { code, bytes, position }: Ended,
    ) -> Given<()> {
        let command = command.map_or(ptr::null_mut(), |command| command.0);
        // SAFETY: as above.
        plain(
            device
                .call(|device| unsafe { device.CompleteCommand(command, code.0, bytes, position) }),
        )
    }

    fn client_device_lives(_: &ClientDevice) -> bool {
        true
    }

    fn is_same(_: &Buffer, _: &Buffer) -> bool {
        false
    }

    fn number(buffer: &Buffer) -> Option<u64> {
        Some(buffer.number())
    }

    fn handle_number(handle: u32) -> Option<u64> {
        Some(handle.into())
    }

    fn handle(number: u64) -> Option<u32> {
        number.try_into().ok()
    }

    fn buffer_lives(&self, _: Process, _: &Buffer, _: Option<&Buffer>) -> bool {
        true
    }

    /// The process is ended by whoever has started it.
    fn exit(&self, _: Process) {}

    fn inside(&self, process: Process) -> usize {
        self.slot(process).load(Ordering::SeqCst)
    }

    /// Time is the real one.
    fn expire(&self, _: ThreadId, _: Option<u32>) {}

    /// The process ends with its scenario.
    fn abandon(&self) {}
}

/// What is said of a command of no known number: E_UNEXPECTED.
const NO_COMMAND: u32 = 0x8000_FFFF;
