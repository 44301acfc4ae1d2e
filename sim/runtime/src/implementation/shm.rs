//! The one way to memory that others share: everything unsafe of this crate.
//!
//! What goes out of here is safe to use whatever another process does: words are
//! atomic and valid whatever they hold, bytes are seen as atomics or copied, and what is
//! cut off reads as zeros, which is noted (`guard`). What the kernel releases at a death is
//! in `description`.

mod chain;
mod description;
mod guard;

use std::alloc::{self, Layout};
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::{fmt, io, ptr, slice};

use rustix::fs::fstat;
use rustix::io::{pread, pwrite};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

pub(crate) use self::description::Description;
pub(super) use self::description::tick;
use self::guard::Guarded;
pub(super) use self::guard::any_lost;
pub use self::guard::release_process;
use super::layout::{Control, DeviceWords};

/// Bytes before the first device in a shared mapping.
pub(super) const DEVICES_AT: usize = size_of::<Control>().next_multiple_of(64);

/// Bytes of the control part of a set with so many devices.
pub(super) const fn control_length(devices: usize) -> usize {
    (DEVICES_AT + devices * size_of::<DeviceWords>()).next_multiple_of(PAGE)
}

/// What lengths and places of mappings are a multiple of.
pub(super) const PAGE: usize = 64 * 1024;

/// The control part of a set, in whatever memory.
pub(super) enum ControlMemory {
    /// Of this process alone.
    Own(Box<Control>, Box<[DeviceWords]>),
    /// Shared with others, for so many devices.
    Shared(Mapping, usize),
}

impl ControlMemory {
    /// Memory of this process alone, as for a set that does not exist yet.
    pub(super) fn own(devices: usize) -> Self {
        Self::Own(Box::default(), (0..devices).map(|_| DeviceWords::default()).collect())
    }

    /// Maps the control part of a set with so many devices from the start of a file, which
    /// must be as large as that.
    pub(super) fn shared(file: BorrowedFd<'_>, devices: usize) -> io::Result<Self> {
        Ok(Self::Shared(Mapping::new(file, 0, control_length(devices), PAGE)?, devices))
    }

    /// Whether a part of it was cut off.
    pub(super) fn has_lost(&self) -> bool {
        match self {
            Self::Own(..) => false,
            Self::Shared(mapping, _) => mapping.has_lost(),
        }
    }

    pub(super) fn control(&self) -> &Control {
        match self {
            Self::Own(control, _) => control,
            // SAFETY: the mapping is at least DEVICES_AT bytes long, aligned to PAGE, and
            // lives as long as `self`. Control is repr(C) and made of atomics only, which
            // every pattern of bits is valid for, and which others may change at any time.
            Self::Shared(mapping, _) => unsafe { mapping.start.cast().as_ref() },
        }
    }

    pub(super) fn devices(&self) -> &[DeviceWords] {
        match self {
            Self::Own(_, devices) => devices,
            // SAFETY: as for Control; DEVICES_AT is a multiple of the alignment of
            // DeviceWords, and the mapping was made long enough for so many of them.
            Self::Shared(mapping, devices) => unsafe {
                slice::from_raw_parts(mapping.start.byte_add(DEVICES_AT).cast().as_ptr(), *devices)
            },
        }
    }
}

/// A part of a file that is mapped, shared and writable, until this is dropped.
pub(super) struct Mapping {
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
    pub(super) fn new(
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

    fn has_lost(&self) -> bool {
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

/// Bytes of the buffer area that were allocated in one piece.
pub(super) enum Segment {
    /// Memory of this process alone.
    Own(Allocation),
    /// Shared with others.
    Shared(Mapping),
}

/// Zeroed memory, until this is dropped.
pub(super) struct Allocation {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: memory belongs to the process, not to a thread.
unsafe impl Send for Allocation {}
// SAFETY: what is in it is given out as atomics, or copied.
unsafe impl Sync for Allocation {}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated with this very layout, and no reference outlives `self`.
        unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

impl Segment {
    /// Memory of this process alone; `None` if there is not so much.
    pub(super) fn own(length: usize, alignment: usize) -> Option<Self> {
        let layout = Layout::from_size_align(length.max(1), alignment.max(64)).ok()?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { alloc::alloc_zeroed(layout) })?;
        Some(Self::Own(Allocation { start, layout }))
    }

    const fn start(&self) -> NonNull<u8> {
        match self {
            Self::Own(allocation) => allocation.start,
            Self::Shared(mapping) => mapping.start,
        }
    }

    /// Bytes of it.
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::Own(allocation) => allocation.layout.size(),
            Self::Shared(mapping) => mapping.length,
        }
    }

    /// Whether a part of it was cut off.
    pub(super) fn has_lost(&self) -> bool {
        match self {
            Self::Own(_) => false,
            Self::Shared(mapping) => mapping.has_lost(),
        }
    }

    /// Some bytes of it, as others may change them at any time; `None` if they do not
    /// all lie within.
    pub(super) fn bytes(&self, offset: usize, length: usize) -> Option<&[AtomicU8]> {
        if offset.checked_add(length)? > self.length() {
            return None;
        }
        // SAFETY: within the memory, which lives as long as `self`; atomics may be seen by
        // many, and every byte is a valid one.
        Some(unsafe { slice::from_raw_parts(self.start().add(offset).cast().as_ptr(), length) })
    }
}

/// Copies out of shared bytes. Whoever keeps to the interface does not change them
/// meanwhile; if another does, what was copied is any mixture of old and new.
pub(super) fn copy_from(shared: &[AtomicU8], into: &mut [u8]) {
    let length = shared.len().min(into.len());
    // SAFETY: both are that long, and `into` is not shared, so they do not overlap. The
    // bytes of `shared` may only be changed at the same time by a process that breaks the
    // interface; the copy is the system's memory copy, which takes what it finds.
    unsafe { ptr::copy_nonoverlapping(shared.as_ptr().cast::<u8>(), into.as_mut_ptr(), length) };
}

/// Copies into shared bytes.
pub(super) fn copy_into(from: &[u8], shared: &[AtomicU8]) {
    let length = shared.len().min(from.len());
    // SAFETY: as for `copy_from`; atomics may be written through a shared reference.
    unsafe {
        ptr::copy_nonoverlapping(from.as_ptr(), shared.as_ptr().cast::<u8>().cast_mut(), length);
    }
}

/// Reads from a place in a file into shared bytes: how many, 0 at the end of the file.
pub(super) fn read_file(
    file: BorrowedFd<'_>,
    offset: u64,
    shared: &[AtomicU8],
) -> io::Result<usize> {
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
pub(super) fn write_file(file: BorrowedFd<'_>, offset: u64, shared: &[AtomicU8]) -> io::Result<()> {
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

impl fmt::Debug for ControlMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlMemory").field("devices", &self.devices().len()).finish()
    }
}

impl fmt::Debug for SharedWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedWords").finish_non_exhaustive()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("length", &self.length()).finish()
    }
}
