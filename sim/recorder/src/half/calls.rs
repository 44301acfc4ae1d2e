//! Each call: made by a function of the recorder that stands before the library, and recorded
//! if that is possible. What the library has given is looked at once, right after it has said
//! that it gives it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vdi_spec::abi::{RawCommand, RawConfig};
use vdi_trace::{Args, Function};

use super::{Outermost, device, granted, named, nothing, set, timeout};
use crate::Called;

/// The call to the original, with what the program handed over; it gives the status.
pub type Make<'a> = &'a dyn Fn() -> i32;

/// Looks at what lies at a place for a result.
pub type Given<'a, T> = &'a dyn Fn() -> Option<T>;

/// Makes a call, and records it if that is possible: what goes wrong there costs neither the
/// call nor its status.
pub fn recorded(make: Make<'_>, record: &dyn Fn(Make<'_>) -> i32) -> i32 {
    // What the original calls of itself is no call of the program's.
    let Some(_first) = Outermost::enter() else { return make() };
    let made = Cell::new(None);
    let once = || {
        let status = make();
        made.set(Some(status));
        status
    };
    let recorded = catch_unwind(AssertUnwindSafe(|| record(&once)));
    recorded.unwrap_or_else(|_| made.get().unwrap_or_else(make))
}

/// A call on a set that gives nothing but its status.
pub fn on_set(of: usize, function: Function, args: Args<'_>, make: Make<'_>) -> i32 {
    let Some(trace) = set(of) else { return make() };
    let interface = trace.interface();
    let status = trace.call(Called::new(function, &interface, args), make, nothing);
    trace.note_use(function, status == 0);
    status
}

/// GetConfiguration.
pub fn get_configuration(
    of: usize,
    time: Option<u32>,
    make: Make<'_>,
    config: Given<'_, RawConfig>,
) -> i32 {
    let Some(trace) = set(of) else { return make() };
    let interface = trace.interface();
    let call = Called::new(Function::GetConfiguration, &interface, timeout(time));
    trace.call(call, make, || granted(config()))
}

/// OpenDevice; `opened` is the address of the device.
pub fn open_device(of: usize, name: &str, make: Make<'_>, opened: Given<'_, usize>) -> i32 {
    let Some(trace) = set(of) else { return make() };
    let (handle, interface) = (trace.next_device(), trace.interface());
    let call = Called::new(Function::OpenDevice, &interface, named(name));
    trace.call(call.creating(Some(&handle)), make, || {
        if let Some(address) = opened() {
            trace.add_device(address, handle.clone());
        }
        nothing()
    })
}

/// GetBufferHandle, of the buffer at this address.
pub fn get_buffer_handle(of: usize, buffer: usize, make: Make<'_>, handle: Given<'_, u32>) -> i32 {
    let Some(trace) = set(of) else { return make() };
    let (name, args) = trace.handed_out(buffer);
    let interface = trace.interface();
    let call = Called::new(Function::GetBufferHandle, &interface, args);
    trace.call(call.creating(Some(&name)), make, || {
        if let Some(number) = handle() {
            trace.keep_handle(number, name.clone());
        }
        nothing()
    })
}

/// MapBufferHandle; `mapped` is the address of the buffer.
pub fn map_buffer_handle(of: usize, handle: u32, make: Make<'_>, mapped: Given<'_, usize>) -> i32 {
    let Some(trace) = set(of) else { return make() };
    let interface = trace.interface();
    let call = Called::new(Function::MapBufferHandle, &interface, trace.handle(handle));
    trace.call(call, make, || mapped().map_or_else(nothing, |at| trace.mapped(at)))
}

/// GetCommand; `delivered` is where the command lies, and what it is.
pub fn get_command(
    of: usize,
    time: Option<u32>,
    make: Make<'_>,
    delivered: Given<'_, (usize, RawCommand)>,
) -> i32 {
    let Some((trace, name)) = device(of) else { return make() };
    let call = Called::new(Function::GetCommand, &name, timeout(time));
    trace.call(call, make, || {
        delivered().map_or_else(nothing, |(at, command)| trace.delivered(at, &command))
    })
}

/// What CompleteCommand is given besides the command.
#[derive(Clone, Copy, Debug)]
pub struct Completed {
    /// How it has ended.
    pub code: i32,
    /// The bytes moved.
    pub bytes: u64,
    /// Where the medium stands.
    pub position: i64,
}

/// CompleteCommand of the command at this address; `now` looks at it.
pub fn complete_command(
    of: usize,
    command: usize,
    completed: Completed,
    make: Make<'_>,
    now: Given<'_, RawCommand>,
) -> i32 {
    let Some((trace, name)) = device(of) else { return make() };
    trace.compare(command, now);
    let Completed { code, bytes, position } = completed;
    let args = trace.completed(command, code, bytes, position);
    trace.call(Called::new(Function::CompleteCommand, &name, args), make, nothing)
}
