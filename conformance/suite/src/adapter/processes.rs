//! The runtime with every process of a scenario in a real process of its own, which
//! share memory and nothing else.
//!
//! Each of them is this program again, serving its part of a scenario on standard input
//! and output. Names that only one of them knows are put in here: a process calls what
//! another has named by its tag, its place, or its number.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use vdi_runtime::Buffer;
use vdi_spec::clauses::Party;
use vdi_spec::codes::HResult;
use vdi_trace::{
    Args, Function, Handle, HowEnded, Interfaces, LaneName, Name, Out, Presence, Process,
};

use super::barrier::pause;
use super::body::far;
use super::deliveries::Deliveries;
use super::protocol::{Answer, Hello, Offer, Racing, Request};
use super::{Adapter, Connection, Limits, NotGreeted, Trouble, runtime};

/// The runtime between processes, or another implementation.
#[derive(Clone, Debug)]
pub struct Processes {
    program: PathBuf,
    arguments: Vec<String>,
    hello: Hello,
    /// How many bytes from the start of the area a buffer lies that has this number.
    place: fn(u64) -> u64,
    /// All processes of a scenario are threads of one.
    is_one: bool,
}

impl Processes {
    /// `program` is `vdi` itself, which is started once for each process.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        let (arguments, hello) = (vec!["process".to_owned()], runtime::hello());
        Self { program, arguments, hello, place: Buffer::offset_of, is_one: false }
    }

    /// Another program, with these arguments, which says this of itself; each process is one
    /// of its own if it offers that processes end, else all of a scenario are one. In it a number of a
    /// buffer is its address, and who gets a command cannot see its name: it is told by what
    /// the command is, and by the order of those that are alike.
    #[must_use]
    pub fn of(program: PathBuf, arguments: Vec<String>, hello: Hello) -> Self {
        let is_one = !hello.has(Offer::Exit);
        Self { program, arguments, hello, place: |number| number, is_one }
    }
}

impl Adapter for Processes {
    fn options(&self) -> &'static str {
        "--processes"
    }

    fn connect(&self, limits: Limits) -> Result<Box<dyn Connection>, NotGreeted> {
        Ok(Box::new(ProcessesConnection {
            of: self.clone(),
            limits,
            running: RunningScenario::new(Interfaces::new()),
        }))
    }
}

struct ProcessesConnection {
    of: Processes,
    limits: Limits,
    running: RunningScenario,
}

/// One scenario's processes.
struct RunningScenario {
    /// What the names of its shared memory objects begin with.
    prefix: String,
    parts: BTreeMap<Process, Part>,
    lines: (Sender<Line>, Receiver<Line>),
    /// Set interfaces besides those that there are from the start.
    interfaces: Interfaces,
    /// Answers that came and were not asked for yet.
    pending: VecDeque<Answer>,
    names: Names,
}

/// A line that a process wrote; `None` at the end of its output.
type Line = (Process, Option<Vec<u8>>);

/// One process.
struct Part {
    child: Child,
    input: ChildStdin,
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What names stand for in other processes.
#[derive(Default)]
struct Names {
    commands: BTreeMap<String, String>,
    /// The number that a buffer is known by in every process.
    numbers: BTreeMap<String, u64>,
    /// Which buffer that is, by its name elsewhere.
    buffers: BTreeMap<String, String>,
    handles: BTreeMap<String, u64>,
    /// What calls in progress are to make, by their numbers; and on what they are.
    making: BTreeMap<u64, Making>,
    deliveries: Deliveries,
    /// Commands as whoever has got them calls them.
    delivered: BTreeMap<String, Name<'static>>,
}

/// A call in progress.
struct Making {
    call: Function,
    on: String,
    made: String,
    /// Instance and name that it was given.
    name: [String; 2],
}

impl RunningScenario {
    fn new(interfaces: Interfaces) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            prefix: format!("vdi-suite-{}-{count}-", std::process::id()),
            parts: BTreeMap::new(),
            lines: channel(),
            interfaces,
            pending: VecDeque::new(),
            names: Names::default(),
        }
    }
}

impl Drop for RunningScenario {
    fn drop(&mut self) {
        self.parts.clear();
        // What the last ones to be killed have left.
        vdi_runtime::remove_leftovers(&self.prefix);
    }
}

impl Names {
    /// A call as the process that makes it is to see it.
    fn go_out(&mut self, process: Process, request: &mut Request) {
        let Request::Call { id, call, on, creates, args, .. } = request else { return };
        let made = creates.clone().unwrap_or_default();
        if *call == Function::SendCommand {
            self.commands.insert(far::command(far::tag(&made)), made.clone());
        }
        if *call == Function::SendCommand {
            self.deliveries.sent(on, &made, args);
        }
        let text = |name: &Option<Name<'_>>| name.as_ref().map(|name| name.as_str().to_owned());
        let name = [text(&args.instance), text(&args.name)].map(Option::unwrap_or_default);
        self.making.insert(*id, Making { call: *call, on: on.clone(), made, name });
        if process.party() != Party::Client {
            return;
        }
        if let Some(Handle::Name(name)) = &mut args.buffer
            && let Some(number) = self.numbers.get(name.as_str())
        {
            *name = Name::from(far::buffer(*number));
        }
        if let Some(Handle::Name(name)) = &mut args.handle
            && let Some(number) = self.handles.get(name.as_str())
        {
            *name = Name::from(far::handle(*number));
        }
        if let Some(Handle::Name(name)) = &mut args.command {
            let known = self.delivered.get(name.as_str()).cloned();
            *name = known.unwrap_or_else(|| Name::from(far::command(far::tag(name.as_str()))));
        }
    }

    /// An answer as the suite is to see it.
    fn come_in(&mut self, answer: &mut Answer, place: fn(u64) -> u64) {
        if let Answer::Callback { command, .. } = answer {
            self.deliveries.ended(command);
        }
        let Answer::Return { id, status, out, .. } = answer else { return };
        let Some(Making { call, on, made, name }) = self.making.remove(id) else { return };
        if *status != HResult::NOERROR {
            if call == Function::SendCommand {
                self.deliveries.ended(&made);
            }
        } else if call == Function::OpenDevice {
            let [_, name] = name;
            self.deliveries.opened_device(&on, &made, name);
        } else if !name[1].is_empty() {
            self.deliveries.opened(&on, name);
        }
        let Out { command, buffer, address, .. } = &mut **out;
        match (call, *address) {
            (Function::AllocateBuffer, Some(number)) => {
                self.buffers.insert(far::buffer(number), made.clone());
                self.numbers.insert(made, number);
                *address = Some(place(number));
            }
            (Function::GetBufferHandle, Some(number)) => {
                self.handles.insert(made, number);
                *address = None;
            }
            _ => {}
        }
        let own = |name: &mut Option<Name<'static>>, known: &BTreeMap<String, String>| {
            if let Some(own) = name.as_ref().and_then(|name| known.get(name.as_str())) {
                *name = Some(Name::from(own.clone()));
            }
        };
        own(command, &self.commands);
        own(buffer, &self.buffers);
        if self.tell(&on, out).is_err() {
            let reason = "the devices have other names at the server: which command this is \
                          cannot be told";
            *answer = Answer::Unsupported { id: *id, reason: reason.to_owned() };
        }
    }
}

impl Names {
    /// A command that was delivered without the name it was sent with.
    fn tell(&mut self, on: &str, out: &mut Out<'static>) -> Result<(), ()> {
        let far = out.command.clone().filter(|far| far.as_str().starts_with('#'));
        if let Some(far) = far
            && let Some(name) = self.deliveries.delivered(on, out)?
        {
            out.command = Some(Name::from(name.clone()));
            self.delivered.insert(name, far);
        }
        Ok(())
    }
}

impl ProcessesConnection {
    /// The process in which this one is.
    const fn host_of(&self, process: Process) -> Process {
        if self.of.is_one { Process::Server } else { process }
    }

    /// Whether a call asks for a time-out that no `expire` holds back.
    fn is_timed(&self, args: &Args<'_>) -> bool {
        let asked = args.config.as_ref().is_some_and(|config| config.server_time_out > 0);
        asked && !self.of.hello.has(Offer::Expire)
    }

    /// The process of that name, started if it does not run yet.
    fn part(&mut self, process: Process) -> Result<&mut Part, Trouble> {
        let process = self.host_of(process);
        if !self.running.parts.contains_key(&process) {
            let part = self.start(process)?;
            self.running.parts.insert(process, part);
            let interfaces = self.running.interfaces.clone();
            self.send_to(process, &Request::Reset { scenario: String::new(), interfaces })?;
            self.wait_for(process, "reset", &mut |answer| matches!(answer, Answer::Ready))?;
        }
        self.running.parts.get_mut(&process).ok_or_else(|| gone(process))
    }

    fn start(&self, process: Process) -> Result<Part, Trouble> {
        let failed = |error| Trouble::NotStarted(format!("{}: {error}", self.of.program.display()));
        let mut child = Command::new(&self.of.program)
            .args(&self.of.arguments)
            .args(["--prefix", &self.running.prefix])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let input = child.stdin.take().expect("standard input is piped");
        let output = child.stdout.take().expect("standard output is piped");
        let lines = self.running.lines.0.clone();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                let read = output.read_until(b'\n', &mut line);
                let line = matches!(read, Ok(1..)).then_some(line);
                let last = line.is_none();
                if lines.send((process, line)).is_err() || last {
                    return;
                }
            }
        });
        Ok(Part { child, input })
    }

    fn send_to(&mut self, process: Process, request: &Request) -> Result<(), Trouble> {
        let process = self.host_of(process);
        let mut line = serde_json::to_vec(request).expect("a request serialises");
        line.push(b'\n');
        let part = self.running.parts.get_mut(&process).ok_or_else(|| gone(process))?;
        part.input.write_all(&line).and_then(|()| part.input.flush()).map_err(|_| gone(process))
    }

    /// The next answer of any process.
    fn next(&mut self, within: Duration) -> Result<Option<(Process, Answer)>, Trouble> {
        loop {
            let (process, line) = match self.running.lines.1.recv_timeout(within) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(None),
            };
            match line {
                // One that was told to end, or killed, is no longer there.
                None if self.running.parts.contains_key(&process) => return Err(gone(process)),
                None => {}
                Some(_) if !self.running.parts.contains_key(&process) => {}
                Some(line) => {
                    let mut answer = serde_json::from_slice(&line).map_err(|error| {
                        let line = String::from_utf8_lossy(&line).into_owned();
                        Trouble::Garbage { reason: error.to_string(), line }
                    })?;
                    self.running.names.come_in(&mut answer, self.of.place);
                    return Ok(Some((process, answer)));
                }
            }
        }
    }

    /// The answer of this process that is one; others are kept for later.
    fn wait_for(
        &mut self,
        process: Process,
        asked: &str,
        is_one: &mut dyn FnMut(&Answer) -> bool,
    ) -> Result<Answer, Trouble> {
        let within = self.limits.timeout;
        loop {
            match self.next(within)? {
                None => return Err(Trouble::Silent { asked: asked.to_owned(), within }),
                Some((from, answer)) if from == process && is_one(&answer) => return Ok(answer),
                Some((_, answer)) => self.running.pending.push_back(answer),
            }
        }
    }

    /// Waits until all processes rest together: each of them does, and asked again has
    /// not moved in between. Gives the lanes that are inside a call.
    fn rest(&mut self, id: u64) -> Result<Vec<String>, Trouble> {
        let processes: Vec<Process> = self.running.parts.keys().copied().collect();
        let mut before = None;
        loop {
            let mut moves = BTreeMap::new();
            let mut lanes = Vec::new();
            for process in &processes {
                self.send_to(*process, &Request::Settle { id })?;
                let mut settled = |answer: &Answer| matches!(answer, Answer::Settled { .. });
                let answer = self.wait_for(*process, "settle", &mut settled)?;
                if let Answer::Settled { in_call, moves: moved, .. } = answer {
                    lanes.extend(in_call);
                    moves.insert(*process, moved);
                }
            }
            lanes.sort();
            if before.as_ref() == Some(&moves) || processes.len() < 2 {
                return Ok(lanes);
            }
            before = Some(moves);
        }
    }

    /// The process ends, in one way or the other; the others notice in their own time.
    fn exit(&mut self, process: Process, how: HowEnded) -> Result<(), Trouble> {
        self.part(process)?;
        if how == HowEnded::Normal {
            self.send_to(process, &Request::Bye)?;
            if let Some(part) = self.running.parts.get_mut(&process) {
                part.child.wait().map_err(|error| Trouble::Own(error.to_string()))?;
            }
        }
        self.running.parts.remove(&process);
        Ok(())
    }
}

impl ProcessesConnection {
    /// Begins requests at once, those of each process by that process.
    fn together(&mut self, requests: &[Racing]) -> Result<(), Trouble> {
        let mut parts: BTreeMap<Process, Vec<Racing>> = BTreeMap::new();
        let mut exits = Vec::new();
        for racing in requests {
            let mut request = racing.request.clone();
            match &request {
                Request::Call { lane, .. } | Request::Resume { lane, .. } => {
                    let process = process_of(lane)?;
                    self.part(process)?;
                    self.running.names.go_out(process, &mut request);
                    let racing = Racing { request, delay: racing.delay };
                    parts.entry(self.host_of(process)).or_default().push(racing);
                }
                Request::Exit { id, process, how } => {
                    self.part(*process)?;
                    exits.push((racing.delay, *id, *process, *how));
                }
                other => return Err(Trouble::Own(format!("`{}` cannot race", other.what()))),
            }
        }
        for (process, requests) in parts {
            self.send_to(process, &Request::Together { requests })?;
        }
        exits.sort_unstable_by_key(|(delay, ..)| *delay);
        let mut passed = 0;
        for (delay, id, process, how) in exits {
            pause(delay - passed);
            passed = delay;
            self.exit(process, how)?;
            self.running.pending.push_back(Answer::Exited { id });
        }
        Ok(())
    }
}

fn gone(process: Process) -> Trouble {
    Trouble::Crashed(format!("the process `{process}` is gone"))
}

fn process_of(lane: &str) -> Result<Process, Trouble> {
    LaneName::process_of(lane).map_err(|error| Trouble::Own(error.to_string()))
}

impl Connection for ProcessesConnection {
    fn hello(&self) -> &Hello {
        &self.of.hello
    }

    fn send(&mut self, request: &Request) -> Result<(), Trouble> {
        let mut request = request.clone();
        let process = match &mut request {
            Request::Hello { .. } | Request::Bye => return Ok(()),
            Request::Reset { interfaces, .. } => {
                self.running = RunningScenario::new(std::mem::take(interfaces));
                self.running.pending.push_back(Answer::Ready);
                return Ok(());
            }
            Request::Together { requests } => {
                let requests = std::mem::take(requests);
                return self.together(&requests);
            }
            Request::Settle { id } => {
                let in_call = self.rest(*id)?;
                self.running.pending.push_back(Answer::Settled { id: *id, in_call, moves: None });
                return Ok(());
            }
            Request::Exit { id, process, how } => {
                self.exit(*process, *how)?;
                self.running.pending.push_back(Answer::Exited { id: *id });
                return Ok(());
            }
            Request::Unload { id, process }
                if !self.running.parts.contains_key(&self.host_of(*process)) =>
            {
                let found = Presence::Idle;
                self.running.pending.push_back(Answer::Unloaded { id: *id, found });
                return Ok(());
            }
            Request::Unload { process, .. } => *process,
            Request::Expire { id, lane, .. } => {
                // What was asked before has come as far as it can, everywhere.
                let (id, process) = (*id, process_of(lane)?);
                self.rest(id)?;
                process
            }
            Request::Touch { lane, object, .. } => {
                let process = process_of(lane)?;
                if process.party() == Party::Client
                    && let Some(number) = self.running.names.numbers.get(object)
                {
                    *object = far::buffer(*number);
                }
                process
            }
            Request::Call { id, args, .. } if self.is_timed(args) => {
                let reason = "serverTimeOut passes by the real clock, also while all rests".into();
                self.running.pending.push_back(Answer::Unsupported { id: *id, reason });
                return Ok(());
            }
            Request::Call { lane, .. } | Request::Resume { lane, .. } => process_of(lane)?,
        };
        self.running.names.go_out(process, &mut request);
        self.part(process)?;
        self.send_to(process, &request)
    }

    fn receive(&mut self, within: Duration) -> Result<Option<Answer>, Trouble> {
        if let Some(answer) = self.running.pending.pop_front() {
            return Ok(Some(answer));
        }
        match self.next(within)? {
            Some((_, Answer::Trouble { message })) => Err(Trouble::Own(message)),
            answer => Ok(answer.map(|(_, answer)| answer)),
        }
    }

    fn take_stderr(&mut self) -> String {
        String::new()
    }
}
