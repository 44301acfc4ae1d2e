//! The commands that simulate and explore, as a person meets them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::{code, folder, scenario, told_in};
use crate::support::{snapshot, told, vdi, word};

/// Worlds from seeds: one that is as it should be, one whose client deviates, a campaign, a
/// defect with the command that shows it again, and what cannot be asked for.
#[test]
fn simulating() {
    let mut text = String::new();
    for words in [
        &["simulate", "--seed", "3"][..],
        &["simulate", "--seed", "6"],
        &["simulate", "--seeds", "0..200", "--jobs", "2"],
        &["simulate", "--seed", "48", "--on", "reference", "--defect", "forgets-delivered"],
        &["simulate", "--seed", "1", "--set", "colour=1"],
        &["simulate", "--seed", "1", "--set", "blockSize=700"],
        &["simulate", "--seed", "1", "--defect", "forgets-delivered"],
        &["simulate"],
        &["simulate", "--seeds", "9..3"],
        &["simulate", "--seeds", "0..9", "--shard", "3/2"],
        &["simulate", "--seeds", "0..9", "--shard", "11/20"],
        &["simulate", "--seeds", "0..9", "--output", "no/such/folder.json"],
        &["merge", "README.md"],
    ] {
        text.push_str(&told(words));
        text.push('\n');
    }
    snapshot("cli", "simulate", &text);
}

/// Every option that a seed draws is explained, and none besides.
#[test]
fn options_of_a_world() {
    let text = told(&["simulate", "--list-options"]);
    snapshot("cli", "simulate-options", &text);
    let world = vdi(&["simulate", "--seed", "7", "--format", "json"]).stdout;
    let world: Value = serde_json::from_slice(&world).expect("JSON");
    let drawn = world["options"].as_object().expect("options").iter().flat_map(|(key, value)| {
        let inner =
            value.as_object().map(|inner| inner.keys().map(move |name| format!("{key}.{name}")));
        inner.map_or_else(|| vec![key.clone()], Iterator::collect)
    });
    let explained = text.lines().filter(|line| !line.starts_with([' ', '$']));
    let explained =
        explained.filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_owned());
    assert_eq!(explained.collect::<BTreeSet<_>>(), drawn.collect::<BTreeSet<_>>());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

/// The same seed gives the same bytes in another process, and a result survives its file.
#[test]
fn simulating_twice() {
    let replayed = || vdi(&["replay", "--seed", "6", "--json"]).stdout;
    assert_eq!(replayed(), replayed());
    let folder = folder(&[]);
    let path = |name: &str| word(folder.path()).to_owned() + "/" + name;
    let part = |shard: &str, name: &str| {
        let words = ["simulate", "--seeds", "0..60", "--shard", shard, "--digest", "--output"];
        code(&[&words[..], &[&path(name)]].concat())
    };
    assert_eq!((part("1/2", "1.json"), part("2/2", "2.json")), (0, 0));
    let merged = told(&["merge", &path("1.json"), &path("2.json")]);
    let whole = told(&["simulate", "--seeds", "0..60", "--digest"]);
    let rest = |text: &str| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rest(&merged), rest(&whole));
    assert_eq!(code(&["merge", &path("1.json"), &path("1.json")]), 65);
}

/// A small world; the counts are the same on any machine.
#[test]
fn exploring() {
    let words =
        ["explore", "--devices", "1", "--commands", "1", "--buffers", "0", "--threads", "2"];
    let text = told(&words);
    let lines = text.lines().filter(|line| !line.starts_with("depth "));
    snapshot("cli", "explore", &lines.fold(String::new(), |all, line| all + line + "\n"));
}

/// What an earlier generation left is removed, and nothing else.
#[test]
fn generating_removes_what_is_stale() {
    let of = |id: &str| scenario(|text| text.replace("a/b", id));
    let (stale, named, foreign) = (of("generated/999"), of("generated/mine"), of("elsewhere/998"));
    let folder = folder(&[
        ("generated/999.json", &stale),
        ("generated/mine.json", &named),
        ("generated/998.json", &foreign),
        ("999.json", &stale),
    ]);
    let text = told_in(folder.path(), &["explore", "--scenarios", word(folder.path())]);
    assert!(text.contains("scenarios, 1 of an earlier generation removed\nexit 0"), "{text}");
    let there = |name: &str| folder.path().join(name).exists();
    assert!(!there("generated/999.json") && there("generated/001.json"));
    assert!(there("generated/mine.json") && there("generated/998.json") && there("999.json"));
}
