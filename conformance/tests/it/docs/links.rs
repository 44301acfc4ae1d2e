//! Links, anchors and paths in the pages lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Page, none, pages, top};

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
