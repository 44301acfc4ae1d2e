//! Where generated scenarios are.

use crate::scenario::{Library, Scenario};

/// The folder of generated scenarios.
pub const FOLDER: &str = "generated";

/// The scenarios of a library that were not generated.
#[must_use]
pub fn hand_written(library: &Library) -> Vec<&Scenario> {
    let prefix = format!("{FOLDER}/");
    let all = library.iter().map(|loaded| &loaded.scenario);
    all.filter(|scenario| !scenario.id.starts_with(&prefix)).collect()
}
