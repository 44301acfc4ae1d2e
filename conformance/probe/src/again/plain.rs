//! Whether a command was carried out as its client would do it again.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::{CommandCode, Win32};

use crate::play::media::without_data;

/// How much went to the media of a recording, and came from them.
#[derive(Debug, Default)]
pub(super) struct Media {
    written: BTreeMap<u8, u64>,
    read: BTreeMap<u8, u64>,
    /// Those that are written in the present life.
    begun: BTreeSet<u8>,
}

impl Media {
    /// What is written stays, and is read from its beginning.
    pub(super) fn of_next_life(self) -> Self {
        Self { written: self.written, ..Self::default() }
    }

    /// Whether a client completes a command so that it has carried out. An end of data is one
    /// where as much was read as was written, if any was.
    pub(super) fn is_plain(
        &mut self,
        device: u8,
        kind: Option<CommandCode>,
        (size, code, bytes): (i64, Win32, u32),
    ) -> bool {
        let plain = is_plain(kind, size, code, bytes);
        if !plain {
            return false;
        }
        if kind == Some(CommandCode::Write) {
            if self.begun.insert(device) {
                self.written.remove(&device);
            }
            *self.written.entry(device).or_default() += u64::from(bytes);
        }
        if kind == Some(CommandCode::Read) {
            let read = self.read.entry(device).or_default();
            *read += u64::from(bytes);
            let written = self.written.get(&device);
            return code == Win32::ERROR_SUCCESS || written.is_none_or(|written| written == read);
        }
        true
    }
}

/// Whether this is how a client completes a command that it has carried out.
fn is_plain(kind: Option<CommandCode>, size: i64, code: Win32, bytes: u32) -> bool {
    if let Some(usual) = without_data(kind) {
        return code == usual;
    }
    let whole = code == Win32::ERROR_SUCCESS && size == i64::from(bytes);
    let ends = kind == Some(CommandCode::Read) && code == Win32::ERROR_HANDLE_EOF;
    whole || ends && i64::from(bytes) < size
}
