//! The scenarios and the schemas are embedded: a change of one rebuilds the crate. They are
//! packed into one file, a JSON object of texts by path, as gzip has it: text takes a tenth of
//! its room then. Recordings stand beside them, and are not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Where they stand.
const SCENARIOS: &str = "../../scenarios";

/// The folder of recordings below the scenarios.
const RECORDED: &str = "recorded";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={SCENARIOS}");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    let mut texts = BTreeMap::new();
    gather(Path::new(SCENARIOS), "", &mut texts)?;
    let mut packed =
        GzEncoder::new(File::create(out.join("scenarios.json.gz"))?, Compression::best());
    serde_json::to_writer(&mut packed, &texts)?;
    packed.finish()?;
    Ok(())
}

/// The files that end in `.json`, by their paths below the scenarios, with `/` everywhere.
fn gather(from: &Path, under: &str, texts: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() && name != RECORDED {
            gather(&path, &format!("{under}{name}/"), texts)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            texts.insert(format!("{under}{name}"), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
