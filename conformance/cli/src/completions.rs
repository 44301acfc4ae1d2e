//! `vdi completions`, `vdi man`: what shells and `man` know of the command line.

use std::io::Write;

use clap::{Command, CommandFactory};
use vdi_trace::files;

use super::args::{Arguments, CompletionsArgs, ManArgs};
use super::failure::Failure;
use super::output::cannot_write;

/// The command line as others are told of it, without the commands that `vdi` alone gives.
fn command() -> Command {
    let whole = Arguments::command();
    let (hidden, shown): (Vec<&Command>, Vec<&Command>) =
        whole.get_subcommands().partition(|command| command.is_hide_set());
    assert!(!hidden.is_empty(), "then nothing has to be left out");
    let shown: Vec<Command> = shown.into_iter().cloned().collect();
    // What is there cannot be taken away, only another be made.
    let about = whole.get_long_about().cloned().unwrap_or_default();
    let after = whole.get_after_help().cloned().unwrap_or_default();
    Command::new("vdi")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .long_about(about)
        .after_help(after)
        .subcommands(shown)
}

pub(super) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "vdi", &mut text);
    out.write_all(&text)?;
    Ok(0)
}

/// Writes `vdi.1`, and `vdi-COMMAND.1` of each.
pub(super) fn man(args: &ManArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let whole = command();
    std::fs::create_dir_all(&args.folder).map_err(|error| cannot_write(&args.folder, &error))?;
    let mut count = 1;
    let write = |page: Command, name: &str| -> Result<(), Failure> {
        let path = args.folder.join(format!("{name}.1"));
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        files::write(&path, &text).map_err(|error| cannot_write(&path, &error))
    };
    write(whole.clone(), "vdi")?;
    for command in whole.get_subcommands() {
        let name = format!("vdi-{}", command.get_name());
        // Without one of its own it would have none in its page.
        let page = command.clone().version(env!("CARGO_PKG_VERSION"));
        write(page.display_name(name.clone()).bin_name(name.replacen('-', " ", 1)), &name)?;
        count += 1;
    }
    writeln!(out, "wrote {count} pages into {}", args.folder.display())?;
    Ok(0)
}
