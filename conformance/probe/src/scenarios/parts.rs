//! What scenarios are made of.

use vdi_spec::clauses::Clause;
use vdi_spec::config::VdConfig;

use crate::scenario::{Ends, Reach, Scenario};
use crate::steps::{Asked, Naming, Step, Verb, Wait, config, issue, serve};

/// A scenario without a server.
pub(super) fn alone(id: &str, title: &str, clauses: &[Clause], steps: Vec<Step>) -> Scenario {
    Scenario {
        id: id.to_owned(),
        title: title.to_owned(),
        steps,
        ends: Ends::Whatever,
        reach: Reach::Nothing,
        sound: true,
        recorded: false,
        clauses: clauses.to_vec(),
    }
}

/// A scenario in which the client does all that it is asked.
pub(super) fn well(id: &str, title: &str, clauses: &[Clause], steps: Vec<Step>) -> Scenario {
    Scenario { ends: Ends::Well, reach: Reach::Commands(1), ..alone(id, title, clauses, steps) }
}

/// A scenario that has to come as far as a command.
pub(super) fn badly(id: &str, title: &str, clauses: &[Clause], steps: Vec<Step>) -> Scenario {
    Scenario { reach: Reach::Commands(1), ..alone(id, title, clauses, steps) }
}

/// A scenario in which the server is given a reason to abort.
pub(super) fn disturbed(scenario: Scenario) -> Scenario {
    Scenario { sound: false, ..scenario }
}

/// A scenario that has to come as far as a configuration.
pub(super) fn configured(id: &str, title: &str, clauses: &[Clause], steps: Vec<Step>) -> Scenario {
    Scenario { reach: Reach::Configuration, ..alone(id, title, clauses, steps) }
}

/// How a client waits for its configuration: as long as its statement has not ended, for which it
/// looks between two parts.
pub(super) const PATIENCE: Wait = Wait::Parts(500);

/// The steps until the devices are open.
pub(super) fn begun(verb: Verb, devices: u8, with: &str) -> Vec<Step> {
    begun_with(VdConfig { ..config(devices) }, verb, devices, with)
}

pub(super) fn begun_with(config: VdConfig, verb: Verb, devices: u8, with: &str) -> Vec<Step> {
    let mut steps =
        vec![Step::Create(config), issue(verb, devices, with), Step::GetConfiguration(PATIENCE)];
    steps.extend((1..=devices).map(|device| Step::OpenDevice(device, Naming::Own)));
    steps
}

/// The devices, each served on a lane of its own, to their end.
pub(super) fn served(devices: u8, wait: Wait) -> Vec<Step> {
    let lane = |device| format!("device{device}");
    let start = |device| Step::Start(lane(device), vec![serve(device, wait)]);
    let mut steps: Vec<Step> = (1..=devices).map(start).collect();
    steps.extend((1..=devices).map(|device| Step::Join(lane(device))));
    steps
}

/// A whole operation, and Close.
pub(super) fn whole(verb: Verb, devices: u8, with: &str, wait: Wait) -> Vec<Step> {
    ended(then(begun(verb, devices, with), served(devices, wait)))
}

/// These steps, and the end of the operation.
pub(super) fn ended(steps: Vec<Step>) -> Vec<Step> {
    then(steps, vec![Step::Close, Step::Await])
}

pub(super) fn then(mut steps: Vec<Step>, more: Vec<Step>) -> Vec<Step> {
    steps.extend(more);
    steps
}

/// A backup, the medium of which a restore can read.
pub(super) fn of_nothing(verb: Verb) -> Step {
    Step::Issue(Asked { verb, devices: 1, with: String::new(), of_nothing: true })
}
