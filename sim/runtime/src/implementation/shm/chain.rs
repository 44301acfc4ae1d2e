//! A list that a signal handler and a forked child may walk: it only grows, its links are
//! used again, and to walk it takes no lock and no memory.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// A list of what this process has of some kind.
pub(super) struct Chain<T: 'static> {
    first: AtomicPtr<Link<T>>,
}

/// A place in the list, taken or not.
pub(super) struct Link<T: 'static> {
    taken: AtomicBool,
    pub(super) item: T,
    next: *const Self,
}

// SAFETY: `next` is written before others can see the link, and points to one that stays.
unsafe impl<T: Sync> Sync for Link<T> {}

impl<T: Default> Chain<T> {
    pub(super) const fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A link that nobody else has, until [`Link::release`]. What it held stays in it.
    pub(super) fn take(&'static self) -> &'static Link<T> {
        let free = |link: &&Link<T>| !link.taken.swap(true, Ordering::AcqRel);
        if let Some(link) = self.links().find(free) {
            return link;
        }
        let (taken, item) = (AtomicBool::new(true), T::default());
        let link = Box::leak(Box::new(Link { taken, item, next: ptr::null() }));
        let mut first = self.first.load(Ordering::Acquire);
        loop {
            link.next = first;
            let (yes, no) = (Ordering::AcqRel, Ordering::Acquire);
            match self.first.compare_exchange(first, link, yes, no) {
                Ok(_) => return link,
                Err(now) => first = now,
            }
        }
    }

    /// All links, taken or not.
    pub(super) fn links(&'static self) -> impl Iterator<Item = &'static Link<T>> {
        let mut next = self.first.load(Ordering::Acquire).cast_const();
        std::iter::from_fn(move || {
            // SAFETY: null, or a link that was leaked, and is not written any more.
            let link = unsafe { next.as_ref() }?;
            next = link.next;
            Some(link)
        })
    }
}

impl<T> Link<T> {
    /// Another may have it.
    pub(super) fn release(&self) {
        self.taken.store(false, Ordering::Release);
    }
}
