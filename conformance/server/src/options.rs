//! What may stand behind WITH: every option that is understood, and which of them go together.

use super::verb::Verb;

/// What stands behind WITH, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a block.
    pub block_size: Option<u32>,
    /// Buffers of the whole statement.
    pub buffer_count: Option<u32>,
    /// Bytes of the largest transfer.
    pub max_transfer_size: Option<u32>,
    /// The data is frozen and copied by the client.
    pub snapshot: bool,
    /// The checksum of the data must be on the media, which it is unless it is unwanted.
    pub checksum: bool,
    /// Without the checksum of the data on the media, or without a look at it.
    pub no_checksum: bool,
    /// A database of another name is replaced, too.
    pub replace: bool,
    /// The database is left so that more can be restored onto it.
    pub restoring: Option<Restoring>,
    /// The number of the backup on its media.
    pub file: Option<u32>,
    /// How often, in percent, it is told how far the statement is.
    pub stats: Option<u32>,
}

/// How a database is that more can be restored onto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// It cannot be used.
    NoRecovery,
    /// It can be read.
    Standby,
}

/// What may stand behind an option's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Nothing,
    /// A number, after `=`.
    Number,
    /// A number, or nothing.
    Percent,
    /// A text or a number, after `=`.
    Any,
    /// MOVE: a text, TO, a text.
    Move,
    /// A text after `=`, and perhaps AFTER with another.
    Mark,
    /// Whatever stands in parentheses.
    List,
    /// The same, or nothing.
    MaybeList,
}

/// What an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Both,
    Backup,
    Restore,
}

/// Whether an option changes anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Some,
    None,
    /// A server knows it. Here it is refused: a client would see that it is missing.
    Unsupported,
}

/// Every option that is understood: what it does, what it is for, what stands behind it.
/// Those without effect are accepted, and nothing that a client could see depends on them: no
/// medium is overwritten or appended to here, a backup is always one of everything, and data
/// is neither compressed nor encrypted.
#[rustfmt::skip]
const OPTIONS: &[(Effect, For, Value, &[&str])] = &[
    (Effect::Some, For::Both, Value::Nothing, &["CHECKSUM", "NO_CHECKSUM", "SNAPSHOT"]),
    (Effect::Some, For::Both, Value::Number, &["BLOCKSIZE", "BUFFERCOUNT", "MAXTRANSFERSIZE"]),
    (Effect::Some, For::Both, Value::Percent, &["STATS"]),
    (Effect::Some, For::Both, Value::Nothing, &["NORECOVERY"]),
    (Effect::Some, For::Both, Value::Any, &["STANDBY"]),
    (Effect::Some, For::Restore, Value::Nothing, &["RECOVERY", "REPLACE"]),
    (Effect::Some, For::Restore, Value::Number, &["FILE"]),
    (Effect::None, For::Both, Value::Nothing, &[
        "CONTINUE_AFTER_ERROR", "NOREWIND", "NOUNLOAD", "RESTART", "REWIND",
        "STOP_ON_ERROR", "UNLOAD",
    ]),
    (Effect::None, For::Both, Value::Any, &[
        "CREDENTIAL", "MEDIANAME", "MEDIAPASSWORD", "PASSWORD",
    ]),
    (Effect::None, For::Backup, Value::Nothing, &[
        "COPY_ONLY", "DIFFERENTIAL", "FORMAT", "INIT", "NOFORMAT", "NOINIT", "NOSKIP",
        "NO_COMPRESSION", "NO_TRUNCATE", "SKIP",
    ]),
    (Effect::None, For::Backup, Value::Any, &[
        "DESCRIPTION", "EXPIREDATE", "MEDIADESCRIPTION", "NAME",
    ]),
    (Effect::None, For::Backup, Value::Number, &["RETAINDAYS"]),
    (Effect::None, For::Backup, Value::List, &["ENCRYPTION"]),
    (Effect::None, For::Backup, Value::MaybeList, &["COMPRESSION"]),
    (Effect::None, For::Restore, Value::Nothing, &[
        "ENABLE_BROKER", "ERROR_BROKER_CONVERSATIONS", "KEEP_CDC", "KEEP_REPLICATION",
        "KEEP_TEMPORAL_RETENTION", "NEW_BROKER", "PARTIAL", "RESTRICTED_USER",
    ]),
    (Effect::None, For::Restore, Value::Any, &["STOPAT"]),
    (Effect::None, For::Restore, Value::List, &["FILESTREAM"]),
    (Effect::None, For::Restore, Value::Move, &["MOVE"]),
    (Effect::None, For::Restore, Value::Mark, &["STOPATMARK", "STOPBEFOREMARK"]),
    (Effect::Unsupported, For::Both, Value::Nothing, &["METADATA_ONLY"]),
    (Effect::Unsupported, For::Backup, Value::Nothing, &["FILE_SNAPSHOT"]),
    (Effect::Unsupported, For::Restore, Value::Nothing, &["LOADHISTORY"]),
];

/// Options of which a statement may have one.
const EITHER: &[&[&str]] = &[
    &["CHECKSUM", "NO_CHECKSUM"],
    &["COMPRESSION", "NO_COMPRESSION"],
    &["ENABLE_BROKER", "ERROR_BROKER_CONVERSATIONS", "NEW_BROKER"],
    &["FORMAT", "NOFORMAT"],
    &["INIT", "NOINIT"],
    &["KEEP_CDC", "NORECOVERY"],
    &["KEEP_REPLICATION", "NORECOVERY"],
    &["NORECOVERY", "RECOVERY", "STANDBY"],
    &["NOREWIND", "REWIND"],
    &["NOSKIP", "SKIP"],
    &["NOUNLOAD", "UNLOAD"],
    &["STOPAT", "STOPATMARK", "STOPBEFOREMARK"],
    &["CONTINUE_AFTER_ERROR", "STOP_ON_ERROR"],
];

/// The options that do something, those that are accepted without effect, and those that are
/// not supported, of BACKUP, RESTORE or both, for people.
#[must_use]
pub fn list_options() -> String {
    let names = |wanted: Effect| {
        let rows = OPTIONS.iter().filter(|(effect, ..)| *effect == wanted);
        let mut names: Vec<&str> = rows.flat_map(|(.., names)| *names).copied().collect();
        names.sort_unstable();
        names.join(", ")
    };
    format!(
        "Options of BACKUP and RESTORE that do what they say: {}.\n\n\
         Accepted without effect: {}.\n\n\
         Not supported here: {}. Any other is refused, too.",
        names(Effect::Some),
        names(Effect::None),
        names(Effect::Unsupported)
    )
}

/// An option by its name in capitals: the name, what stands behind it, what it does.
pub(super) fn option(name: &str, verb: Verb) -> Option<(&'static str, Value, Effect)> {
    let fits = |to: For| match to {
        For::Both => true,
        For::Backup => verb == Verb::Backup,
        For::Restore => verb == Verb::Restore,
    };
    OPTIONS.iter().filter(|(_, to, ..)| fits(*to)).find_map(|(effect, _, value, names)| {
        let name = names.iter().find(|known| **known == name)?;
        Some((*name, *value, *effect))
    })
}

/// Why an option cannot be added to those that a statement has.
pub(super) fn clash(name: &str, has: &[&'static str]) -> Option<String> {
    if name != "MOVE" && has.contains(&name) {
        return Some(format!("Option '{}' is specified more than once.", name.to_lowercase()));
    }
    let groups = EITHER.iter().filter(|group| group.contains(&name));
    let other = groups.flat_map(|group| *group).find(|one| **one != name && has.contains(one))?;
    Some(format!(
        "Option '{}' conflicts with option(s) '{}'. Remove the conflicting option and reissue \
         the statement.",
        name.to_lowercase(),
        other.to_lowercase()
    ))
}

impl Options {
    /// Takes an option in; why its value is wrong.
    pub(super) fn set(&mut self, name: &str, number: u32) -> Result<(), String> {
        let limit = |sound: bool, is: &str| {
            if sound { Ok(()) } else { Err(format!("Invalid value specified for {name}: {is}.")) }
        };
        match name {
            "BLOCKSIZE" => {
                let sound = number.is_power_of_two() && (512..=65_536).contains(&number);
                limit(sound, "it must be a power of 2 from 512 to 65536")?;
                self.block_size = Some(number);
            }
            "BUFFERCOUNT" => {
                limit(number > 0, "it must be above 0")?;
                self.buffer_count = Some(number);
            }
            "MAXTRANSFERSIZE" => {
                let sound = number.is_multiple_of(65_536) && (65_536..=4 << 20).contains(&number);
                limit(sound, "it must be a multiple of 65536 up to 4194304")?;
                self.max_transfer_size = Some(number);
            }
            "STATS" => {
                limit((1..=100).contains(&number), "it must be 1 to 100")?;
                self.stats = Some(number);
            }
            "SNAPSHOT" => self.snapshot = true,
            "NORECOVERY" => self.restoring = Some(Restoring::NoRecovery),
            "STANDBY" => self.restoring = Some(Restoring::Standby),
            "FILE" => {
                limit(number > 0, "it must be above 0")?;
                self.file = Some(number);
            }
            "REPLACE" => self.replace = true,
            "CHECKSUM" => self.checksum = true,
            "NO_CHECKSUM" => self.no_checksum = true,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_stands_once_and_the_tables_fit() {
        let mut names = std::collections::BTreeSet::new();
        for name in OPTIONS.iter().flat_map(|(.., names)| *names) {
            assert!(names.insert(*name), "{name} stands twice");
        }
        assert!(EITHER.iter().all(|group| group.len() > 1));
        assert!(EITHER.iter().flat_map(|group| *group).all(|name| names.contains(name)));
    }
}
