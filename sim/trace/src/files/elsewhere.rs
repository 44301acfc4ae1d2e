//! Where there are no owners and modes as POSIX has them: what the system's own rules for folders
//! do not keep apart is not kept apart here.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

pub(super) fn never_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(super) fn not_followed(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(super) fn only_ours(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(super) fn only_ours_within() -> DirBuilder {
    DirBuilder::new()
}

pub(super) fn is_pipe(_: &File) -> io::Result<bool> {
    Ok(false)
}

pub(super) fn checked(
    path: &Path,
    open: impl FnOnce(&Path) -> io::Result<File>,
) -> io::Result<File> {
    open(path)
}

pub(super) fn is_own_lock(_: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn is_own_folder(_: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn rights_of(_: &Metadata, _: &File) -> io::Result<()> {
    Ok(())
}
