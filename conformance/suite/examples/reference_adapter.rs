//! The reference implementation as an adapter on standard input and output, such as mutants of
//! it are judged through: of the workspace it needs no more than this crate.

use std::io;

use vdi_suite::adapter::{Reference, serve};

fn main() -> io::Result<()> {
    serve(&Reference::adapter(), io::stdin().lock(), io::stdout())
}
