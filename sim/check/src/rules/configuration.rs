//! GetConfiguration gives what was asked for and what was set.

use crate::Checker;
use crate::explain::{Allowed, Refusal, violated};
use crate::session::OnSuccess;
use vdi_spec::clauses::{Clause, Party};
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Event, Out};

/// Compares the configuration that came out with what it has to be.
pub(crate) fn compare_configuration(
    checker: &mut Checker,
    set: usize,
    party: Party,
    out: &Out<'_>,
    event: &Event<'_>,
) {
    let Some(seen) = out.config.as_deref() else {
        return;
    };
    let comparisons = match party {
        Party::Client => client_comparisons(checker, set, seen),
        Party::Server | Party::Interface => {
            let asked = checker.session.sets[set].config.asked.client_part();
            let clause = Clause::ServerGetConfigurationStatus;
            vec![Comparison { clause, holds: seen.client_part() == asked, expected: asked }]
        }
    };
    for Comparison { clause, holds, expected } in comparisons {
        if !holds {
            let what = format!("the configuration {}", json(&expected));
            return refuse(checker, set, Allowed { what, clause }, seen, event);
        }
        checker.report.mark([clause]);
    }
    if party == Party::Client {
        let clause = Clause::ClientGetConfigurationGranted;
        match seen.check_granted() {
            Ok(()) => checker.report.mark([clause]),
            Err(rule) => {
                let what = rule.demand.to_owned();
                refuse(checker, set, Allowed { what, clause }, seen, event);
            }
        }
    }
}

/// A clause on a configuration, and whether it is kept.
struct Comparison {
    clause: Clause,
    holds: bool,
    expected: VdConfig,
}

fn client_comparisons(checker: &mut Checker, set: usize, seen: &VdConfig) -> Vec<Comparison> {
    let session = &mut checker.session;
    // A BeginConfiguration that has not returned may have decided it.
    let pending = session.calls_of(set).find_map(|call| {
        if let OnSuccess::Configure(config) = call.bound.then { Some(config) } else { None }
    });
    let track = &mut session.sets[set].config;
    let agrees = |config: &ServerConfig| {
        (config.block_size, config.max_transfer_size) == (seen.block_size, seen.max_transfer_size)
    };
    let expected = track.asked.with_server(&pending.filter(agrees).unwrap_or(track.server));
    let before = **track.reported.get_or_insert_with(|| Box::new(*seen));
    let as_set = seen.device_count == expected.device_count
        && seen.features == expected.features
        && seen.block_size == expected.block_size
        && seen.max_transfer_size == expected.max_transfer_size;
    let as_asked =
        VdConfig { features: expected.features, ..seen.client_part() } == expected.client_part();
    let comparison = |clause, holds, expected| Comparison { clause, holds, expected };
    vec![
        comparison(Clause::ClientGetConfigurationFixed, *seen == before, before),
        comparison(Clause::ClientGetConfigurationStatus, as_set, expected),
        comparison(Clause::ClientGetConfigurationAsAsked, as_asked, expected),
    ]
}

fn json(config: &VdConfig) -> String {
    serde_json::to_string(config).unwrap_or_default()
}

fn refuse(
    checker: &mut Checker,
    set: usize,
    expected: Allowed,
    seen: &VdConfig,
    event: &Event<'_>,
) {
    let got = format!("{event} and the configuration {}", json(seen));
    let clause = expected.clause;
    violated(checker, Refusal { set, call: None, clause, expected: vec![expected], got });
}
