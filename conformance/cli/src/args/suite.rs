//! `vdi run`, `vdi readings`, `vdi mutants`: scenarios against implementations.

use std::path::PathBuf;

use clap::Args;
use vdi_campaign::Seeds;

use super::target::Target;
use super::values::{CheckFormat, GatingArgs, LineArgs, ReportArgs, RoleArg};

/// `vdi run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The implementation.
    #[command(flatten)]
    pub target: Target,
    /// Only scenarios whose id, or a clause of which, begins so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub filter: Vec<String>,
    /// Only the scenario of this id; may be given several times
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    pub scenario: Vec<String>,
    /// Only scenarios that need nothing but this half of the interface
    #[arg(long, value_enum, value_name = "HALF")]
    pub role: Option<RoleArg>,
    /// Write what fails or is not offered as a baseline; needs a reason
    #[arg(long, value_name = "FILE", requires = "reason", conflicts_with = "baseline")]
    pub write_baseline: Option<PathBuf>,
    /// Why what fails is left for now
    #[arg(long, value_name = "TEXT", requires = "write_baseline")]
    pub reason: Option<String>,
    /// Implementations side by side; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// What fails.
    #[command(flatten)]
    pub gating: GatingArgs,
    /// Stop after so many failures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_fail: Option<u32>,
    /// The report.
    #[command(flatten)]
    pub report: ReportArgs,
    /// Let what races in a scenario really race, so many times or until it fails. If
    /// missing it is begun in turn, and if nothing fails it races a few times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// What the delays of racing lanes are drawn from
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "repeat")]
    pub seed: u64,
    /// Take the walks of these numbers, the last one not included: long programs that nobody
    /// wrote. If missing, those in which most meets, when all scenarios are run and nothing fails
    #[arg(long, value_name = "A..B", conflicts_with = "role")]
    pub walks: Option<Seeds>,
    /// Take the walks with races of these numbers: what comes next is begun at once with what was
    /// begun last. If missing, those in which most races, when all scenarios are run and nothing
    /// fails
    #[arg(long, value_name = "A..B", conflicts_with = "role")]
    pub racing_walks: Option<Seeds>,
    /// Take none
    #[arg(long, conflicts_with_all = ["walks", "racing_walks"])]
    pub no_walks: bool,
}

/// `vdi readings`.
#[derive(Debug, Clone, Args)]
pub struct ReadingsArgs {
    /// The implementation; its profile decides what cannot be told
    #[command(flatten)]
    pub target: Target,
    /// No implementation: these recordings alone, a file or a folder with all that end in
    /// .jsonl; may be given several times
    #[arg(long, value_name = "FILE|FOLDER", conflicts_with_all = ["adapter", "reference", "processes", "defect"])]
    pub traces: Vec<PathBuf>,
    /// How long the recordings' lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
    /// Implementations side by side; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Write what was found as a profile, for `--profile`
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `vdi mutants`.
#[derive(Debug, Clone, Args)]
pub struct MutantsArgs {
    /// Only mutants whose name begins so
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub filter: String,
    /// Defects at a time; all processors if missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Folder of scenarios in place of the embedded ones
    #[arg(long, value_name = "FOLDER")]
    pub scenarios: Option<PathBuf>,
    /// Hunt the mutants that only some orders of events show, with races that are repeated
    #[arg(long)]
    pub races: bool,
    /// Runs of each race, at most
    #[arg(long, value_name = "N", default_value_t = 60, requires = "races", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// What the delays of racing lanes are drawn from
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "races")]
    pub seed: u64,
    /// Hunt all of them, races too, with seeded worlds
    #[arg(long, conflicts_with = "races")]
    pub worlds: bool,
    /// Seeds for each of them, at most
    #[arg(long, value_name = "N", default_value_t = 20_000, requires = "worlds", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// What the result looks like; JSON is for --worlds
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}
