//! The messages of client protocol 1, in which a client program in any language takes the
//! place of ours in a world; `conformance/adapters/CLIENT.md` tells what they mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vdi_simulate::Arrangement;
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, Found, Function, Out, Process, Reported, owned_args};

use vdi_suite::adapter::protocol::Implementation;

/// The version spoken here.
pub const VERSION: u64 = 1;

/// From the simulator to a client program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ToClient {
    /// The first line.
    Hello {
        /// Protocol version.
        protocol: u64,
        /// Version of the suite.
        suite: String,
    },
    /// Another world: forget everything.
    World {
        /// Its seed; for people.
        seed: u64,
    },
    /// One of its threads goes on.
    Turn {
        /// The thread, as a lane: `primary.main`, `primary.sql`, `primary.t1`,
        /// `secondary1.main`.
        lane: String,
        /// What it is told.
        #[serde(flatten)]
        told: TurnOf,
    },
    /// Answer to `read`.
    Data {
        /// The bytes in base64; `null` if the buffer cannot be used any more.
        bytes: Option<String>,
    },
    /// Answer to `write`.
    Written {
        /// Whether the buffer can still be used.
        found: Found,
    },
    /// Finish and exit.
    Bye,
}

impl ToClient {
    /// The greeting of this version.
    #[must_use]
    pub fn hello() -> Self {
        Self::Hello { protocol: VERSION, suite: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Job {
    /// BACKUP.
    Backup,
    /// RESTORE, of what the BACKUP of this world left.
    Restore,
}

/// What a thread is told as its turn comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "told", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TurnOf {
    /// A statement is to be carried out.
    Begins {
        /// Which.
        statement: Job,
        /// The name of the set.
        set: String,
        /// The names of its devices.
        devices: Vec<String>,
        /// What to ask for.
        config: Box<VdConfig>,
        /// Which threads and processes there are for the devices.
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        arrangement: Arrangement,
    },
    /// Its call has returned.
    Returned {
        /// The function.
        call: Function,
        /// The status.
        status: HResult,
        /// What it gave.
        #[serde(skip_serializing_if = "is_nothing")]
        out: Box<Out<'static>>,
    },
    /// What it wanted has been done; of a wait: something has happened.
    Done,
    /// Another process of the client has died.
    Died {
        /// Which.
        process: Process,
    },
    /// The SQL statement has ended.
    Statement {
        /// Whether it succeeded.
        succeeded: bool,
    },
}

fn is_nothing(out: &Out<'static>) -> bool {
    *out == Out::default()
}

/// From a client program to the simulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum FromClient {
    /// Answer to the greeting.
    Hello(ClientHello),
    /// Answer to `world`.
    Ready,
    /// In a turn: the bytes of a Write are asked for.
    Read {
        /// The command.
        command: String,
    },
    /// In a turn: the buffer of a Read is filled.
    Write {
        /// The command.
        command: String,
        /// The bytes in base64.
        bytes: String,
    },
    /// The thread calls a function.
    Call {
        /// The function.
        call: Function,
        /// Of a device's function: the name of the device.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on: Option<String>,
        /// Its arguments.
        #[serde(default, deserialize_with = "owned_args")]
        args: Box<Args<'static>>,
    },
    /// It hands the SQL statement to the server.
    Issue,
    /// It waits for so many milliseconds of virtual time.
    Sleep {
        /// How many.
        milliseconds: u32,
    },
    /// It waits for the SQL statement to end.
    AwaitStatement,
    /// It waits until something has happened.
    Wait,
    /// It tells its own caller how it ended.
    Report {
        /// What it tells.
        report: Reported,
    },
    /// The thread has come to its end.
    End,
    /// The program itself failed.
    Trouble {
        /// What is wrong.
        message: String,
    },
}

/// What a client program says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientHello {
    /// Protocol version.
    pub protocol: u64,
    /// The program.
    pub client: Implementation,
    /// Options that its worlds must have, by their names as `--set` has them: a value, or a
    /// list of the values it can live with.
    #[serde(default)]
    pub options: BTreeMap<String, Value>,
}
