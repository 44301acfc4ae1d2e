//! Ends before their time: aborts and Closes at every point, by either side.

use vdi_spec::clauses::Clause;

use super::parts::{
    PATIENCE, alone, badly, begun, configured, disturbed, ended, of_nothing, then, whole,
};
use crate::scenario::{Reach, Scenario};
use crate::steps::{Naming, Step, Verb, Wait, config, issue, serve, serve_some};

/// The points of a backup, each with the steps that lead there.
fn points() -> Vec<(&'static str, Reach, Vec<Step>)> {
    let begun = || begun(Verb::Backup, 1, "MAXTRANSFERSIZE = 65536");
    let configuration = begun().into_iter().take(3).collect();
    let get = || Step::GetCommand(1, Wait::Forever);
    vec![
        ("configured", Reach::Configuration, configuration),
        ("open", Reach::Configuration, begun()),
        ("held", Reach::Commands(1), then(begun(), vec![get()])),
        ("after-one", Reach::Commands(1), then(begun(), vec![serve_some(1, 1)])),
        ("after-three", Reach::Commands(3), then(begun(), vec![serve_some(1, 3)])),
        ("after-three-and-held", Reach::Commands(4), then(begun(), vec![serve_some(1, 3), get()])),
        ("all-done", Reach::Commands(1), then(begun(), vec![serve(1, Wait::Forever)])),
    ]
}

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    let aborted = [
        Clause::ClientSignalAbortStatus,
        Clause::ClientCompleteCommandAborted,
        Clause::AbortUnblocks,
        Clause::AbortNoDelivery,
        Clause::ClientCloseStatus,
    ];
    for (name, reach, steps) in points() {
        let after = vec![
            Step::SignalAbort,
            Step::OpenDevice(1, Naming::Own),
            Step::Complete(1),
            Step::GetCommand(1, Wait::Milliseconds(200)),
            Step::GetCommand(1, Wait::Forever),
            Step::SignalAbort,
        ];
        // An abort after the end of everything may be too late for VD_E_ABORT.
        let after = if name == "all-done" { vec![Step::SignalAbort] } else { after };
        all.push(Scenario {
            reach,
            ..alone(
                &format!("abort/{name}"),
                "The client aborts at this point, and goes on asking.",
                &aborted,
                ended(then(steps.clone(), after)),
            )
        });
        let closed = [
            Clause::ClientCloseDevicesOpenStatus,
            Clause::ClientCloseStatus,
            Clause::ClientCloseDevicesOpenAborts,
            Clause::ClientCloseImplicitAbort,
        ];
        all.push(Scenario {
            reach,
            ..alone(
                &format!("close/{name}"),
                "The client closes at this point, and creates the set again.",
                &closed,
                then(ended(steps.clone()), vec![Step::Create(config(1)), Step::Close]),
            )
        });
        all.extend(lost(name, reach, steps));
    }
    all.extend(others());
    all.extend(waiters());
    all
}

/// Who waits for a command of a device, all of whose commands are held, when the set comes to
/// its end by these steps.
fn waited(id: &str, title: &str, devices: u8, clauses: &[Clause], end: Vec<Step>) -> Scenario {
    let waiter = "waiter".to_owned();
    let last = devices;
    let waits = vec![
        Step::HoldAll(last, 300),
        Step::Start(waiter.clone(), vec![Step::GetCommand(last, Wait::Forever)]),
        Step::Pause(WAITED),
    ];
    let begun = begun(Verb::Backup, devices, "MAXTRANSFERSIZE = 65536, BUFFERCOUNT = 4");
    let steps = then(then(begun, waits), then(end, vec![Step::Join(waiter)]));
    Scenario { reach: Reach::Waited, ..badly(id, title, clauses, ended(steps)) }
}

/// How long somebody waits for a command, in milliseconds, before it is ended.
const WAITED: u32 = 300;

fn waiters() -> Vec<Scenario> {
    let secondary = |steps: Vec<Step>| {
        Step::Secondary(1, then(vec![Step::OpenInSecondary(Naming::Own)], steps))
    };
    vec![
        waited(
            "abort/while-one-waits",
            "The client aborts while a thread of it waits for a command.",
            1,
            &[Clause::AbortUnblocks],
            vec![Step::SignalAbort],
        ),
        waited(
            "abort/one-of-two-waits",
            "Two devices: one holds a command, the other waits, and the client aborts.",
            2,
            &[Clause::AbortUnblocks, Clause::ClientCompleteCommandAborted],
            vec![Step::GetCommand(1, Wait::Forever), Step::SignalAbort, Step::Complete(1)],
        ),
        disturbed(waited(
            "cancel/while-one-waits",
            "Whoever has handed the statement over is killed while a thread waits for a command.",
            1,
            &[Clause::AbortUnblocks, Clause::ProcessServerDeath],
            vec![Step::Cancel],
        )),
        waited(
            "secondary/aborts-while-one-waits",
            "A second process aborts the set while a thread of the first waits for a command.",
            1,
            &[Clause::AbortUnblocks, Clause::ClientSignalAbortStatus],
            vec![secondary(vec![Step::SignalAbort, Step::Close])],
        ),
    ]
}

fn others() -> Vec<Scenario> {
    vec![
        alone(
            "cancel/never-configured",
            "A statement is refused: nobody opens the set, and the wait for it ends as it is told.",
            &[Clause::ClientGetConfigurationTimeout],
            vec![
                Step::Create(config(1)),
                of_nothing(Verb::Backup),
                Step::Await,
                Step::GetConfiguration(Wait::Milliseconds(200)),
                Step::SignalAbort,
                Step::Close,
            ],
        ),
        configured(
            "close/after-the-end-again",
            "The client closes twice when all is done.",
            &[Clause::ClientCloseNotOpen],
            then(whole(Verb::Backup, 1, "", Wait::Forever), vec![Step::Close, Step::SignalAbort]),
        ),
        badly(
            "close/complete-after-the-end",
            "A device has ended, and a command is completed that was completed before.",
            &[Clause::ClientCompleteCommandInactive],
            ended(then(
                begun(Verb::Backup, 1, ""),
                vec![serve(1, Wait::Forever), Step::CompleteAgain(1), Step::CompleteNothing(1)],
            )),
        ),
        badly(
            "close/end-is-told-again",
            "A device that has ended is asked once more.",
            &[Clause::ClientGetCommandCloseAgain],
            ended(then(
                begun(Verb::Backup, 1, ""),
                vec![
                    serve(1, Wait::Forever),
                    Step::GetCommand(1, Wait::Poll),
                    Step::GetCommand(1, Wait::Forever),
                ],
            )),
        ),
        configured_late(),
        both_configured(),
    ]
}

/// Both have longer than a server needs, and less than nobody would wait for.
fn both_configured() -> Scenario {
    let waits = Step::GetConfiguration(Wait::Milliseconds(8_000));
    let waiter = |lane: &str| Step::Start(lane.to_owned(), vec![waits.clone()]);
    let joined = |lane: &str| Step::Join(lane.to_owned());
    badly(
        "wait/two-for-the-configuration",
        "Two threads wait for the configuration when the statement comes: each is given it.",
        &[Clause::ClientGetConfigurationStatus],
        vec![
            Step::Create(config(1)),
            waiter("one"),
            waiter("other"),
            Step::GetConfiguration(Wait::Milliseconds(150)),
            issue(Verb::Backup, 1, ""),
            joined("one"),
            joined("other"),
            Step::OpenDevice(1, Naming::Own),
            serve(1, Wait::Forever),
            Step::Close,
            Step::Await,
        ],
    )
}

fn configured_late() -> Scenario {
    badly(
        "wait/configuration-for-ever",
        "The configuration is waited for without a limit, and the statement comes later.",
        &[Clause::ClientGetConfigurationStatus],
        vec![
            Step::Create(config(1)),
            Step::Start("waiter".to_owned(), vec![Step::GetConfiguration(Wait::Forever)]),
            Step::GetConfiguration(Wait::Milliseconds(150)),
            issue(Verb::Backup, 1, ""),
            Step::Join("waiter".to_owned()),
            Step::GetConfiguration(PATIENCE),
            Step::OpenDevice(1, Naming::Own),
            serve(1, Wait::Forever),
            Step::Close,
            Step::Await,
        ],
    )
}

/// One of the two sides is killed at this point.
fn lost(name: &str, reach: Reach, steps: Vec<Step>) -> [Scenario; 2] {
    let lost = vec![
        Step::Cancel,
        Step::GetCommand(1, Wait::Forever),
        serve(1, Wait::Forever),
        Step::Close,
    ];
    let lost = if name == "all-done" { vec![Step::Close, Step::Await] } else { lost };
    let one = Scenario {
        reach,
        sound: false,
        ..alone(
            &format!("cancel/{name}"),
            "Whoever has handed the statement over is killed: no wait goes on for ever.",
            &[Clause::AbortUnblocks, Clause::ProcessServerDeath],
            then(steps.clone(), lost),
        )
    };
    let other = Scenario {
        reach,
        sound: false,
        ..alone(
            &format!("death/{name}"),
            "The client's process is killed at this point: the server is left with nothing to wait for.",
            &[Clause::ProcessClientDeath],
            then(steps, vec![Step::Die]),
        )
    };
    [one, other]
}
