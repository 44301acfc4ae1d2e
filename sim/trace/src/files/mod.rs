//! The door to files: what this project makes, writes or takes for its own is opened here, so
//! that nobody else's file is written because of a name.
//!
//! | what | whose it is | links |
//! | --- | --- | --- |
//! | [`written`], [`appended`], [`write()`] | named by the user, who may name a link | followed, unless somebody else may have planted it |
//! | [`own`], [`put`], [`replace`] | ours, at a place that others may know | never followed |
//! | [`plain`] | read, and it has to be a file | never followed |
//! | [`private_folder`], [`Temporary`] | ours alone | never followed |
//!
//! *Planted* is what stands in a folder that everybody may write, and is neither this user's nor
//! the folder's owner's nor root's; or has a second name, which anybody can have given it. The
//! system refuses the same where `fs.protected_symlinks`, `protected_hardlinks` and
//! `protected_regular` are set, which is not everywhere.
//!
//! Nothing is cut short before it is known whose it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use elsewhere as system;
#[cfg(unix)]
use unix as system;

use system::{
    checked, is_own_folder, is_own_lock, is_pipe, never_waiting, not_followed, only_ours,
    only_ours_within, rights_of,
};

/// A file that is named by its user and written anew: what is in it goes, once it is known to
/// be no one else's.
///
/// # Errors
/// It cannot be opened; it is a pipe, which would have to be waited for; it may have been planted.
pub fn written(path: &Path) -> io::Result<File> {
    let file = opened(File::options().write(true).create(true).truncate(false), path)?;
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// The same, written behind its end.
///
/// # Errors
/// As [`written`].
pub fn appended(path: &Path) -> io::Result<File> {
    opened(File::options().append(true).create(true), path)
}

/// Writes a whole file that is named by its user.
///
/// # Errors
/// As [`written`], or it cannot be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    // A terminal, or what a shell puts behind a name, may be written, too.
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    let mut file = checked(path, |path| options.open(path))?;
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(content.as_ref())
}

/// A file that is named by its user, opened in some way that cuts nothing short; but no pipe:
/// whoever is recorded would wait for somebody to read it.
///
/// # Errors
/// As [`written`].
pub fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // A pipe that nobody has opened at its other end is not waited for.
    let file = checked(path, |path| never_waiting(options).open(path))?;
    if is_pipe(&file)? {
        let why = "it is a pipe: a trace is recorded into a file";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(file)
}

/// A file to be read, which is one, and no link.
///
/// # Errors
/// It cannot be opened, or is something else.
pub fn plain(path: &Path) -> io::Result<File> {
    let file = not_followed(never_waiting(File::options().read(true))).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    Ok(file)
}

/// A file of ours that keeps others away, by its lock: made if it is not there, and whatever is
/// in it stays.
///
/// # Errors
/// It cannot be opened; it is a link, has a second name, or is, or may be written by, somebody
/// else.
pub fn own(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = not_followed(only_ours(never_waiting(&mut options))).open(path)?;
    is_own_lock(&file.metadata()?)?;
    Ok(file)
}

/// Makes something beside a path, under a name that nothing has, and puts it in the place of what
/// is there, link or not: what runs, or is read, keeps the old one. `make` must refuse a name
/// that is there already, by [`ErrorKind::AlreadyExists`].
///
/// # Errors
/// It cannot be made, or not be put there.
pub fn put(path: &Path, mut make: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = path.with_file_name(format!(".{name}.{}-{number}.new", std::process::id()));
        return match make(&new) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => made
                .and_then(|()| fs::rename(&new, path))
                .inspect_err(|_| drop(fs::remove_file(&new))),
        };
    }
}

/// Puts a file in the place of what is there, as [`put`] does.
///
/// # Errors
/// It cannot be written, or not be put there.
pub fn replace(path: &Path, fill: impl Fn(&mut File) -> io::Result<()>) -> io::Result<()> {
    put(path, |new| fill(&mut File::options().write(true).create_new(true).open(new)?))
}

/// Gives a file that is about to take the place of another that one's rights; nothing happens if
/// there is none.
///
/// # Errors
/// They cannot be given.
pub fn inherit(file: &File, place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(there) => rights_of(&there, file),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A folder of this user's alone; made if it is not there.
///
/// # Errors
/// It cannot be made; it is a link, or is, or may be written by, somebody else.
pub fn private_folder(path: &Path) -> io::Result<()> {
    only_ours_within().recursive(true).create(path)?;
    is_own_folder(&fs::symlink_metadata(path)?)
}

/// A new folder among those for what lasts no longer than a program: of this user alone, and
/// gone once this is dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// One whose name begins like this.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(name: &str) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{name}-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            // What is there already is somebody's, whoever has guessed the name.
            match only_ours_within().create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => return made.map(|()| Self(path)),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays lies in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
