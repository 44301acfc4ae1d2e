//! What a call is made on, and its arguments.

use vdi_model::{BufferId, Call, Caller, ClientCall, Requested, Timeout};
use vdi_trace::{Args, Handle, Process, Size, TimeoutArg};

use crate::explain::InputError;
use crate::session::names::{Names, Referent};
use crate::terms::Terms;

/// What a call is made on.
#[derive(Clone, Copy)]
pub(super) struct Callee {
    /// Its set; that of an interface is the one it is, or was last, attached to.
    pub(super) set: usize,
    /// If it is a set interface: its number, and the set that it is attached to.
    pub(super) interface: usize,
    pub(super) attached: Option<usize>,
    /// If it is a device: its index.
    pub(super) device: u8,
}

/// What a trace cannot name: a pointer from nowhere, a handle that is none.
pub(super) const NAMELESS: &str = "?";

pub(super) fn bad<T>(message: impl Into<String>) -> Result<T, InputError> {
    Err(InputError(message.into()))
}

/// The argument `name`, empty if it is not given.
pub(super) fn name_argument<'a>(args: &'a Args<'_>) -> &'a str {
    args.name.as_ref().map(|name| name.as_str()).unwrap_or_default()
}

pub(super) fn buffer(names: &Names, name: &str) -> Result<BufferId, InputError> {
    match names.find(name).map(|named| &named.referent) {
        Some(Referent::Buffer(allocated)) => Ok(allocated.id),
        Some(Referent::Device { .. } | Referent::Handle(_) | Referent::Command(_)) | None => {
            bad(format!("`{name}` is no buffer that AllocateBuffer gave"))
        }
    }
}

/// The argument `buffer`; `None` for the null pointer, and for one from nowhere.
pub(super) fn buffer_argument(
    names: &Names,
    args: &Args<'_>,
) -> Result<Option<BufferId>, InputError> {
    match args.buffer.as_ref().and_then(Handle::name) {
        None | Some(NAMELESS) => Ok(None),
        Some(name) => buffer(names, name).map(Some),
    }
}

/// Whether the argument `size`, if it is told, is that of the buffer.
pub(super) fn sized(names: &Names, args: &Args<'_>) -> bool {
    let name = args.buffer.as_ref().and_then(|handle| handle.name());
    let named = name.and_then(|name| names.find(name));
    match (named.map(|named| &named.referent), args.size) {
        (Some(Referent::Buffer(allocated)), Some(Size(size))) => size == i64::from(allocated.size),
        (Some(_) | None, _) => true,
    }
}

pub(super) fn timeout(terms: &Terms, given: Option<TimeoutArg>) -> Timeout {
    match given {
        Some(TimeoutArg::Milliseconds(0)) => Timeout::Poll,
        Some(TimeoutArg::Milliseconds(_)) if terms.time_is_recorded => Timeout::Told,
        Some(TimeoutArg::Milliseconds(_)) => Timeout::Finite,
        Some(TimeoutArg::Infinite) | None => Timeout::Infinite,
    }
}

/// The number that the model gives a client's process.
pub(super) const fn client_number(process: Process) -> u8 {
    match process {
        Process::Secondary(number) => number,
        Process::Server | Process::Primary => 0,
    }
}

/// Who a process is to the model.
pub(crate) const fn caller(process: Process) -> Caller {
    match process {
        Process::Server => Caller::Server,
        Process::Primary | Process::Secondary(_) => Caller::Client(client_number(process)),
    }
}

pub(super) const fn by(process: Process, call: ClientCall) -> Call {
    match process {
        Process::Secondary(number) => Call::Secondary(number, call),
        Process::Server | Process::Primary => Call::Client(call),
    }
}

/// Buffers as RequestBuffers and its like ask for them.
pub(super) fn requested(args: &Args<'_>) -> Requested {
    Requested {
        size: args.size.map_or(0, |Size(size)| u32::try_from(size).unwrap_or(0)),
        alignment: args.alignment.unwrap_or_default(),
        count: args.count.unwrap_or_default(),
    }
}
