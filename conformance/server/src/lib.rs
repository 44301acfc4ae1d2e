//! A stand-in for the database server: it plays the server's part of BACKUP and RESTORE
//! over the runtime, so that client programs can be tried without a database.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `quotes`, `words`, `parser`, `verb`, `options` | the words of SQL, and what they mean |
//! | `statement`, `query`, `order` | BACKUP and RESTORE, SELECT, and the rest of a batch, read |
//! | `rows`, `catalogue` | what SELECT finds |
//! | `answers`, `context`, `batch` | a batch carried out, and whom it is told |
//! | `messages` | what a server says of a statement, by number |
//! | `sqlcmd` | the command line and the scripts of `sqlcmd` |
//! | `serving`, `standing` | `vdi serve`: statements that are given, or handed over at a socket |
//! | `console`, `outcomes` | what becomes of statements, printed and written down |
//! | `door`, `tds` | `vdi serve --tds`: statements that drivers send |
//! | `database`, `filesystem` | where the data is: files, generated data, memory |
//! | `media` | what goes onto the media: a header, data, a checksum |
//! | `server`, `execute` | the server, and one statement carried out |
//! | `session`, `drive` | a set opened, configured and closed again; its devices driven |
//! | `device` | one device: commands sent, completions waited for |
//! | `backup`, `restore`, `looks`, `moved` | the statements, carried out, and what they tell of it |
//! | `faults` | what goes wrong on purpose |
//! | `inputs` | what others write, read and not acted upon |
//! | `stop` | a statement, or all of them, stopped |
//!
//! Read first: [`Server`], [`Statement`], [`ServeOptions`].
//!
//! It uses the server's half of the interface as it is documented, so it is an example of
//! it, too. Nothing of it is taken from, or compared with, the real server but what the
//! documents and the field say: the data on the media has a format of its own.

mod answers;
mod backup;
mod batch;
mod catalogue;
mod console;
mod context;
mod database;
mod device;
mod door;
mod drive;
mod error;
mod execute;
mod faults;
mod filesystem;
#[doc(hidden)]
pub mod inputs;
mod looks;
mod media;
mod messages;
mod moved;
mod options;
mod order;
mod outcomes;
mod parser;
mod query;
mod quotes;
mod restore;
mod rows;
mod server;
mod serving;
mod session;
mod sqlcmd;
mod standing;
mod statement;
mod stop;
mod sync;
#[cfg(feature = "tds")]
mod tds;
mod verb;
mod words;

pub use database::{Database, Databases, Memory};
pub use door::TdsOptions;
pub use error::ServeError;
pub use execute::Done;
pub use faults::{Fault, Faults};
pub use messages::{Failed, Message};
pub use options::{Options, Restoring, list_options};
pub use order::{Order, Transact, parse};
pub use parser::BadStatement;
pub use query::Query;
pub use rows::Value;
pub use server::Server;
pub use serving::{ServeOptions, StandingServer};
pub use sqlcmd::sqlcmd;
pub use statement::Statement;
pub use stop::{Stop, Stops};
pub use verb::{Look, Verb, What};
