//! The scenarios and the schemas are embedded: a change of one rebuilds the crate. Recordings
//! stand beside them, and are not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of recordings below the scenarios.
const RECORDED: &str = "recorded";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../../scenarios");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or_else(|| io::Error::other("OUT_DIR is not set"))?.join("scenarios");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    copy(Path::new("../../scenarios"), &out)
}

/// The files that end in `.json`.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() && name != RECORDED {
            copy(&path, &to.join(name))?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
