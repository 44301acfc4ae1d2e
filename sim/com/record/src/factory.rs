//! What makes sets: the original's factory, whose sets are wrapped.

use std::ffi::c_void;

use vdi_com::{IClassFactory, IClassFactory_Impl};
use windows_core::{BOOL, GUID, HRESULT, IUnknown, Interface as _, implement};

use crate::client;

/// A factory of clients' sets.
#[implement(IClassFactory)]
pub(crate) struct Factory(pub(crate) IClassFactory);

impl IClassFactory_Impl for Factory_Impl {
    unsafe fn CreateInstance(
        &self,
        outer: *mut c_void,
        iid: *const GUID,
        to: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: what the program handed over.
        let status = unsafe { self.0.CreateInstance(outer, iid, to) };
        // Within another object, what is asked for is that object's inner one: it is left alone.
        if status.is_err() || to.is_null() || !outer.is_null() {
            return status;
        }
        // SAFETY: an object of the original's, with a reference that was the program's; `iid`
        // was good enough for the original. Of no interface of ours it stays as it is.
        unsafe {
            let object = to.read_unaligned();
            if object.is_null() {
                return status;
            }
            let Some(set) = client::wrapped(IUnknown::from_raw_borrowed(&object)) else {
                return status;
            };
            let mut own = std::ptr::null_mut();
            if set.query(iid, &raw mut own).is_ok() {
                to.write_unaligned(own);
                drop(IUnknown::from_raw(object));
            }
        }
        status
    }

    unsafe fn LockServer(&self, locks: BOOL) -> HRESULT {
        // SAFETY: the original's function.
        unsafe { self.0.LockServer(locks) }
    }
}
