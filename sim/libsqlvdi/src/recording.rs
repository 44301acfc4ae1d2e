//! Traces of the sets of this process, for `vdi check`.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use vdi_recorder::shared::{claim, join, trace_path};
use vdi_recorder::{ClientSet, Recording, header_here};
use vdi_runtime::{Mortal, Options};

/// What this process is to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It creates it.
    Primary,
    /// It opens it as a secondary client.
    Secondary,
}

/// The file of one set's trace.
#[derive(Debug)]
pub(crate) struct TraceFile(PathBuf);

impl TraceFile {
    pub(crate) fn new(pattern: &str, set: &str) -> Self {
        Self(trace_path(pattern, set))
    }

    /// The set interface, recorded into this file; `None` if nothing can be recorded.
    #[expect(clippy::print_stderr, reason = "who asks for a trace hears why there is none")]
    pub(crate) fn of(
        &self,
        set: &vdi_runtime::ClientSet,
        name: &str,
        role: Role,
    ) -> Option<ClientSet> {
        let open = || self.open(set, name, role);
        let panicked = |_| Err(io::Error::other("the recording cannot be begun"));
        match catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(panicked) {
            Ok(recorded) => recorded,
            Err(error) => {
                eprintln!("libsqlvdi: VDI_TRACE: {}: {error}", self.0.display());
                None
            }
        }
    }

    fn open(
        &self,
        set: &vdi_runtime::ClientSet,
        name: &str,
        role: Role,
    ) -> io::Result<Option<ClientSet>> {
        let header = header_here(&Options::default());
        match role {
            Role::Primary => {
                let claim = claim(&self.0)?;
                let recording = Recording::begin(&self.0, &header)?;
                Ok(Some(recording.until_closed(claim).client(set.clone())))
            }
            Role::Secondary => {
                // Where there is no set there is no history that this would belong to, and a
                // trace names nine secondary clients at most.
                let Some(history) = set.history_of(None, name) else { return Ok(None) };
                let Ok(number @ 1..=9) = u8::try_from(history.next_secondary()) else {
                    return Ok(None);
                };
                let recording = Recording::new(join(&self.0, &header, (&history, name))?);
                recording.watch(history.clone(), Mortal::Server);
                recording.watch(history, Mortal::Primary);
                Ok(Some(recording.secondary(number, set.clone())))
            }
        }
    }
}
