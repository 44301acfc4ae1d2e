//! What the system refuses is an answer: a status, and with `VDI_DEBUG=1` a line that has the
//! call, its size, the object and the error. Nobody is ended by a signal.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The folder in which Cargo has built the library for this test.
fn folder() -> PathBuf {
    std::env::current_exe().expect("a running test").parent().expect("a folder").to_owned()
}

fn built(to: &Path) -> PathBuf {
    let (source, program) = (Path::new(env!("CARGO_MANIFEST_DIR")), to.join("limits"));
    let mut compiler = Command::new("g++");
    compiler.arg("-I").arg(source.join("include")).arg(source.join("clients/limits.cpp"));
    compiler.arg("-L").arg(folder()).arg("-lsqlvdi").arg("-o").arg(&program);
    assert!(compiler.status().expect("g++ starts").success());
    program
}

/// A shell that prepares something and becomes the program.
fn run(shell: &[&str], prepare: &str, program: &Path, prefix: &str) -> Output {
    let script = format!("{prepare}\nexec \"$@\"");
    let (first, rest) = shell.split_first().expect("a shell");
    let mut command = Command::new(first);
    command.args(rest).args(["-ec", &script, "sh"]).arg(program);
    command.env("LD_LIBRARY_PATH", folder()).env("VDI_PREFIX", prefix).env("VDI_DEBUG", "1");
    command.output().expect("a shell starts")
}

fn left(prefix: &str) -> Vec<String> {
    let entries = fs::read_dir("/dev/shm").expect("shared memory").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Tells what is not captured.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A limit, what it comes to, and what is told: of the call, and of the error.
struct Limit {
    prepare: &'static str,
    status: &'static str,
    told: [&'static str; 2],
}

const MEMORY: &str = "8077000A\n";
const SECURITY: &str = "80770005\n";
const GOOD: &str = "00000000 00000000\n";

const LIMITS: &[Limit] = &[
    Limit { prepare: "", status: GOOD, told: ["", ""] },
    // In blocks of half a KiB or of one: the object of 64 devices is larger.
    Limit {
        prepare: "ulimit -f 100",
        status: MEMORY,
        told: ["ftruncate, 983040 bytes", "(os error 27)"],
    },
    Limit { prepare: "ulimit -n 4", status: MEMORY, told: ["open, ", "(os error 24)"] },
];

/// In a mount namespace of its own, with a `/dev/shm` of its own.
const PLACES: &[Limit] = &[
    Limit {
        prepare: "ulimit -l 512; set -- \"$@\" lock",
        status: MEMORY,
        told: ["mmap, 983040 bytes", "(os error 11)"],
    },
    Limit {
        prepare: "mount -t tmpfs -o size=64k none /dev/shm",
        status: MEMORY,
        told: ["fallocate, 983040 bytes", "(os error 28)"],
    },
    Limit {
        prepare: "mount -t tmpfs -o ro none /dev/shm",
        status: SECURITY,
        told: ["open, 983040 bytes", "(os error 30)"],
    },
    Limit {
        prepare: "mount -t tmpfs none /dev",
        status: MEMORY,
        told: ["open, 983040 bytes", "(os error 2)"],
    },
    Limit {
        prepare: "mount -t tmpfs -o mode=555 none /dev/shm
            exec setpriv --bounding-set=-all --inh-caps=-all --reuid=0 \"$@\"",
        status: SECURITY,
        told: ["open, 983040 bytes", "(os error 13)"],
    },
];

/// The names of `of` are its own: what other tests hold at the moment is not left over.
fn hold(of: &str, shell: &[&str], limits: &[Limit]) {
    let place = TempDir::new().expect("a folder");
    let program = built(place.path());
    let prefix = format!("{of}{}-", std::process::id());
    for Limit { prepare, status, told } in limits {
        let output = run(shell, prepare, &program, &prefix);
        let out = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{prepare}: {}: {said}", output.status);
        assert_eq!(out, *status, "{prepare}: {said}");
        for part in told {
            assert!(said.contains(part), "{prepare}: {part}: {said}");
        }
        assert_eq!(left(&prefix), Vec::<String>::new(), "{prepare}");
    }
}

#[test]
fn limits_of_a_process_are_answers() {
    hold("limits", &["sh"], LIMITS);
}

/// How much address space the program takes before the library maps anything differs: it is
/// made less until Create is refused, and less than that the program does not start, or has no
/// heap: of a byte that the heap does not give a program dies, with whatever library.
#[test]
fn too_little_address_space_is_an_answer() {
    let place = TempDir::new().expect("a folder");
    let program = built(place.path());
    let prefix = format!("space{}-", std::process::id());
    let mut refused = 0;
    for kilobytes in (4000..40_000).step_by(200).rev() {
        let output = run(&["sh"], &format!("ulimit -v {kilobytes}"), &program, &prefix);
        let out = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            // The loader says so, or who has asked for the byte.
            let said = String::from_utf8_lossy(&output.stderr);
            let no_heap = said.contains("memory allocation of") || said.contains("bad_alloc");
            let not_loaded = output.status.code() == Some(127);
            assert!(not_loaded || no_heap, "{kilobytes}: {}: {said}", output.status);
            break;
        }
        assert!(out == GOOD || out == MEMORY, "{kilobytes}: {out}");
        refused += u32::from(out == MEMORY);
        assert_eq!(left(&prefix), Vec::<String>::new(), "{kilobytes}");
    }
    assert!(refused > 0, "it was never too little");
}

#[test]
fn a_place_that_has_no_room_is_an_answer() {
    let shell = ["unshare", "--user", "--map-root-user", "--mount", "sh"];
    let mut first = Command::new(shell[0]);
    if !first.args(&shell[1..]).args(["-c", "true"]).status().is_ok_and(|status| status.success()) {
        tell("!!! NOT TRIED: a small, read-only or missing /dev/shm: no user namespaces here");
        return;
    }
    hold("places", &shell, PLACES);
}
