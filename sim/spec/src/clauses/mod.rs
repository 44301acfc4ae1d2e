//! What the documents demand: the clause catalogue and the register of
//! contested readings.
//!
//! A clause binds exactly one party, is put in our own words and cites its
//! sources. Where the documents contradict themselves or are silent, the
//! register names the readings; a [`Profile`] is a complete choice among them.

mod catalogue;
mod profile;
mod readings;
mod register;
mod seen;
mod table;

pub use catalogue::{CLAUSES, Clause, ClauseInfo, Party};
pub use profile::{PROFILES, ProfileError, ProfileFile};
pub use readings::{QUESTIONS, Question, QuestionInfo, Reading, ReadingInfo};
pub use register::*;
pub use seen::{SEEN, Seen};
