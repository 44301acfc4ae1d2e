//! A client from outside in the place of ours: to try a backup application without a
//! database server, with all the faults.

use super::content::{self, Content};
use super::program::{Act, StatementState};
use crate::backend::{Actor, Answer, Ask, Backend, ClientAsk, Delivered, Setup};
use crate::observe::observer::Observer;
use crate::options::Arrangement;
use crate::scheduler::lanes::{LaneTable, Role};
use vdi_spec::codes::HResult;
use vdi_trace::{Process, Reported};

/// A thread of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// Its main thread, whose lane is `primary.main`.
    Main,
    /// A thread for the SQL statement, whose lane is `primary.sql`.
    Sql,
    /// The one that serves this device, counted from 0: `primary.t1` and so on, or with a
    /// process for each device the only thread of `secondary1` and so on.
    Device(u8),
}

/// What an application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A statement is to be carried out: a BACKUP, or the RESTORE of what it left. Every
    /// thread is told.
    Begins {
        /// Whether it is the RESTORE.
        restore: bool,
        /// What is to be asked for: the set, its devices, its configuration.
        setup: Box<Setup>,
    },
    /// The call has returned.
    Returned(Answer),
    /// What was to be done has been done; of a wait: something has happened.
    Done,
    /// Another process of the client has died. The main thread is told of secondaries, their
    /// threads of the primary, when they wait.
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

/// What an application does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It calls a function of the interface.
    Call(ClientAsk),
    /// It hands the SQL statement to the server.
    Issue,
    /// It waits so many milliseconds of virtual time.
    Sleep(u32),
    /// It waits for the SQL statement to end.
    AwaitStatement,
    /// It waits until something has happened: another of its threads has gone on, a call has
    /// returned, the statement has ended.
    Wait,
    /// It tells its own caller how it ended.
    Report(Reported),
    /// It has come to its end.
    End,
    /// It cannot go on, for this reason: all its processes end.
    Crash(String),
}

/// The buffers of the commands that an application holds.
pub trait Buffers {
    /// The bytes of a Write; `None`: the buffer cannot be used any more.
    fn read(&mut self, command: &Delivered) -> Option<Vec<u8>>;

    /// Fills the buffer of a Read; false: it cannot be used any more.
    fn write(&mut self, command: &Delivered, bytes: &[u8]) -> bool;
}

/// A backup application: a state machine that is told how the last thing ended, and says
/// what it does next. A closure is one, of one thread.
pub trait Application {
    /// What its main thread does next.
    fn next(&mut self, input: &Input, buffers: &mut dyn Buffers) -> Action;

    /// What a thread does next. One thread is asked at a time, so that they may share
    /// whatever they like. A thread that is not made use of ends at once.
    fn next_on(&mut self, thread: Thread, input: &Input, buffers: &mut dyn Buffers) -> Action {
        match thread {
            Thread::Main => self.next(input, buffers),
            Thread::Sql | Thread::Device(_) => Action::End,
        }
    }

    /// How it shares out its devices, which decides what threads it has.
    fn arrangement(&mut self, _drawn: Arrangement) -> Arrangement {
        Arrangement::OneThread
    }
}

impl<F: FnMut(&Input, &mut dyn Buffers) -> Action> Application for F {
    fn next(&mut self, input: &Input, buffers: &mut dyn Buffers) -> Action {
        self(input, buffers)
    }
}

/// What is known of a lane of the application.
#[derive(Debug)]
struct Seat {
    thread: Thread,
    process: Process,
    /// What it is told next.
    input: Input,
    /// It awaits the end of the statement.
    awaits: bool,
    /// It waits until something happens.
    waits: bool,
    /// The devices that it has opened, by their bits.
    opened: u16,
    /// The process that has died, until that is told.
    died: Option<Process>,
}

/// The application of a world, and what it is to be told.
pub(crate) struct ExternalClient<'a> {
    application: &'a mut dyn Application,
    /// By lane.
    seats: Vec<Seat>,
    created: bool,
    /// Whether the end of the statement is told.
    learned: bool,
    /// Why it could not go on.
    broken: Option<String>,
}

impl std::fmt::Debug for ExternalClient<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalClient").field("seats", &self.seats).finish_non_exhaustive()
    }
}

/// What an application's lane acts in.
pub(crate) struct Surroundings<'a> {
    pub(crate) statement: &'a mut StatementState,
    /// Devices of the set.
    pub(crate) devices: u8,
    /// The number of the last command that was sent.
    pub(crate) sent: u32,
    pub(crate) buffers: &'a mut dyn Buffers,
}

impl<'a> ExternalClient<'a> {
    pub(crate) fn new(application: &'a mut dyn Application, lanes: &LaneTable) -> Self {
        let seats = lanes.iter().map(|lane| Seat {
            thread: match lane.role {
                Role::Sql => Thread::Sql,
                Role::Worker(device) => Thread::Device(device),
                Role::Client | Role::Server | Role::Agent | Role::Operator | Role::Misuser(_) => {
                    Thread::Main
                }
            },
            process: lane.info.process,
            input: Input::Done,
            awaits: false,
            waits: false,
            opened: 0,
            died: None,
        });
        let seats = seats.collect();
        Self { application, seats, created: false, learned: false, broken: None }
    }

    /// A statement is about to begin.
    pub(crate) fn begins(&mut self, restore: bool, setup: &Setup) {
        for seat in &mut self.seats {
            seat.input = Input::Begins { restore, setup: Box::new(setup.clone()) };
            (seat.opened, seat.awaits, seat.waits) = (0, false, false);
        }
        (self.created, self.learned) = (false, false);
    }

    /// A call has returned on one of its lanes.
    pub(crate) fn returned(&mut self, lane: usize, ask: &ClientAsk, answer: &Answer) {
        let seat = &mut self.seats[lane];
        if answer.status == HResult::NOERROR {
            self.created |= *ask == ClientAsk::CREATE;
            if let ClientAsk::OpenDevice { device, .. } = *ask {
                seat.opened |= 1 << device;
            }
        }
        seat.input = Input::Returned(answer.clone());
    }

    /// A process has died: the client's other processes notice it.
    pub(crate) fn note_death(&mut self, process: Process) {
        for seat in &mut self.seats {
            let notices = match (process, seat.process) {
                (Process::Secondary(_), Process::Primary) => seat.thread == Thread::Main,
                (Process::Primary, Process::Secondary(_)) => true,
                (Process::Server | Process::Primary | Process::Secondary(_), _) => false,
            };
            if notices {
                seat.died = Some(process);
            }
        }
    }

    /// Whether it cannot go on.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Why it could not go on.
    pub(crate) fn into_broken(self) -> Option<String> {
        self.broken
    }

    /// The devices that a process has opened, by their bits.
    fn opened_by(&self, process: Process) -> u16 {
        let seats = self.seats.iter().filter(|seat| seat.process == process);
        seats.fold(0, |all, seat| all | seat.opened)
    }

    /// Whether a call opens a device that its process has open.
    pub(crate) fn opens_again(&self, process: Process, ask: &Ask) -> bool {
        let device = ask.opened().filter(|device| *device < 16);
        device.is_some_and(|device| self.opened_by(process) & 1 << device != 0)
    }

    /// What a thread does next, and whether what the others know may have changed.
    pub(crate) fn next(&mut self, lane: usize, around: Surroundings<'_>) -> (Act, bool) {
        let seat = &mut self.seats[lane];
        let idles = seat.awaits || seat.waits;
        if let Some(process) = seat.died.take_if(|_| idles) {
            seat.input = Input::Died { process };
            seat.awaits = false;
        } else if seat.awaits {
            if !around.statement.is_over() {
                return (Act::Idle, false);
            }
            let succeeded = *around.statement == StatementState::Succeeded;
            seat.awaits = false;
            seat.input = Input::Statement { succeeded };
            // One lane learns it from the server; the others are told by that.
            if !std::mem::replace(&mut self.learned, true) {
                return (Act::Learn { succeeded }, false);
            }
        }
        let input = std::mem::replace(&mut seat.input, Input::Done);
        let action = self.application.next_on(seat.thread, &input, around.buffers);
        let again = seat.waits && input == Input::Done && action == Action::Wait;
        seat.waits = false;
        (self.act(lane, action, around), !again)
    }

    fn act(&mut self, lane: usize, action: Action, around: Surroundings<'_>) -> Act {
        let Surroundings { statement, devices, sent, .. } = around;
        let seat = &mut self.seats[lane];
        match action {
            Action::Call(ask) => match self.refusal(lane, sent, &ask) {
                None => return Act::call(ask),
                refusal => self.broken = refusal,
            },
            Action::Sleep(milliseconds) => return Act::Sleep(milliseconds),
            Action::Issue => {
                if *statement == StatementState::NotIssued {
                    *statement = StatementState::Issued(devices);
                }
                return Act::Issue { devices: devices.into() };
            }
            Action::AwaitStatement => {
                seat.awaits = true;
                // Whoever awaits what has happened waits no time, but lets others go on.
                let over = statement.is_over() || seat.died.is_some();
                return if over { Act::Sleep(0) } else { Act::Idle };
            }
            Action::Wait => {
                seat.waits = true;
                return if seat.died.is_some() { Act::Sleep(0) } else { Act::Idle };
            }
            Action::Report(what) => return Act::Report(what),
            Action::End => {
                if *statement == StatementState::NotIssued && seat.thread == Thread::Main {
                    *statement = StatementState::Failed;
                }
            }
            Action::Crash(why) => self.broken = Some(why),
        }
        Act::Done
    }

    /// Why this call cannot be made at all, if it cannot: a program would have no handle to
    /// call it on.
    fn refusal(&self, lane: usize, sent: u32, ask: &ClientAsk) -> Option<String> {
        let process = self.seats[lane].process;
        let opened = self.opened_by(process);
        let has = |device: u8| device < 16 && opened & 1 << device != 0;
        let unopened = "on a device that this process has not opened";
        let wrong = match *ask {
            ClientAsk::CreateEx { flaw: Some(_) }
            | ClientAsk::OpenInSecondaryEx { misnomer: Some(_) }
            | ClientAsk::OpenDevice { kept: false, .. }
            | ClientAsk::GetBufferHandle { .. }
            | ClientAsk::MapBufferHandle { .. } => "in a way that is the simulator's own",
            ClientAsk::OpenDevice { device: 16.., .. } => "of a device that nobody has heard of",
            ClientAsk::GetCommand { device, .. } if !has(device) => unopened,
            ClientAsk::CompleteCommand(done) if !has(done.device) => unopened,
            ClientAsk::CompleteCommand(done) if !(1..=sent).contains(&done.command) => {
                "of a command that was never sent"
            }
            ClientAsk::CreateEx { .. } if self.created => "a second time for one statement",
            ClientAsk::CreateEx { .. } if process != Process::Primary => "in a secondary process",
            ClientAsk::OpenInSecondaryEx { .. } if process == Process::Primary => {
                "in the primary process"
            }
            ClientAsk::CreateEx { .. }
            | ClientAsk::OpenInSecondaryEx { .. }
            | ClientAsk::GetConfiguration { .. }
            | ClientAsk::OpenDevice { .. }
            | ClientAsk::GetCommand { .. }
            | ClientAsk::CompleteCommand(_)
            | ClientAsk::SignalAbort
            | ClientAsk::Close => return None,
        };
        Some(format!("{}: {wrong}", ask.function()))
    }
}

/// The buffers of a world, as the application's lane uses them.
pub(crate) struct BufferAccess<'a, E> {
    pub(crate) backend: &'a mut E,
    pub(crate) observer: &'a mut Observer,
    pub(crate) by: Actor,
}

impl<E: Backend> Buffers for BufferAccess<'_, E> {
    fn read(&mut self, command: &Delivered) -> Option<Vec<u8>> {
        let buffer = command.buffer?;
        let length = u32::try_from(command.size).unwrap_or_default();
        let content: Option<Content> = self.backend.get(self.by, buffer, length);
        self.observer.used(self.by.lane, buffer, false, content.is_some());
        content.map(|content| content::to_bytes(&content))
    }

    fn write(&mut self, command: &Delivered, bytes: &[u8]) -> bool {
        let Some(buffer) = command.buffer else {
            return false;
        };
        let written = self.backend.put(self.by, buffer, &content::from_bytes(bytes));
        self.observer.used(self.by.lane, buffer, true, written);
        written
    }
}
