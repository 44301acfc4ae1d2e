//! What the system refuses, and the status that it comes to.

use std::io;

use vdi_spec::codes::HResult;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BAD_PATHNAME, ERROR_COMMITMENT_LIMIT, ERROR_DISK_FULL,
    ERROR_FILENAME_EXCED_RANGE, ERROR_INVALID_NAME, ERROR_INVALID_PARAMETER,
    ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_ENOUGH_QUOTA, ERROR_OUTOFMEMORY,
    ERROR_PATH_NOT_FOUND, ERROR_PRIVILEGE_NOT_HELD, ERROR_TOO_MANY_OPEN_FILES,
};

/// A call of the system's that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    call: &'static str,
    bytes: u64,
    error: io::Error,
}

/// What to say where a section of all sessions may not be made.
const PRIVILEGE: &str = "; a section in Global\\ may be made by services and by who has the \
    privilege SeCreateGlobalPrivilege, which administrators have";

impl Refusal {
    /// The refusal of a call, to be given its error.
    pub(super) fn of<E: Into<io::Error>>(call: &'static str, bytes: u64) -> impl FnOnce(E) -> Self {
        move |error| Self { call, bytes, error: error.into() }
    }

    fn code(&self) -> Option<u32> {
        self.error.raw_os_error().map(i32::cast_unsigned)
    }

    fn is_of_rights(&self) -> bool {
        matches!(self.code(), Some(ERROR_ACCESS_DENIED | ERROR_PRIVILEGE_NOT_HELD))
    }

    /// What whoever looks for a fault is told: the call, its size, the object's name, the
    /// error and its number.
    pub(super) fn told(&self, name: &str) -> String {
        let Self { call, bytes, error } = self;
        let global = name.starts_with("Global\\") && self.is_of_rights();
        let more = if global { PRIVILEGE } else { "" };
        format!("{call}, {bytes} bytes, {name}: {error}{more}")
    }

    /// The status of the call of the interface that met it. What there is too little of is
    /// memory; what may not be is security.
    pub(super) fn status(&self) -> HResult {
        match self.code() {
            _ if self.is_of_rights() => HResult::VD_E_SECURITY,
            Some(
                ERROR_BAD_PATHNAME
                | ERROR_FILENAME_EXCED_RANGE
                | ERROR_INVALID_NAME
                | ERROR_INVALID_PARAMETER
                | ERROR_PATH_NOT_FOUND,
            ) => HResult::VD_E_INVALID,
            None
            | Some(
                ERROR_COMMITMENT_LIMIT
                | ERROR_DISK_FULL
                | ERROR_NO_SYSTEM_RESOURCES
                | ERROR_NOT_ENOUGH_MEMORY
                | ERROR_NOT_ENOUGH_QUOTA
                | ERROR_OUTOFMEMORY
                | ERROR_TOO_MANY_OPEN_FILES,
            ) => HResult::VD_E_MEMORY,
            Some(_) => HResult::VD_E_UNEXPECTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_told_and_has_a_status() {
        let refusal = |code: u32| {
            Refusal::of("CreateFileMapping", 4096)(io::Error::from_raw_os_error(code.cast_signed()))
        };
        let told = refusal(ERROR_ACCESS_DENIED).told("Global\\S_SQLVDIMemoryName_0");
        assert!(told.starts_with("CreateFileMapping, 4096 bytes, Global\\S_SQL"), "{told}");
        assert!(told.ends_with(PRIVILEGE), "{told}");
        let told = refusal(ERROR_ACCESS_DENIED).told("Local\\S_SQLVDIMemoryName_0");
        assert!(!told.ends_with(PRIVILEGE), "{told}");
        assert_eq!(refusal(ERROR_DISK_FULL).status(), HResult::VD_E_MEMORY);
        assert_eq!(refusal(ERROR_PRIVILEGE_NOT_HELD).status(), HResult::VD_E_SECURITY);
        assert_eq!(refusal(ERROR_INVALID_NAME).status(), HResult::VD_E_INVALID);
        assert_eq!(refusal(0).status(), HResult::VD_E_UNEXPECTED);
    }
}
