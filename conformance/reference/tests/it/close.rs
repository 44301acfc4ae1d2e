//! Close and SignalAbort, from both sides and in every phase.

use std::sync::{Arc, Mutex};

use vdi_spec::codes::CommandCode::Flush;
use vdi_spec::codes::{HResult, Win32};

use super::stage::{POLL, Stage, good, pipes, refused, result, server_part};
use vdi_reference::{SendCommand, Timeout};

#[test]
fn server_close_before_devices_are_open_aborts_all_the_same() {
    for phase in 0..3 {
        let stage = Stage::new(None);
        match phase {
            0 => stage.connect(&pipes(1)),
            1 => {
                stage.connect(&pipes(1));
                good(stage.server.begin_configuration(&server_part()));
            }
            _ => stage.configure(&pipes(1)),
        }
        good(stage.server.close());
        assert_eq!(stage.server.close(), Ok(HResult::VD_E_PROTOCOL));
        assert_eq!(stage.server.open(None, "S"), Ok(HResult::VD_E_PROTOCOL));
        assert_eq!(refused(stage.client.get_configuration(POLL)), HResult::VD_E_ABORT);
        assert_eq!(refused(stage.client.open_device("S")), HResult::VD_E_ABORT);
        good(stage.client.close());
    }
}

#[test]
fn server_close_with_a_device_open_aborts_and_releases() {
    let stage = Stage::new(None).active(&pipes(1));
    for tag in 1..=4 {
        good(stage.send(0, tag, Flush));
    }
    stage.get(0).expect("the first");
    let second = stage.get(0).expect("the second");
    assert_eq!(stage.server.close(), Ok(HResult::VD_E_PROTOCOL));
    let expected = [
        "c1 ERROR_OPERATION_ABORTED 0 by the agent",
        "c2 ERROR_OPERATION_ABORTED 0 by the agent",
        "c3 ERROR_OPERATION_ABORTED 0 by the agent",
        "c4 ERROR_OPERATION_ABORTED 0 by the agent",
        "agent NOERROR",
    ];
    assert_eq!(stage.seen(), expected);
    assert!(!stage.server_devices[0].touch() && stage.client_devices[0].touch());
    assert_eq!(stage.server_devices[0].close_device(), Ok(HResult::VD_E_PROTOCOL));
    assert_eq!(stage.send(0, 5, Flush), Ok(HResult::VD_E_PROTOCOL));
    assert_eq!(stage.get(0), Err(HResult::VD_E_ABORT));
    assert_eq!(stage.complete(0, second, Win32::ERROR_SUCCESS), Ok(HResult::VD_E_ABORT));
    good(stage.client.close());
    assert!(!stage.client_devices[0].touch());
    assert_eq!(stage.get(0), Err(HResult::VD_E_PROTOCOL));
}

#[test]
fn after_signal_abort_only_close_is_left() {
    let stage = Stage::new(None).active(&pipes(1));
    let device = stage.client_devices[0].clone();
    stage.lane("reader", move || device.get_command(Timeout::Infinite).map(|(status, _)| status));
    good(stage.client.signal_abort());
    let mut seen = stage.seen();
    seen.sort_unstable();
    assert_eq!(seen, ["agent NOERROR", "reader VD_E_ABORT"]);
    good(stage.server.signal_abort());
    good(stage.client.signal_abort());
    for status in [
        stage.server.begin_configuration(&server_part()),
        stage.server.request_buffers(512, 0, 1),
        stage.server.end_configuration(),
        stage.server.execute_completion_agent(),
        stage.server.free_buffer(None, None),
        stage.server_devices[0].close_device(),
        stage.send(0, 1, Flush),
    ] {
        assert_eq!(status, Ok(HResult::VD_E_ABORT));
    }
    assert_eq!(refused(stage.server.get_configuration()), HResult::VD_E_ABORT);
    assert_eq!(refused(stage.server.open_device("S")), HResult::VD_E_ABORT);
    assert_eq!(refused(stage.server.allocate_buffer(512, 0)), HResult::VD_E_ABORT);
    assert_eq!(refused(stage.server.query_available_buffers(512, 0)), HResult::VD_E_PROTOCOL);
    assert_eq!(stage.seen(), ["c1 ERROR_OPERATION_ABORTED 0 at once"]);
    good(stage.server.close());
    good(stage.client.close());
}

#[test]
fn client_close_with_a_device_open_aborts() {
    let stage = Stage::new(None).active(&pipes(1));
    good(stage.send(0, 1, Flush));
    assert_eq!(stage.client.close(), Ok(HResult::VD_E_OPEN));
    assert_eq!(stage.seen(), ["c1 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
    assert_eq!(stage.client.close(), Ok(HResult::VD_E_PROTOCOL));
    good(stage.server.close());
}

#[test]
fn a_client_may_create_again_while_the_server_is_still_attached() {
    let stage = Stage::new(None);
    stage.connect(&pipes(1));
    good(stage.client.close());
    good(stage.client.create(None, "S", &pipes(2)));
    assert_eq!(refused(stage.server.get_configuration()), HResult::VD_E_ABORT);
    let another = stage.world.server_set("server");
    good(another.open(None, "S"));
    assert_eq!(result(another.get_configuration()).device_count, 2);
}

#[test]
fn a_recorded_completion_is_overridden_by_an_abort() {
    let stage = Stage::new(None).active(&pipes(1));
    let (status, let_go) = stage.send_held(0, 1);
    good(status);
    good(stage.send(0, 2, Flush));
    let (first, second) = (stage.get(0).expect("c1"), stage.get(0).expect("c2"));
    good(stage.complete(0, first, Win32::ERROR_SUCCESS));
    assert_eq!(stage.seen(), ["c1 ERROR_SUCCESS held"]);
    good(stage.complete(0, second, Win32::ERROR_SUCCESS));
    assert_eq!(stage.server.close(), Ok(HResult::VD_E_PROTOCOL));
    assert_eq!(stage.blocked(), 1);
    drop(let_go);
    assert_eq!(stage.seen(), ["c2 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
}

#[test]
fn a_callback_may_close_the_set() {
    let stage = Stage::new(None).active(&pipes(1));
    let (server, answer) = (stage.server.clone(), Arc::new(Mutex::new(None)));
    let (code, buffer, size, position, into) = (Flush, None, 0, 0, answer.clone());
    let callback = Box::new(move |_| *into.lock().expect("not poisoned") = Some(server.close()));
    let command = SendCommand { tag: 1, code, buffer, size, position, callback };
    good(stage.server_devices[0].send_command(command));
    good(stage.send(0, 2, Flush));
    let command = stage.get(0).expect("c1");
    good(stage.complete(0, command, Win32::ERROR_SUCCESS));
    assert_eq!(stage.seen(), ["c2 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
    assert_eq!(*answer.lock().expect("not poisoned"), Some(Ok(HResult::VD_E_PROTOCOL)));
}
