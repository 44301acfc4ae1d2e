//! A history of which nothing is missing any more.

use std::borrow::Cow;
use std::collections::BTreeMap;

use vdi_trace::Event;

/// An event with its line: of a synthesized one the line of the event that called for it.
pub(super) type Placed<'t> = (usize, Cow<'t, Event<'t>>);

/// A trace to which nothing is missing any more.
pub(super) struct Whole<'t> {
    pub(super) events: Vec<Placed<'t>>,
    /// The names of the server's interfaces.
    pub(super) interfaces: Vec<String>,
    /// Handles that nobody was seen to give, with the names of their buffers.
    pub(super) handles: BTreeMap<String, String>,
}
