//! What shells and `man` are told of the command line is what `vdi --help` says.

use std::fs;
use std::process::Command;

use crate::support::vdi;

fn text_of(words: &[&str]) -> String {
    let output = vdi(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The commands that `vdi --help` names.
fn commands() -> Vec<String> {
    let help = text_of(&["--help"]);
    let names = help.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    let names: Vec<String> = names.filter(|name| *name != "help").map(str::to_owned).collect();
    assert!(names.len() > 20, "{names:?}");
    names
}

#[test]
fn every_shell_completes_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = text_of(&["completions", shell]);
        for name in commands() {
            assert!(text.contains(&name), "{shell}: {name}");
        }
        assert!(text.contains("adapter"), "{shell}");
        assert!(!text.contains("probe-process"), "{shell}: what people do not call");
    }
    // A shell reads it.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vdi.bash");
    fs::write(&path, text_of(&["completions", "bash"])).expect("written");
    let script = ". \"$0\" && complete -p vdi";
    let output = Command::new("bash").args(["-c", script]).arg(&path).output().expect("bash");
    assert!(String::from_utf8_lossy(&output.stdout).contains("-F _vdi"), "{output:?}");
}

#[test]
fn every_command_has_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man/man1");
    let told = text_of(&["man", pages.to_str().expect("a path")]);
    let written = fs::read_dir(&pages).expect("it was made").count();
    assert_eq!(written, commands().len() + 1, "{told}");
    let whole = fs::read_to_string(pages.join("vdi.1")).expect("a page");
    assert!(whole.contains("Exit codes"), "{whole}");
    for name in commands() {
        let page = fs::read_to_string(pages.join(format!("vdi-{name}.1"))).expect("a page");
        assert!(page.contains(&format!(".TH vdi-{name} 1")), "{name}: {page}");
        let own = name.replace('-', "\\-");
        assert!(page.contains(&format!("\\fBvdi {own}\\fR")), "{name}: {page}");
        assert!(whole.contains(&format!("vdi\\-{own}(1)")), "{name}: {whole}");
    }
}
