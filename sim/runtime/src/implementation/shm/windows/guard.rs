//! Memory that is lost: nobody can cut a section short, so there is nothing to guard.

/// Whether any mapping of this process has ever lost anything.
pub(crate) const fn any_lost() -> bool {
    false
}

/// Nothing of the process's has to be given back before the library is unloaded.
pub const fn release_process() {}
