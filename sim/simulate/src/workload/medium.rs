//! Media: what a client's device does with the commands it gets.

use super::content::{self, Content, Extent};
use super::store::Store;
use crate::options::{Like, Options};
use vdi_spec::codes::{CommandCode, Win32};

/// What the medium made of a command.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    /// The completion code.
    pub(crate) code: Win32,
    /// Bytes moved.
    pub(crate) bytes: u32,
    /// Where it stands, of a positioning command.
    pub(crate) position: Option<u64>,
    /// What a Read gave.
    pub(crate) content: Content,
}

impl Completion {
    /// With this code, nothing moved.
    pub(crate) fn of(code: Win32) -> Self {
        Self { code, bytes: 0, position: None, content: Content::new() }
    }

    /// The device has failed.
    pub(crate) fn failed(writes: bool) -> Self {
        Self::of(if writes { Win32::ERROR_WRITE_FAULT } else { Win32::ERROR_READ_FAULT })
    }

    fn moved(code: Win32, bytes: u32) -> Self {
        Self { bytes, ..Self::of(code) }
    }

    fn at(position: u64) -> Self {
        Self { position: Some(position), ..Self::of(Win32::ERROR_SUCCESS) }
    }
}

/// One piece of medium: a tape, a disk, what came through a pipe.
#[derive(Clone, Debug, Default)]
struct Volume {
    store: Store,
    /// Where filemarks are, in their order.
    marks: Vec<u64>,
    /// What would survive a power cut.
    durable: u64,
}

/// The medium, or the pile of media, of one device.
#[derive(Clone, Debug)]
pub(crate) struct Medium {
    like: Like,
    removable: bool,
    block_size: u32,
    capacity: Option<u64>,
    overflows: bool,
    cuts: bool,
    /// Of removable disks, which are one after the other at the addresses of one volume:
    /// where each ends that was exchanged.
    limits: Vec<u64>,
    /// The disk that is mounted, counted from 0.
    disk: usize,
    volumes: Vec<Volume>,
    mounted: usize,
    at: u64,
    /// Filemarks before the place where it stands.
    passed: usize,
    writes: bool,
}

/// Places of blocks and filemarks in a tape's block address.
const MARKS_SHIFT: u32 = 40;

impl Medium {
    /// An empty one.
    #[must_use]
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            like: options.like,
            removable: options.removable,
            block_size: options.block_size,
            capacity: options.faults.capacity.map(u64::from),
            overflows: options.faults.overflows,
            cuts: options.faults.cuts,
            limits: Vec::new(),
            disk: 0,
            volumes: vec![Volume::default()],
            mounted: 0,
            at: 0,
            passed: 0,
            writes: true,
        }
    }

    /// To its start, to be read.
    pub(crate) fn rewind_to_read(&mut self) {
        (self.mounted, self.at, self.passed, self.writes) = (0, 0, 0, false);
        self.disk = 0;
    }

    /// The power fails: what was not flushed is lost.
    pub(crate) fn power_cut(&mut self) {
        for volume in &mut self.volumes {
            volume.store.truncate(volume.durable);
        }
    }

    /// The first byte of the stream `id`, `length` bytes long, that is not stored in its
    /// place.
    #[must_use]
    pub(crate) fn missing(&self, id: u32, length: u64) -> Option<u64> {
        let mut at = 0;
        for volume in &self.volumes {
            let mut from = 0;
            while from < volume.store.end() && at < length {
                let content = volume.store.read(from, 1 << 20);
                for extent in &content {
                    if (extent.stream, extent.offset) != (id, at) {
                        return Some(at);
                    }
                    at += u64::from(extent.length);
                }
                from += u64::from(content::length(&content));
            }
        }
        (at < length).then_some(at)
    }

    /// Stores data.
    pub(crate) fn write(&mut self, content: &[Extent], position: u64) -> Completion {
        let length = content::length(content);
        if self.like == Like::Disk {
            self.at = position;
        }
        let end = self.at + u64::from(length);
        let begin = self.limits.last().copied().unwrap_or_default();
        let most = self.capacity.map_or(u64::MAX, |capacity| begin + capacity);
        if end <= most {
            self.volumes[self.mounted].store.write(self.at, content);
            self.at = end;
            return Completion::moved(Win32::ERROR_SUCCESS, length);
        }
        if !self.removable || self.overflows {
            return Completion::of(match self.like {
                Like::Tape => Win32::ERROR_EOM_OVERFLOW,
                Like::Pipe | Like::Disk => Win32::ERROR_DISK_FULL,
            });
        }
        // The warning zone behind the capacity takes all that is under way, or nothing.
        let fits = most.saturating_sub(self.at).min(length.into()) as u32;
        let taken = if self.cuts { fits / self.block_size * self.block_size } else { length };
        self.volumes[self.mounted].store.write(self.at, &content::head(content, taken));
        self.at += u64::from(taken);
        Completion::moved(Win32::ERROR_END_OF_MEDIA, taken)
    }

    /// Reads data; `most` is less than `size` where the device gives less at a time.
    pub(crate) fn read(&mut self, size: u32, most: u32, position: u64) -> Completion {
        if self.like == Like::Disk {
            self.at = position;
        }
        let volume = &self.volumes[self.mounted];
        let mark = volume.marks.get(self.passed).copied();
        if mark == Some(self.at) {
            self.passed += 1;
            return Completion::of(Win32::ERROR_FILEMARK_DETECTED);
        }
        let limit = self.limits.get(self.disk).copied();
        let until = mark.or(limit).unwrap_or(u64::MAX).saturating_sub(self.at);
        let wanted = u64::from(most).min(until) as u32;
        let found = volume.store.read(self.at, wanted);
        let bytes = content::length(&found);
        self.at += u64::from(bytes);
        let code = match bytes {
            bytes if bytes == most.min(size) => Win32::ERROR_SUCCESS,
            0 if self.like == Like::Tape => Win32::ERROR_NO_DATA_DETECTED,
            _ => Win32::ERROR_HANDLE_EOF,
        };
        Completion { content: found, ..Completion::moved(code, bytes) }
    }

    /// Carries out a command that moves no data.
    pub(crate) fn control(&mut self, code: CommandCode, size: i64, position: u64) -> Completion {
        match code {
            CommandCode::Flush => self.flush(),
            CommandCode::Rewind => (self.at, self.passed) = (0, 0),
            CommandCode::WriteMark => {
                let volume = &mut self.volumes[self.mounted];
                volume.marks.truncate(self.passed);
                volume.marks.push(self.at);
                self.passed += 1;
            }
            CommandCode::SkipMarks => return self.skip_marks(size),
            CommandCode::SkipBlocks => {
                let by = size * i64::from(self.block_size);
                self.at = self.at.saturating_add_signed(by).min(self.end());
            }
            CommandCode::Load => return self.load(),
            CommandCode::GetPosition => return Completion::at(self.position()),
            CommandCode::SetPosition => return self.set_position(size, position),
            CommandCode::Read
            | CommandCode::Write
            | CommandCode::ClearError
            | CommandCode::PrepareToFreeze
            | CommandCode::Snapshot
            | CommandCode::MountSnapshot
            | CommandCode::Complete
            | CommandCode::Discard
            | CommandCode::FileInfoBegin
            | CommandCode::FileInfoEnd
            | CommandCode::GetError => {}
        }
        Completion::of(Win32::ERROR_SUCCESS)
    }

    fn end(&self) -> u64 {
        self.volumes[self.mounted].store.end()
    }

    fn flush(&mut self) {
        for volume in &mut self.volumes {
            volume.durable = volume.store.end();
        }
    }

    fn load(&mut self) -> Completion {
        if self.like == Like::Disk {
            if self.writes {
                self.limits.push(self.end());
            } else if self.disk == self.limits.len() {
                return Completion::of(Win32::ERROR_NO_DATA_DETECTED);
            } else {
                self.disk += 1;
            }
            return Completion::of(Win32::ERROR_SUCCESS);
        }
        if self.writes && self.mounted + 1 == self.volumes.len() {
            self.volumes.push(Volume::default());
        }
        if self.mounted + 1 >= self.volumes.len() {
            return Completion::of(Win32::ERROR_NO_DATA_DETECTED);
        }
        (self.mounted, self.at, self.passed) = (self.mounted + 1, 0, 0);
        Completion::of(Win32::ERROR_SUCCESS)
    }

    fn skip_marks(&mut self, count: i64) -> Completion {
        let marks = &self.volumes[self.mounted].marks;
        let to = self.passed as i64 + count;
        if to < 0 || to > marks.len() as i64 {
            return Completion::of(Win32::ERROR_NO_DATA_DETECTED);
        }
        self.passed = to as usize;
        self.at = match count {
            1.. => marks[self.passed - 1],
            _ => marks.get(self.passed).copied().unwrap_or(self.at),
        };
        Completion::of(Win32::ERROR_SUCCESS)
    }

    fn position(&self) -> u64 {
        match self.like {
            Like::Disk => self.at,
            _ => (self.at / u64::from(self.block_size)) | ((self.passed as u64) << MARKS_SHIFT),
        }
    }

    fn set_position(&mut self, origin: i64, position: u64) -> Completion {
        match (self.like, origin) {
            (Like::Disk, 1) => self.at = self.at.wrapping_add(position),
            (_, 2) => self.at = self.end().wrapping_add(position),
            (Like::Disk, _) => self.at = position,
            _ => {
                let blocks = position & ((1 << MARKS_SHIFT) - 1);
                self.at = blocks * u64::from(self.block_size);
                self.passed = (position >> MARKS_SHIFT) as usize;
            }
        }
        Completion::at(self.position())
    }
}
