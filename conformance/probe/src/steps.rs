//! What a client does in a scenario: a table of steps, and nothing of what is to come of it.

use serde::{Deserialize, Serialize};
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_spec::config::VdConfig;

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Not at all.
    Poll,
    /// So many milliseconds.
    Milliseconds(u32),
    /// For ever.
    Forever,
    /// For ever, in parts of so many milliseconds; 0 polls again and again.
    Parts(u32),
}

/// What a device or a set is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// As the statement calls it.
    #[default]
    Own,
    /// As nothing is called.
    Unknown,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It backs the scenario's database up.
    Backup,
    /// It restores it, over itself.
    Restore,
}

/// A statement for the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What it does.
    pub verb: Verb,
    /// How many devices it names.
    pub devices: u8,
    /// What stands behind WITH, besides.
    pub with: String,
    /// Whether it names a database that is not there.
    pub of_nothing: bool,
}

/// One command of a kind that is answered otherwise than by doing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odd {
    /// The kind.
    pub command: CommandCode,
    /// Which of them, from 1.
    pub number: u32,
    /// The code it is completed with.
    pub code: Win32,
}

/// A device that is served: its commands are carried out and completed, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Which, from 1.
    pub device: u8,
    /// How long GetCommand may wait.
    pub wait: Wait,
    /// How many commands, if not until the device ends.
    pub commands: Option<u32>,
    /// One that is answered otherwise.
    pub odd: Option<Odd>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Create.
    Create(VdConfig),
    /// Create of the name that is in use, on another object of this process.
    CreateAgain(VdConfig),
    /// GetConfiguration.
    GetConfiguration(Wait),
    /// OpenDevice of this one, from 1.
    OpenDevice(u8, Naming),
    /// GetCommand; what comes is held.
    GetCommand(u8, Wait),
    /// GetCommand, each for so many milliseconds, until none is left; what comes is held.
    HoldAll(u8, u32),
    /// The oldest command that is held is carried out and completed.
    Complete(u8),
    /// Every command that is held is carried out and completed, the oldest first.
    CompleteAll(u8),
    /// The oldest command that is held is completed with this code, and 0 bytes.
    CompleteWith(u8, Win32),
    /// Of the commands that are held, the one before which so many came is completed with this
    /// code and these bytes, or else carried out.
    CompleteThe(u8, u32, Option<(Win32, u32)>),
    /// The command that was completed last is completed once more.
    CompleteAgain(u8),
    /// CompleteCommand of no command at all.
    CompleteNothing(u8),
    /// The oldest command that the first device holds is completed on the second.
    CompleteElsewhere(u8, u8),
    /// A device is served.
    Serve(Serving),
    /// GetBufferHandle of the oldest command that is held.
    BufferHandle(u8),
    /// GetBufferHandle of the buffer of the command that was completed last.
    CompletedBuffer(u8),
    /// GetBufferHandle of an address that is no buffer.
    StrayBuffer,
    /// MapBufferHandle of the last handle that was given, in whichever process.
    MapHandle,
    /// MapBufferHandle of what is no handle.
    StrayHandle,
    /// SignalAbort.
    SignalAbort,
    /// Close.
    Close,
    /// OpenInSecondary.
    OpenInSecondary(Naming),
    /// The statement is handed to the server.
    Issue(Asked),
    /// The statement comes to its end.
    Await,
    /// The process that has handed the statement over is killed: the server has lost it.
    Cancel,
    /// Nothing, for so many milliseconds: others come as far as they can.
    Pause(u32),
    /// These steps on a lane of their own.
    Start(String, Vec<Self>),
    /// That lane comes to its end.
    Join(String),
    /// That lane has taken so many steps, but for those of this kind, or has come to its end.
    After(String, usize),
    /// These steps in a process of their own, a secondary client; it comes to its end.
    Secondary(u8, Vec<Self>),
    /// What this process has open and mapped is counted. It is to be no more than when it was
    /// counted first, but for less than one thing for each of so many lives of a set.
    Count(u32),
    /// This process is killed.
    Die,
}

/// What a client asks for that wants so many devices.
#[must_use]
pub(crate) fn config(devices: u8) -> VdConfig {
    VdConfig { device_count: devices.into(), features: Features(0), ..VdConfig::default() }
}

/// A device served to its end.
#[must_use]
pub(crate) const fn serve(device: u8, wait: Wait) -> Step {
    Step::Serve(Serving { device, wait, commands: None, odd: None })
}

/// So many commands of a device served.
#[must_use]
pub(crate) const fn serve_some(device: u8, commands: u32) -> Step {
    Step::Serve(Serving { device, wait: Wait::Forever, commands: Some(commands), odd: None })
}

/// A statement, as it comes.
#[must_use]
pub(crate) fn issue(verb: Verb, devices: u8, with: &str) -> Step {
    Step::Issue(Asked { verb, devices, with: with.to_owned(), of_nothing: false })
}
