//! What the options of a world may be, where somebody else than a seed chooses them.

use super::options::Options;

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
        let Self { block_size, max_transfer_size: most, asks, .. } = *self;
        let transfer = |size: u32| (1..=most).contains(&size) && size.is_multiple_of(block_size);
        let alignment = |size: u32| size == 0 || is_block(size);
        let rules = [
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
        ];
        match rules.iter().find(|(holds, ..)| !holds) {
            None => Ok(()),
            Some((_, name, expected)) => Err(format!("`{name}`: expected {expected}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options_of;
    use super::Options;

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
