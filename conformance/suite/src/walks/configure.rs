//! From Create to the point at which commands can be sent.

use serde_json::{Map, Value, json};
use vdi_trace::Process;

use super::program::Program;
use super::set::{Buffer, Device, End, Set, Stage};

/// What clients ask for: combinations that the documents name.
const FEATURES: [&[&str]; 11] = [
    &[],
    &[],
    &[],
    &["Removable", "Rewind", "Position", "SkipBlocks", "ReversePosition", "FileMarks"],
    &["RandomAccess"],
    &["RandomAccess", "Discard"],
    &["SnapshotPrepare"],
    &["RequestComplete"],
    &["Discard"],
    &["SnapshotPrepare", "EnumFrozenFiles"],
    &["LatchStats"],
];

pub(super) fn go_on(program: &mut Program, set: &mut Set) {
    if set.stage != Stage::New && program.rng.once_in(60) {
        // It ends before all devices are open.
        set.plan.end = end(program);
        set.stage = Stage::Ending;
        return;
    }
    match set.stage {
        Stage::New => create(program, set),
        Stage::Created => open(program, set),
        Stage::Opened => begin(program, set),
        Stage::Begun => configure(program, set),
        Stage::Initializing => initialize(program, set),
        Stage::Active | Stage::Ending => {}
    }
}

/// The structure that the client asks with.
fn config(program: &mut Program, set: &mut Set) -> Value {
    let named = DeviceNames::drawn(program);
    let races = program.has_races();
    let many = program.rng.once_in(25) && !races;
    let rng = &mut program.rng;
    let few = if races { [1, 2, 2, 2, 2, 3, 3, 3, 4] } else { [1, 1, 1, 2, 2, 3, 3, 4, 7] };
    let count = if many { rng.between(33, 64) } else { rng.one_of(&few) };
    set.plan.features = rng.one_of(&FEATURES).to_vec();
    let mut config = Map::new();
    config.insert("deviceCount".to_owned(), count.into());
    program.more += if many { 3 * count as usize } else { 0 };
    if !set.plan.features.is_empty() {
        config.insert("features".to_owned(), set.plan.features.clone().into());
    }
    let mut asks = |field: &str, once_in: u32, values: &[u32]| {
        if rng.once_in(once_in) {
            config.insert(field.to_owned(), rng.one_of(values).into());
        }
    };
    asks("prefixZoneSize", 5, &[1, 512, 1024, 4096]);
    asks("alignment", 5, &[512, 4096, 65536]);
    asks("serverTimeOut", 8, &[1000, 60_000]);
    asks("softFileMarkBlockSize", 12, &[512]);
    asks("EOMWarningSize", 12, &[65536]);
    set.devices = (1..=count)
        .map(|number| {
            // Of devices that are opened at once the first has to have the set's name: by any
            // other nobody can tell which is which.
            let style = match named {
                _ if races && number == 1 => DeviceNames::Own,
                DeviceNames::Sets if races => DeviceNames::Numbers,
                other => other,
            };
            Device { name: style.of(number, set.ids.name), ..Device::default() }
        })
        .collect();
    config.into()
}

/// How the devices of a set are called: no two of them alike.
#[derive(Clone, Copy, Debug)]
enum DeviceNames {
    /// The set's own name, with a number from the second on.
    Own,
    /// As those of another set.
    Numbers,
    /// Each is the beginning of the next.
    Longer,
    /// The same number, if nobody looks at how it is written.
    Zeros,
    /// The same file, if nobody looks at the folder.
    Folders,
    /// As sets are called.
    Sets,
}

impl DeviceNames {
    fn drawn(program: &mut Program) -> Self {
        program.rng.one_of(&[
            Self::Own,
            Self::Own,
            Self::Own,
            Self::Own,
            Self::Numbers,
            Self::Numbers,
            Self::Longer,
            Self::Zeros,
            Self::Folders,
            Self::Sets,
        ])
    }

    fn of(self, number: u32, set: &str) -> String {
        let at = number as usize - 1;
        match (self, number) {
            (Self::Own, 1) => set.to_owned(),
            (Self::Own, _) => format!("{set}-d{number}"),
            (Self::Longer, ..=16) => "D".repeat(number as usize),
            (Self::Zeros, ..=16) => format!("D{}1", "0".repeat(at)),
            (Self::Folders, ..=16) => format!("{number}/D"),
            (Self::Sets, ..=4) => ["T", "S", "S-d2", "SS"][at].to_owned(),
            (Self::Numbers | Self::Longer | Self::Zeros | Self::Folders | Self::Sets, _) => {
                format!("d{number}")
            }
        }
    }
}

fn create(program: &mut Program, set: &mut Set) {
    if !program.has(Process::Primary) {
        set.lives = 0;
        return;
    }
    let config = config(program, set);
    let plain = set.ids.instance.is_none() && program.rng.once_in(3);
    let call = if plain { "Create" } else { "CreateEx" };
    let args = set.named(json!({ "config": config }));
    program.call(Process::Primary, call, set.ids.client, args);
    set.stage = Stage::Created;
}

fn open(program: &mut Program, set: &mut Set) {
    if program.rng.once_in(4) {
        let timeout = match program.rng.below(5) {
            0 => json!(20),
            1 | 2 => json!(0),
            _ => json!("infinite"),
        };
        let args = json!({ "timeout": timeout });
        let lane = program.call(Process::Primary, "GetConfiguration", set.ids.client, args);
        if timeout == 20 {
            match program.rng.once_in(2) {
                true => program.expire(&lane),
                false => program.passing.push(lane),
            }
        }
    }
    program.call(Process::Server, "Open", set.ids.server, set.named(json!({})));
    set.stage = Stage::Opened;
}

fn begin(program: &mut Program, set: &mut Set) {
    if program.rng.once_in(2) {
        program.call(Process::Server, "GetConfiguration", set.ids.server, json!({}));
    }
    let rng = &mut program.rng;
    set.plan.writes = !rng.once_in(3);
    set.plan.block = rng.one_of(&[512, 512, 1024, 4096]);
    set.plan.transfer = rng.one_of(&[65536, 65536, 131_072, 196_608, 1 << 20]);
    let mut features = vec![if set.plan.writes { "WriteMedia" } else { "ReadMedia" }];
    let granted: Vec<&str> =
        set.plan.features.iter().copied().filter(|_| !rng.once_in(9)).collect();
    if granted.contains(&"RequestComplete") {
        features.push("CompleteEnabled");
    }
    features.extend(&granted);
    let mut args = json!({
        "features": features, "blockSize": set.plan.block, "maxTransferSize": set.plan.transfer
    });
    if rng.once_in(4) {
        args["alignment"] = json!(rng.one_of(&[512, 4096, 65536]));
    }
    set.plan.features = granted;
    // As programs mostly do, all buffers are alike.
    let alike = rng.once_in(2);
    set.plan.size = alike.then(|| size(program, set));
    program.call(Process::Server, "BeginConfiguration", set.ids.server, args);
    set.stage = Stage::Begun;
}

/// So many bytes of a buffer.
pub(super) fn size(program: &mut Program, set: &Set) -> u32 {
    if let Some(size) = set.plan.size
        && !program.rng.once_in(12)
    {
        return size;
    }
    let blocks = set.plan.transfer / set.plan.block;
    let whole = program.rng.one_of(&[set.plan.transfer, set.plan.transfer, set.plan.block]);
    if program.rng.once_in(3) { set.plan.block * program.rng.between(1, blocks) } else { whole }
}

fn configure(program: &mut Program, set: &mut Set) {
    let size = size(program, set);
    match program.rng.below(5) {
        0 | 1 => {
            let count = program.rng.one_of(&[1, 1, 2, 3, 5]);
            let args = aligned(program, json!({ "size": size, "count": count }));
            program.call(Process::Server, "RequestBuffers", set.ids.server, args);
            if program.rng.once_in(12) {
                // More than there can be: nothing is requested any more.
                let args = json!({ "size": size, "count": 1_u32 << 31 });
                program.call(Process::Server, "RequestBuffers", set.ids.server, args);
                program.call(Process::Server, "EndConfiguration", set.ids.server, json!({}));
            }
        }
        2 => {
            program.call(
                Process::Server,
                "QueryAvailableBuffers",
                set.ids.server,
                json!({ "size": size }),
            );
        }
        _ => {
            program.call(Process::Server, "EndConfiguration", set.ids.server, json!({}));
            set.stage = Stage::Initializing;
            let joins =
                if program.has_races() { [0, 0, 1, 1, 2, 2, 3] } else { [0, 0, 0, 1, 1, 2, 3] };
            set.plan.joins = program.rng.one_of(&joins);
            set.plan.left = program.rng.between(2, 40 / set.lives);
            set.plan.end = end(program);
        }
    }
}

fn end(program: &mut Program) -> End {
    const ALL: [End; 14] = [
        End::InOrder,
        End::InOrder,
        End::InOrder,
        End::InOrder,
        End::InOrder,
        End::AbortByServer,
        End::AbortByClient,
        End::AbortByClient,
        End::AbortBySecondary,
        End::CloseByServer,
        End::CloseByClient,
        End::DeathOfServer,
        End::DeathOfClient,
        End::DeathOfSecondary,
    ];
    program.rng.one_of(&ALL)
}

/// The arguments, sometimes with an alignment of their own.
fn aligned(program: &mut Program, mut args: Value) -> Value {
    if program.rng.once_in(5) {
        args["alignment"] = json!(program.rng.one_of(&[512, 4096, 65536]));
    }
    args
}

/// A buffer is allocated.
pub(super) fn allocate(program: &mut Program, set: &mut Set) {
    let size = size(program, set);
    let args = aligned(program, json!({ "size": size }));
    let made = program.make(Process::Server, "AllocateBuffer", (set.ids.server, "b"), args);
    set.buffers.push(Buffer { name: made, size, free: true });
}

/// What leads to Active, in any order.
fn initialize(program: &mut Program, set: &mut Set) {
    if !set.configured {
        let by = if program.rng.once_in(3) { json!("infinite") } else { json!(0) };
        program.call(
            Process::Primary,
            "GetConfiguration",
            set.ids.client,
            json!({ "timeout": by }),
        );
        set.configured = true;
        return;
    }
    let unopened = set.device(program, |device| device.server.is_none());
    let unjoined = set.device(program, |device| device.server.is_some() && device.client.is_none());
    let choice = program.rng.below(5);
    if set.plan.joins > 0 && set.ids.client == "cset" && choice < 2 {
        join(program, set);
    } else if choice == 0 && set.buffers.len() < 5 {
        allocate(program, set);
    } else if set.agent.is_none() && (choice == 1 || unopened.is_none()) {
        let lane =
            program.call(Process::Server, "ExecuteCompletionAgent", set.ids.server, json!({}));
        set.agent = Some(lane);
    } else if unopened.is_some() && (choice < 4 || unjoined.is_none()) {
        // Each call opens the next of them: the name is then the device's.
        let next = set.devices.iter_mut().find(|device| device.server.is_none());
        if let Some(device) = next {
            let name = json!({ "name": device.name });
            device.server =
                Some(program.make(Process::Server, "OpenDevice", (set.ids.server, "sd"), name));
        }
    } else if let Some(index) = unjoined {
        let clients = set.clients();
        let at = program.rng.below(clients.len() as u32) as usize;
        let (process, interface) = clients[at].clone();
        let device = &mut set.devices[index];
        let name = json!({ "name": device.name });
        let handle = program.make(process, "OpenDevice", (&interface, "cd"), name);
        device.client = Some((process, handle));
    } else {
        set.stage = Stage::Active;
    }
}

/// A secondary client joins.
pub(super) fn join(program: &mut Program, set: &mut Set) {
    set.plan.joins = set.plan.joins.saturating_sub(1);
    let last = |(process, _): &(Process, String)| match process {
        Process::Secondary(number) => Some(*number),
        Process::Server | Process::Primary => None,
    };
    let known = set.secondaries.iter().chain(&set.past.joined);
    let number = known.filter_map(last).max().unwrap_or_default() + 1;
    let (process, interface) = (Process::Secondary(number), format!("x{number}set"));
    let plain = set.ids.instance.is_none() && program.rng.once_in(2);
    let call = if plain { "OpenInSecondary" } else { "OpenInSecondaryEx" };
    program.call(process, call, &interface, set.named(json!({})));
    set.secondaries.push((process, interface));
}
