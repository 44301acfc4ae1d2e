//! Many runs, with kills and aborts at any moment: no hang, nothing left in shared
//! memory, no callback lost or made twice.
//!
//! `VDI_STRESS` is how many seconds of it there are; 10 if it is not set.

use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vdi_runtime::{Machine, Options};

use super::roles::{Other, Size, in_time, new_prefix, objects, shared, whole_run};

/// Smaller where every step is interpreted.
const COMMANDS: u64 = if cfg!(miri) { 5 } else { 200 };
const SMALL: Size = Size { devices: 3, commands: COMMANDS, client_abort: 0, server_abort: 0 };

#[test]
fn a_whole_run_between_threads() {
    in_time(|| {
        let machine = Machine::in_memory(Options::default());
        whole_run(machine.clone(), machine, SMALL);
    });
}

/// Two machines of one process: each maps the objects for itself.
#[test]
fn a_whole_run_over_shared_memory() {
    let prefix = new_prefix();
    let (client, server) = (shared(&prefix), shared(&prefix));
    in_time(move || whole_run(client, server, SMALL));
    assert!(objects(&prefix).is_empty());
}

#[test]
fn a_whole_run_between_processes() {
    let prefix = new_prefix();
    let client = Other::start("client", &prefix, SMALL);
    let server = Other::start("server", &prefix, SMALL);
    client.end();
    server.end();
    assert!(objects(&prefix).is_empty());
}

#[expect(clippy::disallowed_methods, reason = "how long to go on is real time")]
fn begun() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a kill at any moment is what is tried")]
fn any_moment(random: &mut ChaCha8Rng) {
    thread::sleep(Duration::from_micros(u64::from(random.next_u32() % 40_000)));
}

#[expect(clippy::print_stderr, reason = "how much was tried belongs into the log")]
#[test]
fn kills_and_aborts_at_any_moment() {
    let seconds = std::env::var("VDI_STRESS").ok().and_then(|text| text.parse().ok());
    let seconds = Duration::from_secs(seconds.unwrap_or(10));
    let (start, mut rounds) = (begun(), 0);
    while start.elapsed() < seconds {
        let mut random = ChaCha8Rng::seed_from_u64(rounds);
        let mut at = |most: u32| u64::from(1 + random.next_u32() % most);
        let size = Size {
            devices: u32::try_from(at(4)).expect("small"),
            // Whoever is killed is killed on the way.
            commands: if rounds % 2 == 0 { u64::MAX } else { at(400) },
            client_abort: if rounds % 8 == 1 { at(100) } else { 0 },
            server_abort: if rounds % 8 == 3 { at(100) } else { 0 },
        };
        let prefix = new_prefix();
        let client = Other::start("client", &prefix, size);
        let server = Other::start("server", &prefix, size);
        if rounds % 2 == 0 {
            // From here on each has seen the other.
            server.until("opened");
            any_moment(&mut random);
            let (mut victim, survivor) =
                if rounds % 4 == 0 { (client, server) } else { (server, client) };
            victim.kill();
            survivor.end();
        } else {
            client.end();
            server.end();
        }
        assert!(objects(&prefix).is_empty(), "round {rounds}: {:?}", objects(&prefix));
        rounds += 1;
    }
    eprintln!("{rounds} rounds");
}
