//! README and pages cannot rot: their commands are run and their samples compared, their
//! counts are those of the code, their links, paths, options and targets exist.
//!
//! `VDI_DOCS=write cargo test -p vdi_conformance --test it docs` writes samples and counts anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use vdi_conformance::gate::SITUATIONS;
use vdi_conformance::reference::Defect;
use vdi_conformance::scenario::Library;
use vdi_sim::clauses::{CLAUSES, QUESTIONS};
use vdi_sim::explore::{INVARIANTS, Sabotage};
use vdi_sim::simulate::Deviation;

/// Bytes of a landing page.
const README_BYTES: usize = 8192;

/// What to do about a sample or a count.
const ANEW: &str = "`VDI_DOCS=write cargo test -p vdi_conformance --test it docs` writes it anew";

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn writes() -> bool {
    std::env::var("VDI_DOCS").is_ok_and(|word| word == "write")
}

/// A page: its place below the top, and its lines.
struct Page {
    path: String,
    lines: Vec<String>,
}

/// A fenced block: what stands behind the fence, and the lines between the fences.
struct Block {
    info: String,
    lines: Range<usize>,
}

impl Page {
    fn read(path: String) -> Self {
        let text = fs::read_to_string(top().join(&path)).expect("a page");
        Self { path, lines: text.lines().map(str::to_owned).collect() }
    }

    fn save(&self) {
        fs::write(top().join(&self.path), self.lines.join("\n") + "\n").expect("written");
    }

    fn blocks(&self) -> Vec<Block> {
        let fences = self.lines.iter().enumerate().filter_map(|(at, line)| {
            line.trim_start().strip_prefix("```").map(|info| (at, info.trim().to_owned()))
        });
        let fences: Vec<(usize, String)> = fences.collect();
        assert!(fences.len().is_multiple_of(2), "{}: a fence is not closed", self.path);
        fences
            .chunks(2)
            .map(|pair| Block { info: pair[0].1.clone(), lines: pair[0].0 + 1..pair[1].0 })
            .collect()
    }

    /// The lines of a block, without the indentation of its fence.
    fn body(&self, block: &Block) -> Vec<&str> {
        let fence = &self.lines[block.lines.start - 1];
        let indent = fence.len() - fence.trim_start().len();
        self.lines[block.lines.clone()]
            .iter()
            .map(|line| line.get(indent..).unwrap_or(""))
            .collect()
    }

    /// The lines that are text, with their numbers, counted from 1.
    fn text(&self) -> Vec<(usize, &str)> {
        let blocks = self.blocks();
        let in_block =
            |at: usize| blocks.iter().any(|b| b.lines.start - 1 <= at && at <= b.lines.end);
        let lines = self.lines.iter().enumerate().filter(|(at, _)| !in_block(*at));
        lines.map(|(at, line)| (at + 1, line.as_str())).collect()
    }

    /// What stands in code font in its text, with the lines.
    fn code(&self) -> Vec<(usize, &str)> {
        let spans = |(at, line)| {
            let parts = str::split(line, '`').enumerate().filter(|(part, _)| part % 2 == 1);
            parts.map(move |(_, code)| (at, code))
        };
        self.text().into_iter().flat_map(spans).collect()
    }

    /// Commands in `sh` blocks and in code font, with the lines.
    fn commands(&self) -> Vec<(usize, String)> {
        let mut found: Vec<(usize, String)> = Vec::new();
        for block in self.blocks().iter().filter(|block| block.info == "sh") {
            let mut goes_on = false;
            for (at, line) in (block.lines.start + 1..).zip(self.body(block)) {
                let words = line.trim_end_matches('\\');
                match found.last_mut().filter(|_| goes_on) {
                    Some((_, before)) => before.push_str(words),
                    None => found.push((at, words.to_owned())),
                }
                goes_on = line.ends_with('\\');
            }
        }
        let code = self.code().into_iter().map(|(at, code)| (at, code.to_owned()));
        found.extend(code);
        found
    }
}

fn pages() -> Vec<Page> {
    let mut paths = vec!["README.md".to_owned(), ".github/CONTRIBUTING.md".to_owned()];
    for folder in ["sim/docs", "conformance/docs", "conformance/adapters"] {
        let entries = fs::read_dir(top().join(folder)).expect("a folder of pages");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        paths.extend(names.filter(|n| n.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    paths.sort();
    assert!(paths.len() > 20, "only {} pages were found", paths.len());
    paths.into_iter().map(Page::read).collect()
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ---- Commands and samples

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

// ---- Counts

/// How many lines of a source file begin like this, within the braces that `opening` opens.
fn entries(path: &str, opening: &str, is_entry: impl Fn(&str) -> bool) -> usize {
    let text = fs::read_to_string(top().join(path)).expect("a source file");
    let inside = text.lines().skip_while(|line| *line != opening).take_while(|line| *line != "}");
    inside.filter(|line| is_entry(line)).count()
}

fn counts() -> BTreeMap<&'static str, usize> {
    let races = Defect::ALL.iter().filter(|row| row.race).count();
    let is_race = |line: &str| line.starts_with("    ") && line.contains(": \"");
    let is_fault = |line: &str| line.starts_with("    ") && line.ends_with(',');
    BTreeMap::from([
        ("scenarios", Library::embedded().expect("sound scenarios").iter().count()),
        ("clauses", CLAUSES.len()),
        ("questions", QUESTIONS.len()),
        ("mutants", Defect::ALL.len()),
        ("mutants-in-races", races),
        ("mutants-in-steps", Defect::ALL.len() - races),
        ("invariants", INVARIANTS.len()),
        ("broken-worlds", Sabotage::ALL.len()),
        ("situations", SITUATIONS.len()),
        ("deviations", Deviation::ALL.len()),
        ("races", entries("sim/runtime/tests/loom/main.rs", "races! {", is_race)),
        (
            "runtime-defects",
            entries("sim/runtime/src/sync/faults.rs", "pub(crate) enum Fault {", is_fault),
        ),
    ])
}

const MARK: &str = "<!-- count:";

/// A line with the numbers of the code behind its marks.
fn counted(line: &str, counts: &BTreeMap<&str, usize>) -> Result<String, String> {
    let mut parts = line.split(MARK);
    let mut anew = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->").ok_or("a mark does not end with ` -->`")?;
        let count = counts.get(name).ok_or_else(|| format!("nothing counts `{name}`"))?;
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let _ = write!(anew, "{MARK}{name} -->{count}{rest}");
    }
    Ok(anew)
}

/// What is counted, as a text would say it.
const NOUNS: &[&str] = &[
    "scenarios",
    "clauses",
    "questions",
    "mutants",
    "defects",
    "invariants",
    "situations",
    "races",
];

/// A number before such a word that no mark holds.
fn is_unmarked(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_digit());
    let is_noun = |word: &str| NOUNS.contains(&word.trim_matches(|c: char| !c.is_alphabetic()));
    words.windows(2).any(|pair| is_number(pair[0]) && is_noun(pair[1]))
}

#[test]
fn counts_are_those_of_the_code() {
    let counts = counts();
    let mut wrong = Vec::new();
    for mut page in pages() {
        let mut anew = page.lines.clone();
        for (number, line) in page.text() {
            match counted(line, &counts) {
                Ok(line) => anew[number - 1] = line,
                Err(why) => wrong.push(format!("{}:{number}: {why}", page.path)),
            }
            if is_unmarked(line) {
                let why = "a count that nothing holds: put `<!-- count:NAME -->` before it";
                wrong.push(format!("{}:{number}: {why}: {line}", page.path));
            }
        }
        if anew != page.lines && writes() {
            page.lines = anew;
            page.save();
        } else if anew != page.lines {
            let (at, line) =
                anew.iter().enumerate().find(|(at, l)| page.lines[*at] != **l).unwrap();
            wrong.push(format!("{}:{}: should be: {line}\n{ANEW}", page.path, at + 1));
        }
    }
    none(&wrong);
}

// ---- Links and paths

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &Page) -> BTreeSet<String> {
    let headings = page.text().into_iter().filter_map(|(_, line)| line.strip_prefix('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// What is wrong with the target of a link, if anything is.
fn lost(page: &Page, target: &str) -> Option<String> {
    if target.starts_with("http://") || target.starts_with("https://") {
        return None;
    }
    let (file, place) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&page.path).parent().expect("a folder");
    let path =
        if file.is_empty() { page.path.clone() } else { folder.join(file).display().to_string() };
    if !top().join(&path).exists() {
        return Some(format!("`{target}`: there is no {path}"));
    }
    let known = place.is_empty() || anchors(&Page::read(path.clone())).contains(place);
    (!known).then(|| format!("`{target}`: {path} has no heading of this name"))
}

/// A line of text without what stands in code font.
fn without_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts.map(|(part, text)| if part % 2 == 0 { text } else { "code" }).collect()
}

/// What follows each occurrence of `opening`, up to `closing`.
fn between<'t>(text: &'t str, opening: &str, closing: char) -> Vec<&'t str> {
    let parts = text.split(opening).skip(1);
    parts.filter_map(|part| part.split_once(closing).map(|(inside, _)| inside)).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let lines: Vec<(usize, String)> =
            page.text().into_iter().map(|(at, line)| (at, without_code(line))).collect();
        let is_definition =
            |line: &&(usize, String)| line.1.starts_with('[') && line.1.contains("]: ");
        let definitions: BTreeMap<&str, &str> = lines
            .iter()
            .filter(is_definition)
            .filter_map(|(_, line)| line[1..].split_once("]: "))
            .collect();
        let text = lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n");
        let used: BTreeSet<&str> = between(&text, "][", ']').into_iter().collect();
        let defined: BTreeSet<&str> = definitions.keys().copied().collect();
        for name in used.symmetric_difference(&defined) {
            wrong.push(format!("{}: `[{name}]` is used or defined, not both", page.path));
        }
        for target in between(&text, "](", ')').into_iter().chain(definitions.into_values()) {
            wrong.extend(lost(&page, target).map(|why| format!("{}: {why}", page.path)));
        }
    }
    none(&wrong);
}

/// Paths in code font that begin with a folder of the top level.
#[test]
fn paths_exist() {
    let tops = ["sim/", "conformance/", "scenarios/", "snapshots/", ".ci/", ".github/"];
    let is_pattern = |path: &str| {
        path.contains(['…', '*', ' ']) || path.contains("NAME") || path.contains("LANGUAGE")
    };
    let mut wrong = Vec::new();
    for page in pages() {
        for (number, code) in page.code() {
            let named = tops.iter().any(|top| code.starts_with(top)) && !is_pattern(code);
            if named && !top().join(code).exists() {
                wrong.push(format!("{}:{number}: there is no {code}", page.path));
            }
        }
    }
    none(&wrong);
}

/// Every page is in the documentation that `cargo doc` makes, with its links.
#[test]
fn pages_are_in_rustdoc() {
    let mut wrong = Vec::new();
    for page in pages() {
        let (facade, rest) = page.path.split_once('/').unwrap_or_default();
        if !["sim", "conformance"].contains(&facade) {
            continue;
        }
        let name = rest.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
        let modules =
            fs::read_to_string(top().join(facade).join("src/docs.rs")).unwrap_or_default();
        let links = page.text().into_iter().filter_map(|(_, line)| line.split_once("]: "));
        let links = links.filter(|(name, _)| name.starts_with('['));
        let needed = links.map(|(name, _)| format!("\"{name}]: "));
        for text in needed.chain([format!("{name}\")]")]) {
            if !modules.contains(&text) {
                wrong.push(format!("{}: {facade}/src/docs.rs lacks {text}", page.path));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_readme_is_short() {
    let bytes = fs::metadata(top().join("README.md")).expect("a file").len() as usize;
    assert!(
        bytes <= README_BYTES,
        "README.md has {bytes} bytes; {README_BYTES} are enough: move something into sim/docs or \
         conformance/docs"
    );
}

// ---- Options, targets, fields

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

/// Every table of measurements says by which command it was made, at which commit, and when.
#[test]
fn measurements_say_where_they_come_from() {
    let page = Page::read("sim/docs/benchmarks.md".to_owned());
    let lines: Vec<&str> = page.lines.iter().map(String::as_str).collect();
    let mut wrong = Vec::new();
    let mut marked = false;
    for (at, line) in lines.iter().enumerate() {
        let mark = line.strip_prefix("<!-- measured: ");
        marked = (marked && !line.starts_with('#')) || mark.is_some();
        let is_sound = |mark: &str| mark.contains(", 20") && mark.contains("; by: ");
        if mark.is_some_and(|mark| !is_sound(mark)) || (line.starts_with("| ---") && !marked) {
            let form = "`<!-- measured: COMMIT, DATE; by: COMMAND -->`";
            wrong.push(format!("{}:{}: {form} is missing above", page.path, at + 1));
        }
    }
    none(&wrong);
}
