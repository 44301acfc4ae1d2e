//! A process that is killed at a chosen moment, and what the others see.
//!
//! Source: SQL Server 2005 Virtual Backup Device Specification, Abnormal Termination.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;
use std::thread;

use vdi_runtime::{Completion, Machine, Options, SendCommand, ServerSet, Timeout};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

use super::roles::{Other, PATIENCE, SET, Size, in_time, new_prefix, objects, shared};

const ENDLESS: Size = Size { devices: 1, commands: u64::MAX, client_abort: 0, server_abort: 0 };

fn configured(set: &ServerSet) {
    let part =
        ServerConfig { block_size: 512, max_transfer_size: 65_536, ..ServerConfig::default() };
    set.begin_configuration(&part).expect("connected");
    set.end_configuration().expect("configurable");
}

fn one_device() -> VdConfig {
    VdConfig { device_count: 1, ..VdConfig::default() }
}

#[test]
fn the_client_notices_the_servers_death() {
    let prefix = new_prefix();
    let machine = shared(&prefix);
    let set = machine.client_set();
    set.create(None, SET, &one_device()).expect("a new name");
    let mut server = Other::start("server", &prefix, ENDLESS);
    let waiting = set.clone();
    in_time(move || waiting.get_configuration(Timeout::Infinite)).expect("the server lives");
    let device = set.open_device(SET).expect("configured");
    let first = device.clone();
    let command = in_time(move || first.get_command(Timeout::Infinite)).expect("a command");
    let waiting = device.clone();
    let blocked = thread::spawn(move || in_time(move || waiting.get_command(Timeout::Infinite)));
    server.kill();
    assert_eq!(blocked.join().expect("no hang").err(), Some(HResult::VD_E_ABORT));
    let late = device.complete_command(command.command, Win32::ERROR_SUCCESS, 0, 0);
    assert_eq!(late, Err(HResult::VD_E_ABORT));
    // What the client holds stays usable until its own Close.
    let buffer = command.buffer.expect("a Write has one");
    assert!(buffer.is_alive());
    assert_eq!(set.close(), Ok(()));
    assert!(!buffer.is_alive());
    assert_eq!(objects(&prefix), Vec::<std::path::PathBuf>::new());
}

#[test]
fn the_server_notices_the_clients_death_and_calls_back_what_it_owes() {
    let prefix = new_prefix();
    let mut client = Other::start("client", &prefix, ENDLESS);
    client.until("created");
    let machine = shared(&prefix);
    let set = machine.server_set();
    set.open(None, SET).expect("created");
    configured(&set);
    let agent = {
        let set = set.clone();
        thread::spawn(move || set.execute_completion_agent())
    };
    let device = set.open_device(SET).expect("initializing");
    client.until("open");
    let flush = || {
        let (done, ended) = mpsc::channel();
        let callback = Box::new(move |how: Completion| {
            done.send((thread::current().id(), how.code)).expect("somebody listens");
        });
        let code = CommandCode::Flush;
        let sent = device.send_command(SendCommand {
            tag: 0,
            code,
            buffer: None,
            size: 0,
            position: 0,
            callback,
        });
        (sent, ended)
    };
    // Too early until the agent runs; the client refuses tags it did not expect, so one
    // command is all it gets.
    client.stop();
    let outstanding = loop {
        let (sent, ended) = flush();
        if sent != Err(HResult::VD_E_PROTOCOL) {
            assert_eq!(sent, Ok(()));
            break ended;
        }
        thread::yield_now();
    };
    client.kill();
    let (on, code) = outstanding.recv_timeout(PATIENCE).expect("called back");
    assert_eq!((on, code), (agent.thread().id(), Win32::ERROR_OPERATION_ABORTED));
    assert_eq!(agent.join().expect("no panic"), Ok(()));
    let (sent, ended) = flush();
    assert_eq!(sent, Err(HResult::VD_E_ABORT));
    let (on, code) = ended.recv_timeout(PATIENCE).expect("called back");
    assert_eq!((on, code), (thread::current().id(), Win32::ERROR_OPERATION_ABORTED));
    assert_eq!(device.close_device(), Err(HResult::VD_E_ABORT));
    assert_eq!(set.close(), Ok(()));
    assert_eq!(objects(&prefix), Vec::<std::path::PathBuf>::new());
}

/// The agent is inside a routine while the client dies: what that has completed, and the agent
/// has not called back, is aborted, though nobody else of the server has looked since.
#[test]
fn a_client_that_dies_during_a_routine_is_noticed_behind_it() {
    let prefix = new_prefix();
    let mut client = Other::start("client", &prefix, Size { commands: 2, ..ENDLESS });
    client.until("created");
    let machine = shared(&prefix);
    let set = machine.server_set();
    set.open(None, SET).expect("created");
    configured(&set);
    let agent = {
        let set = set.clone();
        thread::spawn(move || set.execute_completion_agent())
    };
    let device = set.open_device(SET).expect("initializing");
    client.until("open");
    let (done, ended) = mpsc::channel();
    let (go_on, held) = mpsc::channel::<()>();
    let send = |tag, callback| {
        let (code, buffer, size, position) = (CommandCode::Flush, None, 0, 0);
        device.send_command(SendCommand { tag, code, buffer, size, position, callback })
    };
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    loop {
        let (done, held) = (done.clone(), held.clone());
        let agent = agent.thread().id();
        let sent = send(
            0,
            Box::new(move |how: Completion| {
                // One that came too early is called back where it was sent.
                if thread::current().id() == agent {
                    held.lock().expect("no panic").recv().expect("it is let go");
                    done.send(how.code).expect("somebody listens");
                }
            }),
        );
        if sent != Err(HResult::VD_E_PROTOCOL) {
            assert_eq!(sent, Ok(()));
            break;
        }
        thread::yield_now();
    }
    let callback = Box::new(move |how: Completion| done.send(how.code).expect("somebody listens"));
    assert_eq!(send(1, callback), Ok(()));
    client.until("done");
    client.kill();
    // Within one tick of the system's clock nobody looks twice.
    let tick = || rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let killed = tick();
    while tick() == killed {
        thread::yield_now();
    }
    go_on.send(()).expect("it is held");
    let next = || ended.recv_timeout(PATIENCE).expect("called back");
    assert_eq!([next(), next()], [Win32::ERROR_SUCCESS, Win32::ERROR_OPERATION_ABORTED]);
    assert_eq!(agent.join().expect("no panic"), Ok(()));
    assert_eq!(set.close(), Ok(()));
    assert_eq!(objects(&prefix), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_dead_clients_leftover_gives_way_to_a_new_set() {
    let prefix = new_prefix();
    let mut client = Other::start("client", &prefix, ENDLESS);
    client.until("created");
    let machine = shared(&prefix);
    let set = machine.client_set();
    assert_eq!(set.create(None, SET, &one_device()), Err(HResult::VD_E_PROTOCOL), "it lives");
    client.kill();
    assert_eq!(objects(&prefix).len(), 1);
    assert_eq!(machine.server_set().open(None, SET), Err(HResult::VD_E_INVALID));
    assert_eq!(set.create(None, SET, &one_device()), Ok(()));
    assert_eq!(machine.server_set().open(None, SET), Ok(()));
    assert_eq!(set.close(), Ok(()));
    assert!(objects(&prefix).is_empty());
}

#[test]
fn the_name_is_free_again_while_a_server_still_holds_the_old_set() {
    let machine = shared(&new_prefix());
    let (old, new) = (machine.client_set(), machine.client_set());
    let (first, second) = (machine.server_set(), machine.server_set());
    old.create(None, SET, &one_device()).expect("a new name");
    first.open(None, SET).expect("created");
    assert_eq!(old.close(), Ok(()));
    new.create(None, SET, &one_device()).expect("free again");
    // The old server's Close must not take the new set's name away.
    assert_eq!(first.close(), Ok(()));
    assert_eq!(second.open(None, SET), Ok(()));
    assert_eq!(new.close(), Ok(()));
}

#[test]
fn a_half_made_object_is_a_leftover() {
    let prefix = new_prefix();
    let path = format!("/dev/shm/{prefix}{SET}_SQLVDIMemoryName_0");
    for content in [Vec::new(), vec![0; 4096], vec![0xFF; 1 << 20]] {
        fs::write(&path, content).expect("the name is free");
        let machine = shared(&prefix);
        assert_eq!(machine.server_set().open(None, SET), Err(HResult::VD_E_INVALID));
        let set = machine.client_set();
        assert_eq!(set.create(None, SET, &one_device()), Ok(()));
        assert_eq!(set.close(), Ok(()));
        assert!(objects(&prefix).is_empty());
    }
}

#[test]
fn what_the_dead_leave_is_cleared_away_and_nothing_else() {
    let prefix = new_prefix();
    let machine = shared(&prefix);
    let mut dead = Other::start("client", &prefix, ENDLESS);
    dead.until("created");
    machine.sweep();
    assert_eq!(objects(&prefix).len(), 1, "it is in use");
    dead.kill();
    fs::write(format!("/dev/shm/{prefix}note"), "no set").expect("the name is free");
    // Under a prefix of its own nobody else's goes away.
    shared(&new_prefix()).sweep();
    assert_eq!(objects(&prefix).len(), 2);
    let set = machine.client_set();
    set.create(None, "another", &one_device()).expect("a new name");
    let left = objects(&prefix);
    let is_left = |end: &str| left.iter().any(|path| path.to_string_lossy().ends_with(end));
    assert!(left.len() == 2 && is_left("note") && is_left("another_SQLVDIMemoryName_0"));
    machine.sweep();
    assert_eq!(objects(&prefix), left);
    assert_eq!(set.close(), Ok(()));
    vdi_runtime::remove_leftovers(&prefix);
}

#[test]
fn nobody_but_the_owner_and_if_asked_the_group_may_use_a_set() {
    for (group, mode) in [(false, 0o600), (true, 0o660)] {
        let prefix = new_prefix();
        let options = Options { prefix: prefix.clone(), group, ..Options::default() };
        let set = Machine::shared_memory(options).client_set();
        set.create(None, SET, &one_device()).expect("a new name");
        let found = objects(&prefix);
        assert_eq!(found.len(), 1);
        let permissions = fs::metadata(&found[0]).expect("it exists").permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
        set.close().expect("created");
    }
}

#[test]
fn an_object_that_others_can_write_is_nobodys_set() {
    let prefix = new_prefix();
    let machine = shared(&prefix);
    let set = machine.client_set();
    set.create(None, SET, &one_device()).expect("a new name");
    let path = objects(&prefix).remove(0);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("it is ours");
    assert_eq!(machine.server_set().open(None, SET), Err(HResult::VD_E_INVALID));
    let other = machine.client_set();
    assert_eq!(other.create(None, SET, &one_device()), Err(HResult::VD_E_SECURITY));
    assert_eq!(set.close(), Ok(()));
    assert!(objects(&prefix).is_empty());
    // A link leads nowhere.
    fs::write("/dev/shm/".to_owned() + &prefix + "elsewhere", [0; 16]).expect("a new name");
    std::os::unix::fs::symlink(prefix.clone() + "elsewhere", &path).expect("a new name");
    assert_eq!(machine.server_set().open(None, SET), Err(HResult::VD_E_INVALID));
    assert!(other.create(None, SET, &one_device()).is_err());
    vdi_runtime::remove_leftovers(&prefix);
}

#[test]
fn a_completion_routine_that_panics_keeps_no_other_from_being_called() {
    let machine = Machine::in_memory(Options::default());
    let (client, server) = (machine.client_set(), machine.server_set());
    client.create(None, SET, &one_device()).expect("a new name");
    server.open(None, SET).expect("created");
    configured(&server);
    client.get_configuration(Timeout::Milliseconds(0)).expect("configured");
    let device = server.open_device(SET).expect("initializing");
    client.open_device(SET).expect("initializing");
    let agent = server.completion_agent().expect("open");
    let agent = thread::spawn(move || agent.execute());
    let (done, ended) = mpsc::channel();
    let mut sent = 0;
    while sent < 3 {
        let done = done.clone();
        let callback = Box::new(move |how: Completion| {
            if how.code == Win32::ERROR_OPERATION_ABORTED {
                done.send(sent).expect("somebody listens");
                assert_ne!(sent, 0, "the first one fails");
            }
        });
        let code = CommandCode::Flush;
        let command = SendCommand { tag: 0, code, buffer: None, size: 0, position: 0, callback };
        sent += i32::from(device.send_command(command).is_ok());
    }
    assert_eq!(server.signal_abort(), Ok(()));
    let called: Vec<i32> =
        (0..3).map(|_| ended.recv_timeout(PATIENCE).expect("called back")).collect();
    assert_eq!(called, [0, 1, 2]);
    agent.join().expect_err("the panic goes on when all is done");
    assert_eq!((server.close(), client.close()), (Ok(()), Ok(())));
}

#[test]
fn a_server_dropped_under_its_agent_is_closed() {
    let machine = Machine::in_memory(Options::default());
    let (client, server) = (machine.client_set(), machine.server_set());
    client.create(None, SET, &one_device()).expect("a new name");
    server.open(None, SET).expect("created");
    configured(&server);
    let agent = server.completion_agent().expect("open");
    let agent = thread::spawn(move || in_time(move || agent.execute()));
    drop(server);
    // It may have begun, or come too late.
    let ended = agent.join().expect("no hang");
    assert!(matches!(ended, Ok(()) | Err(HResult::VD_E_PROTOCOL)), "{ended:?}");
    let told = client.get_configuration(Timeout::Infinite);
    assert_eq!(told.err(), Some(HResult::VD_E_ABORT));
}

#[test]
fn no_name_leads_out_of_shared_memory() {
    let prefix = new_prefix();
    let machine = shared(&prefix);
    for name in ["../escape", "/absolute", "a/b", ".", "sp ace", "ä", "%41"] {
        let set = machine.client_set();
        assert_eq!(set.create(None, name, &one_device()), Ok(()), "{name}");
        assert_eq!(objects(&prefix).len(), 1, "{name}");
        assert_eq!(machine.server_set().open(None, name), Ok(()), "{name}");
        assert_eq!(set.close(), Ok(()));
    }
    for name in ["", "a\\b", "nul\0", &"x".repeat(1000)] {
        let set = machine.client_set();
        assert_eq!(set.create(None, name, &one_device()), Err(HResult::VD_E_INVALID), "{name}");
    }
    assert!(objects(&prefix).is_empty());
}

#[test]
fn a_set_dropped_without_close_is_closed() {
    let machine = Machine::in_memory(Options::default());
    let set = machine.client_set();
    set.create(None, SET, &one_device()).expect("a new name");
    let waiting = set.clone();
    let blocked =
        thread::spawn(move || in_time(move || waiting.get_configuration(Timeout::Infinite)));
    let server = machine.server_set();
    server.open(None, SET).expect("created");
    drop(server);
    assert_eq!(blocked.join().expect("no hang").err(), Some(HResult::VD_E_ABORT));
    drop(set);
    assert_eq!(machine.client_set().create(None, SET, &one_device()), Ok(()));
}
