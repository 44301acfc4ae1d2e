//! The lanes of the bounded world, by number.

use vdi_model::LaneId;

/// The server's lane for everything but the agent.
pub(super) const MAIN: LaneId = LaneId(0);
/// The server's lane for the agent.
pub(super) const AGENT: LaneId = LaneId(1);
/// The primary client's lane for the set.
pub(super) const PRIMARY: LaneId = LaneId(2);
/// The number of the first device's lane: each device has one on the client's side.
pub(super) const DEVICE: u16 = 3;
/// The number of the lane of the process before the first secondary.
pub(super) const SECONDARY: u16 = 80;

/// The lane on which a client uses a device.
pub(super) const fn device_lane(device: u8) -> LaneId {
    LaneId(DEVICE + device as u16)
}

/// The lane of a secondary client's process.
pub(super) const fn secondary_lane(number: u8) -> LaneId {
    LaneId(SECONDARY + number as u16)
}
