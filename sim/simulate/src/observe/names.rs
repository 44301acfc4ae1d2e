//! The names of lanes, interfaces, devices, buffers and commands in a world. They are
//! made once for all worlds, so that an event borrows them.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::backend::{Actor, Resource};
use vdi_trace::{Interfaces, Name, Process};

/// A lane as its events need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneInfo {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    pub(crate) set: u8,
    pub(crate) run: u8,
}

/// Commands and buffers whose names are kept; those beyond are written anew each time.
const KEPT: usize = 8192;

/// Lives of a set in one world, at most: several sets, each backed up and restored.
pub(crate) const RUNS: usize = 8;

/// Devices of a set in a world, at most.
pub(crate) const DEVICES: usize = 16;

struct Names {
    commands: Vec<String>,
    buffers: Vec<String>,
    sets: Vec<String>,
    server_sets: Vec<String>,
    client_sets: Vec<String>,
    secondary_sets: Vec<String>,
    /// By process (server, primary, secondary), run and device.
    devices: Vec<String>,
    device_names: Vec<String>,
    threads: Vec<String>,
    secondaries: Vec<String>,
    set_lanes: Vec<String>,
    handles: Vec<String>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let numbered =
        |prefix: &str, most: usize| (0..most).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let interface = |letter: &str, n: usize| match n {
        0 => format!("{letter}set"),
        n => format!("{letter}{}set", n + 1),
    };
    let device = |owner: usize, run: usize, device: usize| {
        let prefix = match (owner, run) {
            (0, 0) => "s".to_owned(),
            (0, run) => format!("s{}", run + 1),
            (1, 0) => "c".to_owned(),
            (1, run) => format!("c{}", run + 1),
            (_, run) => format!("x{}r{}", device % 9 + 1, run + 1),
        };
        format!("{prefix}dev{}", device + 1)
    };
    let devices = (0..3).flat_map(|owner| {
        (0..RUNS).flat_map(move |run| (0..DEVICES).map(move |index| device(owner, run, index)))
    });
    let device_names = (0..RUNS).flat_map(|run| {
        (0..DEVICES).map(move |index| match index {
            0 => format!("S{}", run + 1),
            index => format!("S{}-{}", run + 1, index + 1),
        })
    });
    const ROLES: [&str; SET_LANES] = [
        "server.main",
        "server.agent",
        "server.operator",
        "primary.main",
        "primary.sql",
        "server.odd",
        "primary.odd",
    ];
    let set_lanes = (0..RUNS).flat_map(|set| {
        ROLES.iter().map(move |role| match set {
            0 => (*role).to_owned(),
            set => format!("{role}{}", set + 1),
        })
    });
    Names {
        commands: numbered("c", KEPT),
        buffers: numbered("b", KEPT),
        sets: (0..RUNS).map(|n| format!("S{}", n + 1)).collect(),
        server_sets: (0..RUNS).map(|n| interface("s", n)).collect(),
        client_sets: (0..RUNS).map(|n| interface("c", n)).collect(),
        secondary_sets: (1..=9).map(|n| format!("x{n}set")).collect(),
        devices: devices.collect(),
        device_names: device_names.collect(),
        threads: (0..RUNS * DEVICES)
            .map(|n| match n / DEVICES {
                0 => format!("primary.t{}", n % DEVICES + 1),
                set => format!("primary.s{}t{}", set + 1, n % DEVICES + 1),
            })
            .collect(),
        secondaries: (1..=9).map(|n| format!("secondary{n}.main")).collect(),
        set_lanes: set_lanes.collect(),
        handles: numbered("h", 64),
    }
});

/// Lanes that every set has.
pub(crate) const SET_LANES: usize = 7;

const fn kept(text: &'static str) -> Name<'static> {
    Name(Cow::Borrowed(text))
}

fn numbered(table: &'static [String], prefix: &str, number: u32) -> Name<'static> {
    match table.get(number as usize) {
        Some(text) => kept(text),
        None => Name(Cow::Owned(format!("{prefix}{number}"))),
    }
}

pub(crate) fn command(number: u32) -> Name<'static> {
    numbered(&NAMES.commands, "c", number)
}

pub(crate) fn buffer(number: u32) -> Name<'static> {
    numbered(&NAMES.buffers, "b", number)
}

/// A handle of a buffer.
pub(crate) fn handle(number: u32) -> Name<'static> {
    numbered(&NAMES.handles, "h", number)
}

/// The lanes, by set, of whoever misuses the interface in a secondary process of its own.
pub(crate) const UNINVITED: [&str; 3] = ["secondary9.odd", "secondary9.odd2", "secondary9.odd3"];

/// The name of the set of a run.
pub(crate) fn set(run: usize) -> &'static str {
    &NAMES.sets[run]
}

/// The set interface that a process uses in a run of this set.
pub(crate) fn interface(process: Process, set: usize, run: usize) -> Name<'static> {
    kept(match process {
        // A server's interface is of no use after its Close; a client's is.
        Process::Server => &NAMES.server_sets[run],
        Process::Primary => &NAMES.client_sets[set],
        Process::Secondary(number) => &NAMES.secondary_sets[usize::from(number) - 1],
    })
}

/// The handle of a device.
pub(crate) fn device(process: Process, run: usize, device: u8) -> Name<'static> {
    let owner = match process {
        Process::Server => 0,
        Process::Primary => 1,
        Process::Secondary(_) => 2,
    };
    kept(&NAMES.devices[(owner * RUNS + run) * DEVICES + usize::from(device)])
}

/// The name by which a device is opened.
pub(crate) fn device_name(run: usize, device: u8) -> &'static str {
    &NAMES.device_names[run * DEVICES + usize::from(device)]
}

/// A lane that every set has, by its place among them.
pub(crate) fn set_lane(set: usize, place: usize) -> &'static str {
    &NAMES.set_lanes[set * SET_LANES + place]
}

/// A client's thread for a device.
pub(crate) fn thread(set: usize, device: u8) -> &'static str {
    &NAMES.threads[set * DEVICES + usize::from(device)]
}

/// The lane of a secondary client's process, numbered from 1.
pub(crate) fn secondary(number: u8) -> &'static str {
    &NAMES.secondaries[usize::from(number) - 1]
}

/// The set interfaces of any world, but for those that there are from the start, with the
/// process of each.
#[must_use]
pub fn interfaces() -> Interfaces {
    let of = |process: Process| {
        (1..RUNS).map(move |number| (interface(process, number, number).to_string(), process))
    };
    [Process::Server, Process::Primary].into_iter().flat_map(of).collect()
}

/// What a process may use, by its name in the world.
#[must_use]
pub fn resource(by: Actor, resource: Resource) -> Name<'static> {
    match resource {
        Resource::Device(number) => device(by.process, by.run.into(), number),
        Resource::Buffer(number) => buffer(number),
    }
}
