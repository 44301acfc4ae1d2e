//! The library that this is linked into: what holds it, and where it lies.

use windows_sys::Win32::Foundation::{HMODULE, MAX_PATH};
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
    GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleFileNameW, GetModuleHandleExW,
};

/// This library, and what is asked of it besides.
fn this(flag: u32) -> HMODULE {
    static HERE: u8 = 0;
    let mut module = std::ptr::null_mut();
    // SAFETY: an address within this library, which is loaded, since this runs.
    unsafe {
        let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | flag;
        GetModuleHandleExW(flags, (&raw const HERE).cast(), &raw mut module)
    };
    module
}

/// From here on this library stays until the process ends.
pub fn pin() {
    this(GET_MODULE_HANDLE_EX_FLAG_PIN);
}

/// This library, as the system calls it.
#[must_use]
pub fn handle() -> HMODULE {
    this(GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT)
}

/// The path of this library, with its zero; `None` if it is longer than paths are.
#[must_use]
pub fn path() -> Option<Vec<u16>> {
    let mut path = vec![0_u16; 32 * MAX_PATH as usize];
    let room = u32::try_from(path.len()).unwrap_or(MAX_PATH);
    // SAFETY: so many characters of room.
    let length = unsafe { GetModuleFileNameW(handle(), path.as_mut_ptr(), room) };
    if length == 0 || length >= room {
        return None;
    }
    path.truncate(length as usize + 1);
    Some(path)
}
