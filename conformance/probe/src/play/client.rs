//! The client: what it has, and each step that it takes.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::process::{Signal, getpid, kill_process};
use vdi_call::{Library, Set};
use vdi_recorder::Called;
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, Function, HowEnded, Name, Out, TimeoutArg};

use super::not_played::NotPlayed;
use super::progress::Progress;
use super::recording::{Recording, locked};
use super::tracks::{DeviceTrack, Names};
use crate::plan::{GivenHandle, Observed, Plan};
use crate::steps::{Naming, Step, Wait};

/// A client that is played.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) plan: Plan,
    pub(super) recording: Recording,
    library: Library,
    set: Set,
    pub(super) tracks: Mutex<BTreeMap<u8, Arc<Mutex<DeviceTrack>>>>,
    pub(super) names: Mutex<Names>,
    pub(super) statement: Mutex<Option<Child>>,
    pub(super) handle: Mutex<Option<GivenHandle>>,
    lanes: Mutex<BTreeMap<String, Lane>>,
    progress: Progress,
    /// What was open and mapped when it was counted first.
    counted: Mutex<Option<usize>>,
}

type Lane = JoinHandle<Result<(), NotPlayed>>;

impl Client {
    pub(super) fn new(library: Library, recording: Recording, plan: Plan) -> Self {
        let set = library.set();
        let handle = Mutex::new(plan.handle.clone());
        Self {
            plan,
            recording,
            library,
            set,
            tracks: Mutex::default(),
            names: Mutex::default(),
            statement: Mutex::default(),
            handle,
            lanes: Mutex::default(),
            progress: Progress::default(),
            counted: Mutex::default(),
        }
    }

    /// What the set interface is called in the trace.
    pub(super) fn interface(&self) -> String {
        self.recording.process.set_interface()
    }

    /// Takes these steps.
    pub(super) fn run(self: &Arc<Self>, steps: &[Step]) -> Result<(), NotPlayed> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(self: &Arc<Self>, step: &Step) -> Result<(), NotPlayed> {
        match step {
            Step::Create(config) => self.create(config),
            Step::CreateAgain(config) => self.create_again(config),
            Step::GetConfiguration(wait) => self.get_configuration(*wait),
            Step::OpenDevice(device, naming) => self.open_device(*device, *naming),
            Step::GetCommand(device, wait) => drop(self.get_command(*device, *wait)),
            Step::HoldAll(device, time) => self.hold_all(*device, *time),
            Step::Complete(device) => self.complete(*device),
            Step::CompleteAll(device) => self.complete_all(*device),
            Step::CompleteWith(device, code) => self.complete_with(*device, *code),
            Step::CompleteThe(device, place, how) => self.complete_the(*device, *place, *how),
            Step::CompleteAgain(device) => self.complete_again(*device),
            Step::CompleteNothing(device) => self.complete_nothing(*device),
            Step::CompleteElsewhere(from, on) => self.complete_elsewhere(*from, *on),
            Step::Serve(serving) => self.serve(serving),
            Step::BufferHandle(device) => self.buffer_handle(*device),
            Step::CompletedBuffer(device) => self.completed_buffer(*device),
            Step::StrayBuffer => self.stray_buffer(),
            Step::MapHandle => self.map_handle(),
            Step::StrayHandle => self.stray_handle(),
            Step::SignalAbort => self.signal_abort(),
            Step::Close => self.close(),
            Step::OpenInSecondary(naming) => self.open_in_secondary(*naming),
            Step::Issue(asked) => self.issue(asked)?,
            Step::Await => self.end_statement()?,
            Step::Cancel => self.cancel()?,
            Step::Pause(time) => pause(*time),
            Step::Start(lane, steps) => self.start(lane, steps)?,
            Step::Join(lane) => self.join(lane)?,
            Step::After(lane, steps) => self.progress.wait(lane, *steps),
            Step::Secondary(number, steps) => self.secondary(*number, steps)?,
            Step::Count(lives) => self.count(*lives),
            Step::Die => self.die(),
        }
        Ok(())
    }

    fn named(&self, naming: Naming) -> String {
        match naming {
            Naming::Own => self.plan.names.set.clone(),
            Naming::Unknown => self.plan.names.unknown(),
        }
    }

    fn create(&self, config: &VdConfig) {
        // Addresses of an earlier life are nobody's now.
        locked(&self.names).begin_life(config.features);
        locked(&self.tracks).clear();
        self.create_on(&self.set, &self.interface(), config);
    }

    /// The second object is named `cset2` in the header of the trace.
    fn create_again(&self, config: &VdConfig) {
        self.create_on(&self.library.set(), "cset2", config);
    }

    fn create_on(&self, set: &Set, interface: &str, config: &VdConfig) {
        let name = self.plan.names.set.as_str();
        let args = Args {
            name: Some(Name::from(name)),
            config: Some(Box::new(config.client_part())),
            ..Args::default()
        };
        self.recording.plain(Function::Create, interface, args, || set.create(name, config).0);
    }

    fn get_configuration(&self, wait: Wait) {
        loop {
            let (time, args) = self.time(wait);
            let called = Called::new(Function::GetConfiguration, "", args);
            let interface = self.interface();
            let called = Called { on: &interface, ..called };
            let out = |config: &VdConfig| Out { config: Some(Box::new(*config)), ..Out::default() };
            let make = || self.set.get_configuration(time);
            let (status, config) = self.recording.call(called, make, out);
            if status == HResult::NOERROR {
                self.look_at_configuration(&config);
            }
            let in_parts = matches!(wait, Wait::Parts(_)) && status == HResult::VD_E_TIMEOUT;
            if !in_parts || self.statement_ended() {
                return;
            }
            rest(wait);
        }
    }

    /// A time-out as the library takes it, and as the trace has it.
    pub(super) fn time(&self, wait: Wait) -> (i64, Args<'static>) {
        let (time, told) = match wait {
            Wait::Poll => (0, TimeoutArg::Milliseconds(0)),
            Wait::Milliseconds(time) | Wait::Parts(time) => {
                // Whole seconds, where these are what it counts.
                let time = if self.plan.seconds { time.next_multiple_of(1000) } else { time };
                let unit = if self.plan.seconds { 1000 } else { 1 };
                (i64::from(time / unit), TimeoutArg::Milliseconds(time))
            }
            Wait::Forever => (-1, TimeoutArg::Infinite),
        };
        (time, Args { timeout: Some(told), ..Args::default() })
    }

    fn open_device(&self, number: u8, naming: Naming) {
        let name = match naming {
            Naming::Own => self.plan.names.device(number),
            Naming::Unknown => self.plan.names.unknown(),
        };
        let handle = locked(&self.names).next_device(self.recording.process);
        let args = Args { name: Some(Name::from(name.as_str())), ..Args::default() };
        let interface = self.interface();
        let called = Called::new(Function::OpenDevice, &interface, args).creating(Some(&handle));
        let make = || self.set.open_device(&name);
        let (status, device) = self.recording.call(called, make, |_| Out::default());
        if let Some(device) = device {
            let mut tracks = locked(&self.tracks);
            // A device that is there already, and was given again, is another interface.
            tracks
                .entry(number)
                .or_insert_with(|| Arc::new(Mutex::new(DeviceTrack::new(handle, device))));
        } else if status == HResult::NOERROR {
            self.recording.observe(&Observed {
                clause: Clause::ClientOpenDeviceStatus,
                got: "OpenDevice answers NOERROR and gives no device".to_owned(),
                expected: "a device".to_owned(),
            });
        }
    }

    fn signal_abort(&self) {
        let make = || self.set.signal_abort();
        self.recording.plain(Function::SignalAbort, &self.interface(), Args::default(), make);
    }

    fn close(&self) {
        let make = || self.set.close();
        self.recording.plain(Function::Close, &self.interface(), Args::default(), make);
        // What it gave is gone.
        locked(&self.tracks).clear();
    }

    fn open_in_secondary(&self, naming: Naming) {
        let name = self.named(naming);
        let args = Args { name: Some(Name::from(name.as_str())), ..Args::default() };
        let make = || self.set.open_in_secondary(&name);
        self.recording.plain(Function::OpenInSecondary, &self.interface(), args, make);
    }

    /// The set object, for calls on it.
    pub(super) const fn set(&self) -> &Set {
        &self.set
    }

    fn start(self: &Arc<Self>, lane: &str, steps: &[Step]) -> Result<(), NotPlayed> {
        let (client, steps) = (Arc::clone(self), steps.to_vec());
        let name = lane.to_owned();
        let run = move || {
            let progress = client.progress.of(name);
            steps.iter().try_for_each(|step| {
                client.step(step)?;
                if !matches!(step, Step::After(..)) {
                    progress.step();
                }
                Ok(())
            })
        };
        let begun = thread::Builder::new().name(lane.to_owned()).spawn(run);
        let begun = begun.map_err(|error| NotPlayed::NotStarted(format!("a thread: {error}")))?;
        locked(&self.lanes).insert(lane.to_owned(), begun);
        Ok(())
    }

    fn join(&self, lane: &str) -> Result<(), NotPlayed> {
        let begun = locked(&self.lanes).remove(lane);
        let panicked = || NotPlayed::NotStarted(format!("the lane {lane} panicked"));
        begun.map_or(Ok(()), |begun| begun.join().map_err(|_| panicked())?)
    }

    pub(super) fn join_all(&self) -> Result<(), NotPlayed> {
        let lanes: Vec<String> = locked(&self.lanes).keys().cloned().collect();
        lanes.iter().try_for_each(|lane| self.join(lane))
    }

    /// What this process has open and mapped.
    fn count(&self, lives: u32) {
        let entries = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let shared = maps
            .lines()
            .filter(|line| line.split_whitespace().nth(1).is_some_and(|mode| mode.ends_with('s')));
        let now = entries + shared.count();
        let before = *locked(&self.counted).get_or_insert(now);
        if now >= before + usize::try_from(lives.max(1)).unwrap_or(usize::MAX) {
            self.recording.observe(&Observed {
                clause: Clause::ClientCloseReleases,
                got: format!(
                    "{now} files and shared mappings after {lives} lives of a set, and {before} \
                     before them"
                ),
                expected: "no more than before".to_owned(),
            });
        }
    }

    fn die(&self) {
        self.recording.ends(HowEnded::Killed);
        // It does not fail for a process that is one's own.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

/// A poll that found nothing lets others run.
pub(super) fn rest(wait: Wait) {
    if wait == Wait::Parts(0) {
        pause(2);
    }
}

#[expect(clippy::disallowed_methods, reason = "others need time to come as far as they can")]
fn pause(milliseconds: u32) {
    thread::sleep(std::time::Duration::from_millis(milliseconds.into()));
}
