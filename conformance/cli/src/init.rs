//! `vdi init`: an adapter to start from, and a CI job that runs it.

use std::io::Write;

use super::args::{AdapterLanguage, InitArgs};
use super::failure::Failure;
use vdi_suite::shell::in_quotes;

/// The CI job, of which `{build}` and `{adapter}` stand for the adapter's own.
const JOB: &str = include_str!("../../adapters/skeletons/vdi-conformance.yml");

/// The file of the job.
const JOB_NAME: &str = "vdi-conformance.yml";

/// What is written for one language.
struct Kit {
    /// The files: path and content.
    files: &'static [(&'static str, &'static str)],
    /// How it is built, in the folder itself, if it has to be.
    build: Option<&'static str>,
    /// How it is started, from the folder: the words before its path, and the path.
    start: (&'static str, &'static str),
}

const fn kit(language: AdapterLanguage) -> Kit {
    match language {
        AdapterLanguage::Python => Kit {
            files: &[("vdi_adapter.py", include_str!("../../adapters/skeletons/vdi_adapter.py"))],
            build: None,
            start: ("python3 ", "vdi_adapter.py"),
        },
        AdapterLanguage::Node => Kit {
            files: &[("vdi_adapter.js", include_str!("../../adapters/skeletons/vdi_adapter.js"))],
            build: None,
            start: ("node ", "vdi_adapter.js"),
        },
        AdapterLanguage::Rust => Kit {
            files: &[
                ("src/main.rs", include_str!("../../adapters/skeletons/vdi_adapter.rs")),
                ("Cargo.toml", RUST_MANIFEST),
            ],
            build: Some("cargo build --release"),
            start: ("", "target/release/vdi_adapter"),
        },
        AdapterLanguage::Cpp => Kit {
            files: &[("vdi_adapter.cpp", include_str!("../../adapters/skeletons/vdi_adapter.cpp"))],
            build: Some("c++ -std=c++17 -pthread -o vdi_adapter vdi_adapter.cpp"),
            start: ("", "vdi_adapter"),
        },
    }
}

const RUST_MANIFEST: &str = "\
[package]
name = \"vdi_adapter\"
version = \"0.1.0\"
edition = \"2024\"
publish = false

[dependencies]
serde_json = \"1\"

# It belongs to no workspace around it.
[workspace]
";

pub(super) fn init(args: &InitArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let kit = kit(args.language);
    let job = job(&kit);
    let mut files = kit.files.to_vec();
    files.push((JOB_NAME, &job));
    // Nothing is written unless everything can be.
    for (name, _) in &files {
        let path = args.folder.join(name);
        if path.exists() {
            return Err(Failure::Input(format!("{}: exists already", path.display())));
        }
    }
    for (name, text) in files {
        let path = args.folder.join(name);
        let folder = path.parent().unwrap_or(&args.folder);
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::Input(format!("{}: cannot make: {error}", folder.display()))
        })?;
        std::fs::write(&path, text).map_err(|error| {
            Failure::Internal(format!("{}: cannot write: {error}", path.display()))
        })?;
        writeln!(out, "wrote {}", path.display())?;
    }
    if let Some(build) = kit.build {
        writeln!(out, "build it:  (cd {} && {build})", args.folder.display())?;
    }
    let (with, path) = kit.start;
    let path = args.folder.join(path);
    let adapter = in_quotes(&format!("{with}{}", path.display()));
    writeln!(out, "now:  vdi run --adapter {adapter}")?;
    Ok(0)
}

/// The CI job for a kit.
fn job(kit: &Kit) -> String {
    let build = kit.build.map_or_else(String::new, |build| {
        format!("      - name: Build the adapter\n        run: {build}\n")
    });
    let (with, path) = kit.start;
    let path = if with.is_empty() { format!("./{path}") } else { format!("{with}{path}") };
    JOB.replace("{build}", &build).replace("{adapter}", &path)
}
