//! Options that fit one another: the limits, what a deviation takes, what is left with a
//! client from outside.

use super::{About, Arrangement, Like, Options, Plan};
use crate::faults::Refusal;
use crate::workload::deviation::Deviation;

/// Bytes, a power of 2 from 512 to 64 KiB.
const fn is_block(size: u32) -> bool {
    size.is_power_of_two() && size >= 512 && size <= 65_536
}

impl Options {
    /// Whether there can be such a world, whatever its other options are: the limits of
    /// the interface, and of the simulator.
    ///
    /// Source: SQL Server VDI reference, BeginConfiguration; BACKUP, its options; SQL
    /// Server 2005 Virtual Backup Device Specification, VDConfig Structure.
    ///
    /// # Errors
    /// An option by its name in JSON, and what is expected of it.
    pub fn check(&self) -> Result<(), String> {
        let rules = self.rules();
        match rules.iter().find(|(holds, ..)| !holds) {
            None => Ok(()),
            Some((_, name, expected)) => Err(format!("`{name}`: expected {expected}")),
        }
    }

    /// The options that have a limit, by name, and what is expected of each.
    pub fn limits(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.rules().into_iter().map(|(_, name, expected)| (name, expected))
    }

    /// Whether each limit is kept, of which option it is, and what is expected.
    fn rules(&self) -> [(bool, &'static str, &'static str); 17] {
        let Self { block_size, max_transfer_size: most, asks, .. } = *self;
        let transfer = |size: u32| (1..=most).contains(&size) && size.is_multiple_of(block_size);
        let alignment = |size: u32| size == 0 || is_block(size);
        [
            (is_block(block_size), "blockSize", "a power of 2 from 512 to 65536"),
            (
                (65_536..=4 << 20).contains(&most) && most.is_multiple_of(65_536),
                "maxTransferSize",
                "a multiple of 65536 up to 4194304",
            ),
            (
                transfer(self.write_size),
                "writeSize",
                "a multiple of blockSize up to maxTransferSize",
            ),
            (transfer(self.read_size), "readSize", "a multiple of blockSize up to maxTransferSize"),
            ((1..=8).contains(&self.devices), "devices", "a number from 1 to 8"),
            ((1..=3).contains(&self.sets), "sets", "a number from 1 to 3"),
            ((1..=64).contains(&self.buffers), "buffers", "a number from 1 to 64"),
            ((1..=64).contains(&self.queue_depth), "queueDepth", "a number from 1 to 64"),
            ((1..=64).contains(&self.flushes), "flushes", "a number from 1 to 64"),
            ((1..=64).contains(&self.holds), "holds", "a number from 1 to 64"),
            (self.metadata <= 1 << 30, "metadata", "1073741824 at most"),
            (self.data <= 1 << 30, "data", "1073741824 at most"),
            (alignment(asks.alignment), "asks.alignment", "0, or a power of 2 from 512 to 65536"),
            (asks.prefix_zone <= 65_536, "asks.prefixZone", "65536 at most"),
            (
                alignment(self.server_alignment),
                "serverAlignment",
                "0, or a power of 2 from 512 to 65536",
            ),
            (self.at_once <= 8, "atOnce", "a number from 0 to 8"),
            (self.most_steps > 0, "mostSteps", "1 at least"),
        ]
    }

    /// Gives the world a deviant client, and what it takes for that to matter.
    pub fn deviate(&mut self, deviation: Deviation) {
        self.deviation = Some(deviation);
        self.sets = 1;
        self.data = self.data.max(self.write_size * 4);
        self.prepare(deviation);
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
        // Where there is no other medium, a Read that meets the end fails the statement.
        self.reads_to_end &= self.removable || self.deviation == Some(Deviation::EndIsSuccess);
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
        let fits = Refusal::of(self.plan == Plan::Snapshot, self.complete, prepared);
        faults.refuses = faults.refuses.filter(|refusal| fits.contains(refusal));
        faults.overflows &= faults.capacity.is_some();
        faults.cuts &= faults.capacity.is_some() && self.removable && !faults.overflows;
    }

    /// Gives a world what it takes for the deviation to come to anything.
    fn prepare(&mut self, deviation: Deviation) {
        match deviation {
            Deviation::ShortWriteIsSuccess => {
                self.faults.capacity = Some(self.write_size + self.block_size);
                self.removable = false;
                if self.like == Like::Tape {
                    self.like = Like::Pipe;
                }
            }
            Deviation::EndIsSuccess => self.reads_to_end = true,
            Deviation::FlushesNothing | Deviation::MovesNothing => self.trusting = true,
            Deviation::EndsAtFlush => {
                (self.plan, self.devices) = (Plan::Backup, 1);
                self.flushes = self.flushes.max(2);
            }
            Deviation::HoldsComplete => {
                self.complete = true;
                self.server_time_out = 1_000;
            }
            Deviation::WaitsForEver => {
                self.faults.statement_fails = true;
                self.configuration_wait = 0;
                self.aborts_on_failure = false;
            }
            Deviation::OneDeviceOfTwo => {
                (self.plan, self.devices) = (Plan::Backup, 2);
                self.arrangement = Arrangement::ThreadPerDevice;
            }
            Deviation::UsesAfterClose if self.arrangement == Arrangement::ProcessPerDevice => {
                self.arrangement = Arrangement::ThreadPerDevice;
            }
            Deviation::CloseIsSuccess => {
                self.faults.medium_fails_at = Some(0);
                self.fails_in_order = true;
                // VD_E_CLOSE is to be seen.
                self.aborts_on_failure = false;
            }
            Deviation::CompletesOnAnother => {
                (self.plan, self.devices) = (Plan::Backup, self.devices.max(2));
                self.arrangement = Arrangement::ThreadPerDevice;
            }
            Deviation::ClosesWithDeviceOpen
            | Deviation::NeverCompletes
            | Deviation::WritesCommand
            | Deviation::RefusesFlush
            | Deviation::NeverCloses
            | Deviation::ClosesTwice
            | Deviation::UsesAfterClose
            | Deviation::WrongConstant
            | Deviation::CompletesTwice => {}
        }
    }

    /// What is left of the options with an application in the place of our client: what
    /// concerns our client alone is taken away.
    #[must_use]
    pub const fn for_application(&self, arrangement: Arrangement) -> Self {
        let mut options = *self;
        options.arrangement = arrangement;
        (options.sets, options.deviation, options.odd_calls) = (1, None, 0);
        // A deviation may have asked for it where there is no other medium.
        options.reads_to_end = options.reads_to_end && options.removable;
        (options.same_name, options.overlaps) = (false, false);
        let faults = &mut options.faults;
        (faults.medium_fails_at, faults.capacity, faults.refuses) = (None, None, None);
        (faults.overflows, faults.cuts) = (false, false);
        (faults.short, faults.slow_client) = (0, 0);
        (options.holds, options.aborts_on_failure) = (1, true);
        (options.command_wait, options.configuration_wait) = (0, 0);
        let ways = &mut options.ways;
        (ways.configures_again, ways.opens_all, ways.opens_first) = (false, false, false);
        (ways.closing_marks, ways.loads_only) = (false, false);
        faults.set = 0;
        if !matches!(arrangement, Arrangement::ProcessPerDevice) {
            (faults.secondary_dies_at, faults.secondary) = (None, 0);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::options_of;

    #[test]
    fn what_seeds_draw_keeps_the_limits() {
        for seed in 0..20_000 {
            let options = options_of(seed);
            assert_eq!(options.check(), Ok(()), "seed {seed}");
            assert_eq!(options.prepared(), options, "seed {seed}");
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let wrong = |change: fn(&mut Options)| {
            let mut options = options_of(7);
            change(&mut options);
            options.check().expect_err("it cannot be")
        };
        assert!(wrong(|of| of.block_size = 700).starts_with("`blockSize`"));
        assert!(wrong(|of| of.max_transfer_size = 0).starts_with("`maxTransferSize`"));
        assert!(wrong(|of| of.write_size += 1).starts_with("`writeSize`"));
        assert!(wrong(|of| of.flushes = 0).starts_with("`flushes`"));
    }
}
