//! The options that a seed draws.

use super::{About, Arrangement, Asks, Like, Options, Plan, Strategy, Ways};
use crate::faults::{Faults, Refusal, draw_step};
use crate::rng::Rng;
use crate::workload::deviation::Deviation;

impl Options {
    /// Draws the options of a seed.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> Self {
        let mut options = Self::draw_shape(rng);
        options.draw_behaviour(rng);
        if rng.once_in(5) {
            let deviation = rng.one_of(Deviation::ALL);
            options.deviate(deviation);
        } else {
            options.draw_faults(rng);
            if rng.once_in(4) {
                options.odd_calls = rng.one_of(&[4, 4, 15, 15, 50, 150]);
            }
        }
        options.draw_rare(rng);
        options.draw_ways(rng);
        if options.deviation.is_none() {
            options.draw_more_faults(rng);
        }
        options.settle();
        options
    }

    /// What few programs do, drawn last so that it does not change what else is drawn.
    fn draw_rare(&mut self, rng: &mut Rng) {
        let rarely = |rng: &mut Rng, sizes: &[u32]| {
            if rng.once_in(6) { rng.one_of(sizes) } else { 0 }
        };
        self.asks = Asks {
            alignment: rarely(rng, &[512, 4_096, 65_536]),
            prefix_zone: rarely(rng, &[16, 100, 512]),
            file_mark: rarely(rng, &[512, 4_096]),
            warning: rarely(rng, &[1_000, 65_536]),
        };
        self.server_alignment = rarely(rng, &[4_096, 65_536]);
        self.same_name = rng.once_in(4);
        self.hasty = rng.once_in(3);
        self.overlaps = self.odd_calls > 0 && rng.once_in(2);
        let about = rng.one_of(About::ALL);
        if self.odd_calls > 0 {
            self.odd_about = about;
        }
        if self.deviation.is_none() {
            self.draw_rare_faults(rng);
        }
    }

    /// What not all do.
    fn draw_ways(&mut self, rng: &mut Rng) {
        self.ways = Ways {
            skips: rng.once_in(4),
            origins: rng.once_in(4),
            loads_only: rng.once_in(2),
            closing_marks: rng.once_in(2),
            unprepared: rng.once_in(4),
            configures_again: rng.once_in(5),
            opens_all: rng.once_in(5),
            opens_first: rng.once_in(3),
        };
    }

    /// Faults that need occasion.
    fn draw_more_faults(&mut self, rng: &mut Rng) {
        let snapshot = self.plan == Plan::Snapshot;
        let faults = &mut self.faults;
        faults.set = rng.below(self.sets.into()) as u8;
        faults.secondary = rng.below(self.devices.into()) as u8;
        faults.restore_fails = rng.once_in(50);
        faults.cancelled_at = rng.once_in(12).then(|| draw_step(rng));
        if faults.cancelled_at.is_some() {
            self.discard |= rng.once_in(2);
        }
        if rng.once_in(16) {
            let fits = Refusal::of(snapshot, self.complete, !self.ways.unprepared);
            faults.refuses = Some(rng.one_of(&fits));
        }
        if self.removable && faults.capacity.is_none() && rng.once_in(10) {
            let blocks = self.write_size / self.block_size;
            let blocks = rng.between(blocks, 4 * blocks);
            faults.capacity = Some(blocks * self.block_size);
        }
        if faults.capacity.is_some() {
            (faults.overflows, faults.cuts) = (rng.once_in(4), rng.once_in(2));
        }
    }

    /// Faults that show little but together with others.
    fn draw_rare_faults(&mut self, rng: &mut Rng) {
        if self.odd_about == About::Buffers && rng.once_in(2) {
            self.faults.memory = 3;
        }
        if self.odd_about == About::Configuration && rng.once_in(2) {
            self.faults.slow_server = 15_000;
        }
        if rng.once_in(10) {
            self.faults.slow_callback = rng.one_of(&[2, 5]);
        }
        if rng.once_in(16) {
            self.server_time_out = 1_000;
            self.faults.slow_client = 2;
        } else if self.removable && rng.once_in(16) {
            // Loads that take long.
            (self.server_time_out, self.faults.slow_client) = (1_000, 2);
            self.faults.capacity = Some(self.write_size * rng.between(2, 4));
        }
    }

    fn draw_shape(rng: &mut Rng) -> Self {
        let plan = if rng.once_in(5) { Plan::Snapshot } else { Plan::Backup };
        let like = rng.one_of(&[Like::Pipe, Like::Pipe, Like::Tape, Like::Disk]);
        let sets = if plan == Plan::Snapshot && rng.once_in(3) { rng.between(2, 3) } else { 1 };
        let devices = if plan == Plan::Backup { rng.one_of(&[1, 1, 1, 2, 2, 3, 4]) } else { 1 };
        let block_size = 512 << rng.below(8);
        let max_transfer_size = 65_536 * rng.between(1, 4);
        let transfer = |rng: &mut Rng| {
            let blocks = max_transfer_size / block_size;
            if rng.once_in(2) {
                max_transfer_size
            } else {
                rng.between(blocks.div_ceil(8), blocks) * block_size
            }
        };
        let (write_size, read_size) = (transfer(rng), transfer(rng));
        let arrangements: &[Arrangement] = match devices {
            1 => &[Arrangement::OneThread, Arrangement::OneThread, Arrangement::ThreadPerDevice],
            _ => &[Arrangement::ThreadPerDevice, Arrangement::ProcessPerDevice],
        };
        Self {
            plan,
            like,
            removable: like == Like::Tape || rng.once_in(3),
            sets: sets as u8,
            devices,
            arrangement: rng.one_of(arrangements),
            block_size,
            max_transfer_size,
            write_size,
            read_size,
            buffers: rng.between(1, 4) as u8,
            queue_depth: rng.one_of(&[1, 2, 4, 4, 64]),
            metadata: write_size * rng.below(3),
            data: write_size * rng.below(8),
            flushes: rng.between(1, 3) as u8,
            complete: rng.once_in(3),
            discard: rng.once_in(4),
            positions: rng.once_in(3),
            reads_to_end: rng.once_in(3),
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

    fn draw_behaviour(&mut self, rng: &mut Rng) {
        self.trusting = rng.once_in(2);
        self.fails_in_order = rng.once_in(3);
        self.closes_early = rng.once_in(3);
        self.server_time_out = rng.one_of(&[0, 0, 1_000, 60_000]);
        self.configuration_wait = rng.one_of(&[0, 10_000, 60_000]);
        self.command_wait = rng.one_of(&[0, 0, 1_000]);
        self.aborts_on_failure = self.configuration_wait == 0 || rng.once_in(2);
        self.holds = rng.one_of(&[1, 1, 2, 3]);
        self.strategy = rng.one_of(&[Strategy::Uniform, Strategy::Priorities, Strategy::Bursts]);
        self.at_once = rng.one_of(&[0, 4, 7, 8]);
    }

    fn draw_faults(&mut self, rng: &mut Rng) {
        let likely = match rng.below(4) {
            0 => return,
            1 => 4,
            _ => 12,
        };
        let step = |rng: &mut Rng| rng.once_in(likely).then(|| draw_step(rng));
        let faults = &mut self.faults;
        faults.server_abort_at = step(rng);
        faults.client_abort_at = step(rng);
        faults.server_dies_at = step(rng);
        faults.primary_dies_at = step(rng);
        faults.secondary_dies_at =
            step(rng).filter(|_| self.arrangement == Arrangement::ProcessPerDevice);
        faults.statement_fails = rng.once_in(likely * 2);
        faults.medium_fails_at = rng.once_in(likely).then(|| rng.below(12));
        faults.capacity = rng.once_in(likely).then(|| self.write_size * rng.between(1, 8));
        let rate = |rng: &mut Rng, rate| if rng.once_in(likely) { rate } else { 0 };
        faults.memory = rate(rng, 3);
        faults.queue = rate(rng, 3);
        faults.system = rate(rng, 6);
        faults.short = rate(rng, 3);
        faults.slow_client = rate(rng, 4);
        faults.slow_server = rate(rng, 15_000);
    }
}
