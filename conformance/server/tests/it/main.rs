//! The stand-in server by itself, over a machine in memory, with clients that do what no C++
//! client here does: that are slow, that complete in another order, that give less.

mod media;
mod rights;

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;
use vdi_runtime::{Delivered, Machine, Options, Timeout};
use vdi_server::{Databases, Done, Failed, Faults, Order, Server, Statement, Stop, parse};
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::VdConfig;

const KIB: usize = 1 << 10;

/// Longer than anything here takes: what is not over by then never is.
const LONG: Duration = Duration::from_secs(60);

/// What a client stores, and how.
#[derive(Clone, Default)]
struct Medium {
    bytes: Vec<u8>,
    /// Where a stream has come to.
    at: usize,
    /// It is addressed by position.
    addressed: bool,
    /// The most bytes that one Read gives.
    most: Option<usize>,
    /// Where each Read and Write was.
    places: Vec<u64>,
}

impl Medium {
    fn execute(&mut self, command: &Delivered) -> (Win32, u32) {
        let bytes = command.buffer.as_ref().and_then(|buffer| buffer.bytes());
        let size = usize::try_from(command.size).expect("a size");
        let place = if self.addressed { command.position as usize } else { self.at };
        let Some(bytes) = bytes else {
            let known = [CommandCode::Flush, CommandCode::Snapshot, CommandCode::MountSnapshot];
            let sound = known.contains(&command.code);
            return (if sound { Win32::ERROR_SUCCESS } else { Win32::ERROR_NOT_SUPPORTED }, 0);
        };
        self.places.push(command.position);
        let mut moved = size;
        if command.code == CommandCode::Write {
            self.bytes.resize(self.bytes.len().max(place + size), 0);
            bytes.copy_to(&mut self.bytes[place..place + size]);
        } else {
            moved = size.min(self.most.unwrap_or(size)).min(self.bytes.len().saturating_sub(place));
            bytes.copy_from(&self.bytes[place..place + moved]);
        }
        self.at = place + moved;
        (if moved > 0 { Win32::ERROR_SUCCESS } else { Win32::ERROR_HANDLE_EOF }, moved as u32)
    }
}

/// A folder of databases, and a machine.
struct World {
    folder: TempDir,
    machine: Machine,
}

impl World {
    fn new(queue_depth: Option<usize>) -> Self {
        let mut options = Options::default();
        options.queue_depth = queue_depth.unwrap_or(options.queue_depth);
        let folder = TempDir::new().expect("a folder");
        Self { folder, machine: Machine::in_memory(options) }
    }

    fn write(&self, name: &str, data: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), data).expect("written");
    }

    fn data(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).expect("there")
    }

    fn server(&self, faults: &str) -> Server {
        Server {
            machine: self.machine.clone(),
            databases: Databases::in_folder(self.folder.path().to_owned()),
            faults: faults.parse().unwrap_or_else(|why: String| panic!("{why}")),
            trace: None,
            wait: LONG,
            patience: LONG,
            stop: Arc::new(Stop::default()),
        }
    }

    /// A client with one device, which does what `act` says with what is delivered, until the
    /// server closes the device; what it was granted.
    fn client<T: Send + 'static>(
        &self,
        features: Features,
        act: impl FnOnce(&dyn Fn(Timeout) -> Result<Delivered, HResult>, &Complete<'_>) -> T
        + Send
        + 'static,
    ) -> JoinHandle<(Features, T)> {
        let set = self.machine.client_set();
        let config = VdConfig { device_count: 1, features, ..VdConfig::default() };
        set.create(None, "s", &config).expect("created");
        thread::spawn(move || {
            let agreed = set.get_configuration(Timeout::Infinite).expect("configured");
            let device = set.open_device("s").expect("opened");
            let done = act(&|time| device.get_command(time), &|command, (code, bytes)| {
                // What an abort refuses, it has completed itself.
                let _ = device.complete_command(command.command, code, bytes, 0);
            });
            set.close().expect("closed");
            (agreed.features, done)
        })
    }

    /// The statement, with a client that does one command at a time.
    fn simply(&self, sql: &str, medium: Medium) -> (Result<Done, Failed>, Medium) {
        let client = self.client(Features::LIKE_PIPE, |get, complete| plain(medium, get, complete));
        let result = execute(&self.server(""), sql);
        (result, client.join().expect("it ends").1)
    }

    /// The same, which must succeed.
    fn good(&self, sql: &str, medium: Medium) -> Medium {
        let (result, medium) = self.simply(sql, medium);
        result.unwrap_or_else(|failed| panic!("{sql}: {failed}"));
        medium
    }
}

type Complete<'a> = dyn Fn(&Delivered, (Win32, u32)) + 'a;

/// One command at a time.
fn plain(
    mut medium: Medium,
    get: &dyn Fn(Timeout) -> Result<Delivered, HResult>,
    complete: &Complete<'_>,
) -> Medium {
    while let Ok(command) = get(Timeout::Infinite) {
        let done = medium.execute(&command);
        complete(&command, done);
    }
    medium
}

fn statement(sql: &str) -> Statement {
    let mut batch = parse(sql).unwrap_or_else(|bad| panic!("{sql}: {bad:?}"));
    let Some(Order::Run(statement)) = batch.pop() else { panic!("{sql}") };
    statement
}

fn execute(server: &Server, sql: &str) -> Result<Done, Failed> {
    server.execute(&statement(sql), &|_| {})
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

const BACKUP: &str = "BACKUP DATABASE x TO VIRTUAL_DEVICE='s'";
const RESTORE: &str = "RESTORE DATABASE x FROM VIRTUAL_DEVICE='s'";

/// Leaves the server so much time that it sends all that it can.
#[expect(clippy::disallowed_methods, reason = "what is shorter shows less, and fails nothing")]
fn dawdle() {
    thread::sleep(Duration::from_millis(100));
}

#[test]
fn more_buffers_than_a_device_takes_commands() {
    for (depth, buffers) in [(None, 64), (None, 65), (None, 200), (Some(1), 4), (Some(3), 5)] {
        let world = World::new(depth);
        let data = noise(300 * 64 * KIB + 5);
        world.write("x", &data);
        let run = |verb: &str, medium: Medium| {
            let client = world.client(Features::LIKE_PIPE, |get, complete| {
                dawdle();
                plain(medium, get, complete)
            });
            let done = execute(&world.server(""), &format!("{verb} WITH BUFFERCOUNT={buffers}"));
            done.unwrap_or_else(|failed| panic!("{depth:?}, {buffers}: {verb}: {failed}"));
            client.join().expect("it ends").1
        };
        let medium = run(BACKUP, Medium::default());
        world.write("x", b"lost");
        run(RESTORE, Medium { at: 0, ..medium });
        assert!(world.data("x") == data, "{depth:?}, {buffers}: other bytes");
    }
}

/// Completes what it has got in the opposite order.
fn backwards(
    mut medium: Medium,
    get: &dyn Fn(Timeout) -> Result<Delivered, HResult>,
    complete: &Complete<'_>,
) -> Medium {
    while let Ok(first) = get(Timeout::Infinite) {
        let mut got = vec![first];
        while let Ok(more) = get(Timeout::Milliseconds(2)) {
            got.push(more);
        }
        for command in got.iter().rev() {
            let done = medium.execute(command);
            complete(command, done);
        }
    }
    medium
}

#[test]
fn who_asks_for_random_access_is_told_where() {
    let world = World::new(None);
    let data = noise(20 * 64 * KIB + 5);
    world.write("x", &data);
    let disk = Medium { addressed: true, ..Medium::default() };
    let client = world.client(Features::LIKE_DISK, |get, done| backwards(disk, get, done));
    execute(&world.server(""), BACKUP).expect("backed up");
    let (granted, medium) = client.join().expect("it ends");
    assert!(granted.contains(Features::WRITE_MEDIA | Features::READ_MEDIA), "{granted:?}");
    assert!(medium.places.len() > 20 && !medium.places.is_sorted(), "{:?}", medium.places);
    for most in [None, Some(10_000), Some(40 * KIB)] {
        for backward in [true, false] {
            world.write("x", b"lost");
            let medium = Medium { places: Vec::new(), most, ..medium.clone() };
            let client = world.client(Features::LIKE_DISK, move |get, done| {
                if backward { backwards(medium, get, done) } else { plain(medium, get, done) }
            });
            let sql = format!("{RESTORE} WITH MAXTRANSFERSIZE=131072, BUFFERCOUNT=5");
            execute(&world.server(""), &sql).expect("restored");
            let (granted, medium) = client.join().expect("it ends");
            assert!(granted.contains(Features::READ_MEDIA), "{granted:?}");
            assert!(!granted.intersects(Features::WRITE_MEDIA), "{granted:?}");
            assert!(medium.places.iter().any(|place| *place > 0));
            assert!(world.data("x") == data, "{most:?}, {backward}: other bytes");
        }
    }
}

#[test]
fn a_stream_has_no_places_and_may_give_less() {
    for (features, reads) in [(Features::LIKE_PIPE, false), (Features::LIKE_TAPE, true)] {
        let world = World::new(None);
        let data = noise(20 * 64 * KIB + 5);
        world.write("x", &data);
        let run = |sql: &str, medium: Medium| {
            let client = world.client(features, |get, complete| plain(medium, get, complete));
            execute(&world.server(""), sql).expect("it succeeds");
            client.join().expect("it ends")
        };
        let (granted, medium) = run(BACKUP, Medium::default());
        assert_eq!(granted.intersects(Features::READ_MEDIA), reads, "{granted:?}");
        world.write("x", b"lost");
        let (_, medium) = run(RESTORE, Medium { at: 0, most: Some(10 * KIB), ..medium });
        assert!(medium.places.iter().all(|place| *place == 0), "{:?}", medium.places);
        assert!(world.data("x") == data, "other bytes");
    }
}

/// One device is closed on purpose, the other fails for a reason of its own.
#[test]
fn a_device_that_fails_while_another_was_closed_ends_the_statement() {
    let world = World::new(None);
    world.write("x", noise(64 * 64 * KIB));
    let set = world.machine.client_set();
    set.create(None, "s", &VdConfig { device_count: 2, ..VdConfig::default() }).expect("created");
    let (tell, ended) = mpsc::channel();
    let server = world.server("close@6");
    let both = format!("{BACKUP}, VIRTUAL_DEVICE='t' WITH BUFFERCOUNT=2");
    let tell_result = tell.clone();
    thread::spawn(move || tell_result.send(execute(&server, &both).map(drop)));
    set.get_configuration(Timeout::Infinite).expect("configured");
    let (first, second) = (set.open_device("s").expect("opened"), set.open_device("t"));
    let second = second.expect("opened");
    let held = second.get_command(Timeout::Infinite).expect("a command");
    // Only the first goes on: it is the first that is closed.
    let end = loop {
        match first.get_command(Timeout::Infinite) {
            Ok(got) => first
                .complete_command(got.command, Win32::ERROR_SUCCESS, got.size as u32, 0)
                .expect("completed"),
            Err(status) => break status,
        }
    };
    assert_eq!(end, HResult::VD_E_CLOSE);
    second.complete_command(held.command, Win32::ERROR_DISK_FULL, 0, 0).expect("completed");
    let failed = ended.recv_timeout(LONG).expect("it ends").expect_err("it fails");
    assert!(failed.to_string().contains("112(There is not enough space"), "{failed}");
    set.close().expect("aborted, so devices need not be closed");
}

#[test]
fn faults_are_those_of_each_statement() {
    let world = World::new(None);
    world.write("x", noise(64 * KIB));
    static MET: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
    let faults: Faults = "abort@2".parse().expect("a fault");
    let tell = |fault: vdi_server::Fault| {
        MET.lock().expect("sound").push_back(fault.to_string());
    };
    let server = Server { faults: faults.reporting_to(tell), ..world.server("") };
    for number in 1..=2 {
        let medium = Medium::default();
        let client = world.client(Features::LIKE_PIPE, |get, complete| {
            while get(Timeout::Infinite).is_ok() {}
            plain(medium, get, complete)
        });
        execute(&server, BACKUP).expect_err("aborted");
        client.join().expect("it ends");
        assert_eq!(MET.lock().expect("sound").len(), number);
    }
}

#[test]
fn a_checksum_is_looked_at_or_not_as_the_statement_says() {
    let world = World::new(None);
    let data = noise(300 * KIB);
    world.write("x", &data);
    let with = world.good(&format!("{BACKUP} WITH CHECKSUM"), Medium::default());
    let without = world.good(&format!("{BACKUP} WITH NO_CHECKSUM"), Medium::default());
    let restore = |medium: &Medium, options: &str| {
        world.simply(&format!("{RESTORE}{options}"), Medium { at: 0, ..medium.clone() }).0
    };
    let mut damaged = with.clone();
    damaged.bytes[100 * KIB] ^= 1;
    for (medium, options, number) in [
        (&with, "", None),
        (&with, " WITH CHECKSUM", None),
        (&with, " WITH NO_CHECKSUM", None),
        (&without, "", None),
        (&without, " WITH CHECKSUM", Some(3187)),
        (&without, " WITH NO_CHECKSUM", None),
        (&damaged, "", Some(3189)),
        (&damaged, " WITH CHECKSUM", Some(3189)),
        (&damaged, " WITH NO_CHECKSUM", None),
    ] {
        let result = restore(medium, options);
        let got = result.as_ref().err().map(|failed| failed.messages[0].number);
        assert_eq!(got, number, "{options}: {result:?}");
    }
    // What was damaged and not looked at is there now.
    assert!(world.data("x") != data && world.data("x").len() == data.len());
}

#[test]
fn a_snapshot_has_a_checksum_or_not_as_the_statement_says() {
    let world = World::new(None);
    world.write("x", noise(300 * KIB));
    let with = world.good(&format!("{BACKUP} WITH SNAPSHOT"), Medium::default());
    let options = " WITH SNAPSHOT, NO_CHECKSUM";
    let without = world.good(&format!("{BACKUP}{options}"), Medium::default());
    // The client mounts something else.
    world.write("x", b"else");
    for (medium, options, number) in [
        (&with, " WITH SNAPSHOT", Some(3189)),
        (&with, " WITH SNAPSHOT, NO_CHECKSUM", None),
        (&without, " WITH SNAPSHOT", None),
        (&without, " WITH SNAPSHOT, CHECKSUM", Some(3187)),
    ] {
        let sql = format!("{RESTORE}{options}");
        let (result, _) = world.simply(&sql, Medium { at: 0, ..medium.clone() });
        let got = result.as_ref().err().map(|failed| failed.messages[0].number);
        assert_eq!(got, number, "{options}: {result:?}");
    }
}

#[test]
fn generated_data_has_the_length_it_was_backed_up_with() {
    let world = World::new(None);
    let recipe = |kib: u32| {
        world.write("x.generated", format!("{{\"seed\": 1, \"bytes\": \"{kib}KiB\"}}"));
    };
    recipe(200);
    let medium = world.good(BACKUP, Medium::default());
    for (kib, sound) in [(200, true), (100, false), (300, false)] {
        recipe(kib);
        let (result, _) = world.simply(RESTORE, Medium { at: 0, ..medium.clone() });
        let Err(failed) = result else {
            assert!(sound, "{kib} KiB");
            continue;
        };
        let told = format!("the backup has 204800 bytes, the generated data {}", kib * 1024);
        assert!(!sound && failed.to_string().contains(&told), "{failed}");
    }
}

#[test]
fn a_header_that_cannot_be_is_told_at_once() {
    let world = World::new(None);
    world.write("x", noise(200 * KIB));
    let medium = world.good(BACKUP, Medium::default());
    let end = medium.bytes.iter().position(|byte| *byte == b'\n').expect("a line");
    let header = String::from_utf8(medium.bytes[..end].to_vec()).expect("text");
    for (from, to, told) in [
        ("\"bytes\":204800", "\"bytes\":9223372036854775808", "the data has 9223372036854775808"),
        ("\"piece\":65536", "\"piece\":100", "a piece has 100 bytes, which is no multiple of"),
        ("\"devices\":1", "\"devices\":0", "this is device 0, counted from 0, of 0"),
        ("\"bytes\":204800", "\"bytes\":9000000000000000000", "38(Reached the end of the file"),
    ] {
        let mut line = header.replace(from, to).into_bytes();
        assert!(line != header.as_bytes(), "{header}");
        line.push(b'\n');
        let mut wrong = Medium { at: 0, ..medium.clone() };
        wrong.bytes[..64 * KIB].fill(0);
        wrong.bytes[..line.len()].copy_from_slice(&line);
        let failed = world.simply(RESTORE, wrong).0.expect_err("it fails");
        assert!(failed.to_string().contains(told), "{failed}");
    }
}

#[test]
fn another_database_is_replaced_only_if_that_is_asked_for() {
    let world = World::new(None);
    world.write("x", "its data");
    let done = world.simply("BACKUP DATABASE x TO VIRTUAL_DEVICE='s'", Medium::default());
    let medium = Medium { at: 0, ..done.1 };
    done.0.expect("backed up");
    world.write("y", "another's");
    let restore = |sql: &str| world.simply(sql, medium.clone()).0;
    let refused = restore("RESTORE DATABASE y FROM VIRTUAL_DEVICE='s'").expect_err("refused");
    assert_eq!(refused.messages[0].number, 3154, "{refused}");
    assert_eq!(world.data("y"), b"another's");
    restore("RESTORE DATABASE y FROM VIRTUAL_DEVICE='s' WITH REPLACE").expect("replaced");
    assert_eq!(world.data("y"), b"its data");
    restore("RESTORE DATABASE z FROM VIRTUAL_DEVICE='s'").expect("there was none");
    restore("RESTORE DATABASE X FROM VIRTUAL_DEVICE='s'").expect("the same");
}

#[test]
fn a_log_is_restored_onto_what_awaits_it() {
    let world = World::new(None);
    world.write("x.log", "its log");
    let log = world.good("BACKUP LOG x TO VIRTUAL_DEVICE='s'", Medium::default());
    world.write("x", "its data");
    let whole = world.good(BACKUP, Medium::default());
    let again = |medium: &Medium| Medium { at: 0, ..medium.clone() };
    let number = |sql: &str, medium: &Medium| match world.simply(sql, again(medium)).0 {
        Ok(_) => 0,
        Err(failed) => failed.messages[0].number,
    };
    let recover = || execute(&world.server(""), "RESTORE DATABASE x WITH RECOVERY");
    let onto = "RESTORE LOG x FROM VIRTUAL_DEVICE='s'";
    assert_eq!(number(onto, &log), 3117, "it is in use");
    assert_eq!(recover().expect_err("refused").messages[0].number, 3153);
    assert_eq!(number(&format!("{RESTORE} WITH NORECOVERY"), &whole), 0);
    let backup = execute(&world.server(""), BACKUP).expect_err("it awaits more");
    assert_eq!((backup.messages[0].number, backup.messages[0].level), (927, 14));
    assert_eq!(number(&format!("{onto} WITH STANDBY='undo'"), &log), 0);
    let backup = execute(&world.server(""), BACKUP).expect_err("it awaits more");
    assert_eq!(backup.messages[0].number, 3036);
    assert_eq!(number(&format!("{onto} WITH NORECOVERY"), &log), 0);
    assert_eq!(recover().expect("recovered").bytes, 0);
    assert_eq!(number(onto, &log), 3117);
    world.good(BACKUP, Medium::default());
    // What restores without more to come recovers.
    assert_eq!(number(&format!("{RESTORE} WITH NORECOVERY"), &whole), 0);
    assert_eq!(number(onto, &log), 0);
    world.good(BACKUP, Medium::default());
}

#[test]
fn a_log_is_not_restored_onto_nothing() {
    let world = World::new(None);
    world.write("x.log", "its log");
    let log = world.good("BACKUP LOG x TO VIRTUAL_DEVICE='s'", Medium::default());
    let log = Medium { at: 0, ..log };
    let failed = world.simply("RESTORE LOG x FROM VIRTUAL_DEVICE='s'", log).0.expect_err("refused");
    assert_eq!(failed.messages[0].number, 3118);
}

#[test]
fn a_backup_is_verified_and_nothing_is_written() {
    let world = World::new(None);
    world.write("x", noise(200 * KIB));
    let medium = Medium { at: 0, ..world.good(BACKUP, Medium::default()) };
    world.write("x", "changed since");
    let verify = "RESTORE VERIFYONLY FROM VIRTUAL_DEVICE='s'";
    world.good(verify, medium.clone());
    assert_eq!(world.data("x"), b"changed since");
    let mut damaged = medium.clone();
    damaged.bytes[100 * KIB] ^= 1;
    let failed = world.simply(verify, damaged).0.expect_err("damaged");
    assert_eq!(failed.messages[0].number, 3189, "{failed}");
    assert!(failed.to_string().ends_with("RESTORE VERIFYONLY is terminating abnormally."));
    let second = format!("{verify} WITH FILE=2");
    let failed = world.simply(&second, medium.clone()).0.expect_err("there is one");
    assert_eq!(failed.messages[0].number, 4038, "{failed}");
    // Of the head no more is read.
    let mut head = medium;
    head.bytes.truncate(64 * KIB);
    world.good("RESTORE HEADERONLY FROM VIRTUAL_DEVICE='s'", head);
}

/// A failure after all else leaves nothing undone, and fails all the same.
#[test]
fn a_statement_fails_in_the_end() {
    let world = World::new(None);
    world.write("x", "its data");
    let client =
        world.client(Features::LIKE_PIPE, |get, complete| plain(Medium::default(), get, complete));
    let failed =
        execute(&world.server("late-failure=10"), "BACKUP DATABASE x TO VIRTUAL_DEVICE='s'");
    assert_eq!(failed.expect_err("late").messages[0].number, 3271);
    assert!(client.join().expect("no panic").1.bytes.len() > 2 * 65_536);
}
