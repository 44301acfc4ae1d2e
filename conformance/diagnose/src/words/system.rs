//! Errors of the operating system and of COM.

// A table, as long as what it lists.

use super::{Published, Word, WordKind};

const fn row(
    name: &'static str,
    number: u32,
    [says, fault, next, silent]: [&'static str; 4],
    source: Published,
) -> Word {
    Word { kind: WordKind::System, name, number: Some(number), says, fault, next, silent, source }
}

/// Errors of the operating system and of COM, by number.
pub(super) const SYSTEM: &[Word] = &[
    row(
        "ERROR_FILE_NOT_FOUND",
        2,
        [
            "Anything of that name was found. With 3201 (0x80070002): no set of that name.",
            "The client, if it had not created its set yet, or had closed it; otherwise the name: of the set, or of the instance.",
            "When the client created its set, under which name and for which instance.",
            "Whether the client ran at all.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_PATH_NOT_FOUND",
        3,
        [
            "The way to a file was not found.",
            "A path: of the client's medium, or of a plain file.",
            "The path.",
            "Whether it is about a virtual device.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_ACCESS_DENIED",
        5,
        [
            "Whoever asked has no right to it. With a set: the other side's objects belong to another user.",
            "The accounts of server and client, or the rights of the medium.",
            "Which accounts server and client run under; on Linux, whether they share a group.",
            "What was asked for, if no name stands beside it.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_INVALID_HANDLE",
        6,
        [
            "A handle is not valid. From the interface: the device was not active any more.",
            "An echo, mostly.",
            "What came before it.",
            "What had closed the device.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_NOT_ENOUGH_MEMORY",
        8,
        [
            "Too little memory for a request.",
            "The machine or the process that says it.",
            "The memory of that process; MAXTRANSFERSIZE times BUFFERCOUNT.",
            "Who uses the memory.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_OUTOFMEMORY",
        14,
        [
            "Too little memory for an operation. With `Request large buffers`: the server found no room for the buffers of the set.",
            "The statement's buffers, or the server's memory.",
            "MAXTRANSFERSIZE times BUFFERCOUNT: ask for less.",
            "Who uses the memory.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_NOT_READY",
        21,
        [
            "A device is not ready. With a virtual device it is what the client answered a command with.",
            "The client's medium.",
            "The client's medium, and its log.",
            "Why it is not ready.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_WRITE_FAULT",
        29,
        [
            "A device could not be written to. With a virtual device it is what the client answered a Write with.",
            "The client's medium.",
            "The client's log: the medium's own error.",
            "What the medium's own error was.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_READ_FAULT",
        30,
        [
            "A device could not be read from. With a virtual device it is what the client answered a Read with.",
            "The client's medium.",
            "The client's log: the medium's own error.",
            "What the medium's own error was.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_GEN_FAILURE",
        31,
        [
            "A device does not work. With a virtual device it is what the client answered a command with.",
            "The client's medium.",
            "The client's log.",
            "Anything more exact.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_SHARING_VIOLATION",
        32,
        [
            "Another program has the file.",
            "Whoever has it open.",
            "Which program has the file open.",
            "Whether it is about a virtual device.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_HANDLE_EOF",
        38,
        [
            "The end of the data was reached. In a restore: the client has no more to give.",
            "The client's medium, if the server expected more: the backup is cut short, or the wrong one.",
            "How many bytes the backup had, and how many were given.",
            "Whether the backup was short when it was written.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_HANDLE_DISK_FULL",
        39,
        [
            "The disk is full. With a virtual device it is what the client answered a command with.",
            "The space of the client's medium.",
            "That space, at that minute.",
            "Whose disk, if no device is named.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_NOT_SUPPORTED",
        50,
        [
            "A request is not supported. The right answer of a client to a command that it does not know.",
            "The client, if the command is one that every client must handle, such as Flush.",
            "The step beside it: which command was answered so.",
            "Which command it was, without the step.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_BAD_NETPATH",
        53,
        [
            "A path on the network was not found.",
            "The network, or the machine behind it.",
            "Whether that machine can be reached.",
            "Whether it is about a virtual device.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_NETNAME_DELETED",
        64,
        [
            "A share on the network is gone: the connection was lost.",
            "The network, or the machine behind it.",
            "The network at that minute.",
            "Which side let go.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_INVALID_PARAMETER",
        87,
        [
            "An argument is not valid.",
            "Whoever made the call.",
            "The call that the line names.",
            "Which argument.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_DISK_FULL",
        112,
        [
            "There is not enough space. With a virtual device it is what the client answered a command with.",
            "The client's medium.",
            "The space of the client's medium, at that minute.",
            "Whose disk, if no device is named: the server's own disks give 112 too.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_SEM_TIMEOUT",
        121,
        [
            "A wait was over before what was waited for came.",
            "The device or the network that was waited for.",
            "The system event log of that minute.",
            "What was late.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_PROC_NOT_FOUND",
        127,
        [
            "A function was not found in a library: two versions that do not fit.",
            "The installation of sqlvdi.dll.",
            "Which sqlvdi.dll is registered, and which instances are installed.",
            "Which function.",
        ],
        Published::KB_280759,
    ),
    row(
        "ERROR_NOT_OWNER",
        288,
        [
            "A lock was released by somebody who did not hold it.",
            "An echo: one side tidies up after the other has gone.",
            "What came before it.",
            "What had ended the set.",
        ],
        Published::SYSTEM_0,
    ),
    row(
        "ERROR_OPERATION_ABORTED",
        995,
        [
            "What was under way was aborted. It is what the interface completes every pending command with after an abort.",
            "Nobody yet: it is the echo of an abort.",
            "The SQLVDI lines of that minute, and the client's log: who aborted?",
            "The cause. 995 never names it.",
        ],
        Published::SYSTEM_500,
    ),
    row(
        "ERROR_END_OF_MEDIA",
        1100,
        [
            "The end of the medium is near. With a virtual device it is what the client answered a Write with.",
            "The client's medium.",
            "Whether another volume was offered.",
            "Whether there was one.",
        ],
        Published::SYSTEM_1000,
    ),
    row(
        "ERROR_NO_DATA_DETECTED",
        1104,
        [
            "No more data on the medium.",
            "The client's medium, if the server expected more.",
            "How many bytes the backup had, and how many were given.",
            "Whether the backup was short when it was written.",
        ],
        Published::SYSTEM_1000,
    ),
    row(
        "ERROR_IO_DEVICE",
        1117,
        [
            "A device error. From the interface: an earlier command on the device failed, so this one is not tried.",
            "An echo, if an error stands before it; otherwise the client's answer.",
            "The first error of that device.",
            "The first error.",
        ],
        Published::SYSTEM_1000,
    ),
    row(
        "ERROR_EOM_OVERFLOW",
        1129,
        [
            "The end of the medium was passed. With a virtual device it is what the client answered a Write with.",
            "The client's medium.",
            "Whether another volume was offered.",
            "Whether there was one.",
        ],
        Published::SYSTEM_1000,
    ),
    row(
        "ERROR_NO_SYSTEM_RESOURCES",
        1450,
        [
            "The system lacks a resource for the request.",
            "The machine, or a request that is too large.",
            "MAXTRANSFERSIZE, and the memory of the machine.",
            "Which resource.",
        ],
        Published::SYSTEM_1300,
    ),
    row(
        "ERROR_COMMITMENT_LIMIT",
        1455,
        [
            "Memory and page file are used up.",
            "The machine.",
            "The memory of the machine at that minute.",
            "Who uses the memory.",
        ],
        Published::SYSTEM_1300,
    ),
    row(
        "E_FAIL",
        0x8000_4005,
        [
            "Something failed that has no code of its own.",
            "Not known.",
            "The lines around it.",
            "Everything else.",
        ],
        Published::COM,
    ),
    row(
        "E_UNEXPECTED",
        0x8000_FFFF,
        [
            "Something failed that was not provided for.",
            "Not known.",
            "The lines around it.",
            "Everything else.",
        ],
        Published::COM,
    ),
    row(
        "CLASS_E_CLASSNOTAVAILABLE",
        0x8004_0111,
        [
            "The COM library is there, and does not make this class: often a matter of rights.",
            "The rights of the client's process, or the installation.",
            "Whether it helps to run the client elevated; which sqlvdi.dll is registered.",
            "Anything of the server: no set was made.",
        ],
        Published::PIPE_1,
    ),
    row(
        "REGDB_E_CLASSNOTREG",
        0x8004_0154,
        [
            "A COM class is not registered: sqlvdi.dll is not, or not for programs of this width.",
            "The installation on the machine where it is said.",
            "Whether the client has 32 or 64 bits, and which sqlvdi.dll is registered for that.",
            "Anything of the server: no set was made.",
        ],
        Published::COM_CLASSES,
    ),
    row(
        "REGDB_E_IIDNOTREG",
        0x8004_0155,
        [
            "A COM interface is not registered.",
            "The installation of sqlvdi.dll.",
            "Which sqlvdi.dll is registered.",
            "Anything of the server: no set was made.",
        ],
        Published::COM_CLASSES,
    ),
];
