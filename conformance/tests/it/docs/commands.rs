//! Commands in the pages: run where they are shown with what they print, and otherwise held
//! to the options and targets that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::PoisonError;

use serde_json::Value;
use tempfile::TempDir;

use super::{ANEW, PAGES, Page, none, pages, top, writes};
use crate::support::is_note;

/// A folder in which the commands of a page can be run: its `json NAME` blocks as files, and
/// what they name of the project.
fn stage(page: &Page) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for name in ["sim", "conformance", "scenarios"] {
        let target = fs::canonicalize(top().join(name)).expect("a folder of the project");
        std::os::unix::fs::symlink(target, folder.path().join(name)).expect("linked");
    }
    for block in page.blocks() {
        if let Some(name) = block.info.strip_prefix("json ") {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, page.body(&block).join("\n") + "\n").expect("written");
        }
    }
    folder
}

/// What each of some commands prints, one after the other in one shell.
fn run(folder: &Path, commands: &[&str]) -> Vec<String> {
    let vdi = Path::new(env!("CARGO_BIN_EXE_vdi")).parent().expect("a folder").to_owned();
    let mut paths = vec![vdi];
    paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut script = "exec 2>&1\n".to_owned();
    for command in commands {
        let _ = write!(script, "{command}\n{{ code=$?; printf '\\036'; (exit $code); }}\n");
    }
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(script)
        .current_dir(folder)
        .env("PATH", std::env::join_paths(paths).unwrap());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VDI_") {
            shell.env_remove(name);
        }
    }
    let output = shell.output().expect("a shell").stdout;
    let text = String::from_utf8_lossy(&output);
    let text: String = text.split_inclusive('\n').filter(|line| !is_note(line)).collect();
    let mut parts: Vec<String> =
        text.split('\x1e').map(|part| part.trim_end().to_owned()).collect();
    parts.truncate(commands.len());
    parts
}

/// Whether lines are as a sample shows them, in which a line `…` stands for any lines.
fn is_like(sample: &[&str], found: &[&str]) -> bool {
    match (sample, found) {
        ([], []) => true,
        (["…", rest @ ..], _) => (0..=found.len()).any(|skip| is_like(rest, &found[skip..])),
        ([first, rest @ ..], [line, lines @ ..]) => {
            first.trim_end() == line.trim_end() && is_like(rest, lines)
        }
        _ => false,
    }
}

/// A block of commands as it should be.
fn replayed(folder: &Path, body: &[&str]) -> Vec<String> {
    let commands: Vec<&str> = body.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
    let samples: Vec<&[&str]> = body.split(|line| line.starts_with("$ ")).skip(1).collect();
    let mut anew = Vec::new();
    for ((command, sample), found) in commands.iter().zip(samples).zip(run(folder, &commands)) {
        anew.push(format!("$ {command}"));
        let lines: Vec<&str> = found.lines().collect();
        let kept = if is_like(sample, &lines) { sample } else { &lines };
        anew.extend(kept.iter().map(|line| (*line).to_owned()));
    }
    anew
}

#[test]
fn commands_print_what_the_pages_say() {
    let _pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wrong = Vec::new();
    let mut blocks = 0;
    for mut page in pages() {
        let folder = stage(&page);
        // From the last on, so that places stay what they are.
        let consoles = page.blocks().into_iter().filter(|block| block.info == "console");
        for block in consoles.collect::<Vec<_>>().into_iter().rev() {
            blocks += 1;
            let body = page.body(&block);
            let anew = replayed(folder.path(), &body);
            if anew == body {
                continue;
            }
            if writes() {
                page.lines.splice(block.lines, anew);
                page.save();
            } else {
                let (path, line, anew) = (&page.path, block.lines.start, anew.join("\n"));
                wrong.push(format!("{path}:{line}: the commands print\n{anew}\n{ANEW}"));
            }
        }
    }
    assert!(blocks > 10, "only {blocks} blocks of commands were found");
    none(&wrong);
}

/// The options that `vdi WORD --help` names.
fn options(word: &str) -> BTreeSet<String> {
    let words = if word.is_empty() { vec!["--help"] } else { vec![word, "--help"] };
    let output = crate::support::vdi(&words);
    assert!(output.status.success(), "there is no command `vdi {word}`");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("--")).map(str::to_owned).collect()
}

/// The words of a command up to what does not belong to it.
fn words(command: &str) -> Vec<&str> {
    let ends = |word: &&str| !["|", ">", ">>", "&&", "#", ":::"].contains(word);
    command.split_whitespace().take_while(ends).collect()
}

#[test]
fn options_of_vdi_exist() {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for page in pages() {
        for (number, command) in page.commands() {
            let words = words(&command);
            let Some(at) = words.iter().position(|word| *word == "vdi" || word.ends_with("/vdi"))
            else {
                continue;
            };
            let is_command = |word: &&&str| word.bytes().all(|b| b.is_ascii_lowercase());
            let name = words.get(at + 1).filter(is_command).copied().unwrap_or_default();
            if name == "sqlcmd" {
                continue;
            }
            let offered = known.entry(name.to_owned()).or_insert_with(|| options(name));
            // Not what stands in quotes: it is for another program.
            let mine = command.split('\'').step_by(2).collect::<String>();
            for word in mine.split_whitespace().filter(|word| word.starts_with("--")) {
                let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
                let word = word.split(['=', '|']).next().unwrap_or_default();
                if word.len() > 2 && !offered.contains(word) {
                    wrong.push(format!("{}:{number}: `vdi {name}` has no {word}", page.path));
                }
            }
        }
    }
    none(&wrong);
}

/// Package, kind and name of every target, and package, `feature` and name of every feature.
fn targets() -> BTreeSet<(String, String, String)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(top())
        .output()
        .expect("cargo starts");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = BTreeSet::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = text(&package["name"]);
        found.insert((name.clone(), "package".to_owned(), name.clone()));
        for target in package["targets"].as_array().expect("targets") {
            let kind = text(&target["kind"][0]);
            found.insert((name.clone(), kind, text(&target["name"])));
        }
        for feature in package["features"].as_object().expect("features").keys() {
            found.insert((name.clone(), "features".to_owned(), feature.clone()));
        }
    }
    found
}

#[test]
fn targets_of_cargo_exist() {
    let known = targets();
    let mut wrong = Vec::new();
    for page in pages() {
        for (number, command) in page.commands().iter().filter(|(_, text)| text.contains("cargo "))
        {
            let words = words(command);
            let after =
                |option: &str| words.iter().skip_while(|word| **word != option).nth(1).copied();
            let Some(package) = after("-p") else { continue };
            let asked = ["test", "bench", "example", "features"]
                .into_iter()
                .filter_map(|kind| after(&format!("--{kind}")).map(|name| (kind, name)));
            for (kind, name) in asked.chain([("package", package)]) {
                let key = (package.to_owned(), kind.to_owned(), name.to_owned());
                if !known.contains(&key) {
                    wrong.push(format!("{}:{number}: {package} has no {kind} {name}", page.path));
                }
            }
        }
    }
    none(&wrong);
}

/// The names of all fields in a schema.
fn fields(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            into.extend(properties.into_iter().flat_map(|all| all.keys().cloned()));
            members.values().for_each(|value| fields(value, into));
        }
        Value::Array(all) => all.iter().for_each(|value| fields(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The page on traces has every field that a trace can have.
#[test]
fn the_page_on_traces_is_complete() {
    let schema = fs::read(top().join("scenarios/schema/trace.v1.json")).expect("a schema");
    let mut all = BTreeSet::new();
    fields(&serde_json::from_slice(&schema).expect("JSON"), &mut all);
    assert!(all.len() > 60, "only {} fields were found", all.len());
    let page = Page::read("sim/docs/traces.md".to_owned());
    let named: BTreeSet<&str> = page.code().into_iter().map(|(_, code)| code).collect();
    let missing: Vec<&String> =
        all.iter().filter(|field| !named.contains(field.as_str())).collect();
    assert!(missing.is_empty(), "sim/docs/traces.md says nothing of {missing:?}");
}
