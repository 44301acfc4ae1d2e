//! A client's half.

use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use vdi_com::{
    IClientVirtualDevice, IClientVirtualDevice_Impl, IClientVirtualDeviceSet_Impl,
    IClientVirtualDeviceSet2, IClientVirtualDeviceSet2_Impl, RawCommand, RawConfig,
};
use vdi_runtime::{
    AddressedCommands, Buffer, BufferHandle, Bytes, ClientDevice, ClientSet, Delivered,
};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;
use windows_core::{HRESULT, Interface as _, PCWSTR, implement};

use crate::defects::{Defect, has};
use crate::given::{Result, call, config, give, give_config, locked, name, text, timeout};
use crate::module::{Counted, machine};

/// A client's set.
#[implement(IClientVirtualDeviceSet2)]
pub(crate) struct Set {
    set: ClientSet,
    /// The commands of its devices since the last Close.
    devices: Mutex<Vec<Arc<Mutex<AddressedCommands>>>>,
    /// What is mapped by handle: mapped until Close.
    mapped: Mutex<Vec<Bytes>>,
    /// Last, so that it is counted until all else is gone.
    _counted: Counted,
}

/// A client's device.
#[implement(IClientVirtualDevice)]
struct Device {
    device: ClientDevice,
    commands: Arc<Mutex<AddressedCommands>>,
    _counted: Counted,
}

impl Set {
    pub(crate) fn new() -> Self {
        Self {
            set: machine().client_set(),
            devices: Mutex::default(),
            mapped: Mutex::default(),
            _counted: Counted::new(),
        }
    }

    fn create(&self, instance: PCWSTR, of: PCWSTR, from: *const RawConfig) -> Result<()> {
        let part = VdConfig::from(config(from)?);
        let (instance, of) = if has(Defect::InstanceSecond) && !instance.is_null() {
            (of, instance)
        } else {
            (instance, of)
        };
        // The sizes that the server sets are not read; its feature bits cannot be asked for.
        self.set.create(text(instance)?.as_deref(), &name(of)?, &part.client_part())
    }

    fn end(&self) {
        let devices = std::mem::take(&mut *locked(&self.devices));
        devices.iter().for_each(|commands| locked(commands).let_go());
        let mapped = std::mem::take(&mut *locked(&self.mapped));
        drop(mapped);
    }

    fn map(&self, handle: u32) -> Result<*mut u8> {
        let buffer = self.set.map_buffer_handle(BufferHandle(handle))?;
        let no_memory = |status: &HResult| *status == HResult::VD_E_MEMORY;
        let refused = |status| Some(status).filter(no_memory).unwrap_or(HResult::VD_E_INVALID);
        let bytes = buffer.map().map_err(refused)?;
        let address = bytes.as_ptr();
        let mut mapped = locked(&self.mapped);
        if !mapped.iter().any(|known| known.as_ptr() == address) {
            mapped.push(bytes);
        }
        Ok(address)
    }

    fn handle(&self, address: usize) -> Result<u32> {
        let devices = locked(&self.devices).clone();
        let buffer =
            devices.iter().find_map(|commands| locked(commands).buffer_at(address).cloned());
        let buffer = buffer.unwrap_or_else(Buffer::unshared);
        self.set.get_buffer_handle(&buffer).map(|handle| handle.0)
    }
}

impl Drop for Set {
    /// The last reference: what is open is closed, and there is nobody to be told.
    fn drop(&mut self) {
        if self.set.history().is_some() {
            let _ = self.set.close();
        }
        self.end();
    }
}

impl IClientVirtualDeviceSet_Impl for Set_Impl {
    unsafe fn Create(&self, name: PCWSTR, config: *mut RawConfig) -> HRESULT {
        call(|| self.create(PCWSTR::null(), name, config))
    }

    unsafe fn GetConfiguration(&self, time: u32, to: *mut RawConfig) -> HRESULT {
        let get = || self.set.get_configuration(timeout(time)).map(RawConfig::from);
        call(|| give_config(to, get))
    }

    unsafe fn OpenDevice(&self, of: PCWSTR, to: *mut *mut c_void) -> HRESULT {
        let open = || {
            let device = self.set.open_device(&name(of)?)?;
            let commands = Arc::<Mutex<AddressedCommands>>::default();
            locked(&self.devices).push(commands.clone());
            let object = Device { device, commands, _counted: Counted::new() };
            let object: IClientVirtualDevice = object.into();
            if has(Defect::DeviceLeaks) {
                std::mem::forget(object.clone());
            }
            if has(Defect::DeviceReleased) {
                return Ok(object.as_raw());
            }
            Ok(object.into_raw())
        };
        let failed = (!has(Defect::OutNotCleared)).then_some(std::ptr::null_mut());
        call(|| give(to, failed, open))
    }

    unsafe fn Close(&self) -> HRESULT {
        call(|| {
            let closed = self.set.close();
            if closed != Err(HResult::VD_E_PROTOCOL) {
                self.end();
            }
            closed
        })
    }

    unsafe fn SignalAbort(&self) -> HRESULT {
        call(|| self.set.signal_abort())
    }

    unsafe fn OpenInSecondary(&self, of: PCWSTR) -> HRESULT {
        call(|| self.set.open_in_secondary(None, &name(of)?))
    }

    unsafe fn GetBufferHandle(&self, buffer: *mut u8, to: *mut u32) -> HRESULT {
        call(|| give(to, Some(0), || self.handle(buffer.addr())))
    }

    unsafe fn MapBufferHandle(&self, handle: u32, to: *mut *mut u8) -> HRESULT {
        call(|| give(to, Some(std::ptr::null_mut()), || self.map(handle)))
    }
}

impl IClientVirtualDeviceSet2_Impl for Set_Impl {
    unsafe fn CreateEx(&self, instance: PCWSTR, name: PCWSTR, config: *mut RawConfig) -> HRESULT {
        call(|| self.create(instance, name, config))
    }

    unsafe fn OpenInSecondaryEx(&self, instance: PCWSTR, of: PCWSTR) -> HRESULT {
        call(|| self.set.open_in_secondary(text(instance)?.as_deref(), &name(of)?))
    }
}

/// A size or a count as it stands in 32 bits.
fn narrow(size: i64) -> i32 {
    match u32::try_from(size) {
        Ok(size) => size.cast_signed(),
        Err(_) if size < 0 => i32::try_from(size).unwrap_or(i32::MIN),
        Err(_) => -1,
    }
}

impl IClientVirtualDevice_Impl for Device_Impl {
    unsafe fn GetCommand(&self, time: u32, to: *mut *mut RawCommand) -> HRESULT {
        let get = || {
            let command = self.device.get_command(timeout(time))?;
            // VD_E_ABORT if the set was closed by another thread since.
            let bytes = command.buffer.as_ref().map(Buffer::map).transpose()?;
            let Delivered { command: id, code, size, position, buffer, .. } = command;
            let raw = RawCommand {
                code: code.number().cast_signed(),
                size: narrow(size),
                position: position.cast_signed(),
                buffer: bytes.as_ref().map_or(0, |bytes| bytes.as_ptr().expose_provenance()),
            };
            Ok(locked(&self.commands).deliver((id, raw), buffer, bytes))
        };
        call(|| give(to, Some(std::ptr::null_mut()), get))
    }

    unsafe fn CompleteCommand(
        &self,
        command: *mut RawCommand,
        code: u32,
        bytes: u32,
        position: u64,
    ) -> HRESULT {
        let (code, bytes) = if has(Defect::BytesFirst) { (bytes, code) } else { (code, bytes) };
        let position =
            if has(Defect::NarrowPosition) { u64::from(position as u32) } else { position };
        call(|| {
            let id = locked(&self.commands).id_at(command.addr());
            self.device.complete_command(id, Win32(code), bytes, position)?;
            locked(&self.commands).finish(command.addr());
            Ok(())
        })
    }
}
