//! Sets and devices of a client: each call is the original's, and recorded. What the client
//! hands over is handed on as it is; what the original gives is read once, right after it has
//! said that it gives it.

use std::ffi::c_void;

use vdi_com::{
    IClientVirtualDevice, IClientVirtualDevice_Impl, IClientVirtualDeviceSet,
    IClientVirtualDeviceSet_Impl, IClientVirtualDeviceSet2, IClientVirtualDeviceSet2_Impl,
    RawCommand, RawConfig,
};
use vdi_recorder::half::calls::{self, Completed, Make, recorded};
use vdi_recorder::half::{asked, begin, forget, named};
use vdi_trace::{Args, Function, Name, Process};
use windows_core::{HRESULT, IUnknown, Interface, PCWSTR, implement};

/// A set of the original's. Once it is let go, nothing is known of it any more.
struct Recorded(IClientVirtualDeviceSet);

/// The same as COM sees it, if the original's has instances.
#[implement(IClientVirtualDeviceSet2)]
struct Newer {
    of: Recorded,
    newer: IClientVirtualDeviceSet2,
}

/// The same, if it has none.
#[implement(IClientVirtualDeviceSet)]
struct Older {
    of: Recorded,
}

/// A device.
#[implement(IClientVirtualDevice)]
struct Device(IClientVirtualDevice);

/// What stands before a set of the original's; `None` if it is none.
pub(crate) fn wrapped(object: Option<&IUnknown>) -> Option<IUnknown> {
    let of = Recorded(object?.cast().ok()?);
    let newer = of.0.cast::<IClientVirtualDeviceSet2>();
    Some(match newer {
        Ok(newer) => Newer { of, newer }.into(),
        Err(_) => Older { of }.into(),
    })
}

impl Drop for Recorded {
    fn drop(&mut self) {
        forget(address(&self.0));
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        forget(address(&self.0));
    }
}

/// By which an object is known while it lives.
fn address<T: Interface>(object: &T) -> usize {
    object.as_raw().addr()
}

/// A name for the trace; what is no text is shown as such.
fn text(name: PCWSTR) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: not null, so by contract a text that ends with a zero.
    String::from_utf16_lossy(unsafe { name.as_wide() })
}

/// What lies at an address that was given for a result, if one was.
fn given<T: Copy>(place: *const T) -> Option<T> {
    // SAFETY: null, or a place of the client's for such a value, which the original has just
    // filled in, or the client before.
    (!place.is_null()).then(|| unsafe { place.read_unaligned() })
}

/// Milliseconds; `None` is for ever.
fn wait(time: u32) -> Option<u32> {
    (time != u32::MAX).then_some(time)
}

/// A set is about to be created, or opened as a secondary client.
#[expect(clippy::print_stderr, reason = "who asks for a trace hears why there is none")]
fn begun(of: usize, name: &str, process: Process) {
    if let Err(error) = begin(of, name, process, "sqlvdi.dll") {
        eprintln!("sqlvdi-record: {error}");
    }
}

/// The arguments of a call that may be given an instance.
fn with_instance(instance: PCWSTR, args: Args<'static>) -> Args<'static> {
    let instance = (!instance.is_null()).then(|| Name::from(text(instance)));
    Args { instance, ..args }
}

impl Recorded {
    fn call(
        &self,
        make: impl Fn(&IClientVirtualDeviceSet) -> HRESULT,
        record: impl Fn(usize, Make<'_>) -> i32,
    ) -> HRESULT {
        let of = address(&self.0);
        HRESULT(recorded(&|| make(&self.0).0, &|make| record(of, make)))
    }

    /// A call that makes a set of this name, by the original's function.
    fn creates(
        &self,
        function: Function,
        (instance, name): (PCWSTR, PCWSTR),
        config: *const RawConfig,
        make: impl Fn(&IClientVirtualDeviceSet) -> HRESULT,
    ) -> HRESULT {
        self.call(make, |of, make| {
            let name = text(name);
            begun(of, &name, Process::Primary);
            let args = with_instance(instance, asked(&name, given(config)));
            calls::on_set(of, function, args, make)
        })
    }

    /// The same for a set of another process.
    fn opens(
        &self,
        function: Function,
        (instance, name): (PCWSTR, PCWSTR),
        make: impl Fn(&IClientVirtualDeviceSet) -> HRESULT,
    ) -> HRESULT {
        self.call(make, |of, make| {
            let name = text(name);
            begun(of, &name, Process::Secondary(1));
            calls::on_set(of, function, with_instance(instance, named(&name)), make)
        })
    }
}

// SAFETY of every call below: what the client hands over, to the original's function that it is
// meant for.
macro_rules! set_functions {
    ($($set:ident)+) => {$(
        impl IClientVirtualDeviceSet_Impl for $set {
            unsafe fn Create(&self, name: PCWSTR, config: *mut RawConfig) -> HRESULT {
                let names = (PCWSTR::null(), name);
                // SAFETY: as above.
                let make = |set: &IClientVirtualDeviceSet| unsafe { set.Create(name, config) };
                self.of.creates(Function::Create, names, config, make)
            }

            unsafe fn GetConfiguration(&self, time: u32, to: *mut RawConfig) -> HRESULT {
                self.of.call(
                    // SAFETY: as above.
                    |set| unsafe { set.GetConfiguration(time, to) },
                    |of, make| calls::get_configuration(of, wait(time), make, &|| given(to)),
                )
            }

            unsafe fn OpenDevice(&self, name: PCWSTR, to: *mut *mut c_void) -> HRESULT {
                let opened = || given(to).map(|device| device.addr()).filter(|at| *at != 0);
                let status = self.of.call(
                    // SAFETY: as above.
                    |set| unsafe { set.OpenDevice(name, to) },
                    |of, make| calls::open_device(of, &text(name), make, &opened),
                );
                if status.is_ok() && opened().is_some() {
                    // SAFETY: a place of the client's, in which is a device of the original's
                    // with a reference that was the client's.
                    unsafe {
                        let device = IClientVirtualDevice::from_raw(to.read_unaligned());
                        to.write_unaligned(IClientVirtualDevice::from(Device(device)).into_raw());
                    }
                }
                status
            }

            unsafe fn Close(&self) -> HRESULT {
                self.of.call(
                    // SAFETY: as above.
                    |set| unsafe { set.Close() },
                    |of, make| calls::on_set(of, Function::Close, Args::default(), make),
                )
            }

            unsafe fn SignalAbort(&self) -> HRESULT {
                self.of.call(
                    // SAFETY: as above.
                    |set| unsafe { set.SignalAbort() },
                    |of, make| calls::on_set(of, Function::SignalAbort, Args::default(), make),
                )
            }

            unsafe fn OpenInSecondary(&self, name: PCWSTR) -> HRESULT {
                let names = (PCWSTR::null(), name);
                // SAFETY: as above.
                let make = |set: &IClientVirtualDeviceSet| unsafe { set.OpenInSecondary(name) };
                self.of.opens(Function::OpenInSecondary, names, make)
            }

            unsafe fn GetBufferHandle(&self, buffer: *mut u8, to: *mut u32) -> HRESULT {
                self.of.call(
                    // SAFETY: as above.
                    |set| unsafe { set.GetBufferHandle(buffer, to) },
                    |of, make| calls::get_buffer_handle(of, buffer.addr(), make, &|| given(to)),
                )
            }

            unsafe fn MapBufferHandle(&self, handle: u32, to: *mut *mut u8) -> HRESULT {
                let mapped = || given(to).map(|at| at.addr());
                self.of.call(
                    // SAFETY: as above.
                    |set| unsafe { set.MapBufferHandle(handle, to) },
                    |of, make| calls::map_buffer_handle(of, handle, make, &mapped),
                )
            }
        }
    )+};
}

set_functions! { Newer_Impl Older_Impl }

impl IClientVirtualDeviceSet2_Impl for Newer_Impl {
    unsafe fn CreateEx(&self, instance: PCWSTR, name: PCWSTR, config: *mut RawConfig) -> HRESULT {
        // SAFETY: as above.
        let make = |_: &_| unsafe { self.newer.CreateEx(instance, name, config) };
        self.of.creates(Function::CreateEx, (instance, name), config, make)
    }

    unsafe fn OpenInSecondaryEx(&self, instance: PCWSTR, name: PCWSTR) -> HRESULT {
        // SAFETY: as above.
        let make = |_: &_| unsafe { self.newer.OpenInSecondaryEx(instance, name) };
        self.of.opens(Function::OpenInSecondaryEx, (instance, name), make)
    }
}

impl IClientVirtualDevice_Impl for Device_Impl {
    unsafe fn GetCommand(&self, time: u32, to: *mut *mut RawCommand) -> HRESULT {
        let of = address(&self.0);
        let delivered = || {
            let at = given(to)?;
            Some((at.addr(), given(at)?))
        };
        HRESULT(recorded(
            // SAFETY: as above.
            &|| unsafe { self.0.GetCommand(time, to) }.0,
            &|make| calls::get_command(of, wait(time), make, &delivered),
        ))
    }

    unsafe fn CompleteCommand(
        &self,
        command: *mut RawCommand,
        code: u32,
        bytes: u32,
        position: u64,
    ) -> HRESULT {
        let of = address(&self.0);
        let completed = Completed {
            code: code.cast_signed(),
            bytes: bytes.into(),
            position: position.cast_signed(),
        };
        HRESULT(recorded(
            // SAFETY: as above.
            &|| unsafe { self.0.CompleteCommand(command, code, bytes, position) }.0,
            &|make| {
                calls::complete_command(of, command.addr(), completed, make, &|| given(command))
            },
        ))
    }
}
