//! A scenario while it is put together.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::folder::FOLDER;
use super::super::ways::complete;
use crate::scenario::{Scenario, Step};

/// A scenario while it is put together.
pub(super) struct Story(Scenario);

/// Begins a scenario: its name below the folder of generated ones, what it shows, and the
/// clauses that it exercises.
pub(super) fn story(name: &str, title: &str, clauses: &[&str]) -> Story {
    let up = "../".repeat(name.matches('/').count() + 1);
    let clauses = clauses.iter().map(|id| id.parse().expect("a clause of the catalogue"));
    Story(Scenario {
        schema: Some(format!("{up}schema/scenario.v1.json")),
        id: format!("{FOLDER}/{name}"),
        title: title.to_owned(),
        clauses: clauses.collect(),
        parties: Vec::new(),
        misuse: Vec::new(),
        misuse_under: BTreeMap::new(),
        unpinned: false,
        records: Vec::new(),
        interfaces: BTreeMap::new(),
        config: None,
        given: None,
        steps: Vec::new(),
    })
}

impl Story {
    /// The situation in which its steps begin.
    pub(super) fn given(mut self, given: Value) -> Self {
        self.0.given = Some(serde_json::from_value(given).expect("a situation"));
        self
    }

    /// Set interfaces besides those that there are from the start.
    pub(super) fn interfaces(mut self, interfaces: Value) -> Self {
        self.0.interfaces = serde_json::from_value(interfaces).expect("interfaces");
        self
    }

    /// What the client asks for, beyond the number of devices.
    pub(super) fn config(mut self, config: Value) -> Self {
        self.0.config = Some(serde_json::from_value(config).expect("a configuration"));
        self
    }

    /// One more step.
    pub(super) fn step(self, step: Value) -> Self {
        self.steps([step])
    }

    /// More steps.
    pub(super) fn steps(mut self, steps: impl IntoIterator<Item = Value>) -> Self {
        for step in steps {
            let read: Result<Step, _> = serde_json::from_value(step.clone());
            self.0.steps.push(read.unwrap_or_else(|error| panic!("{step}: {error}")));
        }
        self
    }

    /// The scenario.
    pub(super) fn written(self) -> Scenario {
        let mut scenario = self.0;
        complete(&mut scenario);
        scenario
    }
}
