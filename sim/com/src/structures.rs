//! What functions take and give, as it lies in memory.

use std::ffi::c_void;

/// `VDConfig` and `VDC_Command` are the same on both systems.
pub use vdi_spec::abi::{RawCommand, RawConfig};

/// `VDS_Command`, the server's request.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawRequest {
    /// The command code.
    pub code: u32,
    /// Bytes, or a signed count.
    pub size: u32,
    /// Where, if the medium is addressed by position.
    pub in_position: u64,
    /// The position the client answered with.
    pub out_position: u64,
    /// The data zone, or null.
    pub buffer: *mut u8,
    /// Called when the command has ended, with this structure.
    pub completion_routine: Option<CompletionRoutine>,
    /// The server's own.
    pub completion_context: *mut c_void,
    /// How the command ended.
    pub completion_code: u32,
    /// Bytes moved.
    pub bytes_transferred: u32,
}

/// What is called when a command has ended.
pub type CompletionRoutine = unsafe extern "system" fn(*mut RawRequest);

const _: () = {
    use std::mem::{align_of, offset_of, size_of};
    assert!(size_of::<RawRequest>() == 56 && align_of::<RawRequest>() == 8);
    assert!(offset_of!(RawRequest, size) == 4 && offset_of!(RawRequest, in_position) == 8);
    assert!(offset_of!(RawRequest, out_position) == 16 && offset_of!(RawRequest, buffer) == 24);
    assert!(offset_of!(RawRequest, completion_routine) == 32);
    assert!(offset_of!(RawRequest, completion_context) == 40);
    assert!(offset_of!(RawRequest, completion_code) == 48);
    assert!(offset_of!(RawRequest, bytes_transferred) == 52);
};
