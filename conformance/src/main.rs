//! The command `vdi`: see [`vdi_conformance::cli`].

use std::process::ExitCode;

use vdi_conformance::cli;
use vdi_sim::check::exit_code;

fn main() -> ExitCode {
    let run = || cli::main(std::env::args_os());
    ExitCode::from(std::panic::catch_unwind(run).unwrap_or(exit_code::INTERNAL))
}
