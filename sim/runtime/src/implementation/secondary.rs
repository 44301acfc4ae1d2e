//! What secondary client processes do: open the set of a primary, and share buffers.
//!
//! Sources: SQL Server VDI reference, OpenInSecondaryEx, GetBufferHandle,
//! MapBufferHandle, Close (client).

use super::buffer::{Buffer, BufferHandle};
use super::client::ClientSet;
use super::client_state::Client;
use super::mapping::PRIMARY;
use crate::sync::Ordering;
use vdi_spec::codes::HResult;

impl ClientSet {
    /// Opens, as a secondary client, the set that a primary has created; `None` is the
    /// default instance.
    ///
    /// Source: SQL Server VDI reference, OpenInSecondaryEx and OpenInSecondary.
    ///
    /// # Errors
    /// VD_E_PROTOCOL: this interface has a set, no such set is created, its primary's
    /// GetConfiguration has not succeeded yet, or there are too many secondaries;
    /// VD_E_ABORT.
    pub fn open_in_secondary(&self, instance: Option<&str>, name: &str) -> Result<(), HResult> {
        let _inside = self.process.enter();
        let mut binding = self.binding.0.lock();
        if binding.is_some() {
            return Err(HResult::VD_E_PROTOCOL);
        }
        let mapping = self.process.find(instance, name)?.ok_or(HResult::VD_E_PROTOCOL)?;
        let control = mapping.control();
        mapping.notice_deaths();
        if mapping.is_aborted()? {
            return Err(HResult::VD_E_ABORT);
        }
        if control.seen.load(Ordering::Acquire) == 0 {
            return Err(HResult::VD_E_PROTOCOL);
        }
        let mut free = None;
        for side in PRIMARY + 1..control.sides.len() {
            if mapping.take_side(side, self.process.id)? {
                free = Some(side);
                break;
            }
        }
        let side = free.ok_or(HResult::VD_E_PROTOCOL)?;
        *binding = Some(Client::new(&self.process, mapping, side));
        Ok(())
    }

    /// A handle by which another process of the set can map the buffer of a Read or
    /// Write command that is delivered here and not completed.
    ///
    /// Source: SQL Server VDI reference, GetBufferHandle.
    ///
    /// # Errors
    /// VD_E_INVALID: any other buffer; VD_E_ABORT.
    pub fn get_buffer_handle(&self, buffer: &Buffer) -> Result<BufferHandle, HResult> {
        let _inside = self.process.enter();
        let client = self.client()?;
        if client.mapping.is_aborted()? {
            return Err(HResult::VD_E_ABORT);
        }
        let key = buffer.key_in(&client.mapping).ok_or(HResult::VD_E_INVALID)?;
        let same = |lent: &Buffer| lent.key_in(&client.mapping) == Some(key);
        let lent = client.devices.iter().any(|slot| slot.lock().lends(same));
        if lent { Ok(BufferHandle::of(&client.mapping, key)) } else { Err(HResult::VD_E_INVALID) }
    }

    /// The buffer whose data zone lies so many bytes from the start of the buffer area
    /// (see [`Buffer::offset`]). The primary client has the whole area mapped, and finds
    /// every buffer so; a secondary has only what it was given, and finds none.
    #[must_use]
    pub fn buffer_at(&self, offset: u64) -> Option<Buffer> {
        self.own_buffer(|buffer| buffer.offset() == offset)
    }

    /// The same by the number of the buffer.
    #[must_use]
    pub fn buffer_numbered(&self, number: u64) -> Option<Buffer> {
        self.own_buffer(|buffer| buffer.number() == number)
    }

    fn own_buffer(&self, is_it: impl Fn(&Buffer) -> bool) -> Option<Buffer> {
        let client = self.client().ok().filter(|client| client.side == PRIMARY)?;
        client.mapping.allocated().find_map(|key| {
            Buffer::new(&client.mapping, &client.views, key).filter(|buffer| is_it(buffer))
        })
    }

    /// Maps the buffer of a handle into this process.
    ///
    /// Source: SQL Server VDI reference, MapBufferHandle.
    ///
    /// # Errors
    /// VD_E_INVALID: no handle of this set, or the buffer was freed; VD_E_ABORT.
    pub fn map_buffer_handle(&self, handle: BufferHandle) -> Result<Buffer, HResult> {
        let _inside = self.process.enter();
        let client = self.client()?;
        if client.mapping.is_aborted()? {
            return Err(HResult::VD_E_ABORT);
        }
        let key = handle.resolve(&client.mapping)?;
        Buffer::new(&client.mapping, &client.views, key).ok_or(HResult::VD_E_INVALID)
    }
}
