//! The library as programs meet it: its symbols, its name, C++ and C programs built
//! against it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::read::elf::ElfFile64;
use object::{Object, ObjectSymbol};
use tempfile::TempDir;
use vdi_spec::abi::SYMBOLS;

/// The library as Cargo has built it for this test.
fn library() -> PathBuf {
    let here = std::env::current_exe().expect("a running test");
    let library = here.parent().expect("a folder").join("libsqlvdi.so");
    assert!(library.is_file(), "{} is missing", library.display());
    library
}

fn source(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// Runs a command to its end, which must be good, and gives what it wrote.
fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{told}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn exactly_the_published_symbols_are_exported() {
    let data = fs::read(library()).expect("read");
    let file: ElfFile64 = ElfFile64::parse(&*data).expect("an ELF file");
    let exported: BTreeSet<&str> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .map(|symbol| symbol.name().expect("a name"))
        .collect();
    assert_eq!(exported, SYMBOLS.iter().copied().collect());
    assert_eq!(SYMBOLS.len(), 19);
}

/// What is linked with it asks for it by the published name, wherever it lay then.
#[test]
fn it_is_asked_for_by_its_name() {
    let data = fs::read(library()).expect("read");
    let name = b"\0libsqlvdi.so\0";
    assert!(data.windows(name.len()).any(|bytes| bytes == name), "no SONAME");
    let folder = TempDir::new().expect("a folder");
    let program = built("single", folder.path());
    let data = fs::read(program).expect("read");
    assert!(data.windows(name.len()).any(|bytes| bytes == name), "not asked for by its name");
    let path = library().parent().expect("a folder").display().to_string();
    assert!(!String::from_utf8_lossy(&data).contains(&path), "asked for by its place");
}

/// A client as its author would build it.
fn built(name: &str, folder: &Path) -> PathBuf {
    built_with(name, folder, &[])
}

/// The same, with more words for the compiler.
fn built_with(name: &str, folder: &Path, words: &[&str]) -> PathBuf {
    let program = folder.join(name);
    let place = library();
    done(
        Command::new("g++")
            .args([
                "-std=c++11".as_ref(),
                "-Wall".as_ref(),
                "-Wextra".as_ref(),
                "-Werror".as_ref(),
                "-pthread".as_ref(),
                "-I".as_ref(),
                source("include").as_os_str(),
                source("clients").join(name).with_extension("cpp").as_os_str(),
                "-L".as_ref(),
                place.parent().expect("a folder").as_os_str(),
                "-lsqlvdi".as_ref(),
                "-o".as_ref(),
                program.as_os_str(),
            ])
            .args(words),
    );
    program
}

#[test]
fn every_client_compiles_against_the_header() {
    let folder = TempDir::new().expect("a folder");
    let mut built_ones = 0;
    for entry in fs::read_dir(source("clients")).expect("the clients") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "cpp") {
            built(path.file_stem().and_then(|name| name.to_str()).expect("a name"), folder.path());
            built_ones += 1;
        }
    }
    assert!(built_ones >= 6, "only {built_ones} clients");
}

const LOADED: &str = "\
unconstructed: 8077000C
create: 00000000
create again: 8077000C
too early: 8077000C null
no device: 8077000C null
no place: 80770006
no name: 80770006
close: 00000000
close again: 8077000C
65 devices: 80770009
anew: 00000000
destroyed: 8077000C
";

/// A C program that knows nothing of classes, and has no `operator new`.
#[test]
fn a_plain_c_program_loads_it_by_its_path() {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("loader");
    let words = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"];
    let cc = &mut Command::new("cc");
    done(cc.args(words).arg(source("clients/loader.c")).arg("-ldl").arg("-o").arg(&program));
    let prefix = format!("abi{}-", std::process::id());
    let run =
        |command: &mut Command| done(command.arg(library()).arg("Set").env("VDI_PREFIX", &prefix));
    assert_eq!(run(&mut Command::new(&program)), LOADED);
    let left = fs::read_dir("/dev/shm").expect("a folder").flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(&prefix)).collect();
    assert!(left.is_empty(), "{left:?} stays");
}

const FORKED: &str = "\
a global set in a child: 0
and in the parent: 00000000
a child of an open set: 0
which goes on: 80770003
a child of an open set: 0
which goes on: 80770003
a call that was cancelled: 80770004
and its thread: cancelled
close: 00000000
a parent that dies: 0
its name is free: 00000000
the name of an executed one is free: 00000000
children that went wrong: 0
";

/// Fork, exec and cancellation, with a set that is open and one that is not.
#[test]
fn what_a_program_does_with_its_process() {
    let folder = TempDir::new().expect("a folder");
    let prefix = format!("abi{}forks-", std::process::id());
    let mut program = Command::new(built("forks", folder.path()));
    program.env("VDI_PREFIX", &prefix);
    program.env("LD_LIBRARY_PATH", library().parent().expect("a folder"));
    assert_eq!(done(&mut program), FORKED);
    let left = fs::read_dir("/dev/shm").expect("a folder").flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(&prefix)).collect();
    assert!(left.is_empty(), "{left:?} stays");
}

/// The memory of a device comes from the program's own operator new, whether it shares the C++
/// library or has it linked in.
#[test]
fn memory_of_a_device_is_of_the_programs_operators() {
    for words in [&[][..], &["-static-libstdc++"], &["-static-libstdc++", "-O2"]] {
        let folder = TempDir::new().expect("a folder");
        let mut program = Command::new(built_with("operators", folder.path(), words));
        program.env("VDI_PREFIX", format!("abi{}operators-", std::process::id()));
        program.env("LD_LIBRARY_PATH", library().parent().expect("a folder"));
        assert_eq!(done(&mut program), "taken 10, given back 10, foreign 0\n", "{words:?}");
    }
}
