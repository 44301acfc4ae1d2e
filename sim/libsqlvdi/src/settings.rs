//! What the environment says, looked at once.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use vdi_recorder::settings::{DEBUG, GROUP, HOLD, PREFIX, TIMEOUT_UNIT, TRACE};
use vdi_runtime::{Machine, Options, Refusals, Timeout};
use vdi_spec::abi::milliseconds;

use crate::recording::TraceFile;

/// The choices of whoever runs the program.
#[derive(Debug)]
pub(crate) struct Settings {
    options: Options,
    seconds: bool,
    debugs: bool,
    holds_configuration: bool,
    /// Where sets are recorded; `%s` stands for a set's name.
    trace: Option<String>,
}

impl Settings {
    pub(crate) fn get() -> &'static Self {
        static SETTINGS: OnceLock<Settings> = OnceLock::new();
        SETTINGS.get_or_init(|| {
            let prefix = PREFIX.get().unwrap_or_default();
            let refusals: Option<Refusals> = DEBUG.is("1").then(|| Arc::new(tell) as Refusals);
            let group = GROUP.is("1");
            let options = Options { prefix, group, refusals, ..Options::default() };
            let settings = Self {
                options,
                seconds: TIMEOUT_UNIT.is("seconds"),
                debugs: DEBUG.is("1"),
                holds_configuration: HOLD.is("configuration"),
                trace: TRACE.get(),
            };
            for bad in
                [&TIMEOUT_UNIT, &GROUP, &HOLD].into_iter().filter_map(|one| one.check().err())
            {
                settings.debug(|| format!("{bad}: taken for {}", bad.default));
            }
            settings
        })
    }

    /// The machine of a process.
    pub(crate) fn machine(&self) -> Machine {
        Machine::shared_memory(self.options.clone())
    }

    /// A time-out as C++ gives it.
    pub(crate) fn timeout(&self, time: i64) -> Timeout {
        milliseconds(time, self.seconds).map_or(Timeout::Infinite, Timeout::Milliseconds)
    }

    /// Whether a configuration is given to the program only when its set has ended.
    pub(crate) const fn holds_configuration(&self) -> bool {
        self.holds_configuration
    }

    /// Whether sets are recorded.
    pub(crate) const fn records(&self) -> bool {
        self.trace.is_some()
    }

    /// Where a set is recorded, if it is.
    pub(crate) fn recording(&self, set: &str) -> Option<TraceFile> {
        self.trace.as_ref().map(|pattern| TraceFile::new(pattern, set))
    }

    /// Says something to whoever looks for a fault.
    pub(crate) fn debug(&self, what: impl FnOnce() -> String) {
        if self.debugs {
            tell(&what());
        }
    }
}

fn tell(what: &str) {
    // Where nobody listens nothing is told.
    let _ = writeln!(std::io::stderr(), "libsqlvdi: {what}");
}
