//! Why a recording cannot be made again.

/// Why a recording cannot be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// No client is in it.
    #[error("no client calls anything in it that could be made again")]
    Nothing,
    /// It is a recording of clients that were not all of them.
    #[error("its header says that there were clients that were not recorded")]
    HalfOfClients,
    /// It has two sets at a time.
    #[error(
        "line {0}: a second statement, while one is carried out; one at a time can be made again"
    )]
    TwoStatements(usize),
    /// What is restored is in another process.
    #[error(
        "a secondary client serves a restore in it, and what is to be restored is in the memory of another process"
    )]
    RestoredElsewhere,
}
