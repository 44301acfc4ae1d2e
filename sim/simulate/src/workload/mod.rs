//! What the programs of a world do: the database server, the backup application with its
//! media, and a client from outside in its place.

pub(crate) mod client;
pub(crate) mod content;
pub(crate) mod deviation;
pub(crate) mod external_client;
pub(crate) mod medium;
pub(crate) mod numbers;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod stream;
mod stream_items;
pub(crate) mod worker;
