//! What the model says as a whole: its transition tables, rendered from
//! representative states, its state diagram, and, with the feature `explore`, every
//! state of a bounded set, on which named properties are held.

#[cfg(feature = "explore")]
mod action;
#[cfg(feature = "explore")]
mod coverage;
mod diagram;
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
mod table;
#[cfg(feature = "explore")]
mod world;

#[cfg(feature = "explore")]
pub use action::Action;
#[cfg(feature = "explore")]
pub use coverage::Coverage;
pub use diagram::device_set_diagram;
#[cfg(feature = "explore")]
pub use paths::{deeds, paths_covering_transitions, reachable, same_up_to_detail};
#[cfg(feature = "explore")]
pub use properties::{INVARIANTS, Invariant, SIGHTS, Sight};
#[cfg(feature = "explore")]
pub use run::{Exploration, explore, serve};
#[cfg(feature = "explore")]
pub use sabotage::Sabotage;
pub use table::{Cell, Table, client_table, server_table};
#[cfg(feature = "explore")]
pub use world::{At, Bounds, Breach, Breaches, Detail, Ghost, Node, Sent, World};
