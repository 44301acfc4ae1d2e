//! The command on a terminal of so many columns: it uses them, and no more.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::vdi;

/// What `vdi` prints on a terminal, as the terminal gets it, with these variables set.
fn on_terminal(columns: u16, words: &[&str], variables: &[(&str, &str)]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let size = Winsize { ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).expect("sized");
    let name = ptsname(&ours, Vec::new()).expect("its name").into_string().expect("UTF-8");
    let theirs = OpenOptions::new().read(true).write(true).open(name).expect("it opens");
    let mut child = Command::new(env!("CARGO_BIN_EXE_vdi"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let mut told = Vec::new();
    // Once nobody has it open any more, reading from a terminal fails.
    let ended = File::from(ours).read_to_end(&mut told);
    assert!(ended.is_err() || !told.is_empty());
    child.wait().expect("it ends");
    String::from_utf8(told).expect("text").replace("\r\n", "\n")
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// 80 columns are enough for what is for people.
#[test]
fn eighty_columns_are_enough() {
    for words in [
        &["list", "scenarios"][..],
        &["list", "clauses"],
        &["list", "coverage"],
        &["list", "readings"],
        &["list", "profiles"],
        &["list", "mutants"],
        &["list", "parties"],
        &["explain"],
        &["explain", "--language", "es"],
        &["explain", "Complete"],
        &["ask", "--given", "Active", "server.main", "Close", "sset"],
        &["table", "set"],
        &["table", "server"],
        &["table", "client"],
        &["table", "device"],
        &["simulate", "--list-options"],
    ] {
        let text = on_terminal(80, words, &[]);
        assert!(text.lines().count() > 2, "{words:?}: {text}");
        let wide = text.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{words:?}");
    }
}

/// What is no terminal gets a line whole, and a table as Markdown; a wider terminal is used.
#[test]
fn the_width_of_the_terminal_is_used() {
    let piped = String::from_utf8(vdi(&["list", "coverage"]).stdout).expect("text");
    assert!(widest(&piped) > 500);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for columns in [90, 200] {
        let text = on_terminal(columns, &["list", "coverage"], &[]);
        assert_eq!(words(&text), words(&piped));
        let widest = widest(&text);
        assert!((usize::from(columns) - 5..=columns.into()).contains(&widest), "{widest}");
    }
    assert!(vdi(&["table", "server"]).stdout.starts_with(b"| function |"));
    let table = |columns| on_terminal(columns, &["table", "server"], &[]);
    let parts = |columns| table(columns).matches("function").count();
    assert_eq!((parts(400), parts(80)), (1, 4), "{}", table(80));
    let markdown = on_terminal(80, &["table", "server", "--format", "markdown"], &[]);
    assert!(markdown.starts_with("| function |"));
}

/// Colours are for terminals, and for who wants them; they change nothing else.
#[test]
fn colours_are_of_a_terminal_alone() {
    let words = ["run", "--defect", "server-close-noerror", "--filter", "abort/"];
    let on = on_terminal(80, &words, &[]);
    assert!(on.contains("\u{1b}[31m\u{1b}[1mFAIL\u{1b}[0m  abort/"), "{on}");
    let plain = on_terminal(80, &words, &[("NO_COLOR", "1")]);
    assert!(plain.starts_with("FAIL  abort/"), "{plain}");
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(on.replace("\u{1b}[31m\u{1b}[1m", "").replace("\u{1b}[0m", ""), plain);
    let piped = vdi(&words).stdout;
    assert_eq!(String::from_utf8(piped).expect("text"), plain);
}
