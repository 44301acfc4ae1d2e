//! Calls as the trace tells them.

use super::names::{self, LaneInfo};
use crate::backend::{Actor, Ask, ClientAsk, Complete, Send, ServerAsk, Setup};
use crate::faults::misuse::{CreateFlaw, Misnomer};
use vdi_spec::codes::Win32;
use vdi_spec::config::ServerConfig;
use vdi_trace::{Args, CodeArg, Handle, Name, Size};

/// What is told of a call besides its function: in a trace, and to an adapter.
#[derive(Clone, Debug)]
pub struct Told {
    /// The interface or device it is made on.
    pub on: Name<'static>,
    /// The name of what it makes, if that is kept.
    pub creates: Option<Name<'static>>,
    /// Its arguments.
    pub args: Args<'static>,
}

impl Told {
    /// What is told of the call of a lane, in a life of a set that was set up so.
    #[must_use]
    pub fn of(by: Actor, ask: &Ask, setup: &Setup) -> Self {
        let Actor { process, run, .. } = by;
        let lane = LaneInfo { name: "", process, set: setup.set, run };
        match ask {
            Ask::Server(ask) => server_call(&lane, ask, setup),
            Ask::Client(ask) => client_call(&lane, ask, setup),
        }
    }

    fn on_set(lane: &LaneInfo) -> Self {
        let on = names::interface(lane.process, lane.set.into(), lane.run.into());
        Self { on, creates: None, args: Args::default() }
    }

    fn on_device(lane: &LaneInfo, device: u8) -> Self {
        let on = device_handle(lane, device);
        Self { on, creates: None, args: Args::default() }
    }
}

fn device_handle(lane: &LaneInfo, device: u8) -> Name<'static> {
    names::device(lane.process, lane.run.into(), device)
}

fn or_null(name: Option<Name<'static>>) -> Option<Handle<'static>> {
    Some(name.map_or(Handle::Null, Handle::Name))
}

const fn size(size: u32) -> Option<Size> {
    Some(Size(size as i64))
}

pub(super) fn server_call(lane: &LaneInfo, ask: &ServerAsk, setup: &Setup) -> Told {
    let mut told = Told::on_set(lane);
    let args = &mut told.args;
    match *ask {
        ServerAsk::Open { misnomer } => {
            let name = |misnomer: Misnomer| misnomer.of(setup.name).into();
            args.name = Some(misnomer.map_or(setup.name.into(), name));
        }
        ServerAsk::BeginConfiguration { flaw } => {
            let sound = &setup.server;
            configures(args, &flaw.map_or(*sound, |flaw| flaw.config(sound)));
        }
        ServerAsk::RequestBuffers { size: bytes, count } => {
            (args.size, args.count) = (size(bytes), Some(count));
        }
        ServerAsk::QueryAvailableBuffers { size: bytes } => args.size = size(bytes),
        ServerAsk::OpenDevice { device, kept } => {
            args.name = Some(setup.device_names[usize::from(device)].into());
            told.creates = kept.then(|| device_handle(lane, device));
        }
        ServerAsk::AllocateBuffer { buffer, size: bytes, alignment } => {
            args.size = size(bytes);
            args.alignment = (alignment > 0).then_some(alignment);
            told.creates = Some(names::buffer(buffer));
        }
        ServerAsk::FreeBuffer { buffer, sized } => {
            args.buffer = or_null(buffer.map(names::buffer));
            args.size = if sized { None } else { size(ServerAsk::OTHER_SIZE) };
        }
        ServerAsk::IsSharedBuffer { buffer } => {
            args.buffer = or_null(buffer.map(names::buffer));
        }
        ServerAsk::SendCommand(ref sent) => return send(lane, sent),
        ServerAsk::CloseDevice { device } => told.on = device_handle(lane, device),
        ServerAsk::GetConfiguration
        | ServerAsk::EndConfiguration
        | ServerAsk::ExecuteCompletionAgent
        | ServerAsk::SignalAbort
        | ServerAsk::Close => {}
    }
    told
}

fn send(lane: &LaneInfo, sent: &Send) -> Told {
    let mut told = Told::on_device(lane, sent.device);
    told.creates = Some(names::command(sent.command));
    told.args.code = Some(CodeArg::Command(sent.code));
    told.args.size = sent.size.map(|size| Size(size.into()));
    told.args.position = sent.position;
    told.args.buffer = sent.buffer.map(|buffer| Handle::Name(names::buffer(buffer)));
    told
}

const fn configures(args: &mut Args<'static>, server: &ServerConfig) {
    args.features = Some(server.features);
    args.alignment = Some(server.alignment);
    args.block_size = Some(server.block_size);
    args.max_transfer_size = Some(server.max_transfer_size);
}

pub(super) fn client_call(lane: &LaneInfo, ask: &ClientAsk, setup: &Setup) -> Told {
    let mut told = Told::on_set(lane);
    let args = &mut told.args;
    match *ask {
        ClientAsk::CreateEx { flaw } => {
            args.name = Some(flaw.map_or(setup.name, |_| CreateFlaw::NAME).into());
            args.config = Some(Box::new(flaw.map_or(setup.config, CreateFlaw::config)));
        }
        ClientAsk::OpenInSecondaryEx { misnomer } => {
            let name = |misnomer: Misnomer| misnomer.of(setup.name).into();
            args.name = Some(misnomer.map_or(setup.name.into(), name));
        }
        ClientAsk::GetConfiguration { wait } => args.timeout = Some(wait),
        ClientAsk::OpenDevice { device, kept } => {
            args.name = Some(setup.device_names[usize::from(device)].into());
            told.creates = kept.then(|| device_handle(lane, device));
        }
        ClientAsk::GetCommand { device, wait } => {
            args.timeout = Some(wait);
            told.on = device_handle(lane, device);
        }
        ClientAsk::CompleteCommand(ref done) => return complete(lane, done),
        ClientAsk::GetBufferHandle { buffer, handle } => {
            args.buffer = or_null(buffer.map(names::buffer));
            told.creates = Some(names::handle(handle));
        }
        ClientAsk::MapBufferHandle { handle } => args.handle = or_null(handle.map(names::handle)),
        ClientAsk::SignalAbort | ClientAsk::Close => {}
    }
    told
}

fn complete(lane: &LaneInfo, done: &Complete) -> Told {
    let mut told = Told::on_device(lane, done.device);
    let tells = done.bytes > 0 || done.code != Win32::ERROR_SUCCESS;
    told.args.command = Some(Handle::Name(names::command(done.command)));
    told.args.code = Some(CodeArg::Completion(done.code));
    told.args.bytes = tells.then_some(done.bytes);
    told.args.position = done.position;
    told
}
