//! What makes a set usable from several client processes: OpenInSecondary,
//! handles of buffers, and a secondary's Close.

use smallvec::smallvec;

use super::BufferId;
use super::answer::{Answer, Expected};
use super::client::{can_only_close, either_over, protocol};
use super::effect::Effect;
use super::outcome::{Outcome, Outcomes};
use super::state::{Cause, ClientDevice, ClientLife, SecondaryLife, ServerLife, Stage, State};
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{
    BufferHandleWhenAborted, ClientCloseAfterAbort, ClientCloseDevicesOpen, HandleOfAnother,
    Profile, SecondaryAfterDeath, SecondaryClose, SecondaryNotReady,
};
use vdi_spec::codes::HResult;

/// OpenInSecondary and OpenInSecondaryEx.
pub(super) fn open(state: &State, profile: &Profile, client: u8, found: bool) -> Outcomes {
    if state.client_open(client) {
        return protocol(C::ClientOpenInSecondaryOnce);
    }
    // The primary's process is no secondary of its own set.
    let Some(index) = client.checked_sub(1) else {
        return protocol(C::ClientOpenInSecondaryOnce);
    };
    let usable = state.secondaries[usize::from(index)] != SecondaryLife::Dead;
    if found && usable && state.client == ClientLife::Dead {
        return open_after_death(state, profile);
    }
    if !found || !usable || state.client != ClientLife::Created {
        return protocol(C::ClientOpenInSecondaryNotCreated);
    }
    if state.aborted.is_some() {
        let clause = C::ClientOpenInSecondaryAborted;
        return smallvec![Outcome::returns(HResult::VD_E_ABORT, clause)];
    }
    let ready =
        state.configuration_seen || profile.secondary_not_ready == SecondaryNotReady::AfterCreate;
    if !ready {
        return protocol(C::ClientOpenInSecondaryNotReady);
    }
    let clause = if state.configuration_seen {
        C::ClientOpenInSecondaryStatus
    } else {
        C::ClientOpenInSecondaryNotReady
    };
    smallvec![Outcome::returns(HResult::NOERROR, clause).effecting(Effect::OpenSecondary(client))]
}

/// OpenInSecondary of a set whose primary died: it was created, and it is aborted.
fn open_after_death(state: &State, profile: &Profile) -> Outcomes {
    let aborted = Outcome::returns(HResult::VD_E_ABORT, C::ClientOpenInSecondaryAborted);
    let gone = Outcome::returns(HResult::VD_E_PROTOCOL, C::ClientOpenInSecondaryAborted);
    match profile.secondary_after_death {
        SecondaryAfterDeath::AbortError if state.server != ServerLife::Closed => smallvec![aborted],
        SecondaryAfterDeath::ProtocolError => smallvec![gone],
        SecondaryAfterDeath::AbortError | SecondaryAfterDeath::Either => smallvec![aborted, gone],
    }
}

/// After an abort: the documents name no status.
fn handle_when_aborted(profile: &Profile) -> Outcomes {
    let expected = match profile.buffer_handle_when_aborted {
        BufferHandleWhenAborted::Any => Expected::Any,
        BufferHandleWhenAborted::AbortError => Expected::Status(HResult::VD_E_ABORT),
    };
    smallvec![Outcome::new(Answer::Returns(expected), C::ClientBufferHandleAborted)]
}

/// GetBufferHandle.
pub(super) fn get_buffer_handle(
    state: &State,
    profile: &Profile,
    client: u8,
    buffer: Option<BufferId>,
) -> Outcomes {
    if state.aborted.is_some() {
        return handle_when_aborted(profile);
    }
    let given = Outcome::returns(HResult::NOERROR, C::ClientGetBufferHandleStatus);
    let invalid = Outcome::returns(HResult::VD_E_INVALID, C::ClientGetBufferHandleInvalid);
    let Some(known) = buffer.and_then(|buffer| state.buffer(buffer)) else {
        return smallvec![match buffer {
            Some(_) => invalid.misuse(C::ClientBufferControl),
            None => invalid,
        }];
    };
    let held = state.commands.iter().find(|command| {
        command.buffer == Some(known.id)
            && command.stage == Stage::Delivered
            && command.code.info().moves_data
    });
    let Some(held) = held else {
        return smallvec![invalid.misuse(C::ClientBufferControl)];
    };
    // The primary has the address of every buffer.
    if client > 0 && known.mapped & (1 << client) == 0 {
        return smallvec![invalid.misuse(C::ClientBufferMapped)];
    }
    if state.devices[usize::from(held.device)].owner == client {
        return smallvec![given];
    }
    let of_another = Outcome { clause: C::ClientGetBufferHandleInvalid, ..given };
    match profile.handle_of_another {
        HandleOfAnother::Either => smallvec![of_another, invalid],
        HandleOfAnother::Given => smallvec![of_another],
        HandleOfAnother::Invalid => smallvec![invalid],
    }
}

/// MapBufferHandle.
pub(super) fn map_buffer_handle(
    state: &State,
    profile: &Profile,
    client: u8,
    buffer: Option<BufferId>,
) -> Outcomes {
    if state.aborted.is_some() {
        return handle_when_aborted(profile);
    }
    smallvec![match buffer.filter(|buffer| state.buffer(*buffer).is_some()) {
        Some(buffer) => Outcome::new(Answer::Maps(buffer), C::ClientMapBufferHandleStatus)
            .effecting(Effect::Map { client, buffer }),
        None => Outcome::returns(HResult::VD_E_INVALID, C::ClientMapBufferHandleInvalid),
    }]
}

/// Close by a secondary client.
pub(super) fn close(state: &State, profile: &Profile, client: u8) -> Outcomes {
    let own_open = state
        .devices
        .iter()
        .any(|device| device.client == ClientDevice::Open && device.owner == client);
    if own_open && state.aborted.is_none() {
        let status = match profile.client_close_devices_open {
            ClientCloseDevicesOpen::OpenError => HResult::VD_E_OPEN,
            ClientCloseDevicesOpen::Noerror => HResult::NOERROR,
        };
        let abort = Some(Cause::ClientCloseDevicesOpen);
        let outcome = Outcome::returns(status, C::ClientCloseDevicesOpenStatus)
            .also(C::ClientCloseReleases)
            .also(C::ClientCloseDevicesOpenAborts)
            .effecting(Effect::CloseSecondary { client, abort });
        let excused = can_only_close(state, profile, |device| device.owner == client);
        return match excused {
            true => either_over(outcome),
            false => smallvec![outcome.misuse(C::ClientCloseDevicesOpenMistake)],
        };
    }
    let ended = state.devices.iter().all(|device| device.client == ClientDevice::CloseSeen);
    let aborts = profile.secondary_close == SecondaryClose::Aborts && !ended;
    let abort = (aborts && state.aborted.is_none()).then_some(Cause::ClientClose);
    let status = match profile.client_close_after_abort {
        ClientCloseAfterAbort::OpenError if own_open => HResult::VD_E_OPEN,
        ClientCloseAfterAbort::OpenError | ClientCloseAfterAbort::Noerror => HResult::NOERROR,
    };
    smallvec![
        Outcome::returns(status, C::ClientCloseSecondary)
            .also(C::ClientCloseReleases)
            .effecting(Effect::CloseSecondary { client, abort })
    ]
}
