//! What may stand behind WITH: every option that is understood, and which of them go together.

use super::statement::Verb;

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
    /// How often, in percent, it is told how far the statement is.
    pub stats: Option<u32>,
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

/// Every option that is understood. Those without effect are accepted, and nothing that a
/// client could see depends on them: no medium is overwritten or appended to here, a backup
/// is always one of everything, and data is neither compressed nor encrypted.
const OPTIONS: &[(&str, Value, For, Effect)] = &[
    ("BLOCKSIZE", Value::Number, For::Both, Effect::Some),
    ("BUFFERCOUNT", Value::Number, For::Both, Effect::Some),
    ("CHECKSUM", Value::Nothing, For::Both, Effect::Some),
    ("COMPRESSION", Value::MaybeList, For::Backup, Effect::None),
    ("CONTINUE_AFTER_ERROR", Value::Nothing, For::Both, Effect::None),
    ("COPY_ONLY", Value::Nothing, For::Backup, Effect::None),
    ("CREDENTIAL", Value::Any, For::Both, Effect::None),
    ("DESCRIPTION", Value::Any, For::Backup, Effect::None),
    ("DIFFERENTIAL", Value::Nothing, For::Backup, Effect::None),
    ("ENABLE_BROKER", Value::Nothing, For::Restore, Effect::None),
    ("ENCRYPTION", Value::List, For::Backup, Effect::None),
    ("ERROR_BROKER_CONVERSATIONS", Value::Nothing, For::Restore, Effect::None),
    ("EXPIREDATE", Value::Any, For::Backup, Effect::None),
    ("FILE", Value::Number, For::Restore, Effect::None),
    ("FILESTREAM", Value::List, For::Restore, Effect::None),
    ("FILE_SNAPSHOT", Value::Nothing, For::Backup, Effect::Unsupported),
    ("FORMAT", Value::Nothing, For::Backup, Effect::None),
    ("INIT", Value::Nothing, For::Backup, Effect::None),
    ("KEEP_CDC", Value::Nothing, For::Restore, Effect::None),
    ("KEEP_REPLICATION", Value::Nothing, For::Restore, Effect::None),
    ("KEEP_TEMPORAL_RETENTION", Value::Nothing, For::Restore, Effect::None),
    ("LOADHISTORY", Value::Nothing, For::Restore, Effect::Unsupported),
    ("MAXTRANSFERSIZE", Value::Number, For::Both, Effect::Some),
    ("MEDIADESCRIPTION", Value::Any, For::Backup, Effect::None),
    ("MEDIANAME", Value::Any, For::Both, Effect::None),
    ("MEDIAPASSWORD", Value::Any, For::Both, Effect::None),
    ("METADATA_ONLY", Value::Nothing, For::Both, Effect::Unsupported),
    ("MOVE", Value::Move, For::Restore, Effect::None),
    ("NAME", Value::Any, For::Backup, Effect::None),
    ("NEW_BROKER", Value::Nothing, For::Restore, Effect::None),
    ("NOFORMAT", Value::Nothing, For::Backup, Effect::None),
    ("NOINIT", Value::Nothing, For::Backup, Effect::None),
    ("NORECOVERY", Value::Nothing, For::Both, Effect::None),
    ("NOREWIND", Value::Nothing, For::Both, Effect::None),
    ("NOSKIP", Value::Nothing, For::Backup, Effect::None),
    ("NOUNLOAD", Value::Nothing, For::Both, Effect::None),
    ("NO_CHECKSUM", Value::Nothing, For::Both, Effect::Some),
    ("NO_COMPRESSION", Value::Nothing, For::Backup, Effect::None),
    ("NO_TRUNCATE", Value::Nothing, For::Backup, Effect::None),
    ("PARTIAL", Value::Nothing, For::Restore, Effect::None),
    ("PASSWORD", Value::Any, For::Both, Effect::None),
    ("RECOVERY", Value::Nothing, For::Restore, Effect::None),
    ("REPLACE", Value::Nothing, For::Restore, Effect::None),
    ("RESTART", Value::Nothing, For::Both, Effect::None),
    ("RESTRICTED_USER", Value::Nothing, For::Restore, Effect::None),
    ("RETAINDAYS", Value::Number, For::Backup, Effect::None),
    ("REWIND", Value::Nothing, For::Both, Effect::None),
    ("SKIP", Value::Nothing, For::Backup, Effect::None),
    ("SNAPSHOT", Value::Nothing, For::Both, Effect::Some),
    ("STANDBY", Value::Any, For::Both, Effect::None),
    ("STATS", Value::Percent, For::Both, Effect::Some),
    ("STOPAT", Value::Any, For::Restore, Effect::None),
    ("STOPATMARK", Value::Mark, For::Restore, Effect::None),
    ("STOPBEFOREMARK", Value::Mark, For::Restore, Effect::None),
    ("STOP_ON_ERROR", Value::Nothing, For::Both, Effect::None),
    ("UNLOAD", Value::Nothing, For::Both, Effect::None),
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
        let all = OPTIONS.iter().filter(|(.., effect)| *effect == wanted);
        all.map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
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
    let known = OPTIONS.iter().find(|(known, _, to, _)| *known == name && fits(*to));
    known.map(|(name, value, _, effect)| (*name, *value, *effect))
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
    fn the_tables_are_sorted_and_fit() {
        assert!(OPTIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let known = |name: &str| OPTIONS.iter().any(|(known, ..)| *known == name);
        assert!(EITHER.iter().all(|group| group.len() > 1 && group.iter().all(|one| known(one))));
    }
}
