//! The four states of a device set, as the server's Close has to do with it.
//!
//! They are a view of the phases of the documents' diagrams: which phases each stands for is
//! computed from the model.

use crate::codes::Source;

/// One of the four states.
#[derive(Clone, Copy, Debug)]
pub struct StateInfo {
    /// Its name.
    pub name: &'static str,
    /// What it means, in our words.
    pub meaning: &'static str,
    /// Where it is published.
    pub sources: &'static [Source],
}

/// The four states, in the order of a set's life.
pub static DEVICE_SET_STATES: &[StateInfo] = &[
    StateInfo {
        name: "Open",
        meaning: "The server has opened the set; no device is open, and nothing has aborted it.",
        sources: &[
            Source::close_page("Return values"),
            Source::specification("Server State Diagram"),
        ],
    },
    StateInfo {
        name: "DevicesOpen",
        meaning: "At least one device is open: a Close of the server is a mistake, and aborts.",
        sources: &[
            Source::close_page("Remarks, open devices"),
            Source::specification("Server State Diagram"),
        ],
    },
    StateInfo {
        name: "Aborted",
        meaning: "The set was ended before its time; of the server only its Close is left to come.",
        sources: &[
            Source::close_page("Remarks, SignalAbort processing"),
            Source::specification("Abnormal Termination"),
        ],
    },
    StateInfo {
        name: "Closed",
        meaning: "The server has closed the set, or not opened it yet: it has no handle to use.",
        sources: &[
            Source::close_page("Remarks, the handle"),
            Source::specification("Server Transitions, Does Not Exist"),
        ],
    },
];
