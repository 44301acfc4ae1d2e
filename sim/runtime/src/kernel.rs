//! What is asked of Windows: sections, their views, events and semaphores that have names,
//! sleeping on a word. Everything unsafe that this crate does there, but for shared memory
//! itself, which is looked at in `shm`.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::fs::FileExt as _;
use std::os::windows::io::{
    AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle, RawHandle,
};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_ALL_ACCESS, MEM_COMMIT, MEM_RELEASE, MEM_RESERVE,
    MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFileEx, OpenFileMappingW, PAGE_NOACCESS, PAGE_READWRITE,
    SEC_RESERVE, UnmapViewOfFile, VirtualAlloc, VirtualFree,
};
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateSemaphoreW, GetCurrentProcess, INFINITE, OpenEventW, ReleaseSemaphore,
    SYNCHRONIZATION_SYNCHRONIZE, WaitForSingleObject, WaitOnAddress, WakeByAddressAll,
};

/// What places in sections are a multiple of.
pub(crate) const PAGE: usize = 64 * 1024;

/// How often a place for a view is looked for that another may take meanwhile.
const ATTEMPTS: usize = 32;

fn wide(name: &str) -> Vec<u16> {
    name.encode_utf16().chain([0]).collect()
}

/// The object of a handle that was made, and whether there was one of its name before.
fn made(handle: RawHandle) -> io::Result<(OwnedHandle, bool)> {
    let error = io::Error::last_os_error();
    if handle.is_null() {
        return Err(error);
    }
    // SAFETY: a handle that the system has just given to nobody else.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    Ok((handle, is(&error, ERROR_ALREADY_EXISTS)))
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

/// Milliseconds of a wait, which is not shorter than asked for.
fn milliseconds(limit: Option<Duration>) -> u32 {
    let Some(limit) = limit else { return INFINITE };
    let whole = limit.as_nanos().div_ceil(1_000_000);
    u32::try_from(whole).unwrap_or(INFINITE).min(INFINITE - 1)
}

/// Memory that processes share by its name.
#[derive(Debug)]
pub(crate) struct Section {
    handle: OwnedHandle,
    /// Its pages are there only once they are asked for.
    reserves: bool,
}

impl Section {
    /// A new one; `None` if there is one of that name.
    pub(crate) fn create(name: &str, length: u64, reserves: bool) -> io::Result<Option<Self>> {
        let kind = PAGE_READWRITE | if reserves { SEC_RESERVE } else { 0 };
        let (name, file) = (wide(name), INVALID_HANDLE_VALUE);
        let (high, low) = ((length >> 32) as u32, length as u32);
        // SAFETY: the name ends with a zero, and lives during the call.
        let handle =
            unsafe { CreateFileMappingW(file, ptr::null(), kind, high, low, name.as_ptr()) };
        let (handle, existed) = made(handle)?;
        Ok((!existed).then_some(Self { handle, reserves }))
    }

    /// The one of that name; `None` if there is none.
    pub(crate) fn open(name: &str, reserves: bool) -> io::Result<Option<Self>> {
        let name = wide(name);
        // SAFETY: as above.
        let handle = unsafe { OpenFileMappingW(FILE_MAP_ALL_ACCESS, 0, name.as_ptr()) };
        match made(handle) {
            Ok((handle, _)) => Ok(Some(Self { handle, reserves })),
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A part of a section that is mapped, until this is dropped.
#[derive(Debug)]
pub(crate) struct View {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a view belongs to the process, not to a thread.
unsafe impl Send for View {}
// SAFETY: of what is in it nothing is given out here.
unsafe impl Sync for View {}

impl View {
    /// Maps `length` bytes from `offset`, both multiples of [`PAGE`], at an address that is a
    /// multiple of `alignment`, a power of 2.
    pub(crate) fn new(
        section: &Section,
        offset: u64,
        length: usize,
        alignment: usize,
    ) -> io::Result<Self> {
        let handle = section.handle.as_raw_handle();
        let map = |place: *const c_void| {
            let (high, low) = ((offset >> 32) as u32, offset as u32);
            // SAFETY: a section, and space that nothing is in, or else the system refuses.
            let view =
                unsafe { MapViewOfFileEx(handle, FILE_MAP_ALL_ACCESS, high, low, length, place) };
            let start = NonNull::new(view.Value.cast()).ok_or_else(io::Error::last_os_error)?;
            Ok(Self { start, length })
        };
        let view = if alignment <= PAGE {
            map(ptr::null())?
        } else {
            let room = length.checked_add(alignment).ok_or(io::ErrorKind::OutOfMemory)?;
            let mut found = free_place(room, alignment).and_then(map);
            for _ in 1..ATTEMPTS {
                if found.is_ok() {
                    break;
                }
                found = free_place(room, alignment).and_then(map);
            }
            found?
        };
        if section.reserves {
            let start = view.start.as_ptr().cast();
            // SAFETY: pages of the view above; those that are there stay as they are.
            if unsafe { VirtualAlloc(start, length, MEM_COMMIT, PAGE_READWRITE) }.is_null() {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(view)
    }

    pub(crate) const fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(crate) const fn length(&self) -> usize {
        self.length
    }
}

/// A place where nothing is at this moment.
fn free_place(room: usize, alignment: usize) -> io::Result<*const c_void> {
    // SAFETY: new address space, which nobody knows of, and given back.
    let place = unsafe { VirtualAlloc(ptr::null(), room, MEM_RESERVE, PAGE_NOACCESS) };
    if place.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    unsafe { VirtualFree(place, 0, MEM_RELEASE) };
    Ok(place.wrapping_byte_add(place.cast::<u8>().align_offset(alignment)))
}

impl Drop for View {
    fn drop(&mut self) {
        let view = MEMORY_MAPPED_VIEW_ADDRESS { Value: self.start.as_ptr().cast() };
        // SAFETY: the view is ours, and no reference into it outlives `self`.
        unsafe { UnmapViewOfFile(view) };
    }
}

/// What is there as long as somebody has it open: the system closes it for the dead.
#[derive(Debug)]
pub(crate) struct Mark {
    _handle: OwnedHandle,
}

impl Mark {
    /// Makes it; `None` if it is there.
    pub(crate) fn create(name: &str) -> io::Result<Option<Self>> {
        let name = wide(name);
        // SAFETY: the name ends with a zero, and lives during the call.
        let (handle, existed) = made(unsafe { CreateEventW(ptr::null(), 1, 0, name.as_ptr()) })?;
        Ok((!existed).then_some(Self { _handle: handle }))
    }

    /// Whether it is there.
    pub(crate) fn is_there(name: &str) -> io::Result<bool> {
        let name = wide(name);
        // SAFETY: as above.
        match made(unsafe { OpenEventW(SYNCHRONIZATION_SYNCHRONIZE, 0, name.as_ptr()) }) {
            Ok(_) => Ok(true),
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(false),
            // It is there, and another's.
            Err(error) if is(&error, ERROR_ACCESS_DENIED) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// A semaphore that processes share by its name.
#[derive(Debug)]
pub(crate) struct Semaphore {
    handle: OwnedHandle,
}

impl Semaphore {
    /// The one of that name, made if there is none; so many may be let through at once.
    pub(crate) fn named(name: &str, most: u32) -> io::Result<Self> {
        let (name, most) = (wide(name), i32::try_from(most).unwrap_or(i32::MAX));
        // SAFETY: the name ends with a zero, and lives during the call.
        let handle = unsafe { CreateSemaphoreW(ptr::null(), 0, most, name.as_ptr()) };
        made(handle).map(|(handle, _)| Self { handle })
    }

    /// Lets so many through, or one where that would be too many at once.
    pub(crate) fn release(&self, count: u32) {
        let (handle, count) = (self.handle.as_raw_handle(), count.cast_signed());
        // SAFETY: a semaphore that is open. That too many are let through is refused.
        unsafe {
            if ReleaseSemaphore(handle, count, ptr::null_mut()) == 0 {
                ReleaseSemaphore(handle, 1, ptr::null_mut());
            }
        }
    }

    /// Waits to be let through, no longer than `limit`.
    pub(crate) fn wait(&self, limit: Duration) {
        // SAFETY: a semaphore that is open.
        unsafe { WaitForSingleObject(self.handle.as_raw_handle(), milliseconds(Some(limit))) };
    }
}

/// A job: the processes in it, and what they start, end when nobody holds it any more. No part
/// of the interface: whoever drives implementations needs it, and this is where Windows is
/// asked.
#[derive(Debug)]
pub struct Job {
    handle: OwnedHandle,
}

impl Job {
    /// One that nothing is in.
    ///
    /// # Errors
    /// The system's.
    pub fn new() -> io::Result<Self> {
        // SAFETY: without a name.
        let (handle, _) = made(unsafe { CreateJobObjectW(ptr::null(), ptr::null()) })?;
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        let (kind, size) = (JobObjectExtendedLimitInformation, size_of_val(&limits) as u32);
        // SAFETY: what is of this kind, so long, and lives during the call.
        let done = unsafe {
            let limits = (&raw const limits).cast();
            SetInformationJobObject(handle.as_raw_handle(), kind, limits, size)
        };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(Self { handle }) }
    }

    /// A process is in it from here on, with what it starts.
    ///
    /// # Errors
    /// The system's.
    pub fn with(self, process: BorrowedHandle<'_>) -> io::Result<Self> {
        let (job, process) = (self.handle.as_raw_handle(), process.as_raw_handle());
        // SAFETY: two handles that are open.
        let done = unsafe { AssignProcessToJobObject(job, process) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(self) }
    }

    /// So is this process.
    ///
    /// # Errors
    /// The system's.
    pub fn with_this_process(self) -> io::Result<Self> {
        // SAFETY: a word for the process that needs not be closed.
        let this = unsafe { BorrowedHandle::borrow_raw(GetCurrentProcess()) };
        self.with(this)
    }
}

/// Wakes every thread of this process that sleeps on this word.
pub(crate) fn wake_by_address(word: &AtomicU32) {
    // SAFETY: an address, at which nothing is done.
    unsafe { WakeByAddressAll(word.as_ptr().cast()) };
}

/// Sleeps while the word is `heard`, until a thread of this process wakes it.
pub(crate) fn wait_on_address(word: &AtomicU32, heard: u32, limit: Option<Duration>) {
    let size = size_of::<u32>();
    // SAFETY: two words that live during the call, and are read.
    unsafe {
        WaitOnAddress(word.as_ptr().cast(), (&raw const heard).cast(), size, milliseconds(limit))
    };
}

/// The tick of the system's clock.
pub(crate) fn tick() -> u64 {
    // SAFETY: asks for a number.
    unsafe { GetTickCount64() }
}

/// Milliseconds of the machine's own clock, which every process of it reads alike and nobody
/// sets.
#[must_use]
pub fn elapsed() -> u64 {
    let mut a_second = 0_i64;
    // SAFETY: a number that lives during the call, and is written.
    unsafe { QueryPerformanceFrequency(&raw mut a_second) };
    let milliseconds = i128::from(now()) * 1000 / i128::from(a_second.max(1));
    u64::try_from(milliseconds).unwrap_or_default()
}

fn now() -> i64 {
    let mut now = 0;
    // SAFETY: a number that lives during the call, and is written.
    unsafe { QueryPerformanceCounter(&raw mut now) };
    now
}

/// A number that is given once, until the machine starts anew: when, by which process, and
/// which of that process's.
pub(crate) fn unique() -> u128 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let given = GIVEN.fetch_add(1, Ordering::AcqRel);
    let own = u64::from(std::process::id()) << 32 | u64::from(given);
    u128::from(now().cast_unsigned()) << 64 | u128::from(own)
}

/// Reads from a place in a file into shared bytes: how many, 0 at the end of the file.
pub(crate) fn read_file(file: &File, offset: u64, shared: &[AtomicU8]) -> io::Result<usize> {
    let start = shared.as_ptr().cast::<u8>().cast_mut();
    // SAFETY: so many bytes that may be written through a shared reference, since they are
    // atomics. The slice is seen by the system only, which writes it as any process might.
    let bytes = unsafe { slice::from_raw_parts_mut(start, shared.len()) };
    file.seek_read(bytes, offset)
}

/// Writes all of the shared bytes to a place in a file.
pub(crate) fn write_file(file: &File, offset: u64, shared: &[AtomicU8]) -> io::Result<()> {
    // SAFETY: as for `read_file`: the system reads what it finds.
    let mut bytes = unsafe { slice::from_raw_parts(shared.as_ptr().cast::<u8>(), shared.len()) };
    let mut offset = offset;
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}
