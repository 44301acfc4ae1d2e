//! Every seeded defect shows in at least one of these histories, unless it needs
//! an unlucky order of events: then the test `loom` finds it.

use std::collections::BTreeSet;
use std::panic;

use vdi_spec::codes::CommandCode::{ClearError, Flush, Write};
use vdi_spec::codes::Win32;

use super::errors;
use super::histories::{self, Log};
use super::lives;
use super::secondaries;
use super::stage::{Stage, pipes};
use vdi_reference::{Mutant, MutantInfo, Timeout};

fn server_close(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    let buffer = log.buffer();
    let (status, let_go) = log.stage.send_held(0, 1);
    log.note("send", status);
    for tag in 2..=4 {
        log.note("send", log.stage.send(0, tag, Flush));
    }
    let got = [(); 3].map(|()| log.stage.get(0).ok());
    log.note("complete", log.stage.complete(0, got[0], Win32::ERROR_SUCCESS));
    log.note("complete", log.stage.complete(0, got[1], Win32::ERROR_SUCCESS));
    log.note("close", log.stage.server.close());
    log.note("touch", buffer.map(|buffer| log.stage.world.touch("server", buffer)));
    log.note("touch", log.stage.server_devices[0].touch());
    log.note("complete", log.stage.complete(0, got[2], Win32::ERROR_SUCCESS));
    log.note("get", log.stage.get(0));
    drop(let_go);
    log.end()
}

fn signal_abort(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    let device = log.stage.client_devices[0].clone();
    let get = move || device.get_command(Timeout::Infinite).map(|(status, _)| status);
    log.stage.lane("reader", get);
    log.note("abort", log.stage.server.signal_abort());
    log.note("abort", log.stage.server.signal_abort());
    log.note("send", log.stage.send(0, 1, Flush));
    log.end()
}

fn client_close(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("close", log.stage.client.close());
    log.end()
}

fn death(mutant: Option<Mutant>) -> Vec<String> {
    let log = Log::new(Stage::new(mutant).active(&pipes(1)));
    log.stage.world.exit("primary");
    log.end()
}

fn normal_run(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(2)));
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("send", log.stage.send(0, 2, Flush));
    while let Ok(command) = log.stage.get(0) {
        log.note("complete", log.stage.complete(0, command, Win32::ERROR_SUCCESS));
    }
    log.note("close device", log.stage.server_devices[0].close_device());
    log.note("send", log.stage.send(0, 3, Flush));
    log.note("close device", log.stage.server_devices[1].close_device());
    log.note("close", log.stage.server.close());
    log.note("get", log.stage.get(1));
    log.end()
}

fn buffer_in_use(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    let [buffer, _] = [(); 2].map(|()| log.buffer());
    log.note("send", log.stage.send_buffer(0, 1, Write, buffer));
    log.note("free", log.stage.server.free_buffer(buffer, None));
    log.note("got", log.stage.client_devices[0].get_command(Timeout::Milliseconds(0)));
    log.end()
}

fn error_state(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    for tag in 1..=3 {
        log.note("send", log.stage.send(0, tag, Write));
    }
    let first = log.stage.get(0).ok();
    log.note("get", log.stage.get(0));
    log.note("complete", log.stage.complete(0, first, Win32::ERROR_DISK_FULL));
    log.note("send", log.stage.send(0, 4, Write));
    log.note("send", log.stage.send(0, 5, ClearError));
    log.note("get", log.stage.get(0));
    log.end()
}

type History = fn(Option<Mutant>) -> Vec<String>;

/// The one about time comes first: with some defects the others never end.
const HISTORIES: [History; 27] = [
    histories::time,
    histories::waiting,
    server_close,
    signal_abort,
    client_close,
    death,
    normal_run,
    buffer_in_use,
    error_state,
    errors::again,
    errors::fallen,
    errors::snapshot,
    errors::in_time,
    histories::opening,
    histories::configuring,
    histories::two_wait,
    histories::devices,
    histories::buffers,
    histories::without_memory,
    histories::commands,
    histories::endings,
    histories::early_endings,
    histories::after_abort,
    secondaries::secondaries,
    lives::after,
    lives::beside,
    lives::death,
];

#[test]
fn a_history_is_the_same_each_time() {
    for history in HISTORIES {
        assert_eq!(history(None), history(None));
    }
}

#[test]
fn every_defect_shows() {
    let sound = HISTORIES.map(|history| history(None));
    // A defect that refuses what every history begins with ends the history there: it shows.
    let seen = |history: &History, mutant| panic::catch_unwind(|| history(Some(mutant))).ok();
    let hidden = |row: &&MutantInfo| {
        let same = |(history, sound): (&History, &Vec<String>)| {
            seen(history, row.mutant).is_some_and(|seen| seen == *sound)
        };
        !row.race && HISTORIES.iter().zip(&sound).all(same)
    };
    let hidden: Vec<&str> = Mutant::ALL.iter().filter(hidden).map(|row| row.name).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn the_table_of_defects_is_in_order() {
    let names: BTreeSet<&str> = Mutant::ALL.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), Mutant::ALL.len());
    for row in Mutant::ALL {
        assert_eq!(row.mutant.info().name, row.name);
        assert_eq!(Mutant::by_name(row.name), Some(row.mutant));
        assert_eq!(row.mutant.to_string(), row.name);
    }
    assert_eq!(Mutant::by_name("none"), None);
}
