//! Misuses: what a call gets wrong that no sound program gets wrong.

use vdi_spec::codes::Features;
use vdi_spec::config::{ServerConfig, VdConfig};

/// How a name is not that of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misnomer {
    /// Nobody has created a set of that name.
    Unknown,
    /// It is the set's, but for the case of its letters.
    OtherCase,
}

/// What is wrong with a configuration that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateFlaw {
    /// There is no device.
    NoDevice,
    /// There are 65 devices.
    TooManyDevices,
    /// The alignment is no power of 2.
    Alignment,
    /// Soft filemarks without FileMarks.
    SoftFileMarks,
    /// A combination of features that is of no kind of medium.
    Features,
}

/// What is wrong with the server's part of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginFlaw {
    /// The block size is no power of 2.
    BlockSize,
    /// The alignment is less than a block.
    Alignment,
    /// The largest transfer is no multiple of 64 KiB.
    TransferSize,
    /// There is no transfer.
    NoTransfer,
}

impl Misnomer {
    /// The name, made from the set's.
    #[must_use]
    pub fn of(self, set: &str) -> String {
        match self {
            Self::Unknown => format!("{set}-elsewhere"),
            Self::OtherCase => set.to_lowercase(),
        }
    }
}

impl CreateFlaw {
    pub(crate) const ALL: &[Self] = &[
        Self::NoDevice,
        Self::TooManyDevices,
        Self::Alignment,
        Self::SoftFileMarks,
        Self::Features,
    ];

    /// The name of the set that is not to be.
    pub const NAME: &'static str = "flawed";

    /// The configuration with this wrong.
    #[must_use]
    pub fn config(self) -> VdConfig {
        let sound = VdConfig { device_count: 1, ..VdConfig::default() };
        match self {
            Self::NoDevice => VdConfig { device_count: 0, ..sound },
            Self::TooManyDevices => VdConfig { device_count: 65, ..sound },
            Self::Alignment => VdConfig { alignment: 3, ..sound },
            Self::SoftFileMarks => VdConfig { soft_file_mark_block_size: 512, ..sound },
            Self::Features => VdConfig { features: Features::REWIND, ..sound },
        }
    }
}

impl BeginFlaw {
    pub(crate) const ALL: &[Self] =
        &[Self::BlockSize, Self::Alignment, Self::TransferSize, Self::NoTransfer];

    /// The sound part with this wrong.
    #[must_use]
    pub const fn config(self, sound: &ServerConfig) -> ServerConfig {
        match self {
            Self::BlockSize => ServerConfig { block_size: 1_000, ..*sound },
            Self::Alignment => ServerConfig { alignment: 256, ..*sound },
            Self::TransferSize => ServerConfig { max_transfer_size: 1_000, ..*sound },
            Self::NoTransfer => ServerConfig { max_transfer_size: 0, ..*sound },
        }
    }
}
