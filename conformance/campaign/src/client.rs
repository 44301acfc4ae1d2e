//! A client program in any language, in the place of our client in a world: a child process,
//! one JSON object a line.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use vdi_simulate::{
    Action, Answer, Application, Arrangement, Buffers, ClientAsk, Complete, Delivered, Input,
    Setup, Thread,
};
use vdi_spec::clauses::Party;
use vdi_spec::codes::{CommandCode, Win32};
use vdi_trace::{
    Args, CodeArg, Found, Function, Handle, Name, Out, Size, Target, TimeoutArg, function,
};

use super::messages::{ClientHello, FromClient, Job, ToClient, TurnOf, VERSION};
use vdi_suite::adapter::lines::{self, Lines, garbage};
use vdi_suite::adapter::{Limits, NotGreeted, Trouble};

/// Lines of standard error that are told when a program breaks down.
const LAST_WORDS: usize = 3;

/// Reads and writes of buffers in one turn: a program that goes on so says never what it does.
const MOST_MOVES: u32 = 1_000;

/// A command that starts a client program.
#[derive(Clone, Debug)]
pub struct ClientProgram {
    command: String,
    words: Vec<String>,
    limits: Limits,
}

impl ClientProgram {
    /// A program started by this command line, split as a shell would.
    ///
    /// # Errors
    /// The command line is empty or has an open quotation.
    pub fn new(command: &str, limits: Limits) -> Result<Self, Trouble> {
        Ok(Self { command: command.to_owned(), words: lines::words(command)?, limits })
    }

    /// The command line.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Starts it and exchanges greetings.
    ///
    /// # Errors
    /// It cannot be started, or does not greet as the protocol says.
    pub fn start(&self) -> Result<Client, NotGreeted> {
        let mut talk = Talk { lines: Lines::start(&self.words)?, limits: self.limits };
        let hello = match talk.greet() {
            Ok(hello) => hello,
            Err(trouble) => {
                return Err(talk.lines.not_greeted(trouble, &self.command, &ToClient::hello()));
            }
        };
        Ok(Client {
            program: self.clone(),
            talk: Some(talk),
            hello,
            setup: None,
            delivered: BTreeMap::new(),
            asked: BTreeMap::new(),
            arrangement: Arrangement::OneThread,
            failed: None,
        })
    }
}

/// A running program, spoken to.
#[derive(Debug)]
struct Talk {
    lines: Lines,
    limits: Limits,
}

impl Talk {
    fn greet(&mut self) -> Result<ClientHello, Trouble> {
        let line = self.ask(&ToClient::hello(), "hello")?;
        // The version first: of another version nothing else is known.
        let protocol = serde_json::from_slice::<Value>(&line).ok();
        let protocol = protocol.and_then(|hello| hello["protocol"].as_u64());
        if let Some(protocol) = protocol.filter(|protocol| *protocol != VERSION) {
            return Err(Trouble::WrongVersion(protocol));
        }
        match vdi_trace::from_slice(&line).map_err(|error| garbage(&error, &line))? {
            FromClient::Hello(hello) => Ok(hello),
            _ => Err(garbage("expected the answer `hello`", &line)),
        }
    }

    fn ask(&mut self, message: &ToClient, what: &str) -> Result<Vec<u8>, Trouble> {
        self.lines.send(message)?;
        let within = self.limits.timeout;
        let silent = || Trouble::Silent { asked: what.to_owned(), within };
        self.lines.receive(within)?.ok_or_else(silent)
    }

    /// Sends a message; what is answered, and how it was written.
    fn answer(&mut self, message: &ToClient, what: &str) -> Result<(FromClient, Vec<u8>), Trouble> {
        let line = self.ask(message, what)?;
        match vdi_trace::from_slice(&line).map_err(|error| garbage(&error, &line))? {
            FromClient::Trouble { message } => Err(Trouble::Own(message)),
            answer => Ok((answer, line)),
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Whether it does finish is not waited for.
        let _ = self.lines.send(&ToClient::Bye);
    }
}

/// A client program that runs, in one world after the other.
#[derive(Debug)]
pub struct Client {
    program: ClientProgram,
    /// `None` once it has broken down, until the next world.
    talk: Option<Talk>,
    hello: ClientHello,
    setup: Option<Box<Setup>>,
    delivered: BTreeMap<u32, Delivered>,
    /// By thread, the function it is in.
    asked: BTreeMap<Thread, Function>,
    /// Which threads and processes there are for its devices.
    arrangement: Arrangement,
    /// Why it cannot take part in the world that begins.
    failed: Option<String>,
}

impl Client {
    /// What it said of itself.
    #[must_use]
    pub const fn hello(&self) -> &ClientHello {
        &self.hello
    }

    /// It is started again for the next world.
    pub(crate) fn forget(&mut self) {
        self.talk = None;
    }

    /// Another world begins. A program that broke down in the one before is started again;
    /// what goes wrong with that goes wrong in the world.
    pub fn begin(&mut self, seed: u64) {
        let begun = self.try_begin(seed);
        self.failed = begun.err().map(|trouble| self.breaks(&trouble));
    }

    fn try_begin(&mut self, seed: u64) -> Result<(), Trouble> {
        if self.talk.is_none() {
            *self = self.program.start().map_err(|failed| failed.trouble)?;
        }
        let asked = self.talk.as_mut().map(|talk| talk.answer(&ToClient::World { seed }, "world"));
        match asked.transpose()? {
            Some((FromClient::Ready, _)) | None => Ok(()),
            Some((_, line)) => Err(garbage("expected the answer `ready`", &line)),
        }
    }

    /// The lane of a thread.
    fn lane(&self, thread: Thread) -> String {
        let processes = self.arrangement == Arrangement::ProcessPerDevice;
        match thread {
            Thread::Main => "primary.main".to_owned(),
            Thread::Sql => "primary.sql".to_owned(),
            Thread::Device(device) if processes => format!("secondary{}.main", device + 1),
            Thread::Device(device) => format!("primary.t{}", device + 1),
        }
    }

    fn told(&mut self, thread: Thread, input: &Input) -> TurnOf {
        match input {
            Input::Begins { restore, setup } => {
                // The other threads may be told late, when this one has commands already.
                if thread == Thread::Main {
                    self.delivered.clear();
                }
                self.setup = Some(setup.clone());
                let devices = setup.config.device_count as usize;
                let names = setup.device_names.iter().take(devices);
                TurnOf::Begins {
                    statement: if *restore { Job::Restore } else { Job::Backup },
                    set: setup.name.to_owned(),
                    devices: names.map(|name| (*name).to_owned()).collect(),
                    config: Box::new(setup.config),
                    arrangement: self.arrangement,
                }
            }
            Input::Returned(answer) => {
                self.delivered.extend(answer.delivered.map(|known| (known.command, known)));
                let call = self.asked.get(&thread).copied().unwrap_or(Function::Close);
                let out = Box::new(results(answer));
                TurnOf::Returned { call, status: answer.status, out }
            }
            Input::Done => TurnOf::Done,
            Input::Died { process } => TurnOf::Died { process: *process },
            Input::Statement { succeeded } => TurnOf::Statement { succeeded: *succeeded },
        }
    }

    fn turn(
        &mut self,
        thread: Thread,
        input: &Input,
        buffers: &mut dyn Buffers,
    ) -> Result<Action, Trouble> {
        let lane = self.lane(thread);
        let what = format!("turn of {lane}");
        let mut message = ToClient::Turn { lane, told: self.told(thread, input) };
        for moves in 0.. {
            let Some(talk) = &mut self.talk else {
                return Ok(Action::End);
            };
            let (answer, line) = talk.answer(&message, &what)?;
            let bad = |why: String| garbage(&why, &line);
            if moves > MOST_MOVES {
                let why = "expected what the thread does, after so many reads and writes";
                return Err(bad(why.to_owned()));
            }
            message = match answer {
                FromClient::Read { command } => {
                    let command = self.command(&command).map_err(bad)?;
                    ToClient::Data { bytes: buffers.read(&command).map(|own| BASE64.encode(own)) }
                }
                FromClient::Write { command, bytes } => {
                    let command = self.command(&command).map_err(bad)?;
                    let bytes = BASE64
                        .decode(bytes)
                        .map_err(|error| bad(format!("the bytes are not base64: {error}")))?;
                    if bytes.len() as i64 > command.size {
                        let (given, size) = (bytes.len(), command.size);
                        return Err(bad(format!("{given} bytes into a buffer of {size}")));
                    }
                    let alive = buffers.write(&command, &bytes);
                    ToClient::Written { found: if alive { Found::Alive } else { Found::Gone } }
                }
                other => return self.action(thread, other).map_err(bad),
            };
        }
        Ok(Action::End)
    }

    /// What a thread does, as its last answer in a turn says.
    fn action(&mut self, thread: Thread, answer: FromClient) -> Result<Action, String> {
        Ok(match answer {
            FromClient::Call { call, on, args } => {
                self.asked.insert(thread, call);
                Action::Call(self.ask(call, on.as_deref(), &args)?)
            }
            FromClient::Issue => Action::Issue,
            FromClient::Sleep { milliseconds } => Action::Sleep(milliseconds),
            FromClient::AwaitStatement => Action::AwaitStatement,
            FromClient::Wait => Action::Wait,
            FromClient::Report { report } => Action::Report(report),
            FromClient::End => Action::End,
            FromClient::Hello(_)
            | FromClient::Ready
            | FromClient::Read { .. }
            | FromClient::Write { .. }
            | FromClient::Trouble { .. } => {
                return Err("expected what the thread does, such as `call` or `end`".to_owned());
            }
        })
    }

    /// A command that this world's client was given, by name.
    fn command(&self, name: &str) -> Result<Delivered, String> {
        let number = name.strip_prefix('c').and_then(|number| number.parse::<u32>().ok());
        let known = number.and_then(|number| self.delivered.get(&number));
        known.copied().ok_or_else(|| format!("no GetCommand has given a command `{name}`"))
    }

    fn device(&self, name: &str) -> Result<u8, String> {
        let names = self.setup.iter().flat_map(|setup| &setup.device_names);
        let found = names.zip(0..).find(|(known, _)| **known == name);
        found.map(|(_, device)| device).ok_or_else(|| format!("there is no device `{name}`"))
    }

    /// A call of the protocol as the world has it.
    fn ask(&self, call: Function, on: Option<&str>, args: &Args<'_>) -> Result<ClientAsk, String> {
        let row = function(Party::Client, call)
            .ok_or_else(|| format!("a client has no function {call}"))?;
        let given = args.given();
        let missing = row.required.without(given);
        if !missing.is_empty() {
            return Err(format!("{call} needs the argument `{}`", missing.names().join("`, `")));
        }
        let surplus = given.without(row.required.with(row.optional));
        if !surplus.is_empty() {
            return Err(format!("{call} has no argument `{}`", surplus.names().join("`, `")));
        }
        let device = match (row.target, on) {
            (Target::Device, Some(name)) => self.device(name)?,
            (Target::Device, None) => return Err(format!("{call} needs `on`, the device's name")),
            (Target::Set, _) => 0,
        };
        let name = args.name.as_ref().map(Name::as_str).unwrap_or_default();
        Ok(match call {
            Function::Create | Function::CreateEx => {
                self.same_set(name)?;
                self.same_config(args)?;
                ClientAsk::CREATE
            }
            Function::OpenInSecondary | Function::OpenInSecondaryEx => {
                self.same_set(name)?;
                ClientAsk::OPEN_IN_SECONDARY
            }
            Function::GetConfiguration => ClientAsk::GetConfiguration { wait: wait(args) },
            Function::OpenDevice => ClientAsk::open_device(self.device(name)?),
            Function::GetCommand => ClientAsk::GetCommand { device, wait: wait(args) },
            Function::CompleteCommand => ClientAsk::CompleteCommand(self.completion(device, args)?),
            Function::SignalAbort => ClientAsk::SignalAbort,
            Function::Close => ClientAsk::Close,
            Function::GetBufferHandle
            | Function::MapBufferHandle
            | Function::Open
            | Function::BeginConfiguration
            | Function::RequestBuffers
            | Function::QueryAvailableBuffers
            | Function::EndConfiguration
            | Function::ExecuteCompletionAgent
            | Function::AllocateBuffer
            | Function::FreeBuffer
            | Function::IsSharedBuffer
            | Function::SendCommand
            | Function::CloseDevice => return Err(format!("{call} is not simulated")),
        })
    }

    fn same_set(&self, name: &str) -> Result<(), String> {
        match &self.setup {
            Some(setup) if setup.name != name => {
                Err(format!("the set's name is `{name}`, expected `{}` as told", setup.name))
            }
            _ => Ok(()),
        }
    }

    fn same_config(&self, args: &Args<'_>) -> Result<(), String> {
        let told = self.setup.as_ref().map(|setup| &setup.config);
        match args.config.as_deref() == told {
            true => Ok(()),
            false => Err("the configuration is not the one that was told".to_owned()),
        }
    }

    fn completion(&self, device: u8, args: &Args<'_>) -> Result<Complete, String> {
        let command = match &args.command {
            Some(Handle::Name(name)) => self.command(name.as_str())?.command,
            _ => return Err("CompleteCommand of a null pointer is not simulated".to_owned()),
        };
        let code = match args.code {
            Some(CodeArg::Completion(code)) => code,
            Some(CodeArg::Number(number)) => Win32(number),
            _ => return Err("`code` is a completion code, such as ERROR_SUCCESS".to_owned()),
        };
        let bytes = args.bytes.unwrap_or_default();
        Ok(Complete { device, command, code, bytes, position: args.position })
    }

    /// It has broken down: what is told of it.
    fn breaks(&mut self, trouble: &Trouble) -> String {
        let words = self.talk.take().map(|mut talk| talk.lines.end(LAST_WORDS)).unwrap_or_default();
        match words.as_slice() {
            [] => format!("it {trouble}"),
            words => format!("it {trouble}; on standard error: {}", words.join(" | ")),
        }
    }
}

impl Application for Client {
    fn next(&mut self, input: &Input, buffers: &mut dyn Buffers) -> Action {
        self.next_on(Thread::Main, input, buffers)
    }

    fn next_on(&mut self, thread: Thread, input: &Input, buffers: &mut dyn Buffers) -> Action {
        if let Some(why) = self.failed.take() {
            return Action::Crash(why);
        }
        match self.turn(thread, input, buffers) {
            Ok(does) => does,
            Err(trouble) => Action::Crash(self.breaks(&trouble)),
        }
    }

    fn arrangement(&mut self, drawn: Arrangement) -> Arrangement {
        self.arrangement = drawn;
        drawn
    }
}

fn wait(args: &Args<'_>) -> TimeoutArg {
    args.timeout.unwrap_or(TimeoutArg::Infinite)
}

/// What a call gave, as the program reads it.
fn results(answer: &Answer) -> Out<'static> {
    let mut out = Out { config: answer.config.clone(), ..Out::default() };
    if let Some(Delivered { command, code, size, position, buffer }) = answer.delivered {
        let named = |letter: char, number: u32| Name::from(format!("{letter}{number}"));
        out.command = Some(named('c', command));
        out.code = Some(code);
        out.size = Some(Size(size));
        out.position = (code != CommandCode::GetPosition).then_some(position);
        out.buffer = buffer.map(|buffer| named('b', buffer));
    }
    out
}
