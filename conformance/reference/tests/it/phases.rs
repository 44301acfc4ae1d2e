//! Opening, configuring, devices and their names: what each phase allows.

use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};

use super::stage::{POLL, Stage, good, pipes, refused, result, server_part};

const PROTOCOL: HResult = HResult::VD_E_PROTOCOL;

#[test]
fn nothing_works_on_an_interface_that_is_not_open() {
    let Stage { server, client, .. } = &Stage::new(None);
    for status in [
        server.begin_configuration(&server_part()),
        server.request_buffers(512, 0, 1),
        server.end_configuration(),
        server.execute_completion_agent(),
        server.free_buffer(None, None),
        server.signal_abort(),
        server.close(),
        client.signal_abort(),
        client.close(),
    ] {
        assert_eq!(status, Ok(PROTOCOL));
    }
    assert_eq!(refused(server.get_configuration()), PROTOCOL);
    assert_eq!(refused(server.open_device("S")), PROTOCOL);
    assert_eq!(refused(server.allocate_buffer(512, 0)), PROTOCOL);
    assert_eq!(refused(server.query_available_buffers(512, 0)), PROTOCOL);
    assert_eq!(refused(client.get_configuration(POLL)), PROTOCOL);
    assert_eq!(refused(client.open_device("S")), PROTOCOL);
}

#[test]
fn open_finds_only_a_set_that_is_there_for_it() {
    let stage = Stage::new(None);
    let open = |instance, name| stage.world.server_set("server").open(instance, name);
    assert_eq!(open(None, "S"), Ok(HResult::VD_E_INVALID));
    good(stage.client.create(Some("I"), "S", &pipes(1)));
    assert_eq!(open(None, "S"), Ok(HResult::VD_E_INVALID));
    assert_eq!(open(Some("I"), "s"), Ok(HResult::VD_E_INVALID));
    good(stage.server.open(Some("I"), "S"));
    assert_eq!(stage.server.open(Some("I"), "S"), Ok(PROTOCOL));
    assert_eq!(open(Some("I"), "S"), Ok(HResult::VD_E_INVALID));
}

#[test]
fn create_refuses_what_it_cannot_use() {
    let stage = Stage::new(None);
    let create = |instance, name, config: &VdConfig| stage.client.create(instance, name, config);
    assert_eq!(create(Some("a\\b"), "S", &pipes(1)), Ok(HResult::VD_E_INSTANCE_NAME));
    assert_eq!(create(None, "a\\b", &pipes(1)), Ok(HResult::VD_E_INVALID));
    assert_eq!(create(None, "S", &pipes(65)), Ok(HResult::VD_E_NOTSUPPORTED));
    good(create(None, "S", &pipes(1)));
    assert_eq!(create(None, "T", &pipes(1)), Ok(PROTOCOL));
    let other = stage.world.client_set("other");
    assert_eq!(other.create(None, "S", &pipes(1)), Ok(PROTOCOL));
    good(other.create(None, "T", &pipes(1)));
}

#[test]
fn configuration_goes_in_order() {
    let stage = Stage::new(None);
    let server = &stage.server;
    stage.connect(&VdConfig { alignment: 4096, server_time_out: 7, ..pipes(2) });
    assert_eq!(result(server.get_configuration()).server_time_out, 7);
    assert_eq!(server.end_configuration(), Ok(PROTOCOL));
    let bad = ServerConfig { block_size: 3, ..server_part() };
    assert_eq!(server.begin_configuration(&bad), Ok(HResult::VD_E_INVALID));
    good(server.begin_configuration(&server_part()));
    assert_eq!(server.begin_configuration(&server_part()), Ok(PROTOCOL));
    assert_eq!(refused(stage.client.get_configuration(POLL)), HResult::VD_E_TIMEOUT);
    assert_eq!(refused(stage.client.open_device("S")), PROTOCOL);
    assert_eq!(server.execute_completion_agent(), Ok(PROTOCOL));
    good(server.end_configuration());
    assert_eq!(refused(stage.client.open_device("S")), PROTOCOL);
    let seen = result(stage.client.get_configuration(POLL));
    assert_eq!((seen.alignment, seen.max_io_depth, seen.buffer_area_size), (4096, 4, 524_288));
}

#[test]
fn devices_are_named_by_whoever_comes_first() {
    let stage = Stage::new(None);
    stage.configure(&pipes(3));
    let (server, client) = (&stage.server, &stage.client);
    result(client.open_device("A"));
    assert_eq!(refused(client.open_device("A")), PROTOCOL);
    result(server.open_device("B"));
    assert_eq!(refused(client.open_device("C")), HResult::VD_E_INVALID);
    result(client.open_device("S"));
    result(client.open_device("B"));
    assert_eq!(refused(client.open_device("C")), HResult::VD_E_OPEN);
    result(server.open_device("anything"));
    result(server.open_device("A"));
    assert_eq!(refused(server.open_device("S")), HResult::VD_E_OPEN);
}

#[test]
fn active_needs_every_device_on_both_sides_and_the_agent() {
    use vdi_spec::codes::CommandCode::Flush;

    let mut stage = Stage::new(None);
    stage.configure(&pipes(1));
    stage.server_devices.push(result(stage.server.open_device("S")));
    let server = stage.server.clone();
    stage.lane("agent", move || server.execute_completion_agent());
    assert_eq!(stage.server.execute_completion_agent(), Ok(PROTOCOL));
    assert_eq!(stage.send(0, 1, Flush), Ok(PROTOCOL));
    assert_eq!(stage.seen(), ["c1 ERROR_INVALID_HANDLE 0 at once"]);
    assert_eq!(stage.server_devices[0].close_device(), Ok(PROTOCOL));
    stage.client_devices.push(result(stage.client.open_device("S")));
    good(stage.send(0, 2, Flush));
}
