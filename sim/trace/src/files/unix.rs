//! Owners, modes and links, as POSIX has them.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown,
};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Whoever is neither owner nor of the group may write.
const OTHERS: u32 = 0o002;
/// Anybody but the owner may.
const NOT_OWNER: u32 = 0o022;
/// What is kept of a mode: nothing that changes who runs a program.
const RIGHTS: u32 = 0o777;

/// A folder that is made is nobody else's.
pub(super) fn only_ours_within() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

pub(super) fn is_pipe(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.file_type().is_fifo())
}

/// The flags of an opening are set at once: the later of two calls would win.
#[derive(Debug)]
pub(super) struct Opening<'o> {
    options: &'o mut OpenOptions,
    flags: OFlags,
}

impl Opening<'_> {
    pub(super) fn open(self, path: &Path) -> io::Result<File> {
        self.options.custom_flags(self.flags.bits().cast_signed()).open(path)
    }
}

pub(super) fn never_waiting(options: &mut OpenOptions) -> Opening<'_> {
    Opening { options, flags: OFlags::NONBLOCK }
}

pub(super) fn not_followed(opening: Opening<'_>) -> Opening<'_> {
    Opening { flags: opening.flags | OFlags::NOFOLLOW, ..opening }
}

pub(super) fn only_ours(opening: Opening<'_>) -> Opening<'_> {
    opening.options.mode(0o600);
    opening
}

fn refused(why: &str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, why)
}

/// Whether an entry may have been planted: `others` are the names that it has besides this.
fn is_planted(owner: u32, others: bool, (folder, mode): (u32, u32), me: u32) -> bool {
    mode & OTHERS != 0 && (others || ![me, folder, 0].contains(&owner))
}

/// Opens what is named by its user, unless it may have been planted.
pub(super) fn checked(
    path: &Path,
    open: impl FnOnce(&Path) -> io::Result<File>,
) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let planted = |entry: &Metadata| -> io::Result<bool> {
        let around = fs::metadata(folder)?;
        let others = !entry.is_dir() && entry.nlink() > 1;
        let around = (around.uid(), around.mode());
        Ok(is_planted(entry.uid(), others, around, geteuid().as_raw()))
    };
    let why = "somebody else may have put it there, in a folder that everybody may write";
    let before = fs::symlink_metadata(path).ok();
    let is_link = before.as_ref().is_some_and(Metadata::is_symlink);
    if before.as_ref().map(&planted).transpose()?.unwrap_or(false) {
        return Err(refused(why));
    }
    let file = open(path)?;
    // What stands behind a link of one's own is one's own choice; else it is what was looked
    // at, or has come since.
    let now = file.metadata()?;
    if !is_link && now.is_file() && planted(&now)? {
        return Err(refused(why));
    }
    Ok(file)
}

pub(super) fn is_own_lock(file: &Metadata) -> io::Result<()> {
    match () {
        () if !file.is_file() => Err(refused("it is no file")),
        () if file.uid() != geteuid().as_raw() => Err(refused("it is another user's")),
        () if file.nlink() > 1 => Err(refused("it has a second name")),
        () if file.mode() & NOT_OWNER != 0 => Err(refused("others may write it")),
        () => Ok(()),
    }
}

pub(super) fn is_own_folder(folder: &Metadata) -> io::Result<()> {
    match () {
        () if !folder.is_dir() => Err(refused("it is no folder of its own, or a link to one")),
        () if folder.uid() != geteuid().as_raw() => Err(refused("the folder is another user's")),
        () if folder.mode() & NOT_OWNER != 0 => Err(refused("others may write the folder")),
        () => Ok(()),
    }
}

/// Owner and group first: a change of them may take rights away.
pub(super) fn rights_of(there: &Metadata, file: &File) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        // Whoever may not give a file away, and writes in the place of another's, has a file
        // of his own there, as with any program that puts a new one in its place.
        let _ = fchown(file, None, Some(there.gid()));
        let _ = fchown(file, Some(there.uid()), None);
    }
    let group_is = file.metadata()?.gid() == there.gid();
    // What the former group might, another may not.
    let mode = there.mode() & RIGHTS & if group_is { RIGHTS } else { !0o070 };
    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::is_planted;

    #[test]
    fn only_where_everybody_may_write_something_is_planted() {
        let (me, owner, other) = (7, 8, 9);
        for mode in [0o1777, 0o777, 0o1703] {
            assert!(is_planted(other, false, (owner, mode), me), "{mode:o}");
            for known in [me, owner, 0] {
                assert!(!is_planted(known, false, (owner, mode), me), "{mode:o}, {known}");
                assert!(is_planted(known, true, (owner, mode), me), "{mode:o}: a second name");
            }
        }
        for mode in [0o755, 0o775, 0o2770] {
            assert!(!is_planted(other, true, (owner, mode), me), "{mode:o}");
        }
    }
}
