//! By what a trace is judged: nothing here changes while it is.

use vdi_model::Limits;
use vdi_spec::clauses::Profile;
use vdi_trace::{Header, Recorded};

/// How many configurations of one set are examined for one event, unless set otherwise.
pub const BUDGET: usize = 50_000;

/// By what a trace is judged.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) profile: Profile,
    pub(crate) limits: Limits,
    /// Whether nothing expires but by an event that says so.
    pub(crate) time_is_recorded: bool,
    /// Whether nobody waited for rest between the events.
    pub(crate) runs_freely: bool,
    /// Within how many milliseconds a call has to end once nothing keeps it, if that is asked.
    pub(crate) within: Option<u64>,
    /// Whether a server that was not seen is known to end no set before its time.
    pub(crate) server_is_sound: bool,
    pub(crate) search: SearchOptions,
}

/// So many calls in progress are many.
const MANY: usize = 9;

/// How thorough the search for an order of effects is, and what is kept of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchOptions {
    /// How many configurations of a set are examined for one event.
    pub(crate) budget: usize,
    /// Whether every order is tried, without any of the shortcuts.
    pub(crate) exhaustive: bool,
    /// From so many calls in progress on, what does not bear on an event is put off; fewer
    /// are tried in every order, which takes less than to tell what bears, as long as there
    /// are few orders.
    pub(crate) puts_off_from: usize,
    /// Whether the order of effects is searched for even where calls do not overlap.
    pub(crate) always: bool,
    /// Whether the order of effects is kept, to be shown.
    pub(crate) explains: bool,
}

impl Terms {
    pub(crate) fn new(header: &Header, profile: Profile) -> Self {
        Self {
            profile,
            limits: Limits {
                queue_depth: header.declares.queue_depth,
                data_is_told: header.records.contains(&Recorded::Data),
            },
            time_is_recorded: header.records.contains(&Recorded::Time),
            runs_freely: header.free,
            within: None,
            server_is_sound: false,
            search: SearchOptions {
                budget: BUDGET,
                exhaustive: false,
                puts_off_from: MANY,
                always: false,
                explains: false,
            },
        }
    }
}
