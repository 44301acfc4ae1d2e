//! The functions that COM, `regsvr32` and the system look for by name.

use std::ffi::c_void;
use std::panic::catch_unwind;

use vdi_com::registry::Whose;
use vdi_com::{CLIENT_CLASS, IClassFactory};
use vdi_recorder::half;
use windows_core::{BOOL, GUID, HRESULT, IUnknown, Interface as _, PCWSTR};

use crate::factory::Factory;
use crate::original::Original;
use crate::register;

const E_POINTER: HRESULT = HRESULT(0x8000_4003_u32.cast_signed());
const CLASS_E_CLASSNOTAVAILABLE: HRESULT = HRESULT(0x8004_0111_u32.cast_signed());

// SAFETY: the name is the one by which COM looks for this function.
#[unsafe(no_mangle)]
unsafe extern "system" fn DllGetClassObject(
    class: *const GUID,
    iid: *const GUID,
    to: *mut *mut c_void,
) -> HRESULT {
    if class.is_null() || iid.is_null() || to.is_null() {
        return E_POINTER;
    }
    let original = catch_unwind(Original::get).ok().flatten();
    // SAFETY: pointers of the caller's, and none is null; what the original has given is an
    // object with a reference that is handed on, or let go.
    unsafe {
        to.write_unaligned(std::ptr::null_mut());
        let Some(original) = original else { return CLASS_E_CLASSNOTAVAILABLE };
        if *class == CLIENT_CLASS {
            let factory = IClassFactory::IID;
            let (status, object) = original.class(class, &raw const factory);
            if status.is_ok() && !object.is_null() {
                let factory = Factory(IClassFactory::from_raw(object));
                if IUnknown::from(factory).query(iid, to).is_ok() {
                    return status;
                }
            }
        }
        let (status, object) = original.class(class, iid);
        to.write_unaligned(object);
        status
    }
}

// SAFETY: the name is the one by which COM looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllCanUnloadNow() -> HRESULT {
    let original = catch_unwind(Original::get).ok().flatten();
    original.map_or(HRESULT(0), Original::can_unload)
}

// SAFETY: the name is the one by which regsvr32 looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllRegisterServer() -> HRESULT {
    register::put_before(Whose::Machine)
}

// SAFETY: the name is the one by which regsvr32 looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllUnregisterServer() -> HRESULT {
    register::take_away(Whose::Machine)
}

/// `regsvr32 /n /i:user sqlvdi-record.dll`: for this user alone.
// SAFETY: the name is the one by which regsvr32 looks for this function.
#[unsafe(no_mangle)]
unsafe extern "system" fn DllInstall(install: BOOL, words: PCWSTR) -> HRESULT {
    // SAFETY: null, or a text that ends with a zero.
    let user = !words.is_null() && unsafe { words.as_wide() } == [117, 115, 101, 114];
    let whose = if user { Whose::User } else { Whose::Machine };
    if install.as_bool() { register::put_before(whose) } else { register::take_away(whose) }
}

/// The process ends by itself, or lets this library go, which it never does: it is pinned.
// SAFETY: the name is the one by which the system looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllMain(_: *mut c_void, why: u32, ends: *mut c_void) -> BOOL {
    const DETACHED: u32 = 0;
    if why == DETACHED && !ends.is_null() {
        // The other threads are gone, and what one held it lets go no more.
        let _ = catch_unwind(|| half::end_all(true));
    }
    BOOL(1)
}
