//! The calls of a world as an implementation in Rust takes them: what is to be done, on
//! whatever thread, and what then came of it.

use vdi_simulate::{Answer, Ask, By, CreateFlaw, Delivered, Gives, Odd, Wait as Patience};
use vdi_spec::clauses::Party;
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

use super::OnBody;
use crate::adapter::body::{Body, Ended, Given, Got, Sent, Wait};

/// What a call has given.
pub(super) enum Raw<B: Body> {
    Status(HResult),
    Config(HResult, Option<VdConfig>),
    ServerDevice(HResult, Option<B::ServerDevice>),
    ClientDevice(HResult, Option<B::ClientDevice>),
    Buffer(HResult, Option<(B::Buffer, u64)>),
    Shared(HResult, Option<bool>),
    Count(HResult, Option<u64>),
    Handle(HResult, Option<B::Handle>),
    Mapped(HResult, Option<B::Buffer>),
    Got(HResult, Option<Got<B::Command, B::Buffer>>),
}

/// A call that is ready to be made; it gives nothing if its process is no more.
pub(super) type Job<B> = Box<dyn FnOnce() -> Option<Raw<B>> + Send>;

/// A job that gives a status and nothing that the world needs.
fn plain<B: Body>(call: impl FnOnce() -> Given<()> + Send + 'static) -> Job<B> {
    Box::new(move || call().map(|(status, _)| Raw::Status(status)))
}

/// A job that needs an object which was never made.
fn closed<B: Body>() -> Job<B> {
    Box::new(|| Some(Raw::Status(HResult::VD_E_PROTOCOL)))
}

const fn wait(patience: Patience) -> Wait {
    match patience {
        Patience::Infinite => Wait::Infinite,
        Patience::Milliseconds(most) => Wait::Milliseconds(most),
    }
}

impl<B: Body> OnBody<B> {
    /// What is to be done for a call.
    pub(super) fn job(&mut self, by: By, ask: &Ask) -> Job<B> {
        match by.process.party() {
            Party::Client => self.client_job(by, ask),
            _ => self.server_job(by, ask),
        }
    }

    fn server_job(&mut self, by: By, ask: &Ask) -> Job<B> {
        let set = self.server(by);
        let setup = &self.setups[usize::from(by.run)];
        let (name, server) = (setup.name, setup.server);
        match *ask {
            Ask::Open => plain(move || B::open(&set, None, name)),
            Ask::GetServerConfiguration => Box::new(move || {
                B::server_configuration(&set).map(|(status, config)| Raw::Config(status, config))
            }),
            Ask::BeginConfiguration => plain(move || B::begin_configuration(&set, &server)),
            Ask::RequestBuffers { size, count } => {
                plain(move || B::request_buffers(&set, size, 0, count))
            }
            Ask::EndConfiguration => plain(move || B::end_configuration(&set)),
            Ask::ExecuteCompletionAgent => plain(move || B::execute_completion_agent(&set)),
            Ask::OpenDevice { device } | Ask::Odd(Odd::OpenDevice { device }) => {
                let name = setup.device_names[usize::from(device)];
                Box::new(move || {
                    let (status, opened) = B::server_open_device(&set, name)?;
                    Some(Raw::ServerDevice(status, opened))
                })
            }
            Ask::AllocateBuffer { size, .. } => allocation(set, size, 0),
            Ask::FreeBuffer { buffer } => {
                let buffer = self.buffers.get(&buffer).cloned();
                plain(move || B::free_buffer(&set, buffer))
            }
            Ask::SendCommand(sent) => self.send((by.run, sent)),
            Ask::CloseDevice { device } => match self.server_devices.get(&(by.run, device)) {
                Some(device) => {
                    let device = device.clone();
                    plain(move || B::close_device(&device))
                }
                None => closed(),
            },
            Ask::SignalAbort => plain(move || B::server_signal_abort(&set)),
            Ask::Odd(ref odd) => self.odd_server_job(by, set, odd),
            _ => plain(move || B::server_close(&set)),
        }
    }

    fn odd_server_job(&self, by: By, set: B::ServerSet, odd: &Odd) -> Job<B> {
        let setup = &self.setups[usize::from(by.run)];
        match *odd {
            Odd::Open(how) => {
                let name = how.of(setup.name);
                plain(move || B::open(&set, None, &name))
            }
            Odd::Begin(flaw) => {
                let server = flaw.config(&setup.server);
                plain(move || B::begin_configuration(&set, &server))
            }
            Odd::QueryAvailableBuffers { size } => Box::new(move || {
                let (status, count) = B::available_buffers(&set, size, 0)?;
                Some(Raw::Count(status, count))
            }),
            Odd::AllocateAligned { size, alignment, .. } => allocation(set, size, alignment),
            Odd::IsSharedBuffer { buffer } => {
                let buffer = buffer.and_then(|buffer| self.buffers.get(&buffer).cloned());
                Box::new(move || {
                    let (status, shared) = B::is_shared_buffer(&set, buffer)?;
                    Some(Raw::Shared(status, shared))
                })
            }
            _ => plain(move || B::free_buffer(&set, None)),
        }
    }

    fn send(&self, (run, sent): (u8, vdi_simulate::Send)) -> Job<B> {
        let Some(device) = self.server_devices.get(&(run, sent.device)).cloned() else {
            return closed();
        };
        let sent = Sent {
            tag: sent.command.into(),
            code: sent.code,
            buffer: sent.buffer.and_then(|buffer| self.buffers.get(&buffer).cloned()),
            size: sent.size.unwrap_or_default().into(),
            position: sent.position.unwrap_or_default(),
            routine: self.routine(sent.command),
        };
        plain(move || B::send_command(&device, sent))
    }

    fn client_job(&mut self, by: By, ask: &Ask) -> Job<B> {
        let set = self.client(by);
        let setup = &self.setups[usize::from(by.run)];
        let key = |device: u8| (by.process, by.run, device);
        match *ask {
            Ask::CreateEx => {
                let (name, config) = (setup.name, setup.config);
                plain(move || B::create(&set, None, name, &config))
            }
            Ask::OpenInSecondaryEx => {
                let name = setup.name;
                plain(move || B::open_in_secondary(&set, None, name))
            }
            Ask::GetConfiguration { wait: patience } => Box::new(move || {
                let (status, config) = B::client_configuration(&set, wait(patience))?;
                Some(Raw::Config(status, config))
            }),
            Ask::OpenDevice { device } | Ask::Odd(Odd::OpenDevice { device }) => {
                let name = setup.device_names[usize::from(device)];
                Box::new(move || {
                    let (status, opened) = B::client_open_device(&set, name)?;
                    Some(Raw::ClientDevice(status, opened))
                })
            }
            Ask::GetCommand { device, wait: patience } => {
                match self.client_devices.get(&key(device)).cloned() {
                    Some(device) => Box::new(move || {
                        let (status, got) = B::get_command(&device, wait(patience))?;
                        Some(Raw::Got(status, got))
                    }),
                    None => closed(),
                }
            }
            Ask::CompleteCommand(done) => match self.client_devices.get(&key(done.device)) {
                Some(device) => {
                    let device = device.clone();
                    let command = self.delivered.get(&done.command).copied();
                    let position = done.position.unwrap_or_default();
                    let ended = Ended { code: done.code, bytes: done.bytes, position };
                    plain(move || B::complete_command(&device, command, ended))
                }
                None => closed(),
            },
            Ask::SignalAbort => plain(move || B::client_signal_abort(&set)),
            Ask::Odd(ref odd) => self.odd_client_job(by, set, odd),
            _ => plain(move || B::client_close(&set)),
        }
    }

    fn odd_client_job(&self, by: By, set: B::ClientSet, odd: &Odd) -> Job<B> {
        match *odd {
            Odd::Create(flaw) => {
                plain(move || B::create(&set, None, CreateFlaw::NAME, &flaw.config()))
            }
            Odd::OpenInSecondary(how) => {
                let name = how.of(self.setups[usize::from(by.run)].name);
                plain(move || B::open_in_secondary(&set, None, &name))
            }
            Odd::GetBufferHandle { buffer, .. } => {
                let known =
                    |buffer| self.got.get(&(by.process, buffer)).or(self.buffers.get(&buffer));
                let buffer = buffer.and_then(known).cloned();
                Box::new(move || {
                    let (status, handle) = B::buffer_handle(&set, buffer)?;
                    Some(Raw::Handle(status, handle))
                })
            }
            Odd::MapBufferHandle { handle } => {
                let handle = handle.and_then(|handle| self.handles.get(&handle).copied());
                Box::new(move || {
                    let (status, mapped) = B::map(&set, handle)?;
                    Some(Raw::Mapped(status, mapped))
                })
            }
            _ => closed(),
        }
    }

    /// Keeps what a call has given, and tells it.
    pub(super) fn take(&mut self, by: By, ask: &Ask, raw: Raw<B>) -> Answer {
        match raw {
            Raw::Status(status) => Answer::status(status),
            Raw::Config(status, config) => {
                Answer { config: config.map(Box::new), ..Answer::status(status) }
            }
            Raw::ServerDevice(status, opened) => {
                if let Ask::OpenDevice { device } = ask {
                    self.server_devices.extend(opened.map(|opened| ((by.run, *device), opened)));
                }
                Answer::status(status)
            }
            Raw::ClientDevice(status, opened) => {
                if let Ask::OpenDevice { device } = ask {
                    let key = (by.process, by.run, *device);
                    self.client_devices.extend(opened.map(|opened| (key, opened)));
                }
                Answer::status(status)
            }
            Raw::Buffer(status, made) => {
                let address = made.as_ref().map(|(_, offset)| *offset);
                if let Ask::AllocateBuffer { buffer, .. }
                | Ask::Odd(Odd::AllocateAligned { buffer, .. }) = ask
                {
                    self.buffers.extend(made.map(|(made, _)| (*buffer, made)));
                }
                Answer { address, ..Answer::status(status) }
            }
            Raw::Shared(status, shared) => {
                Answer { gives: shared.map(Gives::Shared), ..Answer::status(status) }
            }
            Raw::Count(status, count) => {
                let count = count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
                Answer { gives: count.map(Gives::Count), ..Answer::status(status) }
            }
            Raw::Handle(status, made) => {
                if let Ask::Odd(Odd::GetBufferHandle { handle, .. }) = ask {
                    self.handles.extend(made.map(|made| (*handle, made)));
                }
                Answer::status(status)
            }
            Raw::Mapped(status, mapped) => {
                let gives = mapped.map(|buffer| Gives::Mapped(self.gets(by, buffer)));
                Answer { gives, ..Answer::status(status) }
            }
            Raw::Got(status, got) => {
                let delivered = got.map(|got| self.deliver(by, got));
                Answer { delivered, ..Answer::status(status) }
            }
        }
    }

    fn deliver(&mut self, by: By, got: Got<B::Command, B::Buffer>) -> Delivered {
        let Got { command: handle, tag, code, size, position, buffer } = got;
        let command = u32::try_from(tag).unwrap_or_default();
        self.delivered.insert(command, handle);
        let buffer = buffer.and_then(|buffer| self.gets(by, buffer));
        Delivered { command, code, size, position, buffer }
    }

    /// A client's process has got a buffer: its number, if it is known.
    fn gets(&mut self, by: By, buffer: B::Buffer) -> Option<u32> {
        let mut all = self.buffers.iter();
        let number = all.find(|(_, own)| B::is_same(own, &buffer)).map(|(number, _)| *number)?;
        self.got.insert((by.process, number), buffer);
        Some(number)
    }
}

fn allocation<B: Body>(set: B::ServerSet, size: u32, alignment: u32) -> Job<B> {
    Box::new(move || {
        let (status, made) = B::allocate(&set, size, alignment)?;
        Some(Raw::Buffer(status, made))
    })
}
