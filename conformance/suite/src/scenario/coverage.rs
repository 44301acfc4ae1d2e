//! The coverage page: which scenarios exercise which clause, question, command
//! and function, and why some clause has none.

use std::collections::BTreeSet;
use std::fmt::Write;

use vdi_spec::clauses::{CLAUSES, Clause, Party, QUESTIONS};
use vdi_spec::codes::COMMANDS;
use vdi_trace::{CodeArg, FUNCTIONS};

use super::{Action, Library, Scenario, StepCall, expand};

/// Clauses that no scenario can exercise, and why.
pub const WITHOUT_SCENARIO: &[(&str, &str)] = &[
    ("client.get-command.phase", "without a configuration seen there is no device to call on"),
    ("client.open-device.null", "a trace names handles, it does not show pointers"),
    ("client.flush.durable", "what a client does to its medium is not seen through the interface"),
    (
        "client.complete.finished",
        "what a client does to its medium is not seen through the interface",
    ),
    ("client.media.true", "a trace does not hold the data"),
    ("data.intact", "a trace does not hold the data"),
    ("set.any-thread", "a wrong answer on another thread is blamed on the clause of that answer"),
    ("abi.layout", "a trace names functions and fields, it does not show memory"),
    ("linux.time-out.negative", "a trace writes `infinite`; the adapter translates"),
    ("linux.group", "rights belong to users and objects of the machine, and no call shows them"),
    ("server.close.release-handle", "a trace does not show reference counts"),
    ("server.end-of-media.resend", "a trace does not hold the data"),
    ("client.read.any-size", "a trace does not hold the data"),
    ("client.medium.obeys", "what a client does to its medium is not seen through the interface"),
    ("server.snapshot.kinds", "a trace does not hold the options of the statement"),
    ("client.snapshot.timely", "advice, and time passes only where a trace says so"),
    (
        "client.end-of-media.pending-writes",
        "what a client does to its medium is not seen through the interface",
    ),
    (
        "client.secondary.watched",
        "how a client watches its processes is not seen; what follows from not watching is \
        process.secondary-death",
    ),
];

/// Why a clause has no scenario, if it cannot have one.
#[must_use]
pub fn excuse(clause: Clause) -> Option<&'static str> {
    let id = clause.info().id;
    WITHOUT_SCENARIO.iter().find(|(excused, _)| *excused == id).map(|(_, reason)| *reason)
}

/// The page, as Markdown.
#[must_use]
pub fn coverage_page(library: &Library) -> String {
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let mut page = format!(
        "# Coverage\n\n{} clauses, {} questions, {} scenarios.\n",
        CLAUSES.len(),
        QUESTIONS.len(),
        scenarios.len()
    );
    for party in [Party::Interface, Party::Server, Party::Client] {
        let _ = write!(page, "\n## Clauses that bind the {party}\n\n");
        for row in CLAUSES.iter().filter(|row| row.party == party) {
            let ids = scenarios.iter().filter(|scenario| scenario.clauses.contains(&row.clause));
            let list = ids.map(|scenario| scenario.id.as_str()).collect::<Vec<_>>();
            entry(&mut page, row.id, &list, excuse(row.clause));
        }
    }
    page.push_str("\n## Questions, by the scenarios that tell their readings apart\n\n");
    for row in QUESTIONS {
        let asks = |scenario: &&&Scenario| scenario.questions().contains(&row.question);
        let list: Vec<&str> = scenarios.iter().filter(asks).map(|s| s.id.as_str()).collect();
        let shown = CLAUSES
            .iter()
            .filter(|clause| clause.questions.contains(&row.question))
            .map(|clause| clause.id)
            .collect::<Vec<_>>()
            .join(", ");
        let reason = match shown.as_str() {
            "" => "no pin depends on it, and no clause: it says how a trace is read".to_owned(),
            shown => format!("no pin depends on it; it decides on {shown}"),
        };
        entry(&mut page, row.id, &list, Some(&reason));
    }
    commands(&mut page, &scenarios);
    functions(&mut page, &scenarios);
    page
}

fn entry(page: &mut String, id: &str, scenarios: &[&str], reason: Option<&str>) {
    let text = match (scenarios, reason) {
        ([], Some(reason)) => format!("none: {reason}"),
        ([], None) => "NONE".to_owned(),
        (list, _) => list.join(", "),
    };
    let _ = writeln!(page, "- `{id}`: {text}");
}

/// The calls of a scenario, those its situation stands for included.
fn calls(scenario: &Scenario) -> Vec<Action> {
    let (steps, _) = expand(scenario);
    steps.into_iter().map(|step| step.action).collect()
}

fn scenarios_text(count: usize) -> String {
    if count == 1 { "1 scenario".to_owned() } else { format!("{count} scenarios") }
}

fn commands(page: &mut String, scenarios: &[&Scenario]) {
    page.push_str("\n## Commands\n\n");
    for row in COMMANDS {
        let sends = |scenario: &&&Scenario| {
            calls(scenario)
                .iter()
                .filter_map(StepCall::of)
                .any(|call| call.args.code == Some(CodeArg::Command(row.code)))
        };
        let count = scenarios_text(scenarios.iter().filter(sends).count());
        let _ = writeln!(page, "- `{}`: {count}", row.name);
    }
}

fn functions(page: &mut String, scenarios: &[&Scenario]) {
    page.push_str("\n## Functions\n\n");
    for row in FUNCTIONS {
        let makes = |scenario: &&&Scenario| {
            calls(scenario).iter().filter_map(StepCall::of).any(|call| {
                call.function == row.function && call.lane.process().party() == row.party
            })
        };
        let count = scenarios_text(scenarios.iter().filter(makes).count());
        let _ = writeln!(page, "- `{}` of the {}: {count}", row.function, row.party);
    }
}

/// The clauses that neither a scenario exercises nor a reason excuses, and those
/// that have both.
#[must_use]
pub fn uncovered(library: &Library) -> Vec<&'static str> {
    let named: BTreeSet<Clause> =
        library.iter().flat_map(|loaded| loaded.scenario.clauses.iter().copied()).collect();
    CLAUSES
        .iter()
        .filter(|row| named.contains(&row.clause) == excuse(row.clause).is_some())
        .map(|row| row.id)
        .collect()
}
