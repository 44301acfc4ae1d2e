//! What a successful return makes true beyond the model's state: names, and the
//! data that came with it.

use super::bind::Then;
use super::frontier::World;
use super::names::{BufferFacts, Thing};
use super::sequential::Checker;
use super::setup::OpenCall;
use super::verdict::Allowed;
use vdi_model::BufferId;
use vdi_spec::clauses::{Clause, Party};
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Event, Out, Process};

impl Checker {
    /// Follows a return of NOERROR.
    pub(super) fn follow(
        &mut self,
        line: usize,
        open: OpenCall,
        status: HResult,
        out: &Out<'_>,
        event: &Event<'_>,
    ) {
        if status != HResult::NOERROR {
            return;
        }
        let world = open.bound.world;
        let process = self.lane_of(open.lane).process;
        match open.bound.then {
            Then::Nothing => {}
            Then::Placed { device, command, position } => {
                self.placed(open.line, world, (device, command, position));
            }
            Then::Attach(interface) => self.names.interfaces[interface].world = Some(world),
            Then::Create(interface, name, _) => {
                self.names.interfaces[interface].world = Some(world);
                self.worlds[world].name = name;
            }
            Then::Configure(config) => self.worlds[world].server_config = config,
            Then::Device { handle, name, index } => {
                if process == Process::Server {
                    self.check_device_name(line, world, &name, index);
                }
                let names = &mut self.worlds[world].device_names;
                if names[usize::from(index)].is_none() {
                    names[usize::from(index)] = Some(name);
                }
                if let Some(handle) = handle {
                    self.names.give(&handle, world, Thing::Device { process, index });
                }
            }
            Then::Buffer { handle, id, size, alignment } => {
                let facts = BufferFacts { id, size, address: out.address };
                self.check_buffer(line, world, facts, alignment, event);
                if let Some(handle) = handle {
                    self.names.give(&handle, world, Thing::Buffer(facts));
                }
            }
            // What was counted while other calls were open may have been taken since.
            Then::Counted(_) if open.overlapped => {}
            Then::Counted(kind) => {
                for state in self.worlds[world].states_mut() {
                    out.count.iter().for_each(|count| vdi_model::counted(state, kind, *count));
                }
            }
            Then::Handle(handle, buffer) => self.give_handle(world, handle, buffer),
            Then::ClientConfiguration | Then::ServerConfiguration => {
                self.compare_configuration(line, world, process.party(), out, event);
            }
        }
    }

    /// The server opens the first device by the set's name, and none by another's.
    fn check_device_name(&mut self, line: usize, world: usize, name: &str, index: u8) {
        let World { device_names, name: set, .. } = &self.worlds[world];
        let is_first = |state: &vdi_model::State| {
            let others = state.devices.iter().enumerate();
            let mut others = others.filter(|(other, _)| *other != usize::from(index));
            others.all(|(_, device)| device.server == vdi_model::ServerDevice::Unopened)
        };
        let wrong = name != set && self.worlds[world].states().all(is_first);
        let mut others = device_names.iter().enumerate();
        let twice = others
            .any(|(other, known)| other != usize::from(index) && known.as_deref() == Some(name));
        if wrong || twice {
            let what = format!("OpenDevice by the name {name}");
            self.find(line, Clause::ServerOpenDeviceNames, what, false);
        }
    }

    fn give_handle(&mut self, world: usize, handle: Option<String>, buffer: BufferId) {
        if let Some(handle) = handle {
            self.names.give(&handle, world, Thing::Handle(buffer));
        }
    }

    /// A buffer is aligned, and it and its prefix zone share no byte with another.
    fn check_buffer(
        &mut self,
        line: usize,
        world: usize,
        facts: BufferFacts,
        alignment: u32,
        event: &Event<'_>,
    ) {
        let Some(address) = facts.address else {
            return;
        };
        let World { config, server_config, .. } = &self.worlds[world];
        let basic = config.with_server(server_config).alignment;
        let aligned = u64::from(alignment.max(basic).max(1));
        let prefix = u64::from(config.prefix_zone_size);
        if !address.is_multiple_of(aligned) {
            let what = format!("an address that is a multiple of {aligned}");
            self.bad_buffer(line, world, Clause::ServerAllocateBufferAligned, what, event);
            return;
        }
        self.mark([Clause::ServerAllocateBufferAligned]);
        let zone = |address: u64, size: u32| {
            (address.saturating_sub(prefix), address.saturating_add(size.into()))
        };
        let (start, end) = zone(address, facts.size);
        let lives = |id: BufferId| self.worlds[world].any(|state| state.buffer(id).is_some());
        let overlapped = self.names.buffers(world).find(|(_, other)| {
            let apart = other.address.is_none_or(|other_address| {
                let (other_start, other_end) = zone(other_address, other.size);
                end <= other_start || other_end <= start
            });
            lives(other.id) && !apart
        });
        let clause = Clause::ServerAllocateBufferPrefixZone;
        if let Some((name, _)) = overlapped {
            let what = format!("a buffer with its prefix zone apart from {name}");
            self.bad_buffer(line, world, clause, what, event);
        } else {
            self.mark([clause]);
        }
    }

    fn bad_buffer(
        &mut self,
        line: usize,
        world: usize,
        clause: Clause,
        what: String,
        event: &Event<'_>,
    ) {
        let Event::Return { out, .. } = event else {
            return;
        };
        let got = format!("{event} at the address {}", out.address.unwrap_or_default());
        self.violated(line, None, world, clause, vec![Allowed { what, clause }], got);
    }

    /// GetConfiguration gives what was asked for and what was set.
    fn compare_configuration(
        &mut self,
        line: usize,
        world: usize,
        party: Party,
        out: &Out<'_>,
        event: &Event<'_>,
    ) {
        let Some(seen) = out.config.as_deref() else {
            return;
        };
        // A BeginConfiguration that has not returned may have decided it.
        let coming = self.open.iter().find_map(|open| match &open.bound.then {
            Then::Configure(config) if open.bound.world == world => Some(*config),
            _ => None,
        });
        let World { config, server_config, told, .. } = &mut self.worlds[world];
        let asked = *config;
        let tells = |config: &ServerConfig| {
            (config.block_size, config.max_transfer_size)
                == (seen.block_size, seen.max_transfer_size)
        };
        let server_config = &coming.filter(tells).unwrap_or(*server_config);
        if party != Party::Client {
            let clause = Clause::ServerGetConfigurationStatus;
            let same = seen.client_part() == asked.client_part();
            self.compared(line, world, (clause, same, asked.client_part()), (seen, event));
            return;
        }
        let wanted = asked.with_server(server_config);
        let before = **told.get_or_insert_with(|| Box::new(*seen));
        let given = seen.device_count == wanted.device_count
            && seen.features == wanted.features
            && seen.block_size == wanted.block_size
            && seen.max_transfer_size == wanted.max_transfer_size;
        let kept =
            VdConfig { features: wanted.features, ..seen.client_part() } == wanted.client_part();
        let comparisons = [
            (Clause::ClientGetConfigurationFixed, *seen == before, before),
            (Clause::ClientGetConfigurationStatus, given, wanted),
            (Clause::ClientGetConfigurationAsAsked, kept, wanted),
        ];
        for compared in comparisons {
            if !self.compared(line, world, compared, (seen, event)) {
                return;
            }
        }
        let clause = Clause::ClientGetConfigurationGranted;
        match seen.check_granted() {
            Ok(()) => self.mark([clause]),
            Err(rule) => {
                let what = rule.demand.to_owned();
                self.bad_configuration(line, world, Allowed { what, clause }, (seen, event));
            }
        }
    }

    /// Whether a configuration keeps a clause.
    fn compared(
        &mut self,
        line: usize,
        world: usize,
        (clause, kept, wanted): (Clause, bool, VdConfig),
        seen: (&VdConfig, &Event<'_>),
    ) -> bool {
        if kept {
            self.mark([clause]);
        } else {
            let what =
                format!("the configuration {}", serde_json::to_string(&wanted).unwrap_or_default());
            self.bad_configuration(line, world, Allowed { what, clause }, seen);
        }
        kept
    }

    fn bad_configuration(
        &mut self,
        line: usize,
        world: usize,
        expected: Allowed,
        (seen, event): (&VdConfig, &Event<'_>),
    ) {
        let seen = serde_json::to_string(seen).unwrap_or_default();
        let got = format!("{event} and the configuration {seen}");
        self.violated(line, None, world, expected.clause, vec![expected], got);
    }
}
