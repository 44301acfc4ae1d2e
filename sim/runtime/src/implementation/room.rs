//! How much memory the control groups of this process leave it, as far as they say: whoever
//! takes more is not refused but killed.
//!
//! The second version of control groups is looked at, from the process's own up to the
//! root that is seen here. Others may take the memory between the look and the use.

use std::fs;
use std::path::Path;

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that may still be taken; `None` if nothing limits them, or it cannot be known.
pub(super) fn left() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let own = Path::new(GROUPS).join(path);
    own.ancestors().take_while(|group| group.starts_with(GROUPS)).filter_map(of_group).min()
}

/// What is left to one group.
fn of_group(group: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let most = number(&read("memory.max")?)?;
    let now = number(&read("memory.current")?)?;
    let given_back = read("memory.stat").map_or(0, |stat| reclaimable(&stat));
    let swap = || {
        let now = number(&read("memory.swap.current")?)?;
        // Without a limit there may be none at all, or any amount.
        Some(number(&read("memory.swap.max")?)?.saturating_sub(now))
    };
    let swap = if read("memory.swap.max").is_some_and(|most| most.trim() == "max") {
        swap_of_machine()
    } else {
        swap().unwrap_or(0)
    };
    Some(most.saturating_sub(now).saturating_add(given_back).saturating_add(swap))
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// What the system gives back when memory is short: pages of files, and what it has cached
/// for itself.
fn reclaimable(stat: &str) -> u64 {
    let kinds = ["active_file", "inactive_file", "slab_reclaimable"];
    let lines = stat.lines().filter_map(|line| line.split_once(' '));
    let ours = lines.filter(|(kind, _)| kinds.contains(kind));
    ours.filter_map(|(_, bytes)| number(bytes)).sum()
}

/// Swap that the machine has left.
fn swap_of_machine() -> u64 {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = memory.lines().find_map(|line| line.strip_prefix("SwapFree:"));
    let kilobytes = line.and_then(|line| number(line.trim().strip_suffix("kB")?));
    kilobytes.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_leaves_what_its_limit_and_its_files_leave() {
        let group = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            fs::write(group.path().join(name), text).expect("written");
        };
        assert_eq!(of_group(group.path()), None);
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(of_group(group.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(of_group(group.path()), Some(300));
        write("memory.stat", "anon 600\nactive_file 20\ninactive_file 30\nshmem 50\n");
        assert_eq!(of_group(group.path()), Some(350));
        write("memory.swap.max", "100\n");
        write("memory.swap.current", "40\n");
        assert_eq!(of_group(group.path()), Some(410));
        write("memory.current", "2000\n");
        assert_eq!(of_group(group.path()), Some(110));
    }
}
