//! Waiting: time-outs, processes that die, a world that is abandoned, callbacks
//! that panic.

use vdi_spec::codes::CommandCode::Flush;
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

use super::stage::{Stage, good, pipes, refused, result};
use vdi_reference::{Gone, SendCommand, Timeout};

#[test]
fn finite_time_outs_expire() {
    let stage = Stage::new(None);
    let soon = Timeout::Milliseconds(5);
    stage.connect(&pipes(1));
    assert_eq!(refused(stage.client.get_configuration(soon)), HResult::VD_E_TIMEOUT);
    assert_eq!(stage.world.inside("primary"), 0);
    drop(stage);
    let stage = Stage::new(None).active(&pipes(1));
    assert_eq!(refused(stage.client_devices[0].get_command(soon)), HResult::VD_E_TIMEOUT);
    assert_eq!(stage.blocked(), 1);
}

#[test]
fn a_blocked_call_is_inside_and_wakes() {
    let stage = Stage::new(None).active(&pipes(1));
    assert_eq!((stage.world.inside("server"), stage.world.inside("primary")), (1, 0));
    let device = stage.client_devices[0].clone();
    stage.lane("reader", move || device.get_command(Timeout::Infinite).map(|(status, _)| status));
    assert_eq!((stage.blocked(), stage.world.inside("primary")), (2, 1));
    good(stage.send(0, 1, Flush));
    assert_eq!(stage.seen(), ["reader NOERROR"]);
    assert_eq!(stage.world.inside("primary"), 0);
    good(stage.server.signal_abort());
    stage.settle();
    assert_eq!(stage.world.inside("server"), 0);
}

#[test]
fn the_death_of_a_process_aborts_what_it_had_open() {
    let stage = Stage::new(None).active(&pipes(1));
    good(stage.send(0, 1, Flush));
    stage.world.exit("primary");
    assert_eq!(stage.seen(), ["c1 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
    assert_eq!(stage.client.close(), Err(Gone));
    drop(stage);

    let stage = Stage::new(None).active(&pipes(1));
    good(stage.send(0, 1, Flush));
    stage.world.exit("server");
    assert_eq!(stage.seen(), ["agent has no answer"]);
    assert_eq!(stage.get(0), Err(HResult::VD_E_ABORT));
    good(stage.client.close());
}

#[test]
fn an_abandoned_world_lets_every_call_go() {
    let stage = Stage::new(None).active(&pipes(1));
    stage.world.abandon();
    assert_eq!(stage.seen(), ["agent has no answer"]);
    assert_eq!(stage.server.close(), Err(Gone));
    assert!(!stage.client_devices[0].touch());
}

#[test]
fn a_client_that_completes_nothing_for_two_intervals_is_aborted() {
    let config = VdConfig { server_time_out: 5, ..pipes(1) };
    let stage = Stage::new(None).active(&config);
    good(stage.send(0, 1, Flush));
    let device = stage.client_devices[0].clone();
    assert!(matches!(device.get_command(Timeout::Infinite), Ok((HResult::NOERROR, Some(_)))));
    let next = device.get_command(Timeout::Infinite);
    assert_eq!(refused(next), HResult::VD_E_ABORT);
    assert_eq!(stage.seen(), ["c1 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
}

#[test]
fn a_panicking_callback_wedges_nothing() {
    let mut stage = Stage::new(None);
    stage.configure(&pipes(1));
    let server = stage.server.clone();
    let agent = std::thread::spawn(move || server.execute_completion_agent());
    while stage.world.inside("server") == 0 {
        std::thread::yield_now();
    }
    stage.server_devices.push(result(stage.server.open_device("S")));
    stage.client_devices.push(result(stage.client.open_device("S")));
    let (code, buffer, size, position) = (Flush, None, 0, 0);
    let callback = Box::new(|_| panic!("the server's own fault"));
    let command = SendCommand { tag: 1, code, buffer, size, position, callback };
    good(stage.server_devices[0].send_command(command));
    let command = stage.get(0).expect("the command");
    good(stage.complete(0, command, Win32::ERROR_SUCCESS));
    assert!(agent.join().is_err());
    assert_eq!(stage.world.inside("server"), 0);
    assert_eq!(stage.get(0), Err(HResult::VD_E_ABORT));
    good(stage.server.close());
    good(stage.client.close());
}
