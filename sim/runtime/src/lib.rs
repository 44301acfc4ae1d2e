//! A real implementation of the Virtual Device Interface: server and client over
//! shared memory, between threads of one process or between processes.
//!
//! It is what the oracle is tried on, and what people can build on. It is written from
//! the documents and knows only [`codes`](vdi_spec::codes) and [`config`](vdi_spec::config):
//! sharing the model's code, it would prove nothing. To be read in this order:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `layout`, `record` | what is shared: a `repr(C)` layout of atomics, rings, records |
//! | `shm` | the one way to that memory, everything unsafe: what is cut off, what dies |
//! | `mapping` | a set in that memory: its state, how it ends, how calls wait |
//! | `host`, `processes`, `clock` | what was chosen, who lives, time-outs |
//! | `object`, `names`, `registry`, `machine` | shared memory objects; where sets are found by name |
//! | `kernel` | on Windows, everything that is asked of it |
//! | `command` | commands and completions, as both sides see them |
//! | `server_state`, `server_table`, `allocator` | the server's own: its commands, its buffers |
//! | `server`, `server_device`, `agent` | the server's functions |
//! | `client_state` | what a client has of its own |
//! | `client`, `client_device`, `secondary` | the client's functions |
//! | `buffer` | shared bytes, without copying |
//! | `addressed` | commands by their addresses, for libraries with a binary interface |
//! | `history` | what recorders share |
//!
//! Read first: [`Machine`], [`ServerSet`], [`ClientSet`].
//!
//! **How it works.** Every end of a set is decided on one shared word. A device is two
//! rings, each with one writer and one reader: requests to the client, completions
//! back. Who waits listens to a bell, looks, and sleeps until it rings; the interface
//! starts no thread of its own. What each side needs for its own safety it keeps in
//! its own memory: the server decides how each command ends, and believes a client
//! only about commands that are outstanding. What is read from shared memory is
//! checked; what cannot be aborts the set with VD_E_UNEXPECTED.
//!
//! **Death.** Each side holds a lock on the set's object (`fcntl`, of the open file
//! description), which the kernel drops when the process dies or executes another program:
//! who holds it lives, in whatever pid, user, time or mount namespace, and no number of a
//! process is asked. Between processes a sleeping call looks every 20 milliseconds whether
//! the others live, and every call looks when it begins, unless another has in the same tick of
//! the system's clock, of some milliseconds; what it has seen of them it
//! remembers in its own memory. If the server or the primary client has died, the set is
//! aborted. The death of a secondary client goes unnoticed, as documented. A child by fork
//! lets go of the locks before fork returns; a child by a bare clone system call does not,
//! and its parent lives as long as it. The survivor's Close takes the shared memory object
//! away; where the dead one was of another user, the system may refuse that, and the object
//! stays until that user creates a set of the same name.
//!
//! **Windows.** `object`, `names`, `refusal` and, within `shm`, `mapping`, `description` and
//! `guard` are there a second time, in folders of that name: sections in the place of files,
//! marks in the place of locks, semaphores in the place of futexes.
//!
//! **Memory that goes.** Who cuts the object short ends nobody: a handler of SIGBUS puts
//! zeros into the place of what is gone, for this library's accesses and the program's
//! own alike, and the next call says VD_E_UNEXPECTED and aborts. What a former handler was
//! there for, it still does.
//!
//! **Races.** The test `loom` compiles this source a second time, with loom's types for
//! what `sync` holds, tries the order of events in every race that the documents speak
//! of, and holds what is seen within what the model allows. `seeded` marks the places
//! where it seeds a mutant, to show that it would notice.
//!
//! **Readings.** Where the documents contradict themselves it follows the default
//! profile of this project.
//!
//! A server that backs up some bytes, and a client that takes them:
//!
//! ```
//! use std::thread;
//!
//! use vdi_spec::codes::{CommandCode, HResult, Win32};
//! use vdi_spec::config::{ServerConfig, VdConfig};
//! use vdi_runtime::{Machine, Options, SendCommand, Timeout};
//!
//! let machine = Machine::in_memory(Options::default());
//! let client = machine.client_set();
//! client.create(None, "Backup", &VdConfig { device_count: 1, ..VdConfig::default() })?;
//!
//! let server = machine.server_set();
//! let backup = thread::spawn(move || -> Result<(), HResult> {
//!     server.open(None, "Backup")?;
//!     let (block_size, max_transfer_size) = (512, 65_536);
//!     let part = ServerConfig { block_size, max_transfer_size, ..ServerConfig::default() };
//!     server.begin_configuration(&part)?;
//!     server.request_buffers(65_536, 0, 1)?;
//!     server.end_configuration()?;
//!     let agent = server.completion_agent()?;
//!     let agent = thread::spawn(move || agent.execute());
//!     let device = server.open_device("Backup")?;
//!     let buffer = server.allocate_buffer(65_536, 0)?;
//!     buffer.bytes().expect("allocated").copy_from(b"all my data");
//!     let (done, ended) = std::sync::mpsc::channel();
//!     let write = || SendCommand {
//!         tag: 0,
//!         code: CommandCode::Write,
//!         buffer: Some(buffer.clone()),
//!         size: 11,
//!         position: 0,
//!         callback: { let done = done.clone(); Box::new(move |how| done.send(how).unwrap()) },
//!     };
//!     // Until the client has opened its device, and the agent runs, it is too early.
//!     while device.send_command(write()) == Err(HResult::VD_E_PROTOCOL) {
//!         ended.recv().expect("refused commands are called back, too");
//!         thread::yield_now();
//!     }
//!     assert_eq!(ended.recv().expect("called back").bytes, 11);
//!     device.close_device()?;
//!     agent.join().expect("no panic")?;
//!     server.close()
//! });
//!
//! client.get_configuration(Timeout::Infinite)?;
//! let device = client.open_device("Backup")?;
//! let command = device.get_command(Timeout::Infinite)?;
//! let mut data = vec![0; command.size as usize];
//! command.buffer.expect("a Write has one").bytes().expect("ours").copy_to(&mut data);
//! assert_eq!(data, b"all my data");
//! device.complete_command(command.command, Win32::ERROR_SUCCESS, 11, 0)?;
//! assert_eq!(device.get_command(Timeout::Infinite).err(), Some(HResult::VD_E_CLOSE));
//! client.close()?;
//! backup.join().expect("no panic")?;
//! # Ok::<(), HResult>(())
//! ```

#![cfg(any(target_os = "linux", windows))]

#[expect(unsafe_code, reason = "memory that a client reads by its address")]
mod addressed;
mod implementation;
#[cfg(windows)]
#[expect(unsafe_code, reason = "the one way to the objects of Windows")]
mod kernel;
mod sync;

pub use addressed::{AddressedCommand, AddressedCommands};
pub use implementation::*;
#[cfg(windows)]
#[doc(hidden)]
pub use kernel::{Job, elapsed};
