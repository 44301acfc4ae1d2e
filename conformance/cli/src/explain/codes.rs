//! Numbers and the names they have: status and completion codes, commands, features.

use std::io::Write;

use super::super::failure::Failure;
use super::sources;
use vdi_spec::codes::{
    COMMANDS, CodeInfo, CommandInfo, FEATURES, Features, Gate, HRESULTS, HResult, KINDS, WIN32,
    Win32, spelled_number,
};
use vdi_spec::config::supported_combination;

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    HRESULTS
        .iter()
        .map(|row| row.name)
        .chain(WIN32.iter().map(|row| row.name))
        .chain(COMMANDS.iter().map(|row| row.name))
        .chain(FEATURES.iter().map(|row| row.name))
        .chain(KINDS.iter().map(|row| row.name))
}

/// Whether a word is a name, in any case, or one of its other names.
fn is(word: &str, name: &str, aliases: &[&str]) -> bool {
    word.eq_ignore_ascii_case(name) || aliases.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// A status, a completion code, a command: by name, or by a number however it is spelled.
pub(super) fn code(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let wrapped = word.to_ascii_uppercase().parse::<HResult>().ok();
    let wrapped = wrapped.filter(|code| code.is_system_error()).map(|code| code.0);
    let number = spelled_number(word).or(wrapped);
    let mut known = false;
    for row in HRESULTS {
        // Its number is one of our own.
        let published = row.code != HResult::VD_E_IO_ERROR;
        if is(word, row.name, row.aliases) || (published && number == Some(row.code.0)) {
            known = true;
            status(row, out)?;
        }
    }
    let system = number.map(HResult).filter(|code| code.is_system_error());
    let inner = system.map(|code| code.0 & 0xFFFF);
    if let Some(code) = system {
        known = true;
        writeln!(out, "status {code} (0x{:08X}, {})", code.0, signed(code.0))?;
        writeln!(out, "    Error {} of the operating system, wrapped.", code.0 & 0xFFFF)?;
        if Win32(code.0 & 0xFFFF).info().is_none() {
            writeln!(out, "    The documents of VDI do not speak of that error.")?;
        }
    }
    for row in WIN32 {
        if is(word, row.name, row.aliases)
            || number == Some(row.code.0)
            || inner == Some(row.code.0)
        {
            known = true;
            completion(row, out)?;
        }
    }
    for row in COMMANDS {
        if is(word, row.name, row.aliases) || number == Some(row.code.number()) {
            known = true;
            command(row, out)?;
        }
    }
    Ok(known)
}

/// As a plain `int` has it, and as an unsigned number.
fn signed(number: u32) -> String {
    match number.cast_signed() {
        negative @ ..0 => format!("{number}, as an int {negative}"),
        number => number.to_string(),
    }
}

fn status(row: &CodeInfo<HResult>, out: &mut dyn Write) -> Result<(), Failure> {
    let number = if row.code == HResult::VD_E_IO_ERROR {
        "no published number".to_owned()
    } else {
        format!("0x{:08X}, {}", row.code.0, signed(row.code.0))
    };
    writeln!(out, "status {} ({number})", row.name)?;
    for alias in row.aliases {
        writeln!(out, "    also called {alias}")?;
    }
    writeln!(out, "    {}", row.meaning)?;
    sources(&[row.source], out)
}

fn completion(row: &CodeInfo<Win32>, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "completion code {} ({})", row.name, row.code.0)?;
    writeln!(out, "    {}", row.meaning)?;
    sources(&[row.source], out)
}

fn command(row: &CommandInfo, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "command {} (VDC_{}, {})", row.name, row.name, row.code.number())?;
    writeln!(out, "    {}", row.meaning)?;
    let gate = match row.gate {
        Gate::Always => "to every client".to_owned(),
        Gate::AnyFeature(features) => format!("with a feature of {features}"),
        Gate::AllFeatures(features) => format!("with the features {features}"),
        Gate::SnapshotBackup => "in BACKUP WITH SNAPSHOT".to_owned(),
        Gate::SnapshotRestore => "in RESTORE WITH SNAPSHOT".to_owned(),
        Gate::Unspecified => "no condition is published".to_owned(),
    };
    writeln!(out, "    sent: {gate}")?;
    sources(&[row.source], out)
}

/// A feature, a kind of medium, or a combination of them.
pub(super) fn feature(word: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let named = Features::written(word);
    let Some(bits) = named.or_else(|| numbered(word)) else {
        return Ok(false);
    };
    // A bit that is asked for by its own name is that and no kind of medium.
    let single = bits.0.is_power_of_two();
    let own = single && named.is_some() && !word.to_ascii_lowercase().contains("like");
    let kind = KINDS.iter().find(|kind| kind.bits == bits && !own);
    if let Some(kind) = kind {
        writeln!(out, "combination VDF_{} (0x{:X}): {bits}", kind.name, bits.0)?;
        writeln!(out, "    {}", kind.meaning)?;
        commands(bits, out)?;
        sources(&[kind.source], out)?;
    } else if !single || word.contains(['|', '+', ',']) {
        writeln!(out, "combination {bits} (0x{:X}, {})", bits.0, bits.0)?;
        commands(bits, out)?;
    }
    for info in FEATURES.iter().filter(|row| bits.contains(row.bit)) {
        let setter = if info.set_by_server { "server" } else { "client" };
        let (name, bit) = (info.name, info.bit.0);
        writeln!(out, "feature {name} (VDF_{name}, 0x{bit:X}), set by the {setter}")?;
        writeln!(out, "    {}", info.meaning)?;
        sources(&[info.source], out)?;
    }
    Ok(true)
}

/// A number that may be meant as features: every bit has a name, and it is one bit, or a
/// combination that the documents support, or written in hexadecimal and no other code.
fn numbered(word: &str) -> Option<Features> {
    let bits = spelled_number(word).map(Features)?;
    let hexadecimal = word.to_ascii_lowercase().contains('x');
    let code = HResult(bits.0).is_failure() || Win32(bits.0).info().is_some();
    let single = bits.0.is_power_of_two();
    let meant = single || supported_combination(asked(bits)) || (hexadecimal && !code);
    (bits.names().1 == 0 && !bits.is_empty() && meant).then_some(bits)
}

/// Without what the server adds.
fn asked(bits: Features) -> Features {
    let added = FEATURES.iter().filter(|row| row.set_by_server);
    added.fold(bits, |bits, row| bits.without(row.bit))
}

/// Whether the documents support a combination, and the commands it lets a server send.
fn commands(bits: Features, out: &mut dyn Write) -> Result<(), Failure> {
    let supported = if supported_combination(asked(bits)) { "yes" } else { "no" };
    writeln!(out, "    supported by the documents: {supported}")?;
    let sent = |gate| match gate {
        Gate::Always => true,
        Gate::AnyFeature(features) => bits.intersects(features),
        Gate::AllFeatures(features) => bits.contains(features),
        Gate::SnapshotBackup | Gate::SnapshotRestore | Gate::Unspecified => false,
    };
    let names: Vec<&str> =
        COMMANDS.iter().filter(|row| sent(row.gate)).map(|row| row.name).collect();
    writeln!(out, "    commands: {}", names.join(", "))?;
    Ok(())
}

/// What to say of a number that means nothing.
pub(super) fn unknown_number(word: &str, number: u32) -> String {
    let read = format!("{number}, 0x{number:X}");
    let facility = if number & 0xFFFF_0000 == 0x8077_0000 {
        "; it is in VDI's range of status codes, of which the headers name no such number"
    } else {
        ""
    };
    format!(
        "`{word}` ({read}) is not known: it is no status or completion code, command or feature \
         that the documents name, and no number that logs of backups contain{facility}"
    )
}
