//! Other processes: the program that hands a statement over, which is waited for, or lost; and
//! a secondary client, which is this program again, with the rest of the plan.

use std::process::{Command, Stdio};

use vdi_trace::Statement;

use super::client::Client;
use super::not_played::NotPlayed;
use super::recording::locked;
use crate::plan::{PRINTED, Plan};
use crate::scenario::dies;
use crate::steps::{Asked, Step};

/// The word behind which this program is one process of a probe.
pub const PROCESS: &str = "probe-process";

impl Client {
    /// Hands the statement over.
    pub(super) fn issue(&self, asked: &Asked) -> Result<(), NotPlayed> {
        locked(&self.names).begin_statement(asked.verb);
        let text = self.plan.names.statement(asked);
        self.recording.statement(Statement::Issued, Some(asked.devices.into()));
        let printed = self.plan.folder.join(PRINTED);
        let begun = self.plan.sql.begin(&text, &printed).map_err(|error| {
            NotPlayed::NotStarted(format!("{}: {error}", self.plan.sql.program()))
        })?;
        *locked(&self.statement) = Some(begun);
        Ok(())
    }

    /// Whether there is none any more: no configuration will come of it.
    pub(super) fn statement_ended(&self) -> bool {
        let mut statement = locked(&self.statement);
        statement.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Waits for its end, if there is one that has not ended.
    pub(super) fn end_statement(&self) -> Result<(), NotPlayed> {
        let Some(mut child) = locked(&self.statement).take() else { return Ok(()) };
        let status = child.wait()?;
        let statement = if status.success() { Statement::Succeeded } else { Statement::Failed };
        self.recording.statement(statement, None);
        Ok(())
    }

    /// Whoever has handed it over is killed.
    pub(super) fn cancel(&self) -> Result<(), NotPlayed> {
        let Some(mut child) = locked(&self.statement).take() else { return Ok(()) };
        // It may have ended at this moment.
        let _ = child.kill();
        child.wait()?;
        self.recording.statement(Statement::Failed, None);
        Ok(())
    }

    /// Lets another process take these steps, and waits for its end.
    pub(super) fn secondary(&self, number: u8, steps: &[Step]) -> Result<(), NotPlayed> {
        let handle = locked(&self.handle).clone();
        let dies = dies(steps);
        let (secondary, steps) = (number, steps.to_vec());
        let plan = Plan { secondary, steps, handle, ..self.plan.clone() };
        let failed =
            |error: std::io::Error| NotPlayed::NotStarted(format!("a second process: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut child =
            Command::new(program).arg(PROCESS).stdin(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(input) = child.stdin.take() {
            serde_json::to_writer(input, &plan).map_err(|error| failed(error.into()))?;
        }
        let ended = child.wait().map_err(failed)?;
        match ended.code() {
            Some(0) => Ok(()),
            Some(code) => Err(NotPlayed::NotStarted(format!("the second process failed ({code})"))),
            None if dies => Ok(()),
            None => Err(NotPlayed::Crashed(ended.to_string())),
        }
    }
}
