//! A history of which nothing is missing any more.

use std::borrow::Cow;
use std::collections::BTreeMap;

use vdi_trace::{Event, Process};

/// An event with its line: of a synthesized one the line of the event that called for it.
pub(super) type Placed<'t> = (usize, Cow<'t, Event<'t>>);

/// A trace to which nothing is missing any more.
pub(super) struct Whole<'t> {
    pub(super) events: Vec<Placed<'t>>,
    /// The interfaces that were made up, with whose they are.
    pub(super) interfaces: Vec<(String, Process)>,
    /// Handles that nobody was seen to give, with the names of their buffers.
    pub(super) handles: BTreeMap<String, String>,
}

/// What is tried of the server that was not seen, where what it usually does explains too
/// little.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tried {
    /// That it closes what is said to be aborted.
    pub(super) closes: bool,
    /// That it has opened every device where a client finds none of its name.
    pub(super) opens_all: bool,
    /// That it has aborted before the call was answered that begins at this position.
    pub(super) aborts_at: Option<usize>,
}

impl Tried {
    /// Everything that is tried, one after the other.
    pub(crate) const ALL: [Self; 3] = [
        Self { closes: false, opens_all: false, aborts_at: None },
        Self { closes: true, opens_all: false, aborts_at: None },
        Self { closes: false, opens_all: true, aborts_at: None },
    ];
}
