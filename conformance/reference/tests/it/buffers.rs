//! The buffer area: requests, alignment, prefix zone, the limit.

use vdi_spec::codes::CommandCode::Write;
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

use super::stage::{Stage, good, pipes, refused, result, server_part};
use vdi_reference::Options;

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

/// Places are kept for what was requested, so that holes of other sizes do no harm.
#[test]
fn what_was_requested_can_be_allocated_in_any_order() {
    let stage = Stage::new(None);
    let server = &stage.server;
    stage.connect(&VdConfig { prefix_zone_size: 16, ..pipes(1) });
    good(server.begin_configuration(&server_part()));
    let kinds = [(4096, 0, 1), (512, 2048, 2), (1024, 0, 1)];
    for (size, alignment, count) in kinds {
        good(server.request_buffers(size, alignment, count));
    }
    good(server.end_configuration());
    let available =
        |kind: usize| result(server.query_available_buffers(kinds[kind].0, kinds[kind].1));
    let allocate = |kind: usize| result(server.allocate_buffer(kinds[kind].0, kinds[kind].1)).id;
    let large = allocate(0);
    let [first, second] = [(); 2].map(|()| allocate(1));
    let small = allocate(2);
    for buffer in [large, small] {
        good(server.free_buffer(Some(buffer), None));
    }
    allocate(2);
    assert!(available(0) >= 1);
    allocate(0);
    for buffer in [second, first] {
        good(server.free_buffer(Some(buffer), None));
    }
    let count = available(1);
    assert!(count >= 2);
    for _ in 0..count {
        allocate(1);
    }
    let (size, alignment, _) = kinds[1];
    assert_eq!(refused(server.allocate_buffer(size, alignment)), HResult::VD_E_MEMORY);
}

#[test]
fn a_shared_buffer_is_known_until_it_is_freed() {
    let stage = Stage::new(None);
    stage.configure(&pipes(1));
    let server = &stage.server;
    let buffer = result(server.allocate_buffer(512, 0)).id;
    let another = result(server.allocate_buffer(512, 0)).id;
    assert!(result(server.is_shared_buffer(Some(buffer))));
    assert!(!result(server.is_shared_buffer(None)));
    good(server.free_buffer(Some(buffer), None));
    assert!(!result(server.is_shared_buffer(Some(buffer))));
    good(server.signal_abort());
    assert!(result(server.is_shared_buffer(Some(another))));
    good(server.close());
    assert_eq!(refused(server.is_shared_buffer(Some(another))), HResult::VD_E_PROTOCOL);
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
    assert_eq!(result(server.query_available_buffers(512, 0)), 0);
    good(server.request_buffers(65536, 0, 1));
    good(server.end_configuration());
    assert_eq!(server.request_buffers(65536, 0, u32::MAX), Ok(HResult::VD_E_MEMORY));
}

#[test]
fn buffers_live_until_freed_or_closed() {
    let stage = Stage::new(None).active(&pipes(1));
    let Stage { world, server, client, .. } = &stage;
    let buffer = result(server.allocate_buffer(65536, 0)).id;
    assert_eq!(server.free_buffer(None, None), Ok(HResult::VD_E_INVALID));
    good(stage.send_buffer(0, 1, Write, Some(buffer)));
    assert_eq!(server.free_buffer(Some(buffer), None), Ok(HResult::VD_E_INVALID));
    let command = stage.get(0).expect("the command");
    assert_eq!(server.free_buffer(Some(buffer), None), Ok(HResult::VD_E_INVALID));
    good(stage.complete(0, command, Win32::ERROR_SUCCESS));
    assert!(world.touch("server", buffer) && world.touch("primary", buffer));
    good(server.free_buffer(Some(buffer), None));
    assert_eq!(server.free_buffer(Some(buffer), None), Ok(HResult::VD_E_INVALID));
    assert!(!world.touch("server", buffer) && !world.touch("primary", buffer));
    assert_eq!(stage.send_buffer(0, 2, Write, Some(buffer)), Ok(HResult::VD_E_PROTOCOL));

    let buffer = result(server.allocate_buffer(65536, 0)).id;
    assert_eq!(server.close(), Ok(HResult::VD_E_PROTOCOL));
    assert!(!world.touch("server", buffer) && world.touch("primary", buffer));
    good(client.close());
    assert!(!world.touch("primary", buffer));
}
