//! The one way to C++: the exported functions, and those of the original.
//!
//! What C++ hands over is handed on as it is; what the original gives is read once, right
//! after it has said that it gives it.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use vdi_recorder::half as record;
use vdi_recorder::half::calls::{self, Completed, Make, recorded};
use vdi_recorder::settings::{ORIGINAL, TIMEOUT_UNIT};
use vdi_spec::abi::{RawCommand, RawConfig, milliseconds, symbol};
use vdi_spec::codes::HResult;
use vdi_trace::{Args, Function, Process};

use crate::reach;

/// A C++ object, which the original fills in.
type Object = *mut c_void;

macro_rules! original {
    ($( $name:ident: fn($($arg:ty),*) $(-> $out:ty)? = $symbol:expr; )+) => {
        /// The functions of the original.
        struct Original { $( $name: unsafe extern "C" fn($($arg),*) $(-> $out)?, )+ _library: Library }

        impl Original {
            fn load(path: &str) -> Result<Self, String> {
                // Its own symbols are to be its own, though ours are called alike.
                const RTLD_DEEPBIND: c_int = 8;
                let flags = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
                // SAFETY: the library that whoever runs this names; what its initialisers
                // do is theirs.
                let library = unsafe { Library::open(Some(path), flags) }
                    .map_err(|error| error.to_string())?;
                $(
                    // SAFETY: by the published interface the symbol is such a function. It
                    // is kept no longer than the library.
                    let $name = unsafe { library.get::<unsafe extern "C" fn($($arg),*) $(-> $out)?>($symbol.as_bytes()) };
                    let $name = *$name.map_err(|error| error.to_string())?;
                )+
                Ok(Self { $( $name, )+ _library: library })
            }
        }
    };
}

original! {
    set_new: fn(Object) = symbol::SET_NEW;
    set_delete: fn(Object) = symbol::SET_DELETE;
    create: fn(Object, *const c_char, *mut RawConfig) -> c_int = symbol::CREATE;
    get_configuration: fn(Object, c_long, *mut RawConfig) -> c_int = symbol::GET_CONFIGURATION;
    open_device: fn(Object, *const c_char, *mut Object) -> c_int = symbol::OPEN_DEVICE;
    close: fn(Object) -> c_int = symbol::CLOSE;
    signal_abort: fn(Object) -> c_int = symbol::SIGNAL_ABORT;
    open_in_secondary: fn(Object, *const c_char) -> c_int = symbol::OPEN_IN_SECONDARY;
    get_buffer_handle: fn(Object, *mut u8, *mut c_uint) -> c_int = symbol::GET_BUFFER_HANDLE;
    map_buffer_handle: fn(Object, c_int, *mut *mut u8) -> c_int = symbol::MAP_BUFFER_HANDLE;
    register_device_closed: fn(Object) -> c_int = symbol::REGISTER_DEVICE_CLOSED;
    device_new: fn(Object) = symbol::DEVICE_NEW;
    device_delete: fn(Object) = symbol::DEVICE_DELETE;
    get_command: fn(Object, c_long, *mut *mut RawCommand) -> c_int = symbol::GET_COMMAND;
    complete_command: fn(Object, *mut RawCommand, c_int, c_ulong, i64) -> c_int
        = symbol::COMPLETE_COMMAND;
}

/// The original, loaded with the first call: the one that `VDI_ORIGINAL` names, or else,
/// for a recorder that is preloaded, the one that the program is linked with. `None`, which
/// is said once, if it cannot be.
#[expect(clippy::print_stderr, reason = "without the original nothing works: it must be said")]
fn original() -> Option<&'static Original> {
    reach::note();
    static LOADED: OnceLock<Option<Original>> = OnceLock::new();
    let load = || {
        let original = ORIGINAL.get();
        let path = original.as_deref().unwrap_or("libsqlvdi.so");
        Original::load(path)
            .and_then(|original| if original.is_own() { Err(itself(path)) } else { Ok(original) })
            .inspect_err(|why| eprintln!("libsqlvdi-record: {why}"))
            .ok()
    };
    LOADED.get_or_init(load).as_ref()
}

fn itself(path: &str) -> String {
    format!("{path} is this recorder itself: VDI_ORIGINAL is to name the original by its path")
}

impl Original {
    /// Whether what was found is this library: every call would come back to it for ever.
    fn is_own(&self) -> bool {
        std::ptr::addr_eq(self.close as *const (), close as *const ())
    }
}

/// The end of the process is recorded: after all that the program itself does then, in what
/// it has registered with `atexit` and in destructors.
// SAFETY: what stands in this section is called once, without arguments that matter, when
// the library is unloaded or the process ends; the function does not unwind.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = at_end;

extern "C" fn at_end() {
    let _ = catch_unwind(|| record::end_all(reach::is_child()));
    let _ = catch_unwind(reach::tell);
}

/// Which process this library was loaded into.
// SAFETY: what stands in this section is called once, without arguments that matter, when
// the library is loaded; the function does not unwind.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_BEGINNING: extern "C" fn() = at_beginning;

extern "C" fn at_beginning() {
    reach::begin();
}

/// While this lives, the thread is not cancelled: a cancellation unwinds, which ends the
/// process in here. It comes when the thread is at a cancellation point afterwards.
struct Uncancelled(c_int);

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

impl Uncancelled {
    fn new() -> Self {
        const DISABLE: c_int = 1;
        let mut before = DISABLE;
        // SAFETY: the state before goes into what lives during the call.
        let _ = unsafe { pthread_setcancelstate(DISABLE, &raw mut before) };
        Self(before)
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        // SAFETY: nothing is asked for.
        let _ = unsafe { pthread_setcancelstate(self.0, std::ptr::null_mut()) };
    }
}

/// Whatever happens here, C++ gets a status.
fn guarded(make: impl FnOnce(&'static Original) -> c_int) -> c_int {
    let _uncancelled = Uncancelled::new();
    let unexpected = HResult::VD_E_UNEXPECTED.0.cast_signed();
    let made = catch_unwind(AssertUnwindSafe(|| original().map(make)));
    made.ok().flatten().unwrap_or(unexpected)
}

/// A set is about to be created at this address, or opened as a secondary client.
#[expect(clippy::print_stderr, reason = "who asks for a trace hears why there is none")]
fn begin(this: Object, name: &str, process: Process) {
    if let Err(error) = record::begin(this.addr(), name, process, "libsqlvdi") {
        eprintln!("libsqlvdi-record: {error}");
    }
}

/// A time-out, in the unit of the original: milliseconds, unless `VDI_TIMEOUT_UNIT` says
/// `seconds`, as it does to our own library.
fn wait(time: c_long) -> Option<u32> {
    static SECONDS: OnceLock<bool> = OnceLock::new();
    milliseconds(time, *SECONDS.get_or_init(|| TIMEOUT_UNIT.is("seconds")))
}

/// A name for the trace; bytes that are no text are shown as such.
fn text(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: not null, so by contract a text that ends with a zero.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

/// What lies at an address that was given for a result, if one was.
fn given<T: Copy>(place: *const T) -> Option<T> {
    // SAFETY: null, or a place of the client's for such a value, which the original has
    // just filled in, or the client before.
    unsafe { place.as_ref() }.copied()
}

macro_rules! specials {
    ($( $symbol:literal => $name:ident, $forward:ident, $forgets:expr; )+) => { $(
        // SAFETY: the symbol is the library's own by the published interface.
        #[unsafe(export_name = $symbol)]
        extern "C" fn $name(this: Object) {
            let _uncancelled = Uncancelled::new();
            let _ = catch_unwind(AssertUnwindSafe(|| {
                if let Some(original) = original() {
                    // SAFETY: what C++ hands over, to the function it is meant for.
                    unsafe { (original.$forward)(this) };
                }
                if $forgets {
                    record::forget(this.addr());
                }
            }));
        }
    )+ };
}

specials! {
    "_ZN22ClientVirtualDeviceSetC1Ev" => set_new, set_new, true;
    "_ZN22ClientVirtualDeviceSetC2Ev" => set_new_base, set_new, true;
    "_ZN22ClientVirtualDeviceSetD1Ev" => set_delete, set_delete, true;
    "_ZN22ClientVirtualDeviceSetD2Ev" => set_delete_base, set_delete, true;
    "_ZN19ClientVirtualDeviceC1Ev" => device_new, device_new, false;
    "_ZN19ClientVirtualDeviceC2Ev" => device_new_base, device_new, false;
    "_ZN19ClientVirtualDeviceD1Ev" => device_delete, device_delete, true;
    "_ZN19ClientVirtualDeviceD2Ev" => device_delete_base, device_delete, true;
}

macro_rules! functions {
    ($( $symbol:literal => fn $name:ident($this:ident $(, $arg:ident: $type:ty)*) = $body:expr; )+) => { $(
        // SAFETY: the symbol is the library's own by the published interface.
        #[unsafe(export_name = $symbol)]
        extern "C" fn $name($this: Object $(, $arg: $type)*) -> c_int {
            guarded(|original| {
                // SAFETY: what C++ hands over, to the function it is meant for.
                let make = || unsafe { (original.$name)($this $(, $arg)*) };
                recorded(&make, &$body)
            })
        }
    )+ };
}

functions! {
    "_ZN22ClientVirtualDeviceSet6CreateEPcP8VDConfig" =>
        fn create(this, name: *const c_char, config: *mut RawConfig) =
            |make: Make<'_>| {
                let name = text(name);
                begin(this, &name, Process::Primary);
                let args = record::asked(&name, given(config));
                calls::on_set(this.addr(), Function::Create, args, make)
            };
    "_ZN22ClientVirtualDeviceSet16GetConfigurationElP8VDConfig" =>
        fn get_configuration(this, time: c_long, config: *mut RawConfig) =
            |make: Make<'_>| {
                calls::get_configuration(this.addr(), wait(time), make, &|| given(config))
            };
    "_ZN22ClientVirtualDeviceSet10OpenDeviceEPcPP19ClientVirtualDevice" =>
        fn open_device(this, name: *const c_char, device: *mut Object) =
            |make: Make<'_>| {
                let opened = || given(device).map(|device| device.addr());
                calls::open_device(this.addr(), &text(name), make, &opened)
            };
    "_ZN22ClientVirtualDeviceSet5CloseEv" => fn close(this) =
            |make: Make<'_>| calls::on_set(this.addr(), Function::Close, Args::default(), make);
    "_ZN22ClientVirtualDeviceSet11SignalAbortEv" => fn signal_abort(this) =
            |make: Make<'_>| {
                calls::on_set(this.addr(), Function::SignalAbort, Args::default(), make)
            };
    "_ZN22ClientVirtualDeviceSet15OpenInSecondaryEPc" =>
        fn open_in_secondary(this, name: *const c_char) =
            |make: Make<'_>| {
                let name = text(name);
                begin(this, &name, Process::Secondary(1));
                let args = record::named(&name);
                calls::on_set(this.addr(), Function::OpenInSecondary, args, make)
            };
    "_ZN22ClientVirtualDeviceSet15GetBufferHandleEPhPj" =>
        fn get_buffer_handle(this, buffer: *mut u8, handle: *mut c_uint) =
            |make: Make<'_>| {
                calls::get_buffer_handle(this.addr(), buffer.addr(), make, &|| given(handle))
            };
    "_ZN22ClientVirtualDeviceSet15MapBufferHandleEiPPh" =>
        fn map_buffer_handle(this, handle: c_int, buffer: *mut *mut u8) =
            |make: Make<'_>| {
                let mapped = || given(buffer).map(|at| at.addr());
                calls::map_buffer_handle(this.addr(), handle.cast_unsigned(), make, &mapped)
            };
    "_ZN22ClientVirtualDeviceSet20RegisterDeviceClosedEv" =>
        // Documented nowhere, so no event stands for it.
        fn register_device_closed(this) = |make: Make<'_>| make();
    "_ZN19ClientVirtualDevice10GetCommandElPP11VDC_Command" =>
        fn get_command(this, time: c_long, command: *mut *mut RawCommand) =
            |make: Make<'_>| {
                let delivered = || {
                    let at = given(command)?;
                    Some((at.addr(), given(at)?))
                };
                calls::get_command(this.addr(), wait(time), make, &delivered)
            };
    "_ZN19ClientVirtualDevice15CompleteCommandEP11VDC_Commandiml" =>
        fn complete_command(
            this, command: *mut RawCommand, code: c_int, bytes: c_ulong, position: i64
        ) =
            |make: Make<'_>| {
                let completed = Completed { code, bytes, position };
                let now = || given(command);
                calls::complete_command(this.addr(), command.addr(), completed, make, &now)
            };
}
