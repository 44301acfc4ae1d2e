//! Who is alive: this process, and those it watches.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

use super::layout::ProcessId;
use super::locked::lock;

/// This process, as others in its pid namespace can recognise it. Where the system does
/// not tell when it began, its number has to do.
pub(super) fn this_process() -> ProcessId {
    let number = getpid().as_raw_nonzero().get().cast_unsigned();
    ProcessId { number, began: began(number).unwrap_or_default() }
}

/// When a process began, in the kernel's ticks, as far as 30 bits tell.
fn began(number: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let fields = stat.rsplit_once(')')?.1;
    let ticks: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    u32::try_from(ticks & ((1 << 30) - 1)).ok()
}

/// The processes that this one watches, for one set.
#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<BTreeMap<ProcessId, Watch>>);

/// What is known of a process.
#[derive(Debug)]
enum Watch {
    /// It is this one.
    Own,
    /// This tells when it ends.
    Other(OwnedFd),
    Ended,
}

impl Watches {
    /// Whether the process lives: a system call, unless it is this one.
    pub(super) fn lives(&self, id: ProcessId) -> bool {
        let mut watches = lock(&self.0);
        let watch = match watches.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => match Watch::new(id) {
                Some(watch) => unknown.insert(watch),
                None => return true,
            },
        };
        let file = match watch {
            Watch::Own => return true,
            Watch::Ended => return false,
            Watch::Other(file) => file,
        };
        let mut ended = [PollFd::new(file, PollFlags::IN)];
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // An error, an interruption for one, says nothing about the other.
        let lives = !matches!(poll(&mut ended, Some(&zero)), Ok(1..));
        if !lives {
            *watch = Watch::Ended;
        }
        lives
    }
}

impl Watch {
    /// `None` if it cannot be known now: no reason to call anybody dead.
    fn new(id: ProcessId) -> Option<Self> {
        if id == this_process() {
            return Some(Self::Own);
        }
        let number = i32::try_from(id.number).ok().and_then(Pid::from_raw);
        let Some(number) = number else { return Some(Self::Ended) };
        let file = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::SRCH) => return Some(Self::Ended),
            Err(_) => return None,
        };
        // Another process may have got the number since; who may not look trusts it.
        let same = began(id.number).is_none_or(|began| began == id.began || id.began == 0);
        Some(if same { Self::Other(file) } else { Self::Ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_an_older_of_its_number_does_not() {
        let (watches, me) = (Watches::default(), this_process());
        assert!(watches.lives(me));
        assert!(!watches.lives(ProcessId { began: me.began.wrapping_add(1), ..me }));
        assert!(!watches.lives(ProcessId { number: 0, began: 0 }));
    }
}
