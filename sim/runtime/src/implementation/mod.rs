//! The implementation itself. The test `loom` compiles it a second time, with loom's
//! types in the place of `sync`.

mod agent;
mod allocator;
mod buffer;
mod client;
mod client_device;
mod client_state;
mod clock;
mod command;
mod encoded;
mod history;
mod host;
mod layout;
mod locked;
mod machine;
mod mapping;
#[cfg_attr(windows, path = "windows/names.rs")]
mod names;
#[cfg_attr(windows, path = "windows/object.rs")]
mod object;
mod processes;
mod record;
#[cfg_attr(windows, path = "windows/refusal.rs")]
mod refusal;
mod registry;
#[cfg(target_os = "linux")]
mod room;
mod secondary;
mod server;
mod server_device;
mod server_state;
mod server_table;
#[expect(unsafe_code, reason = "the one way to memory that processes share")]
mod shm;

pub use self::agent::CompletionAgent;
pub use self::buffer::{Buffer, BufferHandle, Bytes};
pub use self::client::ClientSet;
pub use self::client_device::ClientDevice;
pub use self::clock::Timeout;
pub use self::command::{Callback, CommandId, Completion, Delivered, MAX_QUEUE_DEPTH};
pub use self::history::{Mortal, Progress, SetHistory};
pub use self::host::{Observer, Options, Refusals, Still};
pub use self::machine::{Machine, remove_leftovers};
pub use self::registry::Process;
pub use self::server::ServerSet;
pub use self::server_device::{SendCommand, ServerDevice};
#[doc(hidden)]
#[cfg(target_os = "linux")]
pub use self::shm::SharedWords;
pub use self::shm::release_process;
