//! `vdi simulate`, `vdi merge`: seeded worlds, one by one or in campaigns.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use vdi_check::{Checker, check_trace_with, exit_code};
use vdi_html::{Case, Drawing, Page};
use vdi_simulate::{Fault, Outcome, Problem, Watch, shrink};
use vdi_spec::clauses::Profile;

use super::args::{CheckFormat, GroundArg, HowArgs, SeedArgs, SimulateArgs, Target};
use super::campaign;
use super::failure::Failure;
use super::input::profile;
use super::options;
use super::output::{OptionWords, pretty, write};
use super::pages;
use super::run::defect_named;
use super::worlds::{again, exit_code_of};
use vdi_campaign::{
    AdapterProgram, BackendKind, CampaignConfig, CannotRun, ClientProgram, Runner, Unfit,
    differences,
};
use vdi_suite::adapter::{Limits, NotGreeted, Trouble};

impl HowArgs {
    /// Those of a command that drives scenarios, too.
    pub(super) fn of(target: &Target, seed: &SeedArgs) -> Result<Self, Failure> {
        if target.reference || target.processes {
            let why = "a world runs on the model, the runtime, the reference implementation or \
                       an adapter: --on says on which, or --adapter";
            return Err(Failure::Usage(why.to_owned()));
        }
        if target.scenarios.is_some() || target.strict {
            let why = "--scenarios and --strict are of scenarios, and not of the world of a seed";
            return Err(Failure::Usage(why.to_owned()));
        }
        Ok(Self {
            on: seed.on,
            defect: target.defect.clone(),
            client: seed.client.clone(),
            adapter: target.adapter.clone(),
            timeout: target.timeout,
            set: seed.set.clone(),
            profile: target.profile.clone(),
            readings: seed.readings.clone(),
        })
    }

    pub(super) fn worlds(&self) -> Result<CampaignConfig, Failure> {
        let defect = self.defect.as_deref().map(defect_named).transpose()?;
        let backend = match self.on {
            _ if self.adapter.is_some() => BackendKind::Adapter,
            GroundArg::Reference => BackendKind::Reference(defect),
            _ if defect.is_some() => {
                let why = "--defect is of the reference implementation: --on reference";
                return Err(Failure::Usage(why.to_owned()));
            }
            GroundArg::Model => BackendKind::Model,
            GroundArg::Runtime => BackendKind::Runtime,
        };
        let mut profile = profile(&self.profile)?;
        self.readings.iter().for_each(|reading| profile.choose(*reading));
        let limits = Limits { timeout: Duration::from_secs_f64(self.timeout), ..Limits::default() };
        let usage = |error: Trouble| Failure::Usage(error.to_string());
        let client = self.client.as_ref().map(|command| ClientProgram::new(command, limits));
        let adapter = self.adapter.as_ref().map(|command| AdapterProgram::new(command, limits));
        Ok(CampaignConfig {
            backend,
            profile,
            overrides: self.set.clone(),
            digest: false,
            client: client.transpose().map_err(usage)?,
            adapter: adapter.transpose().map_err(usage)?,
        })
    }

    /// What runs the worlds, one after the other.
    fn runner<'a>(&self, worlds: &'a CampaignConfig) -> Result<Runner<'a>, Failure> {
        worlds.runner().map_err(|cannot| self.cannot(cannot))
    }

    /// Why worlds cannot be run, as a failure.
    pub(super) fn cannot(&self, cannot: CannotRun) -> Failure {
        let named = |option: &str, command: Option<&String>, failed: NotGreeted| {
            let command = command.map(String::as_str).unwrap_or_default();
            Failure::Unavailable(format!("{option} {command}: it {failed}"))
        };
        match cannot {
            CannotRun::Option(why) => Failure::Usage(why),
            CannotRun::Client(failed) => named("--client", self.client.as_ref(), failed),
            CannotRun::Adapter(failed) => named("--adapter", self.adapter.as_ref(), failed),
        }
    }

    /// The readings, as they are named.
    pub(super) fn judged_by(&self) -> String {
        let readings = self.readings.iter().map(|reading| format!(" {reading}"));
        self.profile.clone() + &readings.collect::<String>()
    }

    /// The options that make it so again.
    pub(super) fn words(&self) -> String {
        let mut words = OptionWords::default();
        match self.on {
            GroundArg::Model => {}
            GroundArg::Runtime => words.add("--on", "runtime"),
            GroundArg::Reference => words.add("--on", "reference"),
        }
        self.defect.iter().for_each(|defect| words.add("--defect", defect));
        self.adapter.iter().for_each(|adapter| words.add("--adapter", adapter));
        self.client.iter().for_each(|client| words.add("--client", client));
        for (key, value) in &self.set {
            let value = match value {
                Value::String(word) => word.clone(),
                other => other.to_string(),
            };
            words.add("--set", format!("{key}={value}"));
        }
        if self.profile != "documented-pages" {
            words.add("--profile", &self.profile);
        }
        self.readings.iter().for_each(|reading| words.add("--reading", reading));
        words.0
    }
}

pub(super) fn simulate(args: &SimulateArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    if args.list_options {
        return options::list(out);
    }
    match (args.seed, args.seeds) {
        (Some(seed), _) => one(seed, args, out),
        (None, Some(seeds)) => campaign::campaign(seeds, args, out),
        (None, None) => {
            let why = "which worlds? --seed 7 is one, --seeds 0..1000 a campaign";
            Err(Failure::Usage(why.to_owned()))
        }
    }
}

fn one(seed: u64, args: &SimulateArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let worlds = args.how.worlds()?;
    let mut runner = args.how.runner(&worlds)?;
    let options = runner.options(seed).map_err(misfit)?;
    let drawn = args.format == CheckFormat::Html;
    let watch = Watch { judge: true, keep: args.trace.is_some() || drawn };
    let outcome = runner.run(seed, &options, watch);
    if let Some(log) = &outcome.log
        && let Some(path) = &args.trace
    {
        let text = log.to_trace().to_json_lines();
        match path.as_os_str() == "-" {
            true => {
                out.write_all(text.as_bytes())?;
                return Ok(exit_code_of_world(&outcome));
            }
            false => write(path, &text)?,
        }
    }
    let small = (args.shrink && !outcome.is_good())
        .then(|| simpler(&mut runner, &outcome, &args.how, watch));
    match args.format {
        CheckFormat::Json => {
            let mut whole = as_json(&outcome, &args.how)?;
            if let Some((small, how)) = &small {
                whole["simpler"] = as_json(small, how)?;
            }
            writeln!(out, "{}", pretty(&whole)?)?;
        }
        CheckFormat::Text => {
            show(&outcome, &args.how, out)?;
            if let Some((small, how)) = &small {
                writeln!(out, "\nsimpler, with the same problem:")?;
                show(small, how, out)?;
            }
        }
        CheckFormat::Html => {
            let mut told = Vec::new();
            show(&outcome, &args.how, &mut told)?;
            if let Some((small, how)) = &small {
                writeln!(told, "\nsimpler, with the same problem:")?;
                show(small, how, &mut told)?;
            }
            let told = String::from_utf8_lossy(&told).into_owned();
            out.write_all(page(&outcome, &worlds.profile, told).html().as_bytes())?;
        }
    }
    Ok(exit_code_of_world(&outcome))
}

/// A world as a page, drawn.
fn page(outcome: &Outcome, profile: &Profile, told: String) -> Page {
    let trace = outcome.log.as_ref().map(vdi_simulate::Log::to_trace).unwrap_or_default();
    let checker = || Checker::new(&trace.header, profile.clone());
    let judged = check_trace_with(checker().explaining(), &trace);
    let code = exit_code_of_world(outcome);
    let case = Case {
        id: format!("seed {}", outcome.seed),
        mark: pages::world_mark(code),
        word: if outcome.is_good() { "good" } else { "problem" }.to_owned(),
        title: outcome.problems.first().map_or_else(|| outcome.ending(), ToString::to_string),
        text: told.clone(),
        party: None,
        clause: None,
        readings: Vec::new(),
        drawing: Some(Drawing::new(&trace, &judged, checker())),
    };
    pages::world(outcome.seed, outcome.is_good(), told, case, code)
}

/// `vdi shrink --seed N`: the simplest options found under which the world of a seed fails in
/// the same way. The exit code is 0: that it fails was known.
pub(super) fn shrunk(
    seed: u64,
    how: &HowArgs,
    trace: Option<&Path>,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let worlds = how.worlds()?;
    let mut runner = how.runner(&worlds)?;
    let options = runner.options(seed).map_err(misfit)?;
    let watch = Watch { judge: true, keep: trace.is_some() };
    let outcome = runner.run(seed, &options, watch);
    if outcome.is_good() {
        let why =
            format!("seed {seed}{}: does not fail, so there is nothing to shrink", how.words());
        return Err(Failure::Usage(why));
    }
    let (small, how) = simpler(&mut runner, &outcome, how, watch);
    show(&small, &how, out)?;
    if let (Some(log), Some(path)) = (&small.log, trace) {
        write(path, &log.to_trace().to_json_lines())?;
        writeln!(out, "trace     {}", path.display())?;
    }
    Ok(exit_code::CONFORMANT)
}

/// A simpler world with the same problem, and how it is made again.
fn simpler(
    runner: &mut Runner<'_>,
    outcome: &Outcome,
    how: &HowArgs,
    watch: Watch,
) -> (Outcome, HowArgs) {
    const RUNS: usize = 5_000;
    let seed = outcome.seed;
    let generated = HowArgs { set: Vec::new(), ..how.clone() };
    let generated = generated.worlds().and_then(|worlds| {
        let fitted = generated.runner(&worlds)?.options(seed);
        fitted.map_err(misfit)
    });
    let generated = generated.unwrap_or(outcome.options);
    let small = shrink(outcome, RUNS, |options| runner.run(seed, options, watch));
    let set = differences(&generated, &small.options);
    (small, HowArgs { set, ..how.clone() })
}

/// A world as JSON.
fn as_json(outcome: &Outcome, how: &HowArgs) -> Result<Value, Failure> {
    Ok(json!({
        "seed": outcome.seed,
        "options": as_value(outcome)?,
        "backup": outcome.backup,
        "restore": outcome.restore,
        "ended": outcome.ended,
        "ending": outcome.ending(),
        "struck": outcome.interference.injected.iter().map(Fault::name).collect::<Vec<_>>(),
        "problems": outcome.problems,
        "shown": outcome.shown,
        "counts": outcome.counts,
        "again": again(outcome.seed, &how.words()),
    }))
}

fn as_value(outcome: &Outcome) -> Result<Value, Failure> {
    serde_json::to_value(outcome.options).map_err(|error| Failure::Internal(error.to_string()))
}

/// A world in words.
fn show(outcome: &Outcome, how: &HowArgs, out: &mut dyn Write) -> Result<(), Failure> {
    write!(out, "{outcome}")?;
    if outcome.is_good() {
        writeln!(out, "as it should be")?;
    } else {
        writeln!(out, "again     {}", again(outcome.seed, &how.words()))?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is an error on its way")]
fn misfit(unfit: Unfit) -> Failure {
    Failure::Usage(unfit.to_string())
}

/// The exit code of one world.
fn exit_code_of_world(outcome: &Outcome) -> u8 {
    let classes: Vec<String> = outcome.problems.iter().map(Problem::class).collect();
    exit_code_of(classes.iter().map(String::as_str))
}

/// `vdi replay --seed N`: the same world again, with everything that happens.
pub(super) fn replay(
    seed: u64,
    how: &HowArgs,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let worlds = how.worlds()?;
    let mut runner = how.runner(&worlds)?;
    let options = runner.options(seed).map_err(misfit)?;
    let outcome = runner.run(seed, &options, Watch { judge: true, keep: true });
    let Some(log) = &outcome.log else {
        return Err(Failure::Internal("the trace was not kept".to_owned()));
    };
    let trace = log.to_trace();
    if as_json {
        out.write_all(trace.to_json_lines().as_bytes())?;
        return Ok(exit_code_of_world(&outcome));
    }
    for event in &trace.events {
        writeln!(out, "{:4}  {event}", event.seq().unwrap_or_default())?;
    }
    show(&outcome, how, out)?;
    Ok(exit_code_of_world(&outcome))
}
