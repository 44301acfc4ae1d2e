//! From a call as it stands in a trace to a call of the model.

use super::frontier::World;
use super::names::{CommandFacts, Names, Thing};
use super::verdict::InputError;
use vdi_model::{
    Asked, BufferId, Call, Caller, Carried, ClientCall, ClientLife, CommandId, CreateFlaw,
    DeviceName, Granted, Request, Requested, ServerCall, ServerLife, Timeout,
};
use vdi_spec::clauses::{Party, Profile, TransferSizeLimit};
use vdi_spec::codes::{CommandCode, Win32};
use vdi_spec::config::{LARGEST_TRANSFER, ServerConfig, VdConfig};
use vdi_trace::{
    Args, Creates, Function, FunctionInfo, Handle, Process, Size, Target, TimeoutArg, function,
};

/// A call, ready for the model, and what follows from its success.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) world: usize,
    /// The set interface it is called on.
    pub(super) on: Option<usize>,
    /// The set that it asks for by its name and did not find.
    pub(super) wants: Option<String>,
    pub(super) call: Call,
    pub(super) then: Then,
}

/// What a NOERROR makes true beyond the model's state.
#[derive(Clone, Debug)]
pub(super) enum Then {
    Nothing,
    /// The interface is attached to the call's set.
    Attach(usize),
    /// The interface is attached to a new set of this name and configuration.
    Create(usize, String, Box<VdConfig>),
    /// The server's part of the configuration is set.
    Configure(ServerConfig),
    /// The device of this index bears this name, and the handle stands for it.
    Device {
        handle: Option<String>,
        name: String,
        index: u8,
    },
    /// The handle stands for a buffer of this many bytes, aligned so.
    Buffer {
        handle: Option<String>,
        id: BufferId,
        size: u32,
        alignment: u32,
    },
    /// The number that comes out is what can be had of this kind.
    Counted(Requested),
    /// The handle stands for a buffer in every client process.
    Handle(Option<String>, BufferId),
    /// The configuration that comes out is checked.
    ClientConfiguration,
    /// The same, of the server.
    ServerConfiguration,
    /// The client has told where the device's medium stands.
    Placed {
        device: u8,
        command: CommandId,
        position: u64,
    },
}

fn bad<T>(message: impl Into<String>) -> Result<T, InputError> {
    Err(InputError(message.into()))
}

/// The row of the function as this process has it, its arguments checked by name.
pub(super) fn checked_row(
    process: Process,
    name: Function,
    creates: Option<&str>,
    args: &Args<'_>,
) -> Result<&'static FunctionInfo, InputError> {
    let Some(row) = function(process.party(), name) else {
        return bad(format!("the {} has no function {name}", process.party()));
    };
    let given = args.given();
    let missing = row.required.without(given);
    if !missing.is_empty() {
        return bad(format!("{name} needs the argument `{}`", missing.names().join("`, `")));
    }
    let surplus = given.without(row.required.with(row.optional));
    if !surplus.is_empty() {
        let known = row.required.with(row.optional).names().join("`, `");
        let takes = if known.is_empty() { "none".to_owned() } else { format!("`{known}`") };
        let surplus = surplus.names().join("`, `");
        return bad(format!("{name} has no argument `{surplus}`; it takes {takes}"));
    }
    match (row.creates, creates) {
        (Creates::Nothing, Some(handle)) => {
            bad(format!("{name} makes nothing that could be named `{handle}`"))
        }
        (Creates::Command, None) => bad("SendCommand needs `as`, the name of the command"),
        _ => Ok(row),
    }
}

/// What a call's binding reads.
pub(super) struct Binder<'a> {
    pub(super) names: &'a mut Names,
    pub(super) worlds: &'a mut Vec<World>,
    pub(super) next_id: &'a mut u32,
    /// Whether nothing expires but by an event that says so.
    pub(super) time_is_told: bool,
    pub(super) profile: &'a Profile,
}

impl Bound {
    const fn new(world: usize, call: Call, then: Then) -> Self {
        Self { world, on: None, wants: None, call, then }
    }
}

impl Binder<'_> {
    pub(super) fn bind(
        &mut self,
        process: Process,
        name: Function,
        on: &str,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let row = checked_row(process, name, creates, args)?;
        if let Some(handle) = creates {
            self.names.check_free(handle)?;
        }
        match row.target {
            Target::Set => self.on_set(process, name, on, creates, args),
            Target::Device => self.on_device(process, name, on, creates, args),
        }
    }

    fn on_set(
        &mut self,
        process: Process,
        name: Function,
        on: &str,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let Some(interface) = self.names.interface(on) else {
            return bad(format!(
                "unknown set interface `{on}`, expected sset, cset, or one that the header's `interfaces` names"
            ));
        };
        let owner = self.names.interfaces[interface].process;
        if owner != process {
            return bad(format!("`{on}` belongs to the process {owner}, not to {process}"));
        }
        let attached = self.names.interfaces[interface].world;
        let bound = match process.party() {
            Party::Client => self.client_set(process, name, interface, attached, creates, args),
            _ => self.server_set(name, interface, attached, creates, args),
        };
        bound.map(|bound| Bound { on: Some(interface), ..bound })
    }

    fn server_set(
        &mut self,
        name: Function,
        interface: usize,
        attached: Option<usize>,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let world = attached.unwrap_or(World::NOWHERE);
        let server = |call, then| Ok(Bound::new(world, Call::Server(call), then));
        let plain = |call| server(call, Then::Nothing);
        match name {
            Function::Open => {
                let set = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
                let open = |world: &usize| {
                    self.worlds[*world].any(|state| state.server == ServerLife::Open)
                };
                let reused = attached.is_some_and(|world| !open(&world));
                let found = attached.filter(open).or_else(|| World::find(self.worlds, set));
                let call = ServerCall::Open { found: found.is_some(), reused };
                let call = Call::Server(call);
                let world = found.or(attached).unwrap_or(World::NOWHERE);
                let wants = found.is_none().then(|| set.to_owned());
                Ok(Bound { wants, ..Bound::new(world, call, Then::Attach(interface)) })
            }
            Function::GetConfiguration => {
                server(ServerCall::GetConfiguration, Then::ServerConfiguration)
            }
            Function::BeginConfiguration => {
                let config = ServerConfig {
                    features: args.features.unwrap_or_default(),
                    alignment: args.alignment.unwrap_or_default(),
                    block_size: args.block_size.unwrap_or_default(),
                    max_transfer_size: args.max_transfer_size.unwrap_or_default(),
                };
                let limited = self.profile.transfer_size_limit == TransferSizeLimit::FourMebibytes;
                let sound = config.check().is_ok()
                    && !(limited && config.max_transfer_size > LARGEST_TRANSFER);
                let granted = Granted {
                    features: config.features,
                    block_size: config.block_size,
                    max_transfer_size: config.max_transfer_size,
                };
                let call = ServerCall::BeginConfiguration { sound, granted };
                server(call, Then::Configure(config))
            }
            Function::RequestBuffers => plain(ServerCall::RequestBuffers(kind(args))),
            Function::QueryAvailableBuffers => {
                let kind = kind(args);
                server(ServerCall::QueryAvailableBuffers(kind), Then::Counted(kind))
            }
            Function::IsSharedBuffer => {
                plain(ServerCall::IsSharedBuffer { buffer: self.buffer_argument(args)? })
            }
            Function::EndConfiguration => plain(ServerCall::EndConfiguration),
            Function::ExecuteCompletionAgent => plain(ServerCall::ExecuteCompletionAgent),
            Function::OpenDevice => {
                let device = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
                let index = self.worlds[world].server_slot(device);
                let then = index.map_or(Then::Nothing, |index| Then::Device {
                    handle: creates.map(str::to_owned),
                    name: device.to_owned(),
                    index,
                });
                server(ServerCall::OpenDevice { device: index }, then)
            }
            Function::AllocateBuffer => self.allocate(world, creates, args),
            Function::FreeBuffer => {
                plain(ServerCall::FreeBuffer { buffer: self.buffer_argument(args)? })
            }
            Function::SignalAbort => plain(ServerCall::SignalAbort),
            Function::Close => plain(ServerCall::Close),
            _ => bad(format!("{name} is not called on a set interface of the server")),
        }
    }

    fn allocate(
        &mut self,
        world: usize,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        *self.next_id += 1;
        let buffer = BufferId(*self.next_id);
        let alignment = args.alignment.unwrap_or_default();
        let sized = args.size.is_some_and(|Size(size)| size > 0);
        let sound = sized && (alignment == 0 || alignment.is_power_of_two());
        let kind = kind(args);
        let handle = creates.map(str::to_owned);
        let then = Then::Buffer { handle, id: buffer, size: kind.size, alignment };
        let call = Call::Server(ServerCall::AllocateBuffer { buffer, sound, kind });
        Ok(Bound::new(world, call, then))
    }

    fn client_set(
        &mut self,
        process: Process,
        name: Function,
        interface: usize,
        attached: Option<usize>,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let world = attached.unwrap_or(World::NOWHERE);
        let client = |call, then| Ok(Bound::new(world, by(process, call), then));
        match name {
            Function::Create | Function::CreateEx => {
                self.create(process, interface, attached, args)
            }
            Function::OpenInSecondary | Function::OpenInSecondaryEx => {
                self.open_in_secondary(process, interface, attached, args)
            }
            Function::GetBufferHandle => {
                let buffer = self.buffer_argument(args)?;
                let then = match buffer {
                    Some(buffer) => Then::Handle(creates.map(str::to_owned), buffer),
                    None => Then::Nothing,
                };
                client(ClientCall::GetBufferHandle { buffer }, then)
            }
            Function::MapBufferHandle => {
                let buffer = self.handle_argument(world, args)?;
                client(ClientCall::MapBufferHandle { buffer }, Then::Nothing)
            }
            Function::GetConfiguration => {
                let timeout = self.timeout(args.timeout);
                client(ClientCall::GetConfiguration { timeout }, Then::ClientConfiguration)
            }
            Function::OpenDevice => {
                let device = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
                let found = self.worlds[world].client_slot(device);
                let then = match found {
                    DeviceName::Known(index) | DeviceName::New(index) => Then::Device {
                        handle: creates.map(str::to_owned),
                        name: device.to_owned(),
                        index,
                    },
                    DeviceName::Unknown => Then::Nothing,
                };
                client(ClientCall::OpenDevice { name: found }, then)
            }
            Function::SignalAbort => client(ClientCall::SignalAbort, Then::Nothing),
            Function::Close => client(ClientCall::Close, Then::Nothing),
            _ => bad(format!("{name} is not called on a set interface of the client")),
        }
    }

    /// Create makes a new set, unless the interface has one.
    fn create(
        &mut self,
        process: Process,
        interface: usize,
        attached: Option<usize>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let has_one = |world: &usize| {
            self.worlds[*world].any(|state| state.client_open(client_number(process)))
        };
        if let Some(world) = attached.filter(has_one)
            && process != Process::Primary
        {
            let (asked, flaw) = (Asked::default(), None);
            let call = by(process, ClientCall::Create { devices: 1, asked, flaw });
            return Ok(Bound::new(world, call, Then::Nothing));
        }
        if process != Process::Primary {
            return bad("a set is created in the process primary");
        }
        let config = args.config.clone().unwrap_or_default();
        let set = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
        let has_one = attached.filter(|world| {
            let set = &self.worlds[*world];
            set.coming.is_some() || set.any(|state| state.client == ClientLife::Created)
        });
        if has_one.is_none() && World::find(self.worlds, set).is_some() {
            return bad(format!(
                "a set named `{set}` exists already; what a second Create answers is not documented"
            ));
        }
        let world = has_one.unwrap_or_else(|| {
            self.worlds.push(World::default());
            self.worlds.len() - 1
        });
        let instance = args.instance.as_ref().map(|name| name.as_str()).unwrap_or_default();
        let flaw = if set.contains('\\') {
            Some(CreateFlaw::Name)
        } else if instance.contains('\\') {
            Some(CreateFlaw::Instance)
        } else {
            config.check_client().err().map(|rule| match rule.id {
                "feature-combination" => CreateFlaw::Features,
                _ => CreateFlaw::Config,
            })
        };
        let devices = u8::try_from(config.device_count).unwrap_or(u8::MAX).min(64);
        let time_out = config.server_time_out != 0;
        let asked = Asked { features: config.features, time_out };
        let call = Call::Client(ClientCall::Create { devices, asked, flaw });
        Ok(Bound::new(world, call, Then::Create(interface, set.to_owned(), config)))
    }

    /// OpenInSecondary finds a set by its name, as the primary spelt it.
    fn open_in_secondary(
        &mut self,
        process: Process,
        interface: usize,
        attached: Option<usize>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let set = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
        let number = client_number(process);
        let open = |world: &usize| self.worlds[*world].any(|state| state.client_open(number));
        let found = World::find(self.worlds, set).or_else(|| World::find_dead(self.worlds, set));
        let world = attached.filter(open).or(found).or(attached).unwrap_or(World::NOWHERE);
        let call = by(process, ClientCall::OpenInSecondary { found: found.is_some() });
        let wants = found.is_none().then(|| set.to_owned());
        Ok(Bound { wants, ..Bound::new(world, call, Then::Attach(interface)) })
    }

    fn on_device(
        &mut self,
        process: Process,
        name: Function,
        on: &str,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<Bound, InputError> {
        let Some((world, device)) = self.device(on, process) else {
            return bad(format!("`{on}` is no device that the {process} has opened"));
        };
        let call = match name {
            Function::SendCommand => {
                let request = self.request(device, creates, world, args)?;
                Call::Server(ServerCall::SendCommand(request))
            }
            Function::CloseDevice => Call::Server(ServerCall::CloseDevice { device }),
            Function::GetCommand => {
                let timeout = self.timeout(args.timeout);
                by(process, ClientCall::GetCommand { device, timeout })
            }
            Function::CompleteCommand => {
                let code = args.code.and_then(|code| code.completion());
                let Some(code) = code else {
                    return bad(
                        "CompleteCommand's `code` is a completion code such as ERROR_SUCCESS",
                    );
                };
                let call = self.complete(device, code, world, args)?;
                let then = Self::answers(&call, args);
                return Ok(Bound::new(world, by(process, call), then));
            }
            _ => return bad(format!("{name} is not called on a device")),
        };
        Ok(Bound::new(world, call, Then::Nothing))
    }

    fn device(&self, on: &str, owner: Process) -> Option<(usize, u8)> {
        let named = self.names.find(on)?;
        match named.thing {
            Thing::Device { process, index } if process == owner => Some((named.world, index)),
            _ => None,
        }
    }

    fn buffer(&self, name: &str) -> Result<BufferId, InputError> {
        match self.names.find(name).map(|named| &named.thing) {
            Some(Thing::Buffer(facts)) => Ok(facts.id),
            _ => bad(format!("`{name}` is no buffer that AllocateBuffer gave")),
        }
    }

    /// The argument `buffer`; `None` for the null pointer.
    fn buffer_argument(&self, args: &Args<'_>) -> Result<Option<BufferId>, InputError> {
        match args.buffer.as_ref().and_then(|handle| handle.name()) {
            None => Ok(None),
            Some(name) => self.buffer(name).map(Some),
        }
    }

    /// The buffer of the argument `handle`; `None` for null and for another set's.
    fn handle_argument(
        &self,
        world: usize,
        args: &Args<'_>,
    ) -> Result<Option<BufferId>, InputError> {
        let Some(name) = args.handle.as_ref().and_then(|handle| handle.name()) else {
            return Ok(None);
        };
        match self.names.find(name) {
            Some(named) => match named.thing {
                Thing::Handle(buffer) => Ok((named.world == world).then_some(buffer)),
                _ => bad(format!("`{name}` is no handle that GetBufferHandle gave")),
            },
            None if let Some(buffer) = self.names.foreign(name) => self.buffer(buffer).map(Some),
            None => bad(format!("`{name}` is no handle that GetBufferHandle gave")),
        }
    }

    fn timeout(&self, given: Option<TimeoutArg>) -> Timeout {
        match given {
            Some(TimeoutArg::Milliseconds(0)) => Timeout::Poll,
            Some(TimeoutArg::Milliseconds(_)) if self.time_is_told => Timeout::Told,
            Some(TimeoutArg::Milliseconds(_)) => Timeout::Finite,
            Some(TimeoutArg::Infinite) | None => Timeout::Infinite,
        }
    }

    fn request(
        &mut self,
        device: u8,
        creates: Option<&str>,
        world: usize,
        args: &Args<'_>,
    ) -> Result<Request, InputError> {
        let Some(code) = args.code.and_then(|code| code.command()) else {
            return bad("SendCommand's `code` is a command such as Write");
        };
        let buffer = match &args.buffer {
            None => Carried::Untold,
            Some(Handle::Null) => Carried::Null,
            Some(Handle::Name(name)) => Carried::Buffer(self.buffer(name.as_str())?),
        };
        *self.next_id += 1;
        let facts = CommandFacts {
            id: CommandId(*self.next_id),
            device,
            code,
            size: args.size.map(|Size(size)| size),
            position: args.position,
            buffer: buffer.buffer(),
        };
        self.sends(world, device, facts);
        self.names.give(creates.unwrap_or_default(), world, Thing::Command(facts));
        let size = facts.size.map(|size| i32::try_from(size).unwrap_or(i32::MAX));
        let positioned = facts.position.is_some();
        let known = &self.worlds[world].positions;
        let foreign = facts.position.is_some_and(|position| !known.contains(&position));
        Ok(Request { device, command: facts.id, code, buffer, size, positioned, foreign })
    }

    fn complete(
        &self,
        device: u8,
        code: Win32,
        world: usize,
        args: &Args<'_>,
    ) -> Result<ClientCall, InputError> {
        let name = args.command.as_ref().and_then(|handle| handle.name());
        let command = match name.map(|name| (name, self.names.find(name))) {
            None => None,
            Some((_, Some(named))) => match named.thing {
                Thing::Command(facts) if named.world == world => Some(facts.id),
                _ => None,
            },
            Some((name, None)) if self.names.is_retired(name) => None,
            Some((name, None)) => {
                return bad(format!("`{name}` is no command that SendCommand sent"));
            }
        };
        Ok(ClientCall::CompleteCommand {
            device,
            command,
            code,
            bytes: args.bytes.unwrap_or_default(),
            position: args.position.unwrap_or_default(),
        })
    }
}

/// The number that the model gives a client's process.
pub(super) const fn client_number(process: Process) -> u8 {
    match process {
        Process::Secondary(number) => number,
        Process::Server | Process::Primary => 0,
    }
}

/// Who a process is to the model.
pub(super) const fn caller(process: Process) -> Caller {
    match process {
        Process::Server => Caller::Server,
        _ => Caller::Client(client_number(process)),
    }
}

const fn by(process: Process, call: ClientCall) -> Call {
    match process {
        Process::Secondary(number) => Call::Secondary(number, call),
        _ => Call::Client(call),
    }
}

/// Buffers as RequestBuffers and its like ask for them.
fn kind(args: &Args<'_>) -> Requested {
    let size = args.size.map_or(0, |Size(size)| u32::try_from(size).unwrap_or(0));
    Requested {
        size,
        alignment: args.alignment.unwrap_or_default(),
        count: args.count.unwrap_or_default(),
    }
}

/// Whether a command code moves data; a data command's size is checked on delivery.
pub(super) fn delivered_as_sent(
    facts: &CommandFacts,
    code: Option<CommandCode>,
    size: Option<Size>,
    position: Option<u64>,
) -> bool {
    code.is_none_or(|code| code == facts.code)
        && size.is_none_or(|Size(size)| facts.size.is_none_or(|sent| sent == size))
        && position.is_none_or(|position| facts.position.is_none_or(|sent| sent == position))
}
