//! Calls out of the order: what no sound program does, at drawn moments, to see that the
//! interface answers as documented all the same.

use super::chance::Chance;
use super::engine::{Ask, Complete, Send, Wait};
use crate::codes::{CommandCode, Win32};

/// What is known to whoever makes odd calls for one side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Devices of the set.
    pub(super) devices: u8,
    /// Those that this side has opened, by their bits.
    pub(super) opened: u16,
    /// Whether it has, or had, the set open.
    pub(super) begun: bool,
    /// Whether it has closed it.
    pub(super) closed: bool,
}

impl Known {
    /// The number of a device that nobody knows, once all others are open: before, its
    /// name would be given to one of them.
    fn foreign(self, chance: &mut Chance) -> Option<u8> {
        let device = self.devices + 1 + chance.below(2) as u8;
        let surplus = self.opened.count_ones() >= u32::from(self.devices);
        (surplus && self.opened & 1 << device == 0).then_some(device)
    }

    /// A device that was opened.
    fn device(self, chance: &mut Chance) -> Option<u8> {
        let count = self.opened.count_ones();
        let nth = (count > 0).then(|| chance.below(count))?;
        (0..16).filter(|device| self.opened & 1 << device != 0).nth(nth as usize)
    }
}

/// Milliseconds of a poll.
const POLL: Wait = Wait::Milliseconds(0);

/// An odd call by the server. `commands` and `buffers` are the last numbers given.
pub(super) fn of_server(
    known: Known,
    chance: &mut Chance,
    (commands, buffers): (&mut u32, &mut u32),
) -> Ask {
    if !known.begun {
        return chance.one_of(&[Ask::EndConfiguration, Ask::SignalAbort, Ask::Close]);
    }
    if known.closed {
        return chance.one_of(&[Ask::Open, Ask::SignalAbort, Ask::Close, Ask::EndConfiguration]);
    }
    let device = known.device(chance);
    match (chance.below(14), device) {
        (0, _) => Ask::BeginConfiguration,
        (1, _) => Ask::RequestBuffers { size: 65_536, count: 1 },
        (2, _) => Ask::EndConfiguration,
        (3, _) => Ask::ExecuteCompletionAgent,
        (4, _) => Ask::GetServerConfiguration,
        (5, _) => {
            *buffers += 1;
            Ask::AllocateBuffer { buffer: *buffers, size: 65_536 }
        }
        (6, _) if let Some(device) = known.foreign(chance) => Ask::OpenDevice { device },
        (7, _) => Ask::Open,
        (8, _) => Ask::SignalAbort,
        (9, _) => Ask::Close,
        (10 | 11, Some(device)) => Ask::CloseDevice { device },
        (_, Some(device)) => {
            *commands += 1;
            let (command, code) = (*commands, CommandCode::Flush);
            Ask::SendCommand(Send {
                device,
                command,
                code,
                buffer: None,
                size: None,
                position: None,
            })
        }
        _ => Ask::GetServerConfiguration,
    }
}

/// An odd call by the primary client; `commands` is the last number given.
pub(super) fn of_client(known: Known, chance: &mut Chance, commands: u32) -> Ask {
    if !known.begun {
        return chance.one_of(&[
            Ask::GetConfiguration { wait: POLL },
            Ask::SignalAbort,
            Ask::Close,
        ]);
    }
    if known.closed {
        return chance.one_of(&[
            Ask::SignalAbort,
            Ask::Close,
            Ask::GetConfiguration { wait: POLL },
        ]);
    }
    let device = known.device(chance);
    match (chance.below(9), device) {
        (0, _) => Ask::CreateEx,
        (1, _) => Ask::GetConfiguration { wait: POLL },
        (2, _) if let Some(device) = known.foreign(chance) => Ask::OpenDevice { device },
        (3, _) => Ask::SignalAbort,
        (4, _) => Ask::Close,
        (5, Some(device)) => Ask::GetCommand { device, wait: POLL },
        (_, Some(device)) if commands > 0 => {
            let (command, code) = (1 + chance.below(commands), Win32::ERROR_SUCCESS);
            Ask::CompleteCommand(Complete { device, command, code, bytes: 0, position: None })
        }
        _ => Ask::GetConfiguration { wait: POLL },
    }
}
