//! Virtual time: nothing expires by itself.

use vdi_spec::codes::CommandCode::{Flush, Load};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

use super::stage::{POLL, Stage, good, pipes, refused, result};
use vdi_reference::{Options, Timeout};

const SOON: Timeout = Timeout::Milliseconds(1);

fn stage() -> Stage {
    Stage::with(Options { virtual_time: true, ..Options::default() })
}

fn timed() -> Stage {
    stage().active(&VdConfig { server_time_out: 1, ..pipes(1) })
}

#[test]
fn a_time_out_passes_when_told_to() {
    let stage = stage().active(&pipes(1));
    assert_eq!(stage.get(0), Err(HResult::VD_E_TIMEOUT));
    stage.read(&stage.client_devices[0], SOON);
    assert_eq!((stage.blocked(), stage.world.inside("primary")), (2, 1));
    stage.expire("agent", None);
    assert_eq!(stage.blocked(), 2);
    stage.expire("reader", None);
    assert_eq!(stage.seen(), ["reader VD_E_TIMEOUT"]);
    assert_eq!(stage.world.inside("primary"), 0);
    stage.expire("reader", None);
    stage.read(&stage.client_devices[0], SOON);
    good(stage.send(0, 1, Flush));
    assert_eq!(stage.seen(), ["reader NOERROR"]);
    stage.read(&stage.client_devices[0], Timeout::Infinite);
    stage.expire("reader", None);
    assert_eq!(stage.blocked(), 2);
}

#[test]
fn it_passes_bit_by_bit() {
    let stage = stage().active(&pipes(1));
    stage.read(&stage.client_devices[0], Timeout::Milliseconds(90));
    stage.expire("reader", Some(60));
    assert_eq!(stage.blocked(), 2);
    stage.expire("reader", Some(60));
    assert_eq!(stage.seen(), ["reader VD_E_TIMEOUT"]);
}

#[test]
fn get_configuration_waits_in_virtual_time_too() {
    let stage = stage();
    stage.connect(&pipes(1));
    assert_eq!(refused(stage.client.get_configuration(POLL)), HResult::VD_E_TIMEOUT);
    let client = stage.client.clone();
    stage.lane("opener", move || client.get_configuration(SOON).map(|(status, _)| status));
    assert_eq!(stage.blocked(), 1);
    stage.expire("opener", None);
    assert_eq!(stage.seen(), ["opener VD_E_TIMEOUT"]);
}

#[test]
fn two_intervals_without_a_completion_abort() {
    let stage = timed();
    stage.expire("agent", None);
    stage.expire("agent", None);
    good(stage.send(0, 1, Flush));
    good(stage.send(0, 2, Flush));
    let first = stage.get(0).expect("a command");
    stage.expire("agent", None);
    good(stage.complete(0, first, Win32::ERROR_SUCCESS));
    stage.expire("agent", None);
    assert_eq!(stage.seen(), ["c1 ERROR_SUCCESS 512 by the agent"]);
    stage.expire("agent", None);
    assert_eq!(stage.seen(), ["c2 ERROR_OPERATION_ABORTED 0 by the agent", "agent NOERROR"]);
    assert_eq!(stage.get(0), Err(HResult::VD_E_ABORT));
}

#[test]
fn the_first_pending_command_starts_the_count() {
    let stage = timed();
    good(stage.send(0, 1, Flush));
    stage.expire("agent", None);
    let first = stage.get(0).expect("a command");
    good(stage.complete(0, first, Win32::ERROR_SUCCESS));
    good(stage.send(0, 2, Flush));
    stage.expire("agent", None);
    assert_eq!(stage.blocked(), 1);
    stage.expire("agent", None);
    assert_eq!(stage.blocked(), 0);
}

#[test]
fn a_load_counts_and_zero_is_never() {
    let stage = timed();
    good(stage.send(0, 1, Load));
    stage.get(0).expect("the Load");
    stage.expire("agent", None);
    assert_eq!(stage.blocked(), 1);
    stage.expire("agent", None);
    assert_eq!(stage.blocked(), 0);
    drop(stage);
    let stage = stage_without_limit();
    (0..3).for_each(|_| stage.expire("agent", None));
    assert_eq!(stage.blocked(), 1);
    result(stage.client.get_configuration(POLL));
}

fn stage_without_limit() -> Stage {
    let stage = stage().active(&pipes(1));
    good(stage.send(0, 1, Flush));
    stage
}

#[test]
fn a_time_out_that_is_long_is_not_over_early_by_the_real_clock() {
    let stage = Stage::new(None).active(&VdConfig { server_time_out: 60_000, ..pipes(1) });
    good(stage.send(0, 1, Flush));
    stage.expire("agent", None);
    stage.expire("agent", None);
    assert_eq!(stage.blocked(), 1);
}
