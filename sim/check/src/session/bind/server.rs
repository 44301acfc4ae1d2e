//! The server's calls on its set interface.

use super::{Bound, OnInterface, OnSuccess, bad, buffer_argument, name_argument, requested};
use crate::explain::InputError;
use crate::session::{Invocation, Session, SetTrack};
use crate::terms::Terms;
use vdi_model::{BufferId, Call, Granted, ServerCall, ServerLife};
use vdi_spec::clauses::TransferSizeLimit;
use vdi_spec::config::{LARGEST_TRANSFER, ServerConfig};
use vdi_trace::{Args, Function, Size};

pub(super) fn bind(
    session: &mut Session,
    terms: &Terms,
    on: OnInterface,
    invocation: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let args = invocation.args;
    let mut then = OnSuccess::Nothing;
    let call = match invocation.function {
        Function::Open => return Ok(open(session, on, args)),
        Function::GetConfiguration => {
            then = OnSuccess::ServerConfiguration;
            ServerCall::GetConfiguration
        }
        Function::BeginConfiguration => {
            let (call, config) = configure(terms, args);
            then = OnSuccess::Configure(config);
            call
        }
        Function::RequestBuffers => ServerCall::RequestBuffers(requested(args)),
        Function::QueryAvailableBuffers => {
            then = OnSuccess::Counted(requested(args));
            ServerCall::QueryAvailableBuffers(requested(args))
        }
        Function::IsSharedBuffer => {
            ServerCall::IsSharedBuffer { buffer: buffer_argument(&session.names, args)? }
        }
        Function::EndConfiguration => ServerCall::EndConfiguration,
        Function::ExecuteCompletionAgent => ServerCall::ExecuteCompletionAgent,
        Function::OpenDevice => {
            let device = session.sets[on.set()].server_slot(name_argument(args));
            if let Some(index) = device {
                let handle = invocation.creates.map(str::to_owned);
                then = OnSuccess::Device { handle, name: name_argument(args).to_owned(), index };
            }
            ServerCall::OpenDevice { device }
        }
        Function::AllocateBuffer => {
            let (call, made) = allocate(session, invocation);
            then = made;
            call
        }
        Function::FreeBuffer => {
            ServerCall::FreeBuffer { buffer: buffer_argument(&session.names, args)? }
        }
        Function::SignalAbort => ServerCall::SignalAbort,
        Function::Close => ServerCall::Close,
        Function::SendCommand
        | Function::CloseDevice
        | Function::Create
        | Function::CreateEx
        | Function::GetCommand
        | Function::CompleteCommand
        | Function::OpenInSecondary
        | Function::OpenInSecondaryEx
        | Function::GetBufferHandle
        | Function::MapBufferHandle => {
            let name = invocation.function;
            return bad(format!("{name} is not called on a set interface of the server"));
        }
    };
    Ok(Bound::new(on.set(), Call::Server(call), then))
}

/// Open finds a set by its name, unless the interface has one.
fn open(session: &Session, on: OnInterface, args: &Args<'_>) -> Bound {
    let name = name_argument(args);
    let is_open = |set: &usize| session.sets[*set].any(|state| state.server == ServerLife::Open);
    let reused = on.attached.is_some_and(|set| !is_open(&set));
    let found = on.attached.filter(is_open).or_else(|| SetTrack::find(&session.sets, name));
    let call = Call::Server(ServerCall::Open { found: found.is_some(), reused });
    let wants = found.is_none().then(|| name.to_owned());
    let set = found.unwrap_or(on.set());
    Bound { wants, ..Bound::new(set, call, OnSuccess::Attach(on.interface)) }
}

fn configure(terms: &Terms, args: &Args<'_>) -> (ServerCall, ServerConfig) {
    let config = ServerConfig {
        features: args.features.unwrap_or_default(),
        alignment: args.alignment.unwrap_or_default(),
        block_size: args.block_size.unwrap_or_default(),
        max_transfer_size: args.max_transfer_size.unwrap_or_default(),
    };
    let limited = terms.profile.transfer_size_limit == TransferSizeLimit::FourMebibytes;
    let sound = config.check().is_ok() && !(limited && config.max_transfer_size > LARGEST_TRANSFER);
    let granted = Granted {
        features: config.features,
        block_size: config.block_size,
        max_transfer_size: config.max_transfer_size,
    };
    (ServerCall::BeginConfiguration { sound, granted }, config)
}

fn allocate(session: &mut Session, invocation: &Invocation<'_>) -> (ServerCall, OnSuccess) {
    let args = invocation.args;
    let buffer = BufferId(session.next_id());
    let alignment = args.alignment.unwrap_or_default();
    let sized = args.size.is_some_and(|Size(size)| size > 0);
    let sound = sized && (alignment == 0 || alignment.is_power_of_two());
    let kind = requested(args);
    let handle = invocation.creates.map(str::to_owned);
    let then = OnSuccess::Buffer { handle, id: buffer, size: kind.size, alignment };
    (ServerCall::AllocateBuffer { buffer, sound, kind }, then)
}
