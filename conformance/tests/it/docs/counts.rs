//! Counts in the pages are those of the code.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::PoisonError;

use vdi_conformance::gate::SITUATIONS;
use vdi_conformance::reference::Mutant;
use vdi_conformance::scenario::Library;
use vdi_sim::clauses::{CLAUSES, QUESTIONS};
use vdi_sim::explore::{INVARIANTS, Mutant as ModelMutant};
use vdi_sim::simulate::Deviation;

use super::{ANEW, PAGES, none, pages, top, writes};

/// How many lines of a source file begin like this, within the braces that `opening` opens.
fn entries(path: &str, opening: &str, is_entry: impl Fn(&str) -> bool) -> usize {
    let text = fs::read_to_string(top().join(path)).expect("a source file");
    let inside = text.lines().skip_while(|line| *line != opening).take_while(|line| *line != "}");
    inside.filter(|line| is_entry(line)).count()
}

fn counts() -> BTreeMap<&'static str, usize> {
    let races = Mutant::ALL.iter().filter(|row| row.race).count();
    let is_race = |line: &str| line.starts_with("    ") && line.contains(": \"");
    let is_mutant = |line: &str| line.starts_with("    ") && line.ends_with(',');
    BTreeMap::from([
        ("scenarios", Library::embedded().expect("sound scenarios").iter().count()),
        ("clauses", CLAUSES.len()),
        ("questions", QUESTIONS.len()),
        ("mutants", Mutant::ALL.len()),
        ("mutants-in-races", races),
        ("mutants-in-steps", Mutant::ALL.len() - races),
        ("invariants", INVARIANTS.len()),
        ("broken-worlds", ModelMutant::ALL.len()),
        ("situations", SITUATIONS.len()),
        ("deviations", Deviation::ALL.len()),
        ("walks", vdi_conformance::walks::usual().len()),
        ("racing-walks", vdi_conformance::walks::usual_racing().len()),
        ("races", entries("sim/runtime/tests/loom/held.rs", "races! {", is_race)),
        (
            "runtime-defects",
            entries("sim/runtime/src/sync/mutants.rs", "pub(crate) enum Mutant {", is_mutant),
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
        if name == "NAME" {
            // How a mark is written, not one.
            let _ = write!(anew, "{MARK}{part}");
            continue;
        }
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
    let _pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
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
