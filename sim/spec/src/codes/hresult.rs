//! HRESULT status codes that VDI functions return.

use std::fmt;

use super::symbol::code_table;
use super::{Source, UnknownName, Win32, parse_number};

code_table! {
    /// A status code as VDI functions return it: an HRESULT (on Linux the same
    /// number as a plain `int`).
    ///
    /// ```
    /// use vdi_spec::codes::HResult;
    ///
    /// let code: HResult = "VD_E_PROTOCOL".parse()?;
    /// assert_eq!(code, HResult(0x8077_000C));
    /// assert_eq!("0x8077000C".parse::<HResult>()?.to_string(), "VD_E_PROTOCOL");
    /// assert_eq!("-2139684852".parse::<HResult>()?, HResult::VD_E_PROTOCOL);
    /// assert_eq!(HResult(0x8007_0032).to_string(), "HRESULT_FROM_WIN32(ERROR_NOT_SUPPORTED)");
    /// # Ok::<(), vdi_spec::codes::UnknownName>(())
    /// ```
    HResult, HRESULTS, "status code",
    "the name of an HRESULT such as VD_E_PROTOCOL, or its number";

    NOERROR = 0, "The call succeeded.", Source::headers("winerror.h, S_OK");
    VD_E_NOTOPEN = 0x8077_0002, "The device set is not open.", Source::headers("vdierror.h");
    VD_E_TIMEOUT = 0x8077_0003, "The time-out passed.", Source::headers("vdierror.h");
    VD_E_ABORT = 0x8077_0004, "The set was aborted by either side or by the interface.",
        Source::headers("vdierror.h");
    VD_E_SECURITY = 0x8077_0005, "The security context could not be created.",
        Source::headers("vdierror.h");
    VD_E_INVALID = 0x8077_0006, "A parameter is invalid.", Source::headers("vdierror.h");
    VD_E_INSTANCE_NAME = 0x8077_0007, "The instance name is not recognised.",
        Source::headers("vdierror.h");
    VD_E_NOTSUPPORTED = 0x8077_0009, "The configuration is not supported.",
        Source::headers("vdierror.h");
    VD_E_MEMORY = 0x8077_000A, "Memory is short.", Source::headers("vdierror.h");
    VD_E_UNEXPECTED = 0x8077_000B, "An internal error.", Source::headers("vdierror.h");
    VD_E_PROTOCOL = 0x8077_000C, "The call is not allowed in this state.",
        Source::headers("vdierror.h");
    VD_E_OPEN = 0x8077_000D, "Devices are open, or all of them are open already.",
        Source::headers("vdierror.h");
    VD_E_CLOSE = 0x8077_000E, "The device was closed.", Source::headers("vdierror.h");
    VD_E_BUSY = 0x8077_000F aka "VD_E_QUEUE_FULL", "The device's queue is full.",
        Source::specification("VD_E_QUEUE_FULL (titled so; the header names the number VD_E_BUSY)");
    VD_E_IO_ERROR = 0xA077_0001, "The device is in the error state. No number is published: \
        any failing status stands for it.", Source::reference("SendCommand");
}

impl HResult {
    #[cfg(feature = "schema")]
    pub(super) const NUMBER_PATTERN: &str =
        r"^(0[xX][0-9A-Fa-f]{1,8}|-?[0-9]{1,10}|HRESULT_FROM_WIN32\(\w+\))$";

    /// The HRESULT that wraps an error of the operating system.
    #[must_use]
    pub const fn from_win32(error: Win32) -> Self {
        Self(0x8007_0000 | (error.0 & 0xFFFF))
    }

    /// Whether it wraps an error of the operating system.
    #[must_use]
    pub const fn is_system_error(self) -> bool {
        self.0 & 0xFFFF_0000 == 0x8007_0000 && self.0 & 0xFFFF != 0
    }

    /// Whether it is what the environment can always bring: no memory, no permission,
    /// something unexpected, or a wrapped error of the operating system.
    ///
    /// ```
    /// use vdi_spec::codes::HResult;
    /// assert!(HResult::VD_E_SECURITY.is_environmental());
    /// assert!(!HResult::VD_E_PROTOCOL.is_environmental());
    /// ```
    #[must_use]
    pub fn is_environmental(self) -> bool {
        let published = [Self::VD_E_MEMORY, Self::VD_E_SECURITY, Self::VD_E_UNEXPECTED];
        published.contains(&self) || self.is_system_error()
    }

    /// Whether this is a failure: the severity bit is set.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// The least number accepted: on Linux results are plain `int`, so failures
    /// are negative.
    #[cfg(feature = "schema")]
    pub(super) const LEAST: i64 = i32::MIN as i64;

    #[cfg(feature = "serde")]
    pub(super) fn from_signed(number: i64) -> Option<Self> {
        i32::try_from(number).ok().map(|number| Self(number.cast_unsigned()))
    }

    pub(super) fn from_number(number: u64) -> Option<Self> {
        u32::try_from(number).ok().map(Self)
    }

    fn by_number(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix("HRESULT_FROM_WIN32(") {
            let error: Win32 = inner.strip_suffix(')')?.parse().ok()?;
            return (error.0 <= 0xFFFF).then(|| Self::from_win32(error));
        }
        let signed = || text.parse::<i32>().ok().map(i32::cast_unsigned);
        parse_number(text).or_else(signed).map(Self)
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None if self.0 & 0xFFFF_0000 == 0x8007_0000 => {
                write!(f, "HRESULT_FROM_WIN32({})", Win32(self.0 & 0xFFFF))
            }
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

impl std::error::Error for HResult {}

impl TryFrom<u64> for HResult {
    type Error = UnknownName;

    fn try_from(number: u64) -> Result<Self, UnknownName> {
        Self::from_number(number).ok_or_else(|| UnknownName {
            kind: "status code",
            text: number.to_string(),
            expected: "a number of 32 bits",
            near: None,
        })
    }
}
