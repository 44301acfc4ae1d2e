//! One set from Open to Close: found, configured, aborted.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use vdi_recorder::shared::{join, trace_path};
use vdi_recorder::{Recording, ServerSet, header_here};
use vdi_runtime::{Mortal, Options, Progress, SetHistory};
use vdi_spec::clauses::Party;
use vdi_spec::codes::{Features, HResult};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Event, Process, Recorder};

use super::faults::Fault;
use super::media::Sums;
use super::messages::Failed;
use super::server::Server;
use super::statement::Statement;
use super::stop::Stop;
use super::sync::{lock, now, sleep};
use super::verb::Verb;

/// How often the server polls for a set, or for its devices.
pub(super) const POLL: Duration = Duration::from_millis(2);

/// The least and the usual bytes of a transfer.
const TRANSFER: u32 = 65_536;

/// Buffers of each device, if the statement does not say.
const BUFFERS: u32 = 4;

/// A set that is open.
pub(super) struct Session<'a> {
    pub(super) server: &'a Server,
    pub(super) statement: &'a Statement,
    pub(super) set: ServerSet,
    pub(super) history: SetHistory,
    closed: AtomicBool,
    /// The server closes its devices early, on purpose, and does not abort.
    leaving: AtomicBool,
    /// What lies on each device of which all the data is stored.
    pub(super) sums: Mutex<BTreeMap<u32, Sums>>,
    /// How often a device has come to a point at which all of them meet.
    arrived: AtomicUsize,
    /// What is agreed.
    pub(super) config: VdConfig,
    /// Buffers of each device.
    pub(super) buffers: u32,
    /// Tells how far the statement is.
    pub(super) progress: Percent<'a>,
}

/// How far a statement is, told at every so many percent.
pub(super) struct Percent<'a> {
    stop: &'a Stop,
    say: &'a (dyn Fn(&str) + Sync),
    every: Option<u32>,
    whole: AtomicU64,
    done: AtomicU64,
    reported: Mutex<u64>,
}

impl Percent<'_> {
    pub(super) fn expect(&self, whole: u64) {
        self.whole.store(whole, Ordering::Relaxed);
    }

    pub(super) fn add(&self, bytes: usize) {
        let done = self.done.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let percent = done.saturating_mul(100) / self.whole.load(Ordering::Relaxed).max(1);
        self.stop.reached(percent.min(100));
        let Some(every) = self.every.map(u64::from) else { return };
        let mut reported = lock(&self.reported);
        while *reported + every <= percent.min(100) {
            *reported += every;
            (self.say)(&format!("{} percent processed.", *reported));
        }
    }
}

impl<'a> Session<'a> {
    /// Opens the set that the statement names, and configures it.
    pub(super) fn open(
        server: &'a Server,
        statement: &'a Statement,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Self, Failed> {
        let (set, history, recording) = find(server, &statement.devices[0])?;
        server.stop.begin(&set);
        // How many devices the statement names, no call of the interface tells.
        let recorder = recording.recorder();
        recorder.record(Event::Statement {
            seq: None,
            lane: recorder.lane(Process::Server),
            on: None,
            statement: vdi_trace::Statement::Issued,
            devices: u32::try_from(statement.devices.len()).ok(),
        });
        let progress = Percent {
            stop: &server.stop,
            say,
            every: statement.options.stats,
            whole: AtomicU64::new(1),
            done: AtomicU64::new(0),
            reported: Mutex::new(0),
        };
        let mut session = Self {
            server,
            statement,
            set,
            history,
            closed: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            sums: Mutex::default(),
            arrived: AtomicUsize::new(0),
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
        if self.server.faults.strikes(Fault::Abort(0)) {
            // What came of it, the failure tells.
            let _ = self.set.signal_abort();
            return Err(failed("BeginConfiguration")(HResult::VD_E_ABORT));
        }
        let asked = self.set.get_configuration().map_err(failed("GetConfiguration"))?;
        if asked.device_count as usize != devices.len() {
            let text = format!(
                "The statement has {} VIRTUAL_DEVICE clauses, the virtual device set has {} devices.",
                devices.len(),
                asked.device_count
            );
            return Err(Failed::new(3243, text));
        }
        // The mask is the client's, modified: what it asked for is named again.
        let features = asked.features | self.grants(asked.features);
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
        if self.server.faults.has(Fault::AbortConfigured) {
            self.wait_while(|| !self.history.is_configuration_seen());
            self.server.faults.happens(Fault::AbortConfigured);
            let _ = self.set.signal_abort();
            return Err(failed("OpenDevice")(HResult::VD_E_ABORT));
        }
        Ok(())
    }

    /// Waits until that is over, or the set, or the server's patience.
    fn wait_while(&self, goes_on: impl Fn() -> bool) {
        let begun = now();
        while goes_on() && !self.has_ended() && begun.elapsed() < self.server.patience {
            sleep(POLL);
        }
    }

    /// Waits until every device has come to this point, `round` times 1 in the statement: a
    /// server keeps them all open until the operation is complete on each. Whether they have;
    /// they have not if the set ends first, or a device is closed early.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Normal Termination.
    pub(super) fn meet(&self, round: usize) -> bool {
        let all = self.statement.devices.len() * round;
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < all {
            if self.has_ended() || self.is_leaving() {
                return false;
            }
            sleep(POLL);
        }
        true
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
        let faults = &self.server.faults;
        if faults.has(Fault::NoComplete) {
            faults.happens(Fault::NoComplete);
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
        self.server.stop.end();
        self.set.close()
    }

    /// The set is of no use any more.
    pub(super) fn give_up(&self) {
        self.abort();
        let _ = self.close();
    }
}

/// The set of that name, opened, once there is one.
fn find(server: &Server, name: &str) -> Result<(ServerSet, SetHistory, Recording), Failed> {
    let begun = now();
    let set = server.machine.server_set();
    loop {
        let mut why = HResult::VD_E_INVALID;
        if let Some(history) = set.history_of(None, name) {
            let recording = recording(server, name, &history)?;
            let set = recording.server(server.machine.server_set());
            match set.open(None, name) {
                Ok(()) => return Ok((set, history, recording)),
                Err(status) => why = status,
            }
        }
        if begun.elapsed() >= server.wait || server.stop.is_asked() {
            return Err(Failed::open(name, why));
        }
        sleep(POLL);
    }
}

/// What the server does with this set, recorded if that is wanted.
fn recording(server: &Server, name: &str, history: &SetHistory) -> Result<Recording, Failed> {
    let Some(pattern) = &server.trace else { return Ok(Recording::new(Recorder::silent())) };
    let path = trace_path(pattern, name);
    let mut header = header_here(&Options::default());
    // Those of its command line no environment tells.
    if header.provoked.is_empty() && !server.faults.list().is_empty() {
        header.provoked.push(Party::Server);
    }
    let recorder = join(&path, &header, (history, name)).map_err(|error| {
        Failed::new(3013, format!("{}: the trace cannot be written: {error}.", path.display()))
    })?;
    let recording = Recording::new(recorder);
    recording.watch(history.clone(), Mortal::Primary);
    Ok(recording)
}
