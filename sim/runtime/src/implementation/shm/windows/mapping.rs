//! A part of a section, as this process has it.

use std::ptr::NonNull;

pub(crate) use crate::kernel::{PAGE, read_file, write_file};
use crate::kernel::{Section, View};
use crate::sync::Shared;

/// A part of a section that is mapped, shared and writable, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// First: what is slept on is known no more before it is gone.
    _bells: Option<Shared>,
    view: View,
}

impl Mapping {
    /// Maps `length` bytes from `offset`, both multiples of [`PAGE`], at an address that is a
    /// multiple of `alignment`, a power of 2.
    pub(crate) fn new(
        section: &Section,
        offset: u64,
        length: usize,
        alignment: usize,
    ) -> std::io::Result<Self> {
        Ok(Self { view: View::new(section, offset, length, alignment)?, _bells: None })
    }

    /// Processes sleep on words of it, of the set whose own objects have names that begin so.
    pub(crate) fn with_bells(mut self, name: &str) -> Self {
        self._bells =
            Some(Shared::new(self.view.start().as_ptr() as usize, self.view.length(), name));
        self
    }

    pub(crate) const fn start(&self) -> NonNull<u8> {
        self.view.start()
    }

    pub(crate) const fn length(&self) -> usize {
        self.view.length()
    }

    pub(crate) const fn has_lost(&self) -> bool {
        false
    }
}
