//! A client's calls on its set interface.

use super::argument::{
    Callee, NAMELESS, bad, buffer, buffer_argument, by, client_number, name_argument,
};
use crate::explain::InputError;
use crate::session::names::{Named, Referent};
use crate::session::{Bound, Invocation, OnSuccess, Session, SetName, SetTrack};
use vdi_model::{Asked, Call, ClientCall, ClientLife, CreateFlaw, DeviceName};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, Process};

/// Create makes a new set, unless the interface has one.
pub(super) fn create(
    session: &mut Session,
    process: Process,
    callee: Callee,
    call: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let Invocation { function, args, .. } = *call;
    let called: Vec<usize> = session
        .calls
        .iter()
        .filter(|call| call.bound.on == Some(callee.interface))
        .map(|call| call.bound.set)
        .collect();
    let is_called = |set: usize| called.contains(&set);
    let sets = &mut session.sets;
    if process != Process::Primary {
        let is_open = |state: &_| is_client_open(state, process);
        let Some(set) = callee.attached.filter(|set| sets[*set].any(is_open)) else {
            return bad("a set is created in the process primary");
        };
        let (asked, flaw) = (Asked::default(), None);
        let call = by(process, ClientCall::Create { devices: 1, asked, flaw });
        return Ok(Bound::new(set, call, OnSuccess::Nothing));
    }
    let config = args.config.clone().unwrap_or_default();
    let name = SetName::new(function, args);
    let has_one = callee.attached.filter(|index| {
        let set = &sets[*index];
        set.creating.is_some()
            || set.any(|state| state.client == ClientLife::Created)
            || is_called(*index)
    });
    let by_other = has_one.is_none().then(|| session.find(&name)).flatten();
    let sets = &mut session.sets;
    let set = has_one.or(by_other.map(|_| SetTrack::UNATTACHED)).unwrap_or_else(|| {
        sets.push(SetTrack::new());
        sets.len() - 1
    });
    let makes = || has_one.is_none() || sets[set].is_being_created(&name, &config);
    let creates = by_other.is_none() && makes();
    let devices = u8::try_from(config.device_count).unwrap_or(u8::MAX).min(64);
    let VdConfig { features, alignment, .. } = *config;
    let asked = Asked { features, time_out: config.server_time_out != 0, alignment };
    let own = flaw(&config, args);
    let flaw = if by_other.is_some() { Some(CreateFlaw::Taken) } else { own };
    let call = by(process, ClientCall::Create { devices, asked, flaw });
    let then = OnSuccess::Create(callee.interface, name, config);
    let taken = by_other.map(|set| (set, own));
    Ok(Bound { creates, taken, ..Bound::new(set, call, then) })
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
        config
            .check_client()
            .err()
            .map(|rule| match rule.id {
                "feature-combination" => CreateFlaw::Features,
                _ => CreateFlaw::Config,
            })
            .or(name_argument(args).is_empty().then_some(CreateFlaw::NoName))
    }
}

/// OpenInSecondary finds a set by its name, as the primary spelt it.
pub(super) fn open_in_secondary(
    session: &Session,
    process: Process,
    callee: Callee,
    call: &Invocation<'_>,
) -> Bound {
    let sets = &session.sets;
    let name = SetName::new(call.function, call.args);
    let is_open = |set: &usize| sets[*set].any(|state| is_client_open(state, process));
    let may_stay = |set: &usize| is_open(set) || session.is_called(callee.interface, *set);
    let found = session.find(&name).or_else(|| session.find_dead(&name));
    let set = callee.attached.filter(may_stay).or(found).unwrap_or(callee.set);
    let call = by(process, ClientCall::OpenInSecondary { found: found == Some(set) });
    let bound = Bound::new(set, call, OnSuccess::Attach(callee.interface));
    Bound { name: Some(name), own: callee.attached == Some(set), ..bound }
}

pub(super) fn open_device(
    session: &Session,
    process: Process,
    callee: Callee,
    call: &Invocation<'_>,
) -> Bound {
    let name = name_argument(call.args);
    let handle = call.creates.map(str::to_owned);
    let (device, then) = device(&session.sets[callee.set], name, handle);
    Bound {
        name: Some(SetName::of_device(name)),
        ..Bound::new(callee.set, by(process, device), then)
    }
}

/// A client's OpenDevice of that name in a set.
pub(super) fn device(
    set: &SetTrack,
    name: &str,
    handle: Option<String>,
) -> (ClientCall, OnSuccess) {
    let device = set.client_slot(name);
    let then = match device {
        DeviceName::Known(index) | DeviceName::New(index) => {
            OnSuccess::Device { handle, name: name.to_owned(), index }
        }
        DeviceName::Unknown => OnSuccess::Nothing,
    };
    (ClientCall::OpenDevice { name: device }, then)
}

pub(super) fn get_handle(
    session: &Session,
    process: Process,
    callee: Callee,
    call: &Invocation<'_>,
) -> Result<Bound, InputError> {
    let buffer = buffer_argument(&session.names, call.args)?;
    let then = buffer.map_or(OnSuccess::Nothing, |buffer| {
        OnSuccess::Handle(call.creates.map(str::to_owned), buffer)
    });
    Ok(Bound::new(callee.set, by(process, ClientCall::GetBufferHandle { buffer }), then))
}

/// MapBufferHandle, of the buffer of the argument `handle`: none for null and for another
/// set's.
pub(super) fn map_handle(
    session: &Session,
    process: Process,
    callee: Callee,
    args: &Args<'_>,
) -> Result<Call, InputError> {
    let names = &session.names;
    let map = |buffer| Ok(by(process, ClientCall::MapBufferHandle { buffer }));
    let name = args.handle.as_ref().and_then(|handle| handle.name());
    let Some(name) = name.filter(|name| *name != NAMELESS) else {
        return map(None);
    };
    match (names.find(name), names.foreign(name)) {
        (Some(Named { set, referent: Referent::Handle(buffer), .. }), _) => {
            map((*set == callee.set).then_some(*buffer))
        }
        (None, Some(of)) => map(Some(buffer(names, of)?)),
        (Some(_), _) | (None, None) => {
            bad(format!("`{name}` is no handle that GetBufferHandle gave"))
        }
    }
}
