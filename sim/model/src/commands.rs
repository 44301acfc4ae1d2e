//! What server and client owe each other in commands: what may be sent when, and
//! what it may be answered with. The interface carries them all the same.

use super::state::{Command, Stage, State, Stream};
use super::{Carried, Request};
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{
    CompletionCodes, DiskGetPosition, Profile, ShortReadSuccess, StrayBytes, WithheldFeatures,
};
use vdi_spec::codes::{CommandCode as Code, Features, Gate, Win32};

/// What the server breaks by granting these feature bits.
pub(super) fn grants_misuse(state: &State, granted: Features) -> impl Iterator<Item = C> {
    let media = media_misuse(state.asked.features, granted);
    surplus_misuse(state, granted).into_iter().chain(media)
}

/// A BACKUP has WriteMedia, and ReadMedia only if the client can position; a RESTORE
/// has ReadMedia.
fn media_misuse(asked: Features, granted: Features) -> Option<C> {
    let positions = asked.intersects(Features::POSITION | Features::RANDOM_ACCESS);
    let reads = granted.intersects(Features::READ_MEDIA);
    let sound = match granted.intersects(Features::WRITE_MEDIA) {
        true => reads == positions,
        false => reads,
    };
    (!sound).then_some(C::ServerBeginConfigurationMedia)
}

fn surplus_misuse(state: &State, granted: Features) -> Option<C> {
    let servers = Features::WRITE_MEDIA | Features::READ_MEDIA | Features::COMPLETE_ENABLED;
    let complete = granted.intersects(Features::COMPLETE_ENABLED)
        && !state.asked.features.contains(Features::REQUEST_COMPLETE);
    let surplus = !granted.without(servers).without(state.asked.features).is_empty();
    (complete || surplus).then_some(C::ServerBeginConfigurationFeatures)
}

/// What the server breaks by sending this command now.
pub(super) fn request_misuse(state: &State, profile: &Profile, request: &Request) -> Option<C> {
    let agreed = agreed(state, profile);
    gate(state, profile, request.code, agreed)
        .or_else(|| buffer(state, request))
        .or_else(|| arguments(state, request, agreed))
        .or_else(|| order(state, request, agreed))
}

/// The features that hold between client and server.
fn agreed(state: &State, profile: &Profile) -> Features {
    match profile.withheld_features {
        WithheldFeatures::Kept => state.asked.features | state.granted.features,
        WithheldFeatures::Withheld => state.granted.features,
    }
}

/// What has to be agreed on for a command.
fn gate_of(code: Code, profile: &Profile) -> Gate {
    let position_only = profile.disk_get_position == DiskGetPosition::PositionOnly;
    if code == Code::GetPosition && position_only {
        return Gate::AnyFeature(Features::POSITION);
    }
    code.info().gate
}

/// Whether what was agreed on lets the command be sent.
fn gate(state: &State, profile: &Profile, code: Code, agreed: Features) -> Option<C> {
    let open = match gate_of(code, profile) {
        Gate::Always | Gate::Unspecified => true,
        Gate::AnyFeature(features) => agreed.intersects(features),
        Gate::AllFeatures(features) => agreed.contains(features),
        Gate::SnapshotBackup => state.granted.features.intersects(Features::WRITE_MEDIA),
        Gate::SnapshotRestore => state.granted.features.intersects(Features::READ_MEDIA),
    };
    if !open {
        return Some(C::ServerCommandFeature);
    }
    let granted = |media| state.granted.features.intersects(media);
    let unreadable = code == Code::Read && !granted(Features::READ_MEDIA);
    let writes = matches!(code, Code::Write | Code::WriteMark);
    let unwritable = writes && !granted(Features::WRITE_MEDIA);
    (unreadable || unwritable).then_some(C::ServerCommandMedia)
}

/// A buffer that exists and that no other command has.
fn buffer(state: &State, request: &Request) -> Option<C> {
    if !request.code.info().moves_data {
        return None;
    }
    let buffer = match request.buffer {
        Carried::Untold => return None,
        Carried::Null => return Some(C::ServerCommandBuffer),
        Carried::Buffer(buffer) => buffer,
    };
    if state.buffer(buffer).is_none() {
        return Some(C::ServerCommandBuffer);
    }
    let held = |command: &Command| {
        command.buffer == Some(buffer) && matches!(command.stage, Stage::Queued | Stage::Delivered)
    };
    state.commands.iter().any(held).then_some(C::ServerBufferControl)
}

/// The field `size`, and the position.
fn arguments(state: &State, request: &Request, agreed: Features) -> Option<C> {
    let random_access = agreed.intersects(Features::RANDOM_ACCESS);
    if request.positioned && request.code.info().moves_data && !random_access {
        return Some(C::ServerCommandPosition);
    }
    let absolute = request.size.is_none_or(|origin| origin == 0);
    if request.code == Code::SetPosition && absolute && request.foreign && !random_access {
        return Some(C::ServerCommandKnownPosition);
    }
    let size = request.size?;
    let granted = &state.granted;
    match request.code {
        Code::Read | Code::Write => {
            let bytes = u32::try_from(size).unwrap_or(0);
            let sound = bytes > 0
                && bytes <= granted.max_transfer_size
                && bytes.is_multiple_of(granted.block_size.max(1));
            (!sound).then_some(C::ServerCommandSize)
        }
        Code::SkipMarks | Code::SkipBlocks => {
            let backwards = size < 0 && !agreed.intersects(Features::REVERSE_POSITION);
            backwards.then_some(C::ServerCommandSkipBackwards)
        }
        Code::SetPosition => (!(0..=2).contains(&size)).then_some(C::ServerCommandOrigin),
        Code::Load => (!(0..=1).contains(&size)).then_some(C::ServerCommandEject),
        Code::ClearError
        | Code::Rewind
        | Code::WriteMark
        | Code::GetPosition
        | Code::Discard
        | Code::Flush
        | Code::Snapshot
        | Code::MountSnapshot
        | Code::PrepareToFreeze
        | Code::FileInfoBegin
        | Code::FileInfoEnd
        | Code::GetError
        | Code::Complete => None,
    }
}

/// What the documents say of the order of commands on a device.
fn order(state: &State, request: &Request, agreed: Features) -> Option<C> {
    let device = &state.devices[usize::from(request.device)];
    let code = request.code;
    if matches!(code, Code::Snapshot | Code::MountSnapshot) && state.devices.len() > 1 {
        return Some(C::ServerSnapshotOneDevice);
    }
    let writes = matches!(code, Code::Write | Code::WriteMark);
    if writes && state.devices.iter().any(|device| device.full) {
        return Some(C::ServerOverflowAborts);
    }
    if code == Code::Load && state.outstanding(request.device).next().is_some() {
        return Some(C::ServerEndOfMediaWaits);
    }
    let removable = agreed.intersects(Features::REMOVABLE);
    let restores = !state.granted.features.intersects(Features::WRITE_MEDIA);
    let prepares = agreed.intersects(Features::SNAPSHOT_PREPARE);
    let data = matches!(code, Code::Read | Code::Write | Code::WriteMark);
    let last = matches!(code, Code::ClearError | Code::Discard | Code::Complete);
    match device.stream {
        Stream::Prepared if code == Code::PrepareToFreeze => Some(C::ServerSnapshotOrder),
        Stream::Snapshot if !last => Some(C::ServerSnapshotOrder),
        Stream::Mounted if !last => Some(C::ServerMountSnapshotOrder),
        Stream::Complete if data => Some(C::ServerCompleteLast),
        Stream::Discarded if code != Code::ClearError => Some(C::ServerDiscardLast),
        // A server that was not told yet cannot know better.
        Stream::MediumEnded if end_is_owed(state, request.device) => None,
        Stream::MediumEnded if code == Code::Read && removable => Some(C::ServerEndOfMediaLoad),
        Stream::MediumEnded if code == Code::Read && restores => Some(C::ServerEndOfMediaEnds),
        Stream::Free if code == Code::Snapshot && prepares => Some(C::ServerSnapshotPrepared),
        _ => None,
    }
}

/// Whether a Read has met the end of the medium whose callback has not run yet.
fn end_is_owed(state: &State, device: u8) -> bool {
    let ends =
        [Win32::ERROR_HANDLE_EOF, Win32::ERROR_NO_DATA_DETECTED, Win32::ERROR_FILEMARK_DETECTED];
    state.commands.iter().any(|command| {
        let met = |code: &Win32| ends.contains(code);
        let owed = matches!(&command.stage, Stage::Completed { code, .. } if met(code));
        command.device == device && owed
    })
}

/// What the client breaks by answering a command so.
pub(super) fn completion_misuse(
    state: &State,
    profile: &Profile,
    command: &Command,
    code: Win32,
    bytes: u32,
    data_is_told: bool,
) -> Option<C> {
    let success = code == Win32::ERROR_SUCCESS;
    if command.code == Code::ClearError && !success {
        return Some(C::DeviceErrorClearErrorSuccess);
    }
    support(state, profile, command.code, code)
        .or_else(|| amount(profile, command, success, bytes))
        .or_else(|| stray(profile, command, bytes))
        .or_else(|| {
            let invented = data_is_told && success && bytes > 0 && !command.used;
            (invented && command.code.info().moves_data).then_some(C::ClientCommandMovesData)
        })
        .or_else(|| {
            let listed = profile.completion_codes == CompletionCodes::Listed;
            (listed && belongs_elsewhere(command.code, code)).then_some(C::ClientCommandCode)
        })
}

/// Whether the client supports what it must, and nothing else.
fn support(state: &State, profile: &Profile, command: Code, code: Win32) -> Option<C> {
    let refused = code == Win32::ERROR_NOT_SUPPORTED;
    let of_feature = |asked| match (asked, refused) {
        (true, true) => Some(C::ClientCommandSupported),
        (false, false) => Some(C::ClientCommandUnsupported),
        (true, false) | (false, true) => None,
    };
    match gate_of(command, profile) {
        Gate::Always => refused.then_some(C::ClientCommandMandatory),
        Gate::AnyFeature(features) => of_feature(state.asked.features.intersects(features)),
        Gate::AllFeatures(features) => of_feature(agreed(state, profile).contains(features)),
        _ => None,
    }
}

/// Whether as much was moved as the answer says.
fn amount(profile: &Profile, command: &Command, success: bool, bytes: u32) -> Option<C> {
    let size = command.size?;
    if bytes > size {
        return Some(C::ClientCompleteCommandBytes);
    }
    if !success || bytes == size {
        return None;
    }
    let fault = profile.short_read_success == ShortReadSuccess::ClientFault;
    let (writes, reads) = (command.code == Code::Write, command.code == Code::Read);
    if writes {
        Some(C::ClientWriteShort)
    } else if reads && bytes == 0 {
        Some(C::ClientReadEnd)
    } else {
        (reads && fault).then_some(C::ClientReadShort)
    }
}

/// Whether bytes are given for a command that has none to give.
fn stray(profile: &Profile, command: &Command, bytes: u32) -> Option<C> {
    let fault = profile.stray_bytes == StrayBytes::ClientFault;
    let stray = fault && bytes > 0 && !command.code.info().moves_data;
    stray.then_some(C::ClientCompleteCommandStrayBytes)
}

/// Whether the documents list this completion code for other commands only.
fn belongs_elsewhere(command: Code, code: Win32) -> bool {
    let reading =
        matches!(command, Code::Read | Code::SkipMarks | Code::SkipBlocks | Code::SetPosition);
    let writing = matches!(command, Code::Write | Code::WriteMark | Code::Flush | Code::Complete);
    let of_reading =
        [Win32::ERROR_HANDLE_EOF, Win32::ERROR_NO_DATA_DETECTED, Win32::ERROR_FILEMARK_DETECTED];
    let of_writing = [Win32::ERROR_DISK_FULL, Win32::ERROR_EOM_OVERFLOW, Win32::ERROR_END_OF_MEDIA];
    of_reading.contains(&code) && !reading || of_writing.contains(&code) && !writing
}
