//! What a server knows of a client.

/// What a server knows of a client, from one batch to the next.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// How many transactions are open, one within the other.
    pub(super) transactions: u32,
    /// The database that is in use.
    pub(super) database: String,
    /// Who it is.
    pub(super) user: String,
    /// The number of its session.
    pub(super) number: u16,
}

impl Default for Context {
    fn default() -> Self {
        Self { transactions: 0, database: "master".into(), user: "sa".into(), number: 51 }
    }
}
