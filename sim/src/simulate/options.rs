//! What a seed draws before anything happens: the options of its world.
//!
//! Swarm testing: each seed has its own mix of features and faults, so that no feature
//! hides behind another. Options are data, printed with every result, and can be
//! overruled one by one; a world is decided by its seed and its options.

use serde::{Deserialize, Serialize};

use super::chance::Chance;
use super::deviation::Deviation;

/// What the statement asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// BACKUP, then RESTORE.
    Backup,
    /// BACKUP WITH SNAPSHOT, then RESTORE WITH SNAPSHOT.
    Snapshot,
}

/// What the client's devices are like, and so which features it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Like {
    /// Data in, data out.
    Pipe,
    /// Filemarks, positions as block addresses.
    Tape,
    /// Addressed by byte.
    Disk,
}

/// How a client shares out its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrangement {
    /// One thread; only with one device.
    OneThread,
    /// A thread per device.
    ThreadPerDevice,
    /// A secondary client process per device.
    ProcessPerDevice,
}

/// How the scheduler picks who acts next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Any lane that can act, all equally likely.
    Uniform,
    /// The lane of the highest priority; priorities are drawn, and change at a few drawn
    /// steps: probabilistic concurrency testing.
    Priorities,
    /// The same lane as before, as long as it can, for a drawn number of steps.
    Bursts,
}

/// What goes wrong. Steps are counted over the world.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Faults {
    /// The server calls SignalAbort at this step.
    pub server_abort_at: Option<u32>,
    /// The client does.
    pub client_abort_at: Option<u32>,
    /// The server's process dies.
    pub server_dies_at: Option<u32>,
    /// The primary client's does.
    pub primary_dies_at: Option<u32>,
    /// A secondary client's does.
    pub secondary_dies_at: Option<u32>,
    /// The statement fails before the server opens the set.
    pub statement_fails: bool,
    /// The medium refuses this data command, counted over the devices of a set.
    pub medium_fails_at: Option<u32>,
    /// Bytes that a medium holds.
    pub capacity: Option<u32>,
    /// Memory for buffers is refused once in so many times; 0 is never.
    pub memory: u32,
    /// A queue that may be full is, once in so many times; 0 is never.
    pub queue: u32,
    /// The operating system refuses resources once in so many times; 0 is never.
    pub system: u32,
    /// Reads give less than was asked for once in so many times; 0 is never.
    pub short: u32,
    /// The client is late once in so many commands; 0 is never.
    pub slow_client: u32,
    /// Milliseconds that the server takes before it configures, and once in a while after.
    pub slow_server: u32,
    /// A completion routine takes its time once in so many times; 0 is never.
    pub slow_callback: u32,
}

/// What calls that no sound program makes are about, for the most part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Any of them.
    Anything,
    /// How a set is created and configured.
    Configuration,
    /// Buffers.
    Buffers,
    /// Devices, how they are opened and closed.
    Devices,
    /// Commands.
    Commands,
    /// How a set is aborted and closed.
    Ends,
    /// Secondary clients and handles of buffers.
    Secondaries,
}

impl About {
    const ALL: &[Self] = &[
        Self::Anything,
        Self::Configuration,
        Self::Buffers,
        Self::Devices,
        Self::Commands,
        Self::Ends,
        Self::Secondaries,
    ];
}

/// What few clients ask for in VDConfig, in bytes; 0 is nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Asks {
    /// The least alignment of buffers.
    pub alignment: u32,
    /// Just before each buffer.
    pub prefix_zone: u32,
    /// Blocks of soft filemarks, of a tape.
    pub file_mark: u32,
    /// The warning zone before the end of the medium.
    pub warning: u32,
}

/// Everything that a seed has drawn about its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// What the statement asks for.
    pub plan: Plan,
    /// What the devices are like.
    pub like: Like,
    /// Whether media can be exchanged.
    pub removable: bool,
    /// Device sets side by side: more than one is a joint snapshot.
    pub sets: u8,
    /// Devices of each set.
    pub devices: u8,
    /// How the client shares them out.
    pub arrangement: Arrangement,
    /// Bytes of a block.
    pub block_size: u32,
    /// Bytes of the largest transfer, as granted.
    pub max_transfer_size: u32,
    /// Bytes of each transfer of the BACKUP.
    pub write_size: u32,
    /// Bytes of each transfer of the RESTORE.
    pub read_size: u32,
    /// Buffers for each device.
    pub buffers: u8,
    /// Commands that a device's queue takes.
    pub queue_depth: u8,
    /// Bytes of metadata at the start of each device's stream.
    pub metadata: u32,
    /// Bytes of data behind it.
    pub data: u32,
    /// Flushes of each device; the last one at the end.
    pub flushes: u8,
    /// Whether the client asks for Complete, and the server sends it.
    pub complete: bool,
    /// Whether the client supports Discard.
    pub discard: bool,
    /// Whether the server asks and sets positions.
    pub positions: bool,
    /// Whether the server reads on to see the end of the data.
    pub reads_to_end: bool,
    /// Whether the server believes a success without looking at the bytes moved.
    pub trusting: bool,
    /// Whether the server sends ClearError at once, while other commands are out.
    pub hasty: bool,
    /// Whether a server whose statement fails closes its devices in order; else it
    /// aborts.
    pub fails_in_order: bool,
    /// Whether the server closes the set before its agent has returned.
    pub closes_early: bool,
    /// Milliseconds; 0 is for ever.
    pub server_time_out: u32,
    /// Milliseconds that the client waits for the configuration at a time; 0 is for ever.
    pub configuration_wait: u32,
    /// Milliseconds that it waits for a command at a time; 0 is for ever.
    pub command_wait: u32,
    /// Whether a thread of the client aborts the set when the statement has failed.
    pub aborts_on_failure: bool,
    /// Commands that the client holds before it completes one.
    pub holds: u8,
    /// What the client does wrong, if it does.
    pub deviation: Option<Deviation>,
    /// Steps between two calls that no sound program makes, about; 0 is none of them.
    pub odd_calls: u32,
    /// What such calls are about.
    pub odd_about: About,
    /// Whether such calls may overlap with what their process does besides.
    pub overlaps: bool,
    /// What the client asks for beyond the ordinary.
    pub asks: Asks,
    /// Bytes of the alignment that the server sets; 0 is a block.
    pub server_alignment: u32,
    /// Whether the set of the RESTORE bears the name of that of the BACKUP.
    pub same_name: bool,
    /// What goes wrong.
    pub faults: Faults,
    /// How the scheduler picks.
    pub strategy: Strategy,
    /// Of 8 calls, how many return in the step in which they are made, if they can.
    pub at_once: u8,
    /// After how many steps the world is given up.
    pub most_steps: u32,
}

impl Options {
    /// Draws the options of a seed.
    #[must_use]
    pub fn draw(chance: &mut Chance) -> Self {
        let mut options = Self::draw_shape(chance);
        options.draw_behaviour(chance);
        if chance.once_in(5) {
            let deviation = chance.one_of(Deviation::ALL);
            options.deviate(deviation);
        } else {
            options.draw_faults(chance);
            if chance.once_in(4) {
                options.odd_calls = chance.one_of(&[4, 4, 15, 15, 50, 150]);
            }
        }
        options.draw_rare(chance);
        options.settle();
        options
    }

    /// What few programs do, drawn last so that it does not change what else is drawn.
    fn draw_rare(&mut self, chance: &mut Chance) {
        let rarely = |chance: &mut Chance, sizes: &[u32]| {
            if chance.once_in(6) { chance.one_of(sizes) } else { 0 }
        };
        self.asks = Asks {
            alignment: rarely(chance, &[512, 4_096, 65_536]),
            prefix_zone: rarely(chance, &[16, 100, 512]),
            file_mark: rarely(chance, &[512, 4_096]),
            warning: rarely(chance, &[1_000, 65_536]),
        };
        self.server_alignment = rarely(chance, &[4_096, 65_536]);
        self.same_name = chance.once_in(4);
        self.hasty = chance.once_in(3);
        self.overlaps = self.odd_calls > 0 && chance.once_in(2);
        let about = chance.one_of(About::ALL);
        if self.odd_calls > 0 {
            self.odd_about = about;
        }
        if self.deviation.is_none() {
            self.draw_rare_faults(chance);
        }
    }

    /// Faults that show little but together with others.
    fn draw_rare_faults(&mut self, chance: &mut Chance) {
        if self.odd_about == About::Buffers && chance.once_in(2) {
            self.faults.memory = 3;
        }
        if self.odd_about == About::Configuration && chance.once_in(2) {
            self.faults.slow_server = 15_000;
        }
        if chance.once_in(10) {
            self.faults.slow_callback = chance.one_of(&[2, 5]);
        }
        if chance.once_in(16) {
            self.server_time_out = 1_000;
            self.faults.slow_client = 2;
        } else if self.removable && chance.once_in(16) {
            // Loads that take long.
            (self.server_time_out, self.faults.slow_client) = (1_000, 2);
            self.faults.capacity = Some(self.write_size * chance.between(2, 4));
        }
    }

    fn draw_shape(chance: &mut Chance) -> Self {
        let plan = if chance.once_in(5) { Plan::Snapshot } else { Plan::Backup };
        let like = chance.one_of(&[Like::Pipe, Like::Pipe, Like::Tape, Like::Disk]);
        let sets =
            if plan == Plan::Snapshot && chance.once_in(3) { chance.between(2, 3) } else { 1 };
        let devices = if plan == Plan::Backup { chance.one_of(&[1, 1, 1, 2, 2, 3, 4]) } else { 1 };
        let block_size = 512 << chance.below(8);
        let max_transfer_size = 65_536 * chance.between(1, 4);
        let transfer = |chance: &mut Chance| {
            let blocks = max_transfer_size / block_size;
            if chance.once_in(2) {
                max_transfer_size
            } else {
                chance.between(blocks.div_ceil(8), blocks) * block_size
            }
        };
        let (write_size, read_size) = (transfer(chance), transfer(chance));
        let arrangements: &[Arrangement] = match devices {
            1 => &[Arrangement::OneThread, Arrangement::OneThread, Arrangement::ThreadPerDevice],
            _ => &[Arrangement::ThreadPerDevice, Arrangement::ProcessPerDevice],
        };
        Self {
            plan,
            like,
            removable: like == Like::Tape || chance.once_in(3),
            sets: sets as u8,
            devices,
            arrangement: chance.one_of(arrangements),
            block_size,
            max_transfer_size,
            write_size,
            read_size,
            buffers: chance.between(1, 4) as u8,
            queue_depth: chance.one_of(&[1, 2, 4, 4, 64]),
            metadata: write_size * chance.below(3),
            data: write_size * chance.below(8),
            flushes: chance.between(1, 3) as u8,
            complete: chance.once_in(3),
            discard: chance.once_in(4),
            positions: chance.once_in(3),
            reads_to_end: chance.once_in(3),
            trusting: false,
            hasty: false,
            fails_in_order: false,
            closes_early: false,
            server_time_out: 0,
            configuration_wait: 0,
            command_wait: 0,
            aborts_on_failure: true,
            holds: 1,
            deviation: None,
            odd_calls: 0,
            odd_about: About::Anything,
            overlaps: false,
            asks: Asks::default(),
            server_alignment: 0,
            same_name: false,
            faults: Faults::default(),
            strategy: Strategy::Uniform,
            at_once: 8,
            most_steps: 20_000,
        }
    }

    fn draw_behaviour(&mut self, chance: &mut Chance) {
        self.trusting = chance.once_in(2);
        self.fails_in_order = chance.once_in(3);
        self.closes_early = chance.once_in(3);
        self.server_time_out = chance.one_of(&[0, 0, 1_000, 60_000]);
        self.configuration_wait = chance.one_of(&[0, 10_000, 60_000]);
        self.command_wait = chance.one_of(&[0, 0, 1_000]);
        self.aborts_on_failure = self.configuration_wait == 0 || chance.once_in(2);
        self.holds = chance.one_of(&[1, 1, 2, 3]);
        self.strategy = chance.one_of(&[Strategy::Uniform, Strategy::Priorities, Strategy::Bursts]);
        self.at_once = chance.one_of(&[0, 4, 7, 8]);
    }

    fn draw_faults(&mut self, chance: &mut Chance) {
        let likely = match chance.below(4) {
            0 => return,
            1 => 4,
            _ => 12,
        };
        let step = |chance: &mut Chance| {
            let magnitude = chance.between(3, 9);
            chance.once_in(likely).then(|| chance.below(1 << magnitude))
        };
        let faults = &mut self.faults;
        faults.server_abort_at = step(chance);
        faults.client_abort_at = step(chance);
        faults.server_dies_at = step(chance);
        faults.primary_dies_at = step(chance);
        faults.secondary_dies_at =
            step(chance).filter(|_| self.arrangement == Arrangement::ProcessPerDevice);
        faults.statement_fails = chance.once_in(likely * 2);
        faults.medium_fails_at = chance.once_in(likely).then(|| chance.below(12));
        faults.capacity = chance.once_in(likely).then(|| self.write_size * chance.between(1, 8));
        let rate = |chance: &mut Chance, rate| if chance.once_in(likely) { rate } else { 0 };
        faults.memory = rate(chance, 3);
        faults.queue = rate(chance, 3);
        faults.system = rate(chance, 6);
        faults.short = rate(chance, 3);
        faults.slow_client = rate(chance, 4);
        faults.slow_server = rate(chance, 15_000);
    }

    /// Gives the world a deviant client, and what it takes for that to matter.
    pub fn deviate(&mut self, deviation: Deviation) {
        self.deviation = Some(deviation);
        self.sets = 1;
        self.data = self.data.max(self.write_size * 4);
        deviation.prepare(self);
        if deviation == Deviation::CompletesOnAnother {
            self.arrangement = Arrangement::ThreadPerDevice;
        }
    }

    /// Makes the options fit one another.
    pub fn settle(&mut self) {
        if self.plan == Plan::Snapshot {
            self.devices = 1;
        } else {
            self.sets = 1;
        }
        self.sets = self.sets.clamp(1, 3);
        self.devices = self.devices.clamp(1, 8);
        if self.devices > 1 && self.arrangement == Arrangement::OneThread {
            self.arrangement = Arrangement::ThreadPerDevice;
        }
        if self.sets > 1 && self.arrangement == Arrangement::ProcessPerDevice {
            self.arrangement = Arrangement::OneThread;
        }
        if self.like == Like::Tape {
            self.removable = true;
        }
        // A medium too small for one transfer is no medium, and the warning zone holds
        // what is under way when the warning comes.
        let blocks = |bytes: u32| bytes.next_multiple_of(self.block_size);
        (self.metadata, self.data) = (blocks(self.metadata), blocks(self.data));
        if self.like != Like::Tape {
            self.asks.file_mark = 0;
        }
        if self.server_alignment > 0 {
            self.server_alignment = self.server_alignment.max(self.block_size);
        }
        self.buffers = self.buffers.max(1);
        self.queue_depth = self.queue_depth.max(1);
        self.holds = self.holds.max(1);
    }

    /// Bytes of the stream of one device.
    #[must_use]
    pub const fn stream(&self) -> u64 {
        self.metadata as u64 + self.data as u64
    }

    /// The faults that were drawn, by name.
    #[must_use]
    pub fn fault_names(&self) -> Vec<&'static str> {
        let faults = &self.faults;
        let named = [
            (faults.server_abort_at.is_some(), "server-abort"),
            (faults.client_abort_at.is_some(), "client-abort"),
            (faults.server_dies_at.is_some(), "server-death"),
            (faults.primary_dies_at.is_some(), "primary-death"),
            (faults.secondary_dies_at.is_some(), "secondary-death"),
            (faults.statement_fails, "statement-fails"),
            (faults.medium_fails_at.is_some(), "medium-error"),
            (faults.capacity.is_some(), "medium-full"),
            (faults.memory > 0, "memory"),
            (faults.queue > 0, "queue-full"),
            (faults.system > 0, "system"),
            (faults.short > 0, "short-transfer"),
            (faults.slow_client > 0, "slow-client"),
            (faults.slow_server > 0, "slow-server"),
            (faults.slow_callback > 0, "slow-callback"),
            (self.odd_calls > 0, "odd-calls"),
        ];
        named.into_iter().filter_map(|(drawn, name)| drawn.then_some(name)).collect()
    }
}
