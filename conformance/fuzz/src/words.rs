//! The words of our grammars: what an input is made of that is worth trying.

use vdi_spec::clauses::{CLAUSES, QUESTIONS};
use vdi_spec::codes::{COMMANDS, FEATURES, HRESULTS, WIN32};
use vdi_spec::config::CONFIG_FIELDS;
use vdi_trace::Function;

/// Of JSON, traces, scenarios, baselines, profiles and messages.
const JSON: &[&str] = &[
    "\"vdi\":\"trace/1\"",
    "\"seq\":",
    "\"lane\":\"",
    "\"call\":\"",
    "\"on\":\"",
    "\"as\":\"",
    "\"args\":{",
    "\"return\":\"",
    "\"out\":{",
    "\"callback\":\"",
    "\"completion\":\"",
    "\"bytes\":",
    "\"position\":",
    "\"held\":true",
    "\"ended\":\"",
    "\"touch\":\"",
    "\"found\":\"",
    "\"wrote\":\"",
    "\"expired\":\"",
    "\"after\":",
    "\"statement\":\"",
    "\"devices\":",
    "\"report\":\"",
    "\"blocked\":[",
    "\"process\":\"",
    "\"exit\":\"",
    "\"unload\":\"",
    "\"elapsed\":",
    "\"unseen\":[\"server\"]",
    "\"declares\":{",
    "\"origin\":{",
    "\"profile\":",
    "\"id\":",
    "\"title\":",
    "\"clauses\":[",
    "\"parties\":[",
    "\"misuse\":[",
    "\"misuseUnder\":{",
    "\"unpinned\":true",
    "\"records\":[",
    "\"interfaces\":{",
    "\"config\":{",
    "\"given\":{",
    "\"phase\":",
    "\"steps\":[",
    "\"expect\":",
    "\"await\":",
    "\"under\":",
    "\"times\":",
    "\"together\":[",
    "\"op\":\"",
    "\"status\":\"",
    "\"inCall\":[",
    "\"moves\":",
    "\"reason\":",
    "\"known\":[",
    "\"notOffered\":[",
    "\"what\":",
    "\"scenario\":",
    "\"verdict\":",
    "\"base\":",
    "\"readings\":{",
    "\"offers\":[",
    "\"protocol\":1",
    "\"implementation\":{",
    "\"functions\":{",
    "\"milliseconds\":",
    "\"command\":\"",
    "\"options\":{",
    "\"batches\":[",
    "\"text\":",
    "server.main",
    "server.agent",
    "primary.main",
    "primary.t1",
    "secondary1.main",
    "sset",
    "cset",
    "null",
    "true",
    "\"64KiB\"",
    "\"infinite\"",
    "\\u0000",
    "\\ud800",
    "\u{FEFF}",
];

/// Of SQL and its scripts.
const SQL: &[&str] = &[
    "BACKUP ",
    "RESTORE ",
    "DATABASE ",
    "LOG ",
    "TO ",
    "FROM ",
    "VIRTUAL_DEVICE",
    "='",
    "WITH ",
    "HEADERONLY ",
    "FILELISTONLY ",
    "LABELONLY ",
    "VERIFYONLY ",
    "USE ",
    "SET ",
    "DECLARE @a ",
    "SELECT ",
    "@@VERSION",
    "SERVERPROPERTY(",
    "CAST(",
    "CONVERT(",
    "IF @@TRANCOUNT > 0 ",
    "BEGIN TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "SAVE TRAN ",
    "CREATE DATABASE ",
    "DROP DATABASE ",
    "IF EXISTS ",
    "WHERE ",
    "ORDER BY ",
    "AS ",
    "AND ",
    "OR ",
    "NULL",
    "N'",
    "'",
    "''",
    "[",
    "]]",
    "\"",
    "--",
    "/*",
    "*/",
    ";",
    "@a",
    "\nGO\n",
    "\nGO 3\n",
    ":setvar a 1\n",
    "$(a)",
    ":r ",
    "\n:EXIT(",
    "\nQUIT\n",
    "\nRESET\n",
    "READ_WRITE_FILEGROUPS",
    "FILEGROUP = ",
    "FILE = ",
];

/// Of logs.
const LOGS: &[&str] = &[
    "<?xml version=\"1.0\"?>",
    "<Events>",
    "<Event xmlns=\"",
    "<EventID>",
    "<TimeCreated ",
    "SystemTime=\"",
    "<Data>",
    "]]>",
    "&#0;",
    "Level,Date and Time,Source,Event ID",
    "Log Name:",
    "Date:",
    "Event ID:",
    "Description:",
    "2026-03-01 02:03:04.56 spid51",
    "Error: 18210",
    "Severity: 16, State: 1",
    "BackupVirtualDeviceFile::",
    "SQLVDI: Loc=",
    "Msg 3013, Level 16",
    "\n====\n",
    "\u{FEFF}",
    "0x8077000E",
    "T00:00:00Z",
    "+02:00",
    "AM",
    "99999-99-99",
];

/// All of them, each once.
#[must_use]
pub fn words() -> Vec<String> {
    let tables = (Function::ALL.iter().map(|function| function.name()))
        .chain(HRESULTS.iter().map(|row| row.name))
        .chain(WIN32.iter().map(|row| row.name))
        .chain(COMMANDS.iter().map(|row| row.name))
        .chain(FEATURES.iter().map(|row| row.name))
        .chain(CONFIG_FIELDS.iter().map(|row| row.name))
        .chain(CLAUSES.iter().map(|row| row.id))
        .chain(QUESTIONS.iter().map(|row| row.id));
    let fixed = [JSON, SQL, LOGS].concat().into_iter();
    let mut words: Vec<String> = fixed.chain(tables).map(str::to_owned).collect();
    words.extend(vdi_server::list_options().split_whitespace().map(str::to_owned));
    words.sort();
    words.dedup();
    words
}

/// The same as libFuzzer reads them: a line each.
#[must_use]
pub fn dictionary() -> String {
    let quoted = |word: &String| {
        let letter = |byte: u8| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02X}"),
        };
        format!("\"{}\"\n", word.bytes().map(letter).collect::<String>())
    };
    words().iter().map(quoted).collect()
}
