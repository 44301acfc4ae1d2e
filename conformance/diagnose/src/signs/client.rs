//! What clients and the operating system write: calls with their status, trouble of their own,
//! processes that end.

use std::sync::LazyLock;

use regex::Regex;
use vdi_spec::codes::{HResult, Win32, spelled_number};

use super::{Found, Sign};
use crate::read::Record;

/// Trouble that is a client's own, as programs put it.
const TROUBLE: &str = r"(?ix)
    no\ space\ left | disk\ (?:is\ )?full | not\ enough\ (?:disk\ )?space | out\ of\ disk\ space | quota
    | (?:access|permission)\ (?:is\ |was\ )?denied | read-only\ file\ system
    | connection\ (?:was\ |has\ been\ )?(?:reset|refused|aborted|closed|lost|broken|dropped) | lost\ connection
    | broken\ pipe | (?:network|host)\ (?:is\ )?unreachable
    | (?:write|read|upload|i/o|tape|media|storage|network|socket)\ (?:error|failure|failed)
    | (?:error|failed|failure)\ (?:while\ |when\ )?(?:writing|reading|uploading)
    | cannot\ allocate | out\ of\ memory | unhandled\ exception | assertion\ failed";

const PERSON: &str = r"(?ix)
    \b(?:cancel+ed|aborted|stopped|killed)\ by\ (?:the\ |an?\ )?(?:user|operator|administrator)
    | \bjob\ (?:was\ |has\ been\ )?cancel+ed";

const WAITED: &str = r"(?ix)
    \b(?:query|command|statement|execution|sql)\ ?(?:has\ )?time-?d?\ ?-?out | timeout\ expired
    | \b(?:query|command|statement)\ timed\ out";

/// What a client's line says.
pub(super) fn signs(record: &Record) -> Vec<Found> {
    static TROUBLE_FORM: LazyLock<Regex> = LazyLock::new(|| form(TROUBLE));
    static PERSON_FORM: LazyLock<Regex> = LazyLock::new(|| form(PERSON));
    static WAITED_FORM: LazyLock<Regex> = LazyLock::new(|| form(WAITED));
    let text = record.text.as_str();
    let sign = status(text)
        .or_else(|| aborts(text).then_some(Sign::ClientAborts))
        .or_else(|| answered(text))
        .or_else(|| PERSON_FORM.is_match(text).then_some(Sign::Cancelled))
        .or_else(|| WAITED_FORM.is_match(text).then_some(Sign::GaveUpStatement))
        .or_else(|| TROUBLE_FORM.is_match(text).then_some(Sign::OwnTrouble));
    sign.map(|sign| (sign, None)).into_iter().collect()
}

/// A status of the interface or of COM in the line, and what it says of the call that is named
/// beside it.
fn status(text: &str) -> Option<Sign> {
    static NUMBER: LazyLock<Regex> =
        LazyLock::new(|| form(r"(?i)\b(?:0x|x)?(80(?:04|07|77)[0-9a-f]{4})\b|(-21\d{8})\b"));
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| form(r"\bVD_E_[A-Z_]+\b|\bREGDB_E_CLASSNOTREG\b"));
    let by_name = NAME.find(text).and_then(|found| match found.as_str() {
        "REGDB_E_CLASSNOTREG" => Some(0x8004_0154),
        name => name.parse::<HResult>().ok().map(|code| code.0),
    });
    let number = || {
        let found = NUMBER.captures(text)?;
        match (found.get(1), found.get(2)) {
            (Some(hex), _) => u32::from_str_radix(hex.as_str(), 16).ok(),
            (None, Some(signed)) => spelled_number(signed.as_str()),
            (None, None) => None,
        }
    };
    let unnamed = || text.to_lowercase().contains("class not registered").then_some(0x8004_0154);
    let names = |function: &str| text.contains(function);
    let makes = ["CreateEx", "Create(", "CoCreateInstance", "OpenInSecondary", "Create failed"];
    let makes = makes.iter().any(|function| names(function));
    match by_name.or_else(number).or_else(unnamed)? {
        0x8077_0003 if names("GetConfiguration") || !names("GetCommand") => Some(Sign::TimedOut),
        0x8077_0004 => Some(Sign::SawAbort),
        0x8077_0005 => Some(Sign::MayNotUse),
        0x8077_000A => Some(Sign::NoMemory),
        0x8004_0154 | 0x8004_0155 | 0x8004_0111 => Some(Sign::NotRegistered),
        0x8007_0005 if makes => Some(Sign::MayNotUse),
        code @ (0x8077_0007 | 0x8077_0009) => Some(Sign::NotMade(code)),
        code if makes && code & 0xFFFF_0000 != 0x8004_0000 && code != 0x8077_000E => {
            Some(Sign::NotMade(code))
        }
        _ => None,
    }
}

/// Whether the client says that it calls SignalAbort itself.
fn aborts(text: &str) -> bool {
    static CALL: LazyLock<Regex> = LazyLock::new(|| form(r"\bSignalAbort\b"));
    // Said of somebody else, or that it was not done.
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        form(concat!(
            r"(?i)\b(?:not|no|never|without|received|got|saw|seen|server|waiting|for|if|after|because)\b",
            r"[^.;,:]{0,24}\bSignalAbort\b",
            r"|\bSignalAbort\b[^.;,:]{0,24}\b(?:not|never|received|seen|(?:by|from|of) the server)\b",
        ))
    });
    CALL.is_match(text) && !OTHER.is_match(text)
}

/// The code that the client says it completes a command with.
fn answered(text: &str) -> Option<Sign> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        form(concat!(
            r"(?i)\bcomplet\w*\b.{0,80}?\b(?<name>ERROR_[A-Z_]+)",
            r"|\bCompleteCommand\b.{0,80}?\b(?:code|error|status|with)\s*[=:]?\s*(?<code>\d+)\b",
            r"|\bcompletion code\s*[=:]?\s*(?<bare>\d+)\b",
        ))
    });
    let found = FORM.captures(text)?;
    let number = found.name("code").or_else(|| found.name("bare"));
    let code = match (found.name("name"), number) {
        (Some(name), _) => name.as_str().to_uppercase().parse::<Win32>().ok()?.0,
        (None, number) => number?.as_str().parse().ok()?,
    };
    match code {
        0 => None,
        995 => Some(Sign::Aborted),
        code => Some(Sign::Answered(code)),
    }
}

/// A process that the operating system says has ended.
pub(super) fn died(record: &Record) -> Vec<Found> {
    static CRASH: LazyLock<Regex> = LazyLock::new(|| {
        form(
            r"(?is)faulting application(?: name)?: ?(?<name>[^,\s]+)(?:.*?faulting process id: ?(?<pid>0x[0-9a-f]+))?",
        )
    });
    static OTHERS: LazyLock<Regex> = LazyLock::new(|| {
        form(
            r"(?i)(?:application: (?<a>\S+).*unhandled exception|the (?<b>.+?) service terminated unexpectedly|killed process (?<pid>\d+)[ ,]*\(?(?<c>[\w.-]+)\)?|(?<d>\S+): segfault|segmentation fault|terminated by signal \d+|killed by signal)",
        )
    });
    let text = record.text.as_str();
    let Some(found) = CRASH.captures(text).or_else(|| OTHERS.captures(text)) else {
        return Vec::new();
    };
    let names = ["name", "a", "b", "c", "d"];
    let name = names.iter().find_map(|name| found.name(name)).map_or("", |name| name.as_str());
    let name = name.to_lowercase();
    let server =
        name.contains("sqlservr") || name.starts_with("sql server (") || name == "mssqlserver";
    let process = found.name("pid").and_then(|pid| spelled_number(pid.as_str()));
    vec![(Sign::Died { server, named: !name.is_empty(), process }, None)]
}

fn form(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression of this file")
}
