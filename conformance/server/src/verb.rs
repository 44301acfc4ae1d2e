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

/// What a RESTORE looks at instead of restoring it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The files of the database.
    FileList,
    /// The backup.
    Header,
    /// The medium.
    Label,
    /// All of it: whether it could be restored.
    Verify,
}

impl Look {
    /// Every one.
    pub(super) const ALL: [Self; 4] = [Self::FileList, Self::Header, Self::Label, Self::Verify];

    /// The word of the statement.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FileList => "FILELISTONLY",
            Self::Header => "HEADERONLY",
            Self::Label => "LABELONLY",
            Self::Verify => "VERIFYONLY",
        }
    }
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
