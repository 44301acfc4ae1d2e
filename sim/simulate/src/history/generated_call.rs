//! The calls of a drawn history and what comes of them, as a trace tells them.

use vdi_model::{
    Answer, Call, Callback, ClientCall, CommandId, DeviceName, Ending, Expected, Limits, Outcome,
    Request, ServerCall, State, Timeout,
};
use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{
    Args, CLIENT_SET, CodeArg, Declares, Event, Function, Handle, Header, Name, Origin, Out,
    SERVER_SET, Size, TimeoutArg,
};

/// The set that a history is about.
const SET: &str = "S";

const QUEUE_DEPTH: u32 = 8;

/// What every command transfers, in bytes.
const TRANSFER: u32 = 65536;

pub(crate) fn limits() -> Limits {
    Limits { queue_depth: Some(QUEUE_DEPTH), ..Limits::default() }
}

pub(crate) fn header(setting: String) -> Header {
    Header {
        source: Some(Origin {
            name: "vdi-model".to_owned(),
            version: None,
            setting: Some(setting),
        }),
        declares: Declares { queue_depth: Some(QUEUE_DEPTH) },
        provoked: vec![Party::Server, Party::Client],
        ..Header::default()
    }
}

fn device_name(index: u8) -> String {
    if index == 0 { SET.to_owned() } else { format!("{SET}{}", index + 1) }
}

fn server_device(index: u8) -> String {
    format!("sdev{}", index + 1)
}

fn client_device(index: u8) -> String {
    format!("cdev{}", index + 1)
}

/// A call of the server's set interface that names no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerSetCall {
    Open,
    BeginConfiguration,
    EndConfiguration,
    ExecuteCompletionAgent,
    SignalAbort,
    GetConfiguration,
    Close,
}

/// The same of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientSetCall {
    CreateEx,
    GetConfiguration,
    SignalAbort,
    Close,
}

/// How long a call waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    Poll,
    /// A while, which passes when the trace says so.
    Told,
    /// A while, which may pass at any time.
    Finite,
    Infinite,
}

impl Patience {
    /// To the model, and as a trace tells it.
    const fn both(self) -> (Timeout, TimeoutArg) {
        match self {
            Self::Poll => (Timeout::Poll, TimeoutArg::Milliseconds(0)),
            Self::Told => (Timeout::Told, TimeoutArg::Milliseconds(100)),
            Self::Finite => (Timeout::Finite, TimeoutArg::Milliseconds(100)),
            Self::Infinite => (Timeout::Infinite, TimeoutArg::Infinite),
        }
    }
}

/// A call to the model, and what a trace tells of it.
#[derive(Clone, Debug)]
pub(crate) struct GeneratedCall {
    pub(crate) function: Function,
    pub(crate) call: Call,
    on: String,
    creates: Option<String>,
    args: Args<'static>,
}

impl GeneratedCall {
    fn new(function: Function, on: String, call: Call) -> Self {
        Self { function, call, on, creates: None, args: Args::default() }
    }

    /// A call of the server's set interface that names no device.
    pub(crate) fn server(call: ServerSetCall) -> Self {
        use ServerSetCall as C;
        let (function, made) = match call {
            C::Open => (Function::Open, ServerCall::Open { found: true, reused: false }),
            C::BeginConfiguration => {
                (Function::BeginConfiguration, ServerCall::begin_configuration())
            }
            C::EndConfiguration => (Function::EndConfiguration, ServerCall::EndConfiguration),
            C::ExecuteCompletionAgent => {
                (Function::ExecuteCompletionAgent, ServerCall::ExecuteCompletionAgent)
            }
            C::SignalAbort => (Function::SignalAbort, ServerCall::SignalAbort),
            C::GetConfiguration => (Function::GetConfiguration, ServerCall::GetConfiguration),
            C::Close => (Function::Close, ServerCall::Close),
        };
        let mut generated = Self::new(function, SERVER_SET.to_owned(), Call::Server(made));
        if call == C::Open {
            generated.args.name = Some(SET.into());
        } else if call == C::BeginConfiguration {
            generated.args.block_size = Some(512);
            generated.args.max_transfer_size = Some(TRANSFER);
        }
        generated
    }

    /// The server opens the device of this name. `None`: there is no such device.
    pub(crate) fn server_opens(device: Option<u8>) -> Self {
        let call = Call::Server(ServerCall::OpenDevice { device });
        let mut generated = Self::new(Function::OpenDevice, SERVER_SET.to_owned(), call);
        generated.args.name = Some(device_name(device.unwrap_or_default()).into());
        generated.creates = device.map(server_device);
        generated
    }

    pub(crate) fn server_closes(device: u8) -> Self {
        let call = Call::Server(ServerCall::CloseDevice { device });
        Self::new(Function::CloseDevice, server_device(device), call)
    }

    pub(crate) fn sends(device: u8, id: CommandId, code: CommandCode) -> Self {
        let request = Request::bare(device, id, code);
        let call = Call::Server(ServerCall::SendCommand(request));
        let mut generated = Self::new(Function::SendCommand, server_device(device), call);
        let size = if code == CommandCode::Write { TRANSFER } else { 0 };
        generated.args.code = Some(CodeArg::Command(code));
        generated.args.size = Some(Size(size.into()));
        generated.creates = Some(name_of(id));
        generated
    }

    /// A call of the client's set interface that names no device, of a set with so many.
    pub(crate) fn client(call: ClientSetCall, devices: u8, wait: Patience) -> Self {
        let (timeout, told) = wait.both();
        let (function, made) = match call {
            ClientSetCall::CreateEx => (Function::CreateEx, ClientCall::create(devices)),
            ClientSetCall::GetConfiguration => {
                (Function::GetConfiguration, ClientCall::GetConfiguration { timeout })
            }
            ClientSetCall::SignalAbort => (Function::SignalAbort, ClientCall::SignalAbort),
            ClientSetCall::Close => (Function::Close, ClientCall::Close),
        };
        let mut generated = Self::new(function, CLIENT_SET.to_owned(), Call::Client(made));
        if call == ClientSetCall::CreateEx {
            let config = VdConfig { device_count: devices.into(), ..VdConfig::default() };
            generated.args.name = Some(SET.into());
            generated.args.config = Some(Box::new(config));
        } else if call == ClientSetCall::GetConfiguration {
            generated.args.timeout = Some(told);
        }
        generated
    }

    /// The client opens a device; one that nobody has opened before has no name yet, but
    /// the first, which bears the set's.
    pub(crate) fn client_opens(device: u8, known: bool) -> Self {
        let name = if known { DeviceName::Known(device) } else { DeviceName::New(device) };
        let call = Call::Client(ClientCall::OpenDevice { name });
        let mut generated = Self::new(Function::OpenDevice, CLIENT_SET.to_owned(), call);
        generated.args.name = Some(device_name(device).into());
        generated.creates = Some(client_device(device));
        generated
    }

    pub(crate) fn gets(device: u8, wait: Patience) -> Self {
        let (timeout, told) = wait.both();
        let call = Call::Client(ClientCall::GetCommand { device, timeout });
        let mut generated = Self::new(Function::GetCommand, client_device(device), call);
        generated.args.timeout = Some(told);
        generated
    }

    pub(crate) fn completes(device: u8, id: CommandId, fails: bool) -> Self {
        let (code, bytes) = match fails {
            true => (Win32::ERROR_DISK_FULL, 0),
            false => (Win32::ERROR_SUCCESS, TRANSFER),
        };
        let (command, position) = (Some(id), 0);
        let call = ClientCall::CompleteCommand { device, command, code, bytes, position };
        let on = client_device(device);
        let mut generated = Self::new(Function::CompleteCommand, on, Call::Client(call));
        generated.args.command = Some(Handle::Name(name_of(id).into()));
        generated.args.code = Some(CodeArg::Completion(code));
        generated.args.bytes = Some(bytes);
        generated
    }

    /// What the trace tells of it, and what the model takes.
    pub(crate) fn begun(self, lane: String) -> (Event<'static>, Function, Call) {
        let Self { function, call, on, creates, args } = self;
        let event = Event::Call {
            seq: None,
            lane: lane.into(),
            call: function,
            on: on.into(),
            creates: creates.map(Name::from),
            args,
        };
        (event, function, call)
    }
}

fn name_of(id: CommandId) -> String {
    format!("c{}", id.0)
}

pub(crate) fn callback(lane: String, callback: &Callback) -> Event<'static> {
    let bytes = match callback.ending {
        Ending::Client { bytes, .. } => bytes,
        Ending::Code(_) => 0,
    };
    Event::Callback {
        seq: None,
        lane: lane.into(),
        callback: name_of(callback.command).into(),
        completion: callback.ending.code(),
        bytes,
        position: None,
        held: false,
    }
}

/// The return of a call with this outcome; with the command that it delivers, and the
/// device.
pub(crate) fn returned(
    lane: String,
    state: &State,
    outcome: &Outcome,
) -> (Event<'static>, Option<(u8, CommandId)>) {
    let mut out = Out::default();
    let mut delivered = None;
    if let Answer::Delivers(id) = outcome.answer {
        let command = state.command(id);
        delivered = command.map(|command| (command.device, id));
        out.command = Some(name_of(id).into());
        out.code = command.map(|command| command.code);
    }
    let status = match outcome.answer.expected() {
        Some(Expected::Status(status)) => status,
        _ => HResult::VD_E_IO_ERROR,
    };
    (Event::Return { seq: None, lane: lane.into(), status, out }, delivered)
}
