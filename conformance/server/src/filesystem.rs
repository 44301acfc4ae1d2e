//! What the systems have each in their own way.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
#[cfg(windows)]
use std::os::windows::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, is_separator};

/// Reads so many bytes from a place of a file.
pub(super) fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return file.read_exact_at(into, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < into.len() {
            match file.seek_read(&mut into[done..], offset + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                got => done += got,
            }
        }
        Ok(())
    }
}

/// Which file it is, and since when it holds what it holds.
pub(super) fn identity(of: &Metadata) -> String {
    #[cfg(unix)]
    return format!("{} {}.{:09}", of.ino(), of.mtime(), of.mtime_nsec());
    #[cfg(windows)]
    format!("{} {}", of.creation_time(), of.last_write_time())
}

/// How a file is made: of this user alone, or as the system makes files.
pub(super) fn rights(options: &mut OpenOptions, only_ours: bool) -> &mut OpenOptions {
    #[cfg(unix)]
    return options.mode(if only_ours { 0o600 } else { 0o666 });
    // Whose it is is the folder's to say there.
    #[cfg(windows)]
    {
        let _ = only_ours;
        options
    }
}

/// Whether an open file is still the one at this path.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    return path.metadata().is_ok_and(|there| {
        file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (there.dev(), there.ino()))
    });
    #[cfg(windows)]
    path.metadata().is_ok_and(|there| {
        file.metadata().is_ok_and(|own| own.creation_time() == there.creation_time())
    })
}

/// Whether a name leads to another folder, or into a file's side room.
pub(super) fn leads_away(name: &str) -> bool {
    name.contains(is_separator) || cfg!(windows) && name.contains(':')
}
