//! A second opinion: SPIN on a model in Promela of the same rules, written apart from ours.
//!
//! The checker makes a program in C, so a compiler has to be there, too. Where SPIN is missing
//! nothing is compared, unless `VDI_SPIN=required` is in the environment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use vdi_explore::testing::{Observed, observed};
use vdi_explore::{Bounds, World};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{HResult, Win32};

/// What the model in Promela calls the statuses, from 1.
const STATUSES: [HResult; 4] =
    [HResult::NOERROR, HResult::VD_E_PROTOCOL, HResult::VD_E_OPEN, HResult::VD_E_ABORT];

/// What it calls the completion codes, by their bits.
const CODES: [Win32; 4] = [
    Win32::ERROR_SUCCESS,
    Win32::ERROR_WRITE_FAULT,
    Win32::ERROR_IO_DEVICE,
    Win32::ERROR_OPERATION_ABORTED,
];

fn spin_is_there() -> bool {
    let there = Command::new("spin").arg("-V").output().is_ok();
    let required = std::env::var("VDI_SPIN").is_ok_and(|value| value == "required");
    assert!(there || !required, "VDI_SPIN=required, and there is no program `spin`");
    there
}

/// A directory of this test's own.
fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&place).expect("it can be made");
    place
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}\n{faults}");
    assert!(!text.contains("Error:"), "{command:?}: {text}");
    output
}

/// What SPIN finds that can be seen of a set.
fn by_spin(devices: u8, commands: u8) -> BTreeSet<Observed> {
    let place = place(&format!("spin-{devices}-{commands}"));
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/set.pml");
    let sizes = [format!("-DDEVICES={devices}"), format!("-DCOMMANDS={commands}")];
    run(Command::new("spin").current_dir(&place).arg("-a").args(&sizes).arg(model));
    run(Command::new("cc").current_dir(&place).args(["-w", "-DNOREDUCE", "-o", "pan", "pan.c"]));
    let found = run(Command::new(place.join("pan")).current_dir(&place).args(["-E", "-m1000000"]));
    let text = String::from_utf8(found.stdout).expect("SPIN writes text");
    assert!(text.contains("errors: 0"), "{text}");
    assert!(!text.contains("max search depth too small"), "{text}");
    text.lines().filter_map(|line| line.strip_prefix("OUTCOME ")).map(outcome).collect()
}

/// A line of what was seen.
fn outcome(line: &str) -> Observed {
    let numbers = line.split(' ').map(|word| word.parse::<usize>().expect("a number"));
    let [server, client, agent, callbacks] =
        numbers.collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}"));
    let status = |number: usize| number.checked_sub(1).map(|number| STATUSES[number]);
    let codes = CODES.into_iter().enumerate().filter(|(bit, _)| callbacks & (1 << bit) != 0);
    Observed {
        server_close: status(server),
        client_close: status(client),
        agent: status(agent),
        callbacks: codes.map(|(_, code)| code).collect(),
    }
}

#[test]
fn spin_sees_what_we_see() {
    if !spin_is_there() {
        return;
    }
    for (devices, commands) in [(1, 1), (1, 2), (2, 1)] {
        // Buffers are in no code that is seen.
        let bounds = Bounds { devices, commands, buffers: 0, ..Bounds::SMALL };
        let ours = observed(&World::new(bounds, Profile::default()));
        let theirs = by_spin(devices, commands);
        let only_ours: Vec<&Observed> = ours.difference(&theirs).collect();
        let only_theirs: Vec<&Observed> = theirs.difference(&ours).collect();
        assert!(
            only_ours.is_empty() && only_theirs.is_empty(),
            "{devices} devices, {commands} commands: only ours {only_ours:#?}, \
             only SPIN's {only_theirs:#?}"
        );
        assert!(ours.len() > 20, "only {} ways to see a set end", ours.len());
    }
}
