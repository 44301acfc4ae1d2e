//! What is backed up, kept in memory: it goes nowhere else.

use vdi_call::Command;
use vdi_spec::codes::{CommandCode, Features, Gate, Win32};

/// The medium of one device.
#[derive(Debug, Default)]
pub(super) struct Medium {
    data: Vec<u8>,
    /// Where it is read or written next.
    place: usize,
}

/// How a command is completed: the code, and the bytes moved.
pub(super) type Completion = (Win32, u32);

/// The place cannot be reached.
const ERROR_SEEK: Win32 = Win32(25);

/// Origins of SetPosition, in the command's size.
const FROM_BEGINNING: i32 = 0;
const FROM_HERE: i32 = 1;
const FROM_END: i32 = 2;

impl Medium {
    /// A backup begins: what was there before goes.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A restore begins.
    pub(super) fn rewind(&mut self) {
        self.place = 0;
    }

    /// Where it stands: in bytes from its beginning.
    pub(super) fn position(&self) -> i64 {
        i64::try_from(self.place).unwrap_or(i64::MAX)
    }

    /// Does what a command says; one of random access has a place of its own in each command.
    pub(super) fn carry_out(
        &mut self,
        code: Option<CommandCode>,
        command: &Command,
        features: Features,
    ) -> Completion {
        if !is_offered(code, features) {
            return (Win32::ERROR_NOT_SUPPORTED, 0);
        }
        if let Some(usual) = without_data(code) {
            return if code == Some(CommandCode::SetPosition) {
                (self.set_position(command), 0)
            } else {
                (usual, 0)
            };
        }
        if features.contains(Features::RANDOM_ACCESS)
            && let Ok(place) = usize::try_from(command.raw().position)
        {
            self.place = place;
        }
        if code == Some(CommandCode::Write) {
            return (Win32::ERROR_SUCCESS, self.write(&command.data()));
        }
        let wanted = usize::try_from(command.raw().size).unwrap_or(0);
        let filled = command.fill(self.data.get(self.place..).unwrap_or_default());
        self.place += filled;
        let code = if filled < wanted { Win32::ERROR_HANDLE_EOF } else { Win32::ERROR_SUCCESS };
        (code, moved(filled))
    }

    fn write(&mut self, data: &[u8]) -> u32 {
        let end = self.place + data.len();
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        self.data[self.place..end].copy_from_slice(data);
        self.place = end;
        moved(data.len())
    }

    fn set_position(&mut self, command: &Command) -> Win32 {
        let raw = command.raw();
        let from = match raw.size {
            FROM_BEGINNING => Some(0),
            FROM_HERE => Some(self.position()),
            FROM_END => i64::try_from(self.data.len()).ok(),
            _ => None,
        };
        let place = from.and_then(|from| from.checked_add(raw.position));
        match place.and_then(|place| usize::try_from(place).ok()) {
            Some(place) if place <= self.data.len() => {
                self.place = place;
                Win32::ERROR_SUCCESS
            }
            Some(_) | None => ERROR_SEEK,
        }
    }
}

/// Whether a client that has asked for these features carries this command out. What the server
/// grants besides is not the client's to know.
fn is_offered(code: Option<CommandCode>, features: Features) -> bool {
    match code.map(|code| code.info().gate) {
        Some(Gate::AnyFeature(needed) | Gate::AllFeatures(needed)) => features.intersects(needed),
        Some(Gate::Always | Gate::SnapshotBackup | Gate::SnapshotRestore | Gate::Unspecified)
        | None => true,
    }
}

/// How a client without a tape ends a command that moves no data; `None` of one that does.
pub(crate) const fn without_data(code: Option<CommandCode>) -> Option<Win32> {
    match code {
        Some(CommandCode::Write | CommandCode::Read) => None,
        Some(
            CommandCode::ClearError
            | CommandCode::Flush
            | CommandCode::Load
            | CommandCode::GetPosition
            | CommandCode::SetPosition
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
            | CommandCode::Discard
            | CommandCode::GetError,
        )
        | None => Some(Win32::ERROR_NOT_SUPPORTED),
    }
}

fn moved(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
