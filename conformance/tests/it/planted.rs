//! Files that somebody else has put where ours are looked for or made: nothing of theirs is
//! followed, emptied or believed. Where this user may, another user's links are planted; else
//! what the user itself has put there, which is told apart by the rules beside
//! `vdi_trace::files`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use vdi_sim::trace::files;

use crate::support::word;

/// Another user, who needs no name.
const OTHER: u32 = 54_321;

/// What is not to be lost.
const PRECIOUS: &str = "not to be lost";

/// A folder that everybody may write, and a file elsewhere that nobody else may.
struct Place {
    folder: TempDir,
    open: PathBuf,
    precious: PathBuf,
}

impl Place {
    /// Nothing, where another user's files cannot be made.
    #[expect(clippy::print_stderr, reason = "that less was tried belongs into the log")]
    fn new() -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let (open, precious) = (folder.path().join("open"), folder.path().join("precious"));
        fs::create_dir(&open).expect("made");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).expect("set");
        fs::write(&precious, PRECIOUS).expect("written");
        let probe = open.join("probe");
        symlink(&precious, &probe).expect("linked");
        if let Err(error) = lchown(&probe, Some(OTHER), Some(OTHER)) {
            eprintln!("another user's links cannot be planted here: {error}");
            return None;
        }
        fs::remove_file(&probe).expect("removed");
        Some(Self { folder, open, precious })
    }

    /// A link of another user's to the precious file.
    fn plant(&self, name: &str) -> PathBuf {
        let link = self.open.join(name);
        symlink(&self.precious, &link).expect("linked");
        lchown(&link, Some(OTHER), Some(OTHER)).expect("given away");
        link
    }

    fn untouched(&self, what: &str) {
        let now = fs::read_to_string(&self.precious).expect("it is there");
        assert_eq!(now, PRECIOUS, "{what}");
        let mode = self.precious.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077 & !0o044, 0, "{what}: {mode:o}");
    }
}

/// A run of `vdi`: its exit code, and what it says.
fn ran(words: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut vdi = Command::new(env!("CARGO_BIN_EXE_vdi"));
    let output = vdi.args(words).envs(variables.iter().copied()).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Whatever is written because a name was given: reports, traces, what `sqlcmd` prints.
#[test]
fn planted_links_are_not_written_through() {
    let Some(place) = Place::new() else { return };
    let trace = "scenarios/recorded/one-device-backup.jsonl";
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let trace = format!("{top}/{trace}");
    for (name, before) in [
        ("report", &["run", "--filter", "server/close", "--output"][..]),
        ("page", &["view", &trace, "--output"]),
        ("joined", &["join", &trace, "--output"]),
        ("redacted", &["redact", &trace, "--output"]),
        ("campaign", &["simulate", "--seeds", "0..2", "--output"]),
        ("sqlcmd", &["sqlcmd", "-Q", "SELECT 1", "-o"]),
    ] {
        let link = place.plant(name);
        let words: Vec<&str> = before.iter().copied().chain([word(&link)]).collect();
        let (code, said) = ran(&words, &[("VDI_SERVER", "none")]);
        assert_ne!(code, Some(0), "{name}: {said}");
        assert!(said.contains("somebody else may have put it there"), "{name}: {said}");
        place.untouched(name);
    }
}

/// The standing server's place: its folder, its lock, its socket, its certificate.
#[test]
fn a_standing_server_stands_on_nothing_of_others() {
    let Some(place) = Place::new() else { return };
    let serve = |socket: &Path, variables: &[(&str, &str)]| {
        ran(&["serve", "--socket", word(socket)], variables)
    };
    // A link in the place of the lock.
    place.plant("a.lock");
    let (code, said) = serve(&place.open.join("a.sock"), &[]);
    assert_eq!(code, Some(69), "{said}");
    place.untouched("lock");
    // A lock that is another's, with a second name, or that others may write.
    let lock = place.open.join("b.lock");
    fs::write(&lock, PRECIOUS).expect("written");
    chown(&lock, Some(OTHER), Some(OTHER)).expect("given away");
    let (code, said) = serve(&place.open.join("b.sock"), &[]);
    assert!(code == Some(69) && said.contains("another user's"), "{said}");
    fs::hard_link(&place.precious, place.open.join("c.lock")).expect("linked");
    let (code, said) = serve(&place.open.join("c.sock"), &[]);
    assert!(code == Some(69) && said.contains("second name"), "{said}");
    place.untouched("second name");
    // What is there and no socket is not removed.
    let socket = place.folder.path().join("precious.sock");
    fs::rename(&place.precious, &socket).expect("renamed");
    let (code, said) = serve(&socket, &[]);
    assert!(code == Some(69) && said.contains("no socket"), "{said}");
    fs::rename(&socket, &place.precious).expect("renamed");
    place.untouched("socket");
    // Its own folder, where there is none for such things: made by another before it.
    let temporary = place.open.join("tmp");
    fs::create_dir(&temporary).expect("made");
    let user = fs::metadata("/proc/self").expect("there").uid();
    let folder = temporary.join(format!("vdi-{user}"));
    fs::create_dir(&folder).expect("made");
    chown(&folder, Some(OTHER), Some(OTHER)).expect("given away");
    let nowhere = [("XDG_RUNTIME_DIR", "none"), ("TMPDIR", word(&temporary))];
    let (code, said) = ran(&["serve"], &nowhere);
    assert!(code == Some(69) && said.contains("another user's"), "{said}");
    fs::remove_dir(&folder).expect("removed");
    symlink(place.folder.path(), &folder).expect("linked");
    let (code, said) = ran(&["serve"], &nowhere);
    assert!(code == Some(69) && said.contains("no folder of its own"), "{said}");
    assert!(!place.folder.path().join("server-.lock").exists());
}

/// The rules by themselves, which need no other user.
#[test]
fn what_is_ours_is_ours_alone() {
    let folder = TempDir::new().expect("a temporary folder");
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, PRECIOUS).expect("written");
    symlink(&file, &link).expect("linked");
    assert!(files::own(&link).is_err(), "a link");
    assert!(files::plain(&link).is_err(), "a link");
    assert!(files::plain(folder.path()).is_err(), "a folder");
    files::own(&file).expect("ours");
    assert_eq!(fs::read_to_string(&file).expect("there"), PRECIOUS, "nothing is cut short");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).expect("set");
    assert!(files::own(&file).is_err(), "others may write it");
    // What its user has named is followed, and written anew.
    files::write(&link, "new").expect("written");
    assert_eq!(fs::read_to_string(&file).expect("there"), "new");
    // What takes the place of another takes that of the link.
    files::replace(&link, |new| std::io::Write::write_all(new, b"newer")).expect("written");
    assert!(!link.is_symlink());
    assert_eq!(fs::read_to_string(&file).expect("there"), "new");
    let private = folder.path().join("private");
    files::private_folder(&private).expect("made");
    assert_eq!(private.metadata().expect("there").permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&private, fs::Permissions::from_mode(0o777)).expect("set");
    assert!(files::private_folder(&private).is_err(), "others may write it");
    let path = {
        let temporary = files::Temporary::new("vdi-test").expect("made");
        let mode = temporary.path().metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        temporary.path().to_owned()
    };
    assert!(!path.exists());
}

/// An installer that is run again, with links planted in its folder.
#[test]
fn an_installation_replaces_links() {
    let folder = TempDir::new().expect("a temporary folder");
    let precious = folder.path().join("precious");
    fs::write(&precious, PRECIOUS).expect("written");
    let kit = folder.path().join("kit");
    let names = ["bin/vdi", "bin/sqlcmd", "lib/libsqlvdi.so", "include/vdi.h"];
    for name in names {
        let path = kit.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        symlink(&precious, path).expect("linked");
    }
    let (code, said) = ran(&["install", word(&kit)], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::read_to_string(&precious).expect("there"), PRECIOUS);
    for name in names {
        assert_eq!(kit.join(name).is_symlink(), name == "bin/sqlcmd", "{name}");
    }
    let program = Command::new(kit.join("bin/sqlcmd")).arg("-?").output();
    assert!(program.is_ok(), "it can be run");
    let left = fs::read_dir(kit.join("bin")).expect("a folder").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
