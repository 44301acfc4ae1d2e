//! The server's half, recorded.

use vdi_runtime::{Buffer, Completion, SendCommand, SetHistory};
use vdi_spec::codes::{CommandCode, HResult};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Args, CodeArg, Event, Function, Name, Out, SERVER_SET, Size};

use super::names;
use super::recording::{Called, Side, nothing};

/// [`vdi_runtime::ServerSet`], recorded.
#[derive(Clone, Debug)]
pub struct ServerSet {
    side: Side,
    set: vdi_runtime::ServerSet,
}

/// [`vdi_runtime::ServerDevice`], recorded.
#[derive(Clone, Debug)]
pub struct ServerDevice {
    side: Side,
    name: String,
    device: vdi_runtime::ServerDevice,
}

/// [`vdi_runtime::CompletionAgent`], recorded.
#[derive(Debug)]
pub struct CompletionAgent {
    side: Side,
    agent: vdi_runtime::CompletionAgent,
}

impl CompletionAgent {
    /// [`vdi_runtime::CompletionAgent::execute`].
    ///
    /// # Errors
    /// As there.
    pub fn execute(self) -> Result<(), HResult> {
        let Self { side, agent } = self;
        let (lane, recorder) = (side.lane(), side.clone());
        let expired = move |after: u64| {
            let after = Some(u32::try_from(after).unwrap_or(u32::MAX));
            recorder.record(Event::Expired { seq: None, expired: lane.clone(), after });
        };
        side.call(
            Called::new(Function::ExecuteCompletionAgent, SERVER_SET, Args::default()),
            || agent.execute_telling(expired),
            nothing,
        )
    }
}

impl ServerSet {
    pub(super) const fn new(side: Side, set: vdi_runtime::ServerSet) -> Self {
        Self { side, set }
    }

    fn call<T>(
        &self,
        function: Function,
        args: Args<'_>,
        make: impl FnOnce() -> Result<T, HResult>,
        out: impl FnOnce(&T) -> Out<'static>,
    ) -> Result<T, HResult> {
        self.side.call(Called::new(function, SERVER_SET, args), make, out)
    }

    /// [`vdi_runtime::ServerSet::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(&self, instance: Option<&str>, name: &str) -> Result<(), HResult> {
        let (name_of, instance_of) = (Some(Name::from(name)), instance.map(Name::from));
        let args = Args { name: name_of, instance: instance_of, ..Args::default() };
        self.call(Function::Open, args, || self.set.open(instance, name), nothing)
    }

    /// [`vdi_runtime::ServerSet::history_of`], which is no call of the interface.
    #[must_use]
    pub fn history_of(&self, instance: Option<&str>, name: &str) -> Option<SetHistory> {
        self.set.history_of(instance, name)
    }

    /// [`vdi_runtime::ServerSet::get_configuration`].
    ///
    /// # Errors
    /// As there.
    pub fn get_configuration(&self) -> Result<VdConfig, HResult> {
        let out = |config: &VdConfig| Out { config: Some(Box::new(*config)), ..Out::default() };
        let make = || self.set.get_configuration();
        self.call(Function::GetConfiguration, Args::default(), make, out)
    }

    /// [`vdi_runtime::ServerSet::begin_configuration`].
    ///
    /// # Errors
    /// As there.
    pub fn begin_configuration(&self, part: &ServerConfig) -> Result<(), HResult> {
        let args = Args {
            features: Some(part.features),
            alignment: Some(part.alignment),
            block_size: Some(part.block_size),
            max_transfer_size: Some(part.max_transfer_size),
            ..Args::default()
        };
        let make = || self.set.begin_configuration(part);
        self.call(Function::BeginConfiguration, args, make, nothing)
    }

    /// [`vdi_runtime::ServerSet::request_buffers`].
    ///
    /// # Errors
    /// As there.
    pub fn request_buffers(&self, size: u32, alignment: u32, count: u32) -> Result<(), HResult> {
        let args = Args { count: Some(count), ..shape(size, alignment) };
        let make = || self.set.request_buffers(size, alignment, count);
        self.call(Function::RequestBuffers, args, make, nothing)
    }

    /// [`vdi_runtime::ServerSet::query_available_buffers`].
    ///
    /// # Errors
    /// As there.
    pub fn query_available_buffers(&self, size: u32, alignment: u32) -> Result<u64, HResult> {
        let make = || self.set.query_available_buffers(size, alignment);
        self.call(Function::QueryAvailableBuffers, shape(size, alignment), make, |count| Out {
            count: Some(u32::try_from(*count).unwrap_or(u32::MAX)),
            ..Out::default()
        })
    }

    /// [`vdi_runtime::ServerSet::end_configuration`].
    ///
    /// # Errors
    /// As there.
    pub fn end_configuration(&self) -> Result<(), HResult> {
        let make = || self.set.end_configuration();
        self.call(Function::EndConfiguration, Args::default(), make, nothing)
    }

    /// [`vdi_runtime::ServerSet::execute_completion_agent`].
    ///
    /// # Errors
    /// As there.
    pub fn execute_completion_agent(&self) -> Result<(), HResult> {
        let agent = self.set.completion_agent();
        match agent {
            Ok(agent) => CompletionAgent { side: self.side.clone(), agent }.execute(),
            // Refused, as the call itself is.
            Err(_) => {
                let make = || self.set.execute_completion_agent();
                self.call(Function::ExecuteCompletionAgent, Args::default(), make, nothing)
            }
        }
    }

    /// [`vdi_runtime::ServerSet::completion_agent`]; what is recorded is the agent's execution.
    ///
    /// # Errors
    /// As there.
    pub fn completion_agent(&self) -> Result<CompletionAgent, HResult> {
        let agent = self.set.completion_agent()?;
        Ok(CompletionAgent { side: self.side.clone(), agent })
    }

    /// [`vdi_runtime::ServerSet::open_device`].
    ///
    /// # Errors
    /// As there.
    pub fn open_device(&self, name: &str) -> Result<ServerDevice, HResult> {
        let handle = self.side.names().device(self.side.process);
        let args = Args { name: Some(Name::from(name)), ..Args::default() };
        let make = || self.set.open_device(name);
        let device = self.side.call(
            Called::new(Function::OpenDevice, SERVER_SET, args).creating(Some(&handle)),
            make,
            nothing,
        )?;
        Ok(ServerDevice { side: self.side.clone(), name: handle, device })
    }

    /// [`vdi_runtime::ServerSet::allocate_buffer`].
    ///
    /// # Errors
    /// As there.
    pub fn allocate_buffer(&self, size: u32, alignment: u32) -> Result<Buffer, HResult> {
        let names = self.side.names();
        let name = names.buffer();
        // It has its name before anybody can be told of it.
        let make = || {
            let buffer = self.set.allocate_buffer(size, alignment)?;
            names.keep_buffer(&buffer, name.clone());
            Ok(buffer)
        };
        self.side.call(
            Called::new(Function::AllocateBuffer, SERVER_SET, shape(size, alignment))
                .creating(Some(&name)),
            make,
            |buffer| Out { address: Some(buffer.offset()), ..Out::default() },
        )
    }

    /// [`vdi_runtime::ServerSet::free_buffer`].
    ///
    /// # Errors
    /// As there.
    pub fn free_buffer(&self, buffer: &Buffer, size: u32) -> Result<(), HResult> {
        let names = self.side.names();
        let argument = Some(names.buffer_argument(buffer));
        let args = Args { buffer: argument, size: Some(Size(size.into())), ..Args::default() };
        let make = || self.set.free_buffer(buffer, size);
        self.call(Function::FreeBuffer, args, make, nothing)?;
        names.forget_buffer(buffer);
        Ok(())
    }

    /// [`vdi_runtime::ServerSet::is_shared_buffer`].
    ///
    /// # Errors
    /// As there.
    pub fn is_shared_buffer(&self, buffer: &Buffer) -> Result<bool, HResult> {
        let argument = Some(self.side.names().buffer_argument(buffer));
        let args = Args { buffer: argument, ..Args::default() };
        let out = |shared: &bool| Out { shared: Some(*shared), ..Out::default() };
        self.call(Function::IsSharedBuffer, args, || self.set.is_shared_buffer(buffer), out)
    }

    /// [`vdi_runtime::ServerSet::signal_abort`].
    ///
    /// # Errors
    /// As there.
    pub fn signal_abort(&self) -> Result<(), HResult> {
        self.call(Function::SignalAbort, Args::default(), || self.set.signal_abort(), nothing)
    }

    /// [`vdi_runtime::ServerSet::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(&self) -> Result<(), HResult> {
        self.call(Function::Close, Args::default(), || self.set.close(), nothing)
    }
}

fn shape(size: u32, alignment: u32) -> Args<'static> {
    Args { size: Some(Size(size.into())), alignment: Some(alignment), ..Args::default() }
}

impl ServerDevice {
    /// [`vdi_runtime::ServerDevice::send_command`]. The tag that goes along is the
    /// recording's own; a recorded client of the same process is given yours.
    ///
    /// # Errors
    /// As there.
    pub fn send_command(&self, command: SendCommand) -> Result<(), HResult> {
        let SendCommand { tag, code, buffer, size, position, mut callback } = command;
        let names = self.side.names();
        let number = names.command(tag);
        let name = names::command(number);
        let args = Args {
            code: Some(CodeArg::Command(code)),
            buffer: buffer.as_ref().map(|buffer| names.buffer_argument(buffer)),
            size: Some(Size(size)),
            // Whether a 0 was meant for one cannot be told, but where a position belongs.
            position: Some(position).filter(|at| code == CommandCode::SetPosition || *at != 0),
            ..Args::default()
        };
        let (side, called) = (self.side.clone(), name.clone());
        // What gives a position gives 0 too.
        let gives = matches!(code, CommandCode::GetPosition | CommandCode::SetPosition);
        let recorded = move |ended: Completion| {
            side.record(Event::Callback {
                seq: None,
                lane: side.lane(),
                callback: Name::from(called.as_str()),
                completion: ended.code,
                bytes: ended.bytes,
                position: Some(ended.position).filter(|at| gives || *at != 0),
                held: false,
            });
            side.names().finish(number);
            callback(ended);
        };
        let callback = Box::new(recorded);
        let sent = SendCommand { tag: number, code, buffer, size, position, callback };
        let make = || self.device.send_command(sent);
        self.side.call(
            Called::new(Function::SendCommand, &self.name, args).creating(Some(&name)),
            make,
            nothing,
        )
    }

    /// [`vdi_runtime::ServerDevice::close_device`].
    ///
    /// # Errors
    /// As there.
    pub fn close_device(&self) -> Result<(), HResult> {
        self.side.call(
            Called::new(Function::CloseDevice, &self.name, Args::default()),
            || self.device.close_device(),
            nothing,
        )
    }
}
