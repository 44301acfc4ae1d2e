//! The runtime with its calls recorded: the same functions, and a trace of who called
//! what when, for the oracle or `vdi check`.
//!
//! Read first: [`Recording`], [`ServerSet`], [`ClientSet`].
//!
//! A [`Recording`] wraps the halves of a set. Handles are named in the order of
//! their making: `sdev1`, `cdev1`, `c1`, `b1`. A lane is a thread, called as
//! [`vdi_trace::Recorder::lane`] says: name your threads. Whatever else a trace may tell, such as a
//! process that is killed, is recorded through [`Recording::recorder`].
//!
//! ```
//! use std::fs::File;
//! use std::thread;
//!
//! use vdi_spec::codes::{CommandCode, HResult, Win32};
//! use vdi_spec::config::{ServerConfig, VdConfig};
//! use vdi_recorder::{Recording, header};
//! use vdi_runtime::{Machine, Options, SendCommand, Timeout};
//! use vdi_trace::Recorder;
//!
//! let options = Options::default();
//! let file = std::env::temp_dir().join(format!("recorded-{}.jsonl", std::process::id()));
//! let recording = Recording::new(Recorder::new(File::create(&file)?, &header(&options))?);
//! let machine = Machine::in_memory(options);
//! let client = recording.client(machine.client_set());
//! let server = recording.server(machine.server_set());
//! client.create(None, "Backup", &VdConfig { device_count: 1, ..VdConfig::default() })?;
//!
//! let served = thread::Builder::new().name("main".to_owned()).spawn(move || {
//!     server.open(None, "Backup")?;
//!     let (block_size, max_transfer_size) = (512, 65_536);
//!     let part = ServerConfig { block_size, max_transfer_size, ..ServerConfig::default() };
//!     server.begin_configuration(&part)?;
//!     server.end_configuration()?;
//!     let agent = server.completion_agent()?;
//!     let agent = thread::Builder::new().name("agent".to_owned()).spawn(|| agent.execute());
//!     let device = server.open_device("Backup")?;
//!     let flush = || SendCommand {
//!         tag: 7,
//!         code: CommandCode::Flush,
//!         buffer: None,
//!         size: 0,
//!         position: 0,
//!         callback: Box::new(|_| ()),
//!     };
//!     while device.send_command(flush()) == Err(HResult::VD_E_PROTOCOL) {
//!         thread::yield_now();
//!     }
//!     device.close_device()?;
//!     agent.expect("a thread").join().expect("no panic")?;
//!     server.close()
//! })?;
//!
//! client.get_configuration(Timeout::Infinite)?;
//! let device = client.open_device("Backup")?;
//! let command = device.get_command(Timeout::Infinite)?;
//! assert_eq!(command.tag, 7);
//! device.complete_command(command.command, Win32::ERROR_SUCCESS, 0, 0)?;
//! assert_eq!(device.get_command(Timeout::Infinite).err(), Some(HResult::VD_E_CLOSE));
//! client.close()?;
//! served.join().expect("no panic")?;
//!
//! // And now: vdi check recorded.jsonl
//! assert!(recording.recorder().finish()? > 28);
//! # use vdi_check::{Verdict, check_reader};
//! # let text = std::fs::read(&file)?;
//! # std::fs::remove_file(&file)?;
//! # let judged = check_reader(&text[..], &vdi_spec::clauses::Profile::default());
//! # assert!(judged.error.is_none(), "{judged:?}");
//! # assert!(!matches!(judged.verdict, Verdict::Violation(_)), "{judged:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod elapsed;
pub mod gather;
pub mod half;
mod names;
mod recording;
mod server;
pub mod settings;
pub mod shared;
mod sync;

use vdi_runtime::Options;
use vdi_spec::clauses::Party;
use vdi_trace::{Declares, Header, Origin, Process, Recorded};

pub use client::{ClientDevice, ClientSet};
pub use elapsed::elapsed;
pub use recording::{Called, Recording};
pub use server::{CompletionAgent, ServerDevice, ServerSet};

/// The header of a trace of the runtime with these options, where things go wrong on purpose if
/// the environment asks the server for that (`VDI_FAULTS`): then its misuse is provoked.
#[must_use]
pub fn header_here(options: &Options) -> Header {
    let provoked = settings::FAULTS.get().map(|_| Party::Server);
    Header { provoked: provoked.into_iter().collect(), ..header(options) }
}

/// The header of a trace of the runtime with these options.
#[must_use]
pub fn header(options: &Options) -> Header {
    Header {
        source: Some(Origin {
            name: "vdi-runtime".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            setting: None,
        }),
        declares: Declares { queue_depth: u32::try_from(options.queue_depth).ok() },
        records: if options.virtual_time { vec![Recorded::Time] } else { Vec::new() },
        ..Header::default()
    }
}

impl Recording {
    /// The server's half, as `sset`.
    #[must_use]
    pub fn server(&self, set: vdi_runtime::ServerSet) -> ServerSet {
        ServerSet::new(self.of(Process::Server), set)
    }

    /// The primary client's half, as `cset`.
    #[must_use]
    pub fn client(&self, set: vdi_runtime::ClientSet) -> ClientSet {
        ClientSet::new(self.of(Process::Primary), set)
    }

    /// A secondary client's half; `number` is 1 to 9, and the interface is `x1set` to
    /// `x9set`.
    #[must_use]
    pub fn secondary(&self, number: u8, set: vdi_runtime::ClientSet) -> ClientSet {
        ClientSet::new(self.of(Process::Secondary(number)), set)
    }
}
