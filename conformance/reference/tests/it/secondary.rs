//! Secondary clients: opening the set of a primary, devices of several processes,
//! buffer handles, Close and death.

use vdi_spec::codes::CommandCode::{Flush, Write};
use vdi_spec::codes::{HResult, Win32};

use super::stage::{POLL, Stage, good, pipes, refused, result};
use vdi_reference::{ClientSet, Timeout};

const PROTOCOL: HResult = HResult::VD_E_PROTOCOL;

/// Two devices, the second opened by the secondary client that is given back.
fn shared() -> (Stage, ClientSet) {
    let mut stage = Stage::new(None);
    stage.configure(&pipes(2));
    let server = stage.server.clone();
    stage.lane("agent", move || server.execute_completion_agent());
    let second = stage.world.client_set("secondary");
    good(second.open_in_secondary(None, "S"));
    for (client, name) in [(&stage.client, "S"), (&second, "S2")] {
        stage.server_devices.push(result(stage.server.open_device(name)));
        stage.client_devices.push(result(client.open_device(name)));
    }
    (stage, second)
}

#[test]
fn a_secondary_opens_what_its_primary_has_configured() {
    let stage = Stage::new(None);
    let second = stage.world.client_set("secondary");
    assert_eq!(second.open_in_secondary(None, "S"), Ok(PROTOCOL));
    stage.configure(&pipes(1));
    let not_ready = stage.world.client_set("primary");
    good(not_ready.create(None, "T", &pipes(1)));
    assert_eq!(second.open_in_secondary(None, "T"), Ok(PROTOCOL));
    assert_eq!(second.open_in_secondary(None, "s"), Ok(PROTOCOL));
    assert_eq!(second.open_in_secondary(Some("I"), "S"), Ok(PROTOCOL));
    assert_eq!(stage.client.open_in_secondary(None, "S"), Ok(PROTOCOL));
    good(second.open_in_secondary(None, "S"));
    assert_eq!(second.open_in_secondary(None, "S"), Ok(PROTOCOL));
    assert_eq!(second.create(None, "U", &pipes(1)), Ok(PROTOCOL));
    assert_eq!(
        result(second.get_configuration(POLL)),
        result(stage.client.get_configuration(POLL))
    );
    good(second.close());
    good(second.create(None, "U", &pipes(1)));
}

#[test]
fn an_aborted_set_is_told_to_a_secondary() {
    let stage = Stage::new(None);
    let second = stage.world.client_set("secondary");
    stage.configure(&pipes(1));
    good(stage.server.signal_abort());
    assert_eq!(second.open_in_secondary(None, "S"), Ok(HResult::VD_E_ABORT));
    good(stage.client.close());
    assert_eq!(second.open_in_secondary(None, "S"), Ok(PROTOCOL));
}

#[test]
fn a_device_is_open_for_all_and_belongs_to_one() {
    let (stage, second) = shared();
    assert_eq!(refused(stage.client.open_device("S2")), HResult::VD_E_OPEN);
    assert_eq!(refused(second.open_device("S")), HResult::VD_E_OPEN);
    good(stage.send(1, 1, Flush));
    assert_eq!(stage.get(0), Err(HResult::VD_E_TIMEOUT));
    let command = stage.get(1).expect("a command");
    good(stage.complete(1, command, Win32::ERROR_SUCCESS));
    assert_eq!(stage.seen(), ["c1 ERROR_SUCCESS 512 by the agent"]);
    good(second.signal_abort());
    assert_eq!(stage.get(0), Err(HResult::VD_E_ABORT));
}

#[test]
fn a_buffer_is_mapped_by_its_handle() {
    let (stage, second) = shared();
    let touch = |buffer| stage.world.touch("secondary", buffer);
    let buffer = result(stage.server.allocate_buffer(512, 0)).id;
    let handle_of = |buffer| stage.client.get_buffer_handle(buffer);
    assert_eq!(refused(handle_of(None)), HResult::VD_E_INVALID);
    assert_eq!(refused(handle_of(Some(buffer))), HResult::VD_E_INVALID);
    good(stage.send_buffer(0, 1, Write, Some(buffer)));
    assert_eq!(refused(handle_of(Some(buffer))), HResult::VD_E_INVALID);
    let command = stage.get(0).expect("a command");
    let handle = result(handle_of(Some(buffer)));
    assert!(!touch(buffer));
    assert_eq!(result(second.map_buffer_handle(Some(handle))), buffer);
    assert!(touch(buffer));
    assert_eq!(refused(second.map_buffer_handle(None)), HResult::VD_E_INVALID);
    let foreign = stage.world.client_set("primary");
    assert_eq!(refused(foreign.map_buffer_handle(Some(handle))), PROTOCOL);
    good(foreign.create(None, "T", &pipes(1)));
    assert_eq!(refused(foreign.map_buffer_handle(Some(handle))), HResult::VD_E_INVALID);
    good(stage.complete(0, command, Win32::ERROR_SUCCESS));
    good(stage.server.free_buffer(Some(buffer), None));
    assert!(!touch(buffer));
    assert_eq!(refused(second.map_buffer_handle(Some(handle))), HResult::VD_E_INVALID);
    good(stage.server.signal_abort());
    assert_eq!(refused(second.map_buffer_handle(Some(handle))), HResult::VD_E_ABORT);
    assert_eq!(refused(handle_of(Some(buffer))), HResult::VD_E_ABORT);
}

#[test]
fn delivery_maps_a_buffer_until_close() {
    let (stage, second) = shared();
    let buffer = result(stage.server.allocate_buffer(512, 0)).id;
    good(stage.send_buffer(1, 1, Write, Some(buffer)));
    assert!(!stage.world.touch("secondary", buffer));
    stage.get(1).expect("a command");
    assert!(stage.world.touch("secondary", buffer) && stage.client_devices[1].touch());
    assert_eq!(second.close(), Ok(HResult::VD_E_OPEN));
    assert!(!stage.world.touch("secondary", buffer) && !stage.client_devices[1].touch());
    assert_eq!(stage.seen(), ["c1 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
    assert_eq!(second.close(), Ok(PROTOCOL));
    good(stage.client.close());
}

#[test]
fn a_secondarys_close_leaves_the_set_alone() {
    let (stage, second) = shared();
    good(stage.server_devices[1].close_device());
    assert_eq!(stage.get(1), Err(HResult::VD_E_CLOSE));
    good(second.close());
    assert_eq!(stage.get(1), Err(PROTOCOL));
    good(second.open_in_secondary(None, "S"));
    assert_eq!(stage.get(1), Err(PROTOCOL));
    good(stage.send(0, 1, Flush));
    stage.get(0).expect("a command");
    assert_eq!(stage.blocked(), 1);
}

#[test]
fn the_primarys_close_counts_every_device() {
    let (stage, second) = shared();
    good(stage.server_devices[0].close_device());
    assert_eq!(stage.get(0), Err(HResult::VD_E_CLOSE));
    stage.read(&stage.client_devices[1], Timeout::Infinite);
    assert_eq!(stage.client.close(), Ok(HResult::VD_E_OPEN));
    let mut seen = stage.seen();
    seen.sort_unstable();
    assert_eq!(seen, ["agent NOERROR", "reader VD_E_ABORT"]);
    good(second.close());
}

#[test]
fn a_secondary_outlives_its_primary() {
    let (stage, second) = shared();
    for slot in [0, 1] {
        good(stage.server_devices[slot].close_device());
        assert_eq!(stage.get(slot), Err(HResult::VD_E_CLOSE));
    }
    good(stage.client.close());
    assert_eq!(stage.get(1), Err(HResult::VD_E_CLOSE));
    assert_eq!(refused(second.open_device("S")), PROTOCOL);
    result(second.get_configuration(POLL));
    good(second.close());
    good(stage.server.close());
}

#[test]
fn the_death_of_a_secondary_goes_unnoticed() {
    let (stage, _) = shared();
    good(stage.send(1, 1, Flush));
    stage.get(1).expect("a command");
    stage.world.exit("secondary");
    assert_eq!(stage.blocked(), 1);
    good(stage.send(0, 2, Flush));
    stage.get(0).expect("a command");
    stage.world.exit("primary");
    let expected = [
        "c1 ERROR_OPERATION_ABORTED 0 by the agent",
        "c2 ERROR_OPERATION_ABORTED 0 by the agent",
        "agent NOERROR",
    ];
    assert_eq!(stage.seen(), expected);
}
