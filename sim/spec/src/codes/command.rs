//! The nineteen commands a server sends to a client.

use std::fmt;
use std::str::FromStr;

use super::symbol::serde_symbol;
use super::{Document, Features, Source, UnknownName, closest, parse_number};

/// What must have been agreed before a server may send a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Every client takes it.
    Always,
    /// At least one of these feature bits must be set.
    AnyFeature(Features),
    /// All of these feature bits must be set.
    AllFeatures(Features),
    /// Only in BACKUP WITH SNAPSHOT.
    SnapshotBackup,
    /// Only in RESTORE WITH SNAPSHOT.
    SnapshotRestore,
    /// The documents give no condition.
    Unspecified,
}

/// One row of the command table.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// The command.
    pub code: CommandCode,
    /// Its name without the `VDC_` prefix of the headers.
    pub name: &'static str,
    /// The name the headers give it.
    pub aliases: &'static [&'static str],
    /// When it may be sent.
    pub gate: Gate,
    /// Whether it carries a buffer and a size of data.
    pub moves_data: bool,
    /// What it asks of the client, in our words.
    pub meaning: &'static str,
    /// Where it is published.
    pub source: Source,
}

macro_rules! commands {
    ($( $name:ident = $value:literal, $gate:expr, $moves:literal, $meaning:literal, $source:expr; )+) => {
        /// A command code.
        ///
        /// ```
        /// use vdi_spec::codes::CommandCode;
        ///
        /// assert_eq!("VDC_Flush".parse::<CommandCode>()?, CommandCode::Flush);
        /// assert_eq!("12".parse::<CommandCode>()?.to_string(), "Flush");
        /// # Ok::<(), vdi_spec::codes::UnknownName>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum CommandCode { $( #[doc = $meaning] $name = $value, )+ }

        /// Every command, in the order of its number.
        pub static COMMANDS: &[CommandInfo] = &[
            $( CommandInfo {
                code: CommandCode::$name,
                name: stringify!($name),
                aliases: &[concat!("VDC_", stringify!($name))],
                gate: $gate,
                moves_data: $moves,
                meaning: $meaning,
                source: $source,
            }, )+
        ];

        impl CommandCode {
            /// Its name, always `Some`: the same shape as the other code types.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self { $( Self::$name => Some(stringify!($name)), )+ }
            }

            /// The command of this name, if it is a name.
            #[must_use]
            pub fn by_name(text: &str) -> Option<Self> {
                let text = text.strip_prefix("VDC_").unwrap_or(text);
                match text { $( stringify!($name) => Some(Self::$name), )+ _ => None }
            }

            /// The command of this number, 1 to 19.
            #[must_use]
            pub const fn from_number(number: u64) -> Option<Self> {
                match number { $( $value => Some(Self::$name), )+ _ => None }
            }
        }
    };
}

const fn spec(topic: &'static str) -> Source {
    Source::specification(topic)
}

commands! {
    Read = 1, Gate::Always, true, "Fill the buffer with the next data of the medium.", spec("Commands, Read");
    Write = 2, Gate::Always, true, "Store the data of the buffer.", spec("Commands, Write");
    ClearError = 3, Gate::Always, false, "Leave the error state; answered with success only.",
        spec("Command Error Handling");
    Rewind = 4, Gate::AnyFeature(Features::REWIND), false, "Go to the start of the data.",
        spec("Commands, Rewind");
    WriteMark = 5, Gate::AnyFeature(Features::FILE_MARKS), false, "Write a filemark.",
        spec("Commands, WriteMark");
    SkipMarks = 6, Gate::AnyFeature(Features::FILE_MARKS), false,
        "Skip filemarks; backwards only with ReversePosition.", spec("Commands, SkipMarks");
    SkipBlocks = 7, Gate::AnyFeature(Features::SKIP_BLOCKS), false,
        "Skip blocks; backwards only with ReversePosition.", spec("Commands, SkipBlocks");
    Load = 8, Gate::AnyFeature(Features::REMOVABLE), false,
        "Mount the next medium, ejecting the present one first if size is 1.", spec("Commands, Load");
    GetPosition = 9, Gate::AnyFeature(Features::POSITION.union(Features::RANDOM_ACCESS)), false,
        "Say where the medium stands.", spec("Commands, GetPosition");
    SetPosition = 10, Gate::AnyFeature(Features::POSITION.union(Features::RANDOM_ACCESS)), false,
        "Go to a position.", spec("Commands, SetPosition");
    Discard = 11, Gate::AnyFeature(Features::DISCARD), false,
        "The backup set is being thrown away.", spec("Commands, Discard");
    Flush = 12, Gate::Always, false, "Make all earlier writes durable; may come several times.",
        spec("Commands, Flush");
    Snapshot = 13, Gate::SnapshotBackup, false, "Take the snapshot; writes are frozen meanwhile.",
        spec("Commands, Snapshot");
    MountSnapshot = 14, Gate::SnapshotRestore, false, "Bring the snapshot back.",
        spec("Commands, MountSnapshot");
    PrepareToFreeze = 15, Gate::AnyFeature(Features::SNAPSHOT_PREPARE), false,
        "The freeze is about to come.", spec("Commands, PrepareToFreeze");
    FileInfoBegin = 16, Gate::AnyFeature(Features::ENUM_FROZEN_FILES), false,
        "File information follows.", Source::headers("vdi.h");
    FileInfoEnd = 17, Gate::AnyFeature(Features::ENUM_FROZEN_FILES), false,
        "File information ends.", Source::headers("vdi.h");
    GetError = 18, Gate::Unspecified, false, "Ask for an error.", Source::headers("vdi.h for Linux");
    Complete = 19, Gate::AllFeatures(Features::REQUEST_COMPLETE.union(Features::COMPLETE_ENABLED)), false,
        "All data has been sent; finish the medium before answering.",
        Source { document: Document::Kb3188454, topic: "VDC_Complete" };
}

impl CommandCode {
    #[cfg(feature = "schema")]
    const NUMBER_PATTERN: &str = r"^[0-9]{1,2}$";
    #[cfg(feature = "schema")]
    const LEAST: i64 = 1;

    #[cfg(feature = "serde")]
    const fn from_signed(_: i64) -> Option<Self> {
        None
    }

    /// The row of the table for this command.
    #[must_use]
    pub fn info(self) -> &'static CommandInfo {
        &COMMANDS[self as usize - 1]
    }

    /// The number the headers give it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for CommandCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}

impl FromStr for CommandCode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::by_name(text)
            .or_else(|| parse_number(text).and_then(|number| Self::from_number(number.into())))
            .ok_or_else(|| UnknownName {
                kind: "command",
                text: text.to_owned(),
                expected: "the name of a command such as Write, or its number",
                near: closest(text, COMMANDS.iter().map(|row| row.name)),
            })
    }
}

serde_symbol!(CommandCode, COMMANDS, "the name of a command such as Write, or its number");
