//! Oracle and scenario contradict each other.

use serde::Serialize;

/// The two descriptions of one expectation contradict each other: a person
/// decides by the documents which is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// What the oracle says.
    pub oracle: String,
    /// What the scenario says.
    pub scenario: String,
    /// The step, counted from 1; 0 in the situation.
    pub step: usize,
}
