//! The situations, as one table.

use vdi_spec::clauses::Clause;

use vdi_suite::run::{ScenarioResult, Verdict};

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A backup.
    Backup,
    /// A restore of what it has backed up before.
    Restore,
}

/// One situation that a program is put into.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Its id.
    pub id: &'static str,
    /// What is expected of the program, in one sentence.
    pub title: &'static str,
    /// What it is asked to do.
    pub verb: Verb,
    /// With the command line for several devices.
    pub several: bool,
    /// What the server does on purpose.
    pub faults: &'static str,
    /// The client's files cannot become large.
    pub small_disk: bool,
    /// Bytes of the database.
    pub bytes: u64,
    /// Whether the program is to succeed.
    pub succeeds: bool,
    /// Only for a program that asks for VDC_Complete.
    pub complete: bool,
    /// The clauses it is about.
    clauses: &'static [&'static str],
}

const KIB: u64 = 1024;
const SMALL: u64 = 640 * KIB + 123;

const PLAIN: Situation = Situation {
    id: "",
    title: "",
    verb: Verb::Backup,
    several: false,
    faults: "",
    small_disk: false,
    bytes: SMALL,
    succeeds: true,
    complete: false,
    clauses: &["client.success"],
};

const fn faulty(id: &'static str, faults: &'static str, title: &'static str) -> Situation {
    Situation { id, title, faults, succeeds: false, ..PLAIN }
}

const fn restoring(situation: Situation) -> Situation {
    Situation { verb: Verb::Restore, ..situation }
}

const fn unusual(
    id: &'static str,
    faults: &'static str,
    title: &'static str,
    clauses: &'static [&'static str],
) -> Situation {
    Situation { id, title, faults, clauses, ..PLAIN }
}

/// Bytes that a file may have on a small disk.
pub(super) const SMALL_DISK: u64 = 24 << 20;

/// Every situation.
pub static SITUATIONS: &[Situation] = &[
    unusual(
        "backup/plain",
        "",
        "A backup brings back what was backed up.",
        &["client.media.true", "client.close.required", "client.complete-command.each"],
    ),
    unusual(
        "backup/slow-server",
        "slow=20",
        "A backup from a slow server succeeds.",
        &["client.get-command.stop"],
    ),
    unusual(
        "backup/long-pause",
        "pause=3000@3",
        "A pause of the server is no end of the backup; time-outs are milliseconds.",
        &["client.get-command.stop", "client.success"],
    ),
    unusual(
        "backup/flush-twice",
        "flush-twice",
        "A Flush, with more data behind it, is not the end of the backup.",
        &["client.flush.not-the-end", "client.media.true"],
    ),
    unusual(
        "backup/command-not-asked-for",
        "unknown@3",
        "A command that the client does not support is refused, and the backup goes on.",
        &["client.command.unsupported", "client.command.mandatory"],
    ),
    Situation {
        complete: true,
        ..unusual(
            "backup/complete-granted",
            "",
            "A client that asks for Complete, and is granted it, answers it and succeeds.",
            &["client.success", "client.complete-command.each"],
        )
    },
    Situation {
        complete: true,
        ..unusual(
            "backup/complete-withheld",
            "no-complete",
            "A client that asks for Complete does without it when it is not granted.",
            &["client.success"],
        )
    },
    faulty(
        "backup/device-closed-early",
        "close@4",
        "VD_E_CLOSE is not taken for the success of the backup.",
    ),
    faulty(
        "backup/set-closed-early",
        "close-set@4",
        "A server that closes its set with devices open has failed.",
    ),
    faulty("backup/abort-at-command-1", "abort@1", "A backup that never begins fails."),
    faulty("backup/abort-at-command-2", "abort@2", "An abort after one command fails the backup."),
    faulty("backup/abort-at-command-6", "abort@6", "An abort in the midst fails the backup."),
    faulty("backup/server-dies", "kill@4", "The death of the server fails the backup."),
    Situation {
        small_disk: true,
        bytes: 32 << 20,
        clauses: &["client.write.short", "client.success"],
        ..faulty("backup/disk-full", "", "A medium that is full fails the backup.")
    },
    restoring(unusual(
        "restore/plain",
        "",
        "A restore brings back what was backed up.",
        &["client.media.true", "client.close.required"],
    )),
    restoring(unusual(
        "restore/slow-server",
        "slow=20",
        "A restore to a slow server succeeds.",
        &["client.get-command.stop"],
    )),
    restoring(unusual(
        "restore/long-pause",
        "pause=3000@3",
        "A pause of the server is no end of the restore.",
        &["client.get-command.stop"],
    )),
    restoring(faulty(
        "restore/device-closed-early",
        "close@3",
        "VD_E_CLOSE is not taken for the success of the restore.",
    )),
    restoring(faulty(
        "restore/set-closed-early",
        "close-set@3",
        "A server that closes its set with devices open has failed the restore.",
    )),
    restoring(unusual(
        "restore/command-not-asked-for",
        "unknown@3",
        "A command that the client does not support is refused, and the restore goes on.",
        &["client.command.unsupported", "client.command.mandatory"],
    )),
    restoring(faulty("restore/abort-at-command-2", "abort@2", "An abort fails the restore.")),
    restoring(faulty(
        "restore/server-dies",
        "kill@3",
        "The death of the server fails the restore.",
    )),
    Situation {
        several: true,
        ..unusual(
            "several/backup",
            "",
            "A backup to several devices brings back what was backed up.",
            &["client.create.device-count", "client.device.one-thread", "client.media.true"],
        )
    },
    Situation {
        several: true,
        ..faulty("several/abort-at-command-6", "abort@6", "An abort ends every device of a backup.")
    },
    Situation {
        several: true,
        ..faulty("several/server-dies", "kill@6", "The death of the server ends every device.")
    },
    restoring(Situation {
        several: true,
        ..unusual(
            "several/restore",
            "",
            "A restore from several devices brings back what was backed up.",
            &["client.media.true"],
        )
    }),
];

impl Situation {
    /// The clauses it is about.
    pub fn clauses(&self) -> impl Iterator<Item = Clause> {
        self.clauses.iter().map(|id| id.parse().expect("the table names clauses that exist"))
    }

    /// Why it cannot be tried, when there is no command line for it.
    pub(super) const fn why_not(&self) -> &'static str {
        match (self.several, self.verb) {
            (false, Verb::Backup) => "no --client",
            (false, Verb::Restore) => "no --restore",
            (true, Verb::Backup) => "no --several",
            (true, Verb::Restore) => "no --several-restore",
        }
    }

    /// Whether this is the one without which no other of its kind can be tried.
    pub(super) fn is_plain_backup(&self) -> bool {
        matches!(self.id, "backup/plain" | "several/backup")
    }

    /// A result with this verdict and nothing else.
    pub(super) fn result(&self, verdict: Verdict) -> ScenarioResult {
        ScenarioResult::of(self.id, self.title, self.clauses().collect(), verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_situation_names_clauses_and_faults_that_exist() {
        let mut ids = std::collections::BTreeSet::new();
        for situation in SITUATIONS {
            assert!(ids.insert(situation.id), "{} stands twice", situation.id);
            assert!(situation.clauses().count() > 0);
            let faults: vdi_server::Faults = situation.faults.parse().expect("faults");
            // By its name it is looked up whether it has happened.
            let shown: Vec<String> = faults.list().iter().map(ToString::to_string).collect();
            assert!(shown.len() <= 1 && shown.concat() == situation.faults, "{shown:?}");
        }
    }
}
