//! Memory of a file, mapped; files, read into it and written from it.

use std::fs::File;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::{fmt, io, slice};

use rustix::fs::fstat;
use rustix::io::{pread, pwrite};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use super::guard::Guarded;

/// What lengths and places of mappings are a multiple of.
pub(crate) const PAGE: usize = 64 * 1024;

/// A part of a file that is mapped, shared and writable, until this is dropped.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
    /// None for space that is only reserved.
    guard: Option<Guarded>,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: what is in it is given out as atomics, or copied.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes from `offset`, both multiples of [`PAGE`], at an address that
    /// is a multiple of `alignment`, a power of 2. The file should be as long as that: what
    /// is touched beyond its end is lost.
    pub(crate) fn new(
        file: BorrowedFd<'_>,
        offset: u64,
        length: usize,
        alignment: usize,
    ) -> io::Result<Self> {
        let alignment = alignment.max(PAGE);
        let room = length.checked_add(alignment).ok_or(io::ErrorKind::OutOfMemory)?;
        let (read_write, nothing) = (ProtFlags::READ | ProtFlags::WRITE, ProtFlags::empty());
        // SAFETY: new address space, touching nothing that exists.
        let reserved =
            unsafe { mmap_anonymous(ptr::null_mut(), room, nothing, MapFlags::PRIVATE)? };
        let slack = reserved.align_offset(alignment);
        // Reserved space that is given back on every way out of here.
        let whole = Self {
            start: NonNull::new(reserved.cast()).ok_or_else(no_memory)?,
            length: room,
            guard: None,
        };
        let start = reserved.wrapping_byte_add(slack);
        // SAFETY: `start` and `length` lie in the space reserved above, in which nothing is.
        let mapped = unsafe {
            mmap(start, length, read_write, MapFlags::SHARED | MapFlags::FIXED, file, offset)?
        };
        std::mem::forget(whole);
        // SAFETY: the reserved space before and behind the mapping, which nobody knows of.
        unsafe {
            if slack > 0 {
                munmap(reserved, slack)?;
            }
            if slack < alignment {
                munmap(mapped.byte_add(length), alignment - slack)?;
            }
        }
        let start = NonNull::new(mapped.cast()).ok_or_else(no_memory)?;
        let guard = Some(Guarded::new(mapped.expose_provenance(), length));
        Ok(Self { start, length, guard })
    }

    pub(super) const fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    pub(super) fn has_lost(&self) -> bool {
        self.guard.as_ref().is_some_and(Guarded::has_lost)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // First: the address may be another's soon.
        self.guard = None;
        // SAFETY: the mapping is ours, and no reference into it outlives `self`. If it
        // cannot be unmapped it stays, which harms nobody.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

fn no_memory() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
}

/// Words that processes share by mapping the same file. No part of the interface: what
/// it costs to hand over is measured beside what a bare futex costs, and that needs a
/// word to wait on.
pub struct SharedWords(Mapping);

impl SharedWords {
    /// Maps the first 64 KiB of a file.
    ///
    /// # Errors
    /// It is not as long as that, or cannot be mapped.
    pub fn new(file: BorrowedFd<'_>) -> io::Result<Self> {
        if usize::try_from(fstat(file)?.st_size).is_ok_and(|length| length < PAGE) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Mapping::new(file, 0, PAGE, PAGE).map(Self)
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU32];

    fn deref(&self) -> &[AtomicU32] {
        // SAFETY: as for Control: atomics in a mapping of PAGE bytes.
        unsafe { slice::from_raw_parts(self.0.start.cast().as_ptr(), PAGE / size_of::<u32>()) }
    }
}

/// Reads from a place in a file into shared bytes: how many, 0 at the end of the file.
pub(crate) fn read_file(file: &File, offset: u64, shared: &[AtomicU8]) -> io::Result<usize> {
    let start = shared.as_ptr().cast::<u8>().cast_mut();
    // SAFETY: so many bytes that may be written through a shared reference, since they are
    // atomics. The slice is seen by the system only, which writes it as any process might.
    let bytes = unsafe { slice::from_raw_parts_mut(start, shared.len()) };
    present(shared, || Ok(rustix::io::retry_on_intr(|| pread(file, &mut *bytes, offset))?))
}

/// Lets the system use shared bytes. It answers EFAULT where it finds a page cut off; touched
/// here that is noted, and there is something in its place.
fn present<T>(shared: &[AtomicU8], mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const FAULT: i32 = rustix::io::Errno::FAULT.raw_os_error();
    match act() {
        Err(error) if error.raw_os_error() == Some(FAULT) => {
            for byte in shared.iter().step_by(1024).chain(shared.last()) {
                byte.load(Ordering::Acquire);
            }
            act()
        }
        done => done,
    }
}

/// Writes all of the shared bytes to a place in a file.
pub(crate) fn write_file(file: &File, offset: u64, shared: &[AtomicU8]) -> io::Result<()> {
    // SAFETY: as for `read_file`: the system reads what it finds.
    let mut bytes = unsafe { slice::from_raw_parts(shared.as_ptr().cast::<u8>(), shared.len()) };
    let mut offset = offset;
    while !bytes.is_empty() {
        let write = || Ok(rustix::io::retry_on_intr(|| pwrite(file, bytes, offset))?);
        let written = present(shared, write)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

impl fmt::Debug for SharedWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedWords").finish_non_exhaustive()
    }
}
