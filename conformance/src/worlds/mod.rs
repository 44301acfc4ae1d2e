//! Campaigns: many seeded worlds, on several threads, in ranges and shards.

mod hunt;
mod seeds;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use vdi_sim::clauses::Profile;
use vdi_sim::simulate::{
    Campaign, Engine, OnModel, Options, Outcome, Watch, options_of, simulate_on,
};

pub use hunt::{UNSEEN, WorldKill, hunt, unseen};
pub use seeds::{Seeds, Shard};

use crate::adapter::{simulated_plain, simulated_runtime};
use crate::plain::Defect;

/// What a world runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The model, which does anything the documents allow.
    Model,
    /// The runtime.
    Runtime,
    /// The plain implementation, whole or with a seeded defect.
    Plain(Option<Defect>),
}

impl Ground {
    /// Its name, as traces have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "vdi-model",
            Self::Runtime => "vdi-runtime",
            Self::Plain(_) => "vdi-plain",
        }
    }
}

/// How worlds are run.
#[derive(Clone, Debug)]
pub struct Worlds {
    /// On what.
    pub ground: Ground,
    /// The readings they are judged by.
    pub profile: Profile,
    /// Options that are not drawn, by their names in JSON, nested by dots.
    pub overrides: Vec<(String, Value)>,
    /// Whether a campaign keeps the traces, for the sum of their hashes.
    pub digest: bool,
}

impl Worlds {
    /// The options of a seed: drawn, and overruled.
    ///
    /// # Errors
    /// An option does not exist, or cannot have that value.
    pub fn options(&self, seed: u64) -> Result<Options, String> {
        let drawn = options_of(seed);
        if self.overrides.is_empty() {
            return Ok(drawn);
        }
        let mut value = serde_json::to_value(drawn).map_err(|error| error.to_string())?;
        for (path, given) in &self.overrides {
            let pointer = format!("/{}", path.replace('.', "/"));
            let place = value
                .pointer_mut(&pointer)
                .ok_or_else(|| format!("there is no option `{path}`: see what a seed prints"))?;
            *place = given.clone();
        }
        let mut options: Options = serde_json::from_value(value).map_err(|error| {
            let names: Vec<&str> = self.overrides.iter().map(|(path, _)| path.as_str()).collect();
            format!("{}: {error}", names.join(", "))
        })?;
        options.settle();
        Ok(options)
    }

    /// Runs the world of a seed with these options.
    #[must_use]
    pub fn run(&self, seed: u64, options: &Options, watch: Watch) -> Outcome {
        match self.ground {
            Ground::Model => {
                self.run_on(&mut OnModel::new(self.profile.clone()), seed, options, watch)
            }
            Ground::Runtime => self.run_on(&mut simulated_runtime(options), seed, options, watch),
            Ground::Plain(defect) => {
                self.run_on(&mut simulated_plain(options, defect), seed, options, watch)
            }
        }
    }

    fn run_on(
        &self,
        engine: &mut impl Engine,
        seed: u64,
        options: &Options,
        watch: Watch,
    ) -> Outcome {
        simulate_on(engine, self.ground.name(), seed, options, &self.profile, watch)
    }

    /// Runs the worlds of many seeds, `jobs` at a time. `stop` ends it early; `done` hears
    /// of every world that has ended. The result does not depend on the number of jobs.
    ///
    /// # Errors
    /// An option does not exist, or cannot have that value.
    pub fn campaign(
        &self,
        name: &str,
        (seeds, shard, jobs): (Seeds, Shard, usize),
        stop: &AtomicBool,
        done: &(dyn Fn(&Outcome) + Sync),
    ) -> Result<Campaign, String> {
        self.options(seeds.from)?;
        let told = vec![format!("{seeds} {shard}")];
        let whole = Mutex::new(Campaign::new(self.ground.name(), name, told));
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                scope.spawn(|| {
                    let part = self.part(name, (seeds, shard), (&next, stop), done);
                    whole.lock().unwrap_or_else(PoisonError::into_inner).join(part);
                });
            }
        });
        Ok(whole.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn part(
        &self,
        name: &str,
        (seeds, shard): (Seeds, Shard),
        (next, stop): (&AtomicU64, &AtomicBool),
        done: &(dyn Fn(&Outcome) + Sync),
    ) -> Campaign {
        const CHUNK: u64 = 16;
        let mut part = Campaign::new(self.ground.name(), name, Vec::new());
        let watch = Watch { judge: true, keep: self.digest };
        loop {
            let first = next.fetch_add(CHUNK, Ordering::SeqCst);
            for index in first..first + CHUNK {
                let Some(seed) = shard.seed(seeds, index) else {
                    return part;
                };
                if stop.load(Ordering::SeqCst) {
                    part.interrupted = true;
                    return part;
                }
                let Ok(options) = self.options(seed) else {
                    continue;
                };
                let outcome = self.run(seed, &options, watch);
                part.add(&outcome, &self.profile);
                done(&outcome);
            }
        }
    }
}
