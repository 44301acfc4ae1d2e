//! The calls of a drawn history and what comes of them, as a trace tells them.

use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_model::{
    Answer, Call, Callback, ClientCall, CommandId, DeviceName, Ending, Expected, Limits, Outcome,
    Request, ServerCall, State, Timeout,
};
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

    /// A call of the server's set interface that names no device; `None` if the function is
    /// not one.
    pub(crate) fn server(function: Function) -> Option<Self> {
        let call = match function {
            Function::Open => ServerCall::Open { found: true, reused: false },
            Function::BeginConfiguration => ServerCall::begin_configuration(),
            Function::EndConfiguration => ServerCall::EndConfiguration,
            Function::ExecuteCompletionAgent => ServerCall::ExecuteCompletionAgent,
            Function::SignalAbort => ServerCall::SignalAbort,
            Function::GetConfiguration => ServerCall::GetConfiguration,
            Function::Close => ServerCall::Close,
            _ => return None,
        };
        let mut drawn = Self::new(function, SERVER_SET.to_owned(), Call::Server(call));
        match function {
            Function::Open => drawn.args.name = Some(SET.into()),
            Function::BeginConfiguration => {
                drawn.args.block_size = Some(512);
                drawn.args.max_transfer_size = Some(TRANSFER);
            }
            _ => {}
        }
        Some(drawn)
    }

    /// The server opens the device of this name. `None`: there is no such device.
    pub(crate) fn server_opens(device: Option<u8>) -> Self {
        let call = Call::Server(ServerCall::OpenDevice { device });
        let mut drawn = Self::new(Function::OpenDevice, SERVER_SET.to_owned(), call);
        drawn.args.name = Some(device_name(device.unwrap_or_default()).into());
        drawn.creates = device.map(server_device);
        drawn
    }

    pub(crate) fn server_closes(device: u8) -> Self {
        let call = Call::Server(ServerCall::CloseDevice { device });
        Self::new(Function::CloseDevice, server_device(device), call)
    }

    pub(crate) fn sends(device: u8, id: CommandId, code: CommandCode) -> Self {
        let request = Request::bare(device, id, code);
        let call = Call::Server(ServerCall::SendCommand(request));
        let mut drawn = Self::new(Function::SendCommand, server_device(device), call);
        let size = if code == CommandCode::Write { TRANSFER } else { 0 };
        drawn.args.code = Some(CodeArg::Command(code));
        drawn.args.size = Some(Size(size.into()));
        drawn.creates = Some(name_of(id));
        drawn
    }

    pub(crate) fn creates(devices: u8) -> Self {
        let call = Call::Client(ClientCall::create(devices));
        let mut drawn = Self::new(Function::CreateEx, CLIENT_SET.to_owned(), call);
        let config = VdConfig { device_count: devices.into(), ..VdConfig::default() };
        drawn.args.name = Some(SET.into());
        drawn.args.config = Some(Box::new(config));
        drawn
    }

    pub(crate) fn client_gets_configuration((timeout, told): (Timeout, TimeoutArg)) -> Self {
        let call = Call::Client(ClientCall::GetConfiguration { timeout });
        let mut drawn = Self::new(Function::GetConfiguration, CLIENT_SET.to_owned(), call);
        drawn.args.timeout = Some(told);
        drawn
    }

    pub(crate) fn client_aborts() -> Self {
        let call = Call::Client(ClientCall::SignalAbort);
        Self::new(Function::SignalAbort, CLIENT_SET.to_owned(), call)
    }

    pub(crate) fn client_closes() -> Self {
        Self::new(Function::Close, CLIENT_SET.to_owned(), Call::Client(ClientCall::Close))
    }

    /// The client opens a device; one that nobody has opened before has no name yet, but
    /// the first, which bears the set's.
    pub(crate) fn client_opens(device: u8, known: bool) -> Self {
        let name = if known { DeviceName::Known(device) } else { DeviceName::New(device) };
        let call = Call::Client(ClientCall::OpenDevice { name });
        let mut drawn = Self::new(Function::OpenDevice, CLIENT_SET.to_owned(), call);
        drawn.args.name = Some(device_name(device).into());
        drawn.creates = Some(client_device(device));
        drawn
    }

    pub(crate) fn gets(device: u8, (timeout, told): (Timeout, TimeoutArg)) -> Self {
        let call = Call::Client(ClientCall::GetCommand { device, timeout });
        let mut drawn = Self::new(Function::GetCommand, client_device(device), call);
        drawn.args.timeout = Some(told);
        drawn
    }

    pub(crate) fn completes(device: u8, id: CommandId, fails: bool) -> Self {
        let (code, bytes) = match fails {
            true => (Win32::ERROR_DISK_FULL, 0),
            false => (Win32::ERROR_SUCCESS, TRANSFER),
        };
        let (command, position) = (Some(id), 0);
        let call = ClientCall::CompleteCommand { device, command, code, bytes, position };
        let on = client_device(device);
        let mut drawn = Self::new(Function::CompleteCommand, on, Call::Client(call));
        drawn.args.command = Some(Handle::Name(name_of(id).into()));
        drawn.args.code = Some(CodeArg::Completion(code));
        drawn.args.bytes = Some(bytes);
        drawn
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
