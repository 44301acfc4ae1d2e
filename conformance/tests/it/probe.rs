//! `vdi probe`: the sound library is conformant, and one with a defect is found by a clause
//! that fits.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::clients::stage::{Ended, Stage, library, word};
use crate::support::at_once;

mod again;
mod container;
mod seen;
mod small;

/// The library with defects, compiled once for all tests of this process.
fn defective() -> PathBuf {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    let build = || {
        let folder = TempDir::new().expect("a folder");
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Command::new("g++")
            .args(["-std=c++11", "-Wall", "-shared", "-fPIC", "-pthread", "-I"])
            .arg(here.join("../sim/libsqlvdi/include"))
            .arg(here.join("probe/tests/defective.cpp"))
            .args(["-ldl", "-o"])
            .arg(folder.path().join("libsqlvdi.so"))
            .status();
        assert!(built.expect("g++ starts").success(), "it does not compile");
        folder
    };
    BUILT.get_or_init(build).path().join("libsqlvdi.so")
}

/// A probe of this library on this stage.
fn command(stage: &Stage, library: &Path, words: &[&str]) -> Command {
    let sql = format!("{} -b -Q {{statement}}", stage.path("bin/sqlcmd").display());
    let library = word(library).to_owned();
    let mut all = vec!["probe", "--library", &library, "--sql", &sql];
    all.extend(["--database-prefix", "vdi_probe_"]);
    all.extend(words);
    let mut command = stage.vdi(&all);
    command.env("VDI_SERVER", "none");
    command
}

/// The defects, each with scenarios that show it, and what clauses that fit begin with;
/// `crash` is for what ends the process.
const DEFECTS: &str = include_str!("probe/defects.txt");

/// What was found of a defect: the verdict and the clause of every scenario that failed.
fn found(defect: &str, filters: &[&str]) -> Vec<(String, String)> {
    let stage = Stage::new();
    let mut words = vec!["--format", "json", "--timeout", "6"];
    filters.iter().for_each(|filter| words.extend(["--filter", filter]));
    let mut command = command(&stage, &defective(), &words);
    command.env("DEFECT", defect).env("ORIGINAL", library().join("libsqlvdi.so"));
    let ended = Ended::of(&mut command);
    let report: Value =
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let all = report["scenarios"].as_array().expect("scenarios");
    let failed = all.iter().filter(|one| one["verdict"] != "conformant");
    let told = |one: &Value| {
        let clause = one["detail"]["clause"].as_str().unwrap_or_default();
        (one["verdict"].as_str().expect("a verdict").to_owned(), clause.to_owned())
    };
    failed.map(told).collect()
}

fn fits(verdict: &str, clause: &str, fitting: &[&str]) -> bool {
    fitting.iter().any(|one| match *one {
        "crash" => verdict == "crashed",
        begins => verdict == "violation" && clause.starts_with(begins),
    })
}

#[test]
fn every_seeded_defect_is_found_by_a_clause_that_fits() {
    let rows: Vec<(&str, Vec<&str>, Vec<&str>)> = DEFECTS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut parts = line.split(" : ");
            let mut part = || parts.next().unwrap_or_else(|| panic!("{line}: three parts"));
            (part(), part().split(' ').collect(), part().split(' ').collect())
        })
        .collect();
    let source = include_str!("../../probe/tests/defective.cpp");
    for (defect, ..) in &rows {
        assert!(source.contains(&format!("is(\"{defect}\")")), "{defect} is no defect");
    }
    assert!(rows.len() >= 80, "only {} defects are seeded", rows.len());
    let wrong = at_once(&rows, |(defect, filters, fitting)| {
        let found = found(defect, filters);
        let fits = found.iter().any(|(verdict, clause)| fits(verdict, clause, fitting));
        if fits {
            return String::new();
        }
        format!("{defect}: {found:?}, expected one of {fitting:?}\n")
    });
    assert_eq!(wrong.concat(), "");
}

#[test]
fn the_library_without_a_defect_is_conformant_behind_the_same_calls() {
    let filters = ["create/", "not-open/", "refused/", "secondary/", "lives/", "abort/held"];
    assert_eq!(found("none", &filters), []);
}

#[test]
fn the_sound_library_is_conformant_and_leaves_nothing() {
    let stage = Stage::new();
    let ended = Ended::of(&mut command(&stage, &library().join("libsqlvdi.so"), &[]));
    assert_eq!(ended.code, 0, "{}", ended.out);
    let databases = std::fs::read_dir(stage.path("data")).expect("databases").count();
    assert_eq!(databases, 0, "databases are left");
    stage.leaves_nothing();
}

#[test]
fn a_dry_run_names_every_statement_and_does_nothing() {
    let stage = Stage::new();
    let filter = ["--dry-run", "--scenario", "restore/for-ever"];
    let ended = Ended::of(&mut command(&stage, &library().join("libsqlvdi.so"), &filter));
    assert_eq!(ended.code, 0);
    let lines: Vec<&str> = ended.out.lines().collect();
    let begins = ["CREATE DATABASE [vdi_probe_", "BACKUP DATABASE [", "RESTORE DATABASE [", "DROP"];
    assert_eq!(lines.len(), begins.len(), "{lines:?}");
    for (line, begins) in lines.iter().zip(begins) {
        assert!(line.starts_with(begins), "{line}");
    }
    assert_eq!(std::fs::read_dir(stage.path("data")).expect("databases").count(), 0);
}

#[test]
fn what_cannot_be_probed_is_said() {
    let library = library().join("libsqlvdi.so");
    let code = |words: &[&str]| {
        let ended = Ended::of(Command::new(env!("CARGO_BIN_EXE_vdi")).arg("probe").args(words));
        assert!(ended.out.is_empty(), "{ended:?}");
        (ended.code, ended.told)
    };
    let library = word(&library);
    let sql = "false {statement}";
    let all =
        |library, sql, prefix| ["--library", library, "--sql", sql, "--database-prefix", prefix];
    for (words, expected, says) in [
        (all(library, sql, "x"), 64, "no prefix for databases"),
        (all(library, "false", "vdi_probe_"), 64, "{statement} is nowhere"),
        (all("nowhere.so", sql, "vdi_probe_"), 69, "nowhere.so"),
        (all(library, "no-such-program {statement}", "vdi_probe_"), 69, "no-such-program"),
    ] {
        let (code, told) = code(&words);
        assert_eq!(code, expected, "{words:?}: {told}");
        assert!(told.contains(says), "{words:?}: {told}");
    }
    let (code, told) = code(&[&all(library, sql, "vdi_probe_")[..], &["--filter", "x/"]].concat());
    assert_eq!((code, told.contains("no scenario begins so")), (64, true));
}

#[test]
fn a_server_that_does_nothing_decides_nothing() {
    let words = ["--scenario", "backup/for-ever", "--scenario", "create/one-device"];
    let stage = Stage::new();
    let library = library().join("libsqlvdi.so");
    let all = ["probe", "--library", word(&library), "--sql", "false {statement}"];
    let all = [&all[..], &["--database-prefix", "vdi_probe_"], &words].concat();
    let ended = Ended::of(&mut stage.vdi(&all));
    assert_eq!(ended.code, 2, "{}", ended.out);
    assert!(ended.out.contains("the database of the scenario cannot be made"), "{}", ended.out);
    // Statements that fail, and say nothing, blame nobody.
    let silent = "sh -c 'case \"$0\" in BACKUP*) exit 1;; esac' {statement}";
    let all = ["probe", "--library", word(&library), "--sql", silent, "--timeout", "30"];
    let all = [&all[..], &["--database-prefix", "vdi_probe_"], &words[..2]].concat();
    let ended = Ended::of(&mut stage.vdi(&all));
    assert_eq!(ended.code, 2, "{}", ended.out);
}

#[test]
fn what_is_no_library_is_no_verdict() {
    let stage = Stage::new();
    let path = stage.path("libsqlvdi.so");
    std::fs::write(&path, "no library").expect("written");
    let ended = Ended::of(&mut command(&stage, &path, &["--filter", "create/"]));
    assert_eq!(ended.code, 69, "{}", ended.out);
}

#[test]
fn what_comes_home_has_no_names_and_is_judged_anywhere() {
    let stage = Stage::new();
    let home = stage.path("home");
    let library = library().join("libsqlvdi.so");
    let words = ["--out", word(&home), "--scenario", "backup/for-ever", "--scenario", "abort/held"];
    let ended = Ended::of(&mut command(&stage, &library, &words));
    assert_eq!(ended.code, 0, "{}", ended.out);
    let sums = std::fs::read_to_string(home.join("SHA256SUMS")).expect("sums");
    let names: Vec<&str> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    let files = ["about.json", "profile.json", "readings.json", "readings.txt", "report.json"];
    let more = [
        "report.junit.xml",
        "report.txt",
        "traces/abort/held.jsonl",
        "traces/backup/for-ever.jsonl",
    ];
    let expected: std::collections::BTreeSet<&str> = files.into_iter().chain(more).collect();
    assert_eq!(names.iter().copied().collect::<std::collections::BTreeSet<_>>(), expected);
    for name in names {
        let text = std::fs::read_to_string(home.join(name)).expect("a file of it");
        for secret in ["vdi_probe_", "sqlcmd", "localhost", word(&stage.path(""))] {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
        if name.starts_with("traces/") {
            let checked = Ended::of(&mut stage.vdi(&["check", word(&home.join(name))]));
            assert_eq!(checked.code, 0, "{name}: {checked:?}");
            let redacted = Ended::of(&mut stage.vdi(&["redact", word(&home.join(name))]));
            assert_eq!((redacted.code, redacted.out), (0, text));
        }
    }
    let about = std::fs::read_to_string(home.join("about.json")).expect("about it");
    assert!(about.contains("stand-in of the Virtual Device Interface's"), "{about}");
    // What is there is not written over.
    let again = Ended::of(&mut command(&stage, &library, &words));
    assert_eq!(again.code, 64, "{again:?}");
}
