//! `vdi redact`: a trace without what names somebody's things.

use std::io::Write;

use vdi_check::{Verdict, check_trace, exit_code};
use vdi_spec::clauses::{Clause, Profile};
use vdi_trace::Trace;

use super::args::RedactArgs;
use super::failure::Failure;
use super::input::trace_file;
use super::output::write;

pub(super) fn redact(args: &RedactArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let trace = trace_file(&args.trace, args.lines)?;
    let redacted = trace.redacted();
    // What is given away has to tell the same.
    if verdict(&trace) != verdict(&redacted) {
        let path = args.trace.display();
        let why = "without its names it has another verdict; please report it";
        return Err(Failure::Internal(format!("{path}: {why}")));
    }
    let text = redacted.to_json_lines();
    match &args.output {
        None => out.write_all(text.as_bytes())?,
        Some(path) => write(path, &text)?,
    }
    Ok(exit_code::CONFORMANT)
}

/// What is said of a trace: the verdict, the clauses that were broken, and the events at which.
fn verdict(trace: &Trace) -> (String, Vec<(Option<usize>, Clause)>) {
    let judged = check_trace(trace, &Profile::default());
    let (name, violated) = match &judged.verdict {
        Verdict::Conformant => ("conformant", None),
        Verdict::Violation(violation) => {
            ("violation", Some((trace.index(violation.line), violation.clause)))
        }
        Verdict::Inconclusive(_) => ("undecided", None),
        Verdict::Unreadable { .. } => ("unreadable", None),
    };
    let findings = judged.findings.iter().map(|one| (trace.index(one.line), one.clause));
    (name.to_owned(), violated.into_iter().chain(findings).collect())
}
