//! The binary interface of the client library on Linux: its symbols and structures.
//!
//! Two C++ classes, each of one pointer and without virtual functions; results are plain
//! `int`, with the numbers of the HRESULTs; a time-out is a `time_t`.
//!
//! Sources: SQL Server on Linux VDI client SDK Specification; the published headers
//! `vdi.h` and `vdierror.h` (Linux edition).

use crate::codes::Features;
use crate::config::VdConfig;

/// `VDConfig` as a C++ client has it: eleven unsigned 32-bit fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields of crate::config::VdConfig, in their order")]
pub struct RawConfig {
    pub device_count: u32,
    pub features: u32,
    pub prefix_zone_size: u32,
    pub alignment: u32,
    pub soft_file_mark_block_size: u32,
    pub eom_warning_size: u32,
    pub server_time_out: u32,
    pub block_size: u32,
    pub max_io_depth: u32,
    pub max_transfer_size: u32,
    pub buffer_area_size: u32,
}

/// `VDC_Command` as a C++ client gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RawCommand {
    /// The command code.
    pub code: i32,
    /// Bytes, or a signed count.
    pub size: i32,
    /// Where, if the medium is addressed by position.
    pub position: i64,
    /// The address of the first byte of the data zone, 0 for none. For the client: here
    /// nothing follows it.
    pub buffer: usize,
}

// The published sizes and places, held when this is compiled.
const _: () = {
    use std::mem::{align_of, offset_of, size_of};
    assert!(size_of::<RawConfig>() == 44 && align_of::<RawConfig>() == 4);
    assert!(offset_of!(RawConfig, features) == 4);
    assert!(offset_of!(RawConfig, server_time_out) == 24);
    assert!(offset_of!(RawConfig, buffer_area_size) == 40);
    assert!(size_of::<RawCommand>() == 24 && align_of::<RawCommand>() == 8);
    assert!(offset_of!(RawCommand, size) == 4 && offset_of!(RawCommand, position) == 8);
    assert!(offset_of!(RawCommand, buffer) == 16);
    assert!(size_of::<usize>() == 8, "the published library is for 64 bits");
};

impl From<RawConfig> for VdConfig {
    fn from(raw: RawConfig) -> Self {
        Self {
            device_count: raw.device_count,
            features: Features(raw.features),
            prefix_zone_size: raw.prefix_zone_size,
            alignment: raw.alignment,
            soft_file_mark_block_size: raw.soft_file_mark_block_size,
            eom_warning_size: raw.eom_warning_size,
            server_time_out: raw.server_time_out,
            block_size: raw.block_size,
            max_io_depth: raw.max_io_depth,
            max_transfer_size: raw.max_transfer_size,
            buffer_area_size: raw.buffer_area_size,
        }
    }
}

impl From<VdConfig> for RawConfig {
    fn from(config: VdConfig) -> Self {
        Self {
            device_count: config.device_count,
            features: config.features.0,
            prefix_zone_size: config.prefix_zone_size,
            alignment: config.alignment,
            soft_file_mark_block_size: config.soft_file_mark_block_size,
            eom_warning_size: config.eom_warning_size,
            server_time_out: config.server_time_out,
            block_size: config.block_size,
            max_io_depth: config.max_io_depth,
            max_transfer_size: config.max_transfer_size,
            buffer_area_size: config.buffer_area_size,
        }
    }
}

/// A time-out as C++ gives it, in milliseconds: it counts `seconds`, or else milliseconds
/// already. `None` is for ever: what is negative, and what no clock of 32 bits reaches, some
/// seven weeks.
///
/// Source: SQL Server on Linux VDI client SDK Specification, GetConfiguration and
/// GetCommand; that the published sample means seconds is a reading of its own.
#[must_use]
pub fn milliseconds(time: i64, seconds: bool) -> Option<u32> {
    u32::try_from(if seconds { time.saturating_mul(1000) } else { time }).ok()
}

macro_rules! symbols {
    ($( $name:ident = $symbol:literal; )+) => {
        /// The symbols that the library exports, by what they are.
        pub mod symbol {
            $( #[doc = concat!("`", $symbol, "`")] pub const $name: &str = $symbol; )+
        }

        /// Every exported symbol.
        pub const SYMBOLS: &[&str] = &[$( $symbol, )+];
    };
}

symbols! {
    SET_NEW = "_ZN22ClientVirtualDeviceSetC1Ev";
    SET_NEW_BASE = "_ZN22ClientVirtualDeviceSetC2Ev";
    SET_DELETE = "_ZN22ClientVirtualDeviceSetD1Ev";
    SET_DELETE_BASE = "_ZN22ClientVirtualDeviceSetD2Ev";
    CREATE = "_ZN22ClientVirtualDeviceSet6CreateEPcP8VDConfig";
    GET_CONFIGURATION = "_ZN22ClientVirtualDeviceSet16GetConfigurationElP8VDConfig";
    OPEN_DEVICE = "_ZN22ClientVirtualDeviceSet10OpenDeviceEPcPP19ClientVirtualDevice";
    CLOSE = "_ZN22ClientVirtualDeviceSet5CloseEv";
    SIGNAL_ABORT = "_ZN22ClientVirtualDeviceSet11SignalAbortEv";
    OPEN_IN_SECONDARY = "_ZN22ClientVirtualDeviceSet15OpenInSecondaryEPc";
    GET_BUFFER_HANDLE = "_ZN22ClientVirtualDeviceSet15GetBufferHandleEPhPj";
    MAP_BUFFER_HANDLE = "_ZN22ClientVirtualDeviceSet15MapBufferHandleEiPPh";
    REGISTER_DEVICE_CLOSED = "_ZN22ClientVirtualDeviceSet20RegisterDeviceClosedEv";
    DEVICE_NEW = "_ZN19ClientVirtualDeviceC1Ev";
    DEVICE_NEW_BASE = "_ZN19ClientVirtualDeviceC2Ev";
    DEVICE_DELETE = "_ZN19ClientVirtualDeviceD1Ev";
    DEVICE_DELETE_BASE = "_ZN19ClientVirtualDeviceD2Ev";
    GET_COMMAND = "_ZN19ClientVirtualDevice10GetCommandElPP11VDC_Command";
    COMPLETE_COMMAND = "_ZN19ClientVirtualDevice15CompleteCommandEP11VDC_Commandiml";
}
