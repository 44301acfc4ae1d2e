//! What the model says as a whole: its transition tables, computed from
//! representative situations and held against the documented ones, its state
//! diagrams, and, with the feature `explore`, every state of a bounded set, on which
//! named properties are held.

mod device;
mod diagram;
mod differences;
mod documented;
mod table;
mod transitions;
mod walk;

#[cfg(feature = "explore")]
mod action;
#[cfg(feature = "explore")]
mod citations;
#[cfg(feature = "explore")]
mod coverage;
#[cfg(feature = "explore")]
mod offer;
#[cfg(feature = "explore")]
mod paths;
#[cfg(feature = "explore")]
mod properties;
#[cfg(feature = "explore")]
mod run;
#[cfg(feature = "explore")]
mod sabotage;
#[cfg(feature = "explore")]
mod symmetry;
#[cfg(feature = "explore")]
mod world;

#[cfg(feature = "explore")]
pub use action::Action;
#[cfg(feature = "explore")]
pub use citations::uncited_readings;
#[cfg(feature = "explore")]
pub use coverage::Coverage;
pub use device::device_table;
pub use diagram::device_set_diagram;
pub use differences::{Difference, differences, differences_text};
pub use documented::{DOCUMENTED_CLIENT, DOCUMENTED_SERVER, documented_table};
#[cfg(feature = "explore")]
pub use paths::{deeds, paths_covering_transitions, reachable, same_up_to_detail};
#[cfg(feature = "explore")]
pub use properties::{INVARIANTS, Invariant, SIGHTS, Sight};
#[cfg(feature = "explore")]
pub use run::{Exploration, explore, serve};
#[cfg(feature = "explore")]
pub use sabotage::Sabotage;
pub use table::{Cell, Entry, Table};
pub use transitions::{client_table, server_table};
#[cfg(feature = "explore")]
pub use world::{At, Bounds, Breach, Breaches, Detail, Ghost, Node, Sent, World};
