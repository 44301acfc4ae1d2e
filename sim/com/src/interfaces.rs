//! The ids, and the tables of functions in the order of the published header.
#![expect(missing_docs, reason = "each function is the documents' of that name")]
#![allow(non_snake_case, reason = "the names are the documents'")]

use std::ffi::c_void;

use windows_core::{BOOL, GUID, HRESULT, IUnknown, IUnknown_Vtbl, PCWSTR, interface};

use crate::structures::{RawCommand, RawConfig, RawRequest};

/// The class of clients' sets: by the published header the number of an interface, too.
pub const CLIENT_CLASS: GUID = GUID::from_u128(0x4070_0425_0080_11d2_851f_00c0_4fc2_1759);

/// The class of servers' sets: by the published header the number of the older interface of a server's set,
/// which is not offered here.
pub const SERVER_CLASS: GUID = GUID::from_u128(0xb5e7_a132_a7bd_11d1_84c2_00c0_4fc2_1759);

/// Makes objects of a class: COM's own.
#[interface("00000001-0000-0000-c000-000000000046")]
pub unsafe trait IClassFactory: IUnknown {
    pub unsafe fn CreateInstance(
        &self,
        outer: *mut c_void,
        iid: *const GUID,
        object: *mut *mut c_void,
    ) -> HRESULT;
    pub unsafe fn LockServer(&self, lock: BOOL) -> HRESULT;
}

/// A device of a client.
#[interface("40700424-0080-11d2-851f-00c04fc21759")]
pub unsafe trait IClientVirtualDevice: IUnknown {
    pub unsafe fn GetCommand(&self, timeout: u32, command: *mut *mut RawCommand) -> HRESULT;
    pub unsafe fn CompleteCommand(
        &self,
        command: *mut RawCommand,
        code: u32,
        bytes: u32,
        position: u64,
    ) -> HRESULT;
}

/// A set of a client.
#[interface("40700425-0080-11d2-851f-00c04fc21759")]
pub unsafe trait IClientVirtualDeviceSet: IUnknown {
    pub unsafe fn Create(&self, name: PCWSTR, config: *mut RawConfig) -> HRESULT;
    pub unsafe fn GetConfiguration(&self, timeout: u32, config: *mut RawConfig) -> HRESULT;
    pub unsafe fn OpenDevice(&self, name: PCWSTR, device: *mut *mut c_void) -> HRESULT;
    pub unsafe fn Close(&self) -> HRESULT;
    pub unsafe fn SignalAbort(&self) -> HRESULT;
    pub unsafe fn OpenInSecondary(&self, name: PCWSTR) -> HRESULT;
    pub unsafe fn GetBufferHandle(&self, buffer: *mut u8, handle: *mut u32) -> HRESULT;
    pub unsafe fn MapBufferHandle(&self, handle: u32, buffer: *mut *mut u8) -> HRESULT;
}

/// The same, with instances.
#[interface("d0e6eb07-7a62-11d2-8573-00c04fc21759")]
pub unsafe trait IClientVirtualDeviceSet2: IClientVirtualDeviceSet {
    pub unsafe fn CreateEx(
        &self,
        instance: PCWSTR,
        name: PCWSTR,
        config: *mut RawConfig,
    ) -> HRESULT;
    pub unsafe fn OpenInSecondaryEx(&self, instance: PCWSTR, name: PCWSTR) -> HRESULT;
}

/// A device of a server.
#[interface("b5e7a131-a7bd-11d1-84c2-00c04fc21759")]
pub unsafe trait IServerVirtualDevice: IUnknown {
    pub unsafe fn SendCommand(&self, request: *mut RawRequest) -> HRESULT;
    pub unsafe fn CloseDevice(&self) -> HRESULT;
}

/// A set of a server.
#[interface("aecbd0d6-24c6-11d3-85b7-00c04fc21759")]
pub unsafe trait IServerVirtualDeviceSet2: IUnknown {
    pub unsafe fn Open(&self, instance: PCWSTR, name: PCWSTR) -> HRESULT;
    pub unsafe fn GetConfiguration(&self, config: *mut RawConfig) -> HRESULT;
    pub unsafe fn BeginConfiguration(
        &self,
        features: u32,
        block_size: u32,
        alignment: u32,
        max_transfer_size: u32,
        timeout: u32,
    ) -> HRESULT;
    pub unsafe fn EndConfiguration(&self) -> HRESULT;
    pub unsafe fn RequestBuffers(&self, size: u32, alignment: u32, count: u32) -> HRESULT;
    pub unsafe fn QueryAvailableBuffers(
        &self,
        size: u32,
        alignment: u32,
        count: *mut u32,
    ) -> HRESULT;
    pub unsafe fn ExecuteCompletionAgent(&self) -> HRESULT;
    pub unsafe fn OpenDevice(&self, name: PCWSTR, device: *mut *mut c_void) -> HRESULT;
    pub unsafe fn AllocateBuffer(&self, buffer: *mut *mut u8, size: u32, alignment: u32)
    -> HRESULT;
    pub unsafe fn FreeBuffer(&self, buffer: *mut u8, size: u32) -> HRESULT;
    /// TRUE or FALSE, as the page has it, in the place of the header's HRESULT.
    pub unsafe fn IsSharedBuffer(&self, buffer: *mut u8) -> HRESULT;
    pub unsafe fn SignalAbort(&self) -> HRESULT;
    pub unsafe fn Close(&self) -> HRESULT;
}
