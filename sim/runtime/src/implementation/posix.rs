//! Sets in POSIX shared memory: their objects' names, leftovers of the dead, and who
//! is alive.
//!
//! An object bears the name that real implementations give it:
//! `<set>_SQLVDIMemoryName_0`. A name of a set may hold any character but a backslash;
//! what could mean anything to a file system is written as `%` and two hexadecimal
//! digits, so no name leads out of the shared memory's own place.
//!
//! Sources: SQL Server on Linux VDI client SDK Specification, shared memory and
//! permissions; SQL Server VDI reference, CreateEx.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{
    FallocateFlags, FileType, FlockOperation, Mode, OFlags, fallocate, fchmod, flock, fstat,
    ftruncate, lstat, open,
};
use rustix::process::{Pid, PidfdFlags, getegid, geteuid, getpid, pidfd_open};

use super::layout::{MAGIC, ProcessId};
use super::machine::{Core, Options};
use super::mapping::{SERVER, SetMapping};
use super::shm::{ControlMemory, Mapping, PAGE, Segment, control_length};
use crate::sync::{Arc, Ordering};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// Where the system keeps its shared memory objects: what `shm_open` opens is a file here.
const PLACE: &str = "/dev/shm";

/// What the names of all sets' objects end with.
const ENDING: &str = "_SQLVDIMemoryName_0";

/// How often, and with what pause, another's decision about an object is waited for.
const PATIENCE: (u32, Timespec) = (20, Timespec { tv_sec: 0, tv_nsec: 5_000_000 });

/// The longest name that a file may have.
const LONGEST: usize = 255;

/// Attempts to find a name free that leftovers and others come and go under.
const ATTEMPTS: usize = 100;

/// How sets of one machine are named and protected.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    mode: Mode,
}

/// The shared memory object of a set.
#[derive(Debug)]
pub(super) struct Object {
    name: String,
    file: OwnedFd,
}

/// What may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leftover {
    /// A set that nobody uses any more.
    Set,
    /// That, or what stands in the way of a new set.
    Anything,
}

impl Names {
    pub(super) fn new(options: &Options) -> Self {
        let mode = Mode::RUSR | Mode::WUSR;
        let group = Mode::RGRP | Mode::WGRP;
        let mode = if options.group { mode | group } else { mode };
        Self { prefix: encoded(&options.prefix), mode }
    }

    /// Removes every object whose name begins with the prefix.
    pub(super) fn remove_all(&self) {
        let Ok(entries) = fs::read_dir(PLACE) else { return };
        for entry in entries.flatten() {
            let ours =
                entry.file_name().to_str().is_some_and(|name| name.starts_with(&self.prefix));
            if ours && !self.prefix.is_empty() {
                // Gone already is as good.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes every set that its dead client has left behind. What is no set of ours, or
    /// is in use, or cannot be looked at, stays.
    pub(super) fn sweep(&self, core: &Arc<Core>) {
        let Ok(entries) = fs::read_dir(PLACE) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name
                .to_str()
                .filter(|name| name.starts_with(&self.prefix) && name.ends_with(ENDING))
            else {
                continue;
            };
            // Whoever finds it next may have more luck.
            let _ = self.clear_leftover(core, &format!("/{name}"), Leftover::Set);
        }
    }

    /// The object's name; `None` if it would be too long.
    fn object(&self, (instance, name): (Option<&str>, &str)) -> Option<String> {
        let instance = instance.map(|instance| encoded(instance) + "%5C").unwrap_or_default();
        let name = format!("/{}{instance}{}{ENDING}", self.prefix, encoded(name));
        (name.len() <= LONGEST).then_some(name)
    }

    pub(super) fn create(
        &self,
        core: &Arc<Core>,
        key: (Option<&str>, &str),
        config: &VdConfig,
        me: (ProcessId, u32),
    ) -> Result<Arc<SetMapping>, HResult> {
        let name = self.object(key).ok_or(HResult::VD_E_INVALID)?;
        for _ in 0..ATTEMPTS {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR;
            match open_object(&name, flags, self.mode) {
                Ok(file) => {
                    let object = Object { name: name.clone(), file };
                    if let Some(mapping) = self.fill(core, object, key.1, (config, me))? {
                        return Ok(mapping);
                    }
                }
                Err(rustix::io::Errno::EXIST) => {
                    self.clear_leftover(core, &name, Leftover::Anything)?;
                }
                Err(error) => return Err(wrapped(error)),
            }
        }
        Err(HResult::VD_E_PROTOCOL)
    }

    /// Makes a set of a new object; `None` if somebody took it for a leftover meanwhile.
    fn fill(
        &self,
        core: &Arc<Core>,
        object: Object,
        name: &str,
        (config, me): (&VdConfig, (ProcessId, u32)),
    ) -> Result<Option<Arc<SetMapping>>, HResult> {
        let lock = || flock(&object.file, FlockOperation::LockExclusive);
        if let Err(error) = rustix::io::retry_on_intr(lock) {
            object.unlink_locked();
            return Err(wrapped(error));
        }
        if !object.is_named() {
            return Ok(None);
        }
        let memory = || {
            // What the umask took away belongs to it all the same, and nothing more.
            fchmod(&object.file, self.mode)?;
            let devices = config.device_count as usize;
            reserve(&object.file, 0, control_length(devices) as u64)?;
            ControlMemory::shared(object.file.as_fd(), devices)
        };
        let memory = match memory() {
            Ok(memory) => memory,
            Err(error) => {
                object.unlink();
                return Err(out_of_memory(&error));
            }
        };
        let mapping = SetMapping::shared(core.clone(), memory, object);
        mapping.begin(name, config, me);
        if let Some(object) = mapping.object() {
            let _ = flock(&object.file, FlockOperation::Unlock);
        }
        Ok(Some(mapping))
    }

    /// Removes what a dead client left under this name. VD_E_PROTOCOL if it is in use.
    fn clear_leftover(
        &self,
        core: &Arc<Core>,
        name: &str,
        leftover: Leftover,
    ) -> Result<(), HResult> {
        let file = match open_object(name, OFlags::RDWR, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            // Somebody else's, whom we cannot ask.
            Err(error) => return Err(wrapped(error)),
        };
        if !self.trusts(&file) {
            return Err(HResult::VD_E_SECURITY);
        }
        // Whoever makes a set of it holds this.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(HResult::VD_E_PROTOCOL);
        }
        let object = Object { name: name.to_owned(), file };
        let again = object.file.try_clone().map_err(|error| out_of_memory(&error))?;
        let stays = match (mapped(core, object), leftover) {
            (Some(mapping), Leftover::Anything) => mapping.client_lives(),
            // Its server removes it.
            (Some(mapping), Leftover::Set) => mapping.client_lives() || mapping.side_lives(SERVER),
            (None, Leftover::Anything) => false,
            // Under a prefix it is one that its client died making; else it may be anybody's.
            (None, Leftover::Set) => self.prefix.is_empty(),
        };
        if stays {
            let _ = flock(&again, FlockOperation::Unlock);
            return Err(HResult::VD_E_PROTOCOL);
        }
        Object { name: name.to_owned(), file: again }.unlink_locked();
        Ok(())
    }

    pub(super) fn find(
        &self,
        core: &Arc<Core>,
        key: (Option<&str>, &str),
    ) -> Option<Arc<SetMapping>> {
        let name = self.object(key)?;
        let file = open_object(&name, OFlags::RDWR, Mode::empty()).ok()?;
        self.trusts(&file).then(|| mapped(core, Object { name, file }))?
    }

    /// Whether an object is one of ours: made by this user, or by one of its group where
    /// that is allowed, and nobody else can write it. A name can be taken by anybody.
    fn trusts(&self, file: &OwnedFd) -> bool {
        let Ok(stat) = fstat(file) else { return false };
        let mode = Mode::from_raw_mode(stat.st_mode);
        let own = stat.st_uid == geteuid().as_raw();
        let group = self.mode.contains(Mode::WGRP) && stat.st_gid == getegid().as_raw();
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && (own || group)
            && !mode.contains(Mode::WOTH)
    }

    /// Removes the object's name, if it is this object's still.
    pub(super) fn forget(&self, mapping: &SetMapping) {
        if let Some(object) = mapping.object() {
            object.unlink();
        }
    }
}

/// What `shm_open` does, and follows no link.
fn open_object(name: &str, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    open(format!("{PLACE}{name}"), flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)
}

/// The set in an object, if it is one.
fn mapped(core: &Arc<Core>, object: Object) -> Option<Arc<SetMapping>> {
    let length = usize::try_from(fstat(&object.file).ok()?.st_size).ok()?;
    if length < control_length(1) {
        return None;
    }
    // How many devices there are is known only after a first look.
    let first = ControlMemory::shared(object.file.as_fd(), 1).ok()?;
    let control = first.control();
    if control.magic.load(Ordering::Acquire) != MAGIC {
        return None;
    }
    let devices = usize::try_from(control.device_count.get()).ok()?;
    if !(1..=crate::sync::limits::DEVICES).contains(&devices) || length < control_length(devices) {
        return None;
    }
    let memory = ControlMemory::shared(object.file.as_fd(), devices).ok()?;
    Some(SetMapping::shared(core.clone(), memory, object))
}

impl Object {
    /// Whether the name is still this object's.
    fn is_named(&self) -> bool {
        let same = || {
            let (named, own) =
                (lstat(format!("{PLACE}{}", self.name)).ok()?, fstat(&self.file).ok()?);
            Some((named.st_dev, named.st_ino) == (own.st_dev, own.st_ino))
        };
        same().unwrap_or(false)
    }

    /// Removes the name if it is this object's, and not while another decides on it; but
    /// who decides for long is not waited for.
    fn unlink(&self) {
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

    fn unlink_locked(&self) {
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
        (start, length): (u64, u64),
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
fn reserve(file: &OwnedFd, offset: u64, length: u64) -> std::io::Result<()> {
    let end = offset.checked_add(length).ok_or(std::io::ErrorKind::OutOfMemory)?;
    ftruncate(file, end)?;
    if length > 0 {
        fallocate(file, FallocateFlags::empty(), offset, length)?;
    }
    Ok(())
}

fn out_of_memory(error: &std::io::Error) -> HResult {
    let errno = rustix::io::Errno::from_io_error(error);
    errno.map_or(HResult::VD_E_MEMORY, wrapped)
}

/// The status of an error of the operating system.
fn wrapped(error: rustix::io::Errno) -> HResult {
    use rustix::io::Errno;
    match error {
        Errno::NOMEM | Errno::NOSPC | Errno::FBIG | Errno::OVERFLOW => HResult::VD_E_MEMORY,
        Errno::ACCESS | Errno::PERM => HResult::VD_E_SECURITY,
        Errno::NAMETOOLONG | Errno::INVAL => HResult::VD_E_INVALID,
        _ => HResult::VD_E_UNEXPECTED,
    }
}

/// A name without anything that a file system knows. Letters, digits, `-`, `_` and inner
/// dots stay as they are.
fn encoded(name: &str) -> String {
    let mut encoded = String::new();
    for (place, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if plain || byte == b'.' && place > 0 {
            encoded.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// This process, as others in its pid namespace can recognise it. Where the system does
/// not tell when it began, its number has to do.
pub(super) fn this_process() -> ProcessId {
    let number = getpid().as_raw_nonzero().get().cast_unsigned();
    ProcessId { number, began: began(number).unwrap_or_default() }
}

/// When a process began, in the kernel's ticks, as far as 30 bits tell.
fn began(number: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let fields = stat.rsplit_once(')')?.1;
    let ticks: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    u32::try_from(ticks & ((1 << 30) - 1)).ok()
}

/// The processes that this one watches, for one set.
#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<BTreeMap<ProcessId, Watch>>);

/// What is known of a process.
#[derive(Debug)]
enum Watch {
    /// It is this one.
    Own,
    /// This tells when it ends.
    Other(OwnedFd),
    Ended,
}

impl Watches {
    /// Whether the process lives: a system call, unless it is this one.
    pub(super) fn lives(&self, id: ProcessId) -> bool {
        let mut watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = match watches.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => match Watch::new(id) {
                Some(watch) => unknown.insert(watch),
                None => return true,
            },
        };
        let file = match watch {
            Watch::Own => return true,
            Watch::Ended => return false,
            Watch::Other(file) => file,
        };
        let mut ended = [PollFd::new(file, PollFlags::IN)];
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // An error, an interruption for one, says nothing about the other.
        let lives = !matches!(poll(&mut ended, Some(&zero)), Ok(1..));
        if !lives {
            *watch = Watch::Ended;
        }
        lives
    }
}

impl Watch {
    /// `None` if it cannot be known now: no reason to call anybody dead.
    fn new(id: ProcessId) -> Option<Self> {
        if id == this_process() {
            return Some(Self::Own);
        }
        let number = i32::try_from(id.number).ok().and_then(Pid::from_raw);
        let Some(number) = number else { return Some(Self::Ended) };
        let file = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::SRCH) => return Some(Self::Ended),
            Err(_) => return None,
        };
        // Another process may have got the number since; who may not look trusts it.
        let same = began(id.number).is_none_or(|began| began == id.began || id.began == 0);
        Some(if same { Self::Other(file) } else { Self::Ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_place() {
        let names = Names::new(&Options::default());
        for name in ["../../etc/passwd", "/x", "..", ".", "a\0b", "ä", "%2F"] {
            let object = names.object((None, name)).expect("short");
            assert!(object.starts_with('/') && !object[1..].contains(['/', '\0']), "{object}");
            assert!(!object[1..].starts_with('.'), "{object}");
        }
        assert_eq!(names.object((None, "Backup-1")).unwrap(), "/Backup-1_SQLVDIMemoryName_0");
        assert_eq!(names.object((Some("I"), "S")).unwrap(), "/I%5CS_SQLVDIMemoryName_0");
        assert_eq!(names.object((None, &"x".repeat(250))), None);
    }

    #[test]
    fn different_names_never_meet() {
        let names = Names::new(&Options::default());
        let keys = [(None, "a%5Cb"), (Some("a"), "b"), (None, "a"), (None, "A"), (Some("A"), "")];
        let objects: std::collections::BTreeSet<_> =
            keys.iter().map(|key| names.object(*key).expect("short")).collect();
        assert_eq!(objects.len(), keys.len());
    }

    #[test]
    fn this_process_lives_and_an_older_of_its_number_does_not() {
        let (watches, me) = (Watches::default(), this_process());
        assert!(watches.lives(me));
        assert!(!watches.lives(ProcessId { began: me.began.wrapping_add(1), ..me }));
        assert!(!watches.lives(ProcessId { number: 0, began: 0 }));
    }
}
