//! Open files of sets, and what the kernel releases when a process dies: a lock a side on
//! the open file description.
//!
//! A lock belongs to the description, not to a process: it goes with the last descriptor,
//! however the process ends, in whatever pid, user, time or mount namespace it was, and
//! nobody's numbers are compared. Execution of another program closes it, too. A child by
//! fork has the descriptor as well, and would keep its parent alive: it lets go before
//! fork returns there. A child by a bare clone does not. Memory that was mapped from a
//! description keeps it, too, so locks are taken on one that nothing is mapped from.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicI32, Ordering};

use super::chain::{Chain, Link};

/// The descriptors of this process that no child may keep, or -1.
static OPEN: Chain<Number> = Chain::new();

struct Number(AtomicI32);

impl Default for Number {
    fn default() -> Self {
        Self(AtomicI32::new(-1))
    }
}

/// Where the first side's lock lies: far beyond the end of every object.
const PLACES: libc::off_t = 1 << 46;

/// An open file that a child by fork does not keep.
pub(crate) struct Description {
    file: OwnedFd,
    link: &'static Link<Number>,
}

impl Description {
    pub(crate) fn new(file: OwnedFd) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the function does what a child may do, and does not unwind. If there
            // is no room for it, children keep what they have.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(let_go_in_child)) };
        });
        let link = OPEN.take();
        link.item.0.store(file.as_raw_fd(), Ordering::Release);
        Self { file, link }
    }

    /// Takes the lock of a place; false if somebody else has it.
    pub(crate) fn hold(&self, place: usize) -> io::Result<bool> {
        match self.lock(libc::F_OFD_SETLK, libc::F_WRLCK, place) {
            Ok(_) => Ok(true),
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EACCES) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Gives it back. The kernel does the same at the end of the process.
    pub(crate) fn let_go(&self, place: usize) {
        let _ = self.lock(libc::F_OFD_SETLK, libc::F_UNLCK, place);
    }

    /// Whether somebody else, be it in this process, holds it.
    pub(crate) fn is_held(&self, place: usize) -> io::Result<bool> {
        self.lock(libc::F_OFD_GETLK, libc::F_WRLCK, place).map(|kind| kind != libc::F_UNLCK)
    }

    fn lock(&self, what: libc::c_int, kind: libc::c_int, place: usize) -> io::Result<libc::c_int> {
        let mut lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: PLACES + place as libc::off_t,
            l_len: 1,
            l_pid: 0,
        };
        loop {
            // SAFETY: a descriptor that is open, and a lock that outlives the call.
            let done = unsafe { libc::fcntl(self.file.as_raw_fd(), what, &raw mut lock) };
            if done == 0 {
                return Ok(lock.l_type.into());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

impl AsFd for Description {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        // Before it is closed: the number may be another file's then.
        self.link.item.0.store(-1, Ordering::Release);
        self.link.release();
    }
}

impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Description").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Runs in a child before fork returns. The numbers stay taken, by what nobody misses, so
/// that no other file of the child gets one of them and is closed in its place.
extern "C" fn let_go_in_child() {
    let mut nothing: RawFd = -1;
    for link in OPEN.links() {
        let number = link.item.0.swap(-1, Ordering::AcqRel);
        if number < 0 {
            continue;
        }
        // SAFETY: system calls that a child may make, on descriptors of this library.
        unsafe {
            if nothing < 0 {
                nothing = libc::eventfd(0, libc::EFD_CLOEXEC);
            }
            if nothing < 0 || libc::dup3(nothing, number, libc::O_CLOEXEC) < 0 {
                libc::close(number);
            }
        }
    }
    if nothing >= 0 {
        // SAFETY: as above.
        unsafe { libc::close(nothing) };
    }
}

/// The tick of the system's clock, which is read without a system call. rustix looks for the
/// function itself, and falls over Valgrind, which hides it.
pub(crate) fn tick() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time goes into what lives during the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    // It is the same or another; that it wraps after centuries does not matter.
    now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
}
