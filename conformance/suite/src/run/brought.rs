//! What the environment can bring in the place of an answer.

use vdi_spec::codes::HResult;

/// Whether the environment can bring this status: the oracle judges to which call.
pub(super) fn is_brought(status: HResult) -> bool {
    status.is_environmental() || status == HResult::VD_E_INSTANCE_NAME
}

/// The same, or a queue that is full.
pub(super) fn is_short(status: HResult) -> bool {
    is_brought(status) || status == HResult::VD_E_BUSY
}
