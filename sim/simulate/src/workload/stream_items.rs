//! What a statement asks of one device: the commands of its stream in their order.

use smallvec::SmallVec;

use crate::options::{Like, Options, Plan};
use vdi_spec::clauses::{DiskGetPosition, Profile};
use vdi_spec::codes::CommandCode as Code;

/// One thing after another that a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The stream is moved up to this byte.
    Data(u64),
    /// One more Read, which meets the end.
    End,
    /// A command that waits until all before it are done, with its size.
    Alone(Code, Option<i32>),
    /// SetPosition to where GetPosition said it was.
    Return,
    /// SetPosition from this origin.
    Seek(i32, u64),
}

/// Those of one device.
pub(super) type Items = SmallVec<[Item; 12]>;

/// What a BACKUP asks of a device, one thing after the other.
pub(super) fn of_backup(options: &Options, profile: &Profile) -> Items {
    let mut items = Items::new();
    let metadata = u64::from(options.metadata);
    let positions = options.positions && can_ask_position(options.like, profile);
    if positions {
        items.push(Item::Alone(Code::GetPosition, None));
    }
    items.push(Item::Data(metadata));
    if positions {
        items.push(Item::Alone(Code::GetPosition, None));
    }
    if options.plan == Plan::Snapshot {
        if !options.ways.unprepared {
            items.push(Item::Alone(Code::PrepareToFreeze, None));
        }
    } else {
        items.extend((0..marks(options)).map(|_| Item::Alone(Code::WriteMark, None)));
    }
    let parts = u64::from(options.flushes.max(1));
    for part in 1..=parts {
        let block = u64::from(options.block_size);
        let share = u64::from(options.data) * part / parts / block * block;
        let end = if part == parts { options.stream() } else { metadata + share };
        items.extend([Item::Data(end), Item::Alone(Code::Flush, None)]);
    }
    if options.plan == Plan::Snapshot {
        items.push(Item::Alone(Code::Snapshot, None));
    }
    if options.complete {
        items.push(Item::Alone(Code::Complete, None));
    }
    items
}

/// The same of a RESTORE.
pub(super) fn of_restore(options: &Options, profile: &Profile) -> Items {
    let can_ask = can_ask_position(options.like, profile);
    let mut items = Items::new();
    let metadata = u64::from(options.metadata);
    if options.positions && can_ask && options.faults.capacity.is_none() {
        let get = Item::Alone(Code::GetPosition, None);
        items.extend([get, Item::Data(metadata), Item::Return]);
    } else if options.positions && options.like == Like::Tape {
        items.push(Item::Alone(Code::Rewind, None));
    }
    items.push(Item::Data(metadata));
    if skips(options) {
        items.extend(detour(options));
    }
    if options.ways.origins && options.like == Like::Disk {
        let block = u64::from(options.block_size);
        items.extend([Item::Seek(1, block), Item::Seek(1, block), Item::Seek(2, 0)]);
        items.extend(can_ask.then_some(Item::Alone(Code::GetPosition, None)));
    }
    let marks = marks(options);
    if marks > 0 {
        items.push(Item::Alone(Code::SkipMarks, Some(marks)));
    }
    items.push(Item::Data(options.stream()));
    if options.reads_to_end {
        items.push(Item::End);
    }
    if options.plan == Plan::Snapshot {
        items.push(Item::Alone(Code::MountSnapshot, None));
    }
    items
}

/// Whether a client can be asked for its position.
fn can_ask_position(like: Like, profile: &Profile) -> bool {
    match like {
        Like::Pipe => false,
        Like::Tape => true,
        Like::Disk => profile.disk_get_position == DiskGetPosition::RandomAccess,
    }
}

/// Filemarks between the metadata and the data of a tape. On tapes that may be full there are
/// none: on which of them they are is known to nobody.
const fn marks(options: &Options) -> i32 {
    match (options.like, options.plan) {
        (Like::Tape, Plan::Backup) if options.faults.capacity.is_none() => {
            1 + skips(options) as i32
        }
        _ => 0,
    }
}

/// Whether the server of a RESTORE goes back and forth on a tape.
const fn skips(options: &Options) -> bool {
    let tape = matches!(options.like, Like::Tape);
    options.ways.skips && tape && options.faults.capacity.is_none()
}

/// Back to the start of a tape, and by blocks to the end of the metadata, and forth and back
/// once more over the blocks and the filemarks there.
fn detour(options: &Options) -> SmallVec<[Item; 6]> {
    let mut items = SmallVec::new();
    let blocks = (options.metadata / options.block_size) as i32;
    items.push(Item::Alone(Code::Rewind, None));
    if blocks > 0 {
        items.extend([blocks, -blocks, blocks].map(|by| Item::Alone(Code::SkipBlocks, Some(by))));
    }
    let marks = marks(options);
    if marks > 0 {
        items.extend([marks, -marks].map(|by| Item::Alone(Code::SkipMarks, Some(by))));
    }
    items
}
