//! Memory for an object that C++ may `delete`, and a C program `free`: from the program's own
//! `operator new` if it has one, else from `malloc`.
//!
//! A program that brings its own operators, or has the C++ library linked into it, shows them
//! to nobody unless a library asks for them when it is linked. This one does, weakly: where
//! there are none, it is none the worse.

use std::ffi::{CStr, c_void};

std::arch::global_asm!(
    ".weak _Znwm",
    ".weak _ZnwmRKSt9nothrow_t",
    ".weak _ZdlPv",
    ".pushsection .data.rel.ro.sqlvdi, \"aw\"",
    ".balign 8",
    ".globl sqlvdi_operators",
    ".hidden sqlvdi_operators",
    "sqlvdi_operators:",
    ".quad _ZnwmRKSt9nothrow_t",
    ".quad _Znwm",
    ".quad _ZdlPv",
    ".popsection",
);

unsafe extern "C" {
    /// The addresses of three functions, as the dynamic linker has found them, or null.
    static sqlvdi_operators: [*const c_void; 3];
}

/// operator new(std::size_t, const std::nothrow_t &), which gives null, and throws not;
/// operator new(std::size_t); operator delete(void *).
const NAMES: [&CStr; 3] = [c"_ZnwmRKSt9nothrow_t", c"_Znwm", c"_ZdlPv"];

/// One of them; null if the program has none, be it loaded later than this library.
fn operator(index: usize) -> *const c_void {
    // SAFETY: written by the dynamic linker, before anything of this library runs.
    let found = unsafe { sqlvdi_operators[index] };
    if !found.is_null() {
        return found;
    }
    // SAFETY: a text that ends with a zero; nothing else is asked of the caller.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, NAMES[index].as_ptr()) }
}

/// So many bytes for an object; null if there are none.
pub(super) fn allocate(size: usize) -> *mut c_void {
    type NewNothrow = unsafe extern "C" fn(usize, *const c_void) -> *mut c_void;
    type New = unsafe extern "C" fn(usize) -> *mut c_void;
    let (nothrow, plain) = (operator(0), operator(1));
    // SAFETY: each symbol is that function by the C++ ABI; the tag has no content, so any
    // address does for it. malloc may be called with any size.
    unsafe {
        if !nothrow.is_null() {
            std::mem::transmute::<*const c_void, NewNothrow>(nothrow)(
                size,
                NAMES[0].as_ptr().cast(),
            )
        } else if !plain.is_null() {
            std::mem::transmute::<*const c_void, New>(plain)(size)
        } else {
            libc::malloc(size)
        }
    }
}

/// Gives memory of [`allocate`] back.
pub(super) fn release(object: *mut c_void) {
    type Delete = unsafe extern "C" fn(*mut c_void);
    let delete = operator(2);
    // SAFETY: as in `allocate`: `operator delete`, for what `operator new` has given; without
    // either it came from malloc.
    unsafe {
        if delete.is_null() {
            libc::free(object);
        } else {
            std::mem::transmute::<*const c_void, Delete>(delete)(object);
        }
    }
}
