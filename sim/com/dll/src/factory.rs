//! What makes objects.

use std::ffi::c_void;

use vdi_com::{IClassFactory, IClassFactory_Impl, IClientVirtualDeviceSet2};
use windows_core::{BOOL, GUID, HRESULT, IUnknown, Interface as _, implement};

use crate::client;
use crate::defects::{Defect, has};
use crate::module::{Counted, lock};
use crate::server;

const E_POINTER: HRESULT = HRESULT(0x8000_4003_u32.cast_signed());
const E_NOINTERFACE: HRESULT = HRESULT(0x8000_4002_u32.cast_signed());
const E_UNEXPECTED: HRESULT = HRESULT(0x8000_ffff_u32.cast_signed());
const CLASS_E_NOAGGREGATION: HRESULT = HRESULT(0x8004_0110_u32.cast_signed());

/// Which half of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Client,
    Server,
}

/// A half's factory. Like the sets it is of no apartment.
#[implement(IClassFactory)]
struct Factory {
    half: Half,
    _counted: Counted,
}

/// A factory that is of one.
#[implement(IClassFactory, Agile = false)]
struct Bound {
    half: Half,
    _counted: Counted,
}

/// A new factory.
pub(crate) fn factory(half: Half) -> IUnknown {
    let _counted = Counted::new();
    if has(Defect::NotAgile) {
        Bound { half, _counted }.into()
    } else {
        Factory { half, _counted }.into()
    }
}

/// CreateInstance.
fn create(half: Half, outer: *mut c_void, iid: *const GUID, to: *mut *mut c_void) -> HRESULT {
    if to.is_null() || iid.is_null() {
        return E_POINTER;
    }
    // SAFETY: a place of the caller's.
    unsafe { to.write_unaligned(std::ptr::null_mut()) };
    if !outer.is_null() && !has(Defect::Aggregates) {
        return CLASS_E_NOAGGREGATION;
    }
    let made = std::panic::catch_unwind(|| match half {
        Half::Client => IUnknown::from(client::Set::new()),
        Half::Server => IUnknown::from(server::Set::new()),
    });
    let Ok(object) = made else { return E_UNEXPECTED };
    if has(Defect::ObjectLeaks) {
        std::mem::forget(object.clone());
    }
    // SAFETY: both are pointers of the caller's, and not null.
    unsafe {
        if has(Defect::NoSecondInterface) && *iid == IClientVirtualDeviceSet2::IID {
            return E_NOINTERFACE;
        }
        object.query(iid, to)
    }
}

/// The functions of a factory, of whichever apartment.
macro_rules! functions {
    ($($factory:ident)+) => {$(
        impl IClassFactory_Impl for $factory {
            unsafe fn CreateInstance(
                &self,
                outer: *mut c_void,
                iid: *const GUID,
                to: *mut *mut c_void,
            ) -> HRESULT {
                create(self.half, outer, iid, to)
            }

            unsafe fn LockServer(&self, locks: BOOL) -> HRESULT {
                lock(locks.as_bool());
                HRESULT(0)
            }
        }
    )+};
}

functions! { Factory_Impl Bound_Impl }
