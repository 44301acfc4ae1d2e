//! Options of the statement.

use super::{Published, Word, WordKind};

const fn row(
    name: &'static str,
    [says, fault, next, silent]: [&'static str; 4],
    source: Published,
) -> Word {
    Word { kind: WordKind::Option, name, number: None, says, fault, next, silent, source }
}

/// Options of the statement.
pub(super) const OPTIONS: &[Word] = &[
    row(
        "MAXTRANSFERSIZE",
        [
            "The most bytes of one Read or Write: a multiple of 64 KiB, up to 4 MiB.",
            "The statement, if buffers cannot be had: this times BUFFERCOUNT is what the server asks for.",
            "BUFFERCOUNT, and what the client can take at once.",
            "How large the transfers really are.",
        ],
        Published::TRANSFER_SIZE,
    ),
    row(
        "BUFFERCOUNT",
        [
            "How many buffers of MAXTRANSFERSIZE the operation uses, over all devices.",
            "The statement, if memory is short.",
            "MAXTRANSFERSIZE, and the server's memory.",
            "How many are with the client at a time.",
        ],
        Published::BUFFER_COUNT,
    ),
    row(
        "BLOCKSIZE",
        [
            "The unit of every transfer: a power of 2 from 512 bytes to 64 KiB.",
            "The statement, if a client counts on another one.",
            "What GetConfiguration tells the client.",
            "The size of transfers.",
        ],
        Published::CONFIGURATION,
    ),
    row(
        "VIRTUAL_DEVICE",
        [
            "A device of the interface; the first one's name is the name of the set.",
            "The statement or the client, if names or their number differ from the set's.",
            "The name that the client gave to CreateEx, and its deviceCount.",
            "Which client is behind it.",
        ],
        Published::CONFIGURATION,
    ),
    row(
        "COPY_ONLY",
        [
            "The backup leaves the chain of backups alone.",
            "Nobody.",
            "Nothing.",
            "Anything of the interface.",
        ],
        Published::BACKUP,
    ),
    row(
        "SNAPSHOT",
        [
            "No data goes through the device but header and metadata; the client takes the copy while writes are frozen.",
            "Nobody.",
            "3197 and 3198: how long writes were frozen.",
            "Whether the copy is good.",
        ],
        Published::BACKUP,
    ),
    row(
        "CHECKSUM",
        [
            "The server puts checksums over the backup, and checks those of the pages.",
            "The storage below the database, if it fails in a backup; the client's data, if it fails in a restore.",
            "The message that came with it.",
            "Where the damage came from.",
        ],
        Published::BACKUP,
    ),
    row(
        "CONTINUE_AFTER_ERROR",
        [
            "The server goes on in spite of damaged pages.",
            "Nobody.",
            "The error log: which pages.",
            "How much is lost.",
        ],
        Published::BACKUP,
    ),
    row(
        "COMPRESSION",
        [
            "The server compresses what it hands over.",
            "Nobody.",
            "Nothing.",
            "The size of the database.",
        ],
        Published::BACKUP,
    ),
];
