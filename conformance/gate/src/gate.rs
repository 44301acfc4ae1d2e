//! How a program is put to the test: its command lines, and what it is to load.

use std::path::PathBuf;
use std::time::Duration;

use vdi_spec::clauses::{LinuxTimeoutUnit, Profile};

use super::situation::{Situation, Verb};

/// How a program is put to the test.
#[derive(Debug)]
pub struct Gate {
    /// The program's command lines.
    pub commands: Commands,
    /// The library it is to load.
    pub library: PathBuf,
    /// Whether it is to be loaded in any case, whatever the program is linked with.
    pub preload: bool,
    /// The program `vdi`, which plays sqlcmd.
    pub vdi: PathBuf,
    /// Whether its statements come by TDS, to the address that `{tds}` stands for.
    pub tds: Option<Tds>,
    /// How long a situation may take.
    pub timeout: Duration,
    /// The readings to judge by.
    pub profile: Profile,
}

/// How statements come by TDS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tds {
    /// Each message is told as the end of something behind which there is more.
    pub ends: bool,
}

/// The command lines of the program. `{database}` stands for the name of the database,
/// `{medium}` for a path where it may store what it backs up.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// For a backup.
    pub backup: String,
    /// For a restore.
    pub restore: Option<String>,
    /// For a backup to several devices.
    pub several: Option<String>,
    /// For a restore from several devices.
    pub several_restore: Option<String>,
}

impl Gate {
    /// The unit of time-outs for the library, as the readings have it.
    pub(super) const fn timeout_unit(&self) -> &'static str {
        match self.profile.linux_timeout_unit {
            LinuxTimeoutUnit::Milliseconds => "milliseconds",
            LinuxTimeoutUnit::Seconds => "seconds",
        }
    }
}

impl Commands {
    pub(super) fn line(&self, situation: &Situation) -> Option<&str> {
        match situation.verb {
            Verb::Backup => self.backup_for(situation),
            Verb::Restore => self.restore_for(situation),
        }
    }

    pub(super) fn backup_for(&self, situation: &Situation) -> Option<&str> {
        if situation.several { self.several.as_deref() } else { Some(&self.backup) }
    }

    pub(super) fn restore_for(&self, situation: &Situation) -> Option<&str> {
        let line = if situation.several { &self.several_restore } else { &self.restore };
        line.as_deref()
    }
}
