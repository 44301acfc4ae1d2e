//! The plain implementation as an adapter: handles by name, calls by function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

use vdi_sim::clauses::Party;
use vdi_sim::codes::{CommandCode, HResult};
use vdi_sim::config::ServerConfig;
use vdi_sim::trace::{Args, Declares, Found, Function, Name, Out, Process, Size, TimeoutArg};

use super::inprocess::{Call, Host, Implementation, InProcess, Reply, Session};
use super::protocol::{self, Hello, Offer, VERSION};
use crate::plain::{
    BufferHandle, BufferId, ClientDevice, ClientSet, CommandId, Completion, Defect, Gone, Observer,
    Options, SendCommand, ServerDevice, ServerSet, Timeout, World,
};

/// Commands that may be outstanding on one device.
const QUEUE_DEPTH: u32 = 4;

/// The plain implementation, whole or with one seeded defect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain {
    defect: Option<Defect>,
}

impl Plain {
    /// As an adapter, without a defect.
    #[must_use]
    pub fn adapter() -> InProcess<Self> {
        InProcess::new(Self { defect: None }, "")
    }

    /// As an adapter, with this defect.
    #[must_use]
    pub fn defective(defect: Defect) -> InProcess<Self> {
        InProcess::new(Self { defect: Some(defect) }, format!("--defect {defect}"))
    }
}

impl Implementation for Plain {
    fn hello(&self) -> Hello {
        Hello {
            protocol: VERSION,
            implementation: protocol::Implementation {
                name: "vdi-plain".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                language: Some("Rust".to_owned()),
            },
            offers: vec![
                Offer::Server,
                Offer::Client,
                Offer::Touch,
                Offer::Exit,
                Offer::Unload,
                Offer::Hold,
                Offer::Settle,
                Offer::Expire,
            ],
            declares: Declares { queue_depth: Some(QUEUE_DEPTH) },
        }
    }

    fn session(&self, host: Arc<Host>) -> Arc<dyn Session> {
        let world = World::new(Options {
            queue_depth: QUEUE_DEPTH as usize,
            defect: self.defect,
            virtual_time: true,
            observer: Some(Arc::new(Rest(Arc::clone(&host)))),
            ..Options::default()
        });
        let handles = Handles {
            server_sets: Process::all()
                .filter(|process| process.party() == Party::Server)
                .map(|process| (process.set_interface(), world.server_set(process.name())))
                .collect(),
            client_sets: Process::all()
                .filter(|process| process.party() == Party::Client)
                .map(|process| (process.set_interface(), world.client_set(process.name())))
                .collect(),
            ..Handles::default()
        };
        Arc::new_cyclic(|this| PlainSession {
            this: this.clone(),
            world,
            host,
            handles: Mutex::new(handles),
        })
    }
}

/// Tells the driver when calls wait.
struct Rest(Arc<Host>);

impl Observer for Rest {
    fn waiting(&self) {
        self.0.waiting();
    }

    fn changed(&self) {
        self.0.woken();
    }
}

/// What the names of a scenario stand for.
#[derive(Default)]
struct Handles {
    server_sets: BTreeMap<String, ServerSet>,
    client_sets: BTreeMap<String, ClientSet>,
    server_devices: BTreeMap<String, ServerDevice>,
    client_devices: BTreeMap<String, ClientDevice>,
    buffers: BTreeMap<String, BufferId>,
    buffer_handles: BTreeMap<String, BufferHandle>,
    /// Commands by the tag they were sent with, counted from 0.
    sent: Vec<String>,
    /// Commands that were delivered.
    delivered: BTreeMap<String, CommandId>,
    /// The thread of each lane that has made a call.
    threads: BTreeMap<String, ThreadId>,
}

impl Handles {
    /// The buffer that an argument names.
    fn buffer(&self, args: &Args<'_>) -> Option<BufferId> {
        self.buffers.get(args.buffer.as_ref()?.name()?).copied()
    }

    /// The name of a buffer.
    fn name_of(&self, buffer: BufferId) -> Option<Name<'static>> {
        let (name, _) = self.buffers.iter().find(|(_, known)| **known == buffer)?;
        Some(Name::from(name.clone()))
    }
}

struct PlainSession {
    this: Weak<Self>,
    world: World,
    host: Arc<Host>,
    handles: Mutex<Handles>,
}

/// Why a call has no ordinary answer.
enum Stop {
    Gone,
    Unsupported(String),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

type Answered = Result<(HResult, Out<'static>), Stop>;

fn unsupported<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Unsupported(reason.into()))
}

/// A status without a result.
fn plain(status: Result<HResult, Gone>) -> Answered {
    Ok((status?, Out::default()))
}

impl Session for PlainSession {
    fn call(&self, call: &Call) -> Option<Reply> {
        self.handles().threads.insert(call.lane.clone(), thread::current().id());
        let answered = match call.function {
            Function::SendCommand | Function::CloseDevice => self.on_server_device(call),
            Function::GetCommand | Function::CompleteCommand => self.on_client_device(call),
            _ if call.process.party() == Party::Server => self.on_server_set(call),
            _ => self.on_client_set(call),
        };
        match answered {
            Ok((status, out)) => Some(Reply::Return(status, Box::new(out))),
            Err(Stop::Unsupported(reason)) => Some(Reply::Unsupported(reason)),
            Err(Stop::Gone) => None,
        }
    }

    fn touch(&self, process: Process, object: &str) -> Option<Found> {
        let handles = self.handles();
        let alive = if let Some(buffer) = handles.buffers.get(object) {
            self.world.touch(process.name(), *buffer)
        } else if let Some(device) = handles.server_devices.get(object) {
            device.touch()
        } else {
            handles.client_devices.get(object)?.touch()
        };
        Some(if alive { Found::Alive } else { Found::Gone })
    }

    fn exit(&self, process: Process) {
        self.world.exit(process.name());
    }

    fn inside(&self, process: Process) -> bool {
        self.world.inside(process.name()) > 0
    }

    fn expire(&self, lane: &str, after: Option<u32>) {
        let thread = self.handles().threads.get(lane).copied();
        thread.into_iter().for_each(|thread| self.world.expire(thread, after));
    }

    fn abandon(&self) {
        self.world.abandon();
    }
}

impl PlainSession {
    fn handles(&self) -> MutexGuard<'_, Handles> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_server_set(&self, call: &Call) -> Answered {
        let Some(set) = self.handles().server_sets.get(&call.on).cloned() else {
            return unsupported(format!("no set interface `{}`", call.on));
        };
        let args = &call.args;
        let alignment = args.alignment.unwrap_or_default();
        match call.function {
            Function::Open => plain(set.open(text(args.instance.as_ref()), name(args))),
            Function::GetConfiguration => {
                let (status, config) = set.get_configuration()?;
                Ok((status, Out { config: config.map(Box::new), ..Out::default() }))
            }
            Function::BeginConfiguration => plain(set.begin_configuration(&ServerConfig {
                features: args.features.unwrap_or_default(),
                alignment,
                block_size: args.block_size.unwrap_or_default(),
                max_transfer_size: args.max_transfer_size.unwrap_or_default(),
            })),
            Function::RequestBuffers => {
                let count = args.count.unwrap_or_default();
                plain(set.request_buffers(size(args), alignment, count))
            }
            Function::QueryAvailableBuffers => {
                let (status, count) = set.query_available_buffers(size(args), alignment)?;
                let count = count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
                Ok((status, Out { count, ..Out::default() }))
            }
            Function::EndConfiguration => plain(set.end_configuration()),
            Function::ExecuteCompletionAgent => plain(set.execute_completion_agent()),
            Function::OpenDevice => {
                let (status, device) = set.open_device(name(args))?;
                if let (Some(handle), Some(device)) = (&call.creates, device) {
                    self.handles().server_devices.insert(handle.clone(), device);
                }
                Ok((status, Out::default()))
            }
            Function::AllocateBuffer => {
                let (status, buffer) = set.allocate_buffer(size(args), alignment)?;
                if let (Some(handle), Some(buffer)) = (&call.creates, buffer) {
                    self.handles().buffers.insert(handle.clone(), buffer.id);
                }
                let address = buffer.map(|buffer| buffer.offset);
                Ok((status, Out { address, ..Out::default() }))
            }
            Function::FreeBuffer => {
                let buffer = self.handles().buffer(args);
                plain(set.free_buffer(buffer))
            }
            Function::IsSharedBuffer => {
                let buffer = self.handles().buffer(args);
                let (status, shared) = set.is_shared_buffer(buffer)?;
                Ok((status, Out { shared, ..Out::default() }))
            }
            Function::SignalAbort => plain(set.signal_abort()),
            Function::Close => plain(set.close()),
            other => unsupported(format!("{other} on the server's set")),
        }
    }

    fn on_client_set(&self, call: &Call) -> Answered {
        let Some(set) = self.handles().client_sets.get(&call.on).cloned() else {
            return unsupported(format!("no set interface `{}`", call.on));
        };
        let args = &call.args;
        match call.function {
            Function::Create | Function::CreateEx => {
                let config = args.config.as_deref().copied().unwrap_or_default();
                plain(set.create(text(args.instance.as_ref()), name(args), &config))
            }
            Function::GetConfiguration => {
                let (status, config) = set.get_configuration(timeout(args))?;
                Ok((status, Out { config: config.map(Box::new), ..Out::default() }))
            }
            Function::OpenDevice => {
                let (status, device) = set.open_device(name(args))?;
                if let (Some(handle), Some(device)) = (&call.creates, device) {
                    self.handles().client_devices.insert(handle.clone(), device);
                }
                Ok((status, Out::default()))
            }
            Function::OpenInSecondary | Function::OpenInSecondaryEx => {
                plain(set.open_in_secondary(text(args.instance.as_ref()), name(args)))
            }
            Function::GetBufferHandle => {
                let buffer = self.handles().buffer(args);
                let (status, made) = set.get_buffer_handle(buffer)?;
                if let (Some(handle), Some(made)) = (&call.creates, made) {
                    self.handles().buffer_handles.insert(handle.clone(), made);
                }
                Ok((status, Out::default()))
            }
            Function::MapBufferHandle => {
                let handle = args.handle.as_ref().and_then(|handle| handle.name());
                let handle =
                    handle.and_then(|name| self.handles().buffer_handles.get(name).copied());
                let (status, buffer) = set.map_buffer_handle(handle)?;
                let buffer = buffer.and_then(|buffer| self.handles().name_of(buffer));
                Ok((status, Out { buffer, ..Out::default() }))
            }
            Function::SignalAbort => plain(set.signal_abort()),
            Function::Close => plain(set.close()),
            other => unsupported(format!("{other} on the client's set")),
        }
    }

    fn on_server_device(&self, call: &Call) -> Answered {
        let Some(device) = self.handles().server_devices.get(&call.on).cloned() else {
            return unsupported(format!("`{}` was not opened", call.on));
        };
        if call.function == Function::CloseDevice {
            return plain(device.close_device());
        }
        let args = &call.args;
        let command = call.creates.clone().unwrap_or_default();
        let (tag, buffer) = {
            let mut handles = self.handles();
            let buffer = handles.buffer(args);
            handles.sent.push(command.clone());
            (handles.sent.len() as u64 - 1, buffer)
        };
        let (this, hold) = (self.this.clone(), args.hold == Some(true));
        // What gives a position gives 0 too.
        let gives = args.code.and_then(|code| code.command()).is_some_and(|code| {
            matches!(code, CommandCode::GetPosition | CommandCode::SetPosition)
        });
        let callback = move |done: Completion| {
            if let Some(session) = this.upgrade() {
                let position = Some(done.position).filter(|at| gives || *at != 0);
                let ending = (done.code, done.bytes, position);
                session.host.callback(&*session, &command, ending, hold);
            }
        };
        plain(device.send_command(SendCommand {
            tag,
            code: args.code.and_then(|code| code.command()).unwrap_or(CommandCode::Flush),
            buffer,
            size: args.size.map_or(0, |Size(size)| size),
            position: args.position.unwrap_or_default(),
            callback: Box::new(callback),
        }))
    }

    fn on_client_device(&self, call: &Call) -> Answered {
        let Some(device) = self.handles().client_devices.get(&call.on).cloned() else {
            return unsupported(format!("`{}` was not opened", call.on));
        };
        let args = &call.args;
        if call.function == Function::CompleteCommand {
            let command = args.command.as_ref().and_then(|handle| handle.name());
            let command = command.and_then(|name| self.handles().delivered.get(name).copied());
            let Some(code) = args.code.and_then(|code| code.completion()) else {
                return unsupported("CompleteCommand without a completion code");
            };
            let bytes = args.bytes.unwrap_or_default();
            let position = args.position.unwrap_or_default();
            return plain(device.complete_command(command, code, bytes, position));
        }
        let (status, delivered) = device.get_command(timeout(args))?;
        let Some(delivered) = delivered else {
            return Ok((status, Out::default()));
        };
        let mut handles = self.handles();
        let command =
            handles.sent.get(delivered.tag as usize).cloned().unwrap_or_else(|| "?".to_owned());
        handles.delivered.insert(command.clone(), delivered.command);
        let buffer = delivered.buffer.and_then(|buffer| handles.name_of(buffer));
        let out = Out {
            command: Some(Name::from(command)),
            code: Some(delivered.code),
            size: Some(Size(delivered.size)),
            position: Some(delivered.position),
            buffer,
            ..Out::default()
        };
        Ok((status, out))
    }
}

fn text<'n>(name: Option<&'n Name<'static>>) -> Option<&'n str> {
    name.map(Name::as_str)
}

fn name<'a>(args: &'a Args<'static>) -> &'a str {
    text(args.name.as_ref()).unwrap_or_default()
}

fn size(args: &Args<'_>) -> u32 {
    args.size.and_then(|Size(size)| u32::try_from(size).ok()).unwrap_or_default()
}

const fn timeout(args: &Args<'_>) -> Timeout {
    match args.timeout {
        Some(TimeoutArg::Milliseconds(ms)) => Timeout::Milliseconds(ms),
        Some(TimeoutArg::Infinite) | None => Timeout::Infinite,
    }
}
