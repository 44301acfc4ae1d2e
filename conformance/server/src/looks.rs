//! RESTORE FILELISTONLY, HEADERONLY and LABELONLY: what a backup is, in the columns of the
//! documents. What no medium here holds (dates, log sequence numbers, identities) is null; a
//! real server has it.
//!
//! Source: SQL Server documentation, RESTORE statements: FILELISTONLY, HEADERONLY, LABELONLY,
//! Result Sets.

use super::media::Header;
use super::rows::{Kind, Rows, Value};
use super::verb::Look;

/// The numbers of log records have so many digits, sizes so many.
const LSN: Kind = Kind::Numeric(25);
const SIZE: Kind = Kind::Numeric(20);
const NAME: Kind = Kind::Text(128);

#[rustfmt::skip]
const FILE_LIST: &[(&str, Kind)] = &[
    ("LogicalName", NAME), ("PhysicalName", Kind::Text(260)), ("Type", Kind::Text(1)),
    ("FileGroupName", NAME), ("Size", SIZE), ("MaxSize", SIZE), ("FileId", Kind::BigInt),
    ("CreateLSN", LSN), ("DropLSN", LSN), ("UniqueId", Kind::Guid), ("ReadOnlyLSN", LSN),
    ("ReadWriteLSN", LSN), ("BackupSizeInBytes", Kind::BigInt), ("SourceBlockSize", Kind::Int),
    ("FileGroupId", Kind::Int), ("LogGroupGUID", Kind::Guid), ("DifferentialBaseLSN", LSN),
    ("DifferentialBaseGUID", Kind::Guid), ("IsReadOnly", Kind::Bit), ("IsPresent", Kind::Bit),
    ("TDEThumbprint", Kind::Bytes(32)), ("SnapshotUrl", Kind::Text(360)),
];

#[rustfmt::skip]
const HEADER: &[(&str, Kind)] = &[
    ("BackupName", NAME), ("BackupDescription", Kind::Text(255)),
    ("BackupType", Kind::SmallInt), ("ExpirationDate", Kind::Time), ("Compressed", Kind::Bit),
    ("Position", Kind::SmallInt), ("DeviceType", Kind::TinyInt), ("UserName", NAME),
    ("ServerName", NAME), ("DatabaseName", NAME), ("DatabaseVersion", Kind::Int),
    ("DatabaseCreationDate", Kind::Time), ("BackupSize", SIZE), ("FirstLSN", LSN),
    ("LastLSN", LSN), ("CheckpointLSN", LSN), ("DatabaseBackupLSN", LSN),
    ("BackupStartDate", Kind::Time), ("BackupFinishDate", Kind::Time),
    ("SortOrder", Kind::SmallInt), ("CodePage", Kind::SmallInt), ("UnicodeLocaleId", Kind::Int),
    ("UnicodeComparisonStyle", Kind::Int), ("CompatibilityLevel", Kind::TinyInt),
    ("SoftwareVendorId", Kind::Int), ("SoftwareVersionMajor", Kind::Int),
    ("SoftwareVersionMinor", Kind::Int), ("SoftwareVersionBuild", Kind::Int),
    ("MachineName", NAME), ("Flags", Kind::Int), ("BindingID", Kind::Guid),
    ("RecoveryForkID", Kind::Guid), ("Collation", NAME), ("FamilyGUID", Kind::Guid),
    ("HasBulkLoggedData", Kind::Bit), ("IsSnapshot", Kind::Bit), ("IsReadOnly", Kind::Bit),
    ("IsSingleUser", Kind::Bit), ("HasBackupChecksums", Kind::Bit), ("IsDamaged", Kind::Bit),
    ("BeginsLogChain", Kind::Bit), ("HasIncompleteMetaData", Kind::Bit),
    ("IsForceOffline", Kind::Bit), ("IsCopyOnly", Kind::Bit),
    ("FirstRecoveryForkID", Kind::Guid), ("ForkPointLSN", LSN),
    ("RecoveryModel", Kind::Text(60)), ("DifferentialBaseLSN", LSN),
    ("DifferentialBaseGUID", Kind::Guid), ("BackupTypeDescription", Kind::Text(60)),
    ("BackupSetGUID", Kind::Guid), ("CompressedBackupSize", Kind::BigInt),
    ("containment", Kind::TinyInt), ("KeyAlgorithm", Kind::Text(32)),
    ("EncryptorThumbprint", Kind::Bytes(20)), ("EncryptorType", Kind::Text(32)),
];

#[rustfmt::skip]
const LABEL: &[(&str, Kind)] = &[
    ("MediaName", NAME), ("MediaSetId", Kind::Guid), ("FamilyCount", Kind::Int),
    ("FamilySequenceNumber", Kind::Int), ("MediaFamilyId", Kind::Guid),
    ("MediaSequenceNumber", Kind::Int), ("MediaLabelPresent", Kind::TinyInt),
    ("MediaDescription", Kind::Text(255)), ("SoftwareName", NAME),
    ("SoftwareVendorId", Kind::Int), ("MediaDate", Kind::Time), ("Mirror_Count", Kind::Int),
    ("IsCompressed", Kind::Bit),
];

/// What the header of a device says.
pub(super) fn shown(look: Look, header: &Header) -> Rows {
    let (columns, of): (_, fn(&Header, &str) -> Value) = match look {
        Look::FileList => (FILE_LIST, file),
        Look::Header => (HEADER, backup),
        Look::Label => (LABEL, label),
        Look::Verify => (&[][..], |_, _| Value::Null),
    };
    let row = columns.iter().map(|(name, _)| of(header, name)).collect();
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    Rows { columns, rows: vec![row] }
}

fn bytes(header: &Header) -> Value {
    Value::Int(i64::try_from(header.bytes).unwrap_or(i64::MAX))
}

/// The one file that a backup here is of: a database's data, or its log.
fn file(header: &Header, column: &str) -> Value {
    let (log, name) = (header.log, &header.database);
    match column {
        "LogicalName" if log => Value::Text(format!("{name}_log")),
        "PhysicalName" if log => Value::Text(format!("{name}.log")),
        "LogicalName" | "PhysicalName" => Value::Text(name.clone()),
        "Type" => if log { "L" } else { "D" }.into(),
        "FileGroupName" if !log => "PRIMARY".into(),
        "Size" | "BackupSizeInBytes" => bytes(header),
        "FileId" => Value::Int(if log { 2 } else { 1 }),
        "FileGroupId" => Value::Int(i64::from(!log)),
        "IsReadOnly" => Value::Int(0),
        "IsPresent" => Value::Int(1),
        _ => Value::Null,
    }
}

fn backup(header: &Header, column: &str) -> Value {
    match column {
        "BackupType" => Value::Int(if header.log { 2 } else { 1 }),
        "BackupTypeDescription" => if header.log { "TRANSACTION LOG" } else { "DATABASE" }.into(),
        "Position" => Value::Int(1),
        // A virtual device, by its logical name.
        "DeviceType" => Value::Int(7),
        "DatabaseName" => Value::Text(header.database.clone()),
        "BackupSize" | "CompressedBackupSize" => bytes(header),
        "IsSnapshot" => Value::Int(header.snapshot.into()),
        "Compressed" | "IsDamaged" | "containment" => Value::Int(0),
        _ => Value::Null,
    }
}

fn label(header: &Header, column: &str) -> Value {
    match column {
        "FamilyCount" => Value::Int(header.devices.into()),
        "FamilySequenceNumber" => Value::Int(i64::from(header.device) + 1),
        "MediaSequenceNumber" | "Mirror_Count" => Value::Int(1),
        "MediaLabelPresent" | "IsCompressed" => Value::Int(0),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Order, parse};

    fn header(text: &str, device: usize) -> Header {
        let batch = parse(text).expect("understood");
        let [Order::Run(statement)] = &batch[..] else { panic!("{text}") };
        Header::new(statement, 1000, 65_536).of_device(device)
    }

    fn value(rows: &Rows, column: &str) -> Value {
        let place = rows.columns.iter().position(|(name, _)| name == column).expect(column);
        rows.rows[0][place].clone()
    }

    #[test]
    fn what_is_known_is_shown_and_the_rest_is_null() {
        let two = header("BACKUP DATABASE x TO VIRTUAL_DEVICE='a', VIRTUAL_DEVICE='b'", 1);
        let label = shown(Look::Label, &two);
        assert_eq!(value(&label, "FamilyCount"), Value::Int(2));
        assert_eq!(value(&label, "FamilySequenceNumber"), Value::Int(2));
        let log = header("BACKUP LOG x TO VIRTUAL_DEVICE='a'", 0);
        let of_log = shown(Look::Header, &log);
        assert_eq!(value(&of_log, "BackupType"), Value::Int(2));
        assert_eq!(value(&of_log, "DeviceType"), Value::Int(7));
        assert_eq!(value(&of_log, "FirstLSN"), Value::Null);
        let files = shown(Look::FileList, &log);
        assert_eq!(value(&files, "LogicalName"), "x_log".into());
        assert_eq!(value(&files, "Type"), "L".into());
    }

    #[test]
    fn the_columns_are_as_many_as_the_documents_have() {
        for (columns, count) in [(FILE_LIST, 22), (HEADER, 56), (LABEL, 13)] {
            let names: std::collections::BTreeSet<&str> =
                columns.iter().map(|(name, _)| *name).collect();
            assert_eq!((columns.len(), names.len()), (count, count));
        }
    }
}
