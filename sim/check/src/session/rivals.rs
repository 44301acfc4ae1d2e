//! Which devices others open by other names while a call opens one.

use vdi_model::Call;

/// The devices that other calls open by other names while an OpenDevice is in progress; by
/// their bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rivals {
    pub(super) server: u64,
    pub(super) client: u64,
    /// Whether a client opens by the same name meanwhile.
    pub(super) shared: bool,
}

impl Rivals {
    pub(crate) const NONE: Self = Self { server: 0, client: 0, shared: false };

    /// Whether one of them opens this device.
    pub(crate) const fn open(self, device: u8) -> bool {
        (self.server | self.client) & (1 << device) != 0
    }

    pub(super) fn add(&mut self, call: &Call, device: u8) {
        let side = match call {
            Call::Server(_) => &mut self.server,
            Call::Client(_) | Call::Secondary(..) => &mut self.client,
        };
        *side |= 1 << device;
    }
}
