//! `vdi init`: an adapter to start from, and a CI job that runs it.

use std::io::Write;

use super::args::InitArgs;
use super::failure::Failure;

/// The files written: path and content.
const FILES: &[(&str, &str)] = &[
    ("vdi_adapter.py", include_str!("../../adapters/skeleton.py")),
    ("vdi-conformance.yml", include_str!("../../adapters/skeleton-ci.yml")),
];

pub(super) fn init(args: &InitArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    std::fs::create_dir_all(&args.folder).map_err(|error| {
        Failure::Input(format!("{}: cannot make: {error}", args.folder.display()))
    })?;
    // Nothing is written unless everything can be.
    for (name, _) in FILES {
        let path = args.folder.join(name);
        if path.exists() {
            return Err(Failure::Input(format!("{}: exists already", path.display())));
        }
    }
    for (name, text) in FILES {
        let path = args.folder.join(name);
        std::fs::write(&path, text).map_err(|error| {
            Failure::Internal(format!("{}: cannot write: {error}", path.display()))
        })?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let adapter = args.folder.join(FILES[0].0);
    writeln!(out, "now:  vdi run --adapter 'python3 {}'", adapter.display())?;
    Ok(0)
}
