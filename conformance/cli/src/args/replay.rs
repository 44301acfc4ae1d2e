//! `vdi replay`, `vdi shrink`: one scenario, trace or seed.

use std::path::PathBuf;

use clap::Args;

use super::probe::LibraryArgs;
use super::simulate::SeedArgs;
use super::target::Target;
use super::values::LineArgs;

/// `vdi replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A scenario's id or file, or a trace
    #[arg(value_name = "SCENARIO|TRACE", required_unless_present = "seed")]
    pub what: Option<String>,
    /// The world that this seed draws, as `vdi simulate` runs it
    #[arg(long, value_name = "N", conflicts_with = "what")]
    pub seed: Option<u64>,
    /// The seed's world.
    #[command(flatten)]
    pub world: SeedArgs,
    /// The implementation.
    #[command(flatten)]
    pub target: Target,
    /// A library in its place.
    #[command(flatten)]
    pub library: LibraryArgs,
    /// Print every statement, and do nothing
    #[arg(long, requires = "library")]
    pub dry_run: bool,
    /// Print the trace as JSON Lines instead of for people
    #[arg(long)]
    pub json: bool,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}

/// `vdi shrink`.
#[derive(Debug, Clone, Args)]
pub struct ShrinkArgs {
    /// A scenario's id or file, or a trace; a trace is judged as it is unless an
    /// implementation is named, which then makes its calls again
    #[arg(value_name = "SCENARIO|TRACE", required_unless_present = "seed")]
    pub what: Option<String>,
    /// The implementation.
    #[command(flatten)]
    pub target: Target,
    /// A library in its place: what is left is a trace then.
    #[command(flatten)]
    pub library: LibraryArgs,
    /// Runs of a scenario with races, at most, until it fails
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Without a scenario or a trace: the world that this seed draws. With one: what the
    /// delays of racing lanes are drawn from; 0 if missing
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The seed's world.
    #[command(flatten)]
    pub world: SeedArgs,
    /// Write the scenario here, not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write a trace here: what is left of a trace, the last run of what is left of a scenario,
    /// the simpler world of a seed
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}
