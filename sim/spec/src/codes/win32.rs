//! Win32 error codes that complete commands.

use std::fmt;

use super::Source;
use super::parse_number;
use super::symbol::code_table;

code_table! {
    /// A completion code: how a command ended.
    ///
    /// ```
    /// use vdi_spec::codes::Win32;
    ///
    /// assert_eq!("995".parse::<Win32>()?, Win32::ERROR_OPERATION_ABORTED);
    /// assert_eq!(Win32(995).to_string(), "ERROR_OPERATION_ABORTED");
    /// # Ok::<(), vdi_spec::codes::UnknownName>(())
    /// ```
    Win32, WIN32, "completion code",
    "the name of a Win32 error such as ERROR_OPERATION_ABORTED, or its number";

    ERROR_SUCCESS = 0 aka "NO_ERROR", "The command succeeded.",
        Source::specification("Commands");
    ERROR_INVALID_HANDLE = 6, "SendCommand was refused: the device is not active.",
        Source::reference("SendCommand");
    ERROR_ARENA_TRASHED = 7, "An internal inconsistency.", Source::specification("Commands");
    ERROR_WRITE_FAULT = 29, "The write failed.", Source::specification("Commands, Write");
    ERROR_READ_FAULT = 30, "The read failed.", Source::specification("Commands, Read");
    ERROR_HANDLE_EOF = 38, "The end of the data was reached.",
        Source::specification("Commands, Read");
    ERROR_HANDLE_DISK_FULL = 39, "The disk is full.", Source::specification("Commands, Write");
    ERROR_NOT_SUPPORTED = 50, "The client does not support the command.",
        Source::specification("Commands");
    ERROR_DISK_FULL = 112, "The disk is full.", Source::specification("Commands, Write");
    ERROR_OPERATION_ABORTED = 995, "The command was outstanding when the set was aborted.",
        Source::close_page("Remarks");
    ERROR_END_OF_MEDIA = 1100, "The end-of-media warning zone was reached.",
        Source::specification("Commands, Write");
    ERROR_FILEMARK_DETECTED = 1101, "A filemark was reached.",
        Source::specification("Commands, Read");
    ERROR_NO_DATA_DETECTED = 1104, "No more data is on the medium.",
        Source::specification("Commands, Read");
    ERROR_IO_DEVICE = 1117, "The device is in the error state.",
        Source::specification("Command Error Handling");
    ERROR_EOM_OVERFLOW = 1129, "The end of the medium was passed.",
        Source::specification("Commands, Write");
    ERROR_NO_SYSTEM_RESOURCES = 1450, "SendCommand was refused: the queue is full.",
        Source::reference("SendCommand");
}

impl Win32 {
    /// Whether a Write that ends so says that its device can store no more: the server ends
    /// the BACKUP.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.0 == Self::ERROR_DISK_FULL.0 || self.0 == Self::ERROR_EOM_OVERFLOW.0
    }

    #[cfg(feature = "schema")]
    pub(super) const NUMBER_PATTERN: &str = r"^(0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,10})$";

    #[cfg(feature = "schema")]
    pub(super) const LEAST: i64 = 0;

    #[cfg(feature = "serde")]
    pub(super) const fn from_signed(_: i64) -> Option<Self> {
        None
    }

    #[cfg(feature = "serde")]
    pub(super) fn from_number(number: u64) -> Option<Self> {
        u32::try_from(number).ok().map(Self)
    }

    fn by_number(text: &str) -> Option<Self> {
        parse_number(text).map(Self)
    }
}

impl fmt::Display for Win32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{}", self.0),
        }
    }
}
