//! What a seed draws before anything happens: the options of its world.
//!
//! Swarm testing: each seed has its own mix of features and faults, so that no feature
//! hides behind another. Options are data, printed with every result, and can be
//! overruled one by one; a world is decided by its seed and its options.

use serde::{Deserialize, Serialize};

use super::chance::Chance;
use super::deviation::Deviation;
use super::faults::{Faults, Refusal, draw_step};

/// What the statement asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// BACKUP, then RESTORE.
    Backup,
    /// BACKUP WITH SNAPSHOT, then RESTORE WITH SNAPSHOT.
    Snapshot,
}

/// What the client's devices are like, and so which features it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// What server and client may do, and not all do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ways {
    /// The server of a RESTORE from a tape rewinds it, and skips blocks and filemarks, forth
    /// and back.
    pub skips: bool,
    /// The server sets positions of a disk from where it stands and from its end, too.
    pub origins: bool,
    /// The server's Load does not ask for the medium to be ejected.
    pub loads_only: bool,
    /// The server closes each full tape with a filemark.
    pub closing_marks: bool,
    /// A snapshot is not prepared for: the client does not ask for PrepareToFreeze.
    pub unprepared: bool,
    /// The client asks for the configuration again once it has opened a device.
    pub configures_again: bool,
    /// It opens devices until VD_E_OPEN; only with one device.
    pub opens_all: bool,
    /// A secondary client opens its device before it asks for the configuration.
    pub opens_first: bool,
}

/// What calls that no sound program makes are about, for the most part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// What server and client do that not all do.
    #[serde(default)]
    pub ways: Ways,
    /// What goes wrong.
    pub faults: Faults,
    /// How the scheduler picks.
    pub strategy: Strategy,
    /// Of 8 calls, how many return in the step in which they are made, if they can.
    pub at_once: u8,
    /// Which of the schedules of its seed: 0, the first, unless another was asked for.
    #[serde(default)]
    pub order: u32,
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
        options.draw_ways(chance);
        if options.deviation.is_none() {
            options.draw_more_faults(chance);
        }
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

    /// What not all do.
    fn draw_ways(&mut self, chance: &mut Chance) {
        self.ways = Ways {
            skips: chance.once_in(4),
            origins: chance.once_in(4),
            loads_only: chance.once_in(2),
            closing_marks: chance.once_in(2),
            unprepared: chance.once_in(4),
            configures_again: chance.once_in(5),
            opens_all: chance.once_in(5),
            opens_first: chance.once_in(3),
        };
    }

    /// Faults that need occasion.
    fn draw_more_faults(&mut self, chance: &mut Chance) {
        let faults = &mut self.faults;
        faults.set = chance.below(self.sets.into()) as u8;
        faults.secondary = chance.below(self.devices.into()) as u8;
        faults.restore_fails = chance.once_in(50);
        faults.cancelled_at = chance.once_in(12).then(|| draw_step(chance));
        if faults.cancelled_at.is_some() {
            self.discard |= chance.once_in(2);
        }
        if chance.once_in(16) {
            let fits = Refusal::of(self.plan, self.complete, !self.ways.unprepared);
            faults.refuses = Some(chance.one_of(&fits));
        }
        if self.removable && faults.capacity.is_none() && chance.once_in(10) {
            let blocks = self.write_size / self.block_size;
            let blocks = chance.between(blocks, 4 * blocks);
            faults.capacity = Some(blocks * self.block_size);
        }
        if faults.capacity.is_some() {
            (faults.overflows, faults.cuts) = (chance.once_in(4), chance.once_in(2));
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
            ways: Ways::default(),
            faults: Faults::default(),
            strategy: Strategy::Uniform,
            at_once: 8,
            order: 0,
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
        let step = |chance: &mut Chance| chance.once_in(likely).then(|| draw_step(chance));
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

    /// What it takes for the client's deviation, if it deviates, to come to anything: the same
    /// options if that is there.
    #[must_use]
    pub fn prepared(&self) -> Self {
        let mut prepared = *self;
        if let Some(deviation) = self.deviation {
            prepared.deviate(deviation);
            prepared.settle();
        }
        prepared
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
        // A transfer is of whole blocks.
        let block = self.block_size.max(1);
        let blocks = |bytes: u32| bytes.div_ceil(block).saturating_mul(block);
        let transfer = |bytes: u32| blocks(bytes.max(1)).min(self.max_transfer_size);
        (self.write_size, self.read_size) = (transfer(self.write_size), transfer(self.read_size));
        (self.metadata, self.data) = (blocks(self.metadata), blocks(self.data));
        if self.like != Like::Tape {
            self.asks.file_mark = 0;
        }
        if self.server_alignment > 0 {
            self.server_alignment = self.server_alignment.max(self.block_size);
        }
        self.settle_ways();
        self.settle_faults();
        self.buffers = self.buffers.max(1);
        self.queue_depth = self.queue_depth.max(1);
        self.holds = self.holds.max(1);
    }

    fn settle_ways(&mut self) {
        let ways = &mut self.ways;
        let (tape, disk) = (self.like == Like::Tape, self.like == Like::Disk);
        // Where a tape is full is known to no server before.
        ways.skips &= tape && self.faults.capacity.is_none();
        ways.closing_marks &= tape && self.faults.capacity.is_some();
        ways.loads_only &= self.removable && self.faults.capacity.is_some();
        ways.origins &= disk;
        ways.unprepared &= self.plan == Plan::Snapshot;
        ways.opens_all &= self.devices == 1;
        ways.opens_first &= self.arrangement == Arrangement::ProcessPerDevice;
        if self.odd_calls == 0 {
            (self.odd_about, self.overlaps) = (About::Anything, false);
        }
    }

    /// A medium too small for one transfer is no medium.
    fn settle_faults(&mut self) {
        let prepared = !self.ways.unprepared;
        let faults = &mut self.faults;
        faults.capacity = faults.capacity.map(|capacity| capacity.max(self.write_size));
        faults.set = faults.set.min(self.sets - 1);
        faults.secondary = match self.arrangement {
            Arrangement::ProcessPerDevice => faults.secondary.min(self.devices - 1),
            _ => 0,
        };
        let fits = Refusal::of(self.plan, self.complete, prepared);
        faults.refuses = faults.refuses.filter(|refusal| fits.contains(refusal));
        faults.overflows &= faults.capacity.is_some();
        faults.cuts &= faults.capacity.is_some() && self.removable && !faults.overflows;
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
            (faults.statement_fails || faults.restore_fails, "statement-fails"),
            (faults.cancelled_at.is_some(), "cancel"),
            (faults.refuses.is_some(), "refusal"),
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
