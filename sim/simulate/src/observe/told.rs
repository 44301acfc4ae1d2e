//! A world in words.

use std::fmt::{self, Write};

use serde_json::Value;

use super::outcome::Outcome;
use crate::faults::injected::Fault;

/// What `vdi simulate --seed` prints of it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        let options = serde_json::to_value(self.options).map_err(|_| fmt::Error)?;
        for (key, value) in options.as_object().into_iter().flatten() {
            match value.as_object() {
                None => writeln!(f, "  {key:20} {}", bare(value))?,
                Some(inner) => {
                    for (name, value) in inner.iter().filter(|(name, value)| matters(name, value)) {
                        writeln!(f, "  {:20} {}", format!("{key}.{name}"), bare(value))?;
                    }
                }
            }
        }
        let counts = &self.counts;
        writeln!(f, "BACKUP {} · RESTORE {}", self.backup, self.restore)?;
        writeln!(f, "{}", self.ending())?;
        let injected: Vec<_> = self.interference.injected.iter().map(Fault::name).collect();
        if !injected.is_empty() {
            writeln!(f, "what struck: {}", injected.join(", "))?;
        }
        writeln!(
            f,
            "{} calls · {} commands · {} steps · {} ms of virtual time",
            counts.calls, counts.commands, counts.steps, counts.milliseconds
        )?;
        if let Some(deviation) = self.options.deviation {
            writeln!(f, "the client deviates ({}): {}", deviation.number(), deviation.text())?;
            self.shown.iter().try_for_each(|shown| writeln!(f, "  shown   {shown}"))?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "PROBLEM   {problem}"))
    }
}

impl Outcome {
    /// For tests: panics with what `vdi simulate --seed` prints, and with the end of the trace if
    /// that was kept, unless everything was as it should be.
    ///
    /// # Panics
    /// In every other case.
    #[track_caller]
    pub fn assert_good(&self) {
        if !self.is_good() {
            panic!("\n{}{self}", self.last_events());
        }
    }

    /// The last events, as `vdi replay` prints them.
    fn last_events(&self) -> String {
        const SHOWN: usize = 30;
        let mut text = String::new();
        let Some(trace) = self.log.as_ref().map(super::observer::Log::to_trace) else {
            return text;
        };
        let skipped = trace.events.len().saturating_sub(SHOWN);
        for event in &trace.events[skipped..] {
            let _ = writeln!(text, "{:4}  {event}", event.seq().unwrap_or_default());
        }
        text
    }
}

/// Whether a fault was drawn: what comes at a step may come at step 0.
fn matters(name: &str, value: &Value) -> bool {
    let never = matches!(value, Value::Null | Value::Bool(false));
    !never && (name.ends_with("At") || value.as_u64() != Some(0))
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
