//! The command `vdi`.
//!
//! Standard output carries results, standard error what is said beside them.

mod args;
mod ask;
mod campaign;
mod check;
mod environment;
mod explain;
#[cfg(feature = "explore")]
mod explore;
#[cfg(not(feature = "explore"))]
mod explore {
    //! `vdi explore`, in a build that has no search of the model.

    pub(super) fn explore(
        _: &super::args::ExploreArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(super::left_out("`vdi explore`", "explore"))
    }
}
mod gate;
mod hunted;
mod init;
mod install;
mod join;
mod list;
mod mutants;
mod process;
mod readings;
mod replay;
mod run;
mod script;
mod server;
mod shrink;
mod simulate;
mod sqlcmd;
mod standing;
mod table;

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use vdi_check::exit_code;
use vdi_spec::clauses::{Profile, ProfileFile};
use vdi_trace::{Trace, TraceError};

pub use args::{Arguments, Command};
pub use install::InstallArgs;
pub use join::JoinArgs;
pub use simulate::{HowArgs, MergeArgs, SimulateArgs};

use vdi_suite::scenario::{BadFile, LibraryError};

/// Why a command cannot do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be read or understood.
    #[error(transparent)]
    File(Box<BadFile>),
    /// Something else is wrong with an input.
    #[error("{0}")]
    Input(String),
    /// The command line asks for something that is not there.
    #[error("{0}")]
    Usage(String),
    /// The implementation cannot be started.
    #[error("{0}")]
    Unavailable(String),
    /// Our own fault, or the machine's.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::File(_) | Self::Input(_) => exit_code::BAD_INPUT,
            Self::Usage(_) => exit_code::USAGE,
            Self::Unavailable(_) => exit_code::UNAVAILABLE,
            Self::Internal(_) => exit_code::INTERNAL,
        }
    }
}

impl From<BadFile> for Failure {
    fn from(file: BadFile) -> Self {
        Self::File(Box::new(file))
    }
}

impl From<Box<BadFile>> for Failure {
    fn from(file: Box<BadFile>) -> Self {
        Self::File(file)
    }
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::File(file) => Self::File(file),
            other => Self::Input(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(format!("cannot write: {error}"))
    }
}

/// What to say of something that this build was made without.
#[cfg(not(all(feature = "explore", feature = "strict")))]
fn left_out(what: &str, feature: &str) -> Failure {
    Failure::Usage(format!(
        "{what} is not in this build, which was made without the feature `{feature}`: \
         cargo build --release --features full"
    ))
}

/// Runs the command with these words, the first of which is its own name, and
/// gives its exit code.
pub fn main<S: Into<std::ffi::OsString> + Clone>(words: impl IntoIterator<Item = S>) -> u8 {
    let words: Vec<std::ffi::OsString> = words.into_iter().map(Into::into).collect();
    let name = words.first().map(Path::new).and_then(Path::file_stem);
    if name.is_some_and(|name| name == "sqlcmd") {
        return ended(server::sqlcmd(&words, &mut server::console()));
    }
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // What cannot be printed is lost; there is nowhere else to say it.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit_code::CONFORMANT,
                _ => exit_code::USAGE,
            };
        }
    };
    let command = arguments.command.unwrap_or_default();
    // What is said from many threads: nobody may hold standard output.
    match &command {
        Command::Process(args) => return process::process(args),
        Command::Serve(args) => return ended(server::serve(args, &mut server::console())),
        Command::Sqlcmd(args) => {
            let words: Vec<_> =
                std::iter::once("sqlcmd".into()).chain(args.words.iter().cloned()).collect();
            return ended(server::sqlcmd(&words, &mut server::console()));
        }
        _ => {}
    }
    let mut out = Patient(std::io::stdout().lock());
    let done = match command {
        Command::Run(args) => run::run(&args, &mut out),
        Command::Check(args) => check::check(&args, &mut out),
        Command::Replay(args) => replay::replay(&args, &mut out),
        Command::List(args) => list::list(&args, &mut out),
        Command::Explain(args) => explain::explain(&args, &mut out),
        Command::Table(args) => table::table(&args, &mut out),
        Command::Ask(args) => ask::ask(&args, &mut out),
        Command::Readings(args) => readings::readings(&args, &mut out),
        Command::Mutants(args) => mutants::mutants(&args, &mut out),
        Command::Shrink(args) => shrink::shrink(&args, &mut out),
        Command::Explore(args) => explore::explore(&args, &mut out),
        Command::Gate(args) => gate::gate(&args, &mut out),
        Command::Simulate(args) => simulate::simulate(&args, &mut out),
        Command::Merge(args) => campaign::merge(&args, &mut out),
        Command::Init(args) => init::init(&args, &mut out),
        Command::Install(args) => install::install(&args, &mut out),
        Command::Join(args) => join::join(&args, &mut out),
        Command::Process(_) | Command::Serve(_) | Command::Sqlcmd(_) => {
            unreachable!("done above")
        }
    };
    let _ = out.flush();
    ended(done)
}

/// The exit code, once what failed is said.
fn ended(done: Result<u8, Failure>) -> u8 {
    done.unwrap_or_else(|failure| {
        say(&failure);
        failure.exit_code()
    })
}

/// Standard output whose reader may leave early, as `head` does: what was
/// measured is still told by the exit code.
struct Patient<W>(W);

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[expect(clippy::print_stderr, reason = "this is where the command talks to people")]
fn say(failure: &Failure) {
    if let Failure::File(file) = failure
        && file.source_code().is_some()
        && file.line > 0
    {
        let colour = std::io::stderr().is_terminal();
        let theme =
            if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
        if handler.render_report(&mut text, file.as_ref()).is_ok() {
            eprint!("error:{text}");
            return;
        }
    }
    eprintln!("error: {failure}");
}

/// The whole trace in a file, or from standard input if it is `-`.
fn trace_file(path: &Path) -> Result<Trace, Failure> {
    if path == Path::new("-") {
        return whole_trace(path, std::io::stdin().lock());
    }
    let file = std::fs::File::open(path)
        .map_err(|error| Failure::Input(format!("{}: cannot be read: {error}", path.display())))?;
    whole_trace(path, std::io::BufReader::new(file))
}

fn whole_trace(path: &Path, input: impl std::io::BufRead) -> Result<Trace, Failure> {
    let bad =
        |error: &TraceError| Failure::Input(format!("{}:{}: {error}", path.display(), error.line));
    Trace::read(input).map_err(|error| bad(&error))
}

/// The profile of that name, or in that file.
fn profile(name: &str) -> Result<Profile, Failure> {
    let path = Path::new(name);
    if path.extension().is_none() && !path.exists() {
        return Profile::named(name)
            .map_err(|error| Failure::Usage(format!("{error}, or a file that ends in .json")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| BadFile::whole(name, format!("cannot be read: {error}")))?;
    let file: ProfileFile =
        serde_json::from_str(&text).map_err(|error| BadFile::json(name, &text, 0, &error))?;
    Profile::from_file(&file).map_err(|error| {
        let word = format!("\"{}\"", error.text);
        let offset = text.find(&word).unwrap_or_default();
        BadFile::at(name, &text, offset, word.len(), error.to_string()).into()
    })
}
