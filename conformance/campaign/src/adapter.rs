//! An adapter in the place of our implementations: a child process that speaks the adapter
//! protocol, in one world after the other.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use vdi_simulate::{Outcome, Problem};
use vdi_suite::adapter::{
    Adapter as _, Connection, Limits, NotGreeted, SimulatedAdapter, Stdio, Trouble,
    lacks_for_worlds,
};

/// A command that starts an adapter.
#[derive(Clone, Debug)]
pub struct AdapterProgram {
    stdio: Stdio,
    limits: Limits,
}

impl AdapterProgram {
    /// An adapter started by this command line, split as a shell would.
    ///
    /// # Errors
    /// The command line is empty or has an open quotation.
    pub fn new(command: &str, limits: Limits) -> Result<Self, Trouble> {
        Ok(Self { stdio: Stdio::new(command)?, limits })
    }

    /// Starts it and exchanges greetings.
    ///
    /// # Errors
    /// It cannot be started, does not greet as the protocol says, or does not offer what
    /// worlds need.
    pub fn start(&self) -> Result<Adapter, NotGreeted> {
        let connection = self.connect()?;
        let hello = connection.hello();
        if let Some(lack) = lacks_for_worlds(hello) {
            return Err(Trouble::NotStarted(format!("it {lack}")).into());
        }
        let (name, depth) = (hello.implementation.name.clone(), hello.declares.queue_depth);
        Ok(Adapter { program: self.clone(), connection: Some(connection), name, depth })
    }

    fn connect(&self) -> Result<Box<dyn Connection>, NotGreeted> {
        self.stdio.connect(self.limits)
    }
}

/// An adapter that runs, in one world after the other.
pub struct Adapter {
    program: AdapterProgram,
    /// `None` once it could not go on, until the next world.
    connection: Option<Box<dyn Connection>>,
    name: String,
    depth: Option<u32>,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Adapter {
    /// What its implementation is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The options of any world on it: its queue is as deep as it declares, and nobody makes
    /// memory scarce for it.
    pub(crate) fn options(&self) -> BTreeMap<String, Value> {
        let depth = self.depth.map(|depth| ("queueDepth".to_owned(), json!(depth)));
        depth.into_iter().chain([("faults.memory".to_owned(), json!(0))]).collect()
    }

    /// Runs a world on it.
    pub(crate) fn run(
        &mut self,
        seed: u64,
        world: impl FnOnce(&mut SimulatedAdapter) -> Outcome,
    ) -> Outcome {
        let connection = self.connection.take().map_or_else(|| self.program.connect(), Ok);
        let connection = connection.map_err(|failed| failed.trouble);
        let mut backend = SimulatedAdapter::begin(connection, self.program.limits, seed);
        let mut outcome = world(&mut backend);
        match backend.finish() {
            Ok(connection) => self.connection = Some(connection),
            Err(trouble) => {
                // Whatever else should not be follows from it: a verdict ends the world, and
                // nothing more is asked of the adapter.
                outcome.problems = vec![Problem::Adapter { what: trouble.to_string() }];
            }
        }
        outcome
    }
}
