//! Seeded worlds in virtual time, in which a database server backs up and restores
//! through VDI, with clients good and bad, and with everything going wrong that can.
//!
//! A seed draws the options of its world ([`options_of`]), then every step of it
//! ([`simulate`]): which lane acts next, and which of the allowed outcomes comes. Every
//! event is judged by the oracle as it happens. A BACKUP that succeeded is followed by a
//! RESTORE, and what that reads is compared with what was written.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `options`, `limits`, `faults`, `deviation` | what a seed draws before anything happens |
//! | `chance` | the streams of draws |
//! | `engine`, `on_model` | what a world runs on: the model, or an implementation |
//! | `program` | what server and client have in common |
//! | `server`, `stream` | the database engine |
//! | `client`, `worker`, `medium`, `content` | the backup application and its media |
//! | `world`, `carry`, `time`, `schedule`, `setup` | lanes, time, the scheduler |
//! | `trouble`, `struck` | what goes wrong, and what came of it |
//! | `observe`, `names` | events, judged and kept |
//! | `run`, `outcome` | what came of it |
//! | `campaign`, `coverage` | what many worlds have shown together |
//! | `odd` | calls out of the order |
//! | `own` | a client of one's own |
//! | `shrink` | a failing world made smaller |
//! | `history`, `overlapping`, `draw`, `drawn` | histories of single calls, without a plan |
//!
//! Same seed, same bytes, on every machine.

mod campaign;
mod carry;
mod chance;
mod client;
mod content;
mod coverage;
mod deviation;
mod draw;
mod drawn;
mod engine;
mod faults;
mod history;
mod limits;
mod medium;
mod names;
mod observe;
mod odd;
mod on_model;
mod options;
mod outcome;
mod overlapping;
mod own;
mod program;
mod run;
mod schedule;
mod server;
mod setup;
mod shrink;
mod stream;
mod struck;
mod time;
mod trouble;
mod worker;
mod world;

pub use campaign::{Apart, CAMPAIGN, Campaign, Deviant, Failure, Totals};
pub use chance::Chance;
pub use content::{Content, Extent, from_bytes, to_bytes};
pub use coverage::{Clauses, Coverage, Met, Table};
pub use deviation::Deviation;
pub use engine::{
    Answer, Ask, By, CalledBack, Complete, Delivered, Engine, Gives, Happened, Scarcity, Send,
    Setup, Thing, Wait,
};
pub use faults::{Faults, Refusal};
pub use history::{Options as HistoryOptions, history};
pub use observe::Log;
pub use odd::{BeginFlaw, CreateFlaw, Misnomer, Odd};
pub use on_model::OnModel;
pub use options::{About, Arrangement, Asks, Like, Options, Plan, Strategy, Ways};
pub use outcome::{Counts, Ended, Loss, Outcome, Problem, StatementEnd};
pub use overlapping::{Overlaps, overlapping};
pub use own::{Application, Buffers, Do, Thread, Told};
pub use run::{Watch, options_of, simulate, simulate_on, simulate_with, simulate_with_on};
pub use shrink::shrink;
pub use struck::{Fault, Struck};
