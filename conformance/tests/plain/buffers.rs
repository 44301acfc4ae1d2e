//! The buffer area: requests, alignment, prefix zone, the limit.

use vdi_sim::codes::CommandCode::Write;
use vdi_sim::codes::{HResult, Win32};
use vdi_sim::config::VdConfig;

use super::stage::{Stage, good, pipes, refused, result, server_part};
use crate::plain::Options;

#[test]
fn what_was_requested_can_be_allocated_and_no_more() {
    let stage = Stage::new(None);
    let server = &stage.server;
    stage.connect(&VdConfig { prefix_zone_size: 100, ..pipes(1) });
    good(server.begin_configuration(&server_part()));
    good(server.request_buffers(1000, 0, 3));
    good(server.request_buffers(1000, 65536, 1));
    assert_eq!(result(server.query_available_buffers(1000, 0)), 0);
    assert_eq!(refused(server.allocate_buffer(1000, 0)), HResult::VD_E_PROTOCOL);
    good(server.end_configuration());
    let small: Vec<_> = (0..3).map(|_| result(server.allocate_buffer(1000, 0))).collect();
    let aligned = result(server.allocate_buffer(1000, 65536));
    assert_eq!(aligned.offset % 65536, 0);
    let mut zones: Vec<_> = small
        .iter()
        .chain([&aligned])
        .map(|buffer| (buffer.offset - 100, buffer.offset + 1000))
        .collect();
    zones.sort_unstable();
    assert!(zones.is_sorted_by(|before, after| before.1 <= after.0), "{zones:?} overlap");
    assert!(small.iter().all(|buffer| buffer.offset % 512 == 0));
    assert_eq!(refused(server.allocate_buffer(65536 * 4, 0)), HResult::VD_E_MEMORY);
}

#[test]
fn later_requests_allocate_at_once() {
    let stage = Stage::new(None);
    stage.configure(&pipes(1));
    let server = &stage.server;
    assert_eq!(result(server.query_available_buffers(65536, 0)), 4);
    for _ in 0..4 {
        result(server.allocate_buffer(65536, 0));
    }
    assert_eq!(refused(server.allocate_buffer(65536, 0)), HResult::VD_E_MEMORY);
    good(server.request_buffers(65536, 0, 1));
    result(server.allocate_buffer(65536, 0));
    assert_eq!(refused(server.allocate_buffer(65536, 3)), HResult::VD_E_INVALID);
}

#[test]
fn too_large_a_request_leaves_the_set_configurable() {
    let stage = Stage::with(Options { memory_limit: 100_000, ..Options::default() });
    let server = &stage.server;
    stage.connect(&pipes(1));
    good(server.begin_configuration(&server_part()));
    good(server.request_buffers(65536, 0, 2));
    assert_eq!(server.end_configuration(), Ok(HResult::VD_E_MEMORY));
    good(server.request_buffers(65536, 0, 1));
    good(server.end_configuration());
    assert_eq!(server.request_buffers(65536, 0, u32::MAX), Ok(HResult::VD_E_MEMORY));
}

#[test]
fn buffers_live_until_freed_or_closed() {
    let stage = Stage::new(None).active(&pipes(1));
    let Stage { world, server, client, .. } = &stage;
    let buffer = result(server.allocate_buffer(65536, 0)).id;
    assert_eq!(server.free_buffer(None), Ok(HResult::VD_E_INVALID));
    good(stage.send_buffer(0, 1, Write, Some(buffer)));
    assert_eq!(server.free_buffer(Some(buffer)), Ok(HResult::VD_E_INVALID));
    let command = stage.get(0).expect("the command");
    assert_eq!(server.free_buffer(Some(buffer)), Ok(HResult::VD_E_INVALID));
    good(stage.complete(0, command, Win32::ERROR_SUCCESS));
    assert!(world.touch("server", buffer) && world.touch("primary", buffer));
    good(server.free_buffer(Some(buffer)));
    assert_eq!(server.free_buffer(Some(buffer)), Ok(HResult::VD_E_INVALID));
    assert!(!world.touch("server", buffer) && !world.touch("primary", buffer));
    assert_eq!(stage.send_buffer(0, 2, Write, Some(buffer)), Ok(HResult::VD_E_INVALID));

    let buffer = result(server.allocate_buffer(65536, 0)).id;
    assert_eq!(server.close(), Ok(HResult::VD_E_PROTOCOL));
    assert!(!world.touch("server", buffer) && world.touch("primary", buffer));
    good(client.close());
    assert!(!world.touch("primary", buffer));
}
