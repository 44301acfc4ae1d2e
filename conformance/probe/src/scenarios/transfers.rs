//! Whole backups and restores, in which the client does all that it is asked.

use vdi_spec::clauses::Clause;
use vdi_spec::codes::Features;
use vdi_spec::config::VdConfig;

use super::parts::{begun_with, ended, of_nothing, served, then, well, whole};
use crate::scenario::Scenario;
use crate::steps::{Step, Verb, Wait, config};

const WHOLE: [Clause; 6] = [
    Clause::ClientGetConfigurationStatus,
    Clause::ClientOpenDeviceStatus,
    Clause::ClientGetCommandDelivers,
    Clause::ClientCompleteCommandStatus,
    Clause::ClientGetCommandClose,
    Clause::ClientCloseStatus,
];

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = plain();
    all.extend(configurations());
    all.extend(lives());
    all
}

fn backup(devices: u8, with: &str, wait: Wait) -> Vec<Step> {
    whole(Verb::Backup, devices, with, wait)
}

fn restore(devices: u8, wait: Wait) -> Vec<Step> {
    whole(Verb::Restore, devices, "", wait)
}

fn plain() -> Vec<Scenario> {
    let mut all = Vec::new();
    let waits = [
        ("for-ever", Wait::Forever),
        ("in-parts", Wait::Parts(250)),
        ("in-short-parts", Wait::Parts(3)),
        ("by-polls", Wait::Parts(0)),
    ];
    for (name, wait) in waits {
        all.push(well(
            &format!("backup/{name}"),
            "A backup on one device.",
            &WHOLE,
            backup(1, "", wait),
        ));
        all.push(well(
            &format!("restore/{name}"),
            "A backup on one device, and a restore of it by the same object.",
            &WHOLE,
            then(backup(1, "", wait), restore(1, wait)),
        ));
    }
    for devices in [2, 4, 64] {
        all.push(well(
            &format!("backup/{devices}-devices"),
            "A backup on several devices, each served by a thread of its own.",
            &WHOLE,
            backup(devices, "", Wait::Forever),
        ));
    }
    all.push(well(
        "restore/2-devices",
        "A backup on two devices, and a restore from them.",
        &WHOLE,
        then(backup(2, "", Wait::Forever), restore(2, Wait::Forever)),
    ));
    all
}

fn configurations() -> Vec<Scenario> {
    let feature = |features| VdConfig { features, ..config(1) };
    let about = [
        Clause::ClientGetConfigurationAsAsked,
        Clause::ClientGetConfigurationFeatures,
        Clause::ClientGetConfigurationFixed,
    ];
    let table = [
        ("block-size", config(1), "BLOCKSIZE = 4096"),
        ("transfer-size", config(1), "MAXTRANSFERSIZE = 131072"),
        ("small-transfers", config(1), "MAXTRANSFERSIZE = 65536, BUFFERCOUNT = 2"),
        ("many-buffers", config(1), "BUFFERCOUNT = 12"),
        ("much-memory", config(1), "MAXTRANSFERSIZE = 4194304, BUFFERCOUNT = 24"),
        ("checksum", config(1), "CHECKSUM"),
        ("prefix-zone", VdConfig { prefix_zone_size: 1024, ..config(1) }, ""),
        ("alignment", VdConfig { alignment: 8192, ..config(1) }, ""),
        ("server-time-out", VdConfig { server_time_out: 120_000, ..config(1) }, ""),
        ("request-complete", feature(Features::REQUEST_COMPLETE), ""),
        ("like-disk", feature(Features::RANDOM_ACCESS), ""),
        ("removable", feature(Features::REMOVABLE), ""),
    ];
    let scenario = |(name, config, with): (&str, VdConfig, &str)| {
        let steps = then(begun_with(config, Verb::Backup, 1, with), served(1, Wait::Forever));
        let title = "A backup with this configuration, or these options.";
        well(&format!("configuration/{name}"), title, &about, ended(steps))
    };
    let mut all: Vec<Scenario> = table.into_iter().map(scenario).collect();
    let both = |verb| {
        let begun = begun_with(feature(Features::RANDOM_ACCESS), verb, 1, "");
        ended(then(begun, served(1, Wait::Forever)))
    };
    all.push(well(
        "configuration/like-disk-restore",
        "A backup and a restore with RandomAccess.",
        &about,
        then(both(Verb::Backup), both(Verb::Restore)),
    ));
    let steps = then(
        begun_with(feature(Features::SNAPSHOT_PREPARE), Verb::Backup, 1, "SNAPSHOT"),
        served(1, Wait::Forever),
    );
    let title = "A snapshot; whether the server can take one of its database is its affair.";
    let clauses = [Clause::ClientGetConfigurationFeatures];
    let snapshot = well("configuration/snapshot", title, &clauses, ended(steps));
    all.push(Scenario { ends: crate::scenario::Ends::Whatever, ..snapshot });
    all
}

fn lives() -> Vec<Scenario> {
    let again = |count: u32| {
        let mut steps = backup(1, "", Wait::Forever);
        steps.push(Step::Count(count));
        (0..count).for_each(|_| steps.extend(backup(1, "", Wait::Forever)));
        steps.push(Step::Count(count));
        steps
    };
    let after = |first: Vec<Step>| then(first, backup(1, "", Wait::Forever));
    let released = [Clause::ClientCloseReleases, Clause::ClientCreateStatus];
    vec![
        well(
            "lives/five",
            "Backups one after the other with the same object: each as the first.",
            &released,
            again(4),
        ),
        well(
            "lives/after-an-abort",
            "A backup after one that the client has aborted.",
            &released,
            after(aborted()),
        ),
        well(
            "lives/after-a-refused-statement",
            "A backup after a statement that came to nothing.",
            &released,
            after(vec![
                Step::Create(config(1)),
                of_nothing(Verb::Backup),
                Step::Await,
                Step::GetConfiguration(Wait::Milliseconds(100)),
                Step::Close,
            ]),
        ),
        well(
            "lives/of-two-devices-and-of-one",
            "A backup on one device after one on two.",
            &released,
            then(backup(2, "", Wait::Forever), backup(1, "", Wait::Forever)),
        ),
    ]
    .into_iter()
    .map(|scenario| match scenario.id.as_str() {
        // The first of its statements fails.
        "lives/after-an-abort" | "lives/after-a-refused-statement" => {
            Scenario { ends: crate::scenario::Ends::Last, ..scenario }
        }
        _ => scenario,
    })
    .collect()
}

fn aborted() -> Vec<Step> {
    let begun = super::parts::begun(Verb::Backup, 1, "");
    ended(then(begun, vec![crate::steps::serve_some(1, 1), Step::SignalAbort]))
}
