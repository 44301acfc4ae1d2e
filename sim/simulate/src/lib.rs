//! Seeded worlds in virtual time, in which a database server backs up and restores
//! through VDI, with clients good and bad, and with everything going wrong that can.
//!
//! A seed draws the options of its world ([`options_of`]), then every step of it
//! ([`simulate`]): which lane acts next, and which of the allowed outcomes comes. Every
//! event is judged by the oracle as it happens. A BACKUP that succeeded is followed by a
//! RESTORE, and what that reads is compared with what was written.
//!
//! Read first: [`Options`] is what a seed draws, [`Backend`] what a world runs on,
//! [`simulate`] runs it, and [`Outcome`] says what came of it.
//!
//! | folder | what it holds |
//! | --- | --- |
//! | `options` | what a seed draws before anything happens, and what fits together |
//! | `rng` | the streams of draws |
//! | `backend` | what a world runs on: the calls by party, the trait, the model behind it |
//! | `workload` | the programs: database server, backup application, media, external client |
//! | `faults` | what goes wrong: faults at their steps, misuses, and what of it came |
//! | `scheduler` | the lanes, which of them acts next, the clock |
//! | `simulation` | one world: its steps, a call from begin to return, and all else |
//! | `observe` | the trace, the verdict on it, and whether the data is what was written |
//! | `campaign` | what many worlds have shown together, and failures made smaller |
//! | `history` | histories of single calls, without a plan |
//!
//! Same seed, same bytes, on every machine.

mod backend;
mod campaign;
mod faults;
mod history;
mod observe;
mod options;
mod rng;
mod scheduler;
mod simulation;
mod workload;

pub use backend::{
    Actor, Answer, Ask, Backend, CalledBack, ClientAsk, Complete, Delivered, Extra, LaneEvent,
    ModelBackend, Resource, Scarcity, Send, ServerAsk, Setup,
};
pub use campaign::coverage::{Clauses, Coverage, Met, Table};
pub use campaign::shrink::shrink;
pub use campaign::{Apart, CAMPAIGN, Campaign, Deviant, Failure, Totals};
pub use faults::injected::{Fault, Injected};
pub use faults::misuse::{BeginFlaw, CreateFlaw, Misnomer};
pub use faults::{Faults, Refusal};
pub use history::{HistoryOptions, Overlaps, history, overlapping};
pub use observe::calls::Told;
pub use observe::names::{interfaces, resource};
pub use observe::observer::Log;
pub use observe::outcome::{Counts, Ended, Interference, Loss, Outcome, Problem, StatementEnd};
pub use options::{About, Arrangement, Asks, Like, Options, Plan, Strategy, Ways};
pub use rng::Rng;
pub use simulation::run::{
    Watch, options_of, simulate, simulate_on, simulate_with, simulate_with_on,
};
pub use workload::content::{Content, Extent, from_bytes, to_bytes};
pub use workload::deviation::Deviation;
pub use workload::external_client::{Action, Application, Buffers, Input, Thread};
