//! What is backed up, kept in memory: it goes nowhere else.

use vdi_call::Command;
use vdi_spec::codes::{CommandCode, Win32};

/// The medium of one device.
#[derive(Debug, Default)]
pub(super) struct Medium {
    data: Vec<u8>,
    /// How much of it was read.
    read: usize,
}

/// How a command is completed: the code, and the bytes moved.
pub(super) type Completion = (Win32, u32);

impl Medium {
    /// A backup begins: what was there before goes.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A restore begins.
    pub(super) fn rewind(&mut self) {
        self.read = 0;
    }

    /// Does what a command says.
    pub(super) fn carry_out(&mut self, code: Option<CommandCode>, command: &Command) -> Completion {
        if let Some(usual) = without_data(code) {
            return (usual, 0);
        }
        if code == Some(CommandCode::Write) {
            let data = command.data();
            self.data.extend_from_slice(&data);
            return (Win32::ERROR_SUCCESS, moved(data.len()));
        }
        let wanted = usize::try_from(command.raw().size).unwrap_or(0);
        let filled = command.fill(&self.data[self.read..]);
        self.read += filled;
        let code = if filled < wanted { Win32::ERROR_HANDLE_EOF } else { Win32::ERROR_SUCCESS };
        (code, moved(filled))
    }
}

/// How a client without a tape ends a command that moves no data; `None` of one that does.
pub(crate) const fn without_data(code: Option<CommandCode>) -> Option<Win32> {
    match code {
        Some(CommandCode::Write | CommandCode::Read) => None,
        Some(
            CommandCode::ClearError
            | CommandCode::Flush
            | CommandCode::Complete
            | CommandCode::Snapshot
            | CommandCode::MountSnapshot
            | CommandCode::PrepareToFreeze
            | CommandCode::FileInfoBegin
            | CommandCode::FileInfoEnd,
        ) => Some(Win32::ERROR_SUCCESS),
        Some(
            CommandCode::Rewind
            | CommandCode::WriteMark
            | CommandCode::SkipMarks
            | CommandCode::SkipBlocks
            | CommandCode::Load
            | CommandCode::GetPosition
            | CommandCode::SetPosition
            | CommandCode::Discard
            | CommandCode::GetError,
        )
        | None => Some(Win32::ERROR_NOT_SUPPORTED),
    }
}

fn moved(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
