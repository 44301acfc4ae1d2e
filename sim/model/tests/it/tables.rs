//! The transition tables and the state diagrams, computed from the model: held to
//! the documented tables, and as snapshots to be reviewed against the documents.

use std::collections::BTreeSet;

use vdi_explore::{
    DOCUMENTED_CLIENT, DOCUMENTED_SERVER, FourStates, Table, client_table, device_table,
    differences, differences_text, documented_table, server_table,
};
use vdi_spec::clauses::{Party, Profile, QUESTIONS};

use crate::support::snapshot;

fn tables() -> Profile {
    Profile::named("documented-tables").expect("a named profile")
}

fn has_shape(table: &Table, functions: usize, phases: usize) {
    assert_eq!((table.rows.len(), table.phases.len()), (functions, phases));
    assert!(table.rows.iter().all(|(_, cells)| cells.len() == phases));
}

/// Under the readings of the tables themselves the model says what they say.
#[test]
fn by_their_own_readings_the_documented_tables_come_out() {
    let (server, client) = (server_table(&tables()), client_table(&tables()));
    assert_eq!(server.csv(), DOCUMENTED_SERVER);
    assert_eq!(client.csv(), DOCUMENTED_CLIENT);
    has_shape(&server, 14, 7);
    has_shape(&client, 7, 6);
    assert_eq!(documented_table(Party::Server).as_ref(), Some(&server));
    assert_eq!(documented_table(Party::Client).as_ref(), Some(&client));
    assert_eq!(documented_table(Party::Interface), None);
    assert_eq!(differences(&tables()), []);
    snapshot("server-transitions-documented-tables", &server.markdown());
    snapshot("client-transitions-documented-tables", &client.markdown());
}

#[test]
fn transition_tables() {
    let profile = Profile::default();
    snapshot("server-transitions", &server_table(&profile).markdown());
    snapshot("client-transitions", &client_table(&profile).markdown());
    snapshot("differences", &differences_text(&differences(&profile)));
}

/// No cell differs without a reading that says why, in whatever single reading a
/// profile departs from the documented tables.
#[test]
fn every_difference_has_its_reading() {
    let mut profiles = vec![Profile::default(), Profile::named("linux").expect("a named profile")];
    let mut text = String::new();
    for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
        let mut profile = tables();
        profile.choose(reading);
        let found = differences(&profile);
        if !found.is_empty() {
            text.push_str(&format!("{reading}\n{}", differences_text(&found)));
        }
        profiles.push(profile);
    }
    for difference in profiles.iter().flat_map(differences) {
        assert!(!difference.readings.is_empty(), "{difference:?}");
        assert_ne!(difference.documented, difference.here);
    }
    snapshot("differences-by-reading", &text);
}

#[test]
fn state_diagrams() {
    let profile = Profile::default();
    let set = FourStates::new(&profile);
    let (diagram, table) = (set.mermaid(), set.table.markdown());
    snapshot("device-set", &format!("{diagram}%% {} states of the model\n\n{table}", set.reached));
    snapshot("server-diagram", &server_table(&profile).mermaid());
    snapshot("client-diagram", &client_table(&profile).mermaid());
    snapshot("device-diagram", &device_table(&profile).mermaid());
}

/// The arrows between the four states are those that the documents draw, the one of
/// serverTimeOut among them; the states are those that have a definition.
#[test]
fn four_states() {
    use vdi_spec::states::DEVICE_SET_STATES;

    for name in ["documented-pages", "documented-tables", "linux"] {
        let set = FourStates::new(&Profile::named(name).expect("a named profile"));
        let mut arrows = BTreeSet::new();
        for (event, cells) in &set.table.rows {
            for (from, cell) in set.table.phases.iter().zip(cells) {
                let to = cell.entries.iter().filter_map(|entry| entry.to.as_deref());
                arrows.extend(to.map(|to| (from.as_str(), event.as_str(), to)));
            }
        }
        let mut documented = BTreeSet::from([
            ("Closed", "Open", "Open"),
            ("Open", "OpenDevice", "DevicesOpen"),
            ("DevicesOpen", "CloseDevice", "Open"),
            ("DevicesOpen", "serverTimeOut passes twice", "Aborted"),
            // The client still holds a command of a device that is closed.
            ("Open", "serverTimeOut passes twice", "Aborted"),
        ]);
        for from in ["Open", "DevicesOpen"] {
            for abort in [
                "SignalAbort",
                "SignalAbort by the client",
                "Close by the client",
                "death of the client",
            ] {
                documented.insert((from, abort, "Aborted"));
            }
        }
        for from in ["Open", "DevicesOpen", "Aborted"] {
            documented.insert((from, "Close", "Closed"));
            documented.insert((from, "death of the server", "Closed"));
        }
        assert_eq!(arrows, documented, "{name}");
        let defined: Vec<&str> = DEVICE_SET_STATES.iter().map(|row| row.name).collect();
        assert_eq!(set.table.phases, defined);
        assert!(set.states.iter().all(|view| !view.server.is_empty() && !view.client.is_empty()));
    }
}

/// The arrows of Command Error Handling, and opening and closing around them.
#[test]
fn device_machine() {
    for name in ["documented-pages", "documented-tables", "linux"] {
        let table = device_table(&Profile::named(name).expect("a named profile"));
        let mut arrows = BTreeSet::new();
        for (event, cells) in &table.rows {
            for (from, cell) in table.phases.iter().zip(cells) {
                let to = cell.entries.iter().filter_map(|entry| entry.to.as_deref());
                arrows.extend(to.map(|to| (from.as_str(), event.as_str(), to)));
            }
        }
        let mut documented = BTreeSet::from([
            ("Unopened", "OpenDevice", "Active"),
            ("Active", "a command completes with an error", "Errored"),
            ("Errored", "ClearError completes", "Active"),
        ]);
        for open in ["Active", "Errored"] {
            documented.insert((open, "CloseDevice", "Closed"));
            for abort in
                ["SignalAbort", "Close", "SignalAbort by the client", "Close by the client"]
            {
                documented.insert((open, abort, "Aborted"));
            }
        }
        assert_eq!(arrows, documented, "{name}");
    }
    snapshot("device-transitions", &device_table(&Profile::default()).markdown());
}
