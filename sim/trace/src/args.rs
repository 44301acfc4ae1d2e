//! Arguments and results of calls, by name.

#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Name;
use vdi_spec::codes::{CommandCode, Features, Win32, closest};
use vdi_spec::config::VdConfig;

/// A size in bytes, or a signed count; written as a number, or with a unit: `"64KiB"`.
///
/// ```
/// use vdi_trace::Size;
///
/// assert_eq!(serde_json::from_str::<Size>(r#""1GiB""#)?, Size(1024 * 1024 * 1024));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Size(pub i64);

/// A time-out: milliseconds, or `"infinite"`. 0 polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeoutArg {
    /// Milliseconds.
    Milliseconds(u32),
    /// For ever.
    Infinite,
}

/// A command code or a completion code, as the function has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeArg {
    /// Of SendCommand.
    Command(CommandCode),
    /// Of CompleteCommand.
    Completion(Win32),
    /// Written as a number: either.
    Number(u32),
}

/// A handle as an argument: a name, or a null pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Handle<'a> {
    /// The null pointer, written `null`.
    Null,
    /// A name.
    Name(Name<'a>),
}

macro_rules! args {
    ($( $(#[$meta:meta])* $field:ident: $type:ty, $name:literal; )+) => {
        /// The arguments of a call. Which of them a function takes is in its
        /// row of [`super::FUNCTIONS`].
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub struct Args<'a> { $(
            $(#[$meta])*
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,
        )+ }

        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, reason = "one variant per field, named like it")]
        enum Bit { $( $field, )+ }

        impl ArgSet {
            $( #[doc = concat!("The argument `", $name, "`.")]
            #[expect(non_upper_case_globals, reason = "named like the field")]
            pub const $field: Self = Self(1 << Bit::$field as u32); )+

            /// The names in this set.
            #[must_use]
            pub fn names(self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $( if self.intersects(Self::$field) { names.push($name); } )+
                names
            }
        }

        impl Args<'_> {
            /// Which arguments are given.
            #[must_use]
            pub fn given(&self) -> ArgSet {
                let mut set = ArgSet::NONE;
                $( if self.$field.is_some() { set = set.with(ArgSet::$field); } )+
                set
            }
        }
    };
}

/// A set of argument names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgSet(u32);

impl ArgSet {
    /// No argument.
    pub const NONE: Self = Self(0);

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in `self` and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the sets share a name.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

args! {
    /// Name of a set or a device.
    #[serde(borrow)]
    name: Name<'a>, "name";
    /// Instance name.
    #[serde(borrow)]
    instance: Name<'a>, "instance";
    /// What the client asks for.
    config: Box<VdConfig>, "config";
    /// Feature bits the server grants.
    features: Features, "features";
    /// Alignment in bytes; 0 is the basic alignment.
    alignment: u32, "alignment";
    /// Block size in bytes.
    block_size: u32, "blockSize";
    /// Largest transfer in bytes.
    max_transfer_size: u32, "maxTransferSize";
    /// Milliseconds, or "infinite".
    timeout: TimeoutArg, "timeout";
    /// Bytes; for skips a signed count.
    size: Size, "size";
    /// How many buffers.
    count: u32, "count";
    /// A buffer, or null.
    #[serde(borrow, deserialize_with = "some_handle")]
    buffer: Handle<'a>, "buffer";
    /// A handle of a buffer, or null.
    #[serde(borrow, deserialize_with = "some_handle")]
    handle: Handle<'a>, "handle";
    /// A command, or null.
    #[serde(borrow, deserialize_with = "some_handle")]
    command: Handle<'a>, "command";
    /// Of SendCommand: the command code. Of CompleteCommand: the completion code.
    code: CodeArg, "code";
    /// Bytes moved.
    bytes: u32, "bytes";
    /// A position on the medium.
    position: u64, "position";
    /// The completion routine does not return until it is told to.
    hold: bool, "hold";
}

/// Reads arguments that borrow nothing.
///
/// # Errors
/// They are not arguments.
pub fn owned_args<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Args<'static>>, D::Error> {
    Ok(Box::new(Args::deserialize(from)?.into_owned()))
}

/// Reads results that borrow nothing.
///
/// # Errors
/// They are not results.
pub fn owned_out<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Out<'static>>, D::Error> {
    Ok(Box::new(Out::deserialize(from)?.into_owned()))
}

/// A null stands for the null pointer, not for a missing argument.
fn some_handle<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Handle<'de>>, D::Error> {
    Handle::deserialize(from).map(Some)
}

/// What a call gives besides its status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Out<'a> {
    /// The configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Box<VdConfig>>,
    /// The command delivered.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub command: Option<Name<'a>>,
    /// Its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CommandCode>,
    /// Its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Its position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Its buffer.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Name<'a>>,
    /// How many buffers are available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The address of the data zone of the buffer in the server's process; any
    /// base aligned to 64 KiB, the same for all buffers of a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// Whether a pointer is that of a shared buffer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
}

impl Args<'_> {
    /// The same arguments, owned.
    #[must_use]
    pub fn into_owned(self) -> Args<'static> {
        Args {
            name: self.name.map(Name::into_owned),
            instance: self.instance.map(Name::into_owned),
            buffer: self.buffer.map(Handle::into_owned),
            handle: self.handle.map(Handle::into_owned),
            command: self.command.map(Handle::into_owned),
            config: self.config,
            features: self.features,
            alignment: self.alignment,
            block_size: self.block_size,
            max_transfer_size: self.max_transfer_size,
            timeout: self.timeout,
            size: self.size,
            count: self.count,
            code: self.code,
            bytes: self.bytes,
            position: self.position,
            hold: self.hold,
        }
    }
}

impl Out<'_> {
    /// The same results, owned.
    #[must_use]
    pub fn into_owned(self) -> Out<'static> {
        Out {
            config: self.config,
            command: self.command.map(Name::into_owned),
            code: self.code,
            size: self.size,
            position: self.position,
            buffer: self.buffer.map(Name::into_owned),
            count: self.count,
            address: self.address,
            shared: self.shared,
        }
    }
}

impl Handle<'_> {
    /// The name, unless it is null.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Null => None,
            Self::Name(name) => Some(name.as_str()),
        }
    }

    /// The same handle, owned.
    #[must_use]
    pub fn into_owned(self) -> Handle<'static> {
        match self {
            Self::Null => Handle::Null,
            Self::Name(name) => Handle::Name(name.into_owned()),
        }
    }
}

impl Serialize for Handle<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(to)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Handle<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<Name<'a>>::deserialize(from)?.map_or(Self::Null, Self::Name))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Handle<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Handle".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a handle's name, or null for a null pointer",
            "type": ["string", "null"],
        })
    }
}

const SIZE_EXPECTED: &str = "a number of bytes, or one with a unit such as \"64KiB\" or \"1MiB\"";

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SIZE_EXPECTED)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Size, E> {
                i64::try_from(number)
                    .map(Size)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Size, E> {
                Ok(Size(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit = match &text[digits.len()..] {
                    "" | "B" => Some(1),
                    "KiB" => Some(1024),
                    "MiB" => Some(1024 * 1024),
                    "GiB" => Some(1024 * 1024 * 1024),
                    _ => None,
                };
                unit.zip(digits.trim_end().parse::<i64>().ok())
                    .and_then(|(unit, number)| number.checked_mul(unit))
                    .map(Size)
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": SIZE_EXPECTED,
            "anyOf": [
                { "type": "integer" },
                { "type": "string", "pattern": "^-?[0-9]+ ?(B|KiB|MiB|GiB)?$" },
            ],
        })
    }
}

const TIMEOUT_EXPECTED: &str = "milliseconds (0 polls), or \"infinite\"";

impl Serialize for TimeoutArg {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Milliseconds(number) => to.serialize_u32(*number),
            Self::Infinite => to.serialize_str("infinite"),
        }
    }
}

impl<'de> Deserialize<'de> for TimeoutArg {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = TimeoutArg;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(TIMEOUT_EXPECTED)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<TimeoutArg, E> {
                u32::try_from(number)
                    .map(TimeoutArg::Milliseconds)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TimeoutArg, E> {
                match text {
                    "infinite" => Ok(TimeoutArg::Infinite),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TimeoutArg {
    fn schema_name() -> Cow<'static, str> {
        "Timeout".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": TIMEOUT_EXPECTED,
            "anyOf": [
                { "const": "infinite" },
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
            ],
        })
    }
}

impl CodeArg {
    /// As a command code.
    #[must_use]
    pub fn command(self) -> Option<CommandCode> {
        match self {
            Self::Command(code) => Some(code),
            Self::Number(number) => number.to_string().parse().ok(),
            Self::Completion(_) => None,
        }
    }

    /// As a completion code.
    #[must_use]
    pub const fn completion(self) -> Option<Win32> {
        match self {
            Self::Completion(code) => Some(code),
            Self::Number(number) => Some(Win32(number)),
            Self::Command(_) => None,
        }
    }
}

const CODE_EXPECTED: &str =
    "a command such as Write, a completion code such as ERROR_SUCCESS, or a number";

impl Serialize for CodeArg {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Command(code) => code.serialize(to),
            Self::Completion(code) => code.serialize(to),
            Self::Number(number) => to.serialize_u32(*number),
        }
    }
}

impl<'de> Deserialize<'de> for CodeArg {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = CodeArg;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(CODE_EXPECTED)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<CodeArg, E> {
                u32::try_from(number)
                    .map(CodeArg::Number)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<CodeArg, E> {
                if let Some(number) = vdi_spec::codes::parse_number(text) {
                    return Ok(CodeArg::Number(number));
                }
                let command = CommandCode::by_name(text).map(CodeArg::Command);
                let known = command.or_else(|| Win32::by_name(text).map(CodeArg::Completion));
                known.ok_or_else(|| {
                    let names = vdi_spec::codes::COMMANDS.iter().map(|row| row.name);
                    let known = names.chain(vdi_spec::codes::WIN32.iter().map(|row| row.name));
                    let near = closest(text, known)
                        .map(|name| format!(" (did you mean `{name}`?)"))
                        .unwrap_or_default();
                    E::custom(format_args!("unknown code `{text}`, expected {CODE_EXPECTED}{near}"))
                })
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CodeArg {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let command = generator.subschema_for::<CommandCode>();
        let completion = generator.subschema_for::<Win32>();
        schemars::json_schema!({ "description": CODE_EXPECTED, "anyOf": [command, completion] })
    }
}
