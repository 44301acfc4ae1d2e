//! How a world begins: its lanes, and what server and client agree to ask for.

use crate::backend::{Scarcity, Setup};
use crate::faults::misuse_calls::Misuser;
use crate::observe::names;
use crate::observe::names::LaneInfo;
use crate::options::{Arrangement, Like, Options, Plan};
use crate::scheduler::lanes::{Lane, Role};
use crate::workload::program::StatementKind;
use vdi_spec::codes::Features;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::Process;

const ROLES: [Role; names::SET_LANES] = [
    Role::Server,
    Role::Agent,
    Role::Operator,
    Role::Client,
    Role::Sql,
    Role::Misuser(Misuser::Server),
    Role::Misuser(Misuser::Client),
];

/// The lanes of a world, set by set.
pub(crate) fn lanes(options: &Options) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for set in 0..options.sets {
        let place = |name, process| LaneInfo { name, process, set, run: set };
        for (index, role) in ROLES.into_iter().enumerate() {
            let process = match role {
                Role::Client | Role::Sql | Role::Misuser(Misuser::Client) => Process::Primary,
                Role::Server | Role::Agent | Role::Operator | Role::Misuser(_) => Process::Server,
                Role::Worker(_) => continue,
            };
            let name = names::set_lane(set.into(), index);
            lanes.push(Lane::new(place(name, process), role));
        }
        let workers = match options.arrangement {
            Arrangement::OneThread => 0,
            _ => options.devices,
        };
        for worker in 0..workers {
            let (name, process) = match options.arrangement {
                Arrangement::ProcessPerDevice => {
                    (names::secondary(worker + 1), Process::Secondary(worker + 1))
                }
                _ => (names::thread(set.into(), worker), Process::Primary),
            };
            lanes.push(Lane::new(place(name, process), Role::Worker(worker)));
        }
        if options.odd_calls > 0 {
            let name = names::UNINVITED[usize::from(set)];
            let uninvited = place(name, Process::Secondary(9));
            lanes.push(Lane::new(uninvited, Role::Misuser(Misuser::Secondary)));
        }
    }
    lanes
}

/// What server and client ask for.
pub(crate) fn agreed(options: &Options, job: StatementKind, run: usize) -> Setup {
    let mut features = match options.like {
        Like::Pipe => Features::LIKE_PIPE,
        Like::Tape => Features::LIKE_TAPE,
        Like::Disk => Features::LIKE_DISK,
    };
    let optional = [
        (options.removable, Features::REMOVABLE),
        (options.discard, Features::DISCARD),
        (options.complete, Features::REQUEST_COMPLETE),
        (options.plan == Plan::Snapshot && !options.ways.unprepared, Features::SNAPSHOT_PREPARE),
    ];
    for (wanted, feature) in optional {
        if wanted {
            features = features | feature;
        }
    }
    let positions = features.intersects(Features::POSITION | Features::RANDOM_ACCESS);
    let mut granted = match job {
        StatementKind::Backup if positions => Features::WRITE_MEDIA | Features::READ_MEDIA,
        StatementKind::Backup => Features::WRITE_MEDIA,
        StatementKind::Restore => Features::READ_MEDIA,
    };
    if options.complete {
        granted = granted | Features::COMPLETE_ENABLED;
    }
    let config = VdConfig {
        device_count: options.devices.into(),
        features,
        server_time_out: options.server_time_out,
        prefix_zone_size: options.asks.prefix_zone,
        alignment: options.asks.alignment,
        soft_file_mark_block_size: options.asks.file_mark,
        eom_warning_size: options.asks.warning,
        ..VdConfig::default()
    };
    let server = ServerConfig {
        // The mask is the client's, modified: what it asked for is named again.
        features: features | granted,
        alignment: options.server_alignment,
        block_size: options.block_size,
        max_transfer_size: options.max_transfer_size,
    };
    // Sets side by side have names of their own.
    let named = if options.same_name { run % usize::from(options.sets) } else { run };
    let device_names =
        (0..names::DEVICES as u8).map(|device| names::device_name(named, device)).collect();
    let queue_depth = options.queue_depth.into();
    let set = (run % usize::from(options.sets)) as u8;
    Setup { name: names::set(named), config, server, queue_depth, set, device_names }
}

/// The exceptions that were drawn.
pub(crate) const fn scarcity(options: &Options) -> Scarcity {
    let faults = &options.faults;
    Scarcity { memory: faults.memory, queue: faults.queue, system: faults.system }
}
