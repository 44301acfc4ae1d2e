//! `vdi simulate`, `vdi merge`: seeded worlds.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;
use vdi_campaign::{Seeds, Shard};
use vdi_spec::clauses::Reading;

use super::values::{CheckFormat, seconds, setting};

/// `vdi simulate`.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// The world of this seed: its options, its outcome
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// A campaign over these seeds, the last one not included
    #[arg(long, value_name = "A..B")]
    pub seeds: Option<Seeds>,
    /// Of the campaign only this share: shard K of N
    #[arg(long, value_name = "K/N", requires = "seeds", conflicts_with = "seed", default_value_t = Shard::WHOLE)]
    pub shard: Shard,
    /// Worlds side by side; all processors if missing
    #[arg(long, value_name = "N", requires = "seeds", conflicts_with = "seed", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Explain every option that a seed draws, with the values that --set takes
    #[arg(long, conflicts_with_all = ["seed", "seeds"])]
    pub list_options: bool,
    /// How.
    #[command(flatten)]
    pub how: HowArgs,
    /// Write the trace of the seed's world here, - for standard output
    #[arg(long, value_name = "FILE", requires = "seed", conflicts_with_all = ["seeds", "shrink"])]
    pub trace: Option<PathBuf>,
    /// If the world fails: look for simpler options that fail the same way, as `vdi shrink
    /// --seed` does
    #[arg(long, requires = "seed", conflicts_with = "seeds")]
    pub shrink: bool,
    /// What the result looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Of the campaign: sum up the hashes of all traces, to compare runs
    #[arg(long, requires = "seeds", conflicts_with = "seed")]
    pub digest: bool,
    /// Write the result of a campaign as JSON here, for `vdi merge`
    #[arg(long, value_name = "FILE", requires = "seeds", conflicts_with = "seed")]
    pub output: Option<PathBuf>,
}

/// How worlds are run and judged.
#[derive(Debug, Clone, Args)]
pub struct HowArgs {
    /// What the worlds run on
    #[arg(long, value_enum, value_name = "GROUND", default_value_t = GroundArg::Model)]
    pub on: GroundArg,
    /// A mutant in the place of the reference implementation (see `vdi list mutants`)
    #[arg(long, value_name = "NAME")]
    pub defect: Option<String>,
    /// Command that starts an adapter to take the place of our implementations, such as
    /// 'python3 my_adapter.py'; it speaks the protocol of conformance/adapters/PROTOCOL.md
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["on", "defect"])]
    pub adapter: Option<String>,
    /// Command of a client program to take the place of ours, such as 'python3 my_client.py';
    /// it speaks the protocol of conformance/adapters/CLIENT.md
    #[arg(long, value_name = "COMMAND")]
    pub client: Option<String>,
    /// Seconds after which a client program or an adapter that gives no answer hangs
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub timeout: f64,
    /// Overrule a drawn option, such as devices=1 or faults.serverAbortAt=12 (see --list-options of
    /// `vdi simulate`)
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, Value)>,
    /// Readings to follow and to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// A reading in place of the profile's, such as agent-return=at-close
    #[arg(long = "reading", value_name = "QUESTION=READING")]
    pub readings: Vec<Reading>,
}

/// The world of a seed, for commands that drive scenarios, too.
#[derive(Debug, Clone, Args)]
pub struct SeedArgs {
    /// Overrule an option that the seed draws, such as devices=1
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "seed", conflicts_with = "what", value_parser = setting)]
    pub set: Vec<(String, Value)>,
    /// What the seed's world runs on
    #[arg(long, value_enum, value_name = "GROUND", requires = "seed", conflicts_with = "what", default_value_t = GroundArg::Model)]
    pub on: GroundArg,
    /// Client program in the place of ours in the seed's world
    #[arg(long, value_name = "COMMAND", requires = "seed", conflicts_with = "what")]
    pub client: Option<String>,
    /// A reading in place of the profile's, such as agent-return=at-close
    #[arg(
        long = "reading",
        value_name = "QUESTION=READING",
        requires = "seed",
        conflicts_with = "what"
    )]
    pub readings: Vec<Reading>,
}

/// What worlds run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroundArg {
    /// The model, which does anything the documents allow
    Model,
    /// The runtime
    Runtime,
    /// The reference implementation
    #[value(alias = "plain")]
    Reference,
}

/// `vdi merge`.
#[derive(Debug, Clone, Args)]
pub struct MergeArgs {
    /// Results of campaigns, as `vdi simulate --output` writes them
    #[arg(required = true, value_name = "RESULT")]
    pub results: Vec<PathBuf>,
    /// What the result looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Write the joined result as JSON here
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
