//! One device set: its phase, its devices, and SignalAbort processing.
//!
//! Sources: SQL Server 2005 Virtual Backup Device Specification, Server State
//! Diagram, Client State Diagram, Normal Termination, Abnormal Termination.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::VdConfig;

use super::buffers::Area;
use super::device::{Command, CommandId, Delivered, Device, End, Owed};
use super::mutant::{Mutant, Seed};
use super::state::{InterfaceId, SideId};
use super::{BufferHandle, BufferId, Completion};

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

/// One side's hold on the set: the server's, the primary client's or a secondary's.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) id: SideId,
    pub(super) process: String,
    /// Until this side's Close.
    pub(super) open: bool,
    /// Whether buffers and devices are still mapped into the process.
    pub(super) mapped: bool,
    /// The buffers that a client's process has got an address of.
    pub(super) buffers: BTreeSet<BufferId>,
}

/// How a set is found, and the client's interface that has created it.
struct SetName {
    instance: Option<String>,
    name: String,
    interface: InterfaceId,
}

/// What server and client have agreed on.
pub(super) struct Configuration {
    /// What the client asked for.
    pub(super) asked: VdConfig,
    /// The same with the server's part, once BeginConfiguration has set it.
    pub(super) agreed: VdConfig,
    /// Whether GetConfiguration has told the client.
    pub(super) seen: bool,
}

/// The completion agent, and how long it has waited.
#[derive(Default)]
pub(super) struct Agent {
    pub(super) running: bool,
    /// Whether it is inside a callback: then it does not wait.
    pub(super) calling: bool,
    /// How many commands the client has completed.
    pub(super) completions: u64,
    /// Milliseconds of virtual time since its waiting began.
    pub(super) waited: u64,
}

/// A set, from the client's Create on.
pub(super) struct Set {
    name: SetName,
    pub(super) configuration: Configuration,
    pub(super) phase: Phase,
    /// The primary's side.
    pub(super) client: Side,
    pub(super) secondaries: Vec<Side>,
    pub(super) server: Option<Side>,
    pub(super) agent: Agent,
    pub(super) devices: Vec<Device>,
    /// What the agent has to call back, oldest first.
    pub(super) owed: VecDeque<Owed>,
    pub(super) area: Area,
    /// What GetBufferHandle has given.
    pub(super) handles: BTreeMap<BufferHandle, BufferId>,
    pub(super) seed: Seed,
}

impl Set {
    /// A set as the client has just created it. `config` has 1 to 64 devices.
    pub(super) fn new(
        (instance, name): (Option<&str>, &str),
        config: &VdConfig,
        (primary, interface): (Side, InterfaceId),
        seed: Seed,
    ) -> Self {
        let first = Device::new(Some(name.to_owned()));
        let others = (1..config.device_count).map(|_| Device::new(None));
        Self {
            name: SetName {
                instance: instance.map(str::to_owned),
                name: name.to_owned(),
                interface,
            },
            configuration: Configuration {
                asked: config.client_part(),
                agreed: config.client_part(),
                seen: false,
            },
            phase: Phase::Created,
            client: primary,
            secondaries: Vec::new(),
            server: None,
            agent: Agent::default(),
            devices: [first].into_iter().chain(others).collect(),
            owed: VecDeque::new(),
            area: Area::default(),
            handles: BTreeMap::new(),
            seed,
        }
    }

    /// The client's interface that has created it.
    pub(super) const fn made_by(&self) -> InterfaceId {
        self.name.interface
    }

    pub(super) fn is_named(&self, instance: Option<&str>, name: &str) -> bool {
        let ignores_case = self.is(Mutant::NamesIgnoreCase);
        let own = &self.name;
        own.instance.as_deref() == instance
            && (own.name == name || ignores_case && own.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.seed.is(mutant)
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

    /// The same, with phases in which this defect lets the call through.
    pub(super) fn require_also(
        &self,
        phases: &[Phase],
        mutant: Mutant,
        more: &[Phase],
    ) -> Result<(), HResult> {
        let lets_through = self.is(mutant) && more.contains(&self.phase);
        if lets_through { Ok(()) } else { self.require(phases) }
    }

    /// Enters Active if nothing is missing any more.
    pub(super) fn enter_active(&mut self) {
        let ready =
            |device: &Device| device.server != End::Unopened && device.client != End::Unopened;
        if self.phase == Phase::Initializing && self.agent.running && self.devices.iter().all(ready)
        {
            self.phase = Phase::Active;
        }
    }

    /// Whether the agent has nothing more to expect of an ended set.
    pub(super) fn agent_may_return(&self) -> bool {
        let done = self.owed.is_empty() && self.outstanding().next().is_none();
        match self.phase {
            Phase::AbnormallyTerminated => done,
            Phase::NormallyTerminated if self.is(Mutant::AgentReturnsEarly) => self.owed.is_empty(),
            Phase::NormallyTerminated => done && !self.is(Mutant::AgentStays),
            _ => false,
        }
    }

    // Sides.

    /// Whether the set is lost with this process: the server or the primary client,
    /// with its side open.
    pub(super) fn needs(&self, process: &str) -> bool {
        let open = |side: &Side| side.process == process && side.open;
        self.server.as_ref().is_some_and(open) && !self.is(Mutant::ServerDeathUnnoticed)
            || open(&self.client)
            || self.is(Mutant::SecondaryDeathAborts) && self.secondaries.iter().any(open)
    }

    /// Whether this buffer is mapped into the process: the server and the primary client
    /// have all of them, a secondary those it has got an address of.
    pub(super) fn mapped_in(&self, process: &str, buffer: BufferId) -> bool {
        let mapped = |side: &Side| side.process == process && side.mapped;
        let known =
            |side: &&Side| side.buffers.contains(&buffer) || self.is(Mutant::MappingNotNeeded);
        let known = self.secondaries.iter().filter(known);
        self.server.iter().chain([&self.client]).chain(known).any(mapped)
    }

    fn clients(&self) -> impl Iterator<Item = &Side> {
        [&self.client].into_iter().chain(&self.secondaries)
    }

    /// A client's side, the primary's or a secondary's.
    pub(super) fn client_side(&self, id: SideId) -> Option<&Side> {
        self.clients().find(|side| side.id == id)
    }

    /// The same, to be changed.
    pub(super) fn client_side_mut(&mut self, id: SideId) -> Option<&mut Side> {
        [&mut self.client].into_iter().chain(&mut self.secondaries).find(|side| side.id == id)
    }

    /// The process of this side gets an address of the buffer.
    pub(super) fn map(&mut self, side: SideId, buffer: BufferId) {
        if let Some(side) = self.client_side_mut(side) {
            side.buffers.insert(buffer);
        }
    }

    /// What GetConfiguration tells a client.
    pub(super) fn told(&self) -> VdConfig {
        let VdConfig { features, max_io_depth, max_transfer_size, buffer_area_size, .. } =
            self.configuration.agreed;
        let (granted, one) = (Features::COMPLETE_ENABLED, max_transfer_size.saturating_mul(4));
        let lost = |mutant, right| self.seed.instead(mutant, right, 0);
        let drifts = self.configuration.seen && self.is(Mutant::ConfigurationDrifts);
        VdConfig {
            alignment: self.seed.instead(
                Mutant::OtherAlignment,
                self.configuration.agreed.alignment,
                self.configuration.asked.alignment,
            ),
            soft_file_mark_block_size: lost(
                Mutant::FileMarkSizeLost,
                self.configuration.agreed.soft_file_mark_block_size,
            ),
            eom_warning_size: lost(
                Mutant::WarningSizeLost,
                self.configuration.agreed.eom_warning_size,
            ),
            server_time_out: lost(Mutant::TimeOutLost, self.configuration.agreed.server_time_out),
            max_transfer_size: if drifts { max_transfer_size / 2 } else { max_transfer_size },
            features: self.seed.instead(Mutant::GrantsUnasked, features, features | granted),
            max_io_depth: self.seed.instead(Mutant::OtherIoDepth, max_io_depth, 1),
            buffer_area_size: self.seed.instead(Mutant::OtherAreaSize, buffer_area_size, one),
            ..self.configuration.agreed
        }
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

    /// Whether the command is outstanding.
    pub(super) fn has(&self, command: CommandId) -> bool {
        self.outstanding().any(|about| about.command == command)
    }

    pub(super) fn uses(&self, buffer: BufferId) -> bool {
        self.outstanding().any(|command| command.buffer == Some(buffer))
    }

    /// Whether a Load is outstanding.
    pub(super) fn loads(&self) -> bool {
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
        let missing = completion.bytes == 0 && self.is(Mutant::CallbackMissing);
        if !missing {
            let completion = self.told_server(command.about.code, completion);
            self.owed.push_back(Owed { clears, ..command.owed(completion) });
        }
        let failed = !success && self.is(Mutant::FailureIsNoCompletion);
        self.agent.completions += u64::from(!failed);
        if !failed && !self.is(Mutant::ServerTimeoutAlways) {
            self.wait_anew();
        }
        if !success {
            let seed = self.seed;
            self.owed.extend(self.devices[slot].enter_error(seed));
            if self.is(Mutant::ErrorSpreads) {
                let others = self.devices.iter_mut().flat_map(|device| device.enter_error(seed));
                self.owed.extend(others);
            }
        }
    }

    /// What a callback is told of what the client answered.
    fn told_server(&self, command: CommandCode, completion: Completion) -> Completion {
        let Completion { code, bytes, position } = completion;
        let stray = if command.info().moves_data { bytes } else { bytes.saturating_add(512) };
        let bytes = self.seed.instead(Mutant::CallbackStrayBytes, bytes, stray);
        Completion {
            code: self.seed.instead(Mutant::CallbackSuccess, code, Win32::ERROR_SUCCESS),
            bytes: self.seed.instead(Mutant::CallbackBytes, bytes, 0),
            position: self.seed.instead(Mutant::CallbackPosition, position, 0),
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
        if !self.is(Mutant::RecordedKeepsCode) {
            let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
            let keeps = self.is(Mutant::FallenKeepsCode);
            let stays = |owed: &&mut Owed| keeps && owed.completion.code == Win32::ERROR_IO_DEVICE;
            self.owed.iter_mut().filter(|owed| !stays(owed)).for_each(|owed| {
                owed.completion = aborted;
            });
        }
        self.give_up();
        self.owed.make_contiguous().sort_by_key(|owed| owed.command);
        if self.is(Mutant::AbortedAsSuccess) {
            self.owed.iter_mut().for_each(|owed| owed.completion.code = Win32::ERROR_SUCCESS);
        }
        if self.is(Mutant::AbortFreesBuffers) {
            self.area = Area::default();
        }
    }

    /// Owes the agent, as aborted, every command that nobody will complete.
    pub(super) fn give_up(&mut self) {
        let seed = self.seed;
        self.owed.extend(self.devices.iter_mut().flat_map(|device| device.give_up(seed)));
    }
}

impl Side {
    pub(super) fn new(id: SideId, process: &str) -> Self {
        let buffers = BTreeSet::new();
        Self { id, process: process.to_owned(), open: true, mapped: true, buffers }
    }

    /// Close: nothing is left of it.
    pub(super) fn end(&mut self, mapped: bool) {
        self.open = false;
        self.mapped = mapped;
    }
}
