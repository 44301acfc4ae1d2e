//! What backup and restore tell of what they have done.

/// What was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Bytes of the database.
    pub(super) bytes: u64,
    /// The checksum of the data, if it has one.
    pub(super) checksum: Option<u32>,
    /// Bytes of the largest transfer.
    pub(super) transfer: u32,
}
