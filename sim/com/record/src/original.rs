//! The original: by the path that `VDI_ORIGINAL` names, or else the one that is registered.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::OnceLock;

use vdi_com::registry::{Whose, class_key};
use vdi_com::{CLIENT_CLASS, module};
use vdi_recorder::settings::ORIGINAL;
use windows_core::{GUID, HRESULT};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryW};

/// The value, beside the path of a library, in which that of the original is kept.
pub(crate) const KEPT: &str = "VdiOriginal";

type GetClassObject =
    unsafe extern "system" fn(*const GUID, *const GUID, *mut *mut c_void) -> HRESULT;
type CanUnloadNow = unsafe extern "system" fn() -> HRESULT;

/// The functions of the original, which stays loaded.
pub(crate) struct Original {
    get_class_object: GetClassObject,
    can_unload_now: Option<CanUnloadNow>,
}

/// The key at which COM finds a library for clients.
pub(crate) fn server_key() -> String {
    format!("{}\\InprocServer32", class_key(CLIENT_CLASS))
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// Whether two paths, with their zeros, are alike for the system, as far as letters go.
pub(crate) fn is_same(one: &[u16], other: &[u16]) -> bool {
    let lower = |path: &[u16]| String::from_utf16_lossy(path).to_lowercase();
    lower(one) == lower(other)
}

/// Where the original lies, as whoever has put this library before it has said.
fn path() -> Option<Vec<u16>> {
    let own = module::path()?;
    let key = server_key();
    let registered = |name: &'static str| {
        let key = &key;
        [Whose::User, Whose::Machine].into_iter().filter_map(move |whose| whose.expanded(key, name))
    };
    let named = ORIGINAL.get().map(|path| wide(&path));
    let kept = registered(KEPT).chain(registered(""));
    named.or_else(|| kept.into_iter().find(|path| !is_same(path, &own)))
}

impl Original {
    fn load() -> Result<Self, String> {
        let path = path().ok_or("no original: VDI_ORIGINAL names none, and none is registered")?;
        let text = String::from_utf16_lossy(&path[..path.len().saturating_sub(1)]);
        let failed = |what: &str| format!("{text}: {what}: {}", std::io::Error::last_os_error());
        // SAFETY: a text that ends with a zero; what the library does when it is loaded is what
        // the program has asked for.
        let library = unsafe { LoadLibraryW(path.as_ptr()) };
        if library.is_null() {
            return Err(failed("it cannot be loaded"));
        }
        if library == module::handle() {
            return Err(format!(
                "{text} is this recorder itself: VDI_ORIGINAL is to name the original"
            ));
        }
        let function = |name: &CStr| {
            // SAFETY: a library that is loaded, and a text that ends with a zero.
            let found = unsafe { GetProcAddress(library, name.as_ptr().cast()) };
            found.map(|function| function as *const c_void)
        };
        let get = function(c"DllGetClassObject").ok_or_else(|| failed("no DllGetClassObject"))?;
        let can = function(c"DllCanUnloadNow");
        // SAFETY: COM's functions of these names, in a library that stays.
        Ok(unsafe {
            Self {
                get_class_object: std::mem::transmute::<*const c_void, GetClassObject>(get),
                can_unload_now: can
                    .map(|can| std::mem::transmute::<*const c_void, CanUnloadNow>(can)),
            }
        })
    }

    /// The original, loaded with the first call. `None`, which is said once, if it cannot be.
    #[expect(clippy::print_stderr, reason = "without the original nothing works: it must be said")]
    pub(crate) fn get() -> Option<&'static Self> {
        static LOADED: OnceLock<Option<Original>> = OnceLock::new();
        let load = || {
            module::pin();
            Self::load().inspect_err(|why| eprintln!("sqlvdi-record: {why}")).ok()
        };
        LOADED.get_or_init(load).as_ref()
    }

    /// DllGetClassObject.
    pub(crate) fn class(&self, class: *const GUID, iid: *const GUID) -> (HRESULT, *mut c_void) {
        let mut object = ptr::null_mut();
        // SAFETY: COM's function of that name, given what was given to this library's.
        let status = unsafe { (self.get_class_object)(class, iid, &raw mut object) };
        (status, object)
    }

    /// DllCanUnloadNow.
    pub(crate) fn can_unload(&self) -> HRESULT {
        // SAFETY: COM's function of that name.
        self.can_unload_now.map_or(HRESULT(1), |can| unsafe { can() })
    }
}
