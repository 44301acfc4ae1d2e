//! What is written into the registry: for each class the path of this library, and that its
//! objects are of no apartment.

use vdi_com::module::path;
use vdi_com::registry::{Value, Whose, class_key};
use vdi_com::{CLIENT_CLASS, SERVER_CLASS};
use windows_core::HRESULT;

const E_UNEXPECTED: HRESULT = HRESULT(0x8000_ffff_u32.cast_signed());

/// Both classes.
pub(crate) fn register(whose: Whose) -> HRESULT {
    let Some(path) = path() else { return E_UNEXPECTED };
    let half = |class, title: &str| {
        let key = class_key(class);
        let server = format!("{key}\\InprocServer32");
        for (key, name, value) in [
            (&key, "", Value::text(title)),
            (&server, "", Value::of(&path)),
            (&server, "ThreadingModel", Value::text("Both")),
        ] {
            let status = whose.set(key, name, &value);
            if status.is_err() {
                return status;
            }
        }
        HRESULT(0)
    };
    let client = half(CLIENT_CLASS, "VDI: a client's device set");
    if client.is_err() { client } else { half(SERVER_CLASS, "VDI: a server's device set") }
}

/// Takes both away; that one is not there is no error.
pub(crate) fn unregister(whose: Whose) -> HRESULT {
    let [client, server] =
        [CLIENT_CLASS, SERVER_CLASS].map(|class| whose.remove_key(&class_key(class)));
    if client.is_err() { client } else { server }
}
