//! What is held of a race, and how a defect shows in one, whatever implementation runs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use vdi_check::{Verdict, check_trace};
use vdi_spec::clauses::Profile;

use crate::allowed::{Allowed, allowed};
use crate::history::History;
use crate::orders::{self, End};
use crate::script::Race;

/// Runs a race once; what the lanes saw.
pub(crate) trait Run: Fn(&Race) -> History + Send + Sync + 'static {}

impl<T: Fn(&Race) -> History + Send + Sync + 'static> Run for T {}

/// Holds that whatever is seen of a race, in any order, the model allows, and that the
/// race is about this clause.
#[expect(clippy::print_stderr, reason = "how much was explored belongs into the log")]
#[track_caller]
pub(crate) fn hold(name: &str, clause: &str, race: &Race, run: impl Run) {
    let allowed = allowed(race);
    explained(&allowed);
    let about = allowed.clauses.contains(clause);
    assert!(about, "{name} is not about {clause}, but {:?}", allowed.clauses);
    let seen = Arc::new(Mutex::new(BTreeMap::<History, usize>::new()));
    let (into, runs) = (seen.clone(), race.clone());
    orders::builder().check(move || {
        let history = run(&runs);
        *into.lock().expect("no panic while held").entry(history).or_default() += 1;
    });
    let seen = std::mem::take(&mut *seen.lock().expect("no panic while held"));
    let orders: usize = seen.values().sum();
    let mut met: Vec<&History> = Vec::new();
    for history in seen.keys() {
        match allowed.find(history) {
            Some(known) => met.push(known),
            None => panic!("{name}: not allowed: {history}\n{}", listed(&allowed)),
        }
    }
    met.dedup();
    let all = allowed.histories.len();
    eprintln!("{name}: {orders} orders, {} of {all} outcomes that are allowed", met.len());
    if std::env::var_os("VDI_LOOM_HISTORIES").is_some() {
        seen.iter().for_each(|(history, orders)| eprintln!("  {orders} times: {history}"));
    }
}

/// The enumeration is right: the judge explains a trace of everything allowed.
fn explained(allowed: &Allowed) {
    for (history, trace) in &allowed.histories {
        let judged = check_trace(trace, &Profile::default());
        assert_eq!(judged.error, None, "{}", trace.to_json_lines());
        let explained = judged.verdict == Verdict::Conformant;
        assert!(explained, "{history}\n{:?}\n{}", judged.verdict, trace.to_json_lines());
    }
}

fn listed(allowed: &Allowed) -> String {
    let lines = allowed.histories.keys().map(|history| format!("allowed: {history}\n"));
    lines.collect()
}

/// Holds that a race shows the defect that `run` has: some order ends in one of these ways.
#[expect(clippy::print_stderr, reason = "how it was found belongs into the log")]
#[track_caller]
pub(crate) fn find(name: &str, ends: &[End], race: &Race, run: impl Run) {
    let (allowed, runs) = (allowed(race), race.clone());
    let found = orders::find(&orders::builder(), move || {
        let history = run(&runs);
        if allowed.find(&history).is_none() {
            orders::strange(history.to_string());
        }
    });
    match found {
        Some((end, what)) if ends.contains(&end) => eprintln!("{name}: {end:?}: {what}"),
        Some((end, what)) => panic!("{name} ends otherwise: {end:?}: {what}"),
        None => panic!("{name} was not seen"),
    }
}
