//! Files that are odd: what cannot be understood is an error with its line, and never an answer.

use vdi_diagnose::read::{FileKind, LogFile, read};
use vdi_diagnose::{Side, diagnose};

fn wrong(bytes: &[u8]) -> String {
    read("F", bytes, None).expect_err("it is wrong").to_string()
}

fn good(text: &str) -> LogFile {
    read("F", text.as_bytes(), None).expect("a log")
}

#[test]
fn malformed_files_are_errors_with_their_line() {
    for (bytes, line, word) in [
        (&b""[..], 1, "empty"),
        (b" \n\t\n", 1, "empty"),
        (b"ElfFile\0\0\0", 1, "wevtutil"),
        (b"\x1f\x8b\x08\0\0\0\0\0", 1, "no text"),
        (b"<Events>\n<Event>\n</Events>\n", 3, "XML"),
        (b"<?xml version=\"1.0\"?>\n<Events><Event><System/></Event>\n<a b=c/></Events>", 3, "XML"),
        (b"<Events></Events>", 1, "without an Event"),
        (
            b"Level,Date and Time,Source,Event ID,Task Category\nError,x\n",
            2,
            "2 columns",
        ),
        (
            b"<!DOCTYPE a [<!ENTITY b \"c\">]>\n<Events/>",
            1,
            "",
        ),
        (b"Level,Date and Time,Source,Event ID,Task Category\nError,5/14/2024 3:10:02 AM,SQLVDI,1,None,\"SQLVDI: open", 2, "quote"),
    ] {
        if word.is_empty() {
            // Declarations of entities are text of some log, and expand to nothing.
            assert_eq!(read("F", bytes, None).map(|file| file.kind), Ok(FileKind::ClientLog));
            continue;
        }
        let text = wrong(bytes);
        assert!(text.starts_with(&format!("F:{line}: ")) && text.contains(word), "{text}");
    }
}

/// A log that says nothing of backups is undecided, and so is one without any time.
#[test]
fn nothing_to_say_is_undecided() {
    for text in ["hello\n", "2024-01-01 00:00:00.00 spid5s      Starting up database 'master'.\n"] {
        let found = diagnose(&[good(text)], None);
        assert!(found.operations.is_empty());
        assert_eq!(found.exit_code, 2);
        assert!(found.text().starts_with("undecided: no line tells"), "{}", found.text());
    }
}

/// Whatever comes, it is read or refused.
#[test]
fn no_text_is_too_odd() {
    let parts = [
        "Loc=SignalAbort. Desc=. ErrorCode=(0). Process=1. Thread=2. Client. Instance=. VD=",
        "_SQLVDIMemoryName_0: a: b: error 99999999999999999999",
        "Error: 18210, Severity: 16, State: 1.",
        "BackupVirtualDeviceFile::",
        "Operating system error 99999999999(",
        "9999-99-99 99:99:99",
        "2024-02-30 10:00:00 x",
        "Msg 3201, Level 16",
        "\u{2018}\u{2019}''\"\"",
        "Event[0]:",
        "Source: SQLVDI\nMessage:",
        "\t\t\t\t\t",
    ];
    for one in parts {
        for two in parts {
            let file = read("F", format!("{one}\n{two}{one} {two}\n").as_bytes(), None);
            if let Ok(file) = file {
                let _ = diagnose(&[file], None).text();
            }
        }
    }
}

#[test]
fn kinds() {
    for (text, kind) in [
        ("2024-01-01 00:00:00.00 spid5s      hello\n", FileKind::ErrorLog),
        (
            "<Event><System><Provider Name='a'/></System></Event>\n<Event><System/></Event>",
            FileKind::EventXml,
        ),
        (
            "Level;Date and Time;Source;Event ID;Task\nError;14.05.2024 03:10:02;SQLVDI;1;None;x\n",
            FileKind::EventTable,
        ),
        ("Error\t5/14/2024 3:10:02 AM\tSQLVDI\t1\tNone\tx\n", FileKind::EventText),
        (
            "TimeCreated  : 5/14/2024 3:10:02 AM\nProviderName : SQLVDI\nId           : 1\nMessage      : x\n",
            FileKind::EventText,
        ),
        ("a line\n", FileKind::ClientLog),
    ] {
        assert_eq!(good(text).kind, kind, "{text}");
    }
}

/// Times: a day after the twelfth tells the order, an afternoon is one, a zone makes UTC.
#[test]
fn times_are_compared_as_far_as_they_can_be() {
    let moment = |line: &str| good(line).records[0].moment.expect("a time");
    let utc = moment("2024-05-14T01:10:02.5Z x\n");
    assert_eq!(utc.before(&moment("2024-05-14 03:10:03 +02:00 x\n")), Some(true));
    assert_eq!(utc.before(&moment("2024-05-14 03:10:02 +02:00 x\n")), None);
    assert_eq!(utc.before(&moment("2024-05-14 03:10:03 x\n")), None);
    let local = moment("2024-05-14 15:00:00.00 x\n");
    assert_eq!(local.before(&moment("5/14/2024 3:00:01 PM x\n")), Some(true));
    assert_eq!(local.before(&moment("14.05.2024 14:59:58 x\n")), Some(false));
    assert_eq!(local.before(&moment("03/04/2025 10:00:00 x\n")), None, "day or month?");
}

/// One line after the other of many backups: each has its own 3041, though the server's threads
/// share a name, and logins that fail beside them accuse nobody.
#[test]
fn many_backups_keep_their_lines_apart() {
    let mut text = String::new();
    for hour in 0..20 {
        let time = format!("2024-01-01 {hour:02}:00:00.10");
        text += &format!("{time} Logon       Login failed for user 'x'.\n");
        text += &format!(
            "{time} spid51      BackupIoRequest::ReportIoError: write failure on backup device 's-{hour}'. \
             Operating system error 995(aborted).\n{time} Backup      BACKUP failed to complete the \
             command BACKUP DATABASE a.\n"
        );
    }
    let found = diagnose(&[good(&text)], None);
    assert_eq!(found.operations.len(), 20, "{}", found.text());
    assert!(found.operations.iter().all(|one| one.followed.len() == 2), "{}", found.text());
}

/// What a program calls complete is no command that it completes.
#[test]
fn ordinary_lines_say_nothing() {
    for line in [
        "2024-05-01 12:00:01 job complete, with 12 files, code=7\n",
        "2024-05-01 12:00:01 completed with success\n",
        "2024-05-01 12:00:01 waiting for SignalAbort\n",
        "2024-05-01 12:00:01 GetCommand returned VD_E_CLOSE\n",
        "2024-05-01 12:00:01 GetCommand returned VD_E_TIMEOUT\n",
    ] {
        assert!(diagnose(&[good(line)], None).operations.is_empty(), "{line}");
    }
}

/// The error log is written at once: what it tells after an abort, even of the server's own, did not
/// bring that abort about.
#[test]
fn trouble_after_an_abort_is_another_matter() {
    let abort = "<Event><System><Provider Name='SQLVDI'/><TimeCreated SystemTime='2024-01-01T02:00:00.100'/>\
                 </System><EventData><Data>SQLVDI: Loc=SignalAbort. Desc=a. ErrorCode=(0). Process=1. \
                 Thread=2. Client. Instance=. VD=Global\\q_SQLVDIMemoryName_0.</Data></EventData></Event>";
    let log = |trouble: &str| {
        good(&format!(
            "2024-01-01 02:00:00.30 spid52      BackupIoRequest::ReportIoError: write failure on backup \
             device 'q'. Operating system error 995(a).\n2024-01-01 {trouble} spid52      Error: 3634, \
             Severity: 16, State: 1.\n2024-01-01 {trouble} spid52      a file.\n"
        ))
    };
    let by = |trouble| diagnose(&[good(abort), log(trouble)], None).operations[0].ended.by;
    assert_eq!(by("02:00:00.90"), Side::Client);
    assert_eq!(by("02:00:00.05"), Side::Server);
}
