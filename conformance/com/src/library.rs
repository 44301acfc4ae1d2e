//! A library: loaded by its path, or found by its classes.

use std::ffi::{CStr, c_void};
use std::io;
use std::ptr;

use vdi_com::{CLIENT_CLASS, IClassFactory, SERVER_CLASS};
use windows_core::{GUID, HRESULT, Interface};
use windows_sys::Win32::Foundation::{FreeLibrary, HMODULE};
use windows_sys::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx,
};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryW};

/// A library whose objects are made here.
pub(crate) struct Library {
    /// None: as it is registered.
    module: Option<Module>,
}

/// A library that was loaded by its path.
pub(crate) struct Module(HMODULE, String);

// SAFETY: a library belongs to the process.
unsafe impl Send for Module {}
// SAFETY: the same.
unsafe impl Sync for Module {}

type GetClassObject =
    unsafe extern "system" fn(*const GUID, *const GUID, *mut *mut c_void) -> HRESULT;
type CanUnloadNow = unsafe extern "system" fn() -> HRESULT;

impl Module {
    pub(crate) fn load(path: &str) -> io::Result<Self> {
        let wide: Vec<u16> = path.encode_utf16().chain([0]).collect();
        // SAFETY: a text that ends with a zero; what the library does when it is loaded is
        // what its user has asked for.
        let module = unsafe { LoadLibraryW(wide.as_ptr()) };
        if module.is_null() {
            let error = io::Error::last_os_error();
            return Err(io::Error::new(error.kind(), format!("{path}: {error}")));
        }
        Ok(Self(module, path.to_owned()))
    }

    pub(crate) fn path(&self) -> &str {
        &self.1
    }

    fn function(&self, name: &CStr) -> io::Result<*const c_void> {
        // SAFETY: a library that is loaded, and a text that ends with a zero.
        let found = unsafe { GetProcAddress(self.0, name.as_ptr().cast()) };
        found.map(|function| function as *const c_void).ok_or_else(|| {
            io::Error::other(format!("the library has no {}", name.to_string_lossy()))
        })
    }

    /// DllGetClassObject, for a factory.
    pub(crate) fn class(&self, class: GUID, iid: GUID) -> io::Result<(HRESULT, *mut c_void)> {
        let function = self.function(c"DllGetClassObject")?;
        let mut object = ptr::without_provenance_mut(1);
        // SAFETY: COM's function of that name, and places that live during the call.
        let status = unsafe {
            let function = std::mem::transmute::<*const c_void, GetClassObject>(function);
            function(&raw const class, &raw const iid, &raw mut object)
        };
        Ok((status, object))
    }

    pub(crate) fn factory(&self, class: GUID) -> io::Result<IClassFactory> {
        let (status, object) = self.class(class, IClassFactory::IID)?;
        made(status, object, "DllGetClassObject")
    }

    /// DllCanUnloadNow.
    pub(crate) fn can_unload(&self) -> io::Result<bool> {
        let function = self.function(c"DllCanUnloadNow")?;
        // SAFETY: COM's function of that name.
        let status = unsafe { std::mem::transmute::<*const c_void, CanUnloadNow>(function)() };
        Ok(status == HRESULT(0))
    }

    /// FreeLibrary, whatever is inside.
    pub(crate) fn free(&self) {
        // SAFETY: none but the library's own care, which is what is tried.
        unsafe { FreeLibrary(self.0) };
    }
}

/// An object that a function has made.
pub(crate) fn made<T: Interface>(status: HRESULT, object: *mut c_void, by: &str) -> io::Result<T> {
    if status.is_err() || object.is_null() {
        return Err(io::Error::other(format!("{by}: {status:?}, {object:p}")));
    }
    // SAFETY: an object of that interface, with a reference that is ours.
    Ok(unsafe { T::from_raw(object) })
}

/// CreateInstance.
pub(crate) fn instance<T: Interface>(factory: &IClassFactory) -> io::Result<T> {
    let (mut object, iid) = (ptr::null_mut(), T::IID);
    // SAFETY: places that live during the call.
    let status =
        unsafe { factory.CreateInstance(ptr::null_mut(), &raw const iid, &raw mut object) };
    made(status, object, "CreateInstance")
}

/// What the names of sections begin with that our library makes.
pub(crate) fn name_sets(prefix: &str) {
    // SAFETY: called before this process has a second thread.
    unsafe { std::env::set_var("VDI_PREFIX", prefix) };
}

impl Library {
    /// The library, in whose names of sections this prefix is, if it is ours.
    pub(crate) fn open(path: Option<&str>, prefix: &str) -> io::Result<Self> {
        name_sets(prefix);
        // SAFETY: asked of the system once, before anything is made.
        let status = unsafe { CoInitializeEx(ptr::null(), COINIT_MULTITHREADED as u32) };
        if status < 0 {
            return Err(io::Error::other(format!("CoInitializeEx: {status:#010x}")));
        }
        Ok(Self { module: path.map(Module::load).transpose()? })
    }

    fn create<T: Interface>(&self, class: GUID) -> io::Result<T> {
        if let Some(module) = &self.module {
            return instance(&module.factory(class)?);
        }
        let (mut object, iid) = (ptr::null_mut(), T::IID);
        let (class, iid): (*const GUID, *const GUID) = (&raw const class, &raw const iid);
        // SAFETY: places that live during the call.
        let status = unsafe {
            CoCreateInstance(
                class.cast(),
                ptr::null_mut(),
                CLSCTX_INPROC_SERVER,
                iid.cast(),
                &raw mut object,
            )
        };
        made(HRESULT(status), object, "CoCreateInstance")
    }

    /// A set of a client.
    pub(crate) fn client<T: Interface>(&self) -> io::Result<Free<T>> {
        self.create(CLIENT_CLASS).map(Free)
    }

    /// A set of a server.
    pub(crate) fn server<T: Interface>(&self) -> io::Result<Free<T>> {
        self.create(SERVER_CLASS).map(Free)
    }
}

/// An object that any thread may call: all are in the one apartment of many threads.
#[derive(Clone)]
pub(crate) struct Free<T: Interface>(pub(crate) T);

// SAFETY: as above; the classes are registered as `Both`.
unsafe impl<T: Interface> Send for Free<T> {}
// SAFETY: the same.
unsafe impl<T: Interface> Sync for Free<T> {}
