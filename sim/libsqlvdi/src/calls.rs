//! What each function of the library does, in safe terms.

use std::ffi::CStr;

use vdi_runtime::{Buffer, BufferHandle, Delivered};
use vdi_spec::abi::{RawCommand, RawConfig};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

use crate::objects::{self, Token, lock};
use crate::recording::Role;
use crate::settings::Settings;

/// What a function gives, or why not.
pub(crate) type Result<T> = std::result::Result<T, HResult>;

/// A name, which the runtime has in UTF-8.
fn text(name: Option<&CStr>) -> Result<&str> {
    name.and_then(|name| name.to_str().ok()).ok_or(HResult::VD_E_INVALID)
}

fn set(token: Token) -> Result<std::sync::Arc<objects::Set>> {
    objects::set(token).ok_or(HResult::VD_E_PROTOCOL)
}

pub(crate) fn create(this: Token, name: Option<&CStr>, config: Option<RawConfig>) -> Result<()> {
    let config = VdConfig::from(config.ok_or(HResult::VD_E_INVALID)?);
    let (set, name) = (set(this)?, text(name)?);
    set.record(name, Role::Primary);
    // The sizes that the server sets are not read; its feature bits cannot be asked for.
    set.begin(|set| set.create(None, name, &config.client_part()))
}

pub(crate) fn open_in_secondary(this: Token, name: Option<&CStr>) -> Result<()> {
    let (set, name) = (set(this)?, text(name)?);
    set.record(name, Role::Secondary);
    set.begin(|set| set.open_in_secondary(None, name))
}

pub(crate) fn get_configuration(this: Token, time: i64) -> Result<RawConfig> {
    let timeout = Settings::get().timeout(time);
    let set = set(this)?;
    let config = set.interface().get_configuration(timeout)?;
    if Settings::get().holds_configuration() {
        set.await_end();
    }
    Ok(RawConfig::from(config))
}

/// The number for the new C++ object.
pub(crate) fn open_device(this: Token, name: Option<&CStr>) -> Result<Token> {
    let set = set(this)?;
    let device = set.interface().open_device(text(name)?)?;
    Ok(set.add_device(device))
}

pub(crate) fn signal_abort(this: Token) -> Result<()> {
    set(this)?.interface().signal_abort()
}

pub(crate) fn close(this: Token) -> Result<()> {
    let set = set(this)?;
    let closed = set.interface().close();
    set.note_end();
    if closed != Err(HResult::VD_E_PROTOCOL) {
        set.end_devices();
    }
    closed
}

pub(crate) fn get_buffer_handle(this: Token, address: usize) -> Result<u32> {
    let set = set(this)?;
    let buffer = set.buffer_at(address).unwrap_or_else(Buffer::unshared);
    set.interface().get_buffer_handle(&buffer).map(|handle| handle.0)
}

pub(crate) fn map_buffer_handle(this: Token, handle: u32) -> Result<*mut u8> {
    let set = set(this)?;
    let buffer = set.interface().map_buffer_handle(BufferHandle(handle))?;
    let bytes = buffer.map().map_err(|status| match status {
        HResult::VD_E_MEMORY => status,
        _ => HResult::VD_E_INVALID,
    })?;
    let address = bytes.as_ptr();
    let mut mapped = lock(&set.mapped);
    if !mapped.iter().any(|known| known.as_ptr() == address) {
        mapped.push(bytes);
    }
    Ok(address)
}

pub(crate) fn get_command(this: Token, time: i64) -> Result<*mut RawCommand> {
    let device = objects::device(this).ok_or(HResult::VD_E_PROTOCOL)?;
    let command = device.device.get_command(Settings::get().timeout(time))?;
    // VD_E_ABORT if the set was closed by another thread since.
    let bytes = command.buffer.as_ref().map(Buffer::map).transpose()?;
    let start = bytes.as_ref().map_or(0, |bytes| bytes.as_ptr().expose_provenance());
    let Delivered { command: id, code, size, position, buffer, .. } = command;
    let raw = RawCommand {
        code: i32::from(code.number() as u8),
        // A transfer has 4 MiB at most; a count of blocks or marks is given as far as it goes.
        size: size.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
        position: position.cast_signed(),
        buffer: start,
    };
    Ok(lock(&device.commands).deliver((id, raw), buffer, bytes))
}

pub(crate) fn complete_command(
    this: Token,
    address: usize,
    code: i32,
    bytes: u64,
    position: i64,
) -> Result<()> {
    let device = objects::device(this).ok_or(HResult::VD_E_PROTOCOL)?;
    let id = {
        let commands = lock(&device.commands);
        if let Some(out) = commands.at(address).filter(|out| out.was_changed()) {
            let text = || "the client has written into a command, which is read-only".to_owned();
            Settings::get().debug(text);
            device.device.wrote(out.id());
        }
        commands.id_at(address)
    };
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let code = Win32(code.cast_unsigned());
    device.device.complete_command(id, code, bytes, position.cast_unsigned())?;
    lock(&device.commands).finish(address);
    Ok(())
}
