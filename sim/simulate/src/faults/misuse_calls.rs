//! Calls out of the order: what no sound program does, or few programs do, at drawn
//! moments, to see that the interface answers as documented all the same.

use super::misuse::{BeginFlaw, CreateFlaw, Misnomer};
use crate::backend::{Answer, Ask, ClientAsk, Complete, Resource, Send, ServerAsk};
use crate::options::{About, Options};
use crate::rng::Rng;
use crate::workload::numbers::Numbers;
use crate::workload::program::Act;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Process, TimeoutArg};

/// Who makes misuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misuser {
    /// A thread of the server.
    Server,
    /// A thread of the primary client.
    Client,
    /// A secondary process that nobody has asked to come.
    Secondary,
}

/// What a process that misuses the interface knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallerState {
    /// The devices that this process has opened, by their bits.
    opened: u16,
    /// Whether it has, or had, the set open.
    pub(crate) begun: bool,
    /// Whether the configuration has ended, as far as it has seen.
    configured: bool,
    /// Whether it has closed it.
    pub(crate) closed: bool,
}

impl CallerState {
    fn learn(&mut self, by: Process, ask: &Ask) {
        if let Some(device) = ask.opened() {
            self.opened |= 1 << device;
        }
        match ask {
            Ask::Server(ServerAsk::Open { misnomer: None })
            | Ask::Client(ClientAsk::CreateEx { flaw: None }) => self.begun = true,
            Ask::Client(ClientAsk::OpenInSecondaryEx { misnomer: None }) => {
                self.begun |= matches!(by, Process::Secondary(_));
            }
            Ask::Server(ServerAsk::EndConfiguration)
            | Ask::Client(ClientAsk::GetConfiguration { .. }) => self.configured = true,
            Ask::Server(_) | Ask::Client(_) => {}
        }
    }

    /// The number of a device that nobody knows, once all others are named: before, its
    /// name would be given to one of them.
    fn foreign(self, around: &mut MisuseContext<'_>, named: u16) -> Option<u8> {
        let device = around.devices + 1 + around.rng.below(2) as u8;
        // What is being opened may be the last.
        let taken = named.count_ones() + u32::from(around.inside.opening);
        let surplus = taken >= u32::from(around.devices);
        (surplus && self.opened & 1 << device == 0).then_some(device)
    }

    /// A device that was opened.
    fn device(self, rng: &mut Rng) -> Option<u8> {
        let count = self.opened.count_ones();
        let nth = (count > 0).then(|| rng.below(count))?;
        (0..16).filter(|device| self.opened & 1 << device != 0).nth(nth as usize)
    }
}

/// What all who misuse one set know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) server: CallerState,
    pub(crate) client: CallerState,
    pub(crate) secondary: CallerState,
    /// Buffers that were allocated in this life of the set.
    allocated: Vec<u32>,
    /// Those whose addresses the primary client's process knows.
    received: Vec<u32>,
}

impl Knowledge {
    /// Another life of the set begins.
    pub(crate) fn renew(&mut self) {
        let closed = self.secondary.begun;
        (self.server, self.client) = Default::default();
        self.secondary = CallerState { closed, ..CallerState::default() };
        self.allocated.clear();
        self.received.clear();
    }

    /// A call of a process, by itself or by its misuser, has returned.
    pub(crate) fn learn(&mut self, by: Process, misuser: bool, ask: &Ask, answer: &Answer) {
        let good = answer.status == HResult::NOERROR;
        match *ask {
            Ask::Server(ServerAsk::AllocateBuffer { buffer, .. }) if good => {
                self.allocated.push(buffer);
            }
            Ask::Client(ClientAsk::GetCommand { .. }) if by == Process::Primary => {
                let buffer = answer.delivered.and_then(|delivered| delivered.buffer);
                self.received.extend(buffer.filter(|buffer| !self.received.contains(buffer)));
            }
            Ask::Server(_) | Ask::Client(_) => {}
        }
        let known = match by {
            Process::Server => &mut self.server,
            Process::Primary => &mut self.client,
            Process::Secondary(_) if misuser => &mut self.secondary,
            Process::Secondary(_) => return,
        };
        if ask.closes() {
            match by {
                Process::Secondary(_) => known.begun = false,
                Process::Server | Process::Primary => known.closed = true,
            }
        } else if good {
            known.learn(by, ask);
        }
    }

    /// A misuse, of somebody who knows this.
    pub(crate) fn misuse<'a>(&'a self, misuser: Misuser, mut context: MisuseContext<'a>) -> Act {
        // A client knows the addresses that it was given.
        context.allocated =
            if misuser == Misuser::Client { &self.received } else { &self.allocated };
        context.own_addresses = misuser == Misuser::Client;
        context.named = self.server.opened;
        match misuser {
            Misuser::Server => of_server(self.server, &mut context),
            Misuser::Client => of_client(self.client, &mut context),
            Misuser::Secondary => of_secondary(self.secondary, &mut context),
        }
    }
}

/// What there is in a world that a misuse may be about.
#[derive(Debug)]
pub(crate) struct MisuseContext<'a> {
    rng: &'a mut Rng,
    numbers: &'a mut Numbers,
    /// Devices of the set.
    devices: u8,
    /// Buffers of this life of the set.
    allocated: &'a [u32],
    /// Devices that the server has opened, and so named.
    named: u16,
    /// What the calls are about.
    about: About,
    /// Bytes of the buffers that the server has asked for.
    size: u32,
    inside: Inside,
    /// Whether the addresses of buffers mean something in this process.
    own_addresses: bool,
}

/// What a process that misuses the interface is inside of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside {
    /// OpenDevice.
    pub(crate) opening: bool,
    /// Close: another set may be created then.
    pub(crate) closing: bool,
}

/// Milliseconds of a poll.
const POLL: TimeoutArg = TimeoutArg::Milliseconds(0);

impl<'a> MisuseContext<'a> {
    /// In a world with these options, of a process that is inside such calls.
    pub(crate) const fn new(
        rng: &'a mut Rng,
        numbers: &'a mut Numbers,
        options: &Options,
        inside: Inside,
    ) -> Self {
        Self {
            rng,
            numbers,
            devices: options.devices,
            allocated: &[],
            named: 0,
            about: options.odd_about,
            size: options.max_transfer_size,
            inside,
            own_addresses: false,
        }
    }

    /// A number below `all`: any, or one of those for what the calls are about.
    fn which(&mut self, all: u32, by_about: &[(About, &[u32])]) -> u32 {
        let wanted = by_about.iter().find(|(about, _)| *about == self.about);
        match wanted {
            Some((_, wanted)) if !self.rng.once_in(5) => self.rng.one_of(wanted),
            _ => self.rng.below(all),
        }
    }

    fn one<A: Copy + Into<Ask>>(&mut self, asks: &[A]) -> Act {
        Act::call(self.rng.one_of(asks))
    }

    /// A buffer that was allocated, or now and then none.
    fn buffer(&mut self) -> Option<u32> {
        if self.allocated.is_empty() || self.rng.once_in(5) {
            return None;
        }
        Some(self.rng.one_of(self.allocated))
    }

    fn misnomer(&mut self) -> Option<Misnomer> {
        Some(self.rng.one_of(&[Misnomer::Unknown, Misnomer::OtherCase]))
    }

    fn touch_buffer(&mut self) -> Act {
        match self.buffer() {
            Some(buffer) => Act::Touch(Resource::Buffer(buffer)),
            None => Act::Idle,
        }
    }

    /// A handle is asked for, or mapped.
    fn handle(&mut self) -> ClientAsk {
        if self.numbers.given_handles().is_empty() || self.rng.once_in(2) {
            let handle = self.numbers.next_handle();
            let buffer = self.buffer().filter(|_| self.own_addresses);
            return ClientAsk::GetBufferHandle { buffer, handle };
        }
        let known = !self.rng.once_in(6);
        let handle = known.then(|| self.rng.one_of(self.numbers.given_handles()));
        ClientAsk::MapBufferHandle { handle }
    }

    fn allocate(&mut self) -> ServerAsk {
        let buffer = self.numbers.next_buffer();
        match self.rng.below(4) {
            0 | 1 => ServerAsk::AllocateBuffer { buffer, size: self.size, alignment: 0 },
            _ => {
                let alignment = self.rng.one_of(&[3, 512, 8_192, 65_536]);
                let size = self.rng.one_of(&[self.size, 512, 3_000]);
                ServerAsk::AllocateBuffer { buffer, size, alignment }
            }
        }
    }

    fn send(&mut self, device: u8) -> ServerAsk {
        let (command, code) = (self.numbers.next_command(), CommandCode::Flush);
        let sent = Send { device, command, code, buffer: None, size: None, position: None };
        ServerAsk::SendCommand(sent)
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

/// A misuse by the server.
pub(super) fn of_server(known: CallerState, around: &mut MisuseContext<'_>) -> Act {
    use ServerAsk as S;
    if !known.begun {
        let misnamed = S::Open { misnomer: around.misnomer() };
        return around.one(&[S::EndConfiguration, S::SignalAbort, S::Close, misnamed]);
    }
    let device = known.device(around.rng);
    if known.closed {
        return match (around.rng.below(3), device) {
            (0, Some(device)) => Act::Touch(Resource::Device(device)),
            (1, _) => around.touch_buffer(),
            _ => {
                let open = S::Open { misnomer: None };
                around.one(&[open, S::SignalAbort, S::Close, S::EndConfiguration])
            }
        };
    }
    let foreign = known.foreign(around, known.opened);
    let size = around.size;
    if !known.configured && around.rng.once_in(2) {
        around.about = About::Configuration;
    }
    Act::call(match (around.which(26, OF_SERVER), device) {
        (0, _) => S::BeginConfiguration { flaw: None },
        (1, _) => S::BeginConfiguration { flaw: Some(around.rng.one_of(BeginFlaw::ALL)) },
        (2, _) => S::RequestBuffers { size, count: 1 },
        (3, _) => S::EndConfiguration,
        (4, _) => S::ExecuteCompletionAgent,
        (5, _) => S::GetConfiguration,
        (6 | 7, _) => around.allocate(),
        (8 | 9, _) => S::QueryAvailableBuffers { size },
        (10, _) => S::IsSharedBuffer { buffer: around.buffer() },
        (11, _) => S::FreeBuffer { buffer: around.buffer(), sized: true },
        (12, _) => S::FreeBuffer { buffer: around.buffer(), sized: !around.rng.once_in(2) },
        (13 | 14, _) if !known.configured => S::OpenDevice { device: 0, kept: false },
        (13 | 14, _) if let Some(device) = foreign => S::open_device(device),
        (15, _) => S::Open { misnomer: None },
        (16, _) => S::SignalAbort,
        (17, _) => S::Close,
        (18, _) => return around.touch_buffer(),
        (19 | 20, Some(device)) => S::CloseDevice { device },
        (_, Some(device)) => around.send(device),
        (_, None) => S::GetConfiguration,
    })
}

/// A misuse by the primary client.
pub(super) fn of_client(known: CallerState, around: &mut MisuseContext<'_>) -> Act {
    use ClientAsk as C;
    let flawed = C::CreateEx { flaw: Some(around.rng.one_of(CreateFlaw::ALL)) };
    let wait = around.rng.one_of(&[POLL, POLL, TimeoutArg::Milliseconds(1_000)]);
    let polls = C::GetConfiguration { wait };
    if !known.begun {
        return around.one(&[polls, C::SignalAbort, C::Close, flawed, flawed]);
    }
    let device = known.device(around.rng);
    if known.closed {
        return match (around.rng.below(3), device) {
            (0, Some(device)) => Act::Touch(Resource::Device(device)),
            (1, _) => around.touch_buffer(),
            _ => around.one(&[C::SignalAbort, C::Close, polls, flawed]),
        };
    }
    let foreign = known.foreign(around, around.named);
    let commands = around.numbers.last_command();
    if !known.configured && around.rng.once_in(2) {
        around.about = About::Configuration;
    }
    Act::call(match (around.which(18, OF_CLIENT), device) {
        (0, _) if !around.inside.closing => C::CREATE,
        (1, _) => flawed,
        (2, _) => polls,
        (3 | 4, _) if !known.configured => C::OpenDevice { device: 0, kept: false },
        (3 | 4, _) if around.inside.opening => {
            let device = around.rng.below(around.devices.into()) as u8;
            C::OpenDevice { device, kept: false }
        }
        (3, _) if let Some(device) = foreign => C::open_device(device),
        (4, Some(device)) => C::OpenDevice { device, kept: false },
        (5, _) => C::SignalAbort,
        (6, _) => C::Close,
        (7 | 8, Some(device)) => C::GetCommand { device, wait: POLL },
        (9..=11, _) => around.handle(),
        (12, _) => C::OPEN_IN_SECONDARY,
        (13, _) => return around.touch_buffer(),
        (_, Some(device)) if commands > 0 => {
            // One of the last: those before are done with.
            let back = around.rng.below(commands.min(6));
            let (command, code) = (commands - back, Win32::ERROR_SUCCESS);
            C::CompleteCommand(Complete { device, command, code, bytes: 0, position: None })
        }
        _ => polls,
    })
}

/// A misuse by a secondary client that nobody has asked to come.
pub(super) fn of_secondary(known: CallerState, around: &mut MisuseContext<'_>) -> Act {
    use ClientAsk as C;
    if !known.begun {
        let misnamed = C::OpenInSecondaryEx { misnomer: around.misnomer() };
        let open = C::OPEN_IN_SECONDARY;
        return around.one(&[open, open, open, misnamed, C::Close, C::SignalAbort]);
    }
    Act::call(match around.rng.below(12) {
        0 => C::OPEN_IN_SECONDARY,
        1 => C::GetConfiguration { wait: POLL },
        2 => {
            let device = around.rng.below(around.devices.into()) as u8;
            C::OpenDevice { device, kept: false }
        }
        3 => C::Close,
        4 if around.rng.once_in(4) => C::SignalAbort,
        4..=8 => around.handle(),
        _ => return around.touch_buffer(),
    })
}
