//! What the registry says of a class, and what is written there.

use windows_core::{GUID, HRESULT};
use windows_sys::Win32::Foundation::ERROR_FILE_NOT_FOUND;
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, REG_SZ, RRF_NOEXPAND, RRF_RT_ANY, RRF_RT_REG_SZ,
    RegDeleteKeyValueW, RegDeleteTreeW, RegGetValueW, RegSetKeyValueW,
};

/// Who finds what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody on this machine.
    Machine,
    /// This user.
    User,
}

/// A value as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    kind: u32,
    bytes: Vec<u8>,
}

impl Value {
    /// A text that has its zero.
    #[must_use]
    pub fn of(text: &[u16]) -> Self {
        Self { kind: REG_SZ, bytes: text.iter().flat_map(|unit| unit.to_le_bytes()).collect() }
    }

    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::of(&wide(text))
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The key of a class.
#[must_use]
pub fn class_key(class: GUID) -> String {
    format!("Software\\Classes\\CLSID\\{{{class:?}}}")
}

fn status(error: u32) -> HRESULT {
    HRESULT::from_win32(error)
}

impl Whose {
    const fn root(self) -> HKEY {
        match self {
            Self::Machine => HKEY_LOCAL_MACHINE,
            Self::User => HKEY_CURRENT_USER,
        }
    }

    /// A value as it is; `None` if it is not there, or cannot be read.
    #[must_use]
    pub fn value(self, key: &str, name: &str) -> Option<Value> {
        let (kind, bytes) = self.get(key, name, RRF_RT_ANY | RRF_NOEXPAND)?;
        Some(Value { kind, bytes })
    }

    /// A text, with its zero, and with what stands between percent signs put in.
    #[must_use]
    pub fn expanded(self, key: &str, name: &str) -> Option<Vec<u16>> {
        let (_, bytes) = self.get(key, name, RRF_RT_REG_SZ)?;
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        Some(units.take_while(|unit| *unit != 0).chain([0]).collect())
    }

    fn get(self, key: &str, name: &str, flags: u32) -> Option<(u32, Vec<u8>)> {
        let (key, name) = (wide(key), wide(name));
        let (mut kind, mut bytes) = (0, vec![0_u8; 65_536]);
        let mut size = u32::try_from(bytes.len()).ok()?;
        // SAFETY: texts that end with a zero, places that live, and so many bytes of room.
        let error = unsafe {
            RegGetValueW(
                self.root(),
                key.as_ptr(),
                name.as_ptr(),
                flags,
                &raw mut kind,
                bytes.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        bytes.truncate(size as usize);
        (error == 0).then_some((kind, bytes))
    }

    /// Writes a value, and the keys that lead there.
    pub fn set(self, key: &str, name: &str, value: &Value) -> HRESULT {
        let (key, name) = (wide(key), wide(name));
        let size = u32::try_from(value.bytes.len()).unwrap_or(u32::MAX);
        // SAFETY: texts that end with a zero, and so many bytes of a value.
        status(unsafe {
            RegSetKeyValueW(
                self.root(),
                key.as_ptr(),
                name.as_ptr(),
                value.kind,
                value.bytes.as_ptr().cast(),
                size,
            )
        })
    }

    /// Takes a value away; that it is not there is no error.
    pub fn remove(self, key: &str, name: &str) -> HRESULT {
        let (key, name) = (wide(key), wide(name));
        // SAFETY: texts that end with a zero.
        gone(unsafe { RegDeleteKeyValueW(self.root(), key.as_ptr(), name.as_ptr()) })
    }

    /// Takes a key away with all that is in it; that it is not there is no error.
    pub fn remove_key(self, key: &str) -> HRESULT {
        let key = wide(key);
        // SAFETY: a text that ends with a zero.
        gone(unsafe { RegDeleteTreeW(self.root(), key.as_ptr()) })
    }
}

fn gone(error: u32) -> HRESULT {
    if error == ERROR_FILE_NOT_FOUND { HRESULT(0) } else { status(error) }
}
