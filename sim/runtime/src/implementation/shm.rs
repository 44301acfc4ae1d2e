//! The one way to memory that others share: everything unsafe of this crate.
//!
//! What goes out of here is safe to use whatever another process does: words are
//! atomic and valid whatever they hold, bytes are seen as atomics or copied, and what is
//! cut off reads as zeros, which is noted (`guard`). What the kernel releases at a death is
//! in `description`. `mapping`, `guard` and `description` are of the system, one of each name
//! on Linux, one on Windows.

#[cfg(target_os = "linux")]
mod chain;
#[cfg_attr(windows, path = "shm/windows/description.rs")]
mod description;
#[cfg_attr(windows, path = "shm/windows/guard.rs")]
mod guard;
#[cfg_attr(windows, path = "shm/windows/mapping.rs")]
mod mapping;

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU8;
use std::{fmt, ptr, slice};

pub(crate) use self::description::{Description, tick};
pub(super) use self::guard::any_lost;
pub use self::guard::release_process;
#[cfg(target_os = "linux")]
pub use self::mapping::SharedWords;
pub(crate) use self::mapping::{Mapping, PAGE, read_file, write_file};
use super::layout::{Control, DeviceWords};

/// Bytes before the first device in a shared mapping.
pub(super) const DEVICES_AT: usize = size_of::<Control>().next_multiple_of(64);

/// Bytes of the control part of a set with so many devices.
pub(super) const fn control_length(devices: usize) -> usize {
    (DEVICES_AT + devices * size_of::<DeviceWords>()).next_multiple_of(PAGE)
}

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

    /// The control part of a set with so many devices that others share.
    ///
    /// # Panics
    /// The mapping is shorter than that.
    pub(super) fn shared(mapping: Mapping, devices: usize) -> Self {
        assert!(mapping.length() >= control_length(devices), "a control part was mapped");
        Self::Shared(mapping, devices)
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
            Self::Shared(mapping, _) => unsafe { mapping.start().cast().as_ref() },
        }
    }

    pub(super) fn devices(&self) -> &[DeviceWords] {
        match self {
            Self::Own(_, devices) => devices,
            // SAFETY: as for Control; DEVICES_AT is a multiple of the alignment of
            // DeviceWords, and the mapping was made long enough for so many of them.
            Self::Shared(mapping, devices) => unsafe {
                slice::from_raw_parts(
                    mapping.start().byte_add(DEVICES_AT).cast().as_ptr(),
                    *devices,
                )
            },
        }
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
            Self::Shared(mapping) => mapping.start(),
        }
    }

    /// Bytes of it.
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::Own(allocation) => allocation.layout.size(),
            Self::Shared(mapping) => mapping.length(),
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

impl fmt::Debug for ControlMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlMemory").field("devices", &self.devices().len()).finish()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("length", &self.length()).finish()
    }
}
