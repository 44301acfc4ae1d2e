//! What happens to memory whose file was cut short: SIGBUS, and nobody ends by it.
//!
//! Whoever touches a page that the file does not have any more gets SIGBUS. The handler
//! here knows the mappings of sets: it puts memory of this process alone, all zeros, into
//! the place of the page, notes that the mapping has lost something, and lets the access go
//! on. The next call on the set says VD_E_UNEXPECTED and aborts it. So the program's own
//! copying into and out of buffers is guarded like the library's. A signal of any other
//! address is its former handler's.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::chain::{Chain, Link};

/// The mappings of this process.
static AREAS: Chain<Area> = Chain::new();
/// How often a page was lost.
static LOSSES: AtomicUsize = AtomicUsize::new(0);
/// Whether the handler is there.
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// The handler before this one.
static FORMER: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());
/// The size of a page.
static PAGE_SIZE: AtomicUsize = AtomicUsize::new(4096);

#[derive(Default)]
struct Area {
    start: AtomicUsize,
    /// 0 while it is no mapping.
    length: AtomicUsize,
    lost: AtomicBool,
}

/// A mapping that is guarded until this is dropped, which has to come before it is unmapped.
pub(super) struct Guarded(&'static Link<Area>);

impl Guarded {
    pub(super) fn new(start: usize, length: usize) -> Self {
        install();
        let link = AREAS.take();
        link.item.lost.store(false, Ordering::Release);
        link.item.start.store(start, Ordering::Release);
        link.item.length.store(length, Ordering::Release);
        Self(link)
    }

    pub(super) fn has_lost(&self) -> bool {
        self.0.item.lost.load(Ordering::Acquire)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.item.length.store(0, Ordering::Release);
        self.0.release();
    }
}

/// Whether any mapping of this process has ever lost anything.
pub(crate) fn any_lost() -> bool {
    LOSSES.load(Ordering::Acquire) != 0
}

fn install() {
    if cfg!(miri) || INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: asks for a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    if let Ok(size @ 1..) = usize::try_from(size) {
        PAGE_SIZE.store(size, Ordering::Release);
    }
    let mut former = Box::new(empty());
    let mut ours = empty();
    ours.sa_sigaction = on_lost_page as *const () as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: both live during the call, and the handler keeps to what a handler may do.
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const ours, &raw mut *former) } == 0 {
        // Whoever still looks at an earlier one finds it: there are no more of them than
        // times that the library was loaded.
        FORMER.store(Box::leak(former), Ordering::Release);
    }
}

/// Puts the former handler back, unless another has taken the place since: before the
/// library is unloaded.
pub fn release_process() {
    if !INSTALLED.swap(false, Ordering::AcqRel) {
        return;
    }
    let former = FORMER.load(Ordering::Acquire);
    let mut now = empty();
    // SAFETY: reads the handler into what lives during the call, and puts back what was
    // there; `former` was leaked.
    unsafe {
        let read = libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut now);
        if read == 0 && now.sa_sigaction == on_lost_page as *const () as usize && !former.is_null()
        {
            libc::sigaction(libc::SIGBUS, former, ptr::null_mut());
        }
    }
}

fn empty() -> libc::sigaction {
    // SAFETY: numbers, a set of signals and a function that may be none: all zeros are valid.
    unsafe { std::mem::zeroed() }
}

/// The handler.
extern "C" fn on_lost_page(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    /// The kernel's word for a page that the file does not have.
    const NO_SUCH_ADDRESS: libc::c_int = 2;
    // SAFETY: the system gives a handler of this kind what has happened.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    if code == NO_SUCH_ADDRESS && replaced(address) {
        return;
    }
    // SAFETY: what was given to this handler is what the former one expects.
    unsafe { pass_on(signal, info, context) };
}

/// Puts a page into the place of a lost one, if it is one of a mapping.
fn replaced(address: usize) -> bool {
    let within = |link: &Link<Area>| {
        let length = link.item.length.load(Ordering::Acquire);
        address.wrapping_sub(link.item.start.load(Ordering::Acquire)) < length
    };
    let Some(link) = AREAS.links().find(|link| within(link)) else { return false };
    link.item.lost.store(true, Ordering::Release);
    LOSSES.fetch_add(1, Ordering::AcqRel);
    let size = PAGE_SIZE.load(Ordering::Acquire);
    let page = ptr::with_exposed_provenance_mut(address & !(size - 1));
    let (protection, flags) =
        (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::FIXED);
    // SAFETY: a page of a mapping of ours, of which all that goes out are atomics and copies,
    // valid whatever they hold. A bare system call, which a handler may make.
    unsafe { mmap_anonymous(page, size, protection, flags) }.is_ok()
}

/// Does what would have been done without us.
///
/// # Safety
/// As a handler of SIGBUS.
unsafe fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: null, or leaked.
    let Some(former) = (unsafe { FORMER.load(Ordering::Acquire).as_ref() }) else {
        // It is just being put there: the access is made again, and comes back.
        return;
    };
    // SAFETY: the former handler is called as the system would, or put back, upon which the
    // access is made again and the system does what it does.
    unsafe {
        match former.sa_sigaction {
            libc::SIG_DFL => {
                libc::sigaction(signal, former, ptr::null_mut());
                if (*info).si_code <= 0 {
                    libc::raise(signal);
                }
            }
            libc::SIG_IGN if (*info).si_code <= 0 => {}
            libc::SIG_IGN => {
                libc::sigaction(signal, former, ptr::null_mut());
            }
            handler if former.sa_flags & libc::SA_SIGINFO != 0 => {
                type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
                std::mem::transmute::<usize, Handler>(handler)(signal, info, context);
            }
            handler => {
                std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler)(signal);
            }
        }
    }
}
