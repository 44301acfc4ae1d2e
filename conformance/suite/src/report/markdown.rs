//! The report as Markdown, for a CI system's step summary.

use std::fmt::Write;

use super::{Summary, failure};
use crate::run::Verdict;

/// The report as Markdown.
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
    for result in summary.failures() {
        let clause = match &result.verdict {
            Verdict::Violation(violation) => {
                format!("`{}`, binds the {}", violation.clause, violation.party)
            }
            other => other.name().to_owned(),
        };
        let text = failure(result, &summary.call(), summary.profile_name);
        let _ = write!(
            out,
            "\n<details><summary><code>{}</code>: {clause}</summary>\n\n```text\n{text}```\n\n</details>\n",
            result.id
        );
    }
    for stale in &summary.stale {
        let _ =
            writeln!(out, "\n- stale baseline entry `{}`: got {}", stale.entry.scenario, stale.got);
    }
    out
}
