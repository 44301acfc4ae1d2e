//! What logs say of a backup or a restore over the Virtual Device Interface.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`words`] | what logs contain, word by word, each with its public source |
//! | [`read`] | files: error logs, exports of event logs as text, CSV or XML, clients' logs |
//! | `signs` | what a line says of an operation |
//! | `recording` | the same of a trace |
//! | `group` | which lines are of one operation |
//! | `judge` | which side ended it first, and how sure that is |
//! | `collect` | what to collect next |
//! | [`report`] | what is found, as a value and as text |
//!
//! Read first: [`diagnose`], [`Diagnosis`], [`read::LogFile`].
//!
//! Architecture invariant: never more certain than the lines allow. What two lines leave open
//! (which came first, whether they are of one operation) is open in the diagnosis, too.

#[cfg(feature = "logs")]
mod collect;
#[cfg(feature = "logs")]
mod group;
#[cfg(feature = "logs")]
mod judge;
#[cfg(feature = "logs")]
pub mod read;
#[cfg(feature = "logs")]
mod recording;
#[cfg(feature = "logs")]
pub mod report;
#[cfg(feature = "logs")]
mod signs;
pub mod words;

#[cfg(feature = "logs")]
pub use recording::Half;
#[cfg(feature = "logs")]
pub use report::{Certainty, Diagnosis, Ended, Evidence, FileRead, Operation, Outcome, Side};

#[cfg(feature = "logs")]
use read::LogFile;
#[cfg(feature = "logs")]
use recording::Recording;

/// Says of every operation that the logs tell of which side ended it first.
#[cfg(feature = "logs")]
#[must_use]
pub fn diagnose(files: &[LogFile], half: Option<Half<'_>>) -> Diagnosis {
    let mut items: Vec<signs::Item> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        items.extend(signs::of_file(index, file));
    }
    let recorded = half.map(|half| Recording::of(files.len(), half));
    let groups = group::operations(files, items, recorded.as_ref());
    let operations =
        groups.iter().map(|group| judge::operation(files, recorded.as_ref(), group)).collect();
    report::diagnosis(files, recorded.as_ref(), operations)
}
