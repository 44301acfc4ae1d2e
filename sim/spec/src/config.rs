//! VDConfig, what client and server agree on, and the rules it must keep.

mod fields;
#[cfg(feature = "serde")]
mod whole;

pub use fields::{CONFIG_FIELDS, FieldInfo};

use crate::codes::{Features, Source, UnknownName, closest};

/// Who may break a configuration rule: whose fields it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setter {
    /// The client, in Create or CreateEx.
    Client,
    /// The server, in BeginConfiguration.
    Server,
    /// The interface, in what GetConfiguration gives the client.
    Interface,
}

/// The structure VDConfig: eleven unsigned 32-bit fields.
///
/// The first seven are the client's, the others the server's. In files a
/// missing field is 0.
///
/// ```
/// use vdi_spec::config::VdConfig;
///
/// let config: VdConfig = serde_json::from_str(r#"{"deviceCount": 65}"#)?;
/// let broken = config.check_client().expect_err("more than 64 devices");
/// assert_eq!(broken.id, "device-count");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "camelCase", deny_unknown_fields, default, remote = "Self")
)]
pub struct VdConfig {
    /// How many devices, 1 to 64.
    pub device_count: u32,
    /// Feature bits.
    pub features: Features,
    /// Bytes just before the aligned data zone of every buffer, hidden from the server.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub prefix_zone_size: u32,
    /// The least alignment, in bytes, the client needs; 0 is none.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub alignment: u32,
    /// Block size of soft filemarks in bytes, only with FileMarks; 0 is hard filemarks.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub soft_file_mark_block_size: u32,
    /// Bytes of the warning zone before the end of the medium; 0 is ignored.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "EOMWarningSize", skip_serializing_if = "is_zero")
    )]
    pub eom_warning_size: u32,
    /// Milliseconds that no completion may take; 0 is for ever.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub server_time_out: u32,
    /// Bytes of a block, a power of 2 from 512 to 64 KiB.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub block_size: u32,
    /// Deprecated, always 4.
    #[cfg_attr(feature = "serde", serde(rename = "maxIODepth", skip_serializing_if = "is_zero"))]
    pub max_io_depth: u32,
    /// The largest transfer in bytes, a multiple of 64 KiB.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub max_transfer_size: u32,
    /// Deprecated, always maxTransferSize x 4 x deviceCount.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub buffer_area_size: u32,
}

#[cfg(feature = "serde")]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What the server sets in BeginConfiguration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServerConfig {
    /// The feature bits the server grants.
    pub features: Features,
    /// Bytes; 0 means `block_size`.
    pub alignment: u32,
    /// Bytes.
    pub block_size: u32,
    /// Bytes.
    pub max_transfer_size: u32,
}

/// One rule of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct ConfigRule {
    /// A short name.
    pub id: &'static str,
    /// Whose fields it speaks of.
    pub setter: Setter,
    /// What it demands, in our words.
    pub demand: &'static str,
    /// Where it is published.
    pub source: Source,
    holds: fn(&VdConfig) -> bool,
}

const KIB_64: u32 = 64 * 1024;

/// Bytes of the largest transfer that the BACKUP statement can ask for.
pub const LARGEST_TRANSFER: u32 = 4 * 1024 * 1024;

const VDCONFIG: Source = Source::specification("VDConfig Structure");
const BEGIN: Source = Source::reference("BeginConfiguration");

/// Every rule of VDConfig that the documents give.
pub static CONFIG_RULES: &[ConfigRule] = &[
    ConfigRule {
        id: "device-count",
        setter: Setter::Client,
        demand: "deviceCount is 1 to 64",
        source: VDCONFIG,
        holds: |c| (1..=64).contains(&c.device_count),
    },
    ConfigRule {
        id: "client-alignment",
        setter: Setter::Client,
        demand: "alignment is 0 or a power of 2 up to 64 KiB",
        // Of the client's field it is only said that it is the least alignment needed; what
        // the server's cannot be the client cannot need.
        source: Source::reference("BeginConfiguration, limits of the server's alignment"),
        holds: |c| c.alignment == 0 || (c.alignment.is_power_of_two() && c.alignment <= KIB_64),
    },
    ConfigRule {
        id: "soft-filemarks",
        setter: Setter::Client,
        demand: "softFileMarkBlockSize is used with FileMarks only",
        source: VDCONFIG,
        holds: |c| c.soft_file_mark_block_size == 0 || c.features.contains(Features::FILE_MARKS),
    },
    ConfigRule {
        id: "feature-combination",
        setter: Setter::Client,
        demand: "features are those of a pipe, a tape or a disk, with the optional bits",
        source: Source::specification("Feature Bits"),
        holds: |c| supported_combination(c.features),
    },
    ConfigRule {
        id: "block-size",
        setter: Setter::Server,
        demand: "blockSize is a power of 2 from 512 bytes to 64 KiB",
        source: BEGIN,
        holds: |c| c.block_size.is_power_of_two() && (512..=KIB_64).contains(&c.block_size),
    },
    ConfigRule {
        id: "server-alignment",
        setter: Setter::Server,
        demand: "alignment is 0, or a power of 2, at least blockSize and at most 64 KiB",
        source: BEGIN,
        holds: |c| {
            c.alignment == 0
                || (c.alignment.is_power_of_two() && (c.block_size..=KIB_64).contains(&c.alignment))
        },
    },
    ConfigRule {
        id: "max-transfer-size",
        setter: Setter::Server,
        demand: "maxTransferSize is a multiple of 64 KiB, and not 0",
        source: BEGIN,
        holds: |c| c.max_transfer_size != 0 && c.max_transfer_size.is_multiple_of(KIB_64),
    },
    ConfigRule {
        id: "max-io-depth",
        setter: Setter::Interface,
        demand: "maxIODepth, which is deprecated, is 4",
        source: VDCONFIG,
        holds: |c| c.max_io_depth == 4,
    },
    ConfigRule {
        id: "buffer-area-size",
        setter: Setter::Interface,
        demand: "bufferAreaSize, which is deprecated, is maxTransferSize x 4 x deviceCount",
        source: VDCONFIG,
        holds: |c| {
            let area = c.max_transfer_size.saturating_mul(4).saturating_mul(c.device_count);
            c.buffer_area_size == area
        },
    },
];

impl std::fmt::Display for ConfigRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.id, self.demand)
    }
}

impl ConfigRule {
    /// The rule of that name.
    ///
    /// # Errors
    /// No rule has that name.
    pub fn named(id: &str) -> Result<&'static Self, UnknownName> {
        CONFIG_RULES.iter().find(|rule| rule.id == id).ok_or_else(|| UnknownName {
            kind: "configuration rule",
            text: id.to_owned(),
            expected: "the name of a rule such as device-count",
            near: closest(id, CONFIG_RULES.iter().map(|rule| rule.id)),
        })
    }
}

/// Bits that may be added to any kind of medium.
const OPTIONAL: Features = Features(
    Features::DISCARD.0
        | Features::SNAPSHOT_PREPARE.0
        | Features::ENUM_FROZEN_FILES.0
        | Features::VSS_WRITER.0
        | Features::REQUEST_COMPLETE.0
        | Features::LATCH_STATS.0,
);

/// Whether a client's features are a combination the documents support: like a
/// pipe or a disk (either with Removable), or like a tape, with optional bits.
#[must_use]
pub fn supported_combination(features: Features) -> bool {
    let kind = features.without(OPTIONAL);
    kind == Features::LIKE_TAPE
        || [Features::LIKE_PIPE, Features::LIKE_DISK].contains(&kind.without(Features::REMOVABLE))
}

impl VdConfig {
    /// The first rule for the client's fields that is broken, if any.
    ///
    /// # Errors
    /// The broken rule.
    pub fn check_client(&self) -> Result<(), &'static ConfigRule> {
        self.check(Setter::Client)
    }

    /// The first rule for the interface's fields that is broken, if any.
    ///
    /// # Errors
    /// The broken rule.
    pub fn check_granted(&self) -> Result<(), &'static ConfigRule> {
        self.check(Setter::Interface)
    }

    fn check(&self, setter: Setter) -> Result<(), &'static ConfigRule> {
        match CONFIG_RULES.iter().find(|rule| rule.setter == setter && !(rule.holds)(self)) {
            Some(rule) => Err(rule),
            None => Ok(()),
        }
    }

    /// The fields a client sets, the others 0.
    #[must_use]
    pub const fn client_part(&self) -> Self {
        Self { block_size: 0, max_io_depth: 0, max_transfer_size: 0, buffer_area_size: 0, ..*self }
    }

    /// This configuration once the server has set its fields, the deprecated
    /// ones to the values the documents fix.
    ///
    /// ```
    /// use vdi_spec::config::{ServerConfig, VdConfig};
    ///
    /// let asked = VdConfig { device_count: 2, ..VdConfig::default() };
    /// let set = ServerConfig { block_size: 512, max_transfer_size: 65536, ..Default::default() };
    /// assert_eq!(asked.with_server(&set).buffer_area_size, 65536 * 4 * 2);
    /// ```
    #[must_use]
    pub fn with_server(&self, server: &ServerConfig) -> Self {
        let least = if server.alignment == 0 { server.block_size } else { server.alignment };
        Self {
            features: self.features | server.features,
            alignment: self.alignment.max(least),
            block_size: server.block_size,
            max_io_depth: 4,
            max_transfer_size: server.max_transfer_size,
            buffer_area_size: server
                .max_transfer_size
                .saturating_mul(4)
                .saturating_mul(self.device_count),
            ..*self
        }
    }
}

impl ServerConfig {
    /// The first rule for the server's fields that is broken, if any.
    ///
    /// # Errors
    /// The broken rule.
    pub fn check(&self) -> Result<(), &'static ConfigRule> {
        let fields = VdConfig {
            alignment: self.alignment,
            block_size: self.block_size,
            max_transfer_size: self.max_transfer_size,
            ..VdConfig::default()
        };
        fields.check(Setter::Server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_can_be_broken_alone() {
        let good = VdConfig { device_count: 1, ..VdConfig::default() };
        good.check_client().expect("the least configuration is sound");
        let id = |config: VdConfig| config.check_client().expect_err("broken").id;
        assert_eq!(id(VdConfig { device_count: 0, ..good }), "device-count");
        assert_eq!(id(VdConfig { alignment: 3, ..good }), "client-alignment");
        assert_eq!(id(VdConfig { soft_file_mark_block_size: 512, ..good }), "soft-filemarks");
        assert_eq!(id(VdConfig { features: Features::REWIND, ..good }), "feature-combination");

        let good =
            ServerConfig { block_size: 512, max_transfer_size: KIB_64, ..Default::default() };
        good.check().expect("the least server configuration is sound");
        let id = |config: ServerConfig| config.check().expect_err("broken").id;
        assert_eq!(id(ServerConfig { block_size: 1000, ..good }), "block-size");
        assert_eq!(id(ServerConfig { alignment: 256, ..good }), "server-alignment");
        assert_eq!(id(ServerConfig { max_transfer_size: 1000, ..good }), "max-transfer-size");
        assert_eq!(id(ServerConfig { max_transfer_size: 0, ..good }), "max-transfer-size");

        let granted = VdConfig { device_count: 3, ..VdConfig::default() }.with_server(&good);
        granted.check_granted().expect("what is granted is sound");
        let id = |config: VdConfig| config.check_granted().expect_err("broken").id;
        assert_eq!(id(VdConfig { max_io_depth: 5, ..granted }), "max-io-depth");
        assert_eq!(id(VdConfig { buffer_area_size: 1, ..granted }), "buffer-area-size");
        assert!(ConfigRule::named("device-cout").is_err_and(|e| e.near.is_some()));
    }

    #[test]
    fn the_documented_kinds_of_media_are_supported() {
        for features in [
            Features::LIKE_PIPE,
            Features::LIKE_PIPE | Features::REMOVABLE,
            Features::LIKE_TAPE,
            Features::LIKE_DISK | Features::REMOVABLE | Features::DISCARD,
        ] {
            assert!(supported_combination(features), "{features}");
        }
    }
}
