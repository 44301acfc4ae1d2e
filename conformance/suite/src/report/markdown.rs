//! The report as Markdown, for a CI system's step summary.

use std::fmt::Write;

use super::{Summary, failure};
use crate::run::Verdict;

/// Bytes that a step summary takes are 1 MiB; with something left for what else stands in it.
const MOST: usize = 900 << 10;

/// The report as Markdown, of a length that a step summary takes: what does not fit is counted.
#[must_use]
pub fn markdown(summary: &Summary<'_>) -> String {
    let counts = summary.counts();
    let mark = if summary.exit_code() == 0 { "conformant" } else { "not conformant" };
    let mut out = format!("## VDI conformance: {mark}\n\n");
    let _ = writeln!(out, "{} under profile `{}`\n", summary.implementation, summary.profile_name);
    out.push_str("| verdict | scenarios |\n| --- | ---: |\n");
    for (name, count) in [
        ("conformant", counts.conformant),
        ("failed", counts.failed),
        ("known failures", counts.known),
        ("by a party that does not gate", counts.not_gating),
        ("not offered", counts.not_offered),
        ("undecided", counts.inconclusive),
        ("not run", counts.not_run),
    ] {
        let _ = writeln!(out, "| {name} | {count} |");
    }
    let lacking = summary.lacking();
    if !lacking.is_empty() {
        let listed = lacking.iter().map(|(what, count)| format!("`{what}` {count}"));
        let listed = listed.collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "\nwhat was not offered: {listed}");
    }
    if let Some((role, others)) = summary.role {
        let _ = writeln!(out, "\nonly the {role} half was asked for, {others} scenarios not");
    }
    let mut parts = Vec::new();
    for result in summary.failures() {
        let clause = match &result.verdict {
            Verdict::Violation(violation) => {
                format!("`{}`, binds the {}", violation.clause, violation.party)
            }
            other => other.name().to_owned(),
        };
        let text = failure(result, &summary.call(), summary.profile_name);
        let fence = fence(&text);
        parts.push(format!(
            "\n<details><summary><code>{}</code>: {clause}</summary>\n\n{fence}text\n{text}{fence}\n\n</details>\n",
            result.id
        ));
    }
    for stale in &summary.stale {
        let name = &stale.entry.scenario;
        parts.push(format!("\n- stale baseline entry `{name}`: got {}\n", stale.got));
    }
    within(&mut out, &parts);
    out
}

/// Adds what fits, and how much does not.
fn within(out: &mut String, parts: &[String]) {
    for (index, part) in parts.iter().enumerate() {
        if out.len() + part.len() > MOST {
            let left = parts.len() - index;
            let _ = writeln!(
                out,
                "\n{left} more, for which there is no room in a step summary: see another --format"
            );
            return;
        }
        out.push_str(part);
    }
}

/// A fence that is longer than any in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(3.max(longest + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut out = String::new();
        within(&mut out, &["a".repeat(MOST - 1), "b".to_owned(), "c".to_owned(), "d".to_owned()]);
        assert!(out[MOST - 1..].starts_with("b\n2 more, "), "{}", &out[MOST - 1..]);
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(fence("a"), "```");
    }
}
