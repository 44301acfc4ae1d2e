//! The command `vdi`: argument structs, and printing.
//!
//! Read first: [`main`], [`Command`], [`Failure`].
//!
//! Standard output carries results, standard error what is said beside them.

#[cfg(windows)]
mod absent;
pub mod args;
mod ask;
mod campaign;
mod check;
#[cfg(feature = "shells")]
mod completions;
#[cfg(not(feature = "shells"))]
mod completions {
    //! `vdi completions` and `vdi man`, in a build that writes nothing for shells.

    pub(super) fn completions(
        _: &super::args::CompletionsArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(super::failure::left_out("`vdi completions`", "shells"))
    }

    pub(super) fn man(
        _: &super::args::ManArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(super::failure::left_out("`vdi man`", "shells"))
    }
}
#[cfg(feature = "diagnose")]
mod diagnose;
#[cfg(not(feature = "diagnose"))]
mod diagnose {
    //! `vdi diagnose`, in a build that reads no logs.

    pub(super) fn diagnose(
        _: &super::args::DiagnoseArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(super::failure::left_out("`vdi diagnose`", "diagnose"))
    }
}
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
        Err(super::failure::left_out("`vdi explore`", "explore"))
    }
}
mod failure;
#[cfg(unix)]
mod gate;
mod hunted;
mod init;
mod input;
#[cfg(unix)]
mod install;
mod interrupt;
mod join;
mod list;
mod mutants;
mod options;
mod output;
mod pages;
#[cfg(all(unix, feature = "probe"))]
mod probe;
#[cfg(all(unix, not(feature = "probe")))]
mod probe {
    //! `vdi probe`, in a build that calls no libraries of others.

    fn left_out() -> super::Failure {
        super::failure::left_out("`vdi probe`", "probe")
    }

    pub(super) fn probe(
        _: &super::args::ProbeArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(left_out())
    }

    pub(super) fn replay(
        _: &super::args::ReplayArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(super::failure::left_out("`--library`", "probe"))
    }

    pub(super) fn shrink(
        _: &super::args::ShrinkArgs,
        _: &mut dyn std::io::Write,
    ) -> Result<u8, super::Failure> {
        Err(super::failure::left_out("`--library`", "probe"))
    }

    pub(super) fn process() -> u8 {
        super::failure::ended(Err(left_out()))
    }
}
mod process;
mod readings;
mod redact;
mod replay;
mod run;
mod serve;
mod shrink;
mod simulate;
mod table;
mod worlds;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;
use vdi_check::exit_code;
use vdi_suite::interrupt::take_along;

pub use args::{Arguments, Command};
pub use failure::Failure;

#[cfg(windows)]
use absent::{gate, install, probe};
use failure::ended;
use output::{Lines, Patient, colours, terminal_width};

/// Runs the command with these words, the first of which is its own name, and
/// gives its exit code.
pub fn main<S: Into<OsString> + Clone>(words: impl IntoIterator<Item = S>) -> u8 {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    take_along();
    interrupt::watch();
    interrupt::exit_code(main_of(words))
}

fn main_of(words: Vec<OsString>) -> u8 {
    let name = words.first().map(Path::new).and_then(Path::file_stem);
    if name.is_some_and(|name| name == "sqlcmd" || name == "osql") {
        return ended(serve::sqlcmd(&words));
    }
    match Arguments::try_parse_from(words) {
        Ok(arguments) => run_command(arguments.command.unwrap_or_default()),
        Err(error) => {
            // What cannot be printed is lost; there is nowhere else to say it.
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit_code::CONFORMANT,
                _ => exit_code::USAGE,
            }
        }
    }
}

fn run_command(command: Command) -> u8 {
    match command {
        // What is said from many threads: nobody may hold standard output.
        Command::Process(args) => process::process(&args),
        Command::Serve(args) => ended(serve::serve(&args)),
        Command::Sqlcmd(args) => ended(serve::sqlcmd(&args.words_with_name())),
        Command::Run(args) => painted(|out| run::run(&args, out)),
        Command::Diagnose(args) => printed(|out| diagnose::diagnose(&args, out)),
        Command::Check(args) => painted(|out| check::check(&args, out)),
        Command::View(args) => printed(|out| check::view(&args, out)),
        Command::Replay(args) => painted(|out| replay::replay(&args, out)),
        Command::List(args) => folded(|out| list::list(&args, out)),
        Command::Explain(args) => folded(|out| explain::explain(&args, out)),
        Command::Table(args) => printed(|out| table::table(&args, out)),
        Command::Ask(args) => folded(|out| ask::ask(&args, out)),
        Command::Readings(args) => printed(|out| readings::readings(&args, out)),
        Command::Mutants(args) => printed(|out| mutants::mutants(&args, out)),
        Command::Shrink(args) => printed(|out| shrink::shrink(&args, out)),
        Command::Explore(args) => printed(|out| explore::explore(&args, out)),
        Command::ProbeProcess(_) => probe::process(),
        Command::Probe(args) => painted(|out| probe::probe(&args, out)),
        Command::Gate(args) => painted(|out| gate::gate(&args, out)),
        Command::Simulate(args) => painted(|out| simulate::simulate(&args, out)),
        Command::Merge(args) => printed(|out| campaign::merge(&args, out)),
        Command::Init(args) => printed(|out| init::init(&args, out)),
        Command::Install(args) => printed(|out| install::install(&args, out)),
        Command::Completions(args) => printed(|out| completions::completions(&args, out)),
        Command::Man(args) => printed(|out| completions::man(&args, out)),
        Command::Redact(args) => printed(|out| redact::redact(&args, out)),
        Command::Join(args) => printed(|out| join::join(&args, out)),
    }
}

/// The exit code of what prints its results to standard output.
fn printed(act: impl FnOnce(&mut dyn Write) -> Result<u8, Failure>) -> u8 {
    printed_to(Patient(std::io::stdout().lock()), act)
}

/// The same of what people read, and what nobody copies: no wider than the terminal.
fn folded(act: impl FnOnce(&mut dyn Write) -> Result<u8, Failure>) -> u8 {
    printed_to(Lines::folded(Patient(std::io::stdout().lock()), terminal_width()), act)
}

/// The same of a report.
fn painted(act: impl FnOnce(&mut dyn Write) -> Result<u8, Failure>) -> u8 {
    printed_to(Lines::painted(Patient(std::io::stdout().lock()), colours()), act)
}

fn printed_to(mut out: impl Write, act: impl FnOnce(&mut dyn Write) -> Result<u8, Failure>) -> u8 {
    let done = act(&mut out);
    let _ = out.flush();
    ended(done)
}
