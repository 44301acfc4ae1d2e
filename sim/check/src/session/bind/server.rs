//! The server's calls on its set interface.

use super::argument::{Callee, buffer_argument, name_argument, requested};
use crate::explain::InputError;
use crate::session::{Bound, Invocation, OnSuccess, Session, SetName, SetTrack};
use crate::terms::Terms;
use vdi_model::{BufferId, Call, Granted, ServerCall, ServerLife, State};
use vdi_spec::clauses::{AllocateAlignmentZero, TransferSizeLimit};
use vdi_spec::config::{LARGEST_TRANSFER, ServerConfig};
use vdi_trace::Args;

/// Open finds a set by its name, unless the interface has one.
pub(super) fn open(session: &Session, callee: Callee, call: &Invocation<'_>) -> Bound {
    let name = SetName::new(call.function, call.args);
    let may_stay = |set: &usize| {
        session.sets[*set].any(|state| state.server == ServerLife::Open)
            || session.is_called(callee.interface, *set)
    };
    let found = callee.attached.filter(may_stay).or_else(|| session.find(&name));
    let set = found.unwrap_or(callee.set);
    let reused = session.had(callee.interface).is_some_and(|before| before != set);
    let named = found.is_some_and(|set| session.sets[set].may_be_named(&name));
    let call = Call::Server(ServerCall::Open { found: named, reused });
    let own = callee.attached == Some(set) && !session.is_anothers(callee.interface, set);
    let elsewhere = !own && session.is_elsewhere(callee.interface, set);
    let bound = Bound::new(set, call, OnSuccess::Attach(callee.interface));
    Bound { name: Some(name), own, elsewhere, ..bound }
}

pub(super) fn configure(terms: &Terms, callee: Callee, args: &Args<'_>) -> Bound {
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
        alignment: config.alignment,
    };
    let call = Call::Server(ServerCall::BeginConfiguration { sound, granted });
    Bound::new(callee.set, call, OnSuccess::Configure(config))
}

/// A buffer that another set has given away, and that is open, is for certain none of this one's;
/// of what was freed or closed the address may be any other buffer's by now.
pub(super) fn is_shared(
    session: &Session,
    set: usize,
    args: &Args<'_>,
) -> Result<ServerCall, InputError> {
    let buffer = buffer_argument(&session.names, args)?;
    let anothers = |id: &BufferId| {
        session.names.set_of_buffer(*id).is_some_and(|other| {
            let may_be_gone =
                |state: &State| state.server != ServerLife::Open || state.buffer(*id).is_none();
            other != set && !session.sets[other].any(may_be_gone)
        })
    };
    Ok(ServerCall::IsSharedBuffer { buffer: buffer.filter(|id| !anothers(id)) })
}

pub(super) fn open_device(session: &Session, callee: Callee, call: &Invocation<'_>) -> Bound {
    let name = name_argument(call.args);
    let handle = call.creates.map(str::to_owned);
    let (device, then) = device(&session.sets[callee.set], name, handle);
    Bound { name: Some(SetName::of_device(name)), ..Bound::new(callee.set, device, then) }
}

/// The server's OpenDevice of that name in a set.
pub(super) fn device(set: &SetTrack, name: &str, handle: Option<String>) -> (Call, OnSuccess) {
    let device = set.server_slot(name);
    let then = device.map_or(OnSuccess::Nothing, |index| OnSuccess::Device {
        handle,
        name: name.to_owned(),
        index,
    });
    (Call::Server(ServerCall::OpenDevice { device }), then)
}

pub(super) fn allocate(
    session: &mut Session,
    terms: &Terms,
    callee: Callee,
    call: &Invocation<'_>,
) -> Bound {
    let args = call.args;
    let buffer = BufferId(session.next_id());
    let alignment = args.alignment.unwrap_or_default();
    let kind = requested(args);
    // An alignment that is not told may be the basic one, in whichever way it is asked for.
    let is_zero = args.alignment == Some(0);
    let zero_is_basic = terms.profile.allocate_alignment_zero == AllocateAlignmentZero::ZeroIsBasic;
    let sound = kind.is_sound() && (zero_is_basic || !is_zero);
    let handle = call.creates.map(str::to_owned);
    let then = OnSuccess::Buffer { handle, id: buffer, size: kind.size, alignment };
    let call = Call::Server(ServerCall::AllocateBuffer { buffer, sound, kind });
    Bound::new(callee.set, call, then)
}
