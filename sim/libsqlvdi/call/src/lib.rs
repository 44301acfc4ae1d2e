//! A client library loaded by its path: the other direction of `libsqlvdi`, a program that
//! calls one.
//!
//! What the library gives is taken at its word: an address that it calls a buffer is read and
//! written. So whoever does not trust it calls it in a process that may die.
//!
//! Read first: [`Library`], [`Set`], [`Device`].

#![expect(unsafe_code, reason = "the one way to a library of C++")]

use std::ffi::{CString, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::path::Path;
use std::sync::Arc;

use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};
use vdi_spec::abi::{RawCommand, RawConfig, symbol};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

/// A C++ object, or the place for its address.
type Object = *mut c_void;

/// Words that an object is given room for; the published classes have one.
const ROOM: usize = 16;

macro_rules! functions {
    ($( $name:ident: fn($($arg:ty),*) $(-> $out:ty)? = $symbol:expr; )+) => {
        /// The functions of a library.
        struct Functions { $( $name: unsafe extern "C" fn($($arg),*) $(-> $out)?, )+ _library: Loaded }

        impl Functions {
            fn load(path: &Path) -> Result<Self, libloading::Error> {
                // SAFETY: the library that whoever runs this names; what its initialisers
                // do is theirs.
                let library = unsafe { Loaded::open(Some(path), RTLD_NOW | RTLD_LOCAL) }?;
                $(
                    // SAFETY: by the published interface the symbol is such a function. It
                    // is kept no longer than the library.
                    let $name = *unsafe { library.get::<unsafe extern "C" fn($($arg),*) $(-> $out)?>($symbol.as_bytes()) }?;
                )+
                Ok(Self { $( $name, )+ _library: library })
            }
        }
    };
}

functions! {
    set_new: fn(Object) = symbol::SET_NEW;
    set_delete: fn(Object) = symbol::SET_DELETE;
    create: fn(Object, *const c_char, *mut RawConfig) -> c_int = symbol::CREATE;
    get_configuration: fn(Object, c_long, *mut RawConfig) -> c_int = symbol::GET_CONFIGURATION;
    open_device: fn(Object, *const c_char, *mut Object) -> c_int = symbol::OPEN_DEVICE;
    close: fn(Object) -> c_int = symbol::CLOSE;
    signal_abort: fn(Object) -> c_int = symbol::SIGNAL_ABORT;
    open_in_secondary: fn(Object, *const c_char) -> c_int = symbol::OPEN_IN_SECONDARY;
    get_buffer_handle: fn(Object, *mut u8, *mut c_uint) -> c_int = symbol::GET_BUFFER_HANDLE;
    map_buffer_handle: fn(Object, c_int, *mut *mut u8) -> c_int = symbol::MAP_BUFFER_HANDLE;
    get_command: fn(Object, c_long, *mut *mut RawCommand) -> c_int = symbol::GET_COMMAND;
    complete_command: fn(Object, *mut RawCommand, c_int, c_ulong, i64) -> c_int
        = symbol::COMPLETE_COMMAND;
}

/// A client library.
#[derive(Clone)]
pub struct Library(Arc<Functions>);

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

impl Library {
    /// Loads it.
    ///
    /// # Errors
    /// It cannot be loaded, or lacks a function of the published interface.
    pub fn load(path: &Path) -> Result<Self, String> {
        Functions::load(path)
            .map(|functions| Self(Arc::new(functions)))
            .map_err(|error| error.to_string())
    }

    /// A new set object.
    #[must_use]
    pub fn set(&self) -> Set {
        let room = Box::into_raw(Box::new([0_u64; ROOM]));
        // SAFETY: room for an object, for which the constructor is called.
        unsafe { (self.0.set_new)(room.cast()) };
        Set { library: self.clone(), at: room.expose_provenance() }
    }
}

/// What a status means, as a number.
const fn status(made: c_int) -> HResult {
    HResult(made.cast_unsigned())
}

/// A name as C++ takes it; what stands behind a zero is cut off.
fn text(name: &str) -> CString {
    let bytes: Vec<u8> = name.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// A `ClientVirtualDeviceSet`. It may be called from any thread.
#[derive(Debug)]
pub struct Set {
    library: Library,
    at: usize,
}

/// An address of an object that was exposed.
fn object(at: usize) -> Object {
    std::ptr::with_exposed_provenance_mut(at)
}

impl Set {
    /// Create; the configuration as the library left it.
    pub fn create(&self, name: &str, config: &VdConfig) -> (HResult, VdConfig) {
        let (name, mut raw) = (text(name), RawConfig::from(*config));
        // SAFETY: an object that lives, a text and a structure that outlive the call.
        let made = unsafe { (self.library.0.create)(object(self.at), name.as_ptr(), &raw mut raw) };
        (status(made), raw.into())
    }

    /// GetConfiguration.
    pub fn get_configuration(&self, time: i64) -> (HResult, VdConfig) {
        let mut raw = RawConfig::default();
        // SAFETY: an object that lives, and a place for a configuration.
        let made =
            unsafe { (self.library.0.get_configuration)(object(self.at), time, &raw mut raw) };
        (status(made), raw.into())
    }

    /// OpenDevice; the device, if one was given.
    pub fn open_device(&self, name: &str) -> (HResult, Option<Device>) {
        let (name, mut device) = (text(name), std::ptr::null_mut());
        // SAFETY: an object that lives, a text, and a place for a pointer.
        let made = unsafe {
            (self.library.0.open_device)(object(self.at), name.as_ptr(), &raw mut device)
        };
        let given = made == 0 && !device.is_null();
        let device =
            given.then(|| Device { library: self.library.clone(), at: device.expose_provenance() });
        (status(made), device)
    }

    /// Close.
    pub fn close(&self) -> HResult {
        // SAFETY: an object that lives.
        status(unsafe { (self.library.0.close)(object(self.at)) })
    }

    /// SignalAbort.
    pub fn signal_abort(&self) -> HResult {
        // SAFETY: an object that lives.
        status(unsafe { (self.library.0.signal_abort)(object(self.at)) })
    }

    /// OpenInSecondary.
    pub fn open_in_secondary(&self, name: &str) -> HResult {
        let name = text(name);
        // SAFETY: an object that lives, and a text that outlives the call.
        status(unsafe { (self.library.0.open_in_secondary)(object(self.at), name.as_ptr()) })
    }

    /// GetBufferHandle of the buffer of a command, or of an address that is no buffer.
    pub fn get_buffer_handle(&self, of: Option<&Command>) -> (HResult, u32) {
        let (mut stray, mut handle) = ([0_u8; 64], 0);
        let buffer = of.map_or(stray.as_mut_ptr(), |command| {
            std::ptr::with_exposed_provenance_mut(command.raw.buffer)
        });
        // SAFETY: an object that lives, an address that the library does not follow unless it
        // is its own, and a place for a number.
        let made =
            unsafe { (self.library.0.get_buffer_handle)(object(self.at), buffer, &raw mut handle) };
        (status(made), handle)
    }

    /// MapBufferHandle; where the buffer is, if it was given.
    pub fn map_buffer_handle(&self, handle: u32) -> (HResult, Option<Mapped>) {
        let mut buffer = std::ptr::null_mut();
        // SAFETY: an object that lives, and a place for a pointer.
        let made = unsafe {
            (self.library.0.map_buffer_handle)(
                object(self.at),
                handle.cast_signed(),
                &raw mut buffer,
            )
        };
        let given = made == 0 && !buffer.is_null();
        (status(made), given.then(|| Mapped(buffer.expose_provenance())))
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        let room = object(self.at);
        // SAFETY: the object lives until here, and nobody else has it: its destructor is
        // called, and the room it was made in given back.
        unsafe {
            (self.library.0.set_delete)(room);
            drop(Box::from_raw(room.cast::<[u64; ROOM]>()));
        }
    }
}

/// A `ClientVirtualDevice`. The library frees what it holds with Close; its own eight bytes
/// are not given back, since only C++ has the operator for that.
#[derive(Clone, Debug)]
pub struct Device {
    library: Library,
    at: usize,
}

/// What GetCommand has given.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    at: usize,
    raw: RawCommand,
}

/// Where MapBufferHandle has put a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Mapped(usize);

impl Device {
    /// GetCommand; the command, if one was given.
    pub fn get_command(&self, time: i64) -> (HResult, Option<Command>) {
        let mut command = std::ptr::null_mut::<RawCommand>();
        // SAFETY: a device of a set that is open, and a place for a pointer.
        let made = unsafe { (self.library.0.get_command)(object(self.at), time, &raw mut command) };
        let given = made == 0 && !command.is_null();
        let read = given.then(|| Command {
            at: command.expose_provenance(),
            // SAFETY: the library says that a command lies there.
            raw: unsafe { command.read() },
        });
        (status(made), read)
    }

    /// CompleteCommand, of nothing if there is no command.
    pub fn complete_command(
        &self,
        command: Option<&Command>,
        code: Win32,
        bytes: u32,
        position: i64,
    ) -> HResult {
        let command = command.map_or(std::ptr::null_mut(), |command| {
            std::ptr::with_exposed_provenance_mut(command.at)
        });
        let (code, bytes) = (code.0.cast_signed(), c_ulong::from(bytes));
        // SAFETY: a device of a set that is open, and what it has given, or null.
        let made = unsafe {
            (self.library.0.complete_command)(object(self.at), command, code, bytes, position)
        };
        status(made)
    }
}

impl Command {
    /// What it says.
    #[must_use]
    pub const fn raw(&self) -> &RawCommand {
        &self.raw
    }

    /// Where it lies: commands that were completed may come to lie there again.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.at
    }

    /// Bytes of its buffer; 0 if it has none.
    fn length(&self) -> usize {
        if self.raw.buffer == 0 { 0 } else { usize::try_from(self.raw.size).unwrap_or(0) }
    }

    /// What its buffer holds, until it is completed.
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        Mapped(self.raw.buffer).data(self.length())
    }

    /// Puts as much into its buffer as there is room for; how much that is.
    pub fn fill(&self, data: &[u8]) -> usize {
        let length = data.len().min(self.length());
        if length > 0 {
            let to = std::ptr::with_exposed_provenance_mut::<u8>(self.raw.buffer);
            // SAFETY: the library says that so many bytes lie there, for the client alone
            // until it completes the command.
            unsafe { to.copy_from(data.as_ptr(), length) };
        }
        length
    }
}

impl Mapped {
    /// Its address.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.0
    }

    /// So many bytes of it.
    #[must_use]
    pub fn data(&self, length: usize) -> Vec<u8> {
        if length == 0 {
            return Vec::new();
        }
        let from = std::ptr::with_exposed_provenance::<u8>(self.0);
        // SAFETY: the library says that a buffer lies there, of which the client knows the
        // size by its command.
        unsafe { std::slice::from_raw_parts(from, length) }.to_vec()
    }
}
