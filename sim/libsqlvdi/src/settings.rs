//! What the environment says, looked at once.

use std::sync::OnceLock;

use vdi_runtime::{Machine, Options, Timeout};
use vdi_spec::abi::milliseconds;

use crate::recording::TraceFile;

/// The choices of whoever runs the program.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) machine: Machine,
    seconds: bool,
    debug: bool,
    /// Where sets are recorded; `%s` stands for a set's name.
    trace: Option<String>,
}

impl Settings {
    pub(crate) fn get() -> &'static Self {
        static SETTINGS: OnceLock<Settings> = OnceLock::new();
        SETTINGS.get_or_init(|| {
            let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|is| is == value);
            let prefix = std::env::var("VDI_PREFIX").unwrap_or_default();
            let options = Options { prefix, group: is("VDI_GROUP", "1"), ..Options::default() };
            let settings = Self {
                machine: Machine::shared_memory(options),
                seconds: is("VDI_TIMEOUT_UNIT", "seconds"),
                debug: is("VDI_DEBUG", "1"),
                trace: std::env::var("VDI_TRACE").ok().filter(|path| !path.is_empty()),
            };
            settings.tell_misspelt("VDI_TIMEOUT_UNIT", &["milliseconds", "seconds"]);
            settings.tell_misspelt("VDI_GROUP", &["0", "1"]);
            settings
        })
    }

    /// Tells of a variable that has no value that is known: the first of those holds.
    fn tell_misspelt(&self, name: &str, known: &[&str]) {
        let value = std::env::var_os(name).unwrap_or_default();
        if !value.is_empty() && !known.iter().any(|known| value == *known) {
            let (value, known, first) = (value.display(), known.join(" or "), known[0]);
            self.tell(|| format!("{name} is `{value}`, expected {known}: taken for {first}"));
        }
    }

    /// A time-out as C++ gives it.
    pub(crate) fn timeout(&self, time: i64) -> Timeout {
        milliseconds(time, self.seconds).map_or(Timeout::Infinite, Timeout::Milliseconds)
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
    #[expect(clippy::print_stderr, reason = "asked for by VDI_DEBUG")]
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.debug {
            eprintln!("libsqlvdi: {}", what());
        }
    }
}
