//! The shared memory of a set: two sections.
//!
//! One bears the set's name and holds its control part. Only who has created the set keeps it
//! open; whoever opens the set maps it and lets go, so that the name is free as soon as its
//! client has closed the set, or has died, whoever still has its memory. The other holds the
//! buffers, bears a name that no other set ever has, and is there while anybody uses it.

use std::sync::Mutex;

use super::locked::lock;
use super::refusal::Refusal;
use super::shm::{Description, Mapping, PAGE, Segment};
use crate::kernel::Section;
use crate::sync::limits::SEGMENTS;

/// What comes before the names of objects where they are told: nothing.
pub(super) const PLACE: &str = "";

/// The shared memory of a set.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: String,
    /// What the names of its other objects begin with.
    pub(super) own: String,
    /// What keeps its name, with who has created it.
    named: Mutex<Option<Section>>,
    area: Section,
}

impl Object {
    pub(super) const fn new(
        name: String,
        own: String,
        named: Option<Section>,
        area: Section,
    ) -> Self {
        Self { name, own, named: Mutex::new(named), area }
    }

    /// What the name of the section with the buffers is.
    pub(super) fn area_of(own: &str) -> String {
        format!("{own}area")
    }

    /// Bytes of it, for so many of buffers.
    pub(super) fn area_length(limit: u64) -> u64 {
        let slack = (SEGMENTS * PAGE) as u64;
        limit.saturating_add(slack).min(i64::MAX.cast_unsigned()) & !(PAGE as u64 - 1)
    }

    /// Where it is seen who holds the sides.
    pub(super) fn reopened(&self) -> Result<Option<Description>, Refusal> {
        Ok(Some(Description::new(&self.own)))
    }

    /// Lets go of the name, if it is kept here.
    pub(super) fn unlink(&self) {
        lock(&self.named).take();
    }

    /// Has the memory of this stretch of the buffer area, now: later it could only be missed
    /// by an exception.
    pub(super) fn grow(&self, _: usize, start: u64, length: u64) -> Result<(), Refusal> {
        let refused = Refusal::of("MapViewOfFile", length);
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        match Mapping::new(&self.area, start, bytes, PAGE) {
            Ok(_) => Ok(()),
            // Beyond the end of the section that is what the system says.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(refused(std::io::ErrorKind::OutOfMemory.into()))
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Maps this stretch of the buffer area; `None` if that cannot be.
    pub(super) fn map(
        &self,
        _: usize,
        start: u64,
        length: u64,
        alignment: u64,
    ) -> Result<Option<Segment>, Refusal> {
        let page = PAGE as u64;
        let sound = start.is_multiple_of(page) && length.is_multiple_of(page) && length > 0;
        let (Ok(length), Ok(alignment)) = (usize::try_from(length), usize::try_from(alignment))
        else {
            return Ok(None);
        };
        if !sound || !alignment.is_power_of_two() {
            return Ok(None);
        }
        match Mapping::new(&self.area, start, length, alignment) {
            Ok(mapping) => Ok(Some(Segment::Shared(mapping))),
            // Beyond the end.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
            Err(error) => Err(Refusal::of("MapViewOfFile", length as u64)(error)),
        }
    }
}
