//! Calls that are refused, in the midst of a backup that goes on; commands completed with
//! every code.

use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_spec::config::VdConfig;

use super::parts::{PATIENCE, badly, begun, begun_with, disturbed, ended, then, well};
use crate::scenario::{Reach, Scenario};
use crate::steps::{Naming, Odd, Serving, Step, Verb, Wait, config, issue, serve};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = refused_in_between();
    all.extend(refused_commands());
    all.extend(waits_in_vain());
    all.extend(codes());
    all
}

/// Something that is refused once the devices are open, and a backup that goes on all the same.
fn in_between(id: &str, title: &str, clause: Clause, devices: u8, steps: Vec<Step>) -> Scenario {
    let begun = then(begun(Verb::Backup, devices, ""), steps);
    well(id, title, &[clause], ended(then(begun, super::parts::served(devices, Wait::Forever))))
}

fn refused_in_between() -> Vec<Scenario> {
    let opened = |naming| Step::OpenDevice(1, naming);
    let first =
        [Step::Create(config(2)), issue(Verb::Backup, 2, ""), Step::GetConfiguration(PATIENCE)];
    let one_open = [Step::OpenDevice(1, Naming::Own), opened(Naming::Own)].to_vec();
    let twice = then(first.to_vec(), then(one_open, vec![Step::OpenDevice(2, Naming::Own)]));
    let served = || super::parts::served(2, Wait::Forever);
    vec![
        in_between(
            "refused/device-surplus",
            "One device more is opened than there are.",
            Clause::ClientOpenDeviceSurplus,
            1,
            vec![Step::OpenDevice(2, Naming::Unknown)],
        ),
        well(
            "refused/device-twice",
            "A device is opened that is open.",
            &[Clause::ClientOpenDeviceTwice],
            ended(then(twice, served())),
        ),
        in_between(
            "refused/create-while-open",
            "A set is created on an object whose set is at work.",
            Clause::ClientCreateOnce,
            1,
            vec![Step::CreateAgain(config(1))],
        ),
        in_between(
            "refused/stray-buffer",
            "A handle is asked for what is no buffer.",
            Clause::ClientGetBufferHandleInvalid,
            1,
            vec![Step::StrayBuffer],
        ),
        in_between(
            "refused/stray-handle",
            "What is no handle is to be mapped.",
            Clause::ClientMapBufferHandleInvalid,
            1,
            vec![Step::StrayHandle],
        ),
        in_between(
            "refused/configuration-again",
            "The configuration is asked for once more: it is there.",
            Clause::ClientGetConfigurationFixed,
            1,
            vec![Step::GetConfiguration(Wait::Poll), Step::GetConfiguration(PATIENCE)],
        ),
    ]
}

fn refused_commands() -> Vec<Scenario> {
    let held = |devices: u8, steps: Vec<Step>| {
        let begun = begun(Verb::Backup, devices, "");
        then(then(begun, vec![Step::GetCommand(1, Wait::Forever)]), steps)
    };
    let rest = |steps: Vec<Step>, devices| {
        ended(then(steps, super::parts::served(devices, Wait::Forever)))
    };
    vec![
        well(
            "refused/complete-twice",
            "A command is completed once more.",
            &[Clause::ClientCompleteCommandInactive],
            rest(held(1, vec![Step::Complete(1), Step::CompleteAgain(1)]), 1),
        ),
        well(
            "refused/complete-nothing",
            "No command at all is completed.",
            &[Clause::ClientCompleteCommandInactive],
            rest(held(1, vec![Step::CompleteNothing(1), Step::Complete(1)]), 1),
        ),
        well(
            "refused/complete-elsewhere",
            "A command of one device is completed on another.",
            &[Clause::ClientCompleteCommandInactive],
            rest(held(2, vec![Step::CompleteElsewhere(1, 2), Step::Complete(1)]), 2),
        ),
        well(
            "order/held-and-completed",
            "Commands are held, and completed when no other comes.",
            &[Clause::ClientGetCommandDelivers, Clause::ClientCompleteCommandStatus],
            rest(
                held(
                    1,
                    vec![
                        Step::GetCommand(1, Wait::Milliseconds(400)),
                        Step::Complete(1),
                        Step::Complete(1),
                    ],
                ),
                1,
            ),
        ),
        well(
            "refused/completed-buffer",
            "A handle is asked for the buffer of a command that is completed.",
            &[Clause::ClientGetBufferHandleInvalid],
            rest(
                held(
                    1,
                    vec![
                        Step::HoldAll(1, 150),
                        Step::Complete(1),
                        Step::CompletedBuffer(1),
                        Step::CompleteAll(1),
                    ],
                ),
                1,
            ),
        ),
    ]
}

fn waits_in_vain() -> Vec<Scenario> {
    vec![
        emptied(
            "wait/command-poll-while-held",
            "Every command is held: whoever polls for another is told at once that there is none.",
            vec![Step::HoldAll(1, 150), Step::GetCommand(1, Wait::Poll)],
        ),
        emptied(
            "wait/command-in-parts-while-held",
            "Every command is held: whoever waits for another waits as long as it was told.",
            vec![
                Step::HoldAll(1, 150),
                Step::GetCommand(1, Wait::Milliseconds(20)),
                Step::GetCommand(1, Wait::Milliseconds(300)),
                Step::GetCommand(1, Wait::Milliseconds(1100)),
                Step::GetCommand(1, Wait::Poll),
            ],
        ),
    ]
}

fn codes() -> Vec<Scenario> {
    let feature = |features| VdConfig { features, ..config(1) };
    let odd = |command, number, code| {
        let odd = Some(Odd { command, number, code });
        Step::Serve(Serving { device: 1, wait: Wait::Forever, commands: None, odd })
    };
    let write = CommandCode::Write;
    let backups = [
        ("write-disk-full", config(1), write, 1, Win32::ERROR_DISK_FULL),
        ("third-write-disk-full", config(1), write, 3, Win32::ERROR_DISK_FULL),
        ("write-io-device", config(1), write, 1, Win32::ERROR_IO_DEVICE),
        ("write-fault", config(1), write, 2, Win32(29)),
        ("write-not-supported", config(1), write, 1, Win32::ERROR_NOT_SUPPORTED),
        ("write-aborted", config(1), write, 1, Win32::ERROR_OPERATION_ABORTED),
        ("write-overflow", feature(Features::REMOVABLE), write, 2, Win32::ERROR_EOM_OVERFLOW),
        ("write-strange", config(1), write, 1, Win32(0x1234_5678)),
        ("flush-failed", config(1), CommandCode::Flush, 1, Win32::ERROR_IO_DEVICE),
        ("flush-disk-full", config(1), CommandCode::Flush, 1, Win32::ERROR_DISK_FULL),
        (
            "complete-failed",
            feature(Features::REQUEST_COMPLETE),
            CommandCode::Complete,
            1,
            Win32::ERROR_IO_DEVICE,
        ),
    ];
    let answered = |id: String, title: &str, steps: Vec<Step>| {
        let clauses = [Clause::ClientCompleteCommandStatus, Clause::ClientGetCommandClose];
        disturbed(Scenario { reach: Reach::Odd, ..badly(&id, title, &clauses, ended(steps)) })
    };
    let mut all: Vec<Scenario> = backups
        .into_iter()
        .map(|(name, config, command, number, code)| {
            let begun = begun_with(config, Verb::Backup, 1, "MAXTRANSFERSIZE = 65536");
            let title = "A command of a backup is completed with this code.";
            answered(format!("code/{name}"), title, then(begun, vec![odd(command, number, code)]))
        })
        .collect();
    let reads = [
        ("read-io-device", 1, Win32::ERROR_IO_DEVICE),
        ("second-read-fault", 2, Win32(30)),
        ("read-end-of-data", 2, Win32::ERROR_HANDLE_EOF),
    ];
    all.extend(reads.into_iter().map(|(name, number, code)| {
        let backup = super::parts::whole(Verb::Backup, 1, "MAXTRANSFERSIZE = 65536", Wait::Forever);
        let restore = then(
            begun(Verb::Restore, 1, "MAXTRANSFERSIZE = 65536"),
            vec![odd(CommandCode::Read, number, code)],
        );
        let title = "A Read of a restore is completed with this code.";
        answered(format!("code/{name}"), title, then(backup, restore))
    }));
    all.extend([held_beside_an_error(), queued_behind_an_error()]);
    all.push(well(
        "code/nothing-is-wrong",
        "The same with nothing wrong, to compare with.",
        &[Clause::ClientCompleteCommandStatus],
        ended(then(
            begun(Verb::Backup, 1, "MAXTRANSFERSIZE = 65536"),
            vec![serve(1, Wait::Forever)],
        )),
    ));
    all
}

/// Waits for more than there is, and then everything is completed, and what follows.
fn emptied(id: &str, title: &str, waits: Vec<Step>) -> Scenario {
    let begun = begun(Verb::Backup, 1, "MAXTRANSFERSIZE = 65536, BUFFERCOUNT = 4");
    let then_all = vec![Step::CompleteAll(1), serve(1, Wait::Forever)];
    let steps = ended(then(then(begun, waits), then_all));
    let clauses = [Clause::ClientGetCommandTimeout];
    Scenario { reach: Reach::Emptied, ..well(id, title, &clauses, steps) }
}

/// A command ends with an error when the server has had the time to queue others behind it.
fn queued_behind_an_error() -> Scenario {
    let steps = then(
        begun(Verb::Backup, 1, "MAXTRANSFERSIZE = 65536, BUFFERCOUNT = 4"),
        vec![
            Step::GetCommand(1, Wait::Forever),
            Step::Pause(300),
            Step::CompleteWith(1, Win32::ERROR_WRITE_FAULT),
            serve(1, Wait::Forever),
        ],
    );
    let clauses = [Clause::DeviceErrorQueue];
    let title = "A command ends with an error: of what is queued behind it nothing is delivered.";
    let scenario = badly("code/queued-behind-a-failure", title, &clauses, ended(steps));
    disturbed(Scenario { reach: Reach::Odd, ..scenario })
}

/// Of two commands that are held the second ends with an error: ClearError does not come before
/// the first is completed, too.
fn held_beside_an_error() -> Scenario {
    let steps = then(
        begun(Verb::Backup, 1, "MAXTRANSFERSIZE = 65536, BUFFERCOUNT = 4"),
        vec![
            Step::HoldAll(1, 150),
            Step::CompleteThe(1, 1, Some((Win32::ERROR_WRITE_FAULT, 0))),
            Step::GetCommand(1, Wait::Milliseconds(500)),
            Step::CompleteAll(1),
            serve(1, Wait::Forever),
        ],
    );
    let clauses = [Clause::DeviceErrorClearErrorWaits];
    let title =
        "Of the commands that are held one ends with an error: ClearError waits for the rest.";
    let scenario = badly("code/held-while-another-fails", title, &clauses, ended(steps));
    disturbed(Scenario { reach: Reach::OddBesideHeld, ..scenario })
}
