//! The one way to C++: the exported functions, and everything unsafe of this crate.
//!
//! Every pointer that comes in is null, or what the published interface says of it: that
//! is the contract of a C++ program with the library, and nothing can check it. Pointers
//! are read or written here, once, and never kept; what goes out stays valid until the
//! completion of the command, or the Close of the set.

mod operators;
mod process;

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Once;

use vdi_spec::abi::{RawCommand, RawConfig};
use vdi_spec::codes::HResult;

use crate::calls::{self, Result};
use crate::objects::{self, Token};
use crate::settings::Settings;

use operators::{allocate, release};
use process::Uncancelled;

/// A C++ object of either class: one pointer, in which a number stands.
#[derive(Debug)]
#[repr(C)]
struct Object(u64);

const _: () = assert!(size_of::<Object>() == size_of::<*mut c_void>());

/// The number in an object; 0 if there is no object.
fn token(this: *const Object) -> Token {
    // SAFETY: null, or an object of the client's.
    Token(unsafe { this.as_ref() }.map_or(0, |object| object.0))
}

/// Constructs an object.
fn construct(this: *mut Object, token: Token) {
    if !this.is_null() {
        // SAFETY: memory of the size of an object, for which the constructor is called.
        unsafe { this.write(Object(token.0)) };
    }
}

/// Destroys an object, after which it stands for nothing.
fn destroy(this: *mut Object) {
    let token = token(this);
    construct(this, Token(0));
    objects::forget(token);
}

/// A name that C++ gives.
fn name<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: null, or a text that ends with a zero and outlives the call, by contract.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// Writes a result where C++ wants it; VD_E_INVALID if it wants it nowhere.
fn give<T>(to: *mut T, result: Result<T>, nothing: Option<T>) -> Result<()> {
    let to = NonNull::new(to).ok_or(HResult::VD_E_INVALID)?;
    let (value, status) = match result {
        Ok(value) => (Some(value), Ok(())),
        Err(status) => (nothing, Err(status)),
    };
    if let Some(value) = value {
        // SAFETY: not null, so by contract a place for such a value.
        unsafe { to.write(value) };
    }
    status
}

/// Makes a call on behalf of C++: whatever happens, what comes back is a status.
fn call(what: &str, make: impl FnOnce() -> Result<()>) -> c_int {
    prepare();
    let _uncancelled = Uncancelled::new();
    let result = catch_unwind(AssertUnwindSafe(make));
    let status = result.unwrap_or(Err(HResult::VD_E_UNEXPECTED)).err().unwrap_or(HResult::NOERROR);
    // The end of a device, or of the time, is no fault.
    let expected = [HResult::VD_E_CLOSE, HResult::VD_E_TIMEOUT].contains(&status);
    if status.is_failure() && !expected {
        // What cannot be told is not told.
        let _ = catch_unwind(|| Settings::get().debug(|| format!("{what}: {status}")));
    }
    status.0.cast_signed()
}

/// Once per process: panics are silent unless asked for, and a fork finds everything whole.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = catch_unwind(Settings::get);
        process::watch_forks();
        std::panic::set_hook(Box::new(|panic| Settings::get().debug(|| panic.to_string())));
    });
}

/// The end of the process closes what is open: after all that the program itself does then,
/// in what it has registered with `atexit` and in destructors.
// SAFETY: what stands in this section is called once, without arguments that matter, when
// the library is unloaded or the process ends; the function does not unwind.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = at_end;

extern "C" fn at_end() {
    let _uncancelled = Uncancelled::new();
    let _ = catch_unwind(objects::end_all);
    vdi_runtime::release_process();
}

macro_rules! constructors {
    ($( $symbol:literal => $name:ident, $token:expr; )+) => { $(
        // SAFETY: the symbol is the library's own by the published interface.
        #[unsafe(export_name = $symbol)]
        extern "C" fn $name(this: *mut Object) {
            prepare();
            let _uncancelled = Uncancelled::new();
            construct(this, catch_unwind(|| $token).unwrap_or(Token(0)));
        }
    )+ };
}

macro_rules! destructors {
    ($( $symbol:literal => $name:ident; )+) => { $(
        // SAFETY: the symbol is the library's own by the published interface.
        #[unsafe(export_name = $symbol)]
        extern "C" fn $name(this: *mut Object) {
            let _uncancelled = Uncancelled::new();
            let _ = catch_unwind(|| destroy(this));
        }
    )+ };
}

constructors! {
    "_ZN22ClientVirtualDeviceSetC1Ev" => set_new, objects::new_set();
    "_ZN22ClientVirtualDeviceSetC2Ev" => set_new_base, objects::new_set();
    // A device that OpenDevice has not opened.
    "_ZN19ClientVirtualDeviceC1Ev" => device_new, Token(0);
    "_ZN19ClientVirtualDeviceC2Ev" => device_new_base, Token(0);
}

destructors! {
    "_ZN22ClientVirtualDeviceSetD1Ev" => set_delete;
    "_ZN22ClientVirtualDeviceSetD2Ev" => set_delete_base;
    "_ZN19ClientVirtualDeviceD1Ev" => device_delete;
    "_ZN19ClientVirtualDeviceD2Ev" => device_delete_base;
}

macro_rules! functions {
    ($( $symbol:literal => fn $name:ident($this:ident $(, $arg:ident: $type:ty)*) $body:block )+) => { $(
        // SAFETY: the symbol is the library's own by the published interface.
        #[unsafe(export_name = $symbol)]
        extern "C" fn $name($this: *mut Object $(, $arg: $type)*) -> c_int {
            call(stringify!($name), || $body)
        }
    )+ };
}

functions! {
    "_ZN22ClientVirtualDeviceSet6CreateEPcP8VDConfig" => fn create(this, text: *const c_char, config: *const RawConfig) {
        // SAFETY: null, or a configuration of the client's.
        let config = unsafe { config.as_ref() }.copied();
        calls::create(token(this), name(text), config)
    }
    "_ZN22ClientVirtualDeviceSet16GetConfigurationElP8VDConfig" => fn get_configuration(this, time: c_long, config: *mut RawConfig) {
        if config.is_null() {
            return Err(HResult::VD_E_INVALID);
        }
        give(config, calls::get_configuration(token(this), time), None)
    }
    "_ZN22ClientVirtualDeviceSet10OpenDeviceEPcPP19ClientVirtualDevice" => fn open_device(this, text: *const c_char, device: *mut *mut Object) {
        if device.is_null() {
            return Err(HResult::VD_E_INVALID);
        }
        let opened = || {
            // First, since a device that was opened cannot be given back.
            let object = allocate(size_of::<Object>()).cast::<Object>();
            if object.is_null() {
                return Err(HResult::VD_E_MEMORY);
            }
            let opened = calls::open_device(token(this), name(text));
            construct(object, *opened.as_ref().unwrap_or(&Token(0)));
            opened.map(|_| object).inspect_err(|_| release(object.cast()))
        };
        give(device, opened(), Some(std::ptr::null_mut()))
    }
    "_ZN22ClientVirtualDeviceSet5CloseEv" => fn close(this) { calls::close(token(this)) }
    "_ZN22ClientVirtualDeviceSet11SignalAbortEv" => fn signal_abort(this) { calls::signal_abort(token(this)) }
    "_ZN22ClientVirtualDeviceSet15OpenInSecondaryEPc" => fn open_in_secondary(this, text: *const c_char) {
        calls::open_in_secondary(token(this), name(text))
    }
    "_ZN22ClientVirtualDeviceSet15GetBufferHandleEPhPj" => fn get_buffer_handle(this, buffer: *const u8, to: *mut c_uint) {
        give(to, calls::get_buffer_handle(token(this), buffer.addr()), Some(0))
    }
    "_ZN22ClientVirtualDeviceSet15MapBufferHandleEiPPh" => fn map_buffer_handle(this, handle: c_int, to: *mut *mut u8) {
        let mapped = calls::map_buffer_handle(token(this), handle.cast_unsigned());
        give(to, mapped, Some(std::ptr::null_mut()))
    }
    // Exported by the published library and documented nowhere: it has nothing to do here.
    "_ZN22ClientVirtualDeviceSet20RegisterDeviceClosedEv" => fn register_device_closed(_this) { Ok(()) }
    "_ZN19ClientVirtualDevice10GetCommandElPP11VDC_Command" => fn get_command(this, time: c_long, to: *mut *mut RawCommand) {
        if to.is_null() {
            return Err(HResult::VD_E_INVALID);
        }
        give(to, calls::get_command(token(this), time), Some(std::ptr::null_mut()))
    }
    "_ZN19ClientVirtualDevice15CompleteCommandEP11VDC_Commandiml" => fn complete_command(
        this, command: *const RawCommand, code: c_int, bytes: c_ulong, position: c_long
    ) {
        calls::complete_command(token(this), command.addr(), code, bytes, position)
    }
}
