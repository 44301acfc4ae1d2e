//! The reference implementation as a program behind the protocol, as `vdi run --adapter` starts
//! one.

use std::io::{stdin, stdout};

use vdi_suite::adapter::{Reference, serve};

fn main() -> std::io::Result<()> {
    serve(&Reference::adapter(), stdin().lock(), stdout())
}
