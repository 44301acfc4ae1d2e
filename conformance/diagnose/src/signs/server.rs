//! Messages of the server, wherever they stand: in its error log, in an event log, or in what a
//! client was told.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, Named, Sign};
use crate::read::Record;

const SUCCEEDED: &[u32] =
    &[3014, 18264, 18265, 18266, 18267, 18268, 18269, 18270, 18271, 18276, 18277];
const REFUSED: &[u32] = &[
    262, 911, 916, 922, 924, 926, 927, 942, 945, 3002, 3004, 3006, 3007, 3010, 3011, 3021, 3023,
    3024, 3025, 3027, 3031, 3032, 3033, 3034, 3035, 3036, 3039, 3059, 3062, 3101, 3102, 3103, 3104,
    3108, 3109, 3110, 3112, 3116, 3117, 3118, 3120, 3121, 3123, 3132, 3135, 3136, 3141, 3142, 3147,
    3153, 3154, 3155, 3156, 3159, 3168, 3169, 3176, 3178, 3187, 3199, 3205, 3206, 3207, 3214, 3217,
    3234, 4208, 4212, 4214, 4305, 4306, 4326, 4330,
];
const TROUBLE: &[u32] = &[
    823, 824, 825, 3012, 3043, 3046, 3049, 3050, 3052, 3053, 3224, 3226, 3634, 5123, 5149, 9001,
    9002, 9004,
];
const BAD_DATA: &[u32] =
    &[3113, 3143, 3183, 3186, 3189, 3208, 3239, 3241, 3242, 3243, 3254, 3256, 3266];

/// What a message says where its number is not told.
const SHAPES: &[(&str, u32)] = &[
    (r"is terminating abnormally", 3013),
    (r"failed to complete the command", 3041),
    (r"(?:BACKUP|RESTORE)[A-Z ]* successfully processed", 3014),
    (r"^(?:Database|Log|Database differential changes) (?:was |were )?backed up\.", 18264),
    (r"^(?:Database|Log) was restored", 18267),
    (r"Cannot open backup device", 3201),
    (r#"Write on "[^"]*" failed"#, 3202),
    (r#"Read on "[^"]*" failed"#, 3203),
    (r"nonrecoverable I/O error occurred on file", 3271),
    (r"The backup or restore was aborted", 3204),
    (r"Process ID \d+ was killed by", 18100),
    (r"BackupVirtualDeviceFile::|BackupVirtualDeviceSet::|ReportIoError|BackupMedium::", 18210),
    (r"BackupDiskFile::", 18204),
    (r"SQL Server is terminating (?:because of|in response)", 17148),
    (r"I/O is frozen on database", 3197),
    (r"I/O was resumed on database", 3198),
    (r"cannot be opened due to inaccessible files", 945),
];

/// The number of a message that stands in a line of its own: three words with numbers, in
/// whatever language.
pub(super) fn head(text: &str) -> Option<u32> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(&format!("^{HEAD}\\.?$")));
    FORM.captures(text.trim()).and_then(|found| found[1].parse().ok())
}

const HEAD: &str = r"[\p{L} ]+\s?: ?(\d+), ?[\p{L} ]+\s?: ?\d+, ?[\p{L} ]+\s?: ?\d+";

/// The session that was killed.
pub(super) fn killed(text: &str) -> Option<u32> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(r"(?i)process id (\d+)"));
    FORM.captures(text)?[1].parse().ok()
}

/// Whether an event is of the server.
pub(super) fn is_source(record: &Record) -> bool {
    record.source.as_deref().is_some_and(|source| source.to_ascii_uppercase().starts_with("MSSQL"))
}

pub(super) fn signs(record: &Record, number: Option<u32>) -> Vec<Found> {
    let text = &record.text;
    let own = number.or_else(|| record.number.filter(|_| is_source(record)));
    let mut found = Vec::new();
    // Several messages in one entry, each with its number and then its text.
    for (number, text) in numbered(text).unwrap_or_else(|| vec![(own, text.as_str())]) {
        let shaped =
            SHAPES.iter().zip(shapes()).find(|(_, form)| form.is_match(text)).map(|((_, n), _)| *n);
        if let Some(number) = number.or(shaped) {
            found.extend(of_message(number, text));
        }
    }
    found.dedup();
    found
}

fn shapes() -> &'static [Regex] {
    static FORMS: LazyLock<Vec<Regex>> =
        LazyLock::new(|| SHAPES.iter().map(|(shape, _)| form(shape)).collect());
    &FORMS
}

/// The messages of an entry that heads each by its number.
fn numbered(text: &str) -> Option<Vec<(Option<u32>, &str)>> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        form(&format!(
            r"(?i)(?:\bMsg\s+(\d+), ?\p{{L}}+ \d+|\bnative ?error[:= ]+(\d+)|\bNativeError[:= ]+(\d+)|{HEAD})"
        ))
    });
    let heads: Vec<(usize, u32)> = FORM
        .captures_iter(text)
        .filter_map(|found| {
            let number = found.iter().skip(1).flatten().next()?.as_str().parse().ok()?;
            Some((found.get(0)?.start(), number))
        })
        .collect();
    let ends = heads.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    let parts =
        heads.iter().zip(ends).map(|((start, number), end)| (Some(*number), &text[*start..end]));
    let parts: Vec<(Option<u32>, &str)> = parts.collect();
    (!parts.is_empty()).then_some(parts)
}

fn of_message(number: u32, text: &str) -> Option<Found> {
    let plain = |sign| Some((sign, None));
    match number {
        3013 | 3041 | 3119 | 3292 => plain(Sign::Terminated),
        3201 => of_device(text, opened),
        3202 | 3203 | 18204 | 18210 => of_device(text, moved),
        3271 => of_file(text),
        3204 => plain(Sign::Cancelled),
        701 | 802 | 8645 => plain(Sign::NoMemory),
        17147 | 17148 => plain(Sign::Stops),
        18100 => plain(Sign::Killed),
        18456 => plain(Sign::LoginFailed),
        3197 | 3198 => plain(Sign::Frozen),
        number if SUCCEEDED.contains(&number) => succeeded(text),
        number if REFUSED.contains(&number) => plain(Sign::Refused(number)),
        number if TROUBLE.contains(&number) => plain(Sign::Trouble(number)),
        number if BAD_DATA.contains(&number) => plain(Sign::BadData(number)),
        _ => None,
    }
}

/// What a message says of the device that it names.
fn of_device(text: &str, sign: fn(u32, &str) -> Sign) -> Option<Found> {
    let name = quoted(text);
    if name.is_some_and(is_path) {
        return Some((Sign::NotVirtual, name.map(|name| Named::Device(name.to_owned()))));
    }
    let code = error(text);
    let sign = code.map_or(Sign::Terminated, |code| sign(code, text));
    Some((sign, name.map(|name| Named::Device(super::interface::set_name(name)))))
}

/// 3271 is said of a device and of a file of the database.
fn of_file(text: &str) -> Option<Found> {
    match quoted(text) {
        Some(name) if is_path(name) => Some((Sign::Trouble(3271), None)),
        _ => of_device(text, moved),
    }
}

/// What the error says when a device cannot be opened.
fn opened(code: u32, text: &str) -> Sign {
    match code {
        2 | 0x8007_0002 | 0x8077_0006 | 0x8077_0007 => Sign::NoSet,
        5 | 0x8007_0005 | 0x8077_0005 => Sign::MayNotUse,
        _ => moved(code, text),
    }
}

/// What the error says when a command was sent to a device, or the set was used.
fn moved(code: u32, text: &str) -> Sign {
    let inner = if code & 0xFFFF_0000 == 0x8007_0000 { code & 0xFFFF } else { code };
    let buffers = text.contains("large buffers") || text.contains("SetBufferParms");
    match inner {
        995 | 0x8077_0004 => Sign::Aborted,
        6 | 1117 => Sign::Followed(inner),
        0x8004_0154 | 0x8004_0155 | 0x8004_0111 => Sign::NotRegistered,
        _ if text.contains("CoCreateInstance") => Sign::NotRegistered,
        8 | 14 | 1450 | 1455 | 0x8077_000A if buffers || code != inner => Sign::NoMemory,
        _ if inner & 0xFFFF_0000 != 0 => Sign::Terminated,
        0 => Sign::Terminated,
        code => Sign::Answered(code),
    }
}

fn succeeded(text: &str) -> Option<Found> {
    static DEVICE: LazyLock<Regex> = LazyLock::new(|| form(r"VIRTUAL_DEVICE: ?\{'([^']+)'"));
    static OTHER: LazyLock<Regex> = LazyLock::new(|| form(r"TYPE=(?:DISK|TAPE|URL)"));
    if OTHER.is_match(text) {
        return None;
    }
    let name =
        DEVICE.captures(text).map(|found| Named::Device(super::interface::set_name(&found[1])));
    Some((Sign::Succeeded, name))
}

/// The first name between quotes.
fn quoted(text: &str) -> Option<&str> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        form(
            "'([^'\\n]+)'|\"([^\"\\n]+)\"|\u{2018}([^\u{2019}\\n]+)\u{2019}|\u{201c}([^\u{201d}\\n]+)\u{201d}|\u{ab}([^\u{bb}\\n]+)\u{bb}",
        )
    });
    let found = FORM.captures(text)?;
    let name = found.iter().skip(1).flatten().next()?.as_str().trim();
    Some(name.strip_suffix(':').unwrap_or(name).trim()).filter(|name| !name.is_empty())
}

fn is_path(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    drive || name.starts_with(['/', '\\']) || name.contains("://")
}

/// The error of the operating system: the number before the bracket that holds its text.
fn error(text: &str) -> Option<u32> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        form(r"(?i)(?:^|[\s:'`])(0?x[0-9a-f]+|-?\d+)\s?\(|system error:? (0?x[0-9a-f]+|-?\d+)\b")
    });
    let found = FORM.captures_iter(text).last()?;
    vdi_spec::codes::spelled_number(found.iter().skip(1).flatten().next()?.as_str())
}

fn form(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression of this file")
}
