//! What goes onto the media: of each device a header, data, and a trailer with the
//! checksum of that data, and one of the whole backup: headers, data, and their order.
//!
//! Header and trailer are one [`BLOCK`] each, and the data is filled up to a multiple of it:
//! so it can be read again with any block size. With several devices the pieces of the
//! data go to them in turns.

use std::collections::BTreeMap;

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use super::statement::Statement;
use super::verb::What;

/// Bytes of a header or a trailer: the largest block that the interface knows.
pub(super) const BLOCK: usize = 65_536;

/// The most bytes that the data can have: as many as a file.
const MOST: u64 = i64::MAX.unsigned_abs() - (64 << 20);

/// The first words of a header.
const FORMAT: &str = "vdi-sim-backup/2";

/// What stands at the beginning of each device's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Header {
    format: String,
    pub(super) database: String,
    pub(super) log: bool,
    /// The name of the set, which tells one backup's media from another's.
    pub(super) set: String,
    /// Bytes of the whole data.
    pub(super) bytes: u64,
    /// Bytes of a piece.
    pub(super) piece: u32,
    /// How many devices there are, and the number of this one, counted from 0.
    pub(super) devices: u32,
    pub(super) device: u32,
    /// The data is not on the media.
    pub(super) snapshot: bool,
}

/// What stands at the end of each device's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Trailer {
    /// CRC-32 of the data before it; of a snapshot, of all the data. `None` if the
    /// statement wanted none.
    pub(super) checksum: Option<u32>,
    /// The sum of the whole backup, as [`whole`] has it; `None` if there is no checksum.
    pub(super) whole: Option<u32>,
    /// The number of the device, as in the header.
    pub(super) device: u32,
}

/// The sums of what lies on one device: of its header, and of its data.
pub(super) type Sums = (u32, u32);

/// The sum of a whole backup, over those of its devices in the order of their numbers: no
/// medium can take the place of another, of this backup or of one like it.
pub(super) fn whole(devices: &BTreeMap<u32, Sums>) -> u32 {
    let mut hasher = Hasher::new();
    for (device, (header, data)) in devices {
        [device, header, data].into_iter().for_each(|sum| hasher.update(&sum.to_le_bytes()));
    }
    hasher.finalize()
}

/// A piece of the data: its place, and how many bytes.
pub(super) type Piece = (u64, usize);

impl Header {
    pub(super) fn new(statement: &Statement, bytes: u64, piece: u32) -> Self {
        Self {
            format: FORMAT.to_owned(),
            database: statement.database.clone(),
            log: statement.what == What::Log,
            set: statement.devices[0].clone(),
            bytes,
            piece,
            devices: u32::try_from(statement.devices.len()).unwrap_or(u32::MAX),
            device: 0,
            snapshot: statement.options.snapshot,
        }
    }

    /// The same for another device.
    pub(super) fn of_device(&self, device: usize) -> Self {
        Self { device: u32::try_from(device).unwrap_or(u32::MAX), ..self.clone() }
    }

    pub(super) fn read(block: &[u8]) -> Result<Self, String> {
        let header: Self = from_block(block)?;
        if header.format != FORMAT {
            return Err(format!("its format is {}", header.format));
        }
        header.check().map_or(Ok(()), |what| Err(format!("its header says {what}")))?;
        Ok(header)
    }

    /// What it says that cannot be.
    fn check(&self) -> Option<String> {
        let Self { bytes, piece, devices, device, snapshot, .. } = *self;
        match () {
            () if piece == 0 || !piece.is_multiple_of(BLOCK as u32) => {
                Some(format!("that a piece has {piece} bytes, which is no multiple of {BLOCK}"))
            }
            () if bytes > MOST => Some(format!("that the data has {bytes} bytes")),
            () if devices > 64 || snapshot && devices > 1 => {
                Some(format!("that there are {devices} devices"))
            }
            () if device >= devices => {
                Some(format!("that this is device {device}, counted from 0, of {devices}"))
            }
            () => None,
        }
    }

    /// The pieces that lie on this device.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> + use<> {
        let (bytes, piece, step) = (self.bytes, u64::from(self.piece), u64::from(self.devices));
        let count = if self.snapshot { 0 } else { bytes.div_ceil(piece) };
        (u64::from(self.device)..count).step_by(step as usize).map(move |index| {
            let start = index * piece;
            (start, (bytes - start).min(piece) as usize)
        })
    }

    /// Bytes of data that the header and the trailer of this device enclose.
    pub(super) fn data_length(&self) -> u64 {
        let (piece, device) = (u64::from(self.piece), u64::from(self.device));
        let count = if self.snapshot { 0 } else { self.bytes.div_ceil(piece) };
        let pieces = count.saturating_sub(device).div_ceil(self.devices.into());
        // All of them are whole but the last one of all, wherever that lies.
        let lacks = count * piece - self.bytes.min(count * piece);
        let holds_last = pieces > 0 && (count - 1) % u64::from(self.devices) == device;
        pieces * piece - if holds_last { lacks / BLOCK as u64 * BLOCK as u64 } else { 0 }
    }

    /// Whether both are of one backup.
    pub(super) fn fits(&self, other: &Self) -> bool {
        Self { device: 0, ..self.clone() } == Self { device: 0, ..other.clone() }
    }
}

/// The next multiple of a block.
pub(super) const fn filled_up(length: usize) -> usize {
    length.next_multiple_of(BLOCK)
}

/// A header or a trailer as it lies on the medium: a line of JSON, then zeros.
pub(super) fn to_block(of: &impl Serialize) -> Vec<u8> {
    let mut block = serde_json::to_vec(of).expect("plain data serialises");
    block.push(b'\n');
    block.resize(BLOCK, 0);
    block
}

pub(super) fn from_block<'de, T: Deserialize<'de>>(block: &'de [u8]) -> Result<T, String> {
    let line = block.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_lies_on_one_device() {
        let statement = crate::parse("BACKUP DATABASE x TO VIRTUAL_DEVICE='a'");
        let Ok([super::super::Order::Run(statement)]) = statement.as_deref() else { panic!() };
        for (bytes, piece, devices) in [
            (0, 65_536, 1),
            (1, 65_536, 3),
            (1_000_000, 65_536, 4),
            (1_000_000, 131_072, 3),
            (1_048_576, 131_072, 3),
            (100_000, 4 << 20, 2),
        ] {
            let whole = Header { devices, ..Header::new(statement, bytes, piece) };
            for number in 0..devices {
                let header = whole.of_device(number as usize);
                let walked: u64 = header.pieces().map(|(_, length)| filled_up(length) as u64).sum();
                assert_eq!(header.data_length(), walked, "{header:?}");
                assert_eq!(Header::read(&to_block(&header)), Ok(header));
            }
            let mut all: Vec<Piece> =
                (0..devices).flat_map(|n| whole.of_device(n as usize).pieces()).collect();
            all.sort_unstable();
            let end = all.iter().fold(0, |end, (start, length)| {
                assert_eq!(*start, end);
                end + *length as u64
            });
            assert_eq!(end, bytes);
        }
    }

    #[test]
    fn a_header_that_cannot_be_is_refused_at_once() {
        let sound = Header {
            format: FORMAT.to_owned(),
            database: "x".to_owned(),
            log: false,
            set: "a".to_owned(),
            bytes: MOST,
            piece: 65_536,
            devices: 64,
            device: 63,
            snapshot: false,
        };
        // As large as can be: nobody counts the pieces one by one.
        assert_eq!(sound.data_length(), MOST.div_ceil(65_536) / 64 * 65_536);
        for (wrong, what) in [
            (Header { piece: 0, ..sound.clone() }, "a piece has 0 bytes"),
            (Header { piece: 65_537, ..sound.clone() }, "no multiple of 65536"),
            (Header { bytes: 1 << 63, ..sound.clone() }, "9223372036854775808 bytes"),
            (Header { bytes: u64::MAX, ..sound.clone() }, "18446744073709551615 bytes"),
            (Header { devices: 65, ..sound.clone() }, "there are 65 devices"),
            (Header { devices: 63, ..sound.clone() }, "device 63, counted from 0, of 63"),
            (Header { devices: 0, device: 0, ..sound.clone() }, "of 0"),
            (Header { snapshot: true, ..sound.clone() }, "there are 64 devices"),
        ] {
            let refused = Header::read(&to_block(&wrong)).expect_err("it cannot be");
            assert!(refused.contains(what), "{what}: {refused}");
        }
        let cut = Header::read(&to_block(&sound)[..20]).expect_err("it cannot be");
        assert!(cut.contains("EOF"), "{cut}");
    }
}
