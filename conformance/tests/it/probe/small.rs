//! A small library that somebody else wrote, with a server of its own: it is conformant as far as
//! its server goes, what is wrong with it on purpose is found, and what it does otherwise than
//! the stand-in, and may, is not held against it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ended, fits, word};
use crate::support::at_once;

/// Which of its sources, and what stands there in place of what.
type Edit = (Source, &'static str, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Library,
    Server,
}

impl Source {
    const fn text(self) -> &'static str {
        match self {
            Self::Library => include_str!("../../../probe/tests/small/library.cpp"),
            Self::Server => include_str!("../../../probe/tests/small/server.cpp"),
        }
    }
}

/// The folder with both, changed so, or as they are.
fn built(edits: &[Edit]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (source, name, more) in [
        (Source::Library, "libsqlvdi.so", &["-shared", "-fPIC"][..]),
        (Source::Server, "small-server", &[]),
    ] {
        let own = edits.iter().filter(|(of, ..)| *of == source);
        let text = own.fold(source.text().to_owned(), |text, (_, old, new)| {
            assert_eq!(text.matches(old).count(), 1, "what is to be changed: {old}");
            text.replace(old, new)
        });
        if text == source.text() && !edits.is_empty() {
            let to = folder.path().join(name);
            std::fs::copy(sound().join(name), to).expect("copied");
            continue;
        }
        let path = folder.path().join(name).with_extension("cpp");
        std::fs::write(&path, text).expect("written");
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let compiled = Command::new("g++")
            .args(["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread"])
            .args(more)
            .arg("-I")
            .arg(here.join("../sim/libsqlvdi/include"))
            .arg("-I")
            .arg(here.join("probe/tests/small"))
            .arg(&path)
            .arg("-o")
            .arg(folder.path().join(name))
            .status();
        assert!(
            compiled.expect("g++ starts").success(),
            "{name} does not compile: {}",
            path.display()
        );
    }
    folder
}

/// Both as they are, compiled once for all tests of this process.
fn sound() -> PathBuf {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    BUILT.get_or_init(|| built(&[])).path().to_owned()
}

/// What came of a scenario: its id, the verdict, the clause, and why nothing is decided.
struct Told {
    id: String,
    verdict: String,
    clause: String,
    whole: String,
}

/// A probe of what is in this folder, with these words; the report, and what is left of databases.
fn probed(folder: &Path, words: &[&str]) -> Vec<Told> {
    let data = TempDir::new().expect("a folder");
    let (library, server) = (folder.join("libsqlvdi.so"), folder.join("small-server"));
    let ended = Ended::of(
        Command::new(env!("CARGO_BIN_EXE_vdi"))
            .args(["probe", "--library", word(&library)])
            .arg("--sql")
            .arg(format!("{} {{statement}}", word(&server)))
            .args(["--database-prefix", "vdi_small_", "--format", "json"])
            .args(words)
            .env("SMALL_DATA", data.path()),
    );
    let left = std::fs::read_dir(data.path()).expect("databases").count();
    assert_eq!(left, 0, "databases are left: {ended:?}");
    let report: Value =
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |one: &Value| Told {
        id: text(&one["id"]),
        verdict: text(&one["verdict"]),
        clause: text(&one["detail"]["clause"]),
        whole: one["detail"].to_string(),
    };
    report["scenarios"].as_array().expect("scenarios").iter().map(told).collect()
}

#[test]
fn a_library_of_somebody_else_is_conformant_as_far_as_its_server_goes() {
    let all = probed(&sound(), &[]);
    // Its server has one device, and no snapshots, and says so.
    let its_own = ["Msg 3226", "Msg 155"];
    for one in &all {
        let said = its_own.iter().any(|said| one.whole.contains(said));
        let right = one.verdict == "conformant" || one.verdict == "inconclusive" && said;
        assert!(right, "{}: {} {}", one.id, one.verdict, one.whole);
    }
    let open = all.iter().filter(|one| one.verdict != "conformant").count();
    assert!(open <= 12 && all.len() >= 140, "{open} of {} are open", all.len());
}

use Source::{Library, Server};

const SENDS_ON_AFTER_AN_ERROR: Edit = (
    Library,
    "            if (other.state != QUEUED) continue;
            other.state = DONE;",
    "            continue;",
);
const GETS: &str =
    "return call.set->wait(lock, timeOut, [&] { return next(*cvd, lock, command); });";
/// ClearError is sent at once, and not when nothing is out any more.
const CLEARS_AT_ONCE: Edit = (
    Server,
    "    while (set.outstanding()) set.take(false);
    set.send(VDC_ClearError);
    if (set.take(true).code == 0 &&",
    "    set.send(VDC_ClearError);
    while (set.outstanding()) set.take(true);
    if (false &&",
);

/// What is wrong, where, the scenarios that show it, and what clauses that fit begin with.
type Defect = (&'static str, &'static [Edit], &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const DEFECTS: &[Defect] = &[
    ("an abort does not wake who waits for a command",
     &[(Library, GETS,
        "bool first = true;
    return call.set->wait(lock, timeOut, [&] {
        int status = next(*cvd, lock, command);
        if (status == VD_E_ABORT && !first && !call.set->left) return int(VD_E_TIMEOUT);
        first = false;
        return status;
    });")],
     &["abort/while-one-waits"],
     &["abort.unblocks"]),
    ("the time-out of GetCommand is in seconds",
     &[(Library, GETS, "if (timeOut > 0) timeOut *= 1000;
    return call.set->wait(lock, timeOut, [&] { return next(*cvd, lock, command); });")],
     &["wait/command-in-parts"], &["client.get-command.timeout"]),
    ("a poll for a command waits for ever",
     &[(Library, GETS, "if (timeOut == 0) timeOut = -1;
    return call.set->wait(lock, timeOut, [&] { return next(*cvd, lock, command); });")],
     &["wait/command-poll"], &["client.get-command.timeout"]),
    ("a wait for a command is over too early",
     &[(Library, GETS, "if (timeOut > 0) timeOut /= 1000;
    return call.set->wait(lock, timeOut, [&] { return next(*cvd, lock, command); });")],
     &["wait/command-in-parts"], &["client.get-command.timeout"]),
    ("all time-outs are in seconds",
     &[(Library, "now() + time_out * 1000;", "now() + time_out * 1000000;")],
     &["wait/configuration-20-ms"],
     &["client.get-configuration.timeout"]),
    ("OpenDevice before the configuration has another code",
     &[(Library, "if (!call.set->read || call.set->left || call.set->all(&Device::seen)) return VD_E_PROTOCOL;",
        "if (!call.set->read) return VD_E_INVALID;
    if (call.set->left || call.set->all(&Device::seen)) return VD_E_PROTOCOL;")],
     &["order/device-before-configuration"], &["client.open-device."]),
    ("ClearError is delivered while other commands are held",
     &[CLEARS_AT_ONCE, (Library, "(device.errored && any_held)", "false")],
     &["code/held-while-another-fails"], &["device.error.clear-error-waits"]),
    ("what is queued is delivered in the error state",
     &[SENDS_ON_AFTER_AN_ERROR], &["code/queued-behind"],
     &["device.error.queue"]),
    ("commands are delivered in another order",
     &[(Library, "slot.turn < first->turn", "slot.turn > first->turn")],
     &["backup/", "restore/"], &["client.get-command.", "client.complete-command."]),
    ("a completed command's buffer has a handle",
     &[(Library, "if (!here || slot.state != HELD || slot.buffer != number) continue;",
        "if (!here || slot.buffer != number) continue;")],
     &["refused/completed-buffer"], &["client.get-buffer-handle.invalid"]),
    ("Close leaves the set's name",
     &[(Library, "if (set->primary) unlink_object(path_of(set->name), set->file);", "")],
     &["create/again-and-again", "lives/five"], &["client.create.status", "client.close."]),
    ("Close leaves the memory",
     &[(Library, "    delete set;
}", "}")],
     &["create/again-and-again", "lives/five"], &["client.close.releases"]),
    ("the death of the server is not noticed",
     &[(Library, "if (server_died || client_died) lock.abort();",
        "if (client_died) lock.abort();
        (void)server_died;")],
     &["cancel/while-one-waits"], &["abort.unblocks", "process.server-death"]),
    ("a Close before the end does not abort",
     &[(Library, "if (open || (set.primary && !finished)) lock.abort();", "if (open && finished) lock.abort();")],
     &["close/held", "close/open"], &["client.close.", "abort."]),
    ("the server takes what failed for done",
     &[(Server, "        printf(\"Msg %d", "        if (failure.number == 3202 || failure.number == 3203) return 0;
        printf(\"Msg %d")],
     &["code/flush-failed", "code/write-disk-full"], &["server.statement."]),
];

#[test]
fn what_is_wrong_with_it_is_found_by_a_clause_that_fits() {
    let wrong = at_once(DEFECTS, |(defect, edits, filters, fitting)| {
        let folder = built(edits);
        let mut words = vec!["--timeout", "20"];
        filters.iter().for_each(|filter| words.extend(["--filter", filter]));
        let all = probed(folder.path(), &words);
        if all.iter().any(|one| fits(&one.verdict, &one.clause, fitting)) {
            return String::new();
        }
        let all: Vec<String> =
            all.iter().map(|one| format!("{} {} {}", one.id, one.verdict, one.clause)).collect();
        format!("{defect}: {all:?}, expected one of {fitting:?}\n")
    });
    assert_eq!(wrong.concat(), "");
}

/// What is otherwise and may be, the reading by which it may, and the scenarios that show it.
type Otherwise = (&'static str, &'static [Edit], Option<&'static str>, &'static [&'static str]);

#[rustfmt::skip]
const OTHERWISE: &[Otherwise] = &[
    ("a database of two Writes",
     &[(Server, "5 * 1024 * 1024 + 12345", "10240")], None,
     &["abort/", "code/", "close/after", "wait/command", "refused/"]),
    ("one buffer", &[(Server, "buffers = 8;", "buffers = 1;")], None,
     &["abort/", "code/held", "wait/", "refused/completed"]),
    ("commands for each feature that the client has asked for",
     &[(Server, "    set.configure();
    for", "    set.configure();
    for (int code : {VDC_Load, VDC_GetPosition, VDC_SetPosition}) {
        bool place = set.has(VDF_RandomAccess);
        if (code == VDC_Load ? set.has(VDF_Removable) : place) command(set, statement, code);
    }
    for")], None,
     &["configuration/", "code/write-overflow"]),
    ("ClearError is sent at once", &[CLEARS_AT_ONCE], None, &["code/"]),
    ("VD_E_ABORT behind the server's Close",
     &[(Library, "    if (device.seen) return VD_E_CLOSE;
    Slot *first", "    if (device.seen) return VD_E_CLOSE;
    if (cvd.set->shared->server_closed) { lock.abort(); return VD_E_ABORT; }
    Slot *first")],
     Some("close-event-after-server-close=abort-error"),
     &["backup/for-ever", "backup/by-polls", "abort/all-done", "cancel/all-done", "restore/by-polls",
       "code/nothing", "code/read-end", "close/"]),
    ("a secondary's Close aborts",
     &[(Library, "if (open || (set.primary && !finished)) lock.abort();",
        "if (open || !finished) lock.abort();")],
     Some("secondary-close=aborts"), &["secondary/"]),
];

#[test]
fn what_it_may_do_otherwise_is_not_held_against_it() {
    let wrong = at_once(OTHERWISE, |(what, edits, reading, filters)| {
        let folder = built(edits);
        let profile = folder.path().join("profile.json");
        let mut words = vec!["--timeout", "60"];
        filters.iter().for_each(|filter| words.extend(["--filter", filter]));
        let failed = |words: &[&str]| -> Vec<String> {
            let all = probed(folder.path(), words);
            assert!(all.iter().any(|one| one.verdict == "conformant"), "{what}: nothing was tried");
            let failed =
                all.iter().filter(|one| !["conformant", "inconclusive"].contains(&&*one.verdict));
            failed.map(|one| format!("{} {} {}", one.id, one.clause, one.whole)).collect()
        };
        let Some(reading) = reading else {
            let failed = failed(&words);
            return if failed.is_empty() { String::new() } else { format!("{what}: {failed:?}\n") };
        };
        // By default it is a violation, which names the reading by which it is none.
        let (question, id) = reading.split_once('=').expect("a reading");
        let without = failed(&words);
        if without.is_empty() || !without.iter().all(|one| one.contains(question)) {
            return format!("{what}: {reading} is not named: {without:?}\n");
        }
        let text =
            format!("{{\"base\":\"documented-pages\",\"readings\":{{\"{question}\":\"{id}\"}}}}");
        std::fs::write(&profile, text).expect("written");
        words.extend(["--profile", word(&profile)]);
        let with = failed(&words);
        if with.is_empty() { String::new() } else { format!("{what}, by {reading}: {with:?}\n") }
    });
    assert_eq!(wrong.concat(), "");
}
