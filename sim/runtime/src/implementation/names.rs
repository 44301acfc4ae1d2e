//! Sets in POSIX shared memory: their objects' names, and leftovers of the dead.
//!
//! An object bears the name that real implementations give it:
//! `<set>_SQLVDIMemoryName_0`. A name of a set may hold any character but a backslash;
//! what could mean anything to a file system is written as `%` and two hexadecimal
//! digits, so no name leads out of the shared memory's own place.
//!
//! Sources: SQL Server on Linux VDI client SDK Specification, shared memory and
//! permissions; SQL Server VDI reference, CreateEx.

use std::fs;
use std::os::fd::AsFd;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, fchmod, flock, fstat};
use rustix::process::{getegid, geteuid};

use super::encoded::encoded;
use super::host::{Host, Options};
use super::layout::{MAGIC, ProcessId, is_foreign};
use super::mapping::{PRIMARY, SERVER, SetMapping};
use super::object::{Object, PLACE, open_object};
use super::refusal::{Refusal, reserve};
use super::shm::{ControlMemory, Description, Mapping, PAGE, control_length};
use crate::sync::{Arc, Ordering};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// What the names of all sets' objects end with.
const ENDING: &str = "_SQLVDIMemoryName_0";

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
    pub(super) fn sweep(&self, host: &Host) {
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
            let _ = self.clear_leftover(host, &format!("/{name}"), Leftover::Set);
        }
    }

    /// The object's name; `None` if it would be too long.
    fn object(&self, instance: Option<&str>, name: &str) -> Option<String> {
        let instance = instance.map(|instance| encoded(instance) + "%5C").unwrap_or_default();
        let name = format!("/{}{instance}{}{ENDING}", self.prefix, encoded(name));
        (name.len() <= LONGEST).then_some(name)
    }

    pub(super) fn create(
        &self,
        host: &Arc<Host>,
        instance: Option<&str>,
        name: &str,
        config: &VdConfig,
        me: (ProcessId, u32),
    ) -> Result<Arc<SetMapping>, HResult> {
        let path = self.object(instance, name).ok_or(HResult::VD_E_INVALID)?;
        for _ in 0..ATTEMPTS {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR;
            match open_object(&path, flags, self.mode) {
                Ok(file) => {
                    let object = Object { name: path.clone(), file };
                    if let Some(mapping) = self.fill(host, object, name, config, me)? {
                        return Ok(mapping);
                    }
                }
                Err(rustix::io::Errno::EXIST) => {
                    self.clear_leftover(host, &path, Leftover::Anything)?;
                }
                Err(error) => {
                    let length = control_length(config.device_count as usize) as u64;
                    return Err(host.refused(&path, &Refusal::of("open", length)(error)));
                }
            }
        }
        Err(HResult::VD_E_PROTOCOL)
    }

    /// Makes a set of a new object; `None` if somebody took it for a leftover meanwhile.
    fn fill(
        &self,
        host: &Arc<Host>,
        object: Object,
        name: &str,
        config: &VdConfig,
        me: (ProcessId, u32),
    ) -> Result<Option<Arc<SetMapping>>, HResult> {
        let lock = || flock(&object.file, FlockOperation::LockExclusive);
        if let Err(error) = rustix::io::retry_on_intr(lock) {
            object.unlink_locked();
            return Err(host.refused(&object.name, &Refusal::of("flock", 0)(error)));
        }
        if !object.is_named() {
            return Ok(None);
        }
        let memory = || {
            // What the umask took away belongs to it all the same, and nothing more.
            fchmod(&object.file, self.mode).map_err(Refusal::of("fchmod", 0))?;
            let devices = config.device_count as usize;
            reserve(&object.file, 0, control_length(devices) as u64)?;
            mapped_control(&object.file, devices)
        };
        let memory = match memory() {
            Ok(memory) => memory,
            Err(refusal) => {
                object.unlink_locked();
                return Err(host.refused(&object.name, &refusal));
            }
        };
        let path = object.name.clone();
        let mapping = match SetMapping::shared(host.clone(), memory, object) {
            Ok(Some(mapping)) => mapping,
            Ok(None) => return Ok(None),
            Err(refusal) => {
                // Nobody else knows of it yet.
                let _ = fs::remove_file(format!("{PLACE}{path}"));
                return Err(host.refused(&path, &refusal));
            }
        };
        let taken = mapping.take_side(PRIMARY, me.0);
        if taken == Ok(true) {
            mapping.begin(name, config, me.1);
        }
        if let Some(object) = mapping.object() {
            if taken != Ok(true) {
                object.unlink_locked();
            }
            let _ = flock(&object.file, FlockOperation::Unlock);
        }
        if taken? { Ok(Some(mapping)) } else { Err(HResult::VD_E_PROTOCOL) }
    }

    /// Removes what a dead client left under this name. VD_E_PROTOCOL if it is in use, or
    /// may be.
    fn clear_leftover(&self, host: &Host, name: &str, leftover: Leftover) -> Result<(), HResult> {
        let file = match open_object(name, OFlags::RDWR, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            // Somebody else's, whom we cannot ask.
            Err(error) => return Err(host.refused(name, &Refusal::of("open", 0)(error))),
        };
        if !self.trusts(&file) {
            return Err(HResult::VD_E_SECURITY);
        }
        // Whoever makes a set of it holds this.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(HResult::VD_E_PROTOCOL);
        }
        // Whatever is written in it. Where the system does not say, somebody may have it.
        let has = |side: usize| file.is_held(side).unwrap_or(true);
        let content = content(&file).map_err(|refusal| host.refused(name, &refusal))?;
        let stays = match (content, leftover) {
            (Content::Foreign, _) => true,
            (_, Leftover::Anything) => has(PRIMARY),
            // Its server removes it.
            (Content::Set(_), Leftover::Set) => has(PRIMARY) || has(SERVER),
            // Under a prefix it is one that its client died making; else it may be anybody's.
            (Content::Other, Leftover::Set) => {
                self.prefix.is_empty() || has(PRIMARY) || has(SERVER)
            }
        };
        let object = Object { name: name.to_owned(), file };
        if !stays {
            object.unlink_locked();
        }
        // A child may have got it.
        let _ = flock(&object.file, FlockOperation::Unlock);
        if stays { Err(HResult::VD_E_PROTOCOL) } else { Ok(()) }
    }

    pub(super) fn find(
        &self,
        host: &Arc<Host>,
        instance: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<SetMapping>>, HResult> {
        let Some(name) = self.object(instance, name) else { return Ok(None) };
        let Ok(file) = open_object(&name, OFlags::RDWR, Mode::empty()) else { return Ok(None) };
        if !self.trusts(&file) {
            return Ok(None);
        }
        let path = name.clone();
        let mapping = mapped(host, Object { name, file });
        mapping.map_err(|refusal| host.refused(&path, &refusal))
    }

    /// Whether an object is one of ours: made by this user, or by one of its group where
    /// that is allowed, and nobody else can write it. A name can be taken by anybody.
    fn trusts(&self, file: &Description) -> bool {
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

/// What is in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// A set of so many devices.
    Set(usize),
    /// A set of another version of this library, whose locks are unknown.
    Foreign,
    Other,
}

fn content(file: &Description) -> Result<Content, Refusal> {
    let stat = fstat(file).map_err(Refusal::of("fstat", 0))?;
    let length = usize::try_from(stat.st_size).unwrap_or_default();
    if length < control_length(1) {
        return Ok(Content::Other);
    }
    // How many devices there are is known only after a first look.
    let first = mapped_control(file, 1)?;
    let control = first.control();
    let magic = control.identity.magic.load(Ordering::Acquire);
    if magic != MAGIC {
        return Ok(if is_foreign(magic) { Content::Foreign } else { Content::Other });
    }
    let devices = usize::try_from(control.identity.device_count.get()).unwrap_or_default();
    let sound =
        (1..=crate::sync::limits::DEVICES).contains(&devices) && length >= control_length(devices);
    Ok(if sound { Content::Set(devices) } else { Content::Other })
}

fn mapped_control(file: &Description, devices: usize) -> Result<ControlMemory, Refusal> {
    let length = control_length(devices);
    let mapping = Mapping::new(file.as_fd(), 0, length, PAGE);
    let mapping = mapping.map_err(Refusal::of("mmap", length as u64))?;
    Ok(ControlMemory::shared(mapping, devices))
}

/// The set in an object, if it is one.
fn mapped(host: &Arc<Host>, object: Object) -> Result<Option<Arc<SetMapping>>, Refusal> {
    let Content::Set(devices) = content(&object.file)? else { return Ok(None) };
    let memory = mapped_control(&object.file, devices)?;
    SetMapping::shared(host.clone(), memory, object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_place() {
        let names = Names::new(&Options::default());
        for name in ["../../etc/passwd", "/x", "..", ".", "a\0b", "ä", "%2F"] {
            let object = names.object(None, name).expect("short");
            assert!(object.starts_with('/') && !object[1..].contains(['/', '\0']), "{object}");
            assert!(!object[1..].starts_with('.'), "{object}");
        }
        assert_eq!(names.object(None, "Backup-1").unwrap(), "/Backup-1_SQLVDIMemoryName_0");
        assert_eq!(names.object(Some("I"), "S").unwrap(), "/I%5CS_SQLVDIMemoryName_0");
        assert_eq!(names.object(None, &"x".repeat(250)), None);
    }

    #[test]
    fn different_names_never_meet() {
        let names = Names::new(&Options::default());
        let keys = [(None, "a%5Cb"), (Some("a"), "b"), (None, "a"), (None, "A"), (Some("A"), "")];
        let objects: std::collections::BTreeSet<_> =
            keys.iter().map(|key| names.object(key.0, key.1).expect("short")).collect();
        assert_eq!(objects.len(), keys.len());
    }
}
