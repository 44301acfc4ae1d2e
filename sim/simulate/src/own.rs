//! A client of one's own in the world, in the place of ours: to try a backup application
//! without a database server, with all the faults.

use super::content::{self, Content};
use super::engine::{Answer, Ask, By, Delivered, Engine, Setup};
use super::observe::Observer;
use super::options::{Arrangement, Options};
use super::program::{Act, Statement};
use super::schedule::Lanes;
use super::struck::Fault;
use super::world::{Lane, Role, World};
use vdi_spec::clauses::Party;
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
pub enum Told {
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
pub enum Do {
    /// It calls a function of the interface: one of a client's.
    Call(Ask),
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
    fn next(&mut self, told: &Told, buffers: &mut dyn Buffers) -> Do;

    /// What a thread does next. One thread is asked at a time, so that they may share
    /// whatever they like. A thread that is not made use of ends at once.
    fn next_on(&mut self, thread: Thread, told: &Told, buffers: &mut dyn Buffers) -> Do {
        match thread {
            Thread::Main => self.next(told, buffers),
            Thread::Sql | Thread::Device(_) => Do::End,
        }
    }

    /// How it shares out its devices, which decides what threads it has.
    fn arrangement(&mut self, _drawn: Arrangement) -> Arrangement {
        Arrangement::OneThread
    }
}

impl<F: FnMut(&Told, &mut dyn Buffers) -> Do> Application for F {
    fn next(&mut self, told: &Told, buffers: &mut dyn Buffers) -> Do {
        self(told, buffers)
    }
}

impl Options {
    /// What is left of the options with an application in the place of our client: what
    /// concerns our client alone is taken away.
    #[must_use]
    pub const fn for_application(&self, arrangement: Arrangement) -> Self {
        let mut options = *self;
        options.arrangement = arrangement;
        (options.sets, options.deviation, options.odd_calls) = (1, None, 0);
        (options.same_name, options.overlaps) = (false, false);
        let faults = &mut options.faults;
        (faults.medium_fails_at, faults.capacity, faults.refuses) = (None, None, None);
        (faults.overflows, faults.cuts) = (false, false);
        (faults.short, faults.slow_client) = (0, 0);
        (options.holds, options.aborts_on_failure) = (1, true);
        (options.command_wait, options.configuration_wait) = (0, 0);
        let ways = &mut options.ways;
        (ways.configures_again, ways.opens_all, ways.opens_first) = (false, false, false);
        (ways.closing_marks, ways.loads_only) = (false, false);
        faults.set = 0;
        if !matches!(arrangement, Arrangement::ProcessPerDevice) {
            (faults.secondary_dies_at, faults.secondary) = (None, 0);
        }
        options
    }
}

/// The application of a world, and what it is to be told.
pub(super) struct Own<'a> {
    application: &'a mut dyn Application,
    /// By lane.
    told: Vec<Told>,
    /// Lanes that await the end of the statement.
    awaits: Lanes,
    /// Lanes that wait until something happens.
    waits: Lanes,
    /// The devices that each lane's process has open, by their bits.
    opened: Vec<u16>,
    created: bool,
    /// Whether the end of the statement is told.
    learned: bool,
    /// By lane, the process that has died, until that is told.
    died: Vec<Option<Process>>,
    /// Why it could not go on.
    pub(super) broken: Option<String>,
}

impl std::fmt::Debug for Own<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").field("told", &self.told).finish_non_exhaustive()
    }
}

impl<'a> Own<'a> {
    pub(super) fn new(application: &'a mut dyn Application, lanes: usize) -> Self {
        Self {
            application,
            told: vec![Told::Done; lanes],
            awaits: 0,
            waits: 0,
            opened: vec![0; lanes],
            created: false,
            learned: false,
            died: vec![None; lanes],
            broken: None,
        }
    }

    /// A statement is about to begin.
    pub(super) fn begins(&mut self, restore: bool, setup: &Setup) {
        self.told.fill(Told::Begins { restore, setup: Box::new(setup.clone()) });
        self.opened.fill(0);
        (self.awaits, self.waits) = (0, 0);
        (self.created, self.learned) = (false, false);
    }

    /// A call has returned on one of its lanes.
    pub(super) fn returned(&mut self, lane: usize, ask: &Ask, answer: &Answer) {
        if answer.status == HResult::NOERROR {
            match *ask {
                Ask::OpenDevice { device } => self.opened[lane] |= 1 << device,
                Ask::CreateEx => self.created = true,
                _ => {}
            }
        }
        self.told[lane] = Told::Returned(answer.clone());
    }

    /// A process has died: these lanes are to be told.
    pub(super) fn dies(&mut self, process: Process, lanes: impl Iterator<Item = usize>) {
        lanes.for_each(|lane| self.died[lane] = Some(process));
    }

    /// Why this call cannot be made at all, if it cannot: a program would not compile, or
    /// have no handle to call it on.
    fn is_senseless(
        &self,
        process: Process,
        (opened, sent): (u16, u32),
        ask: &Ask,
    ) -> Option<String> {
        let has = |device: u8| device < 16 && opened & 1 << device != 0;
        let of_client = !matches!(ask, Ask::GetServerConfiguration | Ask::CloseDevice { .. })
            && vdi_trace::function(Party::Client, ask.function()).is_some();
        let wrong = match *ask {
            _ if !of_client => "is no function of a client",
            Ask::Odd(_) => "in a way that is the simulator's own",
            Ask::OpenDevice { device: 16.. } => "of a device that nobody has heard of",
            Ask::GetCommand { device, .. } if !has(device) => {
                "on a device that this process has not opened"
            }
            Ask::CompleteCommand(done) if !has(done.device) => {
                "on a device that this process has not opened"
            }
            Ask::CompleteCommand(done) if !(1..=sent).contains(&done.command) => {
                "of a command that was never sent"
            }
            Ask::CreateEx if self.created => "a second time for one statement",
            Ask::CreateEx if process != Process::Primary => "in a secondary process",
            Ask::OpenInSecondaryEx if process == Process::Primary => "in the primary process",
            _ => return None,
        };
        Some(format!("{}: {wrong}", ask.function()))
    }
}

impl<E: Engine> World<'_, E> {
    /// What a thread of the client in the place of ours does next.
    pub(super) fn ask_own(&mut self, lane: usize) -> Act {
        let bit = 1 << lane;
        let (by, thread) = (self.by(lane), self.thread(lane));
        let Some(own) = self.own.as_mut() else {
            return Act::Done;
        };
        let statement = &mut self.sets[0].statement;
        let mut learns = None;
        let idles = (own.awaits | own.waits) & bit != 0;
        if let Some(process) = own.died[lane].take_if(|_| idles) {
            own.told[lane] = Told::Died { process };
            own.awaits &= !bit;
        } else if own.awaits & bit != 0 {
            if !statement.is_over() {
                return Act::Idle;
            }
            let succeeded = *statement == Statement::Succeeded;
            own.awaits &= !bit;
            own.told[lane] = Told::Statement { succeeded };
            // One lane learns it from the server; the others are told by that.
            learns = (!std::mem::replace(&mut own.learned, true)).then_some(succeeded);
        }
        if let Some(succeeded) = learns {
            return Act::Learn { succeeded };
        }
        let mut buffers = Through { engine: &mut *self.engine, observer: &mut self.observer, by };
        let told = std::mem::replace(&mut own.told[lane], Told::Done);
        let does = own.application.next_on(thread, &told, &mut buffers);
        let again = own.waits & bit != 0 && told == Told::Done && does == Do::Wait;
        own.waits &= !bit;
        let act = self.does(lane, does);
        if !again {
            // What it knows may have changed.
            self.wake_all(0);
        }
        act
    }

    fn does(&mut self, lane: usize, does: Do) -> Act {
        let bit = 1 << lane;
        let process = self.lanes[lane].place.process;
        let known = (self.opened_by_own(process), self.commands);
        let Some(own) = self.own.as_mut() else {
            return Act::Done;
        };
        let set = &mut self.sets[0];
        match does {
            Do::Call(ask) => match own.is_senseless(process, known, &ask) {
                None => return Act::call(ask),
                Some(why) => self.breaks(why),
            },
            Do::Sleep(milliseconds) => return Act::Sleep(milliseconds),
            Do::Issue => {
                let devices = self.options.devices;
                if set.statement == Statement::NotIssued {
                    set.statement = Statement::Issued(devices);
                }
                return Act::Issue { devices: devices.into() };
            }
            Do::AwaitStatement => {
                own.awaits |= bit;
                // Whoever awaits what has happened waits no time, but lets others go on.
                let over = set.statement.is_over() || own.died[lane].is_some();
                return if over { Act::Sleep(0) } else { Act::Idle };
            }
            Do::Wait => {
                own.waits |= bit;
                return if own.died[lane].is_some() { Act::Sleep(0) } else { Act::Idle };
            }
            Do::Report(what) => {
                set.client.note_report(what);
                return Act::Report(what);
            }
            Do::End => {
                if set.statement == Statement::NotIssued && self.thread(lane) == Thread::Main {
                    self.sets[0].statement = Statement::Failed;
                }
            }
            Do::Crash(why) => self.breaks(why),
        }
        Act::Done
    }

    /// The devices that a process of the client in the place of ours has opened, by their
    /// bits.
    fn opened_by_own(&self, process: Process) -> u16 {
        let opened = self.own.iter().flat_map(|own| &own.opened);
        let own = self.lanes.iter().zip(opened).filter(|(lane, _)| lane.place.process == process);
        own.fold(0, |all, (_, opened)| all | opened)
    }

    /// A process has died: the client's other processes notice it.
    pub(super) fn tell_own_of_death(&mut self, process: Process) {
        let Self { own, lanes, .. } = self;
        let Some(own) = own else {
            return;
        };
        let tells = |lane: &Lane| match (process, lane.place.process) {
            (Process::Secondary(_), Process::Primary) => lane.role == Role::Client,
            (Process::Primary, Process::Secondary(_)) => true,
            _ => false,
        };
        own.dies(process, (0..lanes.len()).filter(|lane| tells(&lanes[*lane])));
    }

    /// Whether a call opens a device that its process has open.
    pub(super) fn opens_again(&self, process: Process, ask: &Ask) -> bool {
        match *ask {
            Ask::OpenDevice { device: device @ 0..16 } if self.own.is_some() => {
                self.opened_by_own(process) & 1 << device != 0
            }
            _ => false,
        }
    }

    /// The client in the place of ours cannot go on.
    fn breaks(&mut self, why: String) {
        if let Some(own) = self.own.as_mut() {
            own.broken = Some(why);
        }
        for process in self.living() {
            if process.party() == Party::Client {
                self.kill(process);
            }
        }
    }

    fn thread(&self, lane: usize) -> Thread {
        match self.lanes[lane].role {
            Role::Sql => Thread::Sql,
            Role::Worker(device) => Thread::Device(device),
            _ => Thread::Main,
        }
    }

    /// Somebody stops the statement of a client that is not ours: a thread of its primary
    /// process calls SignalAbort while the set is open.
    pub(super) fn stop_own(&mut self) -> Act {
        let busy = self.is_changing(0, false);
        let main = self.first(0) + 3;
        if self.done & 1 << main != 0 || self.options.faults.client_abort_at.is_none() {
            return Act::Done;
        }
        let known = self.sets[0].of_client;
        if busy || !known.begun || known.closed || !std::mem::take(&mut self.sets[0].abort) {
            return Act::Idle;
        }
        self.struck.insert(Fault::ClientAbort);
        Act::call(Ask::SignalAbort)
    }
}

/// The buffers of a world, as the application's lane uses them.
pub(super) struct Through<'a, E> {
    pub(super) engine: &'a mut E,
    pub(super) observer: &'a mut Observer,
    pub(super) by: By,
}

impl<E: Engine> Buffers for Through<'_, E> {
    fn read(&mut self, command: &Delivered) -> Option<Vec<u8>> {
        let buffer = command.buffer?;
        let length = u32::try_from(command.size).unwrap_or_default();
        let content: Option<Content> = self.engine.get(self.by, buffer, length);
        self.observer.used(self.by.lane, buffer, false, content.is_some());
        content.map(|content| content::to_bytes(&content))
    }

    fn write(&mut self, command: &Delivered, bytes: &[u8]) -> bool {
        let Some(buffer) = command.buffer else {
            return false;
        };
        let written = self.engine.put(self.by, buffer, &content::from_bytes(bytes));
        self.observer.used(self.by.lane, buffer, true, written);
        written
    }
}
