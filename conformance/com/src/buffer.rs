//! A buffer as a process has it, and how it is known where another has it.

use std::ptr;

/// A buffer, where a process has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    address: usize,
    /// The address at which the server has it.
    number: u64,
    size: u32,
}

/// What begins a buffer that the server has allocated: it says which it is, also where another
/// process has it.
const MARK: u64 = 0x5644_4920_6275_6666;

impl Buffer {
    /// What a library has given that gives null.
    pub(crate) const NOWHERE: Self = Self { address: 0, number: 0, size: 0 };

    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn size(self) -> u32 {
        self.size
    }

    pub(crate) fn start(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.address)
    }

    /// A buffer of the server's.
    pub(crate) fn allocated(start: *mut u8, size: u32) -> Self {
        let address = start.expose_provenance();
        if size >= 16 {
            // SAFETY: so many bytes were given, to this process alone.
            unsafe {
                start.cast::<u64>().write_unaligned(MARK);
                start.cast::<u64>().add(1).write_unaligned(address as u64);
            }
        }
        Self { address, number: address as u64, size }
    }

    /// A buffer that a client has got, by its mark.
    pub(crate) fn got(address: usize) -> Option<Self> {
        if address == 0 {
            return None;
        }
        let start = ptr::with_exposed_provenance::<u64>(address);
        // SAFETY: an address that the library has given for a buffer.
        let (mark, number) = unsafe { (start.read_unaligned(), start.add(1).read_unaligned()) };
        let number = if mark == MARK { number } else { 0 };
        Some(Self { address, number, size: 0 })
    }
}
