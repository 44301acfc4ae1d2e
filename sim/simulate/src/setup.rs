//! How a world begins: its lanes, and what server and client agree to ask for.

use super::client::Client;
use super::engine::{Scarcity, Setup};
use super::medium::Medium;
use super::names;
use super::observe::Place;
use super::odd::Known;
use super::options::{Arrangement, Like, Options, Plan};
use super::program::{Job, Statement};
use super::server::Server;
use super::world::{Lane, Role, Set};
use vdi_spec::codes::Features;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::Process;

const ROLES: [Role; names::SET_LANES] = [
    Role::Server,
    Role::Agent,
    Role::Operator,
    Role::Client,
    Role::Sql,
    Role::OddServer,
    Role::OddClient,
];

/// Lanes of one set.
const fn lanes_of(options: &Options) -> usize {
    let workers = match options.arrangement {
        Arrangement::OneThread => 0,
        _ => options.devices as usize,
    };
    names::SET_LANES + workers + (options.odd_calls > 0) as usize
}

/// The lanes of a world, set by set.
pub(super) fn lanes(options: &Options) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for set in 0..options.sets {
        let place = |name, process| Place { name, process, set, run: set };
        for (index, role) in ROLES.into_iter().enumerate() {
            let process = match role {
                Role::Client | Role::Sql | Role::OddClient => Process::Primary,
                _ => Process::Server,
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
            let name = names::STRANGERS[usize::from(set)];
            let stranger = place(name, Process::Secondary(9));
            lanes.push(Lane::new(stranger, Role::Stranger));
        }
    }
    lanes
}

/// The sets of a world, before anything has begun.
pub(super) fn sets(options: &Options) -> Vec<Set> {
    let count = lanes_of(options);
    let set = |index: u8| {
        let lanes = ((1 << count) - 1) << (usize::from(index) * count);
        let ids = 1 + u32::from(index) * u32::from(options.devices);
        Set::new(options, index, ids, lanes)
    };
    (0..options.sets).map(set).collect()
}

/// A statement is about to begin for a set.
pub(super) fn begin(set: &mut Set, index: usize, job: Job, options: &Options) {
    set.run = (index + if job == Job::Restore { usize::from(options.sets) } else { 0 }) as u8;
    set.setup = agreed(options, job, set.run.into());
    set.server = Server::new(job, set.ids);
    set.client = Client::new(job, options, index == 0);
    set.statement = Statement::NotIssued;
    (set.of_server, set.of_client) = Default::default();
    set.of_stranger = Known { closed: set.of_stranger.begun, ..Known::default() };
    set.made.clear();
    set.got.clear();
    if job == Job::Restore {
        set.media.iter_mut().for_each(Medium::rewind_to_read);
    }
}

/// What server and client ask for.
pub(super) fn agreed(options: &Options, job: Job, run: usize) -> Setup {
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
        Job::Backup if positions => Features::WRITE_MEDIA | Features::READ_MEDIA,
        Job::Backup => Features::WRITE_MEDIA,
        Job::Restore => Features::READ_MEDIA,
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
        features: granted,
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
pub(super) const fn scarcity(options: &Options) -> Scarcity {
    let faults = &options.faults;
    Scarcity { memory: faults.memory, queue: faults.queue, system: faults.system }
}
