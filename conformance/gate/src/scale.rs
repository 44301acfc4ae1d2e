//! How large a database has to be, and where something can go wrong, follows from what the
//! program does undisturbed: the transfers that its statement asks for, how many commands come
//! of them, on how many devices.

use vdi_server::Faults;

use super::observation::Outcome;
use super::situation::{Around, Situation};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Bytes of a database, if nothing asks for more.
pub(super) const SMALL: u64 = 640 * KIB + 123;

/// So many transfers a database has at least: more than the places count that something goes
/// wrong at.
const TRANSFERS: u64 = 8;

/// The most that a database has, however many devices there are: all of it is moved several
/// times over.
const MOST: u64 = 128 * MIB;

/// A disk on which there is no room for a backup of [`LARGE`] bytes.
const DISK: u64 = 24 * MIB;

/// The least that a disk must have for what else the program and the library write there.
const LEAST_DISK: u64 = 2 * MIB;

/// Bytes of the database whose backup does not fit on it.
const LARGE: u64 = 32 * MIB;

/// What a plain run tells of a kind of statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// Bytes of the largest transfer.
    pub(super) transfer: u64,
    /// Commands of the statement that has the most.
    pub(super) commands: u64,
    /// Devices of the statement that has the most.
    pub(super) devices: u64,
    /// A statement was a snapshot, whose data does not go through the devices.
    pub(super) snapshot: bool,
}

impl Plain {
    /// What these statements have shown.
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let most = |of: &dyn Fn(&Outcome) -> u64| outcomes.iter().map(of).max().unwrap_or_default();
        Self {
            transfer: most(&|outcome| outcome.transfer.unwrap_or_default()),
            commands: most(&|outcome| outcome.commands.unwrap_or_default()),
            devices: most(&|outcome| outcome.devices.len() as u64),
            snapshot: outcomes.iter().any(|outcome| outcome.snapshot),
        }
    }
}

/// What plain runs tell of the program, with one command line for the backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scale {
    /// Of the backup.
    pub(super) backup: Plain,
    /// Of the restore, if there is one.
    pub(super) restore: Plain,
}

impl Scale {
    /// Bytes of the database.
    pub(super) fn bytes(&self) -> u64 {
        let transfer = self.backup.transfer.max(self.restore.transfer);
        let whole = transfer * TRANSFERS.max(self.backup.devices);
        // Not a multiple of anything.
        if whole + 123 > SMALL { whole.min(MOST) + 123 } else { SMALL }
    }

    /// Bytes of the database in a situation.
    pub(super) fn bytes_in(&self, situation: &Situation) -> u64 {
        match situation.around {
            Around::SmallDisk => LARGE.max(self.bytes()),
            Around::Nothing if situation.is_plain() => SMALL,
            Around::Nothing
            | Around::Cancelled
            | Around::HeldConfiguration
            | Around::OtherDatabase => self.bytes(),
        }
    }

    /// Bytes that a file may have in a situation, if they are few.
    pub(super) fn disk_in(&self, situation: &Situation) -> Option<u64> {
        // Each device has its own part of the data.
        let disk = DISK / self.backup.devices.max(1);
        (situation.around == Around::SmallDisk).then(|| disk.max(LEAST_DISK))
    }

    /// What goes wrong in a situation, and where.
    pub(super) fn faults_in(&self, situation: &Situation) -> String {
        let plain = self.plain(situation);
        let last = if plain.commands == 0 { u64::MAX } else { plain.commands };
        let faults: Faults = situation.faults.parse().expect("the table names faults that exist");
        let faults = faults.list().iter().map(|fault| fault.no_later_than(last).to_string());
        faults.collect::<Vec<_>>().join(",")
    }

    /// Why a situation cannot come about for this program.
    pub(super) fn why_not(&self, situation: &Situation) -> Option<&'static str> {
        let flushes = situation.faults == "flush-twice";
        (flushes && self.plain(situation).snapshot)
            .then_some("it takes a snapshot, which ends without a Flush")
    }

    const fn plain(&self, situation: &Situation) -> &Plain {
        match situation.verb {
            super::situation::Verb::Backup => &self.backup,
            super::situation::Verb::Restore => &self.restore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SITUATIONS;

    fn scale(transfer: u64, devices: u64, commands: u64) -> Scale {
        let plain = Plain { transfer, commands, devices, snapshot: false };
        Scale { backup: plain, restore: plain }
    }

    fn named(id: &str) -> &'static Situation {
        SITUATIONS.iter().find(|situation| situation.id == id).expect("a situation")
    }

    #[test]
    fn a_database_has_more_transfers_than_a_place_counts() {
        for transfer in [64 * KIB, MIB, 4 * MIB] {
            for devices in [1, 2, 4, 31] {
                let bytes = scale(transfer, devices, 4).bytes();
                assert!(bytes / transfer >= TRANSFERS.max(devices) && bytes >= SMALL, "{bytes}");
            }
        }
        assert_eq!(scale(0, 0, 0).bytes(), SMALL);
        assert_eq!(scale(4 * MIB, 64, 900).bytes(), MOST + 123);
        let places = SITUATIONS.iter().filter_map(|one| one.faults.split_once('@'));
        let last = places.filter_map(|(_, at)| at.parse::<u64>().ok()).max();
        assert!(last.is_some_and(|last| last < TRANSFERS), "{last:?}");
    }

    #[test]
    fn nothing_goes_wrong_behind_the_last_command() {
        let abort = named("backup/abort-at-command-6");
        assert_eq!(scale(MIB, 1, 12).faults_in(abort), "abort@6");
        assert_eq!(scale(MIB, 1, 4).faults_in(abort), "abort@4");
        assert_eq!(Scale::default().faults_in(abort), "abort@6");
        assert_eq!(scale(MIB, 1, 2).faults_in(named("backup/long-pause")), "pause=3000@2");
    }

    /// A disk is too small for each device's part of the data.
    #[test]
    fn a_small_disk_is_too_small_for_every_device() {
        let full = named("backup/disk-full");
        for devices in 1..=8 {
            let scale = scale(4 * MIB, devices, 20);
            let disk = scale.disk_in(full).expect("a small disk");
            assert!(scale.bytes_in(full) / devices > disk, "{devices}");
        }
        assert_eq!(scale(MIB, 1, 9).disk_in(named("backup/plain")), None);
    }
}
