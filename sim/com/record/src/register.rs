//! How this library is put before the original, where COM finds that, and taken away again. The
//! path of the library is changed, and nothing else: which apartment its objects are of is the
//! original's.

use vdi_com::CLIENT_CLASS;
use vdi_com::module::path;
use vdi_com::registry::{Value, Whose, class_key};
use windows_core::HRESULT;

use crate::original::{KEPT, is_same, server_key};

const E_UNEXPECTED: HRESULT = HRESULT(0x8000_ffff_u32.cast_signed());
/// There is no class before which this could be put: SELFREG_E_CLASS.
const NO_CLASS: HRESULT = HRESULT(0x8004_0201_u32.cast_signed());

/// Beside the path of a library, what its objects are of.
const MODEL: &str = "ThreadingModel";

/// Whether COM finds this library there.
fn is_here(whose: Whose, key: &str, own: &[u16]) -> bool {
    whose.expanded(key, "").is_some_and(|path| is_same(&path, own))
}

/// Puts this library before what is registered. Once more changes nothing.
pub(crate) fn put_before(whose: Whose) -> HRESULT {
    let (Some(own), key) = (path(), server_key()) else { return E_UNEXPECTED };
    if is_here(whose, &key, &own) {
        return HRESULT(0);
    }
    let kept = match (whose.value(&key, ""), whose) {
        (Some(before), _) => whose.set(&key, KEPT, &before),
        (None, Whose::Machine) => return NO_CLASS,
        // A user's own entry hides the machine's, which is the original.
        (None, Whose::User) => {
            let Some(model) = Whose::Machine.value(&key, MODEL) else { return NO_CLASS };
            whose.set(&key, MODEL, &model)
        }
    };
    if kept.is_err() { kept } else { whose.set(&key, "", &Value::of(&own)) }
}

/// Takes it away: what was there before is there again, as it was. What somebody else has
/// registered since stays.
pub(crate) fn take_away(whose: Whose) -> HRESULT {
    let (Some(own), key) = (path(), server_key()) else { return E_UNEXPECTED };
    let kept = whose.value(&key, KEPT);
    if is_here(whose, &key, &own) {
        let back = match &kept {
            Some(kept) => whose.set(&key, "", kept),
            // Of the machine this never made an entry.
            None if whose == Whose::Machine => return E_UNEXPECTED,
            None => return whose.remove_key(&class_key(CLIENT_CLASS)),
        };
        if back.is_err() {
            return back;
        }
    }
    whose.remove(&key, KEPT)
}
