//! Who logs in, and how.
//!
//! Source: [MS-TDS] 2.2.6.4, LOGIN7.

use std::fmt;

use super::bytes::{Malformed, Rest, text};

/// The version of TDS that is spoken, as it stands in a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32);

impl Version {
    const V7_1: Self = Self(0x7100_0001);
    const V7_2: Self = Self(0x7209_0002);
    pub(crate) const V7_4: Self = Self(0x7400_0004);

    /// Whether numbers are long and statements have headers.
    pub(crate) fn is_of_2005(self) -> bool {
        self >= Self::V7_2
    }
}

/// Integrated security, among the options of a login.
const INTEGRATED: u8 = 0x80;

/// Bytes up to the texts.
const FIXED: usize = 36;

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: String,
    /// The password: never printed.
    pub password: String,
    /// What the program calls itself.
    pub program: String,
    /// The machine it says it runs on.
    pub host: String,
    /// The database it is for.
    pub database: String,
    /// Whether it is the system's user that logs in.
    pub is_integrated: bool,
    pub(crate) version: Version,
    pub(crate) packet: usize,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Login");
        shown.field("user", &self.user).field("program", &self.program);
        shown.field("database", &self.database).finish_non_exhaustive()
    }
}

impl Login {
    /// Reads a login.
    pub(crate) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Rest(message);
        rest.u32()?;
        let asked = rest.u32()?;
        let packet = rest.u32()?;
        // Version, process, connection; two bytes of options, of which the second has it.
        rest.take(13)?;
        let options = rest.u8()?;
        let named = |index: usize| {
            let mut place = Rest(message.get(FIXED + 4 * index..).unwrap_or_default());
            let (start, length) = (usize::from(place.u16()?), usize::from(place.u16()?));
            let end = start + 2 * length;
            message.get(start..end).ok_or(Malformed("a text lies outside of its login"))
        };
        let version = if asked < Version::V7_2.0 { Version::V7_1 } else { Version(asked) };
        if asked < 0x7000_0000 {
            return Err(Malformed("a version of TDS before 7.0"));
        }
        Ok(Self {
            host: text(named(0)?),
            user: text(named(1)?),
            password: text(&clear(named(2)?)),
            program: text(named(3)?),
            database: text(named(8)?),
            is_integrated: options & INTEGRATED != 0,
            version: version.min(Version::V7_4),
            packet: packet as usize,
        })
    }
}

/// A password as it was before it was made unreadable, which is no encryption.
fn clear(hidden: &[u8]) -> Vec<u8> {
    hidden.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A login as clients write it.
    pub(crate) fn login(
        version: u32,
        packet: u32,
        options: u8,
        texts: &[(usize, &str)],
    ) -> Vec<u8> {
        let mut message = vec![0; 94];
        message[4..8].copy_from_slice(&version.to_le_bytes());
        message[8..12].copy_from_slice(&packet.to_le_bytes());
        message[25] = options;
        for (index, text) in texts {
            let mut bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            if *index == 2 {
                bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(4) ^ 0xA5);
            }
            let (start, place) = (message.len() as u16, FIXED + 4 * index);
            message[place..place + 2].copy_from_slice(&start.to_le_bytes());
            message[place + 2..place + 4].copy_from_slice(&(bytes.len() as u16 / 2).to_le_bytes());
            message.extend(bytes);
        }
        let length = message.len() as u32;
        message[..4].copy_from_slice(&length.to_le_bytes());
        message
    }

    #[test]
    fn a_login_is_read_and_its_password_is_not_shown() {
        let texts = [(0, "host"), (1, "sa"), (2, "s3cret é"), (3, "prog"), (8, "db")];
        let read = Login::read(&login(0x7400_0004, 0, 0, &texts)).expect("a login");
        assert_eq!((read.user.as_str(), read.password.as_str()), ("sa", "s3cret é"));
        assert_eq!((read.host.as_str(), read.program.as_str()), ("host", "prog"));
        assert_eq!((read.database.as_str(), read.packet), ("db", 0));
        assert!(!read.is_integrated && read.version.is_of_2005());
        assert!(!format!("{read:?}").contains("s3cret"), "{read:?}");
    }

    #[test]
    fn the_version_is_the_lesser_of_both() {
        for (asked, version) in [
            (0x7000_0000, Version::V7_1),
            (0x7100_0001, Version::V7_1),
            (0x7209_0002, Version::V7_2),
            (0x730B_0003, Version(0x730B_0003)),
            (0x7400_0004, Version::V7_4),
            (0x7500_0000, Version::V7_4),
        ] {
            let read = Login::read(&login(asked, 4096, 0, &[])).expect("a login");
            assert_eq!(read.version, version, "{asked:x}");
        }
        assert!(Login::read(&login(0x0502_0000, 512, 0, &[])).is_err());
    }

    #[test]
    fn the_systems_user_is_seen_and_what_lies_outside_is_told() {
        assert!(Login::read(&login(0x7400_0004, 0, 0x80, &[])).is_ok_and(|it| it.is_integrated));
        let mut outside = login(0x7400_0004, 0, 0, &[(1, "sa")]);
        outside.truncate(95);
        assert!(Login::read(&outside).is_err());
        assert!(Login::read(&[0; 30]).is_err());
    }
}
