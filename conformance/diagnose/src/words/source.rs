//! Where the words of logs are published.

/// A public page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// Its title.
    pub title: &'static str,
    /// Where it is.
    pub at: &'static str,
}

macro_rules! pages {
    ($($(#[$meta:meta])* $name:ident = $title:literal, $at:literal;)+) => {
        impl Published { $($(#[$meta])* pub(super) const $name: Self = Self { title: $title, at: $at };)+ }
    };
}

pages! {
    ERRORS_0 = "Database Engine events and errors (0 to 999)",
        "https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999";
    ERRORS_3000 = "Database Engine events and errors (3000 to 3999)",
        "https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999";
    ERRORS_4000 = "Database Engine events and errors (4000 to 4999)",
        "https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999";
    ERRORS_9000 = "Database Engine events and errors (9000 to 9999)",
        "https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-9000-to-9999";
    ERRORS_16000 = "Database Engine events and errors (16000 to 17999)",
        "https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-16000-to-17999";
    ERRORS_18000 = "Database Engine events and errors (18000 to 18999)",
        "https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-18000-to-18999";
    SYSTEM_0 = "System Error Codes (0-499)",
        "https://learn.microsoft.com/windows/win32/debug/system-error-codes--0-499-";
    SYSTEM_500 = "System Error Codes (500-999)",
        "https://learn.microsoft.com/windows/win32/debug/system-error-codes--500-999-";
    SYSTEM_1000 = "System Error Codes (1000-1299)",
        "https://learn.microsoft.com/windows/win32/debug/system-error-codes--1000-1299-";
    SYSTEM_1300 = "System Error Codes (1300-1699)",
        "https://learn.microsoft.com/windows/win32/debug/system-error-codes--1300-1699-";
    COM = "COM Error Codes (Generic)",
        "https://learn.microsoft.com/windows/win32/com/com-error-codes-1";
    COM_CLASSES = "And a few more COM HRESULTs from class factories and CoCreation",
        "https://learn.microsoft.com/archive/blogs/msdn/eldar/and-few-more-com-hresult-from-class-factories-and-cocreation";
    KB_280759 = "Microsoft KB 280759 (VDI backups when two versions of SQL Server are installed)",
        "https://ftp.zx.net.nz/pub/archive/ftp.microsoft.com/MISC/KB/en-us/280/759.HTM";
    VDI_BLOG = "Is SQLVDI.DLL functioning properly? (SQL Server FAQ blog, 2009)",
        "https://learn.microsoft.com/archive/blogs/sqlserverfaq/is-sqlvdi-dll-functioning-properly";
    WORKERS = "Volume Shadow barfs with 0x80040e14 code (TroubleshootingSQL, 2010)",
        "https://troubleshootingsql.com/2010/12/06/";
    SAMPLES_752 = "microsoft/sql-server-samples, issue 752 (Linux SQL VDI backup)",
        "https://github.com/microsoft/sql-server-samples/issues/752";
    DARN = "Troubleshooting that darn backup error (TroubleshootingSQL, 2011)",
        "https://troubleshootingsql.com/2011/02/09/troubleshooting-that-darn-backup-error/";
    DOCKER_305 = "microsoft/mssql-docker, issue 305 (a read failure on a backup device)",
        "https://github.com/microsoft/mssql-docker/issues/305";
    REPLICA = "Microsoft KB 3050765 (events 18210, 3041 and 1 with Hyper-V Replica)",
        "https://support.microsoft.com/help/3050765";
    WRITER = "Microsoft KB 2615182 (a backup of the server fails because of the SQL Server VSS writer)",
        "https://support.microsoft.com/help/2615182";
    PIPE_1 = "adzm/mssqlPipe, issue 1 (the device set cannot be created)",
        "https://github.com/adzm/mssqlPipe/issues/1";
    CONFIGURATION = "Virtual Backup Device Specification: Configuration",
        "https://documentation.help/MS-SQL-Server-Virtual-Backup/vdi2005_5j01.htm";
    CODES_AND_LOGS = "Virtual Backup Device Specification: Error Codes and Logs",
        "https://documentation.help/MS-SQL-Server-Virtual-Backup/vdi2005_1pgz.htm";
    BACKUP = "BACKUP (Transact-SQL)",
        "https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql";
    BUFFER_COUNT = "BackupRestoreBase.BufferCount Property",
        "https://learn.microsoft.com/previous-versions/sql/sql-server-2012/cc646201(v=sql.110)";
    TRANSFER_SIZE = "BackupRestoreBase.MaxTransferSize Property",
        "https://learn.microsoft.com/previous-versions/sql/sql-server-2012/cc646286(v=sql.110)";
}
