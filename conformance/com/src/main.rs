//! `vdi-com-adapter`: see the library of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    vdi_com_adapter::main()
}
