//! A server's half.

use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use vdi_com::{
    CompletionRoutine, IServerVirtualDevice, IServerVirtualDevice_Impl, IServerVirtualDeviceSet2,
    IServerVirtualDeviceSet2_Impl, RawConfig, RawRequest,
};
use vdi_runtime::{Buffer, Bytes, Completion, SendCommand, ServerDevice, ServerSet};
use vdi_spec::codes::{CommandCode, Features, HResult};
use vdi_spec::config::ServerConfig;
use windows_core::{HRESULT, Interface as _, PCWSTR, implement};

use crate::defects::{Defect, has};
use crate::given::{Result, call, give, give_config, locked, name, text};
use crate::module::{Counted, agent, machine};

/// The buffers that were given out, each by its address.
#[derive(Default)]
struct Buffers(Mutex<Vec<(Bytes, Buffer)>>);

impl Buffers {
    /// What lies at this address; `None` for null.
    fn at(&self, address: *mut u8) -> Option<Buffer> {
        if address.is_null() {
            return None;
        }
        let buffers = locked(&self.0);
        let known = buffers.iter().find(|(bytes, _)| bytes.as_ptr() == address);
        Some(known.map_or_else(Buffer::unshared, |(_, buffer)| buffer.clone()))
    }
}

/// A server's set.
#[implement(IServerVirtualDeviceSet2)]
pub(crate) struct Set {
    set: ServerSet,
    buffers: Arc<Buffers>,
    /// Last, so that it is counted until all else is gone.
    _counted: Counted,
}

/// A server's device.
#[implement(IServerVirtualDevice)]
struct Device {
    device: ServerDevice,
    buffers: Arc<Buffers>,
    _counted: Counted,
}

impl Set {
    pub(crate) fn new() -> Self {
        let set = machine().server_set();
        Self { set, buffers: Arc::default(), _counted: Counted::new() }
    }

    fn close(&self) -> Result<()> {
        let closed = self.set.close();
        let buffers = std::mem::take(&mut *locked(&self.buffers.0));
        drop(buffers);
        closed
    }

    fn allocate(&self, size: u32, alignment: u32) -> Result<*mut u8> {
        let buffer = self.set.allocate_buffer(size, alignment)?;
        let bytes = buffer.map()?;
        let address = bytes.as_ptr();
        locked(&self.buffers.0).push((bytes, buffer));
        Ok(address)
    }

    fn free(&self, address: *mut u8, size: u32) -> Result<()> {
        let buffer = self.buffers.at(address).unwrap_or_else(Buffer::unshared);
        self.set.free_buffer(&buffer, size)?;
        locked(&self.buffers.0)
            .retain(|(bytes, known)| bytes.as_ptr() != address || !known.is_same(&buffer));
        Ok(())
    }
}

impl Drop for Set {
    /// The last reference: what is open is closed, and there is nobody to be told.
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl IServerVirtualDeviceSet2_Impl for Set_Impl {
    unsafe fn Open(&self, instance: PCWSTR, of: PCWSTR) -> HRESULT {
        call(|| self.set.open(text(instance)?.as_deref(), &name(of)?))
    }

    unsafe fn GetConfiguration(&self, to: *mut RawConfig) -> HRESULT {
        call(|| give_config(to, || self.set.get_configuration().map(RawConfig::from)))
    }

    unsafe fn BeginConfiguration(
        &self,
        features: u32,
        block_size: u32,
        alignment: u32,
        max_transfer_size: u32,
        _timeout: u32,
    ) -> HRESULT {
        let (block_size, alignment) = if has(Defect::BlockSizeSecond) {
            (alignment, block_size)
        } else {
            (block_size, alignment)
        };
        let features = Features(features);
        let part = ServerConfig { features, alignment, block_size, max_transfer_size };
        call(|| self.set.begin_configuration(&part))
    }

    unsafe fn EndConfiguration(&self) -> HRESULT {
        call(|| self.set.end_configuration())
    }

    unsafe fn RequestBuffers(&self, size: u32, alignment: u32, count: u32) -> HRESULT {
        call(|| self.set.request_buffers(size, alignment, count))
    }

    unsafe fn QueryAvailableBuffers(&self, size: u32, alignment: u32, to: *mut u32) -> HRESULT {
        let query = || {
            let count = self.set.query_available_buffers(size, alignment)?;
            Ok(u32::try_from(count).unwrap_or(u32::MAX))
        };
        call(|| give(to, Some(0), query))
    }

    unsafe fn ExecuteCompletionAgent(&self) -> HRESULT {
        let inside = agent();
        let result = call(|| self.set.execute_completion_agent());
        drop(inside);
        result
    }

    unsafe fn OpenDevice(&self, of: PCWSTR, to: *mut *mut c_void) -> HRESULT {
        let open = || {
            let device = self.set.open_device(&name(of)?)?;
            let buffers = self.buffers.clone();
            let object = Device { device, buffers, _counted: Counted::new() };
            Ok(IServerVirtualDevice::from(object).into_raw())
        };
        let failed = (!has(Defect::OutNotCleared)).then_some(std::ptr::null_mut());
        call(|| give(to, failed, open))
    }

    unsafe fn AllocateBuffer(&self, to: *mut *mut u8, size: u32, alignment: u32) -> HRESULT {
        call(|| give(to, Some(std::ptr::null_mut()), || self.allocate(size, alignment)))
    }

    unsafe fn FreeBuffer(&self, buffer: *mut u8, size: u32) -> HRESULT {
        call(|| self.free(buffer, size))
    }

    unsafe fn IsSharedBuffer(&self, buffer: *mut u8) -> HRESULT {
        let mut shared = false;
        let status = call(|| {
            let buffer = self.buffers.at(buffer).unwrap_or_else(Buffer::unshared);
            shared = self.set.is_shared_buffer(&buffer)?;
            Ok(())
        });
        let truth = HRESULT(i32::from(shared != has(Defect::NotShared)));
        if status.is_err() { status } else { truth }
    }

    unsafe fn SignalAbort(&self) -> HRESULT {
        call(|| self.set.signal_abort())
    }

    unsafe fn Close(&self) -> HRESULT {
        call(|| self.close())
    }
}

/// A structure of the server's that is out, and what is called when its command has ended.
struct Owed(*mut RawRequest);

// SAFETY: it is the server's until the command has ended, whatever thread ends it.
unsafe impl Send for Owed {}

impl Owed {
    fn end(&self, done: Completion, routine: Option<CompletionRoutine>) {
        let request = self.0;
        // SAFETY: the structure lives until its routine has been called; the routine is the
        // server's, and no lock is held here.
        unsafe {
            if !has(Defect::NoResult) {
                (&raw mut (*request).completion_code).write_unaligned(done.code.0);
                (&raw mut (*request).bytes_transferred).write_unaligned(done.bytes);
            }
            (&raw mut (*request).out_position).write_unaligned(done.position);
            let given = if has(Defect::ContextOnly) {
                (*request).completion_context.cast()
            } else {
                request
            };
            if let Some(routine) = routine {
                routine(given);
            }
        }
    }
}

impl IServerVirtualDevice_Impl for Device_Impl {
    unsafe fn SendCommand(&self, request: *mut RawRequest) -> HRESULT {
        call(|| {
            if request.is_null() {
                return Err(HResult::VD_E_INVALID);
            }
            // SAFETY: a structure of the server's, copied before it is looked at.
            let sent = unsafe { request.read_unaligned() };
            let Some(code) = CommandCode::from_number(sent.code.into()) else {
                return Err(HResult::VD_E_INVALID);
            };
            let counts = matches!(code, CommandCode::SkipMarks | CommandCode::SkipBlocks);
            let size = if counts { sent.size.cast_signed().into() } else { sent.size.into() };
            let (owed, routine) = (Owed(request), sent.completion_routine);
            self.device.send_command(SendCommand {
                tag: 0,
                code,
                buffer: self.buffers.at(sent.buffer),
                size,
                position: sent.in_position,
                callback: Box::new(move |done| owed.end(done, routine)),
            })
        })
    }

    unsafe fn CloseDevice(&self) -> HRESULT {
        call(|| self.device.close_device())
    }
}
