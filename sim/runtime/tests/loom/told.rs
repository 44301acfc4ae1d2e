//! A race's acts as the model and as a trace have them.

use vdi_model::{
    Asked, BufferId, Call, ClientCall, CommandId, DeviceName, Request, Requested, ServerCall,
    Timeout,
};
use vdi_spec::codes::Win32;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Args, CLIENT_SET, CodeArg, Event, Handle, Name, SERVER_SET, Size, TimeoutArg};

use crate::script::{Act, BUFFER, Lane, Race, Wait, bytes, device_name};

/// The buffer that is requested.
const KIND: Requested = Requested { size: BUFFER, alignment: 0, count: 1 };

/// What the client asks for in Create.
pub(crate) fn client_config(race: &Race) -> VdConfig {
    VdConfig {
        device_count: race.devices.into(),
        server_time_out: if race.time_out { 1_000 } else { 0 },
        ..VdConfig::default()
    }
}

/// What the server sets in BeginConfiguration.
pub(crate) fn server_config() -> ServerConfig {
    ServerConfig { block_size: 512, max_transfer_size: 65_536, ..ServerConfig::default() }
}

/// The act as a call of the model; `None` if it is none.
pub(crate) fn call(race: &Race, act: Act) -> Option<Call> {
    let server = |call| Some(Call::Server(call));
    let client = |call| Some(Call::Client(call));
    match act {
        Act::Create => {
            let VdConfig { features, alignment, .. } = client_config(race);
            let asked = Asked { features, time_out: race.time_out, alignment };
            client(ClientCall::Create { devices: race.devices, asked, flaw: None })
        }
        Act::Open => server(ServerCall::Open { found: true, reused: false }),
        Act::BeginConfiguration => server(ServerCall::begin_configuration()),
        Act::Request => server(ServerCall::RequestBuffers(KIND)),
        Act::EndConfiguration => server(ServerCall::EndConfiguration),
        Act::GetConfiguration => {
            client(ClientCall::GetConfiguration { timeout: Timeout::Infinite })
        }
        Act::OpenServerDevice(device) => server(ServerCall::OpenDevice { device: Some(device) }),
        Act::OpenClientDevice(device) => {
            client(ClientCall::OpenDevice { name: DeviceName::Known(device) })
        }
        Act::Agent => server(ServerCall::ExecuteCompletionAgent),
        Act::Send(device, command, code) => {
            server(ServerCall::SendCommand(Request::bare(device, CommandId(command), code)))
        }
        Act::Get(device, wait) => {
            let timeout = match wait {
                Wait::Poll => Timeout::Poll,
                Wait::ForEver => Timeout::Infinite,
                Wait::UntilTold => Timeout::Told,
            };
            client(ClientCall::GetCommand { device, timeout })
        }
        Act::Complete(device, command, code) => client(ClientCall::CompleteCommand {
            device,
            command: Some(CommandId(command)),
            code,
            bytes: bytes(command, code),
            position: 0,
        }),
        Act::CloseDevice(device) => server(ServerCall::CloseDevice { device }),
        Act::Allocate => {
            server(ServerCall::AllocateBuffer { buffer: BufferId(0), sound: true, kind: KIND })
        }
        Act::Free => server(ServerCall::FreeBuffer { buffer: Some(BufferId(0)), sized: true }),
        Act::ServerAbort => server(ServerCall::SignalAbort),
        Act::ClientAbort => client(ClientCall::SignalAbort),
        Act::ServerClose => server(ServerCall::Close),
        Act::ClientClose => client(ClientCall::Close),
        Act::Expire(_) | Act::Unload | Act::Await(_) => None,
    }
}

/// The call as an event of a trace.
pub(crate) fn event(race: &Race, lane: Lane, act: Act) -> Event<'static> {
    let function = act.function().expect("a call");
    let name = |prefix: &str, device: u8| Name::from(format!("{prefix}{}", device + 1));
    let set = if lane.starts_with("server") { SERVER_SET } else { CLIENT_SET };
    let (mut on, mut creates, mut args) = (Name::from(set), None, Args::default());
    match act {
        Act::Create => {
            args.name = Some("S".into());
            args.config = Some(Box::new(client_config(race)));
        }
        Act::Open => args.name = Some("S".into()),
        Act::BeginConfiguration => {
            let part = server_config();
            args.block_size = Some(part.block_size);
            args.max_transfer_size = Some(part.max_transfer_size);
        }
        Act::GetConfiguration => args.timeout = Some(TimeoutArg::Infinite),
        Act::OpenServerDevice(device) | Act::OpenClientDevice(device) => {
            args.name = Some(device_name(device).into());
            let prefix = if lane.starts_with("server") { "sdev" } else { "cdev" };
            creates = Some(name(prefix, device));
        }
        Act::Send(device, command, code) => {
            on = name("sdev", device);
            creates = Some(command_name(command));
            (args.code, args.size) = (Some(CodeArg::Command(code)), Some(Size(0)));
        }
        Act::Get(device, wait) => {
            on = name("cdev", device);
            args.timeout = Some(match wait {
                Wait::Poll => TimeoutArg::Milliseconds(0),
                Wait::ForEver => TimeoutArg::Infinite,
                Wait::UntilTold => TimeoutArg::Milliseconds(1_000),
            });
        }
        Act::Complete(device, command, code) => {
            on = name("cdev", device);
            complete_args(&mut args, command, code);
        }
        Act::CloseDevice(device) => on = name("sdev", device),
        Act::Request | Act::Allocate => {
            (args.size, args.alignment) = (Some(Size(KIND.size.into())), Some(KIND.alignment));
            match act {
                Act::Request => args.count = Some(KIND.count),
                _ => creates = Some("b1".into()),
            }
        }
        Act::Free => args.buffer = Some(Handle::Name("b1".into())),
        _ => {}
    }
    Event::Call { seq: None, lane: lane.into(), call: function, on, creates, args }
}

fn complete_args(args: &mut Args<'static>, command: u32, code: Win32) {
    args.command = Some(Handle::Name(command_name(command)));
    args.code = Some(CodeArg::Completion(code));
    args.bytes = Some(bytes(command, code));
}

/// What a command is called in a trace.
pub(crate) fn command_name(command: u32) -> Name<'static> {
    format!("c{command}").into()
}
