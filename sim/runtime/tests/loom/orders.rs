//! Trying every order with loom, and how that ended: what loom finds is told from what
//! only shows that loom gave up.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

use loom::model::Builder;

/// How the orders of a race that a defect is seeded into end, other than by being tried all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A lane sees what it may not.
    Strange,
    /// In some order every thread sleeps.
    Never,
    /// In some order a word is read while it is written, or before.
    Torn,
}

/// What is thrown when something is seen that may not be: the other orders do not matter.
struct Seen(String);

/// Ends the trying of orders: this was seen, and may not be.
pub(crate) fn strange(what: String) -> ! {
    panic_any(Seen(what))
}

/// Loom's settings for every race: so many switches in one order, unless
/// `LOOM_MAX_PREEMPTIONS` says otherwise. Nothing ends the trying before its time without a
/// panic, whatever the environment says.
pub(crate) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.max_branches = 10_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder
}

/// Tries every order, until one is found that ends as it may not: how, and what was seen.
/// A panic that is none of these, such as of one of loom's limits, goes on.
pub(crate) fn find(
    builder: &Builder,
    act: impl Fn() + Sync + Send + 'static,
) -> Option<(End, String)> {
    let panic = catch_unwind(AssertUnwindSafe(|| builder.check(act))).err()?;
    ended(&*panic).or_else(|| resume_unwind(panic))
}

fn ended(panic: &(dyn Any + Send)) -> Option<(End, String)> {
    if let Some(Seen(what)) = panic.downcast_ref() {
        return Some((End::Strange, what.clone()));
    }
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied())?;
    let end = if said.starts_with("deadlock; threads = ") {
        End::Never
    } else if said.contains("Causality violation: ") {
        End::Torn
    } else {
        return None;
    };
    Some((end, said.to_owned()))
}

mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use loom::sync::Mutex;
    use loom::thread;

    use super::*;

    #[test]
    fn a_deadlock_is_found() {
        let found = find(&builder(), || {
            let (one, other) =
                (std::sync::Arc::new(Mutex::new(())), std::sync::Arc::new(Mutex::new(())));
            let (first, second) = (one.clone(), other.clone());
            let thread = thread::spawn(move || {
                let _first = first.lock().expect("no panic while held");
                let _second = second.lock().expect("no panic while held");
            });
            {
                let _second = other.lock().expect("no panic while held");
                let _first = one.lock().expect("no panic while held");
            }
            thread.join().expect("it ends");
        });
        assert_eq!(found.map(|(end, _)| end), Some(End::Never));
    }

    #[test]
    fn what_is_strange_is_found_and_no_further_order_is_tried() {
        static TRIED: AtomicUsize = AtomicUsize::new(0);
        let found = find(&builder(), || {
            TRIED.fetch_add(1, Ordering::Relaxed);
            strange("so".to_owned());
        });
        assert_eq!(
            (found, TRIED.load(Ordering::Relaxed)),
            (Some((End::Strange, "so".to_owned())), 1)
        );
    }

    #[test]
    fn what_ends_well_is_not_found() {
        assert_eq!(find(&builder(), || drop(Mutex::new(0))), None);
    }

    #[test]
    #[should_panic(expected = "Model exceeded maximum number of branches")]
    fn too_many_switches_are_no_find() {
        let mut few = builder();
        few.max_branches = 4;
        let _ = find(&few, || {
            let mutex = Mutex::new(0);
            (0..8).for_each(|_| *mutex.lock().expect("no panic while held") += 1);
        });
    }

    #[test]
    #[should_panic(expected = "threads.len() < self.max")]
    fn too_many_threads_are_no_find() {
        let _ = find(&builder(), || {
            (0..8).for_each(|_| drop(thread::spawn(|| ())));
        });
    }

    #[test]
    #[should_panic(expected = "as the test itself")]
    fn what_a_race_itself_panics_with_is_no_find() {
        let _ = find(&builder(), || panic!("as the test itself"));
    }
}
