//! Steps that are done as often as a queue takes commands.

use std::borrow::Cow;

use super::{Scenario, Step};

/// How many commands a queue takes where no implementation says so: in lists, and where
/// scenario and model are compared.
pub const SHOWN_DEPTH: u32 = 4;

/// The steps, each as often as it is done if a queue takes so many commands.
pub(super) fn repeated(steps: &[Step], depth: u32) -> impl Iterator<Item = Step> + '_ {
    let copies = move |step: &Step| match step.times {
        None => vec![step.clone()],
        Some(super::Times::QueueDepth) => {
            (1..=depth).map(|number| numbered(step, number)).collect()
        }
    };
    steps.iter().flat_map(copies)
}

/// The step of that number.
fn numbered(step: &Step, number: u32) -> Step {
    let once = Step { times: None, ..step.clone() };
    let text = serde_json::to_string(&once).expect("a step serialises");
    let text = text.replace('#', &number.to_string());
    serde_json::from_str(&text).expect("a step that differs in a name")
}

impl Scenario {
    /// Whether its steps depend on how many commands a queue takes.
    #[must_use]
    pub fn needs_depth(&self) -> bool {
        self.steps.iter().any(|step| step.times.is_some())
    }

    /// What it is if a queue takes so many commands; nothing, if that is not known and it
    /// depends on it.
    #[must_use]
    pub fn at_depth(&self, depth: Option<u32>) -> Option<Cow<'_, Self>> {
        if !self.needs_depth() {
            return Some(Cow::Borrowed(self));
        }
        let steps = repeated(&self.steps, depth?).collect();
        Some(Cow::Owned(Self { steps, ..self.clone() }))
    }
}
