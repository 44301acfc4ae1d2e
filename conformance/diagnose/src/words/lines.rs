//! Words of the interface's lines, and the steps in the server's messages.

use super::{Published, Word, WordKind};

const fn row(
    kind: WordKind,
    name: &'static str,
    [says, fault, next, silent]: [&'static str; 4],
    source: Published,
) -> Word {
    Word { kind, name, number: None, says, fault, next, silent, source }
}

/// Words of the interface's lines, and the steps in the server's messages.
pub(super) const LINES: &[Word] = &[
    row(
        WordKind::Line,
        "SignalAbort",
        [
            "In a line of the client's process: the client itself ended the set, by SignalAbort. In one of the server's: the server did.",
            "The process that the line names; though it may only react to a failure of the other side.",
            "The client's log at that second, and whether the statement had already failed.",
            "Why it gave up.",
        ],
        Published::WORKERS,
    ),
    row(
        WordKind::Line,
        "TriggerAbort",
        [
            "The interface ended the set: a process was gone, serverTimeOut passed twice, or memory could not be mapped. It also follows on a SignalAbort.",
            "Not known from the line alone; with a SignalAbort beside it, it is an echo.",
            "The SQLVDI lines just before it, and whether the client's process was still there.",
            "What made the interface do it.",
        ],
        Published::WRITER,
    ),
    row(
        WordKind::Line,
        "ErrorCode",
        [
            "The error of the operating system in a SQLVDI line; 0 is none.",
            "By that error.",
            "`vdi explain` of the number.",
            "Anything, if it is 0.",
        ],
        Published::CODES_AND_LOGS,
    ),
    row(
        WordKind::Line,
        "SQLVDI",
        [
            "The source of the interface's lines in the application event log of Windows.",
            "Nobody.",
            "Loc (where), Desc (what), ErrorCode, Process, and whether the line is of the client or of the server.",
            "What happened on the other side.",
        ],
        Published::CODES_AND_LOGS,
    ),
    row(
        WordKind::Line,
        "SQLVDIMemoryName",
        [
            "The shared memory of a set: the name before it is the name of the set.",
            "Nobody.",
            "The same name in the statement and in the server's lines.",
            "Anything but the name.",
        ],
        Published::SAMPLES_752,
    ),
    row(
        WordKind::Line,
        "SyncWithGlobalTable",
        [
            "The client could not find the buffers that the server has made for the set.",
            "The rights or the place of shared memory; on Linux, user and group of both processes.",
            "The error in the line; on Linux, whether both see the same /dev/shm and share a group.",
            "Whether the server could not make them, or the client cannot see them.",
        ],
        Published::SAMPLES_752,
    ),
    row(
        WordKind::Line,
        "ChannelSem",
        [
            "A semaphore of the set could not be opened while it was aborted.",
            "An echo, after TriggerAbort.",
            "The lines before it.",
            "What ended the set.",
        ],
        Published::SAMPLES_752,
    ),
    row(
        WordKind::Step,
        "RequestDurableMedia",
        [
            "The server had asked for all data to be made durable: the command Flush, near the end of a backup.",
            "By the error behind it: 995 is an echo of an abort, any other the client's answer.",
            "That error: `vdi explain` it.",
            "Whether all data had come, and, with 995, who aborted.",
        ],
        Published::VDI_BLOG,
    ),
    row(
        WordKind::Step,
        "ClearError",
        [
            "The server wanted to take a device out of its error state.",
            "By the error behind it: 995 is an echo of an abort.",
            "The error that had brought the device there.",
            "That error.",
        ],
        Published::VDI_BLOG,
    ),
    row(
        WordKind::Step,
        "PrepareToFreeze",
        [
            "The server had asked the client to get ready for a snapshot.",
            "By the error behind it: 995 is an echo of an abort.",
            "The client's log (for VSS, the lines of SQLWRITER and VSS), and the server's worker threads.",
            "What held the client up.",
        ],
        Published::WORKERS,
    ),
    row(
        WordKind::Step,
        "SendFileInfoBegin",
        [
            "The server was about to tell the client of the files of a database, for a snapshot.",
            "By the error behind it: 995 is an echo of an abort.",
            "The client's log; for VSS, the lines of SQLWRITER and VSS.",
            "Who aborted. It is also seen where a snapshot is ended on purpose.",
        ],
        Published::REPLICA,
    ),
    row(
        WordKind::Step,
        "SetBufferParms",
        [
            "The server was asking the interface for the buffers of the set.",
            "The memory of the server, or a statement that asks for too many or too large buffers.",
            "MAXTRANSFERSIZE times BUFFERCOUNT.",
            "Who uses the memory.",
        ],
        Published::CONFIGURATION,
    ),
    row(
        WordKind::Step,
        "AllocateBuffer",
        [
            "The server was taking a buffer of the set.",
            "By the error behind it: 995 is an echo of an abort.",
            "The SQLVDI lines of the client just before: could it map the buffers?",
            "Which side could not.",
        ],
        Published::SAMPLES_752,
    ),
    row(
        WordKind::Step,
        "Initialize",
        [
            "The server was about to use the set.",
            "By the error behind it: with CoCreateInstance the installation; 995 is an echo of an abort.",
            "That error: `vdi explain` it.",
            "Whether the client was ready.",
        ],
        Published::KB_280759,
    ),
    row(
        WordKind::Step,
        "ReportIoError",
        [
            "A read or a write on a device came back with an error.",
            "By the error behind it: 995 is an echo of an abort, any other the client's answer.",
            "That error: `vdi explain` it.",
            "With 995: who aborted.",
        ],
        Published::VDI_BLOG,
    ),
    row(
        WordKind::Step,
        "BackupVirtualDeviceFile",
        [
            "One device of a set; the step stands behind it.",
            "By the error behind the step.",
            "The step and the error: `vdi explain` both.",
            "With 995: who aborted.",
        ],
        Published::VDI_BLOG,
    ),
    row(
        WordKind::Step,
        "BackupVirtualDeviceSet",
        [
            "A set as a whole; the step stands behind it.",
            "By the error behind the step.",
            "The step and the error: `vdi explain` both.",
            "With 995: who aborted.",
        ],
        Published::KB_280759,
    ),
    row(
        WordKind::Step,
        "BackupDiskFile",
        [
            "A plain file: this is no virtual device.",
            "The path, its rights or its disk.",
            "The path and the error.",
            "Anything of the interface.",
        ],
        Published::DARN,
    ),
    row(
        WordKind::Step,
        "BackupIoRequest",
        [
            "A read or a write of a backup, on whatever device.",
            "By the error behind it.",
            "The name of the device, and the error.",
            "With 995: who aborted.",
        ],
        Published::DOCKER_305,
    ),
];
