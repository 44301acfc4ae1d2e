//! The shared memory object of a set: its file, its name, its length.

use std::fs;
use std::os::fd::AsFd;

use rustix::event::{Timespec, poll};
use rustix::fs::{
    FallocateFlags, FlockOperation, Mode, OFlags, Stat, fallocate, flock, fstat, ftruncate, lstat,
    open,
};

use super::shm::{Description, Mapping, PAGE, Segment};
use vdi_spec::codes::HResult;

/// Where the system keeps its shared memory objects: what `shm_open` opens is a file here.
pub(super) const PLACE: &str = "/dev/shm";

/// How often, and with what pause, another's decision about an object is waited for.
const PATIENCE: (u32, Timespec) = (20, Timespec { tv_sec: 0, tv_nsec: 5_000_000 });

/// The shared memory object of a set.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) file: Description,
}

/// What `shm_open` does, and follows no link.
pub(super) fn open_object(
    name: &str,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<Description> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    open(format!("{PLACE}{name}"), flags, mode).map(Description::new)
}

impl Object {
    /// Whether the name is still this object's.
    pub(super) fn is_named(&self) -> bool {
        lstat(format!("{PLACE}{}", self.name)).is_ok_and(|named| self.is(&named))
    }

    fn is(&self, other: &Stat) -> bool {
        let same = |own: Stat| (other.st_dev, other.st_ino) == (own.st_dev, own.st_ino);
        fstat(&self.file).is_ok_and(same)
    }

    /// The same object, opened once more by its name; `None` if that is another's now.
    pub(super) fn reopened(&self) -> Option<Description> {
        let file = open_object(&self.name, OFlags::RDWR, Mode::empty()).ok()?;
        fstat(&file).is_ok_and(|again| self.is(&again)).then_some(file)
    }

    /// Removes the name if it is this object's, and not while another decides on it; but
    /// who decides for long is not waited for.
    pub(super) fn unlink(&self) {
        let (times, pause) = PATIENCE;
        let mut locked = false;
        for _ in 0..times {
            locked = flock(&self.file, FlockOperation::NonBlockingLockExclusive).is_ok();
            if locked {
                break;
            }
            // Nothing is polled: the time-out is the pause.
            let _ = poll(&mut [], Some(&pause));
        }
        self.unlink_locked();
        if locked {
            let _ = flock(&self.file, FlockOperation::Unlock);
        }
    }

    pub(super) fn unlink_locked(&self) {
        if self.is_named() {
            // Gone already is as good. Where another user made it the system may refuse:
            // then it stays until that user creates a set of this name again.
            let _ = fs::remove_file(format!("{PLACE}{}", self.name));
        }
    }

    /// Makes the object longer, up to the end of this stretch of the buffer area; false
    /// if there is not so much memory.
    pub(super) fn grow(&self, control: usize, start: u64, length: u64) -> bool {
        reserve(&self.file, control as u64 + start, length).is_ok()
    }

    /// Maps this stretch of the buffer area.
    pub(super) fn map(
        &self,
        control: usize,
        start: u64,
        length: u64,
        alignment: u64,
    ) -> Option<Segment> {
        let page = PAGE as u64;
        if !start.is_multiple_of(page) || !length.is_multiple_of(page) || length == 0 {
            return None;
        }
        let offset = (control as u64).checked_add(start)?;
        let length = usize::try_from(length).ok()?;
        // What lies beyond the end of the file must not be touched.
        let end = offset.checked_add(length as u64)?;
        if u64::try_from(fstat(&self.file).ok()?.st_size).ok()? < end {
            return None;
        }
        let alignment = usize::try_from(alignment).ok().filter(|align| align.is_power_of_two())?;
        Mapping::new(self.file.as_fd(), offset, length, alignment).ok().map(Segment::Shared)
    }
}

/// Makes a file so long and has the memory for it, now: later it could only be missed
/// by being killed.
pub(super) fn reserve(file: &Description, offset: u64, length: u64) -> std::io::Result<()> {
    let end = offset.checked_add(length).ok_or(std::io::ErrorKind::OutOfMemory)?;
    ftruncate(file, end)?;
    if length > 0 {
        fallocate(file, FallocateFlags::empty(), offset, length)?;
    }
    Ok(())
}

pub(super) fn out_of_memory(error: &std::io::Error) -> HResult {
    let errno = rustix::io::Errno::from_io_error(error);
    errno.map_or(HResult::VD_E_MEMORY, wrapped)
}

/// The status of an error of the operating system.
pub(super) fn wrapped(error: rustix::io::Errno) -> HResult {
    use rustix::io::Errno;
    match error {
        Errno::NOMEM | Errno::NOSPC | Errno::FBIG | Errno::OVERFLOW => HResult::VD_E_MEMORY,
        Errno::ACCESS | Errno::PERM => HResult::VD_E_SECURITY,
        Errno::NAMETOOLONG | Errno::INVAL => HResult::VD_E_INVALID,
        _ => HResult::VD_E_UNEXPECTED,
    }
}
