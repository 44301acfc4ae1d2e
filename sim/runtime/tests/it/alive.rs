//! Who is alive, where processes know each other by other numbers, or by none.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vdi_runtime::{ServerSet, Timeout};
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};

use super::roles::{Other, SET, Size, in_time, new_prefix, objects, shared};

const ENDLESS: Size = Size { devices: 1, commands: u64::MAX, client_abort: 0, server_abort: 0 };
const SMALL: Size = Size { devices: 2, commands: 50, client_abort: 0, server_abort: 0 };

/// What starts a process in namespaces of its own, or otherwise where numbers differ.
const SETTINGS: &[&[&str]] = &[
    &["unshare", "--user", "--map-root-user"],
    &["unshare", "--user", "--map-root-user", "--mount"],
    &["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"],
    &["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
    &[
        "unshare",
        "--user",
        "--map-root-user",
        "--time",
        "--boottime=1000000",
        "--fork",
        "--kill-child",
    ],
    &["valgrind", "--quiet", "--error-exitcode=9"],
    &[emulator()],
];

/// The emulator of the processor that this is built for.
const fn emulator() -> &'static str {
    if cfg!(target_arch = "aarch64") { "qemu-aarch64" } else { "qemu-x86_64" }
}

/// Tells what is not captured.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Acts in each of the settings that this machine has. What it has not is told.
fn in_each(act: impl Fn(&[&str])) {
    // Valgrind alone has enough to do.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for under in SETTINGS {
        let (program, words) = under.split_first().expect("a program");
        let mut first = Command::new(program);
        let first = first
            .args(words)
            .args(["/bin/sh", "-c", ":"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if first.status().is_ok_and(|status| status.success()) {
            act(under);
        } else {
            tell(&format!("!!! NOT TRIED: this machine has no `{}`", under.join(" ")));
        }
    }
}

fn one_device() -> VdConfig {
    VdConfig { device_count: 1, ..VdConfig::default() }
}

fn configured(set: &ServerSet) {
    let part =
        ServerConfig { block_size: 512, max_transfer_size: 65_536, ..ServerConfig::default() };
    set.begin_configuration(&part).expect("connected");
    set.end_configuration().expect("configurable");
}

#[expect(clippy::disallowed_methods, reason = "how long it took is told")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn who_lives_elsewhere_lives() {
    in_each(|under| {
        let prefix = new_prefix();
        let machine = shared(&prefix);
        let mut client = Other::start_under(under, "client", &prefix, ENDLESS);
        client.until("created");
        machine.sweep();
        assert_eq!(objects(&prefix).len(), 1, "{under:?}: it is in use");
        let created = machine.client_set().create(None, SET, &one_device());
        assert_eq!(created, Err(HResult::VD_E_PROTOCOL), "{under:?}: it is in use");
        let server = machine.server_set();
        assert_eq!(server.open(None, SET), Ok(()), "{under:?}");
        machine.sweep();
        assert_eq!(objects(&prefix).len(), 1, "{under:?}: it is in use");
        client.kill();
        // What started it may be gone before it.
        let ended = in_time(move || {
            while server.get_configuration().is_ok() {
                thread::yield_now();
            }
            server.close()
        });
        assert_eq!(ended, Ok(()), "{under:?}");
        assert!(objects(&prefix).is_empty(), "{under:?}");
    });
}

#[test]
fn a_whole_run_with_one_of_them_elsewhere() {
    in_each(|under| {
        for (one, other) in [("client", "server"), ("server", "client")] {
            let prefix = new_prefix();
            let elsewhere = Other::start_under(under, one, &prefix, SMALL);
            let here = Other::start(other, &prefix, SMALL);
            elsewhere.end();
            here.end();
            assert!(objects(&prefix).is_empty(), "{under:?}");
        }
    });
}

#[test]
fn a_server_that_dies_elsewhere_is_noticed() {
    in_each(|under| {
        let prefix = new_prefix();
        let set = shared(&prefix).client_set();
        set.create(None, SET, &one_device()).expect("a new name");
        let mut server = Other::start_under(under, "server", &prefix, ENDLESS);
        let waiting = set.clone();
        in_time(move || waiting.get_configuration(Timeout::Infinite)).expect("it lives");
        let device = set.open_device(SET).expect("configured");
        let first = device.clone();
        in_time(move || first.get_command(Timeout::Infinite)).expect("a command");
        let blocked = thread::spawn(move || {
            in_time(move || (device.get_command(Timeout::Infinite).err(), now()))
        });
        server.kill();
        let killed = now();
        let (status, at) = blocked.join().expect("no hang");
        assert_eq!(status, Some(HResult::VD_E_ABORT), "{under:?}");
        told("server", under, at.saturating_duration_since(killed));
        assert_eq!(set.close(), Ok(()));
        assert!(objects(&prefix).is_empty(), "{under:?}");
    });
}

#[test]
fn a_client_that_dies_elsewhere_is_noticed() {
    in_each(|under| {
        let prefix = new_prefix();
        let mut client = Other::start_under(under, "client", &prefix, ENDLESS);
        client.until("created");
        let set = shared(&prefix).server_set();
        set.open(None, SET).expect("created");
        configured(&set);
        let agent = set.completion_agent().expect("open");
        let agent = thread::spawn(move || in_time(move || (agent.execute(), now())));
        set.open_device(SET).expect("initializing");
        client.until("open");
        client.kill();
        let killed = now();
        let (ended, at) = agent.join().expect("no hang");
        assert!(matches!(ended, Ok(()) | Err(HResult::VD_E_ABORT)), "{under:?}: {ended:?}");
        told("client", under, at.saturating_duration_since(killed));
        let _ = set.close();
        assert!(objects(&prefix).is_empty(), "{under:?}");
    });
}

#[expect(clippy::print_stderr, reason = "how long it took belongs into the log")]
fn told(who: &str, under: &[&str], after: Duration) {
    eprintln!("death of a {who} under `{}` noticed after {after:?}", under.join(" "));
}
