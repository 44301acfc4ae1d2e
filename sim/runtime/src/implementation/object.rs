//! The shared memory object of a set: its file, its name, its length.

use std::fs;
use std::os::fd::AsFd;

use rustix::event::{Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, Stat, flock, fstat, lstat, open};

use super::refusal::{Refusal, reserve};
use super::shm::{Description, Mapping, PAGE, Segment};

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
    pub(super) fn reopened(&self) -> Result<Option<Description>, Refusal> {
        match open_object(&self.name, OFlags::RDWR, Mode::empty()) {
            Ok(file) => Ok(fstat(&file).is_ok_and(|again| self.is(&again)).then_some(file)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(Refusal::of("open", 0)(error)),
        }
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

    /// Makes the object longer, up to the end of this stretch of the buffer area.
    pub(super) fn grow(&self, control: usize, start: u64, length: u64) -> Result<(), Refusal> {
        reserve(&self.file, control as u64 + start, length)
    }

    /// Maps this stretch of the buffer area; `None` if that cannot be.
    pub(super) fn map(
        &self,
        control: usize,
        start: u64,
        length: u64,
        alignment: u64,
    ) -> Result<Option<Segment>, Refusal> {
        let Some((offset, length, alignment)) = self.stretch(control, start, length, alignment)
        else {
            return Ok(None);
        };
        let mapped = Mapping::new(self.file.as_fd(), offset, length, alignment);
        let mapped = mapped.map_err(Refusal::of("mmap", length as u64))?;
        Ok(Some(Segment::Shared(mapped)))
    }

    fn stretch(
        &self,
        control: usize,
        start: u64,
        length: u64,
        alignment: u64,
    ) -> Option<(u64, usize, usize)> {
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
        Some((offset, length, alignment))
    }
}
