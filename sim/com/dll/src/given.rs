//! Pointers in, pointers out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vdi_com::RawConfig;
use vdi_runtime::Timeout;
use vdi_spec::codes::HResult;
use windows_core::{HRESULT, PCWSTR};

use crate::defects::{Defect, has};

pub(crate) type Result<T> = std::result::Result<T, HResult>;

/// No panic leaves anything half changed.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a function answers; no panic crosses to its caller.
pub(crate) fn call(act: impl FnOnce() -> Result<()>) -> HRESULT {
    let result = catch_unwind(AssertUnwindSafe(act)).unwrap_or(Err(HResult::VD_E_UNEXPECTED));
    HRESULT(result.map_or_else(|status| status.0, |()| 0).cast_signed())
}

/// A name; `None` if the pointer is null.
pub(crate) fn text(name: PCWSTR) -> Result<Option<String>> {
    if name.is_null() {
        return Ok(None);
    }
    // SAFETY: a text of the caller that ends with a zero.
    let units = unsafe { name.as_wide() };
    if has(Defect::NarrowNames) {
        return Ok(Some(units.iter().map(|unit| char::from(*unit as u8)).collect()));
    }
    let units = if has(Defect::CutNames) { &units[..units.len().min(16)] } else { units };
    String::from_utf16(units).map(Some).map_err(|_| HResult::VD_E_INVALID)
}

/// A name that has to be there.
pub(crate) fn name(name: PCWSTR) -> Result<String> {
    text(name)?.ok_or(HResult::VD_E_INVALID)
}

pub(crate) fn timeout(time: u32) -> Timeout {
    match time {
        u32::MAX => Timeout::Infinite,
        time if has(Defect::Seconds) => Timeout::Milliseconds(time.saturating_mul(1000)),
        time => Timeout::Milliseconds(time),
    }
}

/// Puts a result where the caller wants it: a null pointer is refused before anything is done.
pub(crate) fn give<T>(
    to: *mut T,
    failed: Option<T>,
    act: impl FnOnce() -> Result<T>,
) -> Result<()> {
    if to.is_null() {
        return Err(HResult::VD_E_INVALID);
    }
    let result = act();
    let (status, value) = match result {
        Ok(value) => (Ok(()), Some(value)),
        Err(status) => (Err(status), failed),
    };
    if let Some(value) = value {
        // SAFETY: a place of the caller's for such a value, aligned or not.
        unsafe { to.write_unaligned(value) };
    }
    status
}

/// A configuration of the caller's.
pub(crate) fn config(from: *const RawConfig) -> Result<RawConfig> {
    if from.is_null() {
        return Err(HResult::VD_E_INVALID);
    }
    // SAFETY: a structure of the caller's, copied before it is looked at.
    Ok(unsafe { from.read_unaligned() })
}

/// What GetConfiguration gives.
pub(crate) fn give_config(
    to: *mut RawConfig,
    act: impl FnOnce() -> Result<RawConfig>,
) -> Result<()> {
    let result = give(to, None, act);
    if has(Defect::WideConfiguration) && result.is_ok() {
        // SAFETY: none: it is wrong on purpose.
        unsafe { to.add(1).cast::<u32>().write_unaligned(0) };
    }
    result
}
