//! `vdi process`: one process of several, as `vdi run --processes` starts it.

use std::io::{stdin, stdout};

use vdi_check::exit_code;

use super::args::ProcessArgs;
use super::failure::{Failure, say};
use vdi_suite::adapter::{Runtime, serve as answer};

pub(super) fn process(args: &ProcessArgs) -> u8 {
    match answer(&Runtime::one_of_several(&args.prefix), stdin().lock(), stdout()) {
        Ok(()) => exit_code::CONFORMANT,
        Err(error) => {
            say(&Failure::Input(format!("standard input or output: {error}")));
            exit_code::BAD_INPUT
        }
    }
}
