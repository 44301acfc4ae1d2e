//! Campaigns: many seeded worlds, on several threads, in ranges and shards, with our client
//! or with a program in its place.
//!
//! Read first: [`CampaignConfig`] says how worlds are run, [`Runner`] runs them, and
//! [`ClientProgram`] is a program in the place of our client.

mod adapter;
mod client;
mod hunt;
pub mod messages;
mod seeds;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use vdi_check::guarded;
use vdi_simulate::{
    Backend, Campaign, Deviation, Faults, ModelBackend, Options, Outcome, Problem, Watch,
    options_of, simulate_on, simulate_with_on,
};
use vdi_spec::clauses::Profile;

pub use adapter::{Adapter, AdapterProgram};
pub use client::{Client, ClientProgram};
pub use hunt::{WorldKill, hunt};
pub use seeds::{Seeds, Shard, Share};

use vdi_reference::Mutant;
use vdi_suite::adapter::{NotGreeted, simulated_reference, simulated_runtime};

/// What a world runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// The model, which does anything the documents allow.
    Model,
    /// The runtime.
    Runtime,
    /// The reference implementation, whole or a mutant of it.
    Reference(Option<Mutant>),
    /// Any implementation behind [`CampaignConfig::adapter`].
    Adapter,
}

impl BackendKind {
    /// Its name, as traces have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "vdi-model",
            Self::Runtime => "vdi-runtime",
            Self::Reference(_) => "vdi-plain",
            Self::Adapter => "adapter",
        }
    }
}

/// How worlds are run.
#[derive(Clone, Debug)]
pub struct CampaignConfig {
    /// What they run on.
    pub backend: BackendKind,
    /// The readings they are judged by.
    pub profile: Profile,
    /// Options that are not drawn, by their names in JSON, nested by dots.
    pub overrides: Vec<(String, Value)>,
    /// Whether a campaign keeps the traces, for the sum of their hashes.
    pub digest: bool,
    /// A program in the place of our client.
    pub client: Option<ClientProgram>,
    /// An adapter in the place of our implementations; nothing without
    /// [`BackendKind::Adapter`].
    pub adapter: Option<AdapterProgram>,
}

/// Why worlds cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRun {
    /// An option does not exist, or cannot have that value.
    #[error("{0}")]
    Option(String),
    /// The client program cannot be started.
    #[error("{0}")]
    Client(NotGreeted),
    /// The adapter cannot be started.
    #[error("{0}")]
    Adapter(NotGreeted),
}

impl From<Unfit> for CannotRun {
    fn from(unfit: Unfit) -> Self {
        Self::Option(unfit.to_string())
    }
}

/// Why there is no world with such options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not for any seed.
    #[error("{0}")]
    Ever(String),
    /// Not together with what this seed draws.
    #[error("seed {0}: {1}")]
    Here(u64, String),
}

/// Runs worlds, one after the other.
#[derive(Debug)]
pub struct Runner<'a> {
    config: &'a CampaignConfig,
    client: Option<Client>,
    adapter: Option<Adapter>,
}

impl Runner<'_> {
    /// What the worlds run on, as traces have it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.adapter.as_ref().map_or(self.config.backend.name(), Adapter::name)
    }

    /// The options of a seed: drawn, limited to what the client program can live with, and
    /// overruled.
    ///
    /// # Errors
    /// An option does not exist, or cannot have that value.
    pub fn options(&self, seed: u64) -> Result<Options, Unfit> {
        let mut wanted = self.adapter.as_ref().map(Adapter::options).unwrap_or_default();
        let Some(client) = &self.client else {
            return self.config.fitted(seed, &wanted);
        };
        wanted.extend(client.hello().options.clone());
        let options = self.config.fitted(seed, &wanted)?;
        let options = options.for_application(options.arrangement);
        let why = "with a program in the place of ours";
        self.config.check_overruled(&options, why).map_err(Unfit::Ever)?;
        Ok(options)
    }

    /// Runs the world of a seed with these options.
    #[must_use]
    pub fn run(&mut self, seed: u64, options: &Options, watch: Watch) -> Outcome {
        guarded(|| self.world(seed, options, watch)).unwrap_or_else(|what| {
            // Where its programs stand is not known any more.
            self.client.iter_mut().for_each(Client::forget);
            Outcome::our_fault(seed, options, what)
        })
    }

    fn world(&mut self, seed: u64, options: &Options, watch: Watch) -> Outcome {
        let Self { config, client, adapter } = self;
        let CampaignConfig { backend, profile, .. } = *config;
        let (client, name) = (client.as_mut(), backend.name());
        let world = World { client, seed, options, profile, watch };
        match (*backend, adapter) {
            (BackendKind::Runtime, _) => world.on(&mut simulated_runtime(options), name),
            (BackendKind::Reference(defect), _) => {
                world.on(&mut simulated_reference(options, defect), name)
            }
            (BackendKind::Adapter, Some(adapter)) => {
                let name = adapter.name().to_owned();
                adapter.run(seed, |backend| world.on(backend, &name))
            }
            (BackendKind::Model | BackendKind::Adapter, _) => {
                world.on(&mut ModelBackend::new(profile.clone()), name)
            }
        }
    }
}

/// A world that is about to run.
struct World<'w> {
    client: Option<&'w mut Client>,
    seed: u64,
    options: &'w Options,
    profile: &'w Profile,
    watch: Watch,
}

impl World<'_> {
    fn on(self, backend: &mut impl Backend, name: &str) -> Outcome {
        let Self { client, seed, options, profile, watch } = self;
        match client {
            None => simulate_on(backend, name, seed, options, profile, watch),
            Some(client) => {
                client.begin(seed);
                simulate_with_on(backend, name, client, seed, options, profile, watch)
            }
        }
    }
}

impl CampaignConfig {
    /// Worlds as they are drawn, on the model, with our client, judged by the default readings.
    #[must_use]
    pub fn on_model() -> Self {
        Self {
            backend: BackendKind::Model,
            profile: Profile::default(),
            overrides: Vec::new(),
            digest: false,
            client: None,
            adapter: None,
        }
    }

    /// The options of a seed: drawn, and overruled.
    ///
    /// # Errors
    /// An option does not exist, or cannot have that value.
    pub fn options(&self, seed: u64) -> Result<Options, Unfit> {
        self.fitted(seed, &BTreeMap::new())
    }

    /// The options of a seed: drawn, made to be what a client program wants, and overruled.
    fn fitted(&self, seed: u64, wanted: &BTreeMap<String, Value>) -> Result<Options, Unfit> {
        let mut drawn = options_of(seed);
        if self.backend != BackendKind::Model {
            // Nobody makes the operating system refuse anything to an implementation.
            drawn.faults.system = 0;
        }
        if let Some(deviation) = self.deviation() {
            // As where it is drawn: a client that deviates meets nothing else that goes wrong.
            (drawn.faults, drawn.odd_calls) = (Faults::default(), 0);
            drawn.deviate(deviation);
        }
        if self.overrides.is_empty() && wanted.is_empty() {
            return Ok(drawn);
        }
        let mut options = self.overruled(seed, &drawn, wanted).map_err(Unfit::Ever)?;
        let here = |why| Unfit::Here(seed, why);
        options.settle();
        options.check().map_err(here)?;
        let why = "with the other options of this seed";
        self.check_overruled(&options, why).map_err(here)?;
        self.check_effect(&options).map_err(here)?;
        self.check_fit(&options, wanted).map_err(here)?;
        Ok(options)
    }

    fn overruled(
        &self,
        seed: u64,
        drawn: &Options,
        wanted: &BTreeMap<String, Value>,
    ) -> Result<Options, String> {
        let mut value = serde_json::to_value(drawn).map_err(|error| error.to_string())?;
        for (path, wanted) in wanted {
            let place = option(&mut value, path)?;
            *place = fitting(seed, place, wanted)
                .ok_or_else(|| format!("the program outside wants no value at all of `{path}`"))?;
        }
        for (path, given) in &self.overrides {
            *option(&mut value, path)? = given.clone();
        }
        serde_json::from_value(value).map_err(|error| {
            let overruled = self.overrides.iter().map(|(path, _)| path.as_str());
            let names: Vec<&str> = overruled.chain(wanted.keys().map(String::as_str)).collect();
            format!("{}: {error}", names.join(", "))
        })
    }

    /// The deviation that was asked for.
    fn deviation(&self) -> Option<Deviation> {
        let (_, asked) = self.overrides.iter().find(|(path, _)| path == "deviation")?;
        asked.as_str()?.parse().ok()
    }

    /// Whether what was asked for can come to anything.
    fn check_effect(&self, options: &Options) -> Result<(), String> {
        let system = options.faults.system;
        if self.backend != BackendKind::Model && system > 0 {
            return Err(format!(
                "`faults.system` cannot be {system} on an implementation: it is never refused \
                 what it asks of the operating system"
            ));
        }
        let lacks = differences(options, &options.prepared());
        let lacks: Vec<_> = lacks.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // With a program in the place of our client there is none that deviates.
        match options.deviation.filter(|_| self.client.is_none()) {
            Some(deviation) if !lacks.is_empty() => {
                Err(format!("`deviation` cannot be {deviation} without {}", lacks.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Whether what was overruled is still as it was asked for.
    fn check_overruled(&self, options: &Options, why: &str) -> Result<(), String> {
        let mut value = serde_json::to_value(options).map_err(|error| error.to_string())?;
        for (path, given) in &self.overrides {
            let place = option(&mut value, path)?;
            if !is_so(place, given) {
                return Err(format!("`{path}` cannot be {given} {why}: it would be {place}"));
            }
        }
        Ok(())
    }

    /// Whether a client program still has what it wants, but for what was overruled.
    fn check_fit(&self, options: &Options, wanted: &BTreeMap<String, Value>) -> Result<(), String> {
        let mut value = serde_json::to_value(options).map_err(|error| error.to_string())?;
        let overruled = |path: &str| self.overrides.iter().any(|(known, _)| known == path);
        for (path, wanted) in wanted.iter().filter(|(path, _)| !overruled(path)) {
            let place = option(&mut value, path)?;
            let fits = match wanted {
                Value::Array(all) => all.contains(place),
                one => is_so(place, one),
            };
            if !fits {
                return Err(format!(
                    "the program outside wants `{path}` to be {wanted}, which does not go with \
                     the other options: it would be {place}"
                ));
            }
        }
        Ok(())
    }

    /// Starts the client program and the adapter, if there are any.
    ///
    /// # Errors
    /// One cannot be started, does not greet as its protocol says, or offers too little.
    pub fn runner(&self) -> Result<Runner<'_>, CannotRun> {
        let client = self.client.as_ref().map(ClientProgram::start).transpose();
        let client = client.map_err(CannotRun::Client)?;
        let adapter = self.adapter.as_ref().map(AdapterProgram::start).transpose();
        Ok(Runner { config: self, client, adapter: adapter.map_err(CannotRun::Adapter)? })
    }

    /// Runs the world of a seed with these options, with our client, on our implementations.
    #[must_use]
    pub fn run(&self, seed: u64, options: &Options, watch: Watch) -> Outcome {
        Runner { config: self, client: None, adapter: None }.run(seed, options, watch)
    }

    /// Runs the worlds of many seeds, `jobs` at a time. `stop` ends it early; `done` hears
    /// of every world that has ended. The result does not depend on the number of jobs.
    ///
    /// # Errors
    /// An option does not exist, or cannot have that value; the client program cannot be
    /// started.
    pub fn campaign(
        &self,
        name: &str,
        share: Share,
        jobs: usize,
        stop: &AtomicBool,
        done: &(dyn Fn(&Outcome) + Sync),
    ) -> Result<Campaign, CannotRun> {
        const MANY: usize = 1_000;
        let runner = self.runner()?;
        let Share { seeds, shard } = share;
        let mut all = (0..).map_while(|place| shard.seed(seeds, place));
        match all.next().map(|first| runner.options(first)) {
            None => {
                let why = format!("shard {shard} of the seeds {seeds} holds no seed");
                return Err(CannotRun::Option(why));
            }
            // Some seeds may do, if not the first.
            Some(Err(Unfit::Here(..))) if all.take(MANY).any(|s| runner.options(s).is_ok()) => {}
            Some(fits) => drop(fits?),
        }
        let told = vec![format!("{seeds} {shard}")];
        let (engine, name) = (runner.name().to_owned(), name.to_owned());
        drop(runner);
        let empty = |told| Campaign::new(&engine, &name, told);
        let whole = Mutex::new(empty(told));
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                scope.spawn(|| {
                    let part = self.part(empty(Vec::new()), share, &next, stop, done);
                    whole.lock().unwrap_or_else(PoisonError::into_inner).join(part);
                });
            }
        });
        Ok(whole.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn part(
        &self,
        mut part: Campaign,
        share: Share,
        next: &AtomicU64,
        stop: &AtomicBool,
        done: &(dyn Fn(&Outcome) + Sync),
    ) -> Campaign {
        const CHUNK: u64 = 16;
        let watch = Watch { judge: true, keep: self.digest };
        let Ok(mut runner) = self.runner() else {
            part.interrupted = true;
            return part;
        };
        loop {
            let first = next.fetch_add(CHUNK, Ordering::SeqCst);
            for index in first..first + CHUNK {
                let Some(seed) = share.shard.seed(share.seeds, index) else {
                    return part;
                };
                if stop.load(Ordering::SeqCst) {
                    part.interrupted = true;
                    return part;
                }
                let Ok(options) = runner.options(seed) else {
                    part.left_out += 1;
                    continue;
                };
                let outcome = runner.run(seed, &options, watch);
                // Whoever stops us by Ctrl-C stops the programs, too.
                let broken = |problem: &Problem| {
                    matches!(problem, Problem::Broken { .. } | Problem::Adapter { .. })
                };
                if stop.load(Ordering::SeqCst) && outcome.problems.iter().any(broken) {
                    part.interrupted = true;
                    return part;
                }
                part.add(&outcome, &self.profile);
                done(&outcome);
            }
        }
    }
}

/// The options that differ from others, such as those that the seed draws, by name.
#[must_use]
pub fn differences(from: &Options, options: &Options) -> Vec<(String, Value)> {
    let value = |options: &Options| serde_json::to_value(options).unwrap_or_default();
    let (from, own) = (value(from), value(options));
    let mut found = Vec::new();
    for (key, value) in own.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) => {
                let changed = inner.iter().filter(|(name, given)| from[key][name] != **given);
                found.extend(changed.map(|(name, given)| (format!("{key}.{name}"), given.clone())));
            }
            None if from[key] != *value => found.push((key.clone(), value.clone())),
            None => {}
        }
    }
    found
}

/// The place of an option among all, by its name, nested by dots.
fn option<'v>(options: &'v mut Value, path: &str) -> Result<&'v mut Value, String> {
    options
        .pointer_mut(&format!("/{}", path.replace('.', "/")))
        .ok_or_else(|| format!("there is no option `{path}` (see `vdi simulate --list-options`)"))
}

/// Whether an option is as it was asked for: of several, those that were named.
fn is_so(option: &Value, asked: &Value) -> bool {
    match asked {
        Value::Object(all) => all.iter().all(|(name, one)| option.get(name) == Some(one)),
        one => one == option,
    }
}

/// What was drawn, if it is one of those wanted, or else one that the seed picks.
fn fitting(seed: u64, drawn: &Value, wanted: &Value) -> Option<Value> {
    let Value::Array(all) = wanted else {
        return Some(wanted.clone());
    };
    if all.contains(drawn) {
        return Some(drawn.clone());
    }
    all.get((seed % all.len().max(1) as u64) as usize).cloned()
}
