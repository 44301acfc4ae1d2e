//! The client's set interface, IClientVirtualDeviceSet2, as the primary client uses it.

use super::buffer::BufferHandle;
use super::client_device::ClientDevice;
use super::client_state::Client;
use super::clock::Timeout;
use super::history::SetHistory;
use super::layout::{End, Phase, Piece, State, check_name};
use super::mapping::{Listen, PRIMARY, SetMapping};
use super::registry::Process;
use crate::sync::{Arc, Mutex, Ordering};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// A client's set interface. May be used from any thread of its process; clones are the
/// same interface. When the last one is dropped the set is closed.
///
/// Every function but Create and OpenInSecondary answers VD_E_PROTOCOL unless a set is
/// created, or open as a secondary client, and not closed; and VD_E_UNEXPECTED, with an
/// abort, if the shared memory holds what cannot be.
#[derive(Clone, Debug)]
pub struct ClientSet {
    pub(super) process: Process,
    pub(super) binding: Arc<Interface>,
}

/// What all clones of a set interface share. With the last of them goes the set: what
/// nobody can close any more is closed.
#[derive(Debug)]
pub(super) struct Interface(pub(super) Mutex<Option<Arc<Client>>>);

impl Drop for Interface {
    fn drop(&mut self) {
        if let Some(client) = self.0.lock().take()
            && !client.process.is_dead()
        {
            // There is nobody to tell that devices were open.
            let _ = client.end();
        }
    }
}

impl ClientSet {
    pub(super) fn new(process: Process) -> Self {
        Self { process, binding: Arc::new(Interface(Mutex::new(None))) }
    }

    /// The set that this interface has, else VD_E_PROTOCOL.
    pub(super) fn client(&self) -> Result<Arc<Client>, HResult> {
        let client = self.binding.0.lock().clone().ok_or(HResult::VD_E_PROTOCOL)?;
        client.mapping.notice_deaths_lately();
        Ok(client)
    }

    /// Creates a set; `None` is the default instance. After Close the same interface may
    /// create again.
    ///
    /// Source: SQL Server VDI reference, CreateEx and Create.
    ///
    /// # Errors
    /// VD_E_PROTOCOL: the interface has a set, or another one of that name is in use;
    /// VD_E_INSTANCE_NAME and VD_E_INVALID: a name that is empty, too long, or has a
    /// backslash; VD_E_NOTSUPPORTED: a configuration outside the documented rules;
    /// VD_E_MEMORY and VD_E_SECURITY: the system refuses shared memory.
    pub fn create(
        &self,
        instance: Option<&str>,
        name: &str,
        config: &VdConfig,
    ) -> Result<(), HResult> {
        let _inside = self.process.enter();
        let mut binding = self.binding.0.lock();
        if binding.is_some() {
            return Err(HResult::VD_E_PROTOCOL);
        }
        if instance.is_some_and(|instance| check_name(instance).is_err()) {
            return Err(HResult::VD_E_INSTANCE_NAME);
        }
        check_name(name)?;
        config.check_client().map_err(|_| HResult::VD_E_NOTSUPPORTED)?;
        let mapping = self.process.create(instance, name, config)?;
        *binding = Some(Client::new(&self.process, mapping, PRIMARY));
        Ok(())
    }

    /// Blocks until the server has configured the set, and gives the configuration.
    ///
    /// Source: SQL Server VDI reference, GetConfiguration (client).
    ///
    /// # Errors
    /// VD_E_TIMEOUT; VD_E_ABORT, when the set is closed during the wait, too.
    pub fn get_configuration(&self, timeout: Timeout) -> Result<VdConfig, HResult> {
        let _inside = self.process.enter();
        let client = self.client()?;
        let Client { mapping, .. } = &*client;
        mapping.wait(self.process.life(), Listen::Configured, timeout, |first| {
            if client.is_closed() {
                let closed = if first { HResult::VD_E_PROTOCOL } else { HResult::VD_E_ABORT };
                return Some(Err(closed));
            }
            match mapping.state() {
                Err(status) => Some(Err(status)),
                Ok(State { aborted: true, .. }) => Some(Err(HResult::VD_E_ABORT)),
                Ok(State { phase, .. }) if phase < Phase::Initializing => None,
                Ok(State { .. }) => {
                    mapping.control().seen.store(1, Ordering::Release);
                    Some(mapping.sound(mapping.control().granted.get()))
                }
            }
        })
    }

    /// Opens the device of that name; a name not yet known names the next device that
    /// has none.
    ///
    /// Source: SQL Server VDI reference, OpenDevice (client).
    ///
    /// # Errors
    /// The first that holds: VD_E_ABORT; VD_E_PROTOCOL: before GetConfiguration, or every
    /// device has returned VD_E_CLOSE; VD_E_OPEN: all devices are open; VD_E_INVALID: an
    /// unknown name; VD_E_PROTOCOL: that device is open.
    pub fn open_device(&self, name: &str) -> Result<ClientDevice, HResult> {
        let _inside = self.process.enter();
        let client = self.client()?;
        let Client { mapping, side, .. } = &*client;
        let slot = mapping.naming(*side, || {
            if client.has_ended() {
                return Err(HResult::VD_E_PROTOCOL);
            }
            if mapping.is_aborted()? {
                return Err(HResult::VD_E_ABORT);
            }
            if mapping.control().seen.load(Ordering::Acquire) == 0 {
                return Err(HResult::VD_E_PROTOCOL);
            }
            let slot = choose_device(mapping, name)?;
            client.devices[slot].lock().open();
            Ok(slot)
        })?;
        mapping.add(Piece::Client);
        Ok(ClientDevice::new(client, slot))
    }

    /// Aborts the set, if it is not aborted already.
    ///
    /// Source: SQL Server VDI reference, SignalAbort (client).
    ///
    /// # Errors
    /// VD_E_PROTOCOL only.
    pub fn signal_abort(&self) -> Result<(), HResult> {
        let _inside = self.process.enter();
        self.client()?.mapping.abort();
        Ok(())
    }

    /// Closes the set and releases everything, on an error too. The primary's Close
    /// aborts unless every device has returned VD_E_CLOSE; a secondary's only if a device
    /// is open that it has opened.
    ///
    /// Source: SQL Server VDI reference, Close (client).
    ///
    /// # Errors
    /// VD_E_OPEN: a device was open, any for the primary client, one of its own for a
    /// secondary; VD_E_PROTOCOL: there was no set.
    pub fn close(&self) -> Result<(), HResult> {
        let _inside = self.process.enter();
        let client = self.binding.0.lock().take().ok_or(HResult::VD_E_PROTOCOL)?;
        client.end()
    }

    /// The history of the set that this interface has.
    #[must_use]
    pub fn history(&self) -> Option<SetHistory> {
        let client = self.binding.0.lock().clone()?;
        Some(SetHistory(client.mapping.clone()))
    }

    /// Whether this is the handle of a buffer of the set that this interface has, whoever
    /// was given it.
    #[must_use]
    pub fn has_handle(&self, handle: BufferHandle) -> bool {
        let client = self.binding.0.lock().clone();
        client.is_some_and(|client| handle.resolve(&client.mapping).is_ok())
    }

    /// The same as [`ServerSet::history_of`](super::ServerSet::history_of), for OpenInSecondary.
    #[must_use]
    pub fn history_of(&self, instance: Option<&str>, name: &str) -> Option<SetHistory> {
        self.process.find(instance, name).ok().flatten().map(SetHistory)
    }
}

/// The device that OpenDevice is to open, taken. Only while names are given by nobody
/// else.
fn choose_device(mapping: &SetMapping, name: &str) -> Result<usize, HResult> {
    let devices = mapping.devices();
    let mut ends = Vec::with_capacity(devices.len());
    for device in devices {
        ends.push(mapping.sound(device.client.get())?);
    }
    if ends.iter().all(|end| *end == End::Closed) {
        return Err(HResult::VD_E_PROTOCOL);
    }
    if !ends.contains(&End::Unopened) {
        return Err(HResult::VD_E_OPEN);
    }
    check_name(name)?;
    let slot = mapping.device_named(name).ok_or(HResult::VD_E_INVALID)?;
    if ends[slot] != End::Unopened {
        return Err(HResult::VD_E_PROTOCOL);
    }
    devices[slot].client.set(End::Open);
    Ok(slot)
}
