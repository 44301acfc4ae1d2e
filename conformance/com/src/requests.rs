//! What the server has sent: its structures, which stay where they are, and what is called when
//! a command has ended.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vdi_com::RawRequest;
use vdi_spec::codes::Win32;
use vdi_suite::adapter::body::{Ended, Routine, Sent};

use crate::buffer::Buffer;

/// Every structure that was ever sent, by its address: a library that calls back twice, or with
/// something else, is to be seen and not followed.
static REQUESTS: Mutex<BTreeMap<usize, Option<Routine>>> = Mutex::new(BTreeMap::new());

fn requests() -> MutexGuard<'static, BTreeMap<usize, Option<Routine>>> {
    REQUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands in the results until the library writes there.
const UNWRITTEN: u32 = 0xFFFF_FFF1;

/// A structure for this, which is never freed.
pub(crate) fn request(sent: Sent<Buffer>) -> *mut RawRequest {
    let size = match u32::try_from(sent.size) {
        Ok(size) => size,
        Err(_) => (sent.size as i32).cast_unsigned(),
    };
    let raw = RawRequest {
        code: sent.code.number(),
        size,
        in_position: sent.position,
        out_position: 0,
        buffer: sent.buffer.map_or(ptr::null_mut(), |buffer| buffer.start()),
        completion_routine: Some(ended),
        completion_context: ptr::without_provenance_mut(usize::MAX & !7),
        completion_code: UNWRITTEN,
        bytes_transferred: UNWRITTEN,
    };
    let raw = ptr::from_mut(Box::leak(Box::new(raw)));
    requests().insert(raw.addr(), Some(sent.routine));
    raw
}

/// The completion routine of all.
unsafe extern "system" fn ended(request: *mut RawRequest) {
    let known = requests().get_mut(&request.addr()).map(Option::take);
    let Some(Some(mut routine)) = known else {
        // It is no structure of ours, or inside of its own routine: nobody is told, and what
        // is awaited does not come.
        return;
    };
    // SAFETY: a structure of `request`, which lives for ever.
    let done = unsafe { request.read() };
    routine(Ended {
        code: Win32(done.completion_code),
        bytes: done.bytes_transferred,
        position: done.out_position,
    });
    if let Some(place) = requests().get_mut(&request.addr()) {
        *place = Some(routine);
    }
}
