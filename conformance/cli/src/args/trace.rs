//! `vdi check`, `vdi ask`, `vdi join`: traces.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::{CheckFormat, EndArg, LineArgs, PartyArg};

/// `vdi check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Traces: JSON Lines files, or - for standard input
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// Only this party's faults fail; may be given several times
    #[arg(long, value_enum, value_name = "PARTY")]
    pub party: Vec<PartyArg>,
    /// What the report looks like
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Draw the lanes, with the order of effects that explains what was seen; the trace
    /// is held in memory
    #[arg(long)]
    pub explain: bool,
    /// Draw the lines from A to B only, counted with the header
    #[arg(long = "lines", value_name = "A..B", requires = "explain", value_parser = drawn_lines)]
    pub drawn_lines: Option<RangeInclusive<usize>>,
    /// What the end of the trace is: anything may come after it, or everything is at rest
    /// then, and a call that had to end by then is a violation
    #[arg(long, value_enum, value_name = "END", default_value_t = EndArg::Open)]
    pub end: EndArg,
    /// A call that nothing keeps waiting any more has to end within so many seconds, by what the
    /// lines tell as `elapsed`; otherwise no verdict depends on time
    #[arg(long, value_name = "SECONDS")]
    pub within: Option<u32>,
    /// How many orders of effects to look at for one event before giving up
    #[arg(long, value_name = "N", default_value_t = vdi_check::BUDGET as u32,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub budget: u32,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}

/// Lines of a trace, the last one included.
fn drawn_lines(text: &str) -> Result<RangeInclusive<usize>, String> {
    let lines = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match lines {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err("expected lines such as 20..60".to_owned()),
    }
}

/// `vdi view`.
#[derive(Debug, Clone, Args)]
pub struct ViewArgs {
    /// A trace: a JSON Lines file, or - for standard input
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// Write the page here, or to standard output if it is -; beside the trace if missing
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Readings to judge by: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// What the end of the trace is, as for `vdi check`
    #[arg(long, value_enum, value_name = "END", default_value_t = EndArg::Open)]
    pub end: EndArg,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}

impl ViewArgs {
    /// What `vdi check` is told to make the same page.
    pub(crate) fn as_check(&self) -> CheckArgs {
        CheckArgs {
            traces: vec![self.trace.clone()],
            profile: self.profile.clone(),
            party: Vec::new(),
            format: CheckFormat::Html,
            explain: true,
            drawn_lines: None,
            end: self.end,
            within: None,
            budget: vdi_check::BUDGET as u32,
            lines: self.lines,
        }
    }
}

/// `vdi ask`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "vdi ask [OPTIONS] <TRACE> <LANE> <FUNCTION> <ON>\n       \
                            vdi ask [OPTIONS] --given <PHASE> <LANE> <FUNCTION> <ON>")]
pub struct AskArgs {
    /// What happened before, unless --given tells it: a trace, or - for standard input; the calling
    /// lane, such as server.main; the function, such as Close; the handle it is called on, such as sset
    #[arg(required = true, num_args = 3..=4, value_name = "WORD")]
    pub words: Vec<String>,
    /// Without a trace: after the calls by which a set of one device comes this far. Its
    /// lanes are server.main, primary.main and server.agent, its handles sset, cset, sdev1 and cdev1
    #[arg(long, value_enum, value_name = "PHASE", ignore_case = true, conflicts_with_all = ["after", "longest_line"])]
    pub given: Option<PhaseArg>,
    /// Its arguments as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// Look at the first so many events only
    #[arg(long, value_name = "EVENTS")]
    pub after: Option<usize>,
    /// Readings to follow: documented-pages, documented-tables, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "documented-pages")]
    pub profile: String,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}

/// How far a set has come, in the documents' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PhaseArg {
    /// Nobody has called anything
    #[value(name = "DoesNotExist")]
    DoesNotExist,
    /// The client has created the set
    #[value(name = "Created")]
    Created,
    /// The server has opened it
    #[value(name = "Connected")]
    Connected,
    /// BeginConfiguration was called
    #[value(name = "Configurable")]
    Configurable,
    /// EndConfiguration was called, and the client has seen the configuration
    #[value(name = "Initializing")]
    Initializing,
    /// The device is open on both sides, and the agent runs
    #[value(name = "Active")]
    Active,
    /// The server has closed the device, the client has seen it, the agent has returned
    #[value(name = "NormallyTerminated", alias = "Terminated")]
    NormallyTerminated,
    /// The client has called SignalAbort in Active, and the agent has returned
    #[value(name = "AbnormallyTerminated", aliases = ["Abort", "Aborted"])]
    AbnormallyTerminated,
}

/// `vdi join`.
#[derive(Debug, Clone, Args)]
pub struct JoinArgs {
    /// Traces of one set, in any order
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// Write the history here, not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}

/// `vdi redact`.
#[derive(Debug, Clone, Args)]
pub struct RedactArgs {
    /// A trace, or `-` for standard input
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// Write it here, not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long its lines may be.
    #[command(flatten)]
    pub lines: LineArgs,
}
