//! What is our own fault: a panic, told as that, where whoever comes next must not suffer
//! from it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Acts, at the edge of one trace, scenario or world among many.
///
/// # Errors
/// It panics; what the panic says. What `act` was about to change must not be used any more.
pub fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}
