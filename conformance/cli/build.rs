//! With the feature `libraries`: `libsqlvdi.so` and the recorder are built to be embedded, so that
//! an installed `vdi` has them. Cargo installs programs alone, and an artifact of another crate can
//! be depended on by nightly versions only; so Cargo is called for them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The libraries: the name by which programs ask for them, and the one that Cargo gives them.
const LIBRARIES: [(&str, &str); 2] =
    [("libsqlvdi.so", "libsqlvdi.so"), ("libsqlvdi-record.so", "libsqlvdi_record.so")];

/// What they are made of.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "sim/libsqlvdi",
    "sim/recorder",
    "sim/runtime",
    "sim/spec",
    "sim/trace",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let target = env::var("TARGET")?;
    // They are for programs in C++ with the C library that these have.
    let wanted = env::var_os("CARGO_FEATURE_LIBRARIES").is_some() && target.ends_with("-linux-gnu");
    let built = if wanted { built(&out, &target)? } else { String::new() };
    fs::write(out.join("libraries.rs"), format!("&[{built}]"))?;
    Ok(())
}

/// Builds them; each as its name and its bytes, in Rust.
fn built(out: &Path, target: &str) -> Result<String, Box<dyn Error>> {
    let top = fs::canonicalize(Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../.."))?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", top.join(source).display());
    }
    // Not where this build goes on, which keeps its folder to itself.
    let folder = out.join("libraries");
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo
        .args(["build", "--quiet", "--locked", "--release", "--lib", "--target", target])
        .args(["--package", "libsqlvdi", "--package", "libsqlvdi-record", "--target-dir"])
        .arg(&folder)
        .current_dir(&top)
        // Of a `cargo clippy` around this.
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    if !cargo.status()?.success() {
        return Err("the client libraries cannot be built: see above".into());
    }
    let folder = folder.join(target).join("release");
    let each = LIBRARIES.map(|(name, file)| {
        format!("({name:?}, include_bytes!({:?})),", folder.join(file).display().to_string())
    });
    Ok(each.concat())
}
