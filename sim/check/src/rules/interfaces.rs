//! An interface has one set.

use crate::Checker;
use crate::explain::{Allowed, Refusal, Shows, violated};
use crate::session::{SetTrack, caller};
use vdi_model::{Caller, ServerLife, State};
use vdi_spec::clauses::Clause;
use vdi_trace::Event;

/// What opens a set has succeeded on an interface that has another: if neither can have been
/// closed since, the second was refused.
pub(crate) fn check_interface(
    checker: &mut Checker,
    (set, interface): (usize, usize),
    event: &Event<'_>,
) {
    let session = &mut checker.session;
    session.sets[set].openers.push(interface);
    let by = caller(session.names.interfaces[interface].process);
    let has = |state: &State| match by {
        Caller::Server => state.server == ServerLife::Open,
        Caller::Client(number) => state.client_open(number),
    };
    let certain = |set: &SetTrack| set.openers.contains(&interface) && set.states().all(has);
    let mut others = session.sets.iter().enumerate().filter(|(other, _)| *other != set);
    let Some((_, other)) = others.find(|(_, other)| certain(other)) else { return };
    if !certain(&session.sets[set]) {
        return;
    }
    let clause = match by {
        Caller::Server => Clause::ServerOpenOnce,
        Caller::Client(_) => Clause::ClientOpenInSecondaryOnce,
    };
    let what = format!("VD_E_PROTOCOL: the interface has the set {}", other.name);
    let (expected, shows) = (vec![Allowed { what, clause }], Shows::Nothing);
    let got = event.to_string();
    violated(checker, Refusal { set, call: None, clause, expected, got, shows });
}
