//! Making a failure small: what is left fails for the same clause, and nothing of it can
//! be left out.

mod scenario;
mod trace;

pub use scenario::{Target, of_trace as scenario_of_trace, shrink_scenario};
pub use trace::{Same, shrink_trace};

/// Zeller's ddmin: leaves out ever smaller pieces as long as what is left still `fails`.
/// What comes back is 1-minimal: without any one of its items it does not fail.
#[must_use]
pub fn ddmin<T: Clone>(items: &[T], mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut left = items.to_vec();
    let mut pieces = 2;
    while !left.is_empty() {
        let size = left.len().div_ceil(pieces);
        let starts = (0..left.len()).step_by(size);
        let without = |start: usize| {
            let mut rest = left[..start].to_vec();
            rest.extend_from_slice(&left[(start + size).min(left.len())..]);
            rest
        };
        match starts.map(without).find(|rest| fails(rest)) {
            Some(rest) => {
                left = rest;
                pieces = pieces.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => pieces = (pieces * 2).min(left.len()),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::ddmin;

    #[test]
    fn what_is_needed_is_left() {
        let items: Vec<u32> = (0..100).collect();
        let needs = |left: &[u32]| [3, 50, 98].iter().all(|item| left.contains(item));
        assert_eq!(ddmin(&items, needs), [3, 50, 98]);
        assert_eq!(ddmin(&items, |left| left.len() >= 7).len(), 7);
        assert!(ddmin(&items, |_| true).is_empty());
    }
}
