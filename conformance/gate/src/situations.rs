//! The situations, as one table.

use super::situation::{Around, Ends, Situation, Verb};

const PLAIN: Situation = Situation {
    id: "",
    title: "",
    verb: Verb::Backup,
    several: false,
    faults: "",
    around: Around::Nothing,
    ends: Ends::Well,
    complete: false,
    clauses: &["client.success"],
};

const fn faulty(id: &'static str, faults: &'static str, title: &'static str) -> Situation {
    Situation { id, title, faults, ends: Ends::Badly, ..PLAIN }
}

const fn restoring(situation: Situation) -> Situation {
    Situation { verb: Verb::Restore, ..situation }
}

/// It has refused the command and may go on, or give up.
const fn unsupported(id: &'static str) -> Situation {
    Situation {
        id,
        title: "A command that the client does not support is refused; it goes on, or fails.",
        faults: "unknown@3",
        ends: Ends::EitherWay,
        clauses: &["client.command.unsupported", "client.command.mandatory"],
        ..PLAIN
    }
}

/// Nobody will come, since the statement is refused before its set is opened.
const fn refused(id: &'static str) -> Situation {
    Situation {
        id,
        title: "A statement that is refused at once fails; nobody waits for its set any more.",
        faults: "refuse",
        ends: Ends::Badly,
        clauses: &["client.get-configuration.after-failure", "client.success"],
        ..PLAIN
    }
}

const fn unusual(
    id: &'static str,
    faults: &'static str,
    title: &'static str,
    clauses: &'static [&'static str],
) -> Situation {
    Situation { id, title, faults, clauses, ..PLAIN }
}

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
    unsupported("backup/command-not-asked-for"),
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
    refused("backup/statement-refused"),
    faulty(
        "backup/abort-while-configuring",
        "abort@0",
        "A server that aborts before it has configured the set fails the backup.",
    ),
    Situation {
        around: Around::HeldConfiguration,
        ..faulty(
            "backup/abort-before-open",
            "abort-configured",
            "GetConfiguration succeeds, and then OpenDevice fails: so does the backup.",
        )
    },
    faulty("backup/abort-at-command-1", "abort@1", "A backup that never begins fails."),
    faulty("backup/abort-at-command-2", "abort@2", "An abort after one command fails the backup."),
    faulty("backup/abort-at-command-6", "abort@6", "An abort in the midst fails the backup."),
    faulty("backup/server-dies", "kill@4", "The death of the server fails the backup."),
    unusual(
        "backup/late-end",
        "late=3000",
        "A statement that ends long after the last device was closed is waited for.",
        &["client.success", "client.media.true"],
    ),
    faulty(
        "backup/late-failure",
        "late-failure=3000",
        "A statement that fails after the last device was closed fails the backup.",
    ),
    Situation {
        around: Around::Cancelled,
        ends: Ends::EitherWay,
        ..faulty(
            "backup/cancelled",
            "pause=8000@3",
            "A program that is told to end (SIGTERM) ends, and tells no success that is none.",
        )
    },
    Situation {
        around: Around::SmallDisk,
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
    restoring(unsupported("restore/command-not-asked-for")),
    restoring(refused("restore/statement-refused")),
    restoring(unusual(
        "restore/head-only",
        "head-only",
        "A restore that reads only the head of the media succeeds: the statement says so.",
        &["client.get-command.stop", "client.success"],
    )),
    Situation {
        around: Around::OtherDatabase,
        ends: Ends::EitherWay,
        ..restoring(unusual(
            "restore/onto-another-database",
            "",
            "Without REPLACE no other database is replaced: the server says so from the head.",
            &["client.success", "client.media.true"],
        ))
    },
    restoring(faulty(
        "restore/late-failure",
        "late-failure=3000",
        "A statement that fails after the last device was closed fails the restore.",
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
            "A backup to several devices, which are open until it is complete on each, succeeds.",
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
            "A restore from several devices, which are open until it is complete, succeeds.",
            &["client.media.true"],
        )
    }),
];

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
