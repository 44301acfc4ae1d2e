//! The views of a state that the documents speak of: phases and device states.

use std::fmt;

use super::state::{ClientDevice, Configuration, ServerDevice, ServerLife, State};

/// The mission's view of a device set: four states, of which the phases of
/// server and client are refinements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceSetState {
    /// Opened by the server, no device open, not aborted.
    Open,
    /// At least one device is open.
    DevicesOpen,
    /// Abnormally terminated, the server has not closed yet.
    Aborted,
    /// Closed by the server, or never opened.
    Closed,
}

/// The server's phases, the columns of the server's transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ServerPhase {
    DoesNotExist,
    Connected,
    Configurable,
    Initializing,
    Active,
    NormallyTerminated,
    AbnormallyTerminated,
}

/// The client's phases, the columns of the client's transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the documents' own")]
pub enum ClientPhase {
    DoesNotExist,
    Configurable,
    Initializing,
    Active,
    NormallyTerminated,
    Abort,
}

/// The states of a device, as the documents count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceState {
    /// Not opened by the server yet.
    Unopened,
    /// It takes commands.
    Active,
    /// A command completed with an error; only ClearError can be sent.
    Errored,
    /// Closed by CloseDevice, or by the server's Close.
    Closed,
    /// The set was aborted while the device was open.
    Aborted,
}

impl State {
    /// The mission's four states.
    #[must_use]
    pub fn device_set_state(&self) -> DeviceSetState {
        match self.server {
            ServerLife::Absent | ServerLife::Closed | ServerLife::Dead => DeviceSetState::Closed,
            ServerLife::Open if self.aborted.is_some() => DeviceSetState::Aborted,
            ServerLife::Open if self.server_devices_open() => DeviceSetState::DevicesOpen,
            ServerLife::Open => DeviceSetState::Open,
        }
    }

    /// The server's phase.
    #[must_use]
    pub fn server_phase(&self) -> ServerPhase {
        if self.server != ServerLife::Open {
            return ServerPhase::DoesNotExist;
        }
        if self.aborted.is_some() {
            return ServerPhase::AbnormallyTerminated;
        }
        match self.configuration {
            // Before the configuration has ended only the literal reading of the
            // table's cells in Connected closes anything.
            _ if self.all_closed() => ServerPhase::NormallyTerminated,
            Configuration::Unset => ServerPhase::Connected,
            Configuration::Begun => ServerPhase::Configurable,
            Configuration::Ended if self.activated => ServerPhase::Active,
            Configuration::Ended => ServerPhase::Initializing,
        }
    }

    /// The primary client's phase.
    #[must_use]
    pub fn client_phase(&self) -> ClientPhase {
        self.client_phase_of(0)
    }

    /// The phase as a client process sees it: 0 is the primary.
    #[must_use]
    pub fn client_phase_of(&self, client: u8) -> ClientPhase {
        if !self.client_open(client) {
            return ClientPhase::DoesNotExist;
        }
        if self.aborted.is_some() {
            return ClientPhase::Abort;
        }
        if !self.configuration_seen_by(client) {
            return ClientPhase::Configurable;
        }
        if self.devices.iter().all(|device| device.client == ClientDevice::CloseSeen) {
            ClientPhase::NormallyTerminated
        } else if self.devices.iter().all(|device| device.client != ClientDevice::Unopened) {
            ClientPhase::Active
        } else {
            ClientPhase::Initializing
        }
    }

    /// The state of a device, counted from 0, as the server sees it.
    #[must_use]
    pub fn device_state(&self, index: usize) -> DeviceState {
        let Some(device) = self.devices.get(index) else {
            return DeviceState::Unopened;
        };
        match device.server {
            ServerDevice::Unopened => DeviceState::Unopened,
            ServerDevice::Closed => DeviceState::Closed,
            ServerDevice::Open if self.aborted.is_some() => DeviceState::Aborted,
            ServerDevice::Open if device.errored => DeviceState::Errored,
            ServerDevice::Open => DeviceState::Active,
        }
    }
}

impl fmt::Display for DeviceSetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "Open",
            Self::DevicesOpen => "DevicesOpen",
            Self::Aborted => "Aborted",
            Self::Closed => "Closed",
        })
    }
}

impl fmt::Display for ServerPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for ClientPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
