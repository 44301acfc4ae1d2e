//! An implementation in Rust, driven by name: the handles of a scenario stand for its
//! objects, and each call becomes one of its functions.

#![expect(missing_debug_implementations, reason = "it is for adapters of this project")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

use vdi_simulate::{Content, Extent};
use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Args, Found, Function, Name, Out, Process, Size, TimeoutArg};

use super::inprocess::{Call, Host, Reply, Session};

/// What a function gives: its status, and on NOERROR its result. `None`: the calling
/// process is no more.
pub type Given<T> = Option<(HResult, Option<T>)>;

/// How a command ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub code: Win32,
    pub bytes: u32,
    pub position: u64,
}

/// A completion routine.
pub type Routine = Box<dyn FnMut(Ended) + Send>;

/// What SendCommand takes.
pub struct Sent<B> {
    pub tag: u64,
    pub code: CommandCode,
    /// Outside: no buffer is named. Inside: the name stands for none.
    pub buffer: Option<B>,
    pub size: i64,
    pub position: u64,
    pub routine: Routine,
}

/// What GetCommand gives.
pub struct Got<C, B> {
    pub command: C,
    pub tag: u64,
    pub code: CommandCode,
    pub size: i64,
    pub position: u64,
    pub buffer: Option<B>,
}

/// An implementation: its objects, and its functions on them.
pub trait ImplementationApi: Send + Sync + Sized + 'static {
    type ServerSet: Clone + Send;
    type ClientSet: Clone + Send;
    type ServerDevice: Clone + Send;
    type ClientDevice: Clone + Send;
    type Buffer: Clone + Send;
    type Handle: Copy + Send;
    type Command: Copy + Send;

    // The server.
    fn open(set: &Self::ServerSet, instance: Option<&str>, name: &str) -> Given<()>;
    fn server_configuration(set: &Self::ServerSet) -> Given<VdConfig>;
    fn begin_configuration(set: &Self::ServerSet, part: &ServerConfig) -> Given<()>;
    fn request_buffers(set: &Self::ServerSet, size: u32, alignment: u32, count: u32) -> Given<()>;
    fn available_buffers(set: &Self::ServerSet, size: u32, alignment: u32) -> Given<u64>;
    fn end_configuration(set: &Self::ServerSet) -> Given<()>;
    fn execute_completion_agent(set: &Self::ServerSet) -> Given<()>;
    fn server_open_device(set: &Self::ServerSet, name: &str) -> Given<Self::ServerDevice>;
    /// The buffer and how many bytes from the start of the area it lies.
    fn allocate(set: &Self::ServerSet, size: u32, align: u32) -> Given<(Self::Buffer, u64)>;
    fn free_buffer(
        set: &Self::ServerSet,
        buffer: Option<Self::Buffer>,
        size: Option<u32>,
    ) -> Given<()>;
    fn is_shared_buffer(set: &Self::ServerSet, buffer: Option<Self::Buffer>) -> Given<bool>;
    fn server_signal_abort(set: &Self::ServerSet) -> Given<()>;
    fn server_close(set: &Self::ServerSet) -> Given<()>;
    fn send_command(device: &Self::ServerDevice, sent: Sent<Self::Buffer>) -> Given<()>;
    fn close_device(device: &Self::ServerDevice) -> Given<()>;
    fn server_device_lives(device: &Self::ServerDevice) -> bool;

    // The client.
    fn create(
        set: &Self::ClientSet,
        instance: Option<&str>,
        name: &str,
        config: &VdConfig,
    ) -> Given<()>;
    fn client_configuration(set: &Self::ClientSet, wait: TimeoutArg) -> Given<VdConfig>;
    fn client_open_device(set: &Self::ClientSet, name: &str) -> Given<Self::ClientDevice>;
    fn open_in_secondary(set: &Self::ClientSet, instance: Option<&str>, name: &str) -> Given<()>;
    fn buffer_handle(set: &Self::ClientSet, buffer: Option<Self::Buffer>) -> Given<Self::Handle>;
    fn map(set: &Self::ClientSet, handle: Option<Self::Handle>) -> Given<Self::Buffer>;
    fn client_signal_abort(set: &Self::ClientSet) -> Given<()>;
    fn client_close(set: &Self::ClientSet) -> Given<()>;
    fn get_command(
        device: &Self::ClientDevice,
        wait: TimeoutArg,
    ) -> Given<Got<Self::Command, Self::Buffer>>;
    fn complete_command(
        device: &Self::ClientDevice,
        command: Option<Self::Command>,
        ended: Ended,
    ) -> Given<()>;
    fn client_device_lives(device: &Self::ClientDevice) -> bool;

    // The machine.
    /// Whether two are the same buffer, for whoever holds them.
    fn is_same(one: &Self::Buffer, other: &Self::Buffer) -> bool;
    /// Writes into a buffer of a simulated world what stands for this content; false: it
    /// has no bytes.
    fn write(_buffer: &Self::Buffer, _content: &[Extent]) -> bool {
        false
    }
    /// What the first bytes of a buffer stand for; `None`: it has no bytes.
    fn read(_buffer: &Self::Buffer, _length: u32) -> Option<Content> {
        None
    }
    /// What a buffer is known by in every process.
    fn number(_buffer: &Self::Buffer) -> Option<u64> {
        None
    }
    /// The number of a buffer handle, which can be told to another process.
    fn handle_number(_handle: Self::Handle) -> Option<u64> {
        None
    }
    /// The buffer handle of that number.
    fn handle(_number: u64) -> Option<Self::Handle> {
        None
    }
    /// Whether the process can use the buffer that is known by this number.
    fn reaches(&self, _process: Process, _number: u64) -> bool {
        false
    }
    /// Whether the process may use the buffer; `own` is what it has got of it itself.
    fn buffer_lives(
        &self,
        process: Process,
        buffer: &Self::Buffer,
        own: Option<&Self::Buffer>,
    ) -> bool;
    fn exit(&self, process: Process);
    fn inside(&self, process: Process) -> usize;
    fn expire(&self, thread: ThreadId, after: Option<u32>);
    /// Notices what would be noticed in time.
    fn look_around(&self) {}
    fn abandon(&self);
}

/// The set interfaces of every process, by the names that scenarios call them by.
pub struct Interfaces<B: ImplementationApi> {
    pub server: BTreeMap<String, B::ServerSet>,
    pub client: BTreeMap<String, B::ClientSet>,
}

impl<B: ImplementationApi> Interfaces<B> {
    /// One for each process, and `more`, each made by the half of its process.
    pub fn new(
        more: &vdi_trace::Interfaces,
        server: impl Fn(Process) -> B::ServerSet,
        client: impl Fn(Process) -> B::ClientSet,
    ) -> Self {
        let all = || {
            let more = more.iter().map(|(name, process)| (name.clone(), *process));
            Process::all().map(|process| (process.set_interface(), process)).chain(more)
        };
        let of = |party| all().filter(move |(_, process)| process.party() == party);
        Self {
            server: of(Party::Server).map(|(name, process)| (name, server(process))).collect(),
            client: of(Party::Client).map(|(name, process)| (name, client(process))).collect(),
        }
    }
}

/// What the names of a scenario stand for.
struct Handles<B: ImplementationApi> {
    sets: Interfaces<B>,
    server_devices: BTreeMap<String, B::ServerDevice>,
    client_devices: BTreeMap<String, B::ClientDevice>,
    buffers: BTreeMap<String, B::Buffer>,
    /// Buffers as client processes have got them, by process and name.
    got_buffers: BTreeMap<(Process, String), B::Buffer>,
    buffer_handles: BTreeMap<String, B::Handle>,
    /// Commands by the tag they were sent with.
    sent: BTreeMap<u64, String>,
    /// Commands that were delivered.
    delivered: BTreeMap<String, B::Command>,
    /// The thread of each lane that has made a call.
    threads: BTreeMap<String, ThreadId>,
}

impl<B: ImplementationApi> Handles<B> {
    /// The buffer that an argument names, as this process has it.
    fn buffer(&self, process: Process, args: &Args<'_>) -> Option<B::Buffer> {
        let name = args.buffer.as_ref()?.name()?;
        let got = self.got_buffers.get(&(process, name.to_owned()));
        got.or_else(|| self.buffers.get(name)).cloned()
    }

    /// The name of a buffer that this process has got.
    fn got(&mut self, process: Process, buffer: B::Buffer) -> Option<Name<'static>> {
        let mut known = self.buffers.iter().filter(|(_, known)| B::is_same(known, &buffer));
        let elsewhere = || B::number(&buffer).map(far::buffer);
        let name = known.next().map(|(name, _)| name.clone()).or_else(elsewhere)?;
        self.got_buffers.insert((process, name.clone()), buffer);
        Some(Name::from(name))
    }
}

/// Names of what another process has named: whoever knows both puts in the real ones.
pub(super) mod far {
    /// A command, by the tag it was sent with.
    pub(in super::super) fn command(tag: u64) -> String {
        format!("#{tag:016x}")
    }

    /// A buffer, by its number.
    pub(in super::super) fn buffer(number: u64) -> String {
        format!("@{number}")
    }

    /// A buffer handle, by its number.
    pub(in super::super) fn handle(number: u64) -> String {
        format!("%{number}")
    }

    /// The number in such a name of this kind.
    pub(super) fn number(kind: char, name: &str) -> Option<u64> {
        name.strip_prefix(kind)?.parse().ok()
    }

    /// The tag of a command's name: the same in every process.
    pub(in super::super) fn tag(name: &str) -> u64 {
        // FNV-1a, which is all that a handful of names needs.
        name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        })
    }
}

/// One scenario's world of an implementation.
pub struct ImplementationSession<B: ImplementationApi> {
    this: Weak<Self>,
    body: B,
    host: Arc<Host>,
    /// The other processes are elsewhere.
    far: bool,
    handles: Mutex<Handles<B>>,
}

/// Why a call has no ordinary answer.
enum Stop {
    Gone,
    Unsupported(String),
}

type Answered = Result<(HResult, Out<'static>), Stop>;

fn unsupported<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Unsupported(reason.into()))
}

/// The answer of a call, and what becomes of its result.
fn answer<T>(given: Given<T>, out: impl FnOnce(T) -> Out<'static>) -> Answered {
    let (status, result) = given.ok_or(Stop::Gone)?;
    Ok((status, result.map(out).unwrap_or_default()))
}

/// A status without a result.
fn plain(given: Given<()>) -> Answered {
    answer(given, |()| Out::default())
}

impl<B: ImplementationApi> Session for ImplementationSession<B> {
    fn call(&self, call: &Call) -> Option<Reply> {
        self.handles().threads.insert(call.lane.clone(), thread::current().id());
        let of_server = call.process.party() == Party::Server;
        let answered = if matches!(call.function, Function::SendCommand | Function::CloseDevice) {
            self.on_server_device(call)
        } else if matches!(call.function, Function::GetCommand | Function::CompleteCommand) {
            self.on_client_device(call)
        } else if of_server {
            self.on_server_set(call)
        } else {
            self.on_client_set(call)
        };
        match answered {
            Ok((status, out)) => Some(Reply::Return(status, Box::new(out))),
            Err(Stop::Unsupported(reason)) => Some(Reply::Unsupported(reason)),
            Err(Stop::Gone) => None,
        }
    }

    fn touch(&self, process: Process, object: &str) -> Option<Found> {
        let handles = self.handles();
        let own = handles.got_buffers.get(&(process, object.to_owned()));
        let alive = if let Some(buffer) = handles.buffers.get(object).or(own) {
            self.body.buffer_lives(process, buffer, own)
        } else if let Some(number) = far::number('@', object) {
            self.body.reaches(process, number)
        } else if let Some(device) = handles.server_devices.get(object) {
            B::server_device_lives(device)
        } else {
            B::client_device_lives(handles.client_devices.get(object)?)
        };
        Some(if alive { Found::Alive } else { Found::Gone })
    }

    fn exit(&self, process: Process) {
        self.body.exit(process);
    }

    fn inside(&self, process: Process) -> bool {
        self.body.inside(process) > 0
    }

    fn expire(&self, lane: &str, after: Option<u32>) {
        let thread = self.handles().threads.get(lane).copied();
        thread.into_iter().for_each(|thread| self.body.expire(thread, after));
    }

    fn look_around(&self) {
        self.body.look_around();
    }

    fn abandon(&self) {
        self.body.abandon();
    }
}

impl<B: ImplementationApi> ImplementationSession<B> {
    /// A world of which all processes are here.
    #[must_use]
    pub fn new(body: B, host: Arc<Host>, sets: Interfaces<B>) -> Arc<Self> {
        Self::one(body, host, sets, false)
    }

    /// A world of which the other processes are elsewhere.
    #[must_use]
    pub fn far(body: B, host: Arc<Host>, sets: Interfaces<B>) -> Arc<Self> {
        Self::one(body, host, sets, true)
    }

    fn one(body: B, host: Arc<Host>, sets: Interfaces<B>, far: bool) -> Arc<Self> {
        let handles = Handles {
            sets,
            server_devices: BTreeMap::new(),
            client_devices: BTreeMap::new(),
            buffers: BTreeMap::new(),
            got_buffers: BTreeMap::new(),
            buffer_handles: BTreeMap::new(),
            sent: BTreeMap::new(),
            delivered: BTreeMap::new(),
            threads: BTreeMap::new(),
        };
        let handles = Mutex::new(handles);
        Arc::new_cyclic(|this| Self { this: this.clone(), body, host, far, handles })
    }

    fn handles(&self) -> MutexGuard<'_, Handles<B>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_server_set(&self, call: &Call) -> Answered {
        let Some(set) = self.handles().sets.server.get(&call.on).cloned() else {
            return unsupported(format!("no set interface `{}`", call.on));
        };
        let args = &call.args;
        let alignment = args.alignment.unwrap_or_default();
        let buffer = || self.handles().buffer(call.process, args);
        match call.function {
            Function::Open => plain(B::open(&set, text(args.instance.as_ref()), name(args))),
            Function::GetConfiguration => answer(B::server_configuration(&set), config_out),
            Function::BeginConfiguration => {
                let part = ServerConfig {
                    features: args.features.unwrap_or_default(),
                    alignment,
                    block_size: args.block_size.unwrap_or_default(),
                    max_transfer_size: args.max_transfer_size.unwrap_or_default(),
                };
                plain(B::begin_configuration(&set, &part))
            }
            Function::RequestBuffers => {
                let count = args.count.unwrap_or_default();
                plain(B::request_buffers(&set, size(args), alignment, count))
            }
            Function::QueryAvailableBuffers => {
                answer(B::available_buffers(&set, size(args), alignment), |count| {
                    let count = Some(u32::try_from(count).unwrap_or(u32::MAX));
                    Out { count, ..Out::default() }
                })
            }
            Function::EndConfiguration => plain(B::end_configuration(&set)),
            Function::ExecuteCompletionAgent => plain(B::execute_completion_agent(&set)),
            Function::OpenDevice => answer(B::server_open_device(&set, name(args)), |device| {
                self.keep(call, |handles, name| handles.server_devices.insert(name, device));
                Out::default()
            }),
            Function::AllocateBuffer => {
                answer(B::allocate(&set, size(args), alignment), |(buffer, offset)| {
                    // The number is for whoever knows buffers of several processes.
                    let address = B::number(&buffer).filter(|_| self.far).or(Some(offset));
                    self.keep(call, |handles, name| handles.buffers.insert(name, buffer));
                    Out { address, ..Out::default() }
                })
            }
            Function::FreeBuffer => {
                let size = args.size.map(|_| size(args));
                plain(B::free_buffer(&set, buffer(), size))
            }
            Function::IsSharedBuffer => answer(B::is_shared_buffer(&set, buffer()), |shared| Out {
                shared: Some(shared),
                ..Out::default()
            }),
            Function::SignalAbort => plain(B::server_signal_abort(&set)),
            Function::Close => plain(B::server_close(&set)),
            other => unsupported(format!("{other} on the server's set")),
        }
    }

    fn on_client_set(&self, call: &Call) -> Answered {
        let Some(set) = self.handles().sets.client.get(&call.on).cloned() else {
            return unsupported(format!("no set interface `{}`", call.on));
        };
        let args = &call.args;
        let instance = text(args.instance.as_ref());
        match call.function {
            Function::Create | Function::CreateEx => {
                let config = args.config.as_deref().copied().unwrap_or_default();
                plain(B::create(&set, instance, name(args), &config))
            }
            Function::GetConfiguration => {
                answer(B::client_configuration(&set, wait(args)), config_out)
            }
            Function::OpenDevice => answer(B::client_open_device(&set, name(args)), |device| {
                self.keep(call, |handles, name| handles.client_devices.insert(name, device));
                Out::default()
            }),
            Function::OpenInSecondary | Function::OpenInSecondaryEx => {
                plain(B::open_in_secondary(&set, instance, name(args)))
            }
            Function::GetBufferHandle => {
                let buffer = self.handles().buffer(call.process, args);
                answer(B::buffer_handle(&set, buffer), |made| {
                    self.keep(call, |handles, name| handles.buffer_handles.insert(name, made));
                    // The number is for whoever carries it to another process.
                    let address = B::handle_number(made).filter(|_| self.far);
                    Out { address, ..Out::default() }
                })
            }
            Function::MapBufferHandle => {
                let handle = args.handle.as_ref().and_then(|handle| handle.name());
                let handle = handle.and_then(|name| {
                    let known = self.handles().buffer_handles.get(name).copied();
                    known.or_else(|| B::handle(far::number('%', name)?))
                });
                answer(B::map(&set, handle), |buffer| {
                    let buffer = self.handles().got(call.process, buffer);
                    Out { buffer, ..Out::default() }
                })
            }
            Function::SignalAbort => plain(B::client_signal_abort(&set)),
            Function::Close => plain(B::client_close(&set)),
            other => unsupported(format!("{other} on the client's set")),
        }
    }

    /// Keeps what a call has made, under the name that it was to have.
    fn keep<T>(&self, call: &Call, keep: impl FnOnce(&mut Handles<B>, String) -> T) {
        if let Some(name) = &call.creates {
            keep(&mut self.handles(), name.clone());
        }
    }

    fn on_server_device(&self, call: &Call) -> Answered {
        let Some(device) = self.handles().server_devices.get(&call.on).cloned() else {
            return unsupported(format!("`{}` was not opened", call.on));
        };
        if call.function == Function::CloseDevice {
            return plain(B::close_device(&device));
        }
        let args = &call.args;
        let command = call.creates.clone().unwrap_or_default();
        let (tag, buffer) = {
            let mut handles = self.handles();
            let (tag, buffer) = (far::tag(&command), handles.buffer(call.process, args));
            handles.sent.insert(tag, command.clone());
            (tag, buffer)
        };
        let (this, hold) = (self.this.clone(), args.hold == Some(true));
        // What gives a position gives 0 too.
        let gives = args.code.and_then(|code| code.command()).is_some_and(|code| {
            matches!(code, CommandCode::GetPosition | CommandCode::SetPosition)
        });
        let routine = move |done: Ended| {
            if let Some(session) = this.upgrade() {
                let position = Some(done.position).filter(|at| gives || *at != 0);
                let ending = (done.code, done.bytes, position);
                session.host.callback(&*session, &command, ending, hold);
            }
        };
        plain(B::send_command(
            &device,
            Sent {
                tag,
                code: args.code.and_then(|code| code.command()).unwrap_or(CommandCode::Flush),
                buffer,
                size: args.size.map_or(0, |Size(size)| size),
                position: args.position.unwrap_or_default(),
                routine: Box::new(routine),
            },
        ))
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
            return plain(B::complete_command(&device, command, Ended { code, bytes, position }));
        }
        answer(B::get_command(&device, wait(args)), |got| {
            let mut handles = self.handles();
            let sent = handles.sent.get(&got.tag).cloned();
            let command = sent.unwrap_or_else(|| far::command(got.tag));
            handles.delivered.insert(command.clone(), got.command);
            let buffer = got.buffer.and_then(|buffer| handles.got(call.process, buffer));
            Out {
                command: Some(Name::from(command)),
                code: Some(got.code),
                size: Some(Size(got.size)),
                position: Some(got.position),
                buffer,
                ..Out::default()
            }
        })
    }
}

fn config_out(config: VdConfig) -> Out<'static> {
    Out { config: Some(Box::new(config)), ..Out::default() }
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

fn wait(args: &Args<'_>) -> TimeoutArg {
    args.timeout.unwrap_or(TimeoutArg::Infinite)
}
