//! Commands: order, the queue's depth, completion, the error state.

use vdi_spec::codes::CommandCode::{ClearError, Flush, Write};
use vdi_spec::codes::{HResult, Win32};

use super::stage::{Stage, good, pipes};
use vdi_reference::{CommandId, Options};

fn get(stage: &Stage) -> CommandId {
    stage.get(0).expect("a command")
}

#[test]
fn a_run_delivers_in_order_and_completes_in_any() {
    let stage = Stage::new(None).active(&pipes(2));
    good(stage.send(0, 1, Write));
    good(stage.send(0, 2, Write));
    good(stage.send(1, 3, Write));
    let (first, second) = (get(&stage), get(&stage));
    assert!(first < second);
    assert_eq!(stage.get(0), Err(HResult::VD_E_TIMEOUT));
    assert_eq!(stage.complete(1, first, Win32::ERROR_SUCCESS), Ok(HResult::VD_E_INVALID));
    good(stage.complete(0, second, Win32::ERROR_SUCCESS));
    assert_eq!(stage.complete(0, second, Win32::ERROR_SUCCESS), Ok(HResult::VD_E_INVALID));
    assert_eq!(stage.seen(), ["c2 ERROR_SUCCESS 512 by the agent"]);
    good(stage.complete(0, first, Win32::ERROR_SUCCESS));
    assert_eq!(stage.seen(), ["c1 ERROR_SUCCESS 512 by the agent"]);
}

#[test]
fn normal_termination_delivers_what_is_queued() {
    let stage = Stage::new(None).active(&pipes(2));
    good(stage.send(0, 1, Flush));
    good(stage.server_devices[0].close_device());
    assert_eq!(stage.server_devices[0].close_device(), Ok(HResult::VD_E_CLOSE));
    assert_eq!(stage.send(0, 2, Flush), Ok(HResult::VD_E_PROTOCOL));
    assert_eq!(stage.seen(), ["c2 ERROR_INVALID_HANDLE 0 at once"]);
    good(stage.server_devices[1].close_device());
    good(stage.server.close());
    let command = get(&stage);
    assert_eq!(stage.blocked(), 1);
    good(stage.complete(0, command, Win32::ERROR_SUCCESS));
    assert_eq!(stage.seen(), ["c1 ERROR_SUCCESS 512 by the agent", "agent NOERROR"]);
    for slot in [0, 0, 1] {
        assert_eq!(stage.get(slot), Err(HResult::VD_E_CLOSE));
    }
    assert_eq!(stage.complete(0, command, Win32::ERROR_SUCCESS), Ok(HResult::VD_E_PROTOCOL));
    good(stage.client.close());
}

#[test]
fn what_a_client_never_completes_comes_back_when_it_closes() {
    let stage = Stage::new(None).active(&pipes(1));
    good(stage.send(0, 1, Flush));
    get(&stage);
    good(stage.server_devices[0].close_device());
    assert_eq!(stage.get(0), Err(HResult::VD_E_CLOSE));
    assert_eq!(stage.blocked(), 1);
    good(stage.client.close());
    assert_eq!(stage.seen(), ["c1 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
    good(stage.server.close());
}

#[test]
fn a_full_queue_refuses_and_calls_back_at_once() {
    let options = Options { queue_depth: 2, ..Options::default() };
    let stage = Stage::with(options).active(&pipes(1));
    good(stage.send(0, 1, Flush));
    let first = get(&stage);
    good(stage.send(0, 2, Flush));
    assert_eq!(stage.send(0, 3, Flush), Ok(HResult::VD_E_BUSY));
    assert_eq!(stage.seen(), ["c3 ERROR_NO_SYSTEM_RESOURCES 0 at once"]);
    good(stage.complete(0, first, Win32::ERROR_SUCCESS));
    good(stage.send(0, 4, Flush));
}

#[test]
fn an_error_empties_the_queue_and_waits_for_clear_error() {
    let stage = Stage::new(None).active(&pipes(1));
    for tag in 1..=3 {
        good(stage.send(0, tag, Write));
    }
    let (first, second) = (get(&stage), get(&stage));
    good(stage.complete(0, first, Win32::ERROR_DISK_FULL));
    let expected = ["c1 ERROR_DISK_FULL 512 by the agent", "c3 ERROR_IO_DEVICE 0 by the agent"];
    assert_eq!(stage.seen(), expected);
    assert_eq!(stage.send(0, 4, Write), Ok(HResult::VD_E_IO_ERROR));
    assert_eq!(stage.seen(), ["c4 ERROR_IO_DEVICE 0 at once"]);
    good(stage.send(0, 5, ClearError));
    assert_eq!(stage.get(0), Err(HResult::VD_E_TIMEOUT));
    good(stage.complete(0, second, Win32::ERROR_SUCCESS));
    let clear = get(&stage);
    assert_eq!(stage.send(0, 6, Write), Ok(HResult::VD_E_IO_ERROR));
    good(stage.complete(0, clear, Win32::ERROR_SUCCESS));
    stage.seen();
    good(stage.send(0, 7, Write));
}
