//! Whether any call of the program came here. A recorder that is preloaded sees what the
//! program is linked with; who finds the functions itself, in a library that it has loaded,
//! passes it by, and nothing would be recorded without a word.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use vdi_recorder::settings::RECORD;

/// Whether a call came.
static REACHED: AtomicBool = AtomicBool::new(false);
/// The process into which this library was loaded.
static LOADED_INTO: AtomicU32 = AtomicU32::new(0);

pub(crate) fn begin() {
    LOADED_INTO.store(std::process::id(), Ordering::Release);
}

/// A call came.
pub(crate) fn note() {
    REACHED.store(true, Ordering::Release);
}

/// Whether this process is a child, by fork, of the one that has loaded this library.
pub(crate) fn is_child() -> bool {
    LOADED_INTO.load(Ordering::Acquire) != std::process::id()
}

/// At the end of a process that has a client library, and made no call that came here.
pub(crate) fn tell() {
    if REACHED.load(Ordering::Acquire) || is_child() || RECORD.get().is_none() || !has_library() {
        return;
    }
    // Where nobody listens nothing is told.
    let _ = writeln!(
        io::stderr(),
        "libsqlvdi-record: this process has libsqlvdi.so, and no call of it came to the recorder: \
         nothing is recorded. A program that finds the functions itself (dlopen and dlsym; ctypes, \
         JNA, LuaJIT) is to load libsqlvdi-record.so in the place of libsqlvdi.so, with \
         VDI_ORIGINAL naming that by its path"
    );
}

/// Whether a client library is mapped here.
fn has_library() -> bool {
    let is_one = |name: &str| name == "libsqlvdi.so" || name.starts_with("libsqlvdi.so.");
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let names = maps.lines().filter_map(|line| Path::new(line).file_name()?.to_str());
    names.into_iter().any(is_one)
}
