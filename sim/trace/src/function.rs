//! The functions of the interface: who calls them on what, with which arguments.

use std::fmt;
use std::str::FromStr;

use super::ArgSet as A;
use vdi_spec::clauses::Party;
use vdi_spec::codes::{UnknownName, closest};

/// What a function is called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A set interface.
    Set,
    /// A device interface.
    Device,
}

/// What a function makes, to be named with `as`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creates {
    /// Nothing.
    Nothing,
    /// A device interface.
    Device,
    /// A buffer.
    Buffer,
    /// A command.
    Command,
    /// A handle of a buffer, good in every client process of the set.
    BufferHandle,
}

/// One row of the function table.
#[derive(Clone, Copy, Debug)]
pub struct FunctionInfo {
    /// The function.
    pub function: Function,
    /// Who calls it.
    pub party: Party,
    /// What it is called on.
    pub target: Target,
    /// What it makes.
    pub creates: Creates,
    /// Arguments that must be given.
    pub required: A,
    /// Arguments that may be given.
    pub optional: A,
}

macro_rules! functions {
    ($( $name:ident $(aka $alias:literal)*; )+) => {
        /// A function of the interface, by the name the documents give it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the documents' own")]
        pub enum Function { $( $name, )+ }

        impl Function {
            /// Every function name.
            pub const ALL: &[Self] = &[$( Self::$name, )+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )+ }
            }

            pub(super) fn by_name(text: &str) -> Option<Self> {
                match text { $( stringify!($name) $(| $alias)* => Some(Self::$name), )+ _ => None }
            }
        }
    };
}

functions! {
    Open;
    GetConfiguration;
    BeginConfiguration aka "SetConfiguration";
    RequestBuffers;
    QueryAvailableBuffers;
    EndConfiguration aka "CompleteConfiguration";
    ExecuteCompletionAgent;
    OpenDevice;
    AllocateBuffer aka "GetBuffer";
    FreeBuffer;
    SignalAbort;
    Close;
    SendCommand;
    CloseDevice;
    Create;
    CreateEx;
    GetCommand;
    CompleteCommand;
    IsSharedBuffer;
    OpenInSecondary;
    OpenInSecondaryEx;
    GetBufferHandle;
    MapBufferHandle;
}

const fn row(
    party: Party,
    target: Target,
    function: Function,
    creates: Creates,
    required: A,
    optional: A,
) -> FunctionInfo {
    FunctionInfo { function, party, target, creates, required, optional }
}

use Creates::{Buffer, BufferHandle, Command, Device as MakesDevice, Nothing};
use Party::{Client, Server};
use Target::{Device, Set};

/// Every function of each party.
pub static FUNCTIONS: &[FunctionInfo] = &[
    row(Server, Set, Function::Open, Nothing, A::name, A::instance),
    row(Server, Set, Function::GetConfiguration, Nothing, A::NONE, A::NONE),
    row(
        Server,
        Set,
        Function::BeginConfiguration,
        Nothing,
        A::block_size.with(A::max_transfer_size),
        A::features.with(A::alignment).with(A::timeout),
    ),
    row(Server, Set, Function::RequestBuffers, Nothing, A::size.with(A::count), A::alignment),
    row(Server, Set, Function::QueryAvailableBuffers, Nothing, A::size, A::alignment),
    row(Server, Set, Function::EndConfiguration, Nothing, A::NONE, A::NONE),
    row(Server, Set, Function::ExecuteCompletionAgent, Nothing, A::NONE, A::NONE),
    row(Server, Set, Function::OpenDevice, MakesDevice, A::name, A::NONE),
    row(Server, Set, Function::AllocateBuffer, Buffer, A::size, A::alignment),
    row(Server, Set, Function::FreeBuffer, Nothing, A::buffer, A::size),
    row(Server, Set, Function::IsSharedBuffer, Nothing, A::buffer, A::NONE),
    row(Server, Set, Function::SignalAbort, Nothing, A::NONE, A::NONE),
    row(Server, Set, Function::Close, Nothing, A::NONE, A::NONE),
    row(
        Server,
        Device,
        Function::SendCommand,
        Command,
        A::code,
        A::buffer.with(A::size).with(A::position).with(A::hold),
    ),
    row(Server, Device, Function::CloseDevice, Nothing, A::NONE, A::NONE),
    row(Client, Set, Function::Create, Nothing, A::name.with(A::config), A::NONE),
    row(Client, Set, Function::CreateEx, Nothing, A::name.with(A::config), A::instance),
    row(Client, Set, Function::GetConfiguration, Nothing, A::timeout, A::NONE),
    row(Client, Set, Function::OpenDevice, MakesDevice, A::name, A::NONE),
    row(Client, Set, Function::SignalAbort, Nothing, A::NONE, A::NONE),
    row(Client, Set, Function::Close, Nothing, A::NONE, A::NONE),
    row(Client, Set, Function::OpenInSecondary, Nothing, A::name, A::NONE),
    row(Client, Set, Function::OpenInSecondaryEx, Nothing, A::name, A::instance),
    row(Client, Set, Function::GetBufferHandle, BufferHandle, A::buffer, A::NONE),
    row(Client, Set, Function::MapBufferHandle, Nothing, A::handle, A::NONE),
    row(Client, Device, Function::GetCommand, Nothing, A::timeout, A::NONE),
    row(
        Client,
        Device,
        Function::CompleteCommand,
        Nothing,
        A::command.with(A::code),
        A::bytes.with(A::position),
    ),
];

/// The row of a function as one party has it, if it has it.
#[must_use]
pub fn function(party: Party, function: Function) -> Option<&'static FunctionInfo> {
    FUNCTIONS.iter().find(|row| row.party == party && row.function == function)
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Function {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::by_name(text).ok_or_else(|| UnknownName {
            kind: "function",
            text: text.to_owned(),
            expected: "a function of the interface such as GetCommand",
            near: closest(text, Self::ALL.iter().map(|function| function.name())),
        })
    }
}

impl serde::Serialize for Function {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Function {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::Name::deserialize(from)?.as_str().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Function {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Function".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::ALL
            .iter()
            .map(|function| function.name())
            .chain(["SetConfiguration", "CompleteConfiguration", "GetBuffer"])
            .collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}
