//! What a client can call without a server: names, configurations, waits in vain, the order of
//! calls.

use vdi_spec::clauses::Clause;
use vdi_spec::codes::Features;
use vdi_spec::config::VdConfig;

use super::parts::alone;
use crate::scenario::Scenario;
use crate::steps::{Naming, Step, Wait, config};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = creations();
    all.extend(not_open());
    all.extend(waits());
    all.extend(aborts());
    all
}

fn created(config: VdConfig, steps: Vec<Step>) -> Vec<Step> {
    let mut all = vec![Step::Create(config)];
    all.extend(steps);
    all.push(Step::Close);
    all
}

fn with_features(features: Features) -> VdConfig {
    VdConfig { features, ..config(1) }
}

fn creations() -> Vec<Scenario> {
    let tape = Features::FILE_MARKS
        | Features::REMOVABLE
        | Features::REWIND
        | Features::POSITION
        | Features::SKIP_BLOCKS
        | Features::REVERSE_POSITION;
    let configs = [
        ("one-device", config(1)),
        ("two-devices", config(2)),
        ("64-devices", config(64)),
        ("no-device", config(0)),
        ("65-devices", config(65)),
        ("like-disk", with_features(Features::RANDOM_ACCESS)),
        ("like-tape", with_features(tape)),
        ("discard", with_features(Features::DISCARD)),
        ("request-complete", with_features(Features::REQUEST_COMPLETE)),
        ("snapshot-prepare", with_features(Features::SNAPSHOT_PREPARE)),
        ("unknown-feature", with_features(Features(0x0800_0000))),
        ("alignment-4096", VdConfig { alignment: 4096, ..config(1) }),
        ("alignment-no-power", VdConfig { alignment: 3000, ..config(1) }),
        ("prefix-zone", VdConfig { prefix_zone_size: 512, ..config(1) }),
        ("server-time-out", VdConfig { server_time_out: 60_000, ..config(1) }),
        (
            "soft-filemarks-without-filemarks",
            VdConfig { soft_file_mark_block_size: 512, ..config(1) },
        ),
    ];
    let statuses = [
        Clause::ClientCreateStatus,
        Clause::ClientCreateConfig,
        Clause::ClientCreateNotSupported,
        Clause::ClientCloseStatus,
    ];
    let mut all: Vec<Scenario> = configs
        .into_iter()
        .map(|(name, config)| {
            let title = "A set is created with this configuration, and closed.";
            alone(&format!("create/{name}"), title, &statuses, created(config, Vec::new()))
        })
        .collect();
    all.push(alone(
        "create/twice",
        "A set is created on an object that has one.",
        &[Clause::ClientCreateOnce],
        created(config(1), vec![Step::Create(config(1))]),
    ));
    all.push(alone(
        "create/name-taken",
        "A set is created with the name of one that is there.",
        &[Clause::ClientCreateNameTaken],
        created(config(1), vec![Step::CreateAgain(config(1))]),
    ));
    all.push(alone(
        "create/again-and-again",
        "Sets of the same name, one after the other: each is as the first.",
        &[Clause::ClientCreateStatus, Clause::ClientCloseStatus, Clause::ClientCloseReleases],
        lives(12, &[]),
    ));
    all
}

/// So many sets one after the other, with these steps in each, and what they leave is counted.
fn lives(count: u32, steps: &[Step]) -> Vec<Step> {
    let life = || created(config(1), steps.to_vec());
    let mut all = life();
    all.push(Step::Count(count));
    (0..count).for_each(|_| all.extend(life()));
    all.push(Step::Count(count));
    all
}

fn not_open() -> Vec<Scenario> {
    let calls = [
        ("get-configuration", Step::GetConfiguration(Wait::Poll), Clause::ClientNotOpen),
        ("open-device", Step::OpenDevice(1, Naming::Own), Clause::ClientNotOpen),
        ("signal-abort", Step::SignalAbort, Clause::ClientSignalAbortNotOpen),
        ("close", Step::Close, Clause::ClientCloseNotOpen),
        ("map-buffer-handle", Step::StrayHandle, Clause::ClientMapBufferHandleNotOpen),
        ("get-buffer-handle", Step::StrayBuffer, Clause::ClientGetBufferHandleNotOpen),
        (
            "open-in-secondary",
            Step::OpenInSecondary(Naming::Unknown),
            Clause::ClientOpenInSecondaryNotCreated,
        ),
    ];
    calls
        .into_iter()
        .flat_map(|(name, step, clause)| {
            let before = alone(
                &format!("not-open/{name}"),
                "A function is called on an object that never had a set.",
                &[clause],
                vec![step.clone()],
            );
            let after = alone(
                &format!("not-open/{name}-after-close"),
                "A function is called on an object, the set of which is closed.",
                &[clause],
                created(config(1), Vec::new()).into_iter().chain([step]).collect(),
            );
            [before, after]
        })
        .collect()
}

fn waits() -> Vec<Scenario> {
    let waits = [
        ("poll", vec![Wait::Poll, Wait::Poll]),
        ("20-ms", vec![Wait::Milliseconds(20)]),
        ("300-ms", vec![Wait::Milliseconds(300)]),
        ("1100-ms", vec![Wait::Milliseconds(1100)]),
        ("in-parts", vec![Wait::Milliseconds(50); 4]),
    ];
    let mut all: Vec<Scenario> = waits
        .into_iter()
        .map(|(name, waits)| {
            alone(
                &format!("wait/configuration-{name}"),
                "GetConfiguration waits as long as it is told, and no longer, and no server comes.",
                &[Clause::ClientGetConfigurationTimeout],
                created(config(1), waits.into_iter().map(Step::GetConfiguration).collect()),
            )
        })
        .collect();
    let waiter = |name: &str, time| {
        Step::Start(name.to_owned(), vec![Step::GetConfiguration(Wait::Milliseconds(time))])
    };
    all.push(alone(
        "wait/two-of-which-one-times-out",
        "Two wait for the configuration: one for a short time, which says nothing of the other.",
        &[Clause::ClientGetConfigurationTimeout],
        created(
            config(1),
            vec![
                waiter("long", 900),
                waiter("short", 150),
                Step::Join("short".to_owned()),
                Step::GetConfiguration(Wait::Milliseconds(100)),
                Step::Join("long".to_owned()),
            ],
        ),
    ));
    all
}

fn aborts() -> Vec<Scenario> {
    let forever = Step::Start("waiter".to_owned(), vec![Step::GetConfiguration(Wait::Forever)]);
    vec![
        alone(
            "abort/created",
            "A set is aborted that no server has found.",
            &[Clause::ClientSignalAbortStatus, Clause::ClientGetConfigurationAborted],
            created(
                config(1),
                vec![
                    Step::SignalAbort,
                    Step::GetConfiguration(Wait::Milliseconds(100)),
                    Step::GetConfiguration(Wait::Forever),
                    Step::OpenDevice(1, Naming::Own),
                    Step::SignalAbort,
                ],
            ),
        ),
        alone(
            "abort/wakes-configuration",
            "An abort ends a wait for the configuration.",
            &[Clause::AbortUnblocks, Clause::ClientGetConfigurationAborted],
            created(
                config(1),
                vec![
                    forever,
                    Step::GetConfiguration(Wait::Milliseconds(200)),
                    Step::SignalAbort,
                    Step::Join("waiter".to_owned()),
                ],
            ),
        ),
        alone(
            "abort/then-another-life",
            "After an abort and Close the object is as new.",
            &[Clause::ClientCreateStatus, Clause::ClientGetConfigurationTimeout],
            created(config(1), vec![Step::SignalAbort])
                .into_iter()
                .chain(created(config(1), vec![Step::GetConfiguration(Wait::Milliseconds(50))]))
                .collect(),
        ),
        alone(
            "order/device-before-configuration",
            "A device is opened before the configuration was seen.",
            &[Clause::ClientOpenDevicePhase],
            created(config(1), vec![Step::OpenDevice(1, Naming::Own)]),
        ),
        alone(
            "order/secondary-before-configuration",
            "A secondary client comes before the primary has seen the configuration.",
            &[Clause::ClientOpenInSecondaryNotReady],
            created(
                config(1),
                vec![Step::Secondary(1, vec![Step::OpenInSecondary(Naming::Own), Step::Close])],
            ),
        ),
        alone(
            "order/secondary-of-nothing",
            "A secondary client asks for a set that there is not.",
            &[Clause::ClientOpenInSecondaryNotCreated],
            vec![Step::Secondary(1, vec![Step::OpenInSecondary(Naming::Unknown)])],
        ),
    ]
}
