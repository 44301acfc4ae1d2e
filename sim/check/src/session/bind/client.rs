//! A client's calls on its set interface.

use super::{
    Bound, OnInterface, OnSuccess, bad, buffer, buffer_argument, by, client_number, name_argument,
    timeout,
};
use crate::explain::InputError;
use crate::session::names::Referent;
use crate::session::{Invocation, Names, Session, SetTrack};
use crate::terms::Terms;
use vdi_model::{Asked, BufferId, ClientCall, ClientLife, CreateFlaw, DeviceName};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, Function, Process};

pub(super) fn bind(
    session: &mut Session,
    terms: &Terms,
    process: Process,
    on: OnInterface,
    invocation: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let args = invocation.args;
    let handle = || invocation.creates.map(str::to_owned);
    let mut then = OnSuccess::Nothing;
    let call = match invocation.function {
        Function::Create | Function::CreateEx => return create(session, process, on, args),
        Function::OpenInSecondary | Function::OpenInSecondaryEx => {
            return Ok(open_in_secondary(session, process, on, args));
        }
        Function::GetBufferHandle => {
            let buffer = buffer_argument(&session.names, args)?;
            if let Some(buffer) = buffer {
                then = OnSuccess::Handle(handle(), buffer);
            }
            ClientCall::GetBufferHandle { buffer }
        }
        Function::MapBufferHandle => {
            ClientCall::MapBufferHandle { buffer: handle_argument(&session.names, on.set(), args)? }
        }
        Function::GetConfiguration => {
            then = OnSuccess::ClientConfiguration;
            ClientCall::GetConfiguration { timeout: timeout(terms, args.timeout) }
        }
        Function::OpenDevice => {
            let name = session.sets[on.set()].client_slot(name_argument(args));
            if let DeviceName::Known(index) | DeviceName::New(index) = name {
                let name = name_argument(args).to_owned();
                then = OnSuccess::Device { handle: handle(), name, index };
            }
            ClientCall::OpenDevice { name }
        }
        Function::SignalAbort => ClientCall::SignalAbort,
        Function::Close => ClientCall::Close,
        Function::Open
        | Function::BeginConfiguration
        | Function::RequestBuffers
        | Function::QueryAvailableBuffers
        | Function::EndConfiguration
        | Function::ExecuteCompletionAgent
        | Function::AllocateBuffer
        | Function::FreeBuffer
        | Function::IsSharedBuffer
        | Function::SendCommand
        | Function::CloseDevice
        | Function::GetCommand
        | Function::CompleteCommand => {
            let name = invocation.function;
            return bad(format!("{name} is not called on a set interface of the client"));
        }
    };
    Ok(Bound::new(on.set(), by(process, call), then))
}

/// Create makes a new set, unless the interface has one.
fn create(
    session: &mut Session,
    process: Process,
    on: OnInterface,
    args: &Args<'_>,
) -> Result<Bound, InputError> {
    let sets = &mut session.sets;
    if process != Process::Primary {
        let is_open = |state: &_| is_client_open(state, process);
        let Some(set) = on.attached.filter(|set| sets[*set].any(is_open)) else {
            return bad("a set is created in the process primary");
        };
        let (asked, flaw) = (Asked::default(), None);
        let call = by(process, ClientCall::Create { devices: 1, asked, flaw });
        return Ok(Bound::new(set, call, OnSuccess::Nothing));
    }
    let config = args.config.clone().unwrap_or_default();
    let name = name_argument(args);
    let has_one = on.attached.filter(|set| {
        let set = &sets[*set];
        set.creating.is_some() || set.any(|state| state.client == ClientLife::Created)
    });
    if has_one.is_none() && SetTrack::find(sets, name).is_some() {
        return bad(format!(
            "a set named `{name}` exists already; what a second Create answers is not documented"
        ));
    }
    let set = has_one.unwrap_or_else(|| {
        sets.push(SetTrack::new());
        sets.len() - 1
    });
    let devices = u8::try_from(config.device_count).unwrap_or(u8::MAX).min(64);
    let asked = Asked { features: config.features, time_out: config.server_time_out != 0 };
    let call = by(process, ClientCall::Create { devices, asked, flaw: flaw(&config, args) });
    Ok(Bound::new(set, call, OnSuccess::Create(on.interface, name.to_owned(), config)))
}

fn is_client_open(state: &vdi_model::State, process: Process) -> bool {
    state.client_open(client_number(process))
}

/// What is wrong with the arguments of a Create.
fn flaw(config: &VdConfig, args: &Args<'_>) -> Option<CreateFlaw> {
    let instance = args.instance.as_ref().map(|name| name.as_str()).unwrap_or_default();
    if name_argument(args).contains('\\') {
        Some(CreateFlaw::Name)
    } else if instance.contains('\\') {
        Some(CreateFlaw::Instance)
    } else {
        config.check_client().err().map(|rule| match rule.id {
            "feature-combination" => CreateFlaw::Features,
            _ => CreateFlaw::Config,
        })
    }
}

/// OpenInSecondary finds a set by its name, as the primary spelt it.
fn open_in_secondary(
    session: &Session,
    process: Process,
    on: OnInterface,
    args: &Args<'_>,
) -> Bound {
    let sets = &session.sets;
    let name = name_argument(args);
    let is_open = |set: &usize| sets[*set].any(|state| is_client_open(state, process));
    let found = SetTrack::find(sets, name).or_else(|| SetTrack::find_dead(sets, name));
    let set = on.attached.filter(is_open).or(found).unwrap_or(on.set());
    let call = by(process, ClientCall::OpenInSecondary { found: found.is_some() });
    let wants = found.is_none().then(|| name.to_owned());
    Bound { wants, ..Bound::new(set, call, OnSuccess::Attach(on.interface)) }
}

/// The buffer of the argument `handle`; `None` for null and for another set's.
fn handle_argument(
    names: &Names,
    set: usize,
    args: &Args<'_>,
) -> Result<Option<BufferId>, InputError> {
    let Some(name) = args.handle.as_ref().and_then(|handle| handle.name()) else {
        return Ok(None);
    };
    match names.find(name) {
        Some(named) => match named.referent {
            Referent::Handle(buffer) => Ok((named.set == set).then_some(buffer)),
            Referent::Device { .. } | Referent::Buffer(_) | Referent::Command(_) => {
                bad(format!("`{name}` is no handle that GetBufferHandle gave"))
            }
        },
        None => match names.foreign(name) {
            Some(of) => buffer(names, of).map(Some),
            None => bad(format!("`{name}` is no handle that GetBufferHandle gave")),
        },
    }
}
