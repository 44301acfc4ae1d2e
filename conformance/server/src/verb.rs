//! What a statement does, and of what.

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It reads the database and writes media.
    Backup,
    /// It reads media and writes the database.
    Restore,
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The database.
    Database,
    /// Its log.
    Log,
}

impl Verb {
    /// The first word of the statement.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "BACKUP",
            Self::Restore => "RESTORE",
        }
    }
}
