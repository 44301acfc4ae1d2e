//! Histories that show what each function does at the right time and at the wrong
//! one, for the defects to be seen in.

use vdi_spec::codes::CommandCode::{ClearError, Flush, Load, Write};
use vdi_spec::codes::{Features, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

use super::stage::{POLL, Stage, pipes, server_part};
use vdi_reference::{BufferId, Mutant, Options, ServerSet, Timeout};

const SOON: Timeout = Timeout::Milliseconds(1);

/// What is seen of a history: callbacks, answers, and how many calls stay blocked.
pub(super) struct Log {
    pub(super) stage: Stage,
    lines: Vec<String>,
}

impl Log {
    pub(super) fn new(stage: Stage) -> Self {
        Self { stage, lines: Vec::new() }
    }

    /// Notes an answer, then what came back on the lanes.
    pub(super) fn note(&mut self, what: &str, answer: impl std::fmt::Debug) {
        self.lines.push(format!("{what} {answer:?}"));
        self.rest();
    }

    /// Allocates a buffer and notes the status: a defect may refuse it.
    pub(super) fn buffer(&mut self) -> Option<BufferId> {
        let (status, buffer) = self.stage.server.allocate_buffer(512, 0).expect("an answer");
        self.note("allocate", status);
        buffer.map(|buffer| buffer.id)
    }

    pub(super) fn rest(&mut self) {
        let mut seen = self.stage.seen();
        // What came back on different lanes has no order.
        seen.sort_by_key(|line| line.starts_with("reader") || line.starts_with("late"));
        self.lines.append(&mut seen);
    }

    pub(super) fn end(mut self) -> Vec<String> {
        self.rest();
        self.lines.push(format!("{} blocked", self.stage.blocked()));
        self.lines
    }
}

fn timed(mutant: Option<Mutant>) -> Stage {
    Stage::with(Options { virtual_time: true, mutant, ..Options::default() })
}

fn run_agent(log: &Log, server: &ServerSet) {
    let server = server.clone();
    log.stage.lane("agent", move || server.execute_completion_agent());
}

/// The agent's time-out, which a completion puts off.
pub(super) fn time(mutant: Option<Mutant>) -> Vec<String> {
    let config = VdConfig { server_time_out: 1, ..pipes(1) };
    let mut log = Log::new(timed(mutant).active(&config));
    for tag in 1..=3 {
        log.note("send", log.stage.send(0, tag, if tag == 2 { Load } else { Flush }));
    }
    for _ in 0..3 {
        log.stage.read(&log.stage.client_devices[0], SOON);
        log.rest();
        log.stage.expire("agent", None);
        log.note("an interval", log.stage.blocked());
        log.stage.expire("reader", None);
        log.note("a time-out", log.stage.blocked());
    }
    log.end()
}

/// A completion in time; then one interval, and one more.
pub(super) fn waiting(mutant: Option<Mutant>) -> Vec<String> {
    let stage = timed(mutant);
    stage.connect(&pipes(1));
    let client = stage.client.clone();
    stage.lane("reader", move || client.get_configuration(SOON).map(|(status, _)| status));
    stage.expire("reader", None);
    let mut log = Log::new(stage);
    log.note("expired", log.stage.blocked());
    let client = log.stage.client.clone();
    let configuration = move || client.get_configuration(Timeout::Infinite).map(|got| got.0);
    log.stage.lane("late", configuration);
    log.note("abort", log.stage.server.signal_abort());
    let mut lines = log.end();

    let mut log = Log::new(timed(mutant).active(&pipes(1)));
    log.stage.read(&log.stage.client_devices[0], POLL);
    log.rest();
    log.stage.read(&log.stage.client_devices[0], SOON);
    log.note("reads", log.stage.blocked());
    log.stage.expire("reader", None);
    log.note("expired", log.stage.blocked());
    lines.append(&mut log.end());
    if lines.iter().filter(|line| line.starts_with("reader")).count() < 3 {
        return lines;
    }

    let mut log = Log::new(timed(mutant).active(&VdConfig { server_time_out: 1, ..pipes(1) }));
    for tag in 1..=2 {
        log.note("send", log.stage.send(0, tag, Flush));
    }
    let first = log.stage.get(0).ok();
    log.stage.expire("agent", None);
    log.note("complete", log.stage.complete(0, first, Win32::ERROR_SUCCESS));
    for _ in 0..2 {
        log.stage.expire("agent", None);
        log.note("an interval", log.stage.blocked());
    }
    lines.append(&mut log.end());
    lines.append(&mut inside_a_callback(mutant));
    lines
}

/// Intervals that pass while the agent is inside a callback.
fn inside_a_callback(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(timed(mutant).active(&VdConfig { server_time_out: 1, ..pipes(1) }));
    let (status, let_go) = log.stage.send_held(0, 1);
    log.note("send", (status, log.stage.send(0, 2, Flush)));
    let first = log.stage.get(0).ok();
    log.note("complete", log.stage.complete(0, first, Win32::ERROR_SUCCESS));
    log.rest();
    for _ in 0..2 {
        log.stage.expire("agent", None);
    }
    log.note("get", log.stage.get(0));
    drop(let_go);
    log.end()
}

/// Calls without a set, and Create and Open of all sorts.
pub(super) fn opening(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    let (server, client) = (log.stage.server.clone(), log.stage.client.clone());
    let (other, late) = (log.stage.world.client_set("other"), log.stage.world.server_set("server"));
    log.note("close", (server.close(), client.close()));
    log.note("abort", (server.signal_abort(), client.signal_abort()));
    log.note("open", late.open(None, "S"));
    log.note("create", other.create(None, "T", &pipes(65)));
    log.note("create", other.create(Some("none"), "T", &pipes(1)));
    log.note("open", late.open(None, "T"));
    log.note("create", client.create(None, "S", &pipes(2)));
    log.note("create", log.stage.world.client_set("third").create(None, "S", &pipes(1)));
    log.note("create", client.create(None, "U", &pipes(2)));
    log.note("open", late.open(None, "s"));
    log.note("open", server.open(None, "S"));
    log.note("open", server.open(None, "S"));
    log.note("close", server.close());
    log.note("close", server.close());
    log.note("close", client.close());
    log.note("create", client.create(None, "S", &pipes(1)));
    log.note("reopen", server.open(None, "S"));
    log.note("abort", client.signal_abort());
    log.note("open", late.open(None, "S"));
    log.end()
}

/// The configuration, with every function too early or too often.
pub(super) fn configuring(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    let (server, client) = (log.stage.server.clone(), log.stage.client.clone());
    let asked = VdConfig {
        features: Features::LIKE_TAPE,
        alignment: 1024,
        soft_file_mark_block_size: 4096,
        eom_warning_size: 65536,
        server_time_out: 30_000,
        ..pipes(2)
    };
    log.stage.connect(&asked);
    log.note("server", server.get_configuration());
    log.note("request", server.request_buffers(512, 0, 1));
    run_agent(&log, &server);
    log.rest();
    log.note("open", server.open_device("S").map(|opened| opened.0));
    let bad = ServerConfig { block_size: 3, ..server_part() };
    log.note("begin", server.begin_configuration(&bad));
    let sound = ServerConfig { alignment: 4096, ..server_part() };
    log.note("begin", server.begin_configuration(&sound));
    log.note("begin", server.begin_configuration(&sound));
    log.note("client", client.get_configuration(POLL));
    log.note("open", client.open_device("S").map(|opened| opened.0));
    log.note("end", server.end_configuration());
    log.note("client", client.get_configuration(POLL));
    log.note("again", client.get_configuration(POLL));
    let mut lines = log.end();

    let mut log = Log::new(Stage::new(mutant));
    log.stage.connect(&pipes(1));
    log.note("end", log.stage.server.end_configuration());
    lines.append(&mut log.end());
    lines
}

/// Devices by name, more than there are, and before the set is active.
pub(super) fn devices(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    log.stage.configure(&pipes(2));
    let (server, client) = (log.stage.server.clone(), log.stage.client.clone());
    for name in ["S", "S2", "S3"] {
        let (status, device) = server.open_device(name).expect("an answer");
        log.stage.server_devices.extend(device);
        log.note("server", status);
    }
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("close", log.stage.server_devices[1].close_device());
    for name in ["X", "S", "S", "S2", "S"] {
        log.note(name, client.open_device(name).map(|opened| opened.0));
    }
    run_agent(&log, &server);
    run_agent(&log, &server);
    log.end()
}

/// The buffer area.
pub(super) fn buffers(mutant: Option<Mutant>) -> Vec<String> {
    let mut log =
        Log::new(Stage::new(mutant).active(&VdConfig { prefix_zone_size: 100, ..pipes(1) }));
    let server = log.stage.server.clone();
    log.note("available", server.query_available_buffers(65536, 0));
    let first = server.allocate_buffer(65536, 0).expect("an answer");
    log.note("allocate", first);
    let buffer = first.1.map(|buffer| buffer.id);
    for alignment in [1024, 3] {
        log.note("allocate", server.allocate_buffer(512, alignment));
    }
    log.note("available", server.query_available_buffers(65536, 0));
    log.note("allocate", server.allocate_buffer(1 << 20, 0));
    log.note("shared", (server.is_shared_buffer(buffer), server.is_shared_buffer(None)));
    log.note("free", server.free_buffer(buffer, Some(1)));
    log.note("free", (server.free_buffer(None, None), server.free_buffer(buffer, None)));
    log.note("free", (server.free_buffer(buffer, None), server.is_shared_buffer(buffer)));
    for alignment in [0, 512, 3] {
        log.note("request", server.request_buffers(4096, alignment, 1));
        log.note("available", server.query_available_buffers(4096, alignment));
    }
    log.end()
}

/// Two wait for the configuration.
pub(super) fn two_wait(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    log.stage.connect(&pipes(1));
    for lane in ["late", "later"] {
        let client = log.stage.client.clone();
        let configuration = move || client.get_configuration(Timeout::Infinite).map(|got| got.0);
        log.stage.lane(lane, configuration);
    }
    let server = log.stage.server.clone();
    log.note("begin", server.begin_configuration(&server_part()));
    log.note("end", server.end_configuration());
    let mut lines = log.end();
    lines.sort_unstable();
    lines
}

/// More is requested than there is.
pub(super) fn without_memory(mutant: Option<Mutant>) -> Vec<String> {
    let options = Options { memory_limit: 100_000, mutant, ..Options::default() };
    let mut log = Log::new(Stage::with(options));
    let server = log.stage.server.clone();
    log.stage.connect(&pipes(1));
    log.note("begin", server.begin_configuration(&server_part()));
    log.note("request", server.request_buffers(65536, 0, 2));
    log.note("end", server.end_configuration());
    log.note("available", server.query_available_buffers(512, 0));
    log.note("end", server.end_configuration());
    log.end()
}

/// Commands of two devices, with all that can be given and answered.
pub(super) fn commands(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(2)));
    let devices = log.stage.client_devices.clone();
    let success = Win32::ERROR_SUCCESS;
    for (slot, tag) in [(0, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6)] {
        log.note("send", log.stage.send(slot, tag, Write));
    }
    log.note("null", log.stage.complete(0, None, success));
    let (first, second) = (devices[0].get_command(POLL), devices[1].get_command(POLL));
    log.note("got", (first, second));
    let got = [first, second].map(|got| got.ok()?.1.map(|delivered| delivered.command));
    log.note("complete", log.stage.complete(0, got[1], success));
    log.note("complete", got[1].map(|got| devices[1].complete_command(Some(got), success, 0, 0)));
    log.note("again", log.stage.complete(1, got[1], success));
    log.note("complete", got[0].map(|got| devices[0].complete_command(Some(got), success, 9, 7)));
    let third = log.stage.get(1).ok();
    log.note("complete", log.stage.complete(1, third, Win32::ERROR_DISK_FULL));
    log.note("send", log.stage.send(0, 7, Flush));
    log.note("send", log.stage.send(1, 8, ClearError));
    let clear = log.stage.get(1).ok();
    log.note("complete", log.stage.complete(1, clear, success));
    log.note("send", log.stage.send(1, 9, Flush));
    log.end()
}

/// The normal end, with one command queued and one never completed.
pub(super) fn endings(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    let (server, client) = (log.stage.server.clone(), log.stage.client.clone());
    log.note("send", (log.stage.send(0, 1, Flush), log.stage.send(0, 2, Flush)));
    let first = log.stage.get(0).ok();
    let device = log.stage.server_devices[0].clone();
    log.note("close", (device.close_device(), device.close_device()));
    let second = log.stage.get(0);
    log.note("got", second);
    log.note("complete", log.stage.complete(0, second.ok(), Win32::ERROR_SUCCESS));
    log.note("get", (log.stage.get(0), log.stage.get(0)));
    log.note("complete", log.stage.complete(0, first, Win32::ERROR_SUCCESS));
    log.note("close", client.close());
    log.note("touch", (log.stage.client_devices[0].touch(), device.touch()));
    log.note("server", server.get_configuration());
    log.note("close", server.close());
    log.note("touch", device.touch());
    log.note("reopen", server.open(None, "S"));
    log.end()
}

/// Close of either side before a device is open, and the death of the server.
pub(super) fn early_endings(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    log.stage.connect(&pipes(1));
    log.note("close", log.stage.server.close());
    log.note("client", log.stage.client.get_configuration(POLL));
    let mut lines = log.end();

    let mut log = Log::new(Stage::new(mutant));
    log.stage.connect(&pipes(1));
    log.note("close", log.stage.client.close());
    log.note("server", log.stage.server.get_configuration());
    log.note("create", log.stage.client.create(None, "S", &pipes(1)));
    lines.append(&mut log.end());

    let log = Log::new(Stage::new(mutant).active(&pipes(1)));
    log.stage.read(&log.stage.client_devices[0], Timeout::Infinite);
    log.stage.world.exit("server");
    lines.append(&mut log.end());
    lines
}

/// Every function after an abort.
pub(super) fn after_abort(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    log.stage.configure(&pipes(1));
    let (server, client) = (log.stage.server.clone(), log.stage.client.clone());
    let buffer = server.allocate_buffer(512, 0).expect("an answer").1.map(|buffer| buffer.id);
    log.note("abort", client.signal_abort());
    log.note("touch", buffer.map(|buffer| log.stage.world.touch("primary", buffer)));
    log.note("begin", server.begin_configuration(&server_part()));
    run_agent(&log, &server);
    log.rest();
    log.note("server", server.open_device("S").map(|opened| opened.0));
    log.note("client", client.open_device("S").map(|opened| opened.0));
    log.note("client", client.get_configuration(POLL));
    log.note("allocate", server.allocate_buffer(512, 0).map(|allocated| allocated.0));
    log.note("free", server.free_buffer(buffer, None));
    let mut lines = log.end();

    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    log.note("abort", log.stage.server.signal_abort());
    log.note("close", log.stage.server_devices[0].close_device());
    let closed: HResult = log.stage.server.close().expect("an answer");
    log.note("close", closed);
    lines.append(&mut log.end());
    lines
}
