//! One set from Open to Close: configured, its devices driven by a thread each, its
//! completion agent on a thread of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use vdi_recorder::shared::{join, trace_path};
use vdi_recorder::{Recording, ServerSet, header};
use vdi_runtime::{Mortal, Options, Progress, SetHistory};
use vdi_spec::codes::{Features, HResult};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::Recorder;

use super::device::Device;
use super::messages::Failed;
use super::statement::{Statement, Verb};
use super::{Engine, Fault, now, sleep};

/// How often the server looks for a set, or for its devices.
const LOOK: Duration = Duration::from_millis(2);

/// The least and the usual bytes of a transfer.
const TRANSFER: u32 = 65_536;

/// Buffers of each device, if the statement does not say.
const BUFFERS: u32 = 4;

/// A set that is open.
pub(super) struct Session<'a> {
    pub(super) engine: &'a Engine,
    pub(super) statement: &'a Statement,
    pub(super) set: ServerSet,
    history: SetHistory,
    closed: AtomicBool,
    /// The server closes its devices early, on purpose, and does not abort.
    leaving: AtomicBool,
    /// What is agreed.
    pub(super) config: VdConfig,
    /// Buffers of each device.
    pub(super) buffers: u32,
    /// Tells how far the statement is.
    pub(super) progress: Percent<'a>,
}

/// How far a statement is, told at every so many percent.
pub(super) struct Percent<'a> {
    say: &'a (dyn Fn(&str) + Sync),
    every: Option<u32>,
    whole: AtomicU64,
    done: AtomicU64,
    told: Mutex<u64>,
}

impl Percent<'_> {
    pub(super) fn expect(&self, whole: u64) {
        self.whole.store(whole, Ordering::Relaxed);
    }

    pub(super) fn add(&self, bytes: usize) {
        let Some(every) = self.every.map(u64::from) else { return };
        let done = self.done.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let percent = done.saturating_mul(100) / self.whole.load(Ordering::Relaxed).max(1);
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while *told + every <= percent.min(100) {
            *told += every;
            (self.say)(&format!("{} percent processed.", *told));
        }
    }
}

impl<'a> Session<'a> {
    /// Opens the set that the statement names, and configures it.
    pub(super) fn open(
        engine: &'a Engine,
        statement: &'a Statement,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Self, Failed> {
        let (set, history) = find(engine, &statement.devices[0])?;
        engine.stop.begin(&set);
        let progress = Percent {
            say,
            every: statement.options.stats,
            whole: AtomicU64::new(1),
            done: AtomicU64::new(0),
            told: Mutex::new(0),
        };
        let mut session = Self {
            engine,
            statement,
            set,
            history,
            closed: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            config: VdConfig::default(),
            buffers: BUFFERS,
            progress,
        };
        match session.configure() {
            Ok(()) => Ok(session),
            Err(failed) => {
                session.give_up();
                Err(failed)
            }
        }
    }

    fn configure(&mut self) -> Result<(), Failed> {
        let Statement { devices, options, .. } = self.statement;
        let failed = |function| move |status| Failed::call(&devices[0], function, status);
        let asked = self.set.get_configuration().map_err(failed("GetConfiguration"))?;
        if asked.device_count as usize != devices.len() {
            let text = format!(
                "The statement has {} VIRTUAL_DEVICE clauses, the virtual device set has {} devices.",
                devices.len(),
                asked.device_count
            );
            return Err(Failed::new(3243, text));
        }
        let features = self.grants(asked.features);
        let part = ServerConfig {
            features,
            alignment: 0,
            block_size: options.block_size.unwrap_or(512),
            max_transfer_size: options.max_transfer_size.unwrap_or(TRANSFER),
        };
        self.set.begin_configuration(&part).map_err(failed("BeginConfiguration"))?;
        let count = devices.len() as u32;
        self.buffers = options.buffer_count.map_or(BUFFERS, |all| all.div_ceil(count)).max(1);
        let all = self.buffers.saturating_mul(count);
        self.set
            .request_buffers(part.max_transfer_size, 0, all)
            .map_err(failed("RequestBuffers"))?;
        self.set.end_configuration().map_err(failed("EndConfiguration"))?;
        self.config = asked.with_server(&part);
        Ok(())
    }

    /// The features that are the server's to grant.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Feature Bits.
    fn grants(&self, asked: Features) -> Features {
        if self.statement.verb == Verb::Restore {
            return Features::READ_MEDIA;
        }
        let mut granted = Features::WRITE_MEDIA;
        // A medium on which the server can find its way, it may read again.
        if asked.intersects(Features::POSITION | Features::RANDOM_ACCESS) {
            granted = granted | Features::READ_MEDIA;
        }
        if !asked.contains(Features::REQUEST_COMPLETE) {
            return granted;
        }
        let faults = &self.engine.faults;
        if faults.has(Fault::NoComplete) {
            faults.met(Fault::NoComplete);
            return granted;
        }
        granted | Features::COMPLETE_ENABLED
    }

    /// Whether the client is told where on its medium each Read and Write belongs.
    pub(super) fn is_addressed(&self) -> bool {
        self.config.features.contains(Features::RANDOM_ACCESS)
    }

    /// Whether VDC_Complete was promised.
    pub(super) fn completes(&self) -> bool {
        self.config.features.contains(Features::COMPLETE_ENABLED)
    }

    /// Does the work, each device on a thread of its own, and closes the set.
    pub(super) fn run<T: Send>(
        &self,
        work: impl Fn(&mut Device<'_>, usize) -> Result<T, Failed> + Sync,
    ) -> Result<Vec<T>, Failed> {
        let failed =
            |function| move |status| Failed::call(&self.statement.devices[0], function, status);
        let agent = self
            .set
            .completion_agent()
            .map_err(failed("ExecuteCompletionAgent"))
            .inspect_err(|_| self.give_up())?;
        let agent = named("agent").spawn(move || agent.execute()).map_err(|error| {
            self.give_up();
            Failed::new(701, format!("There is no thread for the completion agent: {error}."))
        })?;
        let ready =
            self.open_devices().and_then(|devices| self.wait_for_client().map(|()| devices));
        let result = match ready {
            Ok(devices) => self.drive(devices, &work),
            Err(failed) => {
                self.abort();
                Err(failed)
            }
        };
        let closed = match agent.join() {
            Ok(ran) => ran.and(self.close()),
            Err(_) => self.close(),
        };
        let result = result?;
        closed.map_err(failed("Close"))?;
        Ok(result)
    }

    /// Each device on a thread of its own; when one fails the set is aborted, so that the
    /// others come to an end. Not for one that was closed on purpose: the others then close
    /// theirs.
    fn drive<T: Send>(
        &self,
        devices: Vec<Device<'_>>,
        work: &(impl Fn(&mut Device<'_>, usize) -> Result<T, Failed> + Sync),
    ) -> Result<Vec<T>, Failed> {
        let no_thread = |error| Failed::new(701, format!("There is no thread: {error}."));
        thread::scope(|scope| {
            let mut running = Vec::new();
            for (index, mut device) in devices.into_iter().enumerate() {
                let act = move || {
                    let done = work(&mut device, index);
                    if done.is_err() && !device.has_left() {
                        self.abort();
                    }
                    done
                };
                running.push(named(&format!("device{}", index + 1)).spawn_scoped(scope, act));
            }
            let ended = running.into_iter().map(|thread| {
                let thread = thread.map_err(no_thread).inspect_err(|_| self.abort())?;
                thread.join().unwrap_or_else(|_| {
                    self.abort();
                    Err(Failed::new(3013, "The server has failed."))
                })
            });
            worst(ended.collect())
        })
    }

    fn open_devices(&self) -> Result<Vec<Device<'_>>, Failed> {
        let open = |name: &String| {
            let device = self.set.open_device(name).map_err(|status| Failed::open(name, status))?;
            Device::new(self, name, device)
        };
        self.statement.devices.iter().map(open).collect()
    }

    /// Waits until the client has opened its devices: before that no command is accepted.
    fn wait_for_client(&self) -> Result<(), Failed> {
        let begun = now();
        while self.history.progress() == Progress::Forming {
            if begun.elapsed() > self.engine.patience {
                let text = "The client did not open the devices of the virtual device set in time.";
                return Err(Failed::new(3206, text));
            }
            sleep(LOOK);
        }
        Ok(())
    }

    /// Whether the set has come to an end, one way or the other.
    pub(super) fn has_ended(&self) -> bool {
        self.history.progress() == Progress::Ended
    }

    pub(super) fn abort(&self) {
        if !self.closed.load(Ordering::Acquire) {
            // A set that cannot be aborted is of no use any more.
            let _ = self.set.signal_abort();
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// From here on every device is closed instead of being sent a command.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Close, once.
    pub(super) fn close(&self) -> Result<(), HResult> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.engine.stop.end();
        self.set.close()
    }

    /// The set is of no use any more.
    fn give_up(&self) {
        self.abort();
        let _ = self.close();
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

/// The set of that name, opened, once there is one.
fn find(engine: &Engine, name: &str) -> Result<(ServerSet, SetHistory), Failed> {
    let begun = now();
    let plain = engine.machine.server_set();
    loop {
        let mut why = HResult::VD_E_INVALID;
        if let Some(history) = plain.history_of(None, name) {
            let recording = recording(engine, name, &history)?;
            let set = recording.server(engine.machine.server_set());
            match set.open(None, name) {
                Ok(()) => return Ok((set, history)),
                Err(status) => why = status,
            }
        }
        if begun.elapsed() >= engine.wait || engine.stop.is_asked() {
            return Err(Failed::open(name, why));
        }
        sleep(LOOK);
    }
}

/// What the server does with this set, recorded if that is wanted.
fn recording(engine: &Engine, name: &str, history: &SetHistory) -> Result<Recording, Failed> {
    let Some(pattern) = &engine.trace else { return Ok(Recording::new(Recorder::silent())) };
    let path = trace_path(pattern, name);
    let header = header(&Options::default());
    let recorder = join(&path, &header, (history, name)).map_err(|error| {
        Failed::new(3013, format!("{}: the trace cannot be written: {error}.", path.display()))
    })?;
    let recording = Recording::new(recorder);
    recording.watch(history.clone(), Mortal::Primary);
    Ok(recording)
}

/// All results, or why the statement failed: an abort is only the echo of another failure,
/// if there is one.
fn worst<T>(results: Vec<Result<T, Failed>>) -> Result<Vec<T>, Failed> {
    let mut all = Vec::new();
    let mut failed: Option<Failed> = None;
    for result in results {
        match result {
            Ok(value) => all.push(value),
            Err(one) => {
                let keep = failed.as_ref().is_some_and(|known| !known.is_abort() || one.is_abort());
                failed = if keep { failed } else { Some(one) };
            }
        }
    }
    failed.map_or(Ok(all), Err)
}
