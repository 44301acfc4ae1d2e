//! README and pages cannot rot: their commands are run and their samples compared, their
//! counts are those of the code, their links, paths, options and targets exist.
//!
//! `VDI_DOCS=write cargo test -p vdi_conformance --test it docs` writes samples and counts anew.

mod commands;
mod counts;
mod diagrams;
mod links;
mod real;

use std::fs;
use std::ops::Range;
use std::sync::Mutex;

use super::tidy::top;

/// Bytes of a landing page.
const README_BYTES: usize = 8192;

/// What to do about a sample or a count.
const ANEW: &str = "`VDI_DOCS=write cargo test -p vdi_conformance --test it docs` writes it anew";

fn writes() -> bool {
    std::env::var("VDI_DOCS").is_ok_and(|word| word == "write")
}

/// One test at a time reads pages and writes them anew.
static PAGES: Mutex<()> = Mutex::new(());

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

/// What is in code font ends in its line: the other tests rely on it.
#[test]
fn code_font_ends_in_its_line() {
    let mut wrong = Vec::new();
    for page in pages() {
        let odd = page.text().into_iter().filter(|(_, line)| line.matches('`').count() % 2 == 1);
        wrong.extend(odd.map(|(number, line)| format!("{}:{number}: {line}", page.path)));
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
