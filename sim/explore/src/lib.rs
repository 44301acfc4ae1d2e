//! What the model says as a whole: its transition tables, computed from
//! representative situations and held against the documented ones, its state
//! diagrams, and, with the feature `search`, every state of a bounded set, on which
//! named properties are held.
//!
//! Read first: [`Table`], [`server_table`], [`client_table`].

mod device;
mod differences;
mod documented;
mod four_states;
mod functions;
mod search;
mod table;
mod transitions;
mod walk;

#[cfg(feature = "search")]
mod action;
#[cfg(feature = "search")]
mod citations;
#[cfg(feature = "search")]
mod coverage;
#[cfg(feature = "search")]
mod lanes;
#[cfg(feature = "search")]
mod layers;
#[cfg(feature = "search")]
mod mutant;
#[cfg(feature = "search")]
mod node;
#[cfg(feature = "search")]
mod observed;
#[cfg(feature = "search")]
mod offer;
#[cfg(feature = "search")]
mod packed;
#[cfg(feature = "search")]
mod paths;
#[cfg(feature = "search")]
mod properties;
#[cfg(feature = "search")]
mod run;
#[cfg(feature = "search")]
mod shown;
#[cfg(feature = "search")]
mod symmetry;
#[cfg(feature = "search")]
mod visited;
#[cfg(feature = "search")]
mod words;
#[cfg(feature = "search")]
mod world;

#[cfg(feature = "search")]
pub use action::Action;
#[cfg(feature = "search")]
pub use coverage::Coverage;
pub use device::device_table;
pub use differences::{Difference, differences, differences_text};
pub use documented::{DOCUMENTED_CLIENT, DOCUMENTED_SERVER, documented_table};
pub use four_states::{FourStates, StateView};
pub use functions::function_answers;
#[cfg(feature = "search")]
pub use layers::Progress;
#[cfg(feature = "search")]
pub use mutant::Mutant;
#[cfg(feature = "search")]
pub use node::{At, Breach, Breaches, Ghost, Node, Sent};
#[cfg(feature = "search")]
pub use paths::paths_covering_transitions;
#[cfg(feature = "search")]
pub use properties::{INVARIANTS, Invariant, SIGHTS, Sight};
#[cfg(feature = "search")]
pub use run::{Exploration, explore, explore_with, serve, ways_to_violations};
#[cfg(feature = "search")]
pub use shown::Drawing;
pub use table::{Cell, Entry, Table};
pub use transitions::{client_table, server_table};
#[cfg(feature = "search")]
pub use world::{Bounds, Detail, World};

/// What the tests hold of whole worlds; no part of the interface.
#[cfg(feature = "search")]
#[doc(hidden)]
pub mod testing {
    pub use crate::citations::uncited_readings;
    pub use crate::observed::{Observed, observed};
    pub use crate::paths::{
        everything_done, nearest_violations, packed_and_unpacked, reachable, same_up_to_detail,
        violated_after,
    };
}
