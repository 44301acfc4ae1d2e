//! The functions that COM, `regsvr32` and others look for by name.

use std::ffi::c_void;

use vdi_com::registry::Whose;
use vdi_com::{CLIENT_CLASS, SERVER_CLASS};
use windows_core::{BOOL, GUID, HRESULT, Interface as _, PCWSTR};

use crate::defects::{Defect, has};
use crate::factory::{Half, factory};
use crate::module;
use crate::register;

const S_FALSE: HRESULT = HRESULT(1);
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
    // SAFETY: pointers of the caller's, and none is null.
    unsafe {
        to.write_unaligned(std::ptr::null_mut());
        let half = match *class {
            SERVER_CLASS if has(Defect::NoServerClass) => return CLASS_E_CLASSNOTAVAILABLE,
            CLIENT_CLASS => Half::Client,
            SERVER_CLASS if !has(Defect::AnyClass) => Half::Server,
            _ if has(Defect::AnyClass) => Half::Client,
            _ => return CLASS_E_CLASSNOTAVAILABLE,
        };
        factory(half).query(iid, to)
    }
}

// SAFETY: the name is the one by which COM looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllCanUnloadNow() -> HRESULT {
    if module::is_unused() { HRESULT(0) } else { S_FALSE }
}

// SAFETY: the name is the one by which regsvr32 looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllRegisterServer() -> HRESULT {
    register::register(Whose::Machine)
}

// SAFETY: the name is the one by which regsvr32 looks for this function.
#[unsafe(no_mangle)]
extern "system" fn DllUnregisterServer() -> HRESULT {
    register::unregister(Whose::Machine)
}

/// `regsvr32 /n /i:user sqlvdi.dll`: for this user alone.
// SAFETY: the name is the one by which regsvr32 looks for this function.
#[unsafe(no_mangle)]
unsafe extern "system" fn DllInstall(install: BOOL, words: PCWSTR) -> HRESULT {
    // SAFETY: null, or a text that ends with a zero.
    let user = !words.is_null() && unsafe { words.as_wide() } == [117, 115, 101, 114];
    let whose = if user { Whose::User } else { Whose::Machine };
    if install.as_bool() { register::register(whose) } else { register::unregister(whose) }
}
