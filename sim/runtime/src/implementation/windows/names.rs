//! Sets in named sections: what these are called, and how one is made and found.
//!
//! A section bears the name that real implementations give it:
//! `<set>_SQLVDIMemoryName_0`. A name of a set may hold any character but a backslash;
//! anything but letters, digits, `-`, `_` and inner dots is written as `%` and two hexadecimal
//! digits, so that no two names are cut to the same one, whatever the system does to them.
//! Names are those of the session, `Local\`; a prefix that begins with `Global\` makes them
//! those of all sessions, which needs a privilege outside of services. Nothing has to be
//! cleared away: the system does when the last who had it is gone.
//!
//! Source: SQL Server VDI reference, CreateEx.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::encoded::encoded;
use super::host::{Host, Options};
use super::layout::{MAGIC, ProcessId};
use super::mapping::{PRIMARY, SetMapping};
use super::object::Object;
use super::refusal::Refusal;
use super::shm::{ControlMemory, Mapping, PAGE, Segment, control_length, copy_from, copy_into};
use crate::kernel::{Section, unique, wait_on_address};
use crate::sync::{Arc, Ordering};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// What the names of all sets' sections end with.
const ENDING: &str = "_SQLVDIMemoryName_0";

/// The longest name that the system takes for what it is.
const LONGEST: usize = 255;

/// Attempts to make a section whose name somebody who looks for a set has open just then.
const ATTEMPTS: usize = 10;

/// Between them.
const PAUSE: Duration = Duration::from_millis(1);

/// Where names are known.
const SCOPES: [&str; 2] = ["Local\\", "Global\\"];

/// How sets of one machine are named.
#[derive(Debug)]
pub(super) struct Names {
    scope: &'static str,
    prefix: String,
}

impl Names {
    pub(super) fn new(options: &Options) -> Self {
        let split =
            |scope: &'static str| options.prefix.strip_prefix(scope).map(|prefix| (scope, prefix));
        let (scope, prefix) =
            SCOPES.into_iter().find_map(split).unwrap_or((SCOPES[0], &options.prefix));
        Self { scope, prefix: encoded(prefix) }
    }

    /// Nothing is left by anybody.
    pub(super) const fn remove_all(&self) {}

    /// Nothing is left by anybody.
    pub(super) const fn sweep(&self, _: &Host) {}

    /// The section's name; `None` if it would be too long.
    fn object(&self, instance: Option<&str>, name: &str) -> Option<String> {
        let instance = instance.map(|instance| encoded(instance) + "%5C").unwrap_or_default();
        let name = format!("{}{instance}{}{ENDING}", self.prefix, encoded(name));
        (name.len() < LONGEST).then(|| format!("{}{name}", self.scope))
    }

    /// What the names of the other objects of a set begin with that has this number.
    fn own(&self, number: [u8; 16]) -> String {
        format!("{}vdi-{:032x}-", self.scope, u128::from_le_bytes(number))
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
        let devices = config.device_count as usize;
        let length = (PAGE + control_length(devices)) as u64;
        let refused = |refusal: Refusal| host.refused(&path, &refusal);
        for attempt in 0..ATTEMPTS {
            let made = Section::create(&path, length, false);
            let made = made.map_err(Refusal::of("CreateFileMapping", length)).map_err(refused)?;
            if let Some(section) = made {
                let mapping = self.fill(host, &path, section, devices).map_err(refused)?;
                if !mapping.take_side(PRIMARY, me.0)? {
                    return Err(HResult::VD_E_PROTOCOL);
                }
                mapping.begin(name, config, me.1);
                return Ok(mapping);
            }
            if attempt > 0 {
                // Nobody wakes it: the time-out is the pause.
                wait_on_address(&AtomicU32::new(0), 0, Some(PAUSE));
            }
        }
        Err(HResult::VD_E_PROTOCOL)
    }

    /// Makes a set's memory of a new section.
    fn fill(
        &self,
        host: &Arc<Host>,
        path: &str,
        section: Section,
        devices: usize,
    ) -> Result<Arc<SetMapping>, Refusal> {
        let number = unique().to_le_bytes();
        let own = self.own(number);
        let length = Object::area_length(host.options.memory_limit);
        let area = Section::create(&Object::area_of(&own), length, true)
            .map_err(Refusal::of("CreateFileMapping", length))?
            .ok_or_else(|| taken(length))?;
        let head = Segment::Shared(mapped(&section, 0, PAGE)?);
        if let Some(bytes) = head.bytes(0, number.len()) {
            copy_into(&number, bytes);
        }
        let control = mapped(&section, PAGE as u64, control_length(devices))?.with_bells(&own);
        let memory = ControlMemory::shared(control, devices);
        let object = Object::new(path.to_owned(), own, Some(section), area);
        SetMapping::shared(host.clone(), memory, object)?.ok_or_else(|| taken(0))
    }

    pub(super) fn find(
        &self,
        host: &Arc<Host>,
        instance: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<SetMapping>>, HResult> {
        let Some(path) = self.object(instance, name) else { return Ok(None) };
        let Ok(Some(section)) = Section::open(&path, false) else { return Ok(None) };
        self.found(host, &path, &section).map_err(|refusal| host.refused(&path, &refusal))
    }

    /// The set in a section, if it is one.
    fn found(
        &self,
        host: &Arc<Host>,
        path: &str,
        section: &Section,
    ) -> Result<Option<Arc<SetMapping>>, Refusal> {
        // What is shorter is no set. How many devices there are is known only after a look.
        let length = control_length(1);
        let Ok(first) = Mapping::new(section, PAGE as u64, length, PAGE) else { return Ok(None) };
        let first = ControlMemory::shared(first, 1);
        let identity = &first.control().identity;
        if identity.magic.load(Ordering::Acquire) != MAGIC {
            return Ok(None);
        }
        let devices = usize::try_from(identity.device_count.get()).unwrap_or_default();
        if !(1..=crate::sync::limits::DEVICES).contains(&devices) {
            return Ok(None);
        }
        let head = Segment::Shared(mapped(section, 0, PAGE)?);
        let mut number = [0; 16];
        let Some(bytes) = head.bytes(0, number.len()) else { return Ok(None) };
        copy_from(bytes, &mut number);
        let own = self.own(number);
        let opened = Section::open(&Object::area_of(&own), true);
        let opened = opened.map_err(Refusal::of("OpenFileMapping", 0))?;
        // Its client has gone just now.
        let Some(area) = opened else { return Ok(None) };
        let length = control_length(devices);
        let Ok(control) = Mapping::new(section, PAGE as u64, length, PAGE) else { return Ok(None) };
        let memory = ControlMemory::shared(control.with_bells(&own), devices);
        SetMapping::shared(host.clone(), memory, Object::new(path.to_owned(), own, None, area))
    }

    /// Lets go of the section's name.
    pub(super) fn forget(&self, mapping: &SetMapping) {
        if let Some(object) = mapping.object() {
            object.unlink();
        }
    }
}

fn mapped(section: &Section, offset: u64, length: usize) -> Result<Mapping, Refusal> {
    let mapping = Mapping::new(section, offset, length, PAGE);
    mapping.map_err(Refusal::of("MapViewOfFile", length as u64))
}

/// What nobody else should have is there.
fn taken(bytes: u64) -> Refusal {
    Refusal::of("CreateFileMapping", bytes)(std::io::Error::from(std::io::ErrorKind::AlreadyExists))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_place() {
        let named = |prefix: &str, instance, name| {
            let options = Options { prefix: prefix.to_owned(), ..Options::default() };
            Names::new(&options).object(instance, name)
        };
        assert_eq!(named("", None, "Backup-1").unwrap(), "Local\\Backup-1_SQLVDIMemoryName_0");
        assert_eq!(named("", Some("I"), "S").unwrap(), "Local\\I%5CS_SQLVDIMemoryName_0");
        assert_eq!(named("Global\\p", None, "S").unwrap(), "Global\\pS_SQLVDIMemoryName_0");
        assert_eq!(named("Local\\p", None, "S").unwrap(), "Local\\pS_SQLVDIMemoryName_0");
        // No other spelling of it is one.
        assert_eq!(named("global\\", None, "S").unwrap(), "Local\\global%5CS_SQLVDIMemoryName_0");
        assert_eq!(named("a\\b", None, "ä").unwrap(), "Local\\a%5Cb%C3%A4_SQLVDIMemoryName_0");
        assert_eq!(named("", None, &"x".repeat(250)), None);
    }
}
