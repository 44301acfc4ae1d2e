//! Statements that come by TDS, from a client of a few lines.

#[path = "../../../tds/tests/it/client.rs"]
#[allow(dead_code, reason = "what else drivers send, the tests of the protocol use")]
mod client;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use client::Client;

use super::stage::{Ended, Stage};
use super::standing::Server;

/// A server, where drivers connect, and its certificate.
fn server(stage: &Stage, words: &[&str]) -> (Server, SocketAddr, String) {
    let words = [&["--tds", "127.0.0.1:0", "--wait", "60"], words].concat();
    let mut server = Server::start(stage, &words);
    let said = server.line();
    let (address, certificate) = said
        .strip_prefix("listening for TDS at ")
        .and_then(|rest| rest.split_once(", certificate "))
        .unwrap_or_else(|| panic!("{said}"));
    let certificate = std::fs::read_to_string(certificate).expect("a certificate");
    (server, address.parse().expect("an address"), certificate)
}

/// A client program that leaves its statement to others, for as long as `others` lives.
fn program(stage: &Stage, words: &[&str], set: &str, others: &Child) -> Command {
    let mut command = stage.command("single", words);
    command.env("SET", set).env("SQLCMD", stage.statement_of_others(others.id()));
    command
}

/// Somebody who lives until he is told otherwise.
fn others() -> Child {
    Command::new("cat").stdin(Stdio::piped()).spawn().expect("it starts")
}

fn end(mut others: Child) {
    drop(others.stdin.take());
    others.wait().expect("ended");
}

#[test]
fn a_backup_by_tds_is_one_and_none_within_a_transaction() {
    let stage = Stage::new();
    let data = stage.database("x", 1 << 20);
    let (server, address, certificate) = server(&stage, &[]);
    let mut driver = Client::logged_in(address, 1, &certificate);
    let others = others();
    let mut program = program(&stage, &["backup", "x", "MEDIUM"], "tds", &others);
    let program = std::thread::spawn(move || Ended::of(&mut program));
    driver.batch("BACKUP DATABASE x TO VIRTUAL_DEVICE='tds' WITH STATS=50");
    let told = ["info 3211 class 0", "info 3211 class 0", "info 4035 class 0", "info 3014 class 0"];
    assert_eq!(driver.tokens(), [&told[..], &["done 0"]].concat());
    end(others);
    let program = program.join().expect("no panic");
    assert_eq!(program.code, 0, "{program:?}");
    let medium = std::fs::read(stage.path("medium")).expect("a medium");
    assert!(medium[65_536..65_536 + data.len()] == data[..], "the data is on the medium");
    let backup = "BACKUP DATABASE x TO VIRTUAL_DEVICE='none'";
    let refused = ["error 3021 class 16", "error 3013 class 16", "done 2"];
    driver.batch("SET IMPLICIT_TRANSACTIONS ON BEGIN TRAN");
    assert_eq!(driver.tokens(), ["change 8", "done 0"]);
    driver.batch(backup);
    assert_eq!(driver.tokens(), refused);
    driver.batch("IF @@TRANCOUNT > 0 ROLLBACK TRAN");
    assert_eq!(driver.tokens(), ["change 10", "done 0"]);
    driver.transaction(5, 0);
    assert_eq!(driver.tokens(), ["change 8", "done 0"]);
    driver.batch(backup);
    assert_eq!(driver.tokens(), refused);
    driver.transaction(7, 1);
    assert_eq!(driver.tokens(), ["change 9", "change 8", "done 0"]);
    // Whoever looks at the server sees what drivers do.
    assert!(server.end().contains("Cannot perform a backup or restore operation within"));
    stage.leaves_nothing();
}

#[test]
fn an_attention_aborts_the_set() {
    let stage = Stage::new();
    stage.database("x", 1 << 20);
    let (server, address, certificate) = server(&stage, &["--faults", "pause=60000@5"]);
    let mut driver = Client::logged_in(address, 2, &certificate);
    let others = others();
    let mut program = program(&stage, &["backup", "x", "MEDIUM"], "tds", &others);
    let program = std::thread::spawn(move || Ended::of(&mut program));
    driver.batch("BACKUP DATABASE x TO VIRTUAL_DEVICE='tds' WITH STATS=1");
    let (last, _) = driver.part().expect("it has begun");
    assert!(!last);
    driver.send(6, &[]);
    let told = driver.tokens();
    let failed = ["error 3204 class 16", "error 3013 class 16", "done 2"];
    assert_eq!(told[told.len() - 3..], failed);
    assert_eq!(driver.tokens(), ["done 20"]);
    end(others);
    let program = program.join().expect("no panic");
    assert_eq!(program.code, 1, "{program:?}");
    server.end();
    stage.leaves_nothing();
}

#[test]
fn a_password_that_is_given_is_checked_and_other_machines_are_not_let_in() {
    let stage = Stage::new();
    std::fs::write(stage.path("password"), "another\n").expect("written");
    let (server, address, _) = server(&stage, &["--tds-password", "password"]);
    let mut driver = Client::new(address);
    driver.send(0x10, &client::login(0x7400_0004, "secret"));
    assert_eq!(driver.tokens(), ["error 18456 class 14", "done 2"]);
    let mut driver = Client::new(address);
    driver.send(0x10, &client::login(0x7400_0004, "another"));
    assert_eq!(driver.tokens(), ["change 7", "login 74000004", "done 0"]);
    server.end();
    let refused = Ended::of(&mut stage.vdi(&["serve", "--tds", "0.0.0.0:0"]));
    assert!(refused.code == 64 && refused.told.contains("--tds-anywhere"), "{refused:?}");
}

/// What a backup is, as a table of `sqlcmd`.
#[test]
fn a_backup_is_looked_at() {
    let stage = Stage::new();
    stage.database("x", 1 << 20);
    stage.good("single", &["backup", "x", "MEDIUM"]);
    for (what, column, value) in [
        ("FILELISTONLY", "LogicalName", "PRIMARY"),
        ("HEADERONLY", "BackupTypeDescription", "DATABASE"),
        ("LABELONLY", "FamilyCount", "1"),
        ("VERIFYONLY", "The backup set on file 1 is valid.", ""),
    ] {
        let others = others();
        let mut program = program(&stage, &["restore", "x", "MEDIUM"], "look", &others);
        let program = std::thread::spawn(move || Ended::of(&mut program));
        let sql = format!("RESTORE {what} FROM VIRTUAL_DEVICE='look'");
        let mut sqlcmd = stage.vdi(&["sqlcmd", "-b", "-Q", &sql]);
        let told = Ended::of(sqlcmd.env("VDI_WAIT", "60").env("VDI_SERVER", "none"));
        assert_eq!(told.code, 0, "{told:?}");
        assert!(told.out.contains(column) && told.out.contains(value), "{told:?}");
        end(others);
        let program = program.join().expect("no panic");
        assert_eq!(program.code, 0, "{program:?}");
    }
    stage.leaves_nothing();
}
