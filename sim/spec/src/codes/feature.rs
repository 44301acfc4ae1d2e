//! Feature bits of VDConfig.

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "serde")]
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
#[cfg(feature = "serde")]
use serde::ser::SerializeSeq;

use super::{Document, Source, UnknownName, closest};

/// One feature bit.
#[derive(Clone, Copy, Debug)]
pub struct FeatureInfo {
    /// The bit.
    pub bit: Features,
    /// Its name without the `VDF_` prefix of the headers.
    pub name: &'static str,
    /// Whether the server sets it rather than the client.
    pub set_by_server: bool,
    /// What it means, in our words.
    pub meaning: &'static str,
    /// Where it is published.
    pub source: Source,
}

/// A set of feature bits, as in the field `features` of VDConfig.
///
/// In files it is a list of names, or the number.
///
/// ```
/// use vdi_spec::codes::Features;
///
/// let tape = Features::FILE_MARKS | Features::REWIND;
/// assert_eq!(tape.to_string(), "Rewind|FileMarks");
/// assert_eq!("VDF_RandomAccess".parse(), Ok(Features::RANDOM_ACCESS));
/// assert_eq!("0x200".parse(), Ok(Features::RANDOM_ACCESS));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Features(pub u32);

macro_rules! features {
    ($( $constant:ident $name:ident = $value:literal, $server:literal, $meaning:literal, $source:expr; )+) => {
        impl Features {
            $( #[doc = $meaning] pub const $constant: Self = Self($value); )+
        }

        /// Every feature bit, from the lowest.
        pub static FEATURES: &[FeatureInfo] = &[
            $( FeatureInfo {
                bit: Features::$constant,
                name: stringify!($name),
                set_by_server: $server,
                meaning: $meaning,
                source: $source,
            }, )+
        ];
    };
}

const BITS: Source = Source::specification("Feature Bits");

features! {
    REMOVABLE Removable = 0x1, false, "Media can be changed (Load).", BITS;
    REWIND Rewind = 0x2, false, "The medium can be rewound.", BITS;
    POSITION Position = 0x10, false, "Positions can be asked for and returned to.", BITS;
    SKIP_BLOCKS SkipBlocks = 0x20, false, "Blocks can be skipped.", BITS;
    REVERSE_POSITION ReversePosition = 0x40, false, "Skipping works backwards too.", BITS;
    DISCARD Discard = 0x80, false, "The client wants to hear of a backup set thrown away.", BITS;
    FILE_MARKS FileMarks = 0x100, false, "The medium has filemarks.", BITS;
    RANDOM_ACCESS RandomAccess = 0x200, false, "The medium is addressed by byte.", BITS;
    SNAPSHOT_PREPARE SnapshotPrepare = 0x400, false, "The client wants PrepareToFreeze.", BITS;
    ENUM_FROZEN_FILES EnumFrozenFiles = 0x800, false, "The client wants to hear of the files.",
        Source::headers("vdi.h");
    VSS_WRITER VSSWriter = 0x1000, false, "The client is a VSS writer.", Source::headers("vdi.h");
    REQUEST_COMPLETE RequestComplete = 0x2000, false, "The client asks for Complete.",
        Source { document: Document::Kb3188454, topic: "VDF_RequestComplete" };
    WRITE_MEDIA WriteMedia = 0x1_0000, true, "The server will write: a BACKUP.", BITS;
    READ_MEDIA ReadMedia = 0x2_0000, true, "The server will read.", BITS;
    COMPLETE_ENABLED CompleteEnabled = 0x4_0000, true, "The server grants Complete.",
        Source { document: Document::Kb3188454, topic: "VDF_CompleteEnabled" };
    LATCH_STATS LatchStats = 0x8000_0000, false, "Internal statistics.", Source::headers("vdi.h");
}

/// A combination of features that the headers give a name: a kind of medium.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// The bits.
    pub bits: Features,
    /// Its name without the `VDF_` prefix of the headers.
    pub name: &'static str,
    /// What it means, in our words.
    pub meaning: &'static str,
    /// Where it is published.
    pub source: Source,
}

/// The kinds of media.
pub static KINDS: &[KindInfo] = &[
    KindInfo {
        bits: Features::LIKE_PIPE,
        name: "LikePipe",
        meaning: "Data goes by once, as through a pipe; Removable may be added.",
        source: BITS,
    },
    KindInfo {
        bits: Features::LIKE_TAPE,
        name: "LikeTape",
        meaning: "The medium has filemarks and is wound, as a tape is.",
        source: BITS,
    },
    KindInfo {
        bits: Features::LIKE_DISK,
        name: "LikeDisk",
        meaning: "The medium is addressed by byte, as a file is; Removable may be added.",
        source: BITS,
    },
];

impl Features {
    /// No feature: a pipe.
    pub const LIKE_PIPE: Self = Self(0);
    /// A tape.
    pub const LIKE_TAPE: Self = Self(0x173);
    /// A disk.
    pub const LIKE_DISK: Self = Self(0x200);

    /// The bits of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits of `self` that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Features as people write them: names of bits and kinds in any case, with `VDF_` or
    /// without, joined by `|`, `+` or `,`.
    ///
    /// ```
    /// use vdi_spec::codes::Features;
    ///
    /// let written = Features::written("VDF_LikePipe | removable");
    /// assert_eq!(written, Some(Features::REMOVABLE));
    /// ```
    #[must_use]
    pub fn written(text: &str) -> Option<Self> {
        let named = |word: &str| {
            let word = word.trim();
            let bare = word.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("VDF_"));
            let word = &word[bare.map_or(0, str::len)..];
            let bits = FEATURES.iter().map(|row| (row.name, row.bit));
            let mut all = bits.chain(KINDS.iter().map(|row| (row.name, row.bits)));
            all.find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, bits)| bits)
        };
        text.split(['|', '+', ',']).map(named).try_fold(Self(0), |all, bits| Some(all | bits?))
    }

    /// The names of the bits that have one, and what remains.
    #[must_use]
    pub fn names(self) -> (Vec<&'static str>, u32) {
        let known: Vec<_> = FEATURES.iter().filter(|row| self.contains(row.bit)).collect();
        let rest = known.iter().fold(self, |rest, row| rest.without(row.bit));
        (known.iter().map(|row| row.name).collect(), rest.0)
    }
}

impl std::ops::BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, rest) = self.names();
        let mut parts: Vec<Cow<'_, str>> = names.into_iter().map(Cow::Borrowed).collect();
        if rest != 0 || parts.is_empty() {
            parts.push(format!("0x{rest:X}").into());
        }
        f.pad(&parts.join("|"))
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Features {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let name = text.strip_prefix("VDF_").unwrap_or(text);
        let named = FEATURES.iter().find(|row| row.name == name).map(|row| row.bit);
        let numbered = || super::parse_number(text).map(Self);
        named.or_else(numbered).ok_or_else(|| UnknownName {
            kind: "feature",
            text: text.to_owned(),
            expected: "the name of a feature such as Removable, or its number",
            near: closest(text, FEATURES.iter().map(|row| row.name)),
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Features {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (names, rest) = self.names();
        if rest != 0 {
            return to.serialize_u32(self.0);
        }
        let mut list = to.serialize_seq(Some(names.len()))?;
        for name in names {
            list.serialize_element(name)?;
        }
        list.end()
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Features {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Features;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a list of feature names such as [\"Removable\"], or a number of 32 bits",
                )
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Features, E> {
                u32::try_from(number)
                    .map(Features)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Features, A::Error> {
                let mut bits = Features(0);
                while let Some(name) = list.next_element::<Cow<'de, str>>()? {
                    bits = bits | name.parse().map_err(A::Error::custom)?;
                }
                Ok(bits)
            }
        }
        from.deserialize_any(List)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Features {
    fn schema_name() -> Cow<'static, str> {
        "Features".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<String> = FEATURES
            .iter()
            .flat_map(|row| [row.name.to_owned(), format!("VDF_{}", row.name)])
            .collect();
        schemars::json_schema!({
            "description": "a list of feature names, or a number of 32 bits",
            "anyOf": [
                { "type": "array", "items": { "type": "string", "enum": names } },
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
            ],
        })
    }
}
