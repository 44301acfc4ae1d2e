//! The transition tables and the state diagram, rendered from the model, as
//! snapshots to be reviewed against the documents.

use vdi_sim::clauses::Profile;
use vdi_sim::explore::{client_table, device_set_diagram, server_table};

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/model");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn transition_tables() {
    let profile = Profile::default();
    snapshot("server-transitions", &server_table(&profile).markdown());
    snapshot("client-transitions", &client_table(&profile).markdown());
}

/// The same under the readings of the tables themselves. What still differs from
/// the documents is how the model puts it: a call that waits is said to block.
#[test]
fn transition_tables_by_the_tables_own_readings() {
    let tables = Profile::named("documented-tables").expect("a named profile");
    snapshot("server-transitions-documented-tables", &server_table(&tables).markdown());
    snapshot("client-transitions-documented-tables", &client_table(&tables).markdown());
}

#[test]
fn state_diagram() {
    let (diagram, states) = device_set_diagram(&Profile::default());
    snapshot("device-set", &format!("{diagram}%% {states} states of the model\n"));
}
