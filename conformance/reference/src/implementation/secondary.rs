//! What secondary client processes do: open the set of a primary, and share buffers.
//!
//! Sources: SQL Server VDI reference, OpenInSecondaryEx, GetBufferHandle,
//! MapBufferHandle, Close (client).

use vdi_spec::codes::HResult;

use super::device::{Device, End};
use super::interfaces::ClientSet;
use super::mutant::Mutant;
use super::set::Side;
use super::state::{Binding, Hold, State};
use super::{Answer, BufferHandle, BufferId, Status, answer, status};

impl ClientSet {
    /// Opens, as a secondary client, the set that a primary has created; `None` is the
    /// default instance. VD_E_PROTOCOL if this interface has a set, no such set is
    /// created, or its primary's GetConfiguration has not succeeded yet; VD_E_ABORT if
    /// it is aborted.
    ///
    /// Source: SQL Server VDI reference, OpenInSecondaryEx and OpenInSecondary.
    pub fn open_in_secondary(&self, instance: Option<&str>, name: &str) -> Status {
        status(self.monitor.with(&self.process, |state| {
            let seed = state.seed;
            if state.binding(self.interface) != Binding::Unbound {
                return seed.unless(Mutant::SecondaryAgain, Err(HResult::VD_E_PROTOCOL));
            }
            let (right, wrong) = (HResult::VD_E_PROTOCOL, HResult::VD_E_INVALID);
            let missing = seed.instead(Mutant::SecondaryWithoutSet, right, wrong);
            let id = state.created(instance, name).ok_or(missing)?;
            let set = state.set(id);
            let aborted = if set.aborted() { Err(HResult::VD_E_ABORT) } else { Ok(()) };
            seed.unless(Mutant::SecondaryAborted, aborted)?;
            let ready = set.configuration.seen || set.aborted();
            let ready = if ready { Ok(()) } else { Err(HResult::VD_E_PROTOCOL) };
            seed.unless(Mutant::SecondaryEarly, ready)?;
            let hold = Hold { set: id, side: state.new_side() };
            state.set_mut(id).secondaries.push(Side::new(hold.side, &self.process));
            state.bind(self.interface, Binding::Bound(hold));
            Ok(())
        }))
    }

    /// A handle by which another process of the set can map the buffer of a Read or
    /// Write command that is delivered and not completed; VD_E_INVALID for any other.
    ///
    /// Source: SQL Server VDI reference, GetBufferHandle.
    pub fn get_buffer_handle(&self, buffer: Option<BufferId>) -> Answer<BufferHandle> {
        answer(self.call(|state, hold| {
            let handle = state.new_handle();
            let set = state.set_mut(hold.set);
            if set.aborted() {
                return Err(HResult::VD_E_ABORT);
            }
            let of_anything = set.is(Mutant::HandlesOfAnything);
            let lent = |buffer: &BufferId| set.devices.iter().any(|device| device.lends(*buffer));
            let here = |buffer: &BufferId| set.mapped_in(&self.process, *buffer);
            let known = |buffer: &BufferId| of_anything || (lent(buffer) && here(buffer));
            let buffer = buffer.filter(known);
            set.handles.insert(handle, buffer.ok_or(HResult::VD_E_INVALID)?);
            Ok(handle)
        }))
    }

    /// Maps the buffer of a handle into this process. VD_E_INVALID for what is no
    /// handle of this set, or if the buffer was freed.
    ///
    /// Source: SQL Server VDI reference, MapBufferHandle.
    pub fn map_buffer_handle(&self, handle: Option<BufferHandle>) -> Answer<BufferId> {
        answer(self.call(|state, hold| {
            let anywhere = handle.and_then(|handle| state.buffer_of(handle));
            let set = state.set_mut(hold.set);
            if set.aborted() {
                return Err(HResult::VD_E_ABORT);
            }
            let own = handle.and_then(|handle| set.handles.get(&handle).copied());
            let maps_freed = set.is(Mutant::MapsFreed);
            let own = own.filter(|buffer| maps_freed || set.area.holds(*buffer));
            let buffer = set.seed.instead(Mutant::MapsForeign, own, anywhere);
            let buffer = buffer.ok_or(HResult::VD_E_INVALID)?;
            if !set.is(Mutant::MapsNothing) {
                set.map(hold.side, buffer);
            }
            Ok(buffer)
        }))
    }
}

/// Close of a secondary client: nothing happens to the set, unless a device is open
/// that this process has opened.
pub(super) fn close(state: &mut State, hold: Hold) -> Result<(), HResult> {
    let set = state.set_mut(hold.set);
    let seed = set.seed;
    let own = |device: &Device| device.client == End::Open && device.owner == Some(hold.side);
    let open = !set.aborted() && set.devices.iter().any(own);
    if let Some(side) = set.client_side_mut(hold.side) {
        side.end(seed.is(Mutant::ClientCloseReleasesNothing));
    }
    state.change();
    if open && !seed.is(Mutant::SecondaryCloseQuiet) {
        state.abort(hold.set);
        return Err(HResult::VD_E_OPEN);
    }
    if seed.is(Mutant::SecondaryCloseAborts) {
        state.abort(hold.set);
    }
    Ok(())
}
