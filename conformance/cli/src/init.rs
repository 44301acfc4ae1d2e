//! `vdi init`: an adapter to start from, and a CI job that runs it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;

/// `vdi init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Where to write
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
}

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
        write(&path, text)?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let adapter = args.folder.join(FILES[0].0);
    writeln!(out, "now:  vdi run --adapter 'python3 {}'", adapter.display())?;
    Ok(0)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Internal(format!("{}: cannot write: {error}", path.display())))
}
