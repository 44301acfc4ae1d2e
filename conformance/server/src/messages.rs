//! What a server says of a statement, by number, in the shape that tools print.

use std::fmt;

use vdi_spec::codes::{HResult, Win32};

use super::options::Restoring;
use super::statement::Statement;
use super::verb::Verb;

/// One message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub number: u32,
    /// Its severity.
    pub level: u8,
    /// What it says.
    pub text: String,
}

impl Message {
    /// One that tells of no error.
    pub(super) fn info(number: u32, text: impl Into<String>) -> Self {
        Self { number, level: 10, text: text.into() }
    }
}

/// Why a statement failed: messages in the order they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The messages.
    pub messages: Vec<Message>,
    cause: Cause,
}

/// What lies behind a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The set was aborted, for a reason that is told elsewhere.
    Abort,
    /// What the messages say.
    Other,
}

impl Failed {
    pub(super) fn new(number: u32, text: impl Into<String>) -> Self {
        let messages = vec![Message { number, level: 16, text: text.into() }];
        Self { messages, cause: Cause::Other }
    }

    /// A device, or its set, cannot be opened.
    pub(super) fn open(device: &str, status: HResult) -> Self {
        let error = format!("0x{:08x}", status.0);
        let text = format!(
            "Cannot open backup device '{device}'. Operating system error {error}({status})."
        );
        Self::new(3201, text)
    }

    /// A call on the set of this device, or on the device, failed.
    pub(super) fn call(device: &str, function: &str, status: HResult) -> Self {
        match status {
            HResult::VD_E_MEMORY => Self::new(
                701,
                format!(
                    "There is insufficient shared memory for the buffers ({function}: {status})."
                ),
            ),
            HResult::VD_E_ABORT => Self::io("initialize", device, Win32::ERROR_OPERATION_ABORTED),
            _ => Self::new(
                3292,
                format!("A failure occurred on the virtual device set ({function}: {status})."),
            ),
        }
    }

    /// A command on a device failed.
    pub(super) fn io(action: &str, device: &str, code: Win32) -> Self {
        let error = os_error(code);
        let report = Message {
            number: 18210,
            level: 16,
            text: format!(
                "BackupIoRequest::ReportIoError: {action} failure on backup device '{device}'. \
                 Operating system error {error}."
            ),
        };
        let aborted = code == Win32::ERROR_OPERATION_ABORTED;
        let cause = if aborted { Cause::Abort } else { Cause::Other };
        let (number, what) = match action {
            "read" => (3203, "Read"),
            "write" => (3202, "Write"),
            _ => return Self { messages: vec![report], cause },
        };
        let text = format!("{what} on \"{device}\" failed: {error}");
        Self { messages: vec![report, Message { number, level: 16, text }], cause }
    }

    /// Whoever asks for the statement may not: it is refused before anything is done.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 262 and 3110.
    pub(super) fn refused(statement: &Statement) -> Self {
        let (title, database) = (statement.title(), &statement.database);
        let (number, text) = match statement.verb {
            Verb::Backup => (262, format!("{title} permission denied in database '{database}'.")),
            Verb::Restore if statement.look.is_some() => {
                (262, "CREATE DATABASE permission denied in database 'master'.".to_owned())
            }
            Verb::Restore => {
                (3110, format!("User does not have permission to RESTORE database '{database}'."))
            }
        };
        let messages = vec![Message { number, level: 14, text }];
        Self { messages, cause: Cause::Other }
    }

    /// All that the devices hold is sound, and the statement fails all the same.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3271.
    pub(super) fn in_the_end(statement: &Statement) -> Self {
        let database = &statement.database;
        Self::new(3271, format!("A nonrecoverable I/O error occurred on file \"{database}:\"."))
    }

    /// It cannot be backed up while more can be restored onto it.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 927 and 3036.
    pub(super) fn restoring(database: &str, how: Restoring) -> Self {
        let (number, level, text) = match how {
            Restoring::NoRecovery => (
                927,
                14,
                format!(
                    "Database '{database}' cannot be opened. It is in the middle of a restore."
                ),
            ),
            Restoring::Standby => (
                3036,
                16,
                format!(
                    "The database \"{database}\" is in warm-standby state (set by executing \
                     RESTORE WITH STANDBY) and cannot be backed up until the entire restore \
                     sequence is completed."
                ),
            ),
        };
        Self { messages: vec![Message { number, level, text }], cause: Cause::Other }
    }

    /// A log is restored onto a database that is in use.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3117.
    pub(super) fn not_restoring() -> Self {
        let text = "The log or differential backup cannot be restored because no files are ready \
            to rollforward.";
        Self::new(3117, text)
    }

    /// A database is recovered that is in use.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3153.
    pub(super) fn recovered() -> Self {
        Self::new(3153, "The database is already fully recovered.")
    }

    /// There is one backup on the media.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 4038.
    pub(super) fn no_file(file: u32, device: &str) -> Self {
        Self::new(4038, format!("Cannot find file ID {file} on device '{device}'."))
    }

    /// A transaction is open.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3021.
    pub(super) fn in_transaction() -> Self {
        Self::new(3021, "Cannot perform a backup or restore operation within a transaction.")
    }

    /// The backup is of another database than the one that it would be put in the place of.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3154.
    pub(super) fn other_database(database: &str) -> Self {
        let text = format!(
            "The backup set holds a backup of a database other than the existing '{database}' \
             database."
        );
        Self::new(3154, text)
    }

    /// A log is restored onto nothing.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3118.
    pub(super) fn no_database(database: &str) -> Self {
        let text = format!(
            "The database \"{database}\" does not exist. RESTORE can only create a database when \
             restoring either a full backup or a file backup of the primary file."
        );
        Self::new(3118, text)
    }

    /// Whether it is only the echo of an abort.
    pub(super) fn is_abort(&self) -> bool {
        self.cause == Cause::Abort
    }

    /// What is said last of every statement that failed.
    pub(super) fn terminated(mut self, statement: &Statement) -> Self {
        let text = format!("{} is terminating abnormally.", statement.title());
        self.messages.push(Message { number: 3013, level: 16, text });
        self
    }

    /// Whoever asked for the statement wants it no more.
    pub(super) fn stopped() -> Self {
        Self::new(3204, "The backup or restore was aborted.")
    }

    /// The checksum on the media is not that of the data.
    pub(super) fn damaged(device: &str) -> Self {
        Self::new(3189, format!("Damage to the backup set was detected on device '{device}'."))
    }

    /// The statement asks for a checksum that the backup does not have.
    pub(super) fn no_checksum() -> Self {
        let text = "RESTORE WITH CHECKSUM cannot be specified because the backup set does not \
            contain checksum information.";
        Self::new(3187, text)
    }

    /// What lies on the medium is no backup of ours.
    pub(super) fn media(device: &str, why: &str) -> Self {
        Self::new(3242, format!("The media on device '{device}' is no valid backup set: {why}."))
    }
}

/// Which action on a device a verb is.
pub(super) const fn action(verb: Verb) -> &'static str {
    match verb {
        Verb::Backup => "write",
        Verb::Restore => "read",
    }
}

/// An error of the operating system with its text, as a server tells it.
fn os_error(code: Win32) -> String {
    let text = match code {
        Win32::ERROR_WRITE_FAULT => "The system cannot write to the specified device.",
        Win32::ERROR_READ_FAULT => "The system cannot read from the specified device.",
        Win32::ERROR_HANDLE_EOF => "Reached the end of the file.",
        Win32::ERROR_HANDLE_DISK_FULL => "The disk is full.",
        Win32::ERROR_NOT_SUPPORTED => "The request is not supported.",
        Win32::ERROR_DISK_FULL => "There is not enough space on the disk.",
        Win32::ERROR_OPERATION_ABORTED => {
            "The I/O operation has been aborted because of either a thread exit or an \
             application request."
        }
        Win32::ERROR_END_OF_MEDIA => "The physical end of the tape has been reached.",
        Win32::ERROR_IO_DEVICE => {
            "The request could not be performed because of an I/O device error."
        }
        _ => "failed to retrieve text for this error. Reason: 317",
    };
    format!("{}({text})", code.0)
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, message) in self.messages.iter().enumerate() {
            let parting = if index > 0 { " " } else { "" };
            write!(f, "{parting}{}", message.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abort_while_the_set_is_configured_names_the_device() {
        let failed = Failed::call("s", "EndConfiguration", HResult::VD_E_ABORT);
        let text = failed.to_string();
        assert!(text.contains("initialize failure on backup device 's'."), "{text}");
        assert!(failed.is_abort());
    }
}
