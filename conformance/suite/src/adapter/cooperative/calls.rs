//! The calls of a world as an implementation in Rust takes them: what is to be done, on
//! whatever thread, and then what is kept and told of it.

use vdi_simulate::{
    Actor, Answer, Ask, ClientAsk, Complete, CreateFlaw, Delivered, Extra, Send as SendAsk,
    ServerAsk,
};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;
use vdi_trace::TimeoutArg;

use super::{ImplementationBackend, Taken};
use crate::adapter::body::{Ended, Given, Got, ImplementationApi, Sent};

/// A call that is ready to be made; it gives nothing if its process is no more.
pub(super) type Job<B> = Box<dyn FnOnce() -> Option<Taken<B>> + Send>;

/// A job, and what is kept and told of its result if it has one.
fn job<B: ImplementationApi, T: Send + 'static>(
    call: impl FnOnce() -> Given<T> + Send + 'static,
    keep: impl FnOnce(&mut ImplementationBackend<B>, T, &mut Answer) + Send + 'static,
) -> Job<B> {
    Box::new(move || {
        let (status, result) = call()?;
        Some(Box::new(move |backend| {
            let mut answer = Answer::status(status);
            if let Some(result) = result {
                keep(backend, result, &mut answer);
            }
            answer
        }))
    })
}

/// A job that gives a status and nothing that the world needs.
fn status<B: ImplementationApi>(call: impl FnOnce() -> Given<()> + Send + 'static) -> Job<B> {
    job(call, |_, (), _| {})
}

/// A job that gives the configuration.
fn configuration<B: ImplementationApi>(
    call: impl FnOnce() -> Given<VdConfig> + Send + 'static,
) -> Job<B> {
    job(call, |_, config, answer| answer.config = Some(Box::new(config)))
}

/// A job that needs an object which was never made.
fn closed<B: ImplementationApi>() -> Job<B> {
    status(|| Some((HResult::VD_E_PROTOCOL, None)))
}

impl<B: ImplementationApi> ImplementationBackend<B> {
    /// What is to be done for a call.
    pub(super) fn job(&mut self, by: Actor, ask: &Ask) -> Job<B> {
        match ask {
            Ask::Client(ask) => self.client_job(by, ask),
            Ask::Server(ask) => self.server_job(by, ask),
        }
    }

    fn server_job(&mut self, by: Actor, ask: &ServerAsk) -> Job<B> {
        let set = self.server(by);
        let setup = &self.setups[usize::from(by.run)];
        let run = by.run;
        match *ask {
            ServerAsk::Open { misnomer } => {
                let name = misnomer.map_or(setup.name.to_owned(), |how| how.of(setup.name));
                status(move || B::open(&set, None, &name))
            }
            ServerAsk::GetConfiguration => configuration(move || B::server_configuration(&set)),
            ServerAsk::BeginConfiguration { flaw } => {
                let part = flaw.map_or(setup.server, |flaw| flaw.config(&setup.server));
                status(move || B::begin_configuration(&set, &part))
            }
            ServerAsk::RequestBuffers { size, count } => {
                status(move || B::request_buffers(&set, size, 0, count))
            }
            ServerAsk::QueryAvailableBuffers { size } => job(
                move || B::available_buffers(&set, size, 0),
                |_, count, answer| {
                    let count = u32::try_from(count).unwrap_or(u32::MAX);
                    answer.extra = Some(Extra::Count(count));
                },
            ),
            ServerAsk::EndConfiguration => status(move || B::end_configuration(&set)),
            ServerAsk::ExecuteCompletionAgent => status(move || B::execute_completion_agent(&set)),
            ServerAsk::OpenDevice { device, kept } => {
                let name = setup.device_names[usize::from(device)];
                job(
                    move || B::server_open_device(&set, name),
                    move |backend, opened, _| {
                        if kept {
                            backend.objects.server_devices.insert((run, device), opened);
                        }
                    },
                )
            }
            ServerAsk::AllocateBuffer { buffer, size, alignment } => job(
                move || B::allocate(&set, size, alignment),
                move |backend, made, answer| {
                    let (made, offset) = made;
                    backend.objects.buffers.insert(buffer, made);
                    answer.address = Some(offset);
                },
            ),
            ServerAsk::FreeBuffer { buffer, sized } => {
                let buffer = self.allocated(buffer);
                let size = (!sized).then_some(ServerAsk::OTHER_SIZE);
                status(move || B::free_buffer(&set, buffer, size))
            }
            ServerAsk::IsSharedBuffer { buffer } => {
                let buffer = self.allocated(buffer);
                job(
                    move || B::is_shared_buffer(&set, buffer),
                    |_, shared, answer| {
                        answer.extra = Some(Extra::Shared(shared));
                    },
                )
            }
            ServerAsk::SendCommand(ref sent) => self.send(run, sent),
            ServerAsk::CloseDevice { device } => {
                match self.objects.server_devices.get(&(run, device)).cloned() {
                    Some(device) => status(move || B::close_device(&device)),
                    None => closed(),
                }
            }
            ServerAsk::SignalAbort => status(move || B::server_signal_abort(&set)),
            ServerAsk::Close => status(move || B::server_close(&set)),
        }
    }

    /// A job that takes a command.
    fn take(by: Actor, device: B::ClientDevice, wait: TimeoutArg) -> Job<B> {
        job(
            move || B::get_command(&device, wait),
            move |backend, got, answer| {
                answer.delivered = Some(backend.deliver(by, got));
            },
        )
    }

    /// The buffer as its process has got it, or else as the server has it.
    fn known(&self, by: Actor, buffer: u32) -> Option<B::Buffer> {
        let got = self.objects.got.get(&(by.process, buffer));
        got.or_else(|| self.objects.buffers.get(&buffer)).cloned()
    }

    fn allocated(&self, buffer: Option<u32>) -> Option<B::Buffer> {
        buffer.and_then(|buffer| self.objects.buffers.get(&buffer).cloned())
    }

    fn send(&self, run: u8, sent: &SendAsk) -> Job<B> {
        let Some(device) = self.objects.server_devices.get(&(run, sent.device)).cloned() else {
            return closed();
        };
        let sent = Sent {
            tag: sent.command.into(),
            code: sent.code,
            buffer: self.allocated(sent.buffer),
            size: sent.size.unwrap_or_default().into(),
            position: sent.position.unwrap_or_default(),
            routine: self.routine(sent.command),
        };
        status(move || B::send_command(&device, sent))
    }

    fn client_job(&mut self, by: Actor, ask: &ClientAsk) -> Job<B> {
        let set = self.client(by);
        let setup = &self.setups[usize::from(by.run)];
        let key = move |device: u8| (by.process, by.run, device);
        match *ask {
            ClientAsk::CreateEx { flaw } => {
                let name = flaw.map_or(setup.name, |_| CreateFlaw::NAME);
                let config = flaw.map_or(setup.config, CreateFlaw::config);
                status(move || B::create(&set, None, name, &config))
            }
            ClientAsk::OpenInSecondaryEx { misnomer } => {
                let name = misnomer.map_or(setup.name.to_owned(), |how| how.of(setup.name));
                status(move || B::open_in_secondary(&set, None, &name))
            }
            ClientAsk::GetConfiguration { wait } => {
                configuration(move || B::client_configuration(&set, wait))
            }
            ClientAsk::OpenDevice { device, kept } => {
                let name = setup.device_names[usize::from(device)];
                job(
                    move || B::client_open_device(&set, name),
                    move |backend, opened, _| {
                        if kept {
                            backend.objects.client_devices.insert(key(device), opened);
                        }
                    },
                )
            }
            ClientAsk::GetCommand { device, wait } => {
                let device = self.objects.client_devices.get(&key(device)).cloned();
                device.map_or_else(closed, |device| Self::take(by, device, wait))
            }
            ClientAsk::CompleteCommand(ref done) => {
                match self.objects.client_devices.get(&key(done.device)).cloned() {
                    Some(device) => self.complete(device, done),
                    None => closed(),
                }
            }
            ClientAsk::GetBufferHandle { buffer, handle } => {
                let buffer = buffer.and_then(|buffer| self.known(by, buffer));
                job(
                    move || B::buffer_handle(&set, buffer),
                    move |backend, made, _| {
                        backend.objects.handles.insert(handle, made);
                    },
                )
            }
            ClientAsk::MapBufferHandle { handle } => {
                let handle = handle.and_then(|handle| self.objects.handles.get(&handle).copied());
                job(
                    move || B::map(&set, handle),
                    move |backend, buffer, answer| {
                        answer.extra = Some(Extra::Mapped(backend.gets(by, buffer)));
                    },
                )
            }
            ClientAsk::SignalAbort => status(move || B::client_signal_abort(&set)),
            ClientAsk::Close => status(move || B::client_close(&set)),
        }
    }

    fn complete(&self, device: B::ClientDevice, done: &Complete) -> Job<B> {
        let command = self.objects.delivered.get(&done.command).copied();
        let position = done.position.unwrap_or_default();
        let ended = Ended { code: done.code, bytes: done.bytes, position };
        status(move || B::complete_command(&device, command, ended))
    }

    fn deliver(&mut self, by: Actor, got: Got<B::Command, B::Buffer>) -> Delivered {
        let Got { command: handle, tag, code, size, position, buffer } = got;
        let command = u32::try_from(tag).unwrap_or_default();
        self.objects.delivered.insert(command, handle);
        let buffer = buffer.and_then(|buffer| self.gets(by, buffer));
        Delivered { command, code, size, position, buffer }
    }

    /// A client's process has got a buffer: its number, if it is known.
    fn gets(&mut self, by: Actor, buffer: B::Buffer) -> Option<u32> {
        let mut all = self.objects.buffers.iter();
        let number = all.find(|(_, own)| B::is_same(own, &buffer)).map(|(number, _)| *number)?;
        self.objects.got.insert((by.process, number), buffer);
        Some(number)
    }
}
