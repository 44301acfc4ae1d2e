//! The report for CI systems: JUnit XML, by a library that knows its dialects.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Summary, failure};
use crate::run::Verdict;

/// The report as JUnit XML. A folder of scenarios is a suite.
///
/// # Errors
/// The text cannot be made, for a character that XML cannot hold.
pub fn junit(summary: &Summary<'_>) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("vdi");
    let mut suites: Vec<TestSuite> = Vec::new();
    for result in summary.results {
        let folder = result.id.rsplit_once('/').map_or("", |(folder, _)| folder);
        let known = summary.baseline.covers(result);
        let status = match &result.verdict {
            Verdict::Conformant => TestCaseStatus::success(),
            Verdict::NotOffered(reason) | Verdict::Inconclusive(reason) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(format!("{}: {reason}", result.verdict.name()));
                status
            }
            Verdict::NotRun => TestCaseStatus::skipped(),
            _ if known.is_some() => {
                let mut status = TestCaseStatus::skipped();
                let reason = known.map_or("", |entry| entry.reason.as_str());
                status.set_message(format!("known failure: {reason}"));
                status
            }
            Verdict::Violation(_) | Verdict::Disagreement(_) => {
                failed(summary, result, NonSuccessKind::Failure)
            }
            Verdict::Trouble(_) => failed(summary, result, NonSuccessKind::Error),
        };
        let mut case = TestCase::new(result.id.clone(), status);
        case.set_classname(folder);
        if !result.adapter.stderr.is_empty() {
            case.set_system_err(&result.adapter.stderr);
        }
        if suites.last().is_none_or(|suite| suite.name.as_str() != folder) {
            suites.push(TestSuite::new(folder));
        }
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(case);
        }
    }
    report.add_test_suites(suites);
    report.to_string()
}

fn failed(
    summary: &Summary<'_>,
    result: &crate::run::ScenarioResult,
    kind: NonSuccessKind,
) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let name = result.verdict.name();
    status.set_type(result.verdict.clause().map_or(name.to_owned(), |clause| clause.to_string()));
    status.set_message(result.title.clone());
    status.set_description(failure(result, &summary.call(), summary.profile_name));
    status
}
