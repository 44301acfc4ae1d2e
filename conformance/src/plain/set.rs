//! One device set: its phase, its devices, and SignalAbort processing.
//!
//! Sources: SQL Server 2005 Virtual Backup Device Specification, Server State
//! Diagram, Client State Diagram, Normal Termination, Abnormal Termination.

use std::collections::VecDeque;

use vdi_sim::codes::{CommandCode, HResult, Win32};
use vdi_sim::config::VdConfig;

use super::buffers::Area;
use super::defect::Defect;
use super::device::{Command, Delivered, Device, End, Owed};
use super::{BufferId, Completion};

/// How far the set has come. The names are those of the server's diagram;
/// what the client has seen of it is kept beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Created by the client; no server has opened it.
    Created,
    Connected,
    Configurable,
    Initializing,
    /// All devices are open on both sides and the completion agent runs.
    Active,
    /// The server has closed all devices.
    NormallyTerminated,
    AbnormallyTerminated,
}

/// One side's hold on the set.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) process: String,
    /// Until this side's Close.
    pub(super) open: bool,
    /// Whether buffers and devices are still mapped into the process.
    pub(super) mapped: bool,
}

/// A set, from the client's Create on.
pub(super) struct Set {
    instance: Option<String>,
    name: String,
    /// What the client asked for.
    pub(super) asked: VdConfig,
    /// The same with the server's part, once BeginConfiguration has set it.
    pub(super) config: VdConfig,
    pub(super) phase: Phase,
    pub(super) client: Side,
    pub(super) server: Option<Side>,
    /// Whether GetConfiguration has told the client.
    pub(super) configuration_seen: bool,
    pub(super) agent_running: bool,
    pub(super) devices: Vec<Device>,
    /// What the agent has to call back, oldest first.
    pub(super) owed: VecDeque<Owed>,
    /// How many commands the client has completed.
    pub(super) completions: u64,
    pub(super) area: Area,
    defect: Option<Defect>,
}

impl Set {
    /// A set as the client has just created it. `config` has 1 to 64 devices.
    pub(super) fn new(
        (instance, name): (Option<&str>, &str),
        config: &VdConfig,
        process: &str,
        defect: Option<Defect>,
    ) -> Self {
        let first = Device::new(Some(name.to_owned()));
        let others = (1..config.device_count).map(|_| Device::new(None));
        Self {
            instance: instance.map(str::to_owned),
            name: name.to_owned(),
            asked: config.client_part(),
            config: config.client_part(),
            phase: Phase::Created,
            client: Side::new(process),
            server: None,
            configuration_seen: false,
            agent_running: false,
            devices: [first].into_iter().chain(others).collect(),
            owed: VecDeque::new(),
            completions: 0,
            area: Area::default(),
            defect,
        }
    }

    pub(super) fn is_named(&self, instance: Option<&str>, name: &str) -> bool {
        self.instance.as_deref() == instance && self.name == name
    }

    pub(super) fn defect(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    pub(super) fn seeded(&self) -> Option<Defect> {
        self.defect
    }

    // Phases.

    pub(super) fn aborted(&self) -> bool {
        self.phase == Phase::AbnormallyTerminated
    }

    /// VD_E_ABORT after an abort, VD_E_PROTOCOL unless in one of these phases.
    pub(super) fn require(&self, phases: &[Phase]) -> Result<(), HResult> {
        if self.aborted() {
            Err(HResult::VD_E_ABORT)
        } else if phases.contains(&self.phase) {
            Ok(())
        } else {
            Err(HResult::VD_E_PROTOCOL)
        }
    }

    /// Enters Active if nothing is missing any more.
    pub(super) fn enter_active(&mut self) {
        let ready =
            |device: &Device| device.server != End::Unopened && device.client != End::Unopened;
        if self.phase == Phase::Initializing && self.agent_running && self.devices.iter().all(ready)
        {
            self.phase = Phase::Active;
        }
    }

    /// Whether the agent has nothing more to expect of an ended set.
    pub(super) fn agent_may_return(&self) -> bool {
        let done = self.owed.is_empty() && self.outstanding().next().is_none();
        match self.phase {
            Phase::AbnormallyTerminated => done,
            Phase::NormallyTerminated => done && !self.defect(Defect::AgentStays),
            _ => false,
        }
    }

    // Sides.

    /// Whether a side that this process has is open.
    pub(super) fn open_in(&self, process: &str) -> bool {
        self.sides().any(|side| side.process == process && side.open)
    }

    /// Whether buffers and devices are mapped into this process.
    pub(super) fn mapped_in(&self, process: &str) -> bool {
        self.sides().any(|side| side.process == process && side.mapped)
    }

    fn sides(&self) -> impl Iterator<Item = &Side> {
        self.server.iter().chain([&self.client])
    }

    // Devices.

    /// The device of that name; a name not yet known names the next device that
    /// has none.
    pub(super) fn device_named(&mut self, name: &str) -> Option<usize> {
        let known = self.devices.iter().position(|device| device.name.as_deref() == Some(name));
        if known.is_some() {
            return known;
        }
        let unnamed = self.devices.iter().position(|device| device.name.is_none())?;
        self.devices[unnamed].name = Some(name.to_owned());
        Some(unnamed)
    }

    /// Every command that is queued or delivered, and not completed.
    pub(super) fn outstanding(&self) -> impl Iterator<Item = &Delivered> {
        self.devices.iter().flat_map(Device::outstanding)
    }

    pub(super) fn uses(&self, buffer: BufferId) -> bool {
        self.outstanding().any(|command| command.buffer == Some(buffer))
    }

    /// Whether the client is doing something that may take as long as it likes.
    pub(super) fn may_last(&self) -> bool {
        self.outstanding().any(|command| command.code == CommandCode::Load)
    }

    /// The client has completed a command of this device. An error puts the device
    /// into the error state, and what is still queued comes back with
    /// ERROR_IO_DEVICE. The state ends with the callback of a successful ClearError.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Command Error
    /// Handling.
    pub(super) fn complete(&mut self, slot: usize, command: Command, completion: Completion) {
        let success = completion.code == Win32::ERROR_SUCCESS;
        let clears = success && command.about.code == CommandCode::ClearError;
        let clears = clears.then_some(slot);
        self.owed.push_back(Owed { clears, ..command.owed(completion) });
        self.completions += 1;
        if !success {
            self.owed.extend(self.devices[slot].enter_error(self.defect));
        }
    }

    // Ends.

    /// SignalAbort processing: whatever the agent owes from now on, or has not yet
    /// called back, is called back with ERROR_OPERATION_ABORTED, oldest first.
    /// Completions that the client recorded are overridden.
    ///
    /// Sources: IServerVirtualDeviceSet2::Close, Remarks; SQL Server 2005 Virtual
    /// Backup Device Specification, Abnormal Termination.
    pub(super) fn abort(&mut self) {
        if self.aborted() {
            return;
        }
        self.phase = Phase::AbnormallyTerminated;
        if !self.defect(Defect::RecordedKeepsCode) {
            let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
            self.owed.iter_mut().for_each(|owed| owed.completion = aborted);
        }
        self.give_up();
        self.owed.make_contiguous().sort_by_key(|owed| owed.command);
        if self.defect(Defect::AbortedAsSuccess) {
            self.owed.iter_mut().for_each(|owed| owed.completion.code = Win32::ERROR_SUCCESS);
        }
    }

    /// Owes the agent, as aborted, every command that nobody will complete.
    pub(super) fn give_up(&mut self) {
        let defect = self.defect;
        self.owed.extend(self.devices.iter_mut().flat_map(|device| device.give_up(defect)));
    }
}

impl Side {
    pub(super) fn new(process: &str) -> Self {
        Self { process: process.to_owned(), open: true, mapped: true }
    }
}
