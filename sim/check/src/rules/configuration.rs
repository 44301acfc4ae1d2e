//! GetConfiguration gives what was asked for and what was set.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::Checker;
use crate::explain::{Allowed, Refusal, Shows, violated};
use crate::session::OnSuccess;
use vdi_spec::clauses::{Clause, Party, WithheldFeatures};
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
            vec![Comparison { clause, seen: seen.client_part(), expected: asked }]
        }
    };
    for Comparison { clause, seen, expected } in comparisons {
        if seen != expected {
            let (wrong, right) = differences(&seen, &expected);
            let what = format!("a configuration with {right}");
            let got = format!("{event} and a configuration with {wrong}");
            return refuse(checker, set, Allowed { what, clause }, got);
        }
        checker.report.mark([clause]);
    }
    if party == Party::Client {
        let clause = Clause::ClientGetConfigurationGranted;
        match seen.check_granted() {
            Ok(()) => checker.report.mark([clause]),
            Err(rule) => {
                let what = rule.demand.to_owned();
                let got = format!("{event} and the configuration {}", json(seen));
                refuse(checker, set, Allowed { what, clause }, got);
            }
        }
    }
}

/// A clause on a configuration: what it compares of the one that was seen, and with what.
struct Comparison {
    clause: Clause,
    seen: VdConfig,
    expected: VdConfig,
}

fn client_comparisons(checker: &mut Checker, set: usize, seen: &VdConfig) -> Vec<Comparison> {
    let session = &mut checker.session;
    // A BeginConfiguration that has not returned may have decided it.
    let pending = session.calls_of(set).filter_map(|call| {
        if let OnSuccess::Configure(config) = call.bound.then { Some(config) } else { None }
    });
    let pending: Vec<ServerConfig> = pending.collect();
    let withheld = checker.terms.profile.withheld_features == WithheldFeatures::Withheld;
    let track = &mut session.sets[set].config;
    let (asked, set_before) = (track.asked, track.server);
    let comes_to = |server: &ServerConfig| {
        let mut config = asked.with_server(server);
        if withheld {
            config.features = server.features;
        }
        config
    };
    let sizes = |config: &VdConfig| (config.block_size, config.max_transfer_size);
    let agrees = |server: &&ServerConfig| {
        let config = comes_to(server);
        sizes(&config) == sizes(seen) && config.features == seen.features
    };
    let near = |server: &&ServerConfig| sizes(&comes_to(server)) == sizes(seen);
    let mut all = std::iter::once(&set_before).chain(&pending);
    let server = all.find(agrees).or_else(|| pending.iter().find(near)).unwrap_or(&set_before);
    let expected = comes_to(server);
    let before = **track.reported.get_or_insert_with(|| Box::new(*seen));
    let as_set = VdConfig {
        device_count: seen.device_count,
        block_size: seen.block_size,
        max_transfer_size: seen.max_transfer_size,
        ..expected
    };
    let features = VdConfig { features: seen.features, ..expected };
    let as_asked = VdConfig { features: expected.features, ..seen.client_part() };
    let comparison = |clause, seen, expected| Comparison { clause, seen, expected };
    vec![
        comparison(Clause::ClientGetConfigurationFixed, *seen, before),
        comparison(Clause::ClientGetConfigurationStatus, as_set, expected),
        comparison(Clause::ClientGetConfigurationFeatures, features, expected),
        comparison(Clause::ClientGetConfigurationAsAsked, as_asked, expected.client_part()),
    ]
}

/// The fields in which two configurations differ, as they are in either.
fn differences(seen: &VdConfig, expected: &VdConfig) -> (String, String) {
    let fields = |config| match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (seen, expected) = (fields(seen), fields(expected));
    // What is 0 is not written.
    let value = |of: &Map<String, Value>, name| of.get(name).cloned().unwrap_or_else(|| 0.into());
    let names: BTreeSet<&String> = seen.keys().chain(expected.keys()).collect();
    let differ: Vec<&String> =
        names.into_iter().filter(|name| value(&seen, *name) != value(&expected, *name)).collect();
    let list = |of: &Map<String, Value>| {
        let listed = differ.iter().map(|name| format!("{name} {}", value(of, *name)));
        listed.collect::<Vec<_>>().join(", ")
    };
    (list(&seen), list(&expected))
}

fn json(config: &VdConfig) -> String {
    serde_json::to_string(config).unwrap_or_default()
}

fn refuse(checker: &mut Checker, set: usize, expected: Allowed, got: String) {
    let clause = expected.clause;
    let (expected, shows) = (vec![expected], Shows::Nothing);
    violated(checker, Refusal { set, call: None, clause, expected, got, shows });
}
