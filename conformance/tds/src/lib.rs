//! The server's side of TDS, the protocol by which drivers send SQL to a server: what they
//! send is read, what they are answered is written. What the SQL means is for an [`Engine`].
//!
//! | file | what it holds |
//! | --- | --- |
//! | `bytes` | numbers and texts of a message, read and written |
//! | `packet` | packets, and the messages that they are parts of |
//! | `prelogin`, `login` | what comes before the first statement |
//! | `tls`, `channel` | a connection, encrypted or not |
//! | `types` | parameters read, columns and values written |
//! | `request`, `rpc` | batches, calls of procedures, transactions, read |
//! | `token`, `answer` | what a client is told |
//! | `engine` | what carries statements out |
//! | `inputs` | what a client sends, read and not answered |
//! | `options`, `connection`, `listener` | how it is served; a connection from its beginning to its end; all of them |
//!
//! Read first: [`Listener`], [`Engine`], [`Answer`].
//!
//! Source: [MS-TDS], Tabular Data Stream Protocol, for 7.1 to 7.4; and what twelve drivers
//! were seen to send and to demand. No library of the registry serves TDS: what there is are
//! clients. TLS is rustls, certificates are rcgen.

mod answer;
mod bytes;
mod channel;
mod connection;
mod engine;
#[doc(hidden)]
pub mod inputs;
mod listener;
mod login;
mod options;
mod packet;
mod prelogin;
mod request;
mod rpc;
mod tls;
mod token;
mod types;

pub use answer::{Answer, Shape, Told};
pub use engine::{Engine, Halt, Refusal, Request, Why};
pub use listener::Listener;
pub use login::Login;
pub use options::Options;
pub use request::TransactionRequest;
pub use tls::{Identity, NoIdentity};
pub use types::{Column, Type, Value};
