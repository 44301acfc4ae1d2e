//! How a library is put to the test, and what came of a scenario.

use std::path::{Path, PathBuf};
use std::time::Duration;

use vdi_spec::clauses::Profile;
use vdi_suite::run::{ScenarioResult, Verdict};
use vdi_trace::Trace;

use crate::plan::Observed;
use crate::scenario::Scenario;
use crate::sql::{DatabasePrefix, Sql};

/// How a library is put to the test.
#[derive(Debug)]
pub struct Probe {
    /// The client library.
    pub library: PathBuf,
    /// How statements reach the server.
    pub sql: Sql,
    /// What the names of its databases begin with.
    pub prefix: DatabasePrefix,
    /// What tells the names of this run from those of another.
    pub run: String,
    /// The program `vdi`, which plays the clients.
    pub vdi: PathBuf,
    /// How long a scenario may take.
    pub timeout: Duration,
    /// The readings to judge by.
    pub profile: Profile,
}

/// Why nothing could be tried at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStarted(pub String);

impl NotStarted {
    pub(crate) fn at(path: &Path, error: &dyn std::fmt::Display) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It was killed when its time was over.
    Hung,
}

/// What came of a scenario.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) end: End,
    pub(crate) trace: Trace,
    pub(crate) observed: Vec<Observed>,
    /// What statements have printed.
    pub(crate) printed: String,
    /// What the process has said.
    pub(crate) said: String,
    /// The statement went on when the client was gone.
    pub(crate) left: bool,
}

impl Probe {
    /// Every statement that the scenarios hand to the server, in their order.
    #[must_use]
    pub fn statements(&self, scenarios: &[&Scenario]) -> Vec<String> {
        let of = |(number, scenario): (usize, &&Scenario)| {
            let names = self.prefix.names(&self.run, number);
            let mut all = Vec::new();
            if scenario.has_statement() {
                all.push(names.creation());
                all.extend(scenario.asked().iter().map(|asked| names.statement(asked)));
                all.push(names.removal());
            }
            all
        };
        scenarios.iter().enumerate().flat_map(of).collect()
    }

    pub(crate) fn result(scenario: &Scenario, verdict: Verdict) -> ScenarioResult {
        ScenarioResult::of(&scenario.id, &scenario.title, scenario.clauses.clone(), verdict)
    }
}
