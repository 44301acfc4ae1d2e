//! What the system refuses, and the status that it comes to.

use std::io;

use rustix::fs::{FallocateFlags, fallocate, ftruncate};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Resource, getrlimit};

use super::room;
use super::shm::Description;
use vdi_spec::codes::HResult;

/// A call of the system's that was refused, or would have ended the process.
#[derive(Debug)]
pub(super) struct Refusal {
    call: &'static str,
    bytes: u64,
    error: io::Error,
}

impl Refusal {
    /// The refusal of a call, to be given its error.
    pub(super) fn of<E: Into<io::Error>>(call: &'static str, bytes: u64) -> impl FnOnce(E) -> Self {
        move |error| Self { call, bytes, error: error.into() }
    }

    /// What whoever looks for a fault is told: the call, its size, the object's path, the
    /// error and its number.
    pub(super) fn told(&self, path: &str) -> String {
        let Self { call, bytes, error } = self;
        format!("{call}, {bytes} bytes, {path}: {error}")
    }

    /// The status of the call of the interface that met it. What there is too little of is
    /// memory, whatever the system counts; what may not be is security.
    pub(super) fn status(&self) -> HResult {
        let Some(error) = Errno::from_io_error(&self.error) else { return HResult::VD_E_MEMORY };
        match error {
            Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::LOOP => HResult::VD_E_SECURITY,
            Errno::NAMETOOLONG | Errno::INVAL => HResult::VD_E_INVALID,
            // No room in memory, in the file system, in the quota, below a limit, in the table
            // of files; no place for shared memory at all, or one that cannot hold any.
            Errno::NOMEM
            | Errno::NOSPC
            | Errno::DQUOT
            | Errno::FBIG
            | Errno::OVERFLOW
            | Errno::AGAIN
            | Errno::MFILE
            | Errno::NFILE
            | Errno::NOLCK
            | Errno::NOENT
            | Errno::NOTDIR
            | Errno::NODEV
            | Errno::OPNOTSUPP => HResult::VD_E_MEMORY,
            _ => HResult::VD_E_UNEXPECTED,
        }
    }
}

/// Makes a file so long and has the memory for it, now: later it could only be missed
/// by being killed.
pub(super) fn reserve(file: &Description, offset: u64, length: u64) -> Result<(), Refusal> {
    let end = offset.checked_add(length).ok_or(Errno::OVERFLOW);
    let end = end.map_err(Refusal::of("ftruncate", length))?;
    // Beyond it there is a signal, which ends the process.
    if getrlimit(Resource::Fsize).current.is_some_and(|most| most < end) {
        return Err(Refusal::of("ftruncate", end)(Errno::FBIG));
    }
    retry_on_intr(|| ftruncate(file, end)).map_err(Refusal::of("ftruncate", end))?;
    if length > 0 {
        // Beyond it there is the system's killer.
        if room::left().is_some_and(|left| left < length) {
            return Err(Refusal::of("fallocate", length)(Errno::NOMEM));
        }
        let flags = FallocateFlags::empty();
        retry_on_intr(|| fallocate(file, flags, offset, length))
            .map_err(Refusal::of("fallocate", length))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_told_and_has_a_status() {
        let refusal = Refusal::of("fallocate", 4096)(Errno::NOSPC);
        let told = refusal.told("/dev/shm/S_SQLVDIMemoryName_0");
        let begins = "fallocate, 4096 bytes, /dev/shm/S_SQLVDIMemoryName_0: ";
        assert!(told.starts_with(begins) && told.ends_with("(os error 28)"), "{told}");
        let status = |error: Errno| Refusal::of("open", 0)(error).status();
        assert_eq!(status(Errno::NOSPC), HResult::VD_E_MEMORY);
        assert_eq!(status(Errno::ROFS), HResult::VD_E_SECURITY);
        assert_eq!(status(Errno::NAMETOOLONG), HResult::VD_E_INVALID);
        assert_eq!(status(Errno::IO), HResult::VD_E_UNEXPECTED);
    }
}
