//! The library is unloaded while a thread of the server is inside: FreeLibrary asks nobody, as
//! the last CoUninitialize on Windows does not.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use vdi_com::{
    CLIENT_CLASS, IClientVirtualDevice, IClientVirtualDeviceSet2, IServerVirtualDevice,
    IServerVirtualDeviceSet2, RawCommand, RawConfig, RawRequest, SERVER_CLASS,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use windows_core::{HRESULT, PCWSTR};

use crate::contract::{Broken, holds, release};
use crate::library::{Free, Module, instance, made};

/// A backup whose device is open, whose agent is inside, and that has one command out.
pub(crate) struct Backup {
    server: Free<IServerVirtualDeviceSet2>,
    client: Free<IClientVirtualDeviceSet2>,
    pub(crate) server_device: Free<IServerVirtualDevice>,
    pub(crate) client_device: Free<IClientVirtualDevice>,
    agent: JoinHandle<HRESULT>,
}

fn good(status: HRESULT, what: &str) -> io::Result<()> {
    if status.is_ok() { Ok(()) } else { Err(io::Error::other(format!("{what}: {status:?}"))) }
}

/// Routines that were called, and those that may return.
static CALLED: AtomicUsize = AtomicUsize::new(0);
static HELD: Mutex<Held> = Mutex::new(Held { holds: false, inside: false });
static CHANGED: Condvar = Condvar::new();

struct Held {
    holds: bool,
    inside: bool,
}

/// From here on a routine does not return until it is let go; or no longer.
fn hold(holds: bool) {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).holds = holds;
    CHANGED.notify_all();
}

/// Waits until a routine is inside.
fn await_routine() {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    drop(CHANGED.wait_while(held, |held| !held.inside));
}

/// The name of the thread that is lent.
const AGENT: &str = "agent";

unsafe extern "system" fn ended(_: *mut RawRequest) {
    // One that was sent too early is called back where it was sent, and is let go.
    if thread::current().name() != Some(AGENT) {
        return;
    }
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    held.inside = true;
    CHANGED.notify_all();
    drop(CHANGED.wait_while(held, |held| held.holds));
    CALLED.fetch_add(1, Ordering::SeqCst);
}

fn request() -> *mut RawRequest {
    ptr::from_mut(Box::leak(Box::new(RawRequest {
        code: CommandCode::Flush.number(),
        size: 0,
        in_position: 0,
        out_position: 0,
        buffer: ptr::null_mut(),
        completion_routine: Some(ended),
        completion_context: ptr::null_mut(),
        completion_code: 0,
        bytes_transferred: 0,
    })))
}

impl Backup {
    pub(crate) fn begin(module: &Module) -> io::Result<Self> {
        let client: IClientVirtualDeviceSet2 = instance(&module.factory(CLIENT_CLASS)?)?;
        let server: IServerVirtualDeviceSet2 = instance(&module.factory(SERVER_CLASS)?)?;
        let name: Vec<u16> = "unloading\0".encode_utf16().collect();
        let name = PCWSTR(name.as_ptr());
        let mut config = RawConfig { device_count: 1, ..RawConfig::default() };
        let (mut of_server, mut of_client) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: objects of these interfaces, and what lives during the calls.
        let agent = unsafe {
            good(client.Create(name, &raw mut config), "Create")?;
            good(server.Open(PCWSTR::null(), name), "Open")?;
            good(server.BeginConfiguration(0, 512, 0, 65_536, 0), "BeginConfiguration")?;
            good(server.EndConfiguration(), "EndConfiguration")?;
            good(client.GetConfiguration(u32::MAX, &raw mut config), "GetConfiguration")?;
            good(client.OpenDevice(name, &raw mut of_client), "OpenDevice of the client")?;
            let inside = Free(server.clone());
            let agent = thread::Builder::new().name(AGENT.to_owned()).spawn(move || {
                let inside = inside;
                inside.0.ExecuteCompletionAgent()
            })?;
            good(server.OpenDevice(name, &raw mut of_server), "OpenDevice of the server")?;
            agent
        };
        let server_device: IServerVirtualDevice = made(HRESULT(0), of_server, "OpenDevice")?;
        let client_device: IClientVirtualDevice = made(HRESULT(0), of_client, "OpenDevice")?;
        let early = HRESULT(HResult::VD_E_PROTOCOL.0.cast_signed());
        // SAFETY: as above. Until the agent is inside it is too early.
        while unsafe { server_device.SendCommand(request()) } == early {
            thread::yield_now();
        }
        let (server, client) = (Free(server), Free(client));
        let (server_device, client_device) = (Free(server_device), Free(client_device));
        Ok(Self { server, client, server_device, client_device, agent })
    }

    /// The client does what it was told.
    fn complete(&self) -> io::Result<()> {
        let mut command: *mut RawCommand = ptr::null_mut();
        // SAFETY: as in `begin`.
        unsafe {
            good(self.client_device.0.GetCommand(u32::MAX, &raw mut command), "GetCommand")?;
            let code = Win32::ERROR_SUCCESS.0;
            good(self.client_device.0.CompleteCommand(command, code, 0, 0), "CompleteCommand")
        }
    }

    /// The server gives up; everything is closed, used once more, and released.
    pub(crate) fn end(self) -> Broken {
        let mut broken = Vec::new();
        let Self { server, client, server_device, client_device, agent } = self;
        // SAFETY: as in `begin`.
        let status = unsafe { server.0.SignalAbort() };
        holds(&mut broken, status.is_ok(), format!("SignalAbort: {status:?}"));
        let returned = agent.join().map_err(|_| io::Error::other("the agent's thread panicked"))?;
        holds(&mut broken, returned.is_ok(), format!("ExecuteCompletionAgent: {returned:?}"));
        let mut command = ptr::null_mut();
        // SAFETY: as in `begin`.
        let used = unsafe {
            // What else they answer after an abort the scenarios judge.
            let _ = (server.0.Close(), client.0.Close());
            client_device.0.GetCommand(0, &raw mut command)
        };
        holds(&mut broken, used.is_err(), "a device gives commands after Close");
        for (what, left) in [
            ("the server's device", release(server_device.0)),
            ("the server's set", release(server.0)),
            ("the client's set", release(client.0)),
            ("the client's device", release(client_device.0)),
        ] {
            holds(&mut broken, left == 0, format!("{left} references too many of {what}"));
        }
        Ok(broken)
    }
}

/// The agent is inside, and waits.
pub(crate) fn agent_inside(module: &Module) -> Broken {
    let backup = Backup::begin(module)?;
    let mut broken = Vec::new();
    holds(&mut broken, !module.can_unload()?, "DllCanUnloadNow with the agent inside: yes");
    module.free();
    broken.extend(backup.end()?);
    Ok(broken)
}

/// The agent is inside a routine, to which it has to return.
pub(crate) fn in_routine(module: &Module) -> Broken {
    hold(true);
    let backup = Backup::begin(module)?;
    backup.complete()?;
    await_routine();
    module.free();
    hold(false);
    backup.end()
}

/// The set has ended, and the agent is in its last routine: it is about to return.
pub(crate) fn about_to_return(module: &Module) -> Broken {
    hold(true);
    let backup = Backup::begin(module)?;
    // SAFETY: an object of this interface.
    good(unsafe { backup.server.0.SignalAbort() }, "SignalAbort")?;
    await_routine();
    module.free();
    hold(false);
    let mut broken = backup.end()?;
    let called = CALLED.load(Ordering::SeqCst);
    holds(&mut broken, called > 0, "no routine was called");
    Ok(broken)
}

/// All is over, the library goes, and is loaded anew.
pub(crate) fn returned(module: &Module) -> Broken {
    let mut broken = Backup::begin(module)?.end()?;
    holds(&mut broken, module.can_unload()?, "DllCanUnloadNow after all: no");
    module.free();
    let again = Module::load(module.path())?;
    broken.extend(Backup::begin(&again)?.end()?);
    Ok(broken)
}

/// A set is closed, opened anew, and its last reference is let go while it is open.
pub(crate) fn close_and_release(module: &Module) -> Broken {
    let mut broken = Vec::new();
    for closes in [true, false] {
        let client: IClientVirtualDeviceSet2 = instance(&module.factory(CLIENT_CLASS)?)?;
        let name: Vec<u16> = "released\0".encode_utf16().collect();
        for _ in 0..2 {
            let mut config = RawConfig { device_count: 1, ..RawConfig::default() };
            // SAFETY: an object of this interface, and what lives during the calls.
            let created = unsafe { client.Create(PCWSTR(name.as_ptr()), &raw mut config) };
            holds(&mut broken, created.is_ok(), format!("Create: {created:?}"));
            if closes {
                // SAFETY: the same.
                let closed = unsafe { client.Close() };
                holds(&mut broken, closed.is_ok(), format!("Close: {closed:?}"));
            } else {
                break;
            }
        }
        let left = release(client);
        holds(&mut broken, left == 0, format!("{left} references too many of a set"));
    }
    holds(&mut broken, module.can_unload()?, "DllCanUnloadNow after all: no");
    Ok(broken)
}
