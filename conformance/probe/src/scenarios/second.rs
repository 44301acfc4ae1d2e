//! Secondary clients, and buffers that are handed to them.

use vdi_spec::clauses::Clause;

use super::parts::{PATIENCE, badly, begun, ended, then, well};
use crate::scenario::Scenario;
use crate::steps::{Naming, Step, Verb, Wait, config, issue, serve};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = working();
    all.extend(aborted());
    all
}

const fn opened() -> Step {
    Step::OpenInSecondary(Naming::Own)
}

fn working() -> Vec<Scenario> {
    vec![
        well(
            "secondary/serves-a-device",
            "A second process serves one of two devices.",
            &[Clause::ClientOpenInSecondaryStatus, Clause::ClientCloseSecondary],
            vec![
                Step::Create(config(2)),
                issue(Verb::Backup, 2, ""),
                Step::GetConfiguration(PATIENCE),
                Step::OpenDevice(1, Naming::Own),
                Step::Start(
                    "second".to_owned(),
                    vec![Step::Secondary(
                        1,
                        vec![
                            opened(),
                            Step::OpenDevice(2, Naming::Own),
                            serve(2, Wait::Forever),
                            Step::Close,
                        ],
                    )],
                ),
                serve(1, Wait::Forever),
                Step::Join("second".to_owned()),
                Step::Close,
                Step::Await,
            ],
        ),
        well(
            "secondary/maps-a-buffer",
            "A second process maps the buffer of a command that the first holds.",
            &[
                Clause::ClientGetBufferHandleStatus,
                Clause::ClientMapBufferHandleStatus,
                Clause::ClientMapBufferHandleInvalid,
            ],
            ended(then(
                begun(Verb::Backup, 1, ""),
                vec![
                    Step::GetCommand(1, Wait::Forever),
                    Step::BufferHandle(1),
                    Step::Secondary(
                        1,
                        vec![opened(), Step::MapHandle, Step::StrayHandle, Step::Close],
                    ),
                    Step::MapHandle,
                    Step::Complete(1),
                    serve(1, Wait::Forever),
                ],
            )),
        ),
        well(
            "secondary/twice",
            "A second process opens the set twice.",
            &[Clause::ClientOpenInSecondaryOnce],
            ended(then(
                begun(Verb::Backup, 1, ""),
                vec![
                    Step::Secondary(1, vec![opened(), opened(), Step::Close, Step::Close]),
                    serve(1, Wait::Forever),
                ],
            )),
        ),
    ]
}

fn aborted() -> Vec<Scenario> {
    vec![
        badly(
            "secondary/aborts",
            "A second process aborts the set.",
            &[Clause::ClientSignalAbortStatus, Clause::ClientCompleteCommandAborted],
            ended(then(
                begun(Verb::Backup, 1, ""),
                vec![
                    Step::GetCommand(1, Wait::Forever),
                    Step::Secondary(1, vec![opened(), Step::SignalAbort, Step::Close]),
                    Step::Complete(1),
                    Step::GetCommand(1, Wait::Forever),
                ],
            )),
        ),
        badly(
            "secondary/after-an-abort",
            "A second process comes after an abort.",
            &[Clause::ClientOpenInSecondaryAborted],
            ended(then(
                begun(Verb::Backup, 1, ""),
                vec![
                    Step::GetCommand(1, Wait::Forever),
                    Step::SignalAbort,
                    Step::Secondary(1, vec![opened(), Step::Close]),
                ],
            )),
        ),
    ]
}
