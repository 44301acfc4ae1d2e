//! Calls out of the order: what no sound program does, or few programs do, at drawn
//! moments, to see that the interface answers as documented all the same.

use super::chance::Chance;
use super::engine::{Ask, Complete, Send, Thing, Wait};
use super::options::About;
use super::program::Act;
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::Function;

/// A call that few programs make, or with arguments that no sound program gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// Open of a set by a name that no set has.
    Open(Misnomer),
    /// OpenInSecondaryEx by such a name.
    OpenInSecondary(Misnomer),
    /// CreateEx of a set apart, with something wrong.
    Create(CreateFlaw),
    /// BeginConfiguration with something wrong.
    Begin(BeginFlaw),
    /// OpenDevice by the name of a device, of which no interface is kept.
    OpenDevice {
        /// The device, counted from 0.
        device: u8,
    },
    /// QueryAvailableBuffers.
    QueryAvailableBuffers {
        /// Bytes of a buffer.
        size: u32,
    },
    /// AllocateBuffer with an alignment of its own.
    AllocateAligned {
        /// Its number, which no other buffer of the world has.
        buffer: u32,
        /// Bytes.
        size: u32,
        /// Bytes.
        alignment: u32,
    },
    /// FreeBuffer of a null pointer.
    FreeNull,
    /// IsSharedBuffer.
    IsSharedBuffer {
        /// The buffer; `None` is the null pointer.
        buffer: Option<u32>,
    },
    /// GetBufferHandle.
    GetBufferHandle {
        /// The buffer; `None` is the null pointer.
        buffer: Option<u32>,
        /// The number of the handle, which no other has.
        handle: u32,
    },
    /// MapBufferHandle.
    MapBufferHandle {
        /// The handle; `None` is the null handle.
        handle: Option<u32>,
    },
}

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

impl Odd {
    /// The function that is called.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Self::Open(_) => Function::Open,
            Self::OpenInSecondary(_) => Function::OpenInSecondaryEx,
            Self::Create(_) => Function::CreateEx,
            Self::Begin(_) => Function::BeginConfiguration,
            Self::OpenDevice { .. } => Function::OpenDevice,
            Self::QueryAvailableBuffers { .. } => Function::QueryAvailableBuffers,
            Self::AllocateAligned { .. } => Function::AllocateBuffer,
            Self::FreeNull => Function::FreeBuffer,
            Self::IsSharedBuffer { .. } => Function::IsSharedBuffer,
            Self::GetBufferHandle { .. } => Function::GetBufferHandle,
            Self::MapBufferHandle { .. } => Function::MapBufferHandle,
        }
    }
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
    const ALL: &[Self] = &[
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
    const ALL: &[Self] = &[Self::BlockSize, Self::Alignment, Self::TransferSize, Self::NoTransfer];

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

/// What is known to whoever makes odd calls in one process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Devices of the set.
    pub(super) devices: u8,
    /// Those that this process has opened, by their bits.
    pub(super) opened: u16,
    /// Whether it has, or had, the set open.
    pub(super) begun: bool,
    /// Whether the configuration has ended, as far as it has seen.
    pub(super) configured: bool,
    /// Whether it has closed it.
    pub(super) closed: bool,
}

impl Known {
    /// The number of a device that nobody knows, once all others are named: before, its
    /// name would be given to one of them.
    fn foreign(self, around: &mut Around<'_>, named: u16) -> Option<u8> {
        let device = self.devices + 1 + around.chance.below(2) as u8;
        // What is being opened may be the last.
        let taken = named.count_ones() + u32::from(around.opening);
        let surplus = taken >= u32::from(self.devices);
        (self.devices > 0 && surplus && self.opened & 1 << device == 0).then_some(device)
    }

    /// A device that was opened.
    fn device(self, chance: &mut Chance) -> Option<u8> {
        let count = self.opened.count_ones();
        let nth = (count > 0).then(|| chance.below(count))?;
        (0..16).filter(|device| self.opened & 1 << device != 0).nth(nth as usize)
    }
}

/// What there is in a world that an odd call may be about.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) chance: &'a mut Chance,
    /// The last number given to a command.
    pub(super) commands: &'a mut u32,
    /// The last number given to a buffer.
    pub(super) buffers: &'a mut u32,
    /// The last number given to a handle.
    pub(super) handles: &'a mut u32,
    /// Buffers of this life of the set that were allocated.
    pub(super) made: &'a [u32],
    /// Handles that were given in this world.
    pub(super) given: &'a [u32],
    /// Devices that the server has opened, and so named.
    pub(super) named: u16,
    /// What the calls are about.
    pub(super) about: About,
    /// Bytes of the buffers that the server has asked for.
    pub(super) size: u32,
    /// Whether its process is inside an OpenDevice.
    pub(super) opening: bool,
    /// Whether its process is inside Close: another set may be created then.
    pub(super) closing: bool,
    /// Whether the addresses of buffers mean something in this process.
    pub(super) own_addresses: bool,
}

/// Milliseconds of a poll.
const POLL: Wait = Wait::Milliseconds(0);

impl Around<'_> {
    /// A number below `all`: any, or one of those for what the calls are about.
    fn which(&mut self, all: u32, by_about: &[(About, &[u32])]) -> u32 {
        let own = by_about.iter().find(|(about, _)| *about == self.about);
        match own {
            Some((_, own)) if !self.chance.once_in(5) => self.chance.one_of(own),
            _ => self.chance.below(all),
        }
    }

    fn one(&mut self, asks: &[Ask]) -> Act {
        Act::call(self.chance.one_of(asks))
    }

    /// A buffer that was allocated, or now and then none.
    fn buffer(&mut self) -> Option<u32> {
        if self.made.is_empty() || self.chance.once_in(5) {
            return None;
        }
        Some(self.chance.one_of(self.made))
    }

    fn misnomer(&mut self) -> Misnomer {
        self.chance.one_of(&[Misnomer::Unknown, Misnomer::OtherCase])
    }

    fn touch_buffer(&mut self) -> Act {
        match self.buffer() {
            Some(buffer) => Act::Touch(Thing::Buffer(buffer)),
            None => Act::Idle,
        }
    }

    /// A handle is asked for, or mapped.
    fn handle(&mut self) -> Ask {
        if self.given.is_empty() || self.chance.once_in(2) {
            *self.handles += 1;
            let buffer = self.buffer().filter(|_| self.own_addresses);
            let handle = *self.handles;
            return Ask::Odd(Odd::GetBufferHandle { buffer, handle });
        }
        let known = !self.chance.once_in(6);
        let handle = known.then(|| self.chance.one_of(self.given));
        Ask::Odd(Odd::MapBufferHandle { handle })
    }

    fn allocate(&mut self) -> Ask {
        *self.buffers += 1;
        let buffer = *self.buffers;
        match self.chance.below(4) {
            0 | 1 => Ask::AllocateBuffer { buffer, size: self.size },
            _ => {
                let alignment = self.chance.one_of(&[3, 512, 8_192, 65_536]);
                let size = self.chance.one_of(&[self.size, 512, 3_000]);
                Ask::Odd(Odd::AllocateAligned { buffer, size, alignment })
            }
        }
    }

    fn send(&mut self, device: u8) -> Ask {
        *self.commands += 1;
        let (command, code) = (*self.commands, CommandCode::Flush);
        Ask::SendCommand(Send { device, command, code, buffer: None, size: None, position: None })
    }
}

/// By what calls are about, which they are: the numbers are those of [`of_server`].
const OF_SERVER: &[(About, &[u32])] = &[
    (About::Configuration, &[0, 1, 2, 3, 4, 6, 13]),
    (About::Buffers, &[2, 6, 7, 8, 9, 10, 11, 12, 18]),
    (About::Devices, &[4, 13, 14, 19, 20]),
    (About::Commands, &[11, 24, 25]),
    (About::Ends, &[4, 15, 16, 17, 19, 25]),
    (About::Secondaries, &[11, 25, 25, 25]),
];

/// The same of [`of_client`].
const OF_CLIENT: &[(About, &[u32])] = &[
    (About::Configuration, &[0, 1, 2, 3, 4]),
    (About::Buffers, &[9, 10, 13, 17]),
    (About::Devices, &[3, 4, 7, 17]),
    (About::Commands, &[7, 17]),
    (About::Ends, &[5, 6, 0, 17]),
    (About::Secondaries, &[9, 10, 11, 12, 13]),
];

/// Something odd that the server does.
pub(super) fn of_server(known: Known, around: &mut Around<'_>) -> Act {
    if !known.begun {
        let name = Ask::Odd(Odd::Open(around.misnomer()));
        return around.one(&[Ask::EndConfiguration, Ask::SignalAbort, Ask::Close, name]);
    }
    let device = known.device(around.chance);
    if known.closed {
        return match (around.chance.below(3), device) {
            (0, Some(device)) => Act::Touch(Thing::Device(device)),
            (1, _) => around.touch_buffer(),
            _ => around.one(&[Ask::Open, Ask::SignalAbort, Ask::Close, Ask::EndConfiguration]),
        };
    }
    let foreign = known.foreign(around, known.opened);
    let size = around.size;
    if !known.configured && around.chance.once_in(2) {
        around.about = About::Configuration;
    }
    Act::call(match (around.which(26, OF_SERVER), device) {
        (0, _) => Ask::BeginConfiguration,
        (1, _) => Ask::Odd(Odd::Begin(around.chance.one_of(BeginFlaw::ALL))),
        (2, _) => Ask::RequestBuffers { size, count: 1 },
        (3, _) => Ask::EndConfiguration,
        (4, _) => Ask::ExecuteCompletionAgent,
        (5, _) => Ask::GetServerConfiguration,
        (6 | 7, _) => around.allocate(),
        (8 | 9, _) => Ask::Odd(Odd::QueryAvailableBuffers { size }),
        (10, _) => Ask::Odd(Odd::IsSharedBuffer { buffer: around.buffer() }),
        (11 | 12, _) => match around.buffer() {
            Some(buffer) => Ask::FreeBuffer { buffer },
            None => Ask::Odd(Odd::FreeNull),
        },
        (13 | 14, _) if !known.configured => Ask::Odd(Odd::OpenDevice { device: 0 }),
        (13 | 14, _) if let Some(device) = foreign => Ask::OpenDevice { device },
        (15, _) => Ask::Open,
        (16, _) => Ask::SignalAbort,
        (17, _) => Ask::Close,
        (18, _) => return around.touch_buffer(),
        (19 | 20, Some(device)) => Ask::CloseDevice { device },
        (_, Some(device)) => around.send(device),
        _ => Ask::GetServerConfiguration,
    })
}

/// Something odd that the primary client does.
pub(super) fn of_client(known: Known, around: &mut Around<'_>) -> Act {
    let flawed = Ask::Odd(Odd::Create(around.chance.one_of(CreateFlaw::ALL)));
    let wait = around.chance.one_of(&[POLL, POLL, Wait::Milliseconds(1_000)]);
    let polls = Ask::GetConfiguration { wait };
    if !known.begun {
        return around.one(&[polls, Ask::SignalAbort, Ask::Close, flawed, flawed]);
    }
    let device = known.device(around.chance);
    if known.closed {
        return match (around.chance.below(3), device) {
            (0, Some(device)) => Act::Touch(Thing::Device(device)),
            (1, _) => around.touch_buffer(),
            _ => around.one(&[Ask::SignalAbort, Ask::Close, polls, flawed]),
        };
    }
    let foreign = known.foreign(around, around.named);
    let commands = *around.commands;
    if !known.configured && around.chance.once_in(2) {
        around.about = About::Configuration;
    }
    Act::call(match (around.which(18, OF_CLIENT), device) {
        (0, _) if !around.closing => Ask::CreateEx,
        (1, _) => flawed,
        (2, _) => polls,
        (3 | 4, _) if !known.configured => Ask::Odd(Odd::OpenDevice { device: 0 }),
        (3 | 4, _) if around.opening => {
            let device = around.chance.below(known.devices.into()) as u8;
            Ask::Odd(Odd::OpenDevice { device })
        }
        (3, _) if let Some(device) = foreign => Ask::OpenDevice { device },
        (4, Some(device)) => Ask::Odd(Odd::OpenDevice { device }),
        (5, _) => Ask::SignalAbort,
        (6, _) => Ask::Close,
        (7 | 8, Some(device)) => Ask::GetCommand { device, wait: POLL },
        (9..=11, _) => around.handle(),
        (12, _) => Ask::OpenInSecondaryEx,
        (13, _) => return around.touch_buffer(),
        (_, Some(device)) if commands > 0 => {
            // One of the last: those before are done with.
            let back = around.chance.below(commands.min(6));
            let (command, code) = (commands - back, Win32::ERROR_SUCCESS);
            Ask::CompleteCommand(Complete { device, command, code, bytes: 0, position: None })
        }
        _ => polls,
    })
}

/// Something odd that a secondary client does, which nobody has asked to come.
pub(super) fn of_secondary(known: Known, around: &mut Around<'_>) -> Act {
    if !known.begun {
        let name = Ask::Odd(Odd::OpenInSecondary(around.misnomer()));
        let open = Ask::OpenInSecondaryEx;
        return around.one(&[open, open, open, name, Ask::Close, Ask::SignalAbort]);
    }
    Act::call(match around.chance.below(12) {
        0 => Ask::OpenInSecondaryEx,
        1 => Ask::GetConfiguration { wait: POLL },
        2 => Ask::Odd(Odd::OpenDevice { device: around.chance.below(known.devices.into()) as u8 }),
        3 => Ask::Close,
        4 if around.chance.once_in(4) => Ask::SignalAbort,
        4..=8 => around.handle(),
        _ => return around.touch_buffer(),
    })
}
