//! Lines that the interface itself writes: events of the source SQLVDI on Windows, and what the
//! library prints on Linux.

use std::sync::LazyLock;

use regex::Regex;

use super::{Named, Sign};

/// `Loc=… Desc=… ErrorCode=(…)… Process=… Thread=… Client. Instance=… VD=…`.
const WINDOWS: &str = r"(?xs)
    Loc=(?<loc>.+?)\.\s+Desc=(?<desc>.+?)\.\s+ErrorCode=\((?<code>-?\w+)\)
    (?<rest>.*?(?:VD=\s*(?<set>.+?)_SQLVDIMemoryName_\d+|$))";

/// `<set>_SQLVDIMemoryName_0: where: what: error 2`, several of them in a line.
const LINUX: &str = r"(?<set>[^\s:]+?)_SQLVDIMemoryName_\d+:\s*(?<loc>[\w:]*\w):\s+(?<desc>[^:\n]+?):\s+error\s+(?<code>\d+)";

pub(super) fn signs(text: &str) -> Vec<(Sign, Option<Named>, Option<u32>)> {
    static WINDOWS_FORM: LazyLock<Regex> = LazyLock::new(|| form(WINDOWS));
    static LINUX_FORM: LazyLock<Regex> = LazyLock::new(|| form(LINUX));
    static PROCESS: LazyLock<Regex> = LazyLock::new(|| form(r"Process=\s*(\d+)"));
    static SERVER: LazyLock<Regex> = LazyLock::new(|| form(r"(?:^|[.\s])Server\s*\."));
    let set = |found: &regex::Captures<'_>| {
        found.name("set").map(|set| Named::Set(set_name(set.as_str())))
    };
    if let Some(found) = WINDOWS_FORM.captures(text) {
        let rest = &found["rest"];
        let of_server = SERVER.is_match(rest);
        let code = vdi_spec::codes::spelled_number(&found["code"]).unwrap_or_default();
        let process = PROCESS.captures(rest).and_then(|found| found[1].parse().ok());
        return vec![(sign(&found["loc"], &found["desc"], code, of_server), set(&found), process)];
    }
    let of_line = |found: regex::Captures<'_>| {
        let code = found["code"].parse().unwrap_or_default();
        (sign(&found["loc"], &found["desc"], code, false), set(&found), None)
    };
    LINUX_FORM.captures_iter(text).map(of_line).collect()
}

fn sign(loc: &str, desc: &str, code: u32, of_server: bool) -> Sign {
    let place = loc.rsplit("::").next().unwrap_or(loc);
    if place.eq_ignore_ascii_case("SignalAbort") {
        return if of_server { Sign::ServerAborts } else { Sign::ClientAborts };
    }
    if place.eq_ignore_ascii_case("TriggerAbort") {
        return if code == 0 { Sign::InterfaceAborts } else { Sign::Tidies };
    }
    // What is let go of at the end, after the other side has gone.
    let lets_go =
        ["release", "close", "unmap"].iter().any(|word| desc.to_lowercase().starts_with(word));
    match code {
        _ if lets_go || place.eq_ignore_ascii_case("Cleanup") => Sign::Tidies,
        995 => Sign::Aborted,
        code => Sign::LibraryFails(code),
    }
}

/// The name of a set without what the interface puts around it.
pub(crate) fn set_name(text: &str) -> String {
    let text = text.trim();
    let text = ["Global", "Local"]
        .iter()
        .find_map(|space| text.strip_prefix(space))
        .map_or(text, |rest| rest.trim_start_matches('\\'));
    text.strip_prefix("Host_").unwrap_or(text).to_owned()
}

fn form(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression of this file")
}
