//! The drawn state diagrams beside the pages are those of the model.

use std::fs;

use super::super::tidy::top;
use super::{ANEW, writes};
use crate::support::vdi;

#[test]
fn drawn_diagrams_are_those_of_the_model() {
    for machine in ["set", "server", "client", "device"] {
        let drawn = vdi(&["table", machine, "--format", "svg"]).stdout;
        let path = top().join(format!("sim/docs/{machine}.svg"));
        if writes() {
            fs::write(&path, &drawn).expect("written");
        }
        let found = fs::read(&path).unwrap_or_default();
        assert!(found == drawn, "{} has drifted: {ANEW}", path.display());
    }
}
