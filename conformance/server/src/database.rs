//! Where the data of databases is: in files of a folder, generated from a seed, in memory.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crc32fast::Hasher;
use serde::Deserialize;
use vdi_runtime::Bytes;
use vdi_trace::{Size, files};

use super::filesystem::{self, is_at, leads_away, read_exact_at, rights};
use super::messages::{Failed, Message};
use super::options::Restoring;
use super::verb::What;

/// Bytes of a database that is made by a statement.
const NEW: usize = 600 * 1024;

/// A folder of databases: the file `NAME` is the data of the database NAME, `NAME.log` its
/// log. `NAME.generated`, a JSON object `{"seed": 1, "bytes": "1GiB"}`, stands for data
/// that is made when it is read, and compared with what was restored.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    folder: Option<PathBuf>,
    memory: Option<Memory>,
}

/// The data of every database: so many bytes, that of a piece of memory again and again.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The piece.
    pub piece: Arc<Vec<u8>>,
    /// Bytes of the database.
    pub bytes: u64,
}

/// Bytes that are copied and summed at a time: half of a processor's first cache.
const PIECE: usize = 16 * 1024;

/// The data of one database, or of its log.
#[derive(Clone, Debug)]
pub enum Database {
    /// In a file.
    File(PathBuf),
    /// Made from a seed.
    Generated(Generated),
    /// In memory; nothing can be restored into it.
    Memory(Memory),
}

/// Data that is made from a seed: the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    seed: u64,
    bytes: Size,
}

impl Databases {
    /// Those in a folder. What servers have left there that died while they restored goes.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        clear_stale(&folder);
        Self { folder: Some(folder), memory: None }
    }

    /// One, of whatever name, in memory.
    #[must_use]
    pub const fn in_memory(memory: Memory) -> Self {
        Self { folder: None, memory: Some(memory) }
    }

    /// Whether there is a database of that name.
    pub(super) fn is_there(&self, name: &str) -> bool {
        let file = self.folder.as_ref().map(|folder| folder.join(name));
        file.is_none_or(|file| {
            file.is_file() || file.with_file_name(format!("{name}.generated")).is_file()
        })
    }

    /// Makes a database, with a little data in it; why not, if it cannot be.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 1801.
    pub(super) fn create(&self, name: &str) -> Option<Message> {
        let place = match self.find(name, What::Database, false) {
            Ok(Database::File(place)) if !self.is_there(name) => place,
            Ok(_) => {
                let text =
                    format!("Database '{name}' already exists. Choose a different database name.");
                return Some(Message { number: 1801, level: 16, text });
            }
            Err(failed) => return failed.messages.into_iter().next(),
        };
        let data: Vec<u8> = (0..NEW).map(|at| (at * 7 + at / 251) as u8).collect();
        let made = File::options().write(true).create_new(true).open(place);
        made.and_then(|mut file| file.write_all(&data))
            .err()
            .map(|error| no_number(format!("The file of '{name}' cannot be made: {error}.")))
    }

    /// Removes a database, with its log; why not, if it cannot be.
    ///
    /// Source: SQL Server documentation, Database engine events and errors, 3701.
    pub(super) fn remove(&self, name: &str, lenient: bool) -> Option<Message> {
        let found = self.find(name, What::Database, true);
        let Some((folder, Ok(_))) = self.folder.as_ref().map(|folder| (folder, found)) else {
            let text = format!(
                "Cannot drop the database '{name}', because it does not exist or you do not have \
                 permission."
            );
            return (!lenient).then_some(Message { number: 3701, level: 11, text });
        };
        let all = [name.to_owned(), format!("{name}.generated"), format!("{name}.log"), mark(name)];
        let removed = all.iter().map(|file| std::fs::remove_file(folder.join(file)));
        let mut failed = removed.filter_map(Result::err);
        let failed = failed.find(|error| error.kind() != io::ErrorKind::NotFound);
        failed.map(|error| no_number(format!("The files of '{name}' cannot be removed: {error}.")))
    }

    /// How a database is, if more can be restored onto it.
    pub(super) fn restoring(&self, name: &str) -> Option<Restoring> {
        let folder = self.folder.as_ref()?;
        let said =
            io::read_to_string(files::plain(&folder.join(mark(name))).ok()?.take(200)).ok()?;
        let (how, file) = said.split_once(' ')?;
        // Whoever has put another file in its place has another database.
        let same = identity(folder, name).is_some_and(|now| now == file);
        let how = if how == STANDBY { Restoring::Standby } else { Restoring::NoRecovery };
        same.then_some(how)
    }

    /// Writes down how it is now.
    pub(super) fn set_restoring(&self, name: &str, how: Option<Restoring>) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let how = match how {
            Some(Restoring::NoRecovery) => "norecovery",
            Some(Restoring::Standby) => STANDBY,
            None => {
                return match std::fs::remove_file(folder.join(mark(name))) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                };
            }
        };
        let file = identity(folder, name).unwrap_or_default();
        let said = format!("{how} {file}");
        files::replace(&folder.join(mark(name)), |mark| mark.write_all(said.as_bytes()))
    }

    /// The names of all that are there, in their order.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = self.folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
        let files = entries.into_iter().flatten().flatten();
        let files = files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let names = files.filter_map(|entry| entry.file_name().into_string().ok());
        let databases = names.map(|name| name.trim_end_matches(".generated").to_owned());
        let mut names: Vec<String> =
            databases.filter(|name| !name.starts_with('.') && !name.ends_with(".log")).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The data of a database, or its log; for RESTORE it need not exist yet.
    pub(super) fn find(&self, name: &str, what: What, must: bool) -> Result<Database, Failed> {
        if let Some(memory) = &self.memory {
            return Ok(Database::Memory(memory.clone()));
        }
        let unknown =
            |why: &str| Failed::new(911, format!("Database '{name}' does not exist{why}."));
        let Some(folder) = &self.folder else {
            return Err(unknown(" (VDI_DATA, the folder of databases, is not set)"));
        };
        if leads_away(name) || name.starts_with('.') {
            return Err(unknown(": a name is that of a file"));
        }
        // Whose data lies elsewhere is not known: nothing is read from there, or written.
        let links = [name.to_owned(), format!("{name}.log"), format!("{name}.generated")];
        let is_link = |file: &String| folder.join(file).is_symlink();
        if let Some(link) = links.iter().find(|file| is_link(file)) {
            let link = folder.join(link);
            return Err(unknown(&format!(": {} is a link, which is not followed", link.display())));
        }
        let file = folder.join(if what == What::Log { format!("{name}.log") } else { name.into() });
        let recipe = file.with_file_name(format!(
            "{}.generated",
            file.file_name().unwrap_or_default().to_string_lossy()
        ));
        if recipe.is_file() {
            return generated(&recipe).map(Database::Generated).map_err(|why| unknown(&why));
        }
        if must && !file.is_file() {
            return Err(unknown(&format!(": {} is no file", file.display())));
        }
        Ok(Database::File(file))
    }
}

/// What no server says so: a number of users' own.
fn no_number(text: String) -> Message {
    Message { number: 50_000, level: 16, text }
}

/// What is written down of a database that can be read while more is restored onto it.
const STANDBY: &str = "standby";

/// Where it is written down that more can be restored onto a database.
fn mark(name: &str) -> String {
    format!(".{name}.norecovery")
}

/// Which file holds a database's data, and since when.
fn identity(folder: &Path, name: &str) -> Option<String> {
    let files = [folder.join(name), folder.join(format!("{name}.generated"))];
    let found = files.iter().find_map(|file| file.metadata().ok())?;
    Some(filesystem::identity(&found))
}

/// How the name of a file ends into which data is restored.
const UNFINISHED: &str = ".restoring";

/// A new file where data is restored to until all of it is there: beside the database, named
/// after it, this process, and a number. It is locked as long as somebody restores into it:
/// by that it is told from one that was left.
fn unfinished(place: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = format!(".{name}.{}-{number}{UNFINISHED}", std::process::id());
        let path = place.with_file_name(own);
        // What takes the place of another is this user's alone until it has that one's rights.
        let mut options = File::options();
        let opened = rights(&mut options, place.exists()).write(true).create_new(true).open(&path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        file.lock()?;
        // Before it was locked it was as good as left, and may be gone.
        if is_at(&file, &path) {
            return Ok((file, path));
        }
    }
}

/// Whether a file of this name is one into which a server restores.
fn is_unfinished(name: &str) -> bool {
    let own = || {
        let (database, process) =
            name.strip_prefix('.')?.strip_suffix(UNFINISHED)?.rsplit_once('.')?;
        let (process, number) = process.split_once('-')?;
        process.parse::<u32>().ok().and(number.parse::<u64>().ok())?;
        Some(!database.is_empty())
    };
    own().unwrap_or(false)
}

/// Removes what servers have left that died while they restored, of whatever database.
fn clear_stale(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file
            && is_unfinished(&entry.file_name().to_string_lossy())
            && let Ok(file) = files::plain(&entry.path())
            && file.try_lock().is_ok()
        {
            // Another may do the same at this moment.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn generated(recipe: &Path) -> Result<Generated, String> {
    let at_recipe = |why: String| format!(": {}: {why}", recipe.display());
    let text = vdi_trace::read_document(recipe).map_err(|error| at_recipe(error.to_string()))?;
    let generated: Generated =
        vdi_trace::from_str(&text).map_err(|error| at_recipe(error.to_string()))?;
    if generated.bytes.0 < 0 { Err(at_recipe("bytes are below 0".into())) } else { Ok(generated) }
}

/// Data that is read, in pieces, from many threads.
#[derive(Debug)]
pub(super) enum Source {
    File(File, u64),
    Generated(Generated),
    Memory(Memory),
}

impl Source {
    pub(super) fn open(database: &Database) -> io::Result<Self> {
        Ok(match database {
            Database::File(path) => {
                let file = files::plain(path)?;
                let length = file.metadata()?.len();
                Self::File(file, length)
            }
            Database::Generated(generated) => Self::Generated(*generated),
            Database::Memory(memory) => Self::Memory(memory.clone()),
        })
    }

    pub(super) const fn len(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Generated(generated) => generated.len(),
            Self::Memory(memory) => memory.bytes,
        }
    }

    /// The CRC-32 of all the data.
    pub(super) fn checksum(&self) -> io::Result<u32> {
        let mut hasher = Hasher::new();
        let mut piece = vec![0; 1 << 20];
        let mut offset = 0;
        while offset < self.len() {
            let some = (self.len() - offset).min(piece.len() as u64) as usize;
            match self {
                Self::File(file, _) => read_exact_at(file, &mut piece[..some], offset)?,
                Self::Generated(generated) => generated.write(offset, &mut piece[..some]),
                Self::Memory(memory) => memory.copy(offset, &mut piece[..some]),
            }
            hasher.update(&piece[..some]);
            offset += some as u64;
        }
        Ok(hasher.finalize())
    }

    /// Puts `length` bytes from `offset` on into a buffer, at its start. The hasher takes
    /// them in, if there is one.
    pub(super) fn fill(
        &self,
        (offset, length): (u64, usize),
        buffer: &Bytes,
        hasher: Option<&mut Hasher>,
    ) -> io::Result<()> {
        match self {
            Self::File(file, _) => {
                let got = read_whole(file, offset, buffer, length)?;
                if got < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                hash(buffer, length, hasher);
            }
            Self::Generated(generated) => {
                let mut piece = vec![0; length];
                generated.write(offset, &mut piece);
                buffer.copy_from(&piece);
                hasher.into_iter().for_each(|hasher| hasher.update(&piece));
            }
            Self::Memory(memory) => memory.fill((offset, length), buffer, hasher),
        }
        Ok(())
    }
}

/// Reads until there are so many bytes, or the file ends.
fn read_whole(file: &File, offset: u64, buffer: &Bytes, length: usize) -> io::Result<usize> {
    let got = buffer.read_from(file, offset, length)?;
    if got == length || got == 0 {
        return Ok(got);
    }
    // Rare, and then it does not matter that it is copied twice.
    let mut whole = vec![0; length];
    let filled = read_exact_at(file, &mut whole, offset);
    filled.map(|()| buffer.copy_from(&whole[..]))
}

/// Takes in the first `length` bytes of a buffer.
pub(super) fn hash(buffer: &Bytes, length: usize, hasher: Option<&mut Hasher>) {
    if let Some(hasher) = hasher {
        buffer.for_each_piece(length, |piece| hasher.update(piece));
    }
}

impl Memory {
    /// The bytes from `offset` on, in stretches that lie in one piece: where each begins.
    fn stretches(&self, (offset, length): (u64, usize), mut act: impl FnMut(usize, &[u8])) {
        let mut done = 0;
        while done < length {
            let from = ((offset + done as u64) % self.piece.len() as u64) as usize;
            let some = (self.piece.len() - from).min(length - done);
            act(done, &self.piece[from..from + some]);
            done += some;
        }
    }

    fn fill(&self, place: (u64, usize), buffer: &Bytes, mut hasher: Option<&mut Hasher>) {
        self.stretches(place, |at, data| {
            let Some(hasher) = &mut hasher else { return buffer.copy_at(at, data) };
            // Summed while it is in the fastest cache: read once from memory, not twice.
            for (number, piece) in data.chunks(PIECE).enumerate() {
                buffer.copy_at(at + number * PIECE, piece);
                hasher.update(piece);
            }
        });
    }

    fn copy(&self, offset: u64, into: &mut [u8]) {
        self.stretches((offset, into.len()), |at, data| {
            into[at..at + data.len()].copy_from_slice(data);
        });
    }
}

impl Generated {
    const fn len(&self) -> u64 {
        self.bytes.0.cast_unsigned()
    }

    /// The bytes from `offset` on: the eight bytes at each multiple of 8 are a number of
    /// the generator SplitMix64, whose state only counts, so that it can begin anywhere.
    fn write(&self, offset: u64, into: &mut [u8]) {
        let word = |index: u64| {
            let mut z = self.seed.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)).to_le_bytes()
        };
        let mut at = offset;
        let mut rest = into;
        while !rest.is_empty() {
            let within = (at % 8) as usize;
            let some = (8 - within).min(rest.len());
            let (now, later) = rest.split_at_mut(some);
            now.copy_from_slice(&word(at / 8)[within..within + some]);
            at += some as u64;
            rest = later;
        }
    }
}

/// Data that is written, in pieces, from many threads.
#[derive(Debug)]
pub(super) enum Sink {
    /// Into a new file, which takes the place of the old one when all is sound.
    File { file: File, new: PathBuf, place: PathBuf },
    /// Compared with what would be generated.
    Compared(Generated),
}

impl Sink {
    pub(super) fn open(database: &Database) -> io::Result<Self> {
        match database {
            Database::File(place) => {
                let (file, new) = unfinished(place)?;
                Ok(Self::File { file, new, place: place.clone() })
            }
            Database::Generated(generated) => Ok(Self::Compared(*generated)),
            Database::Memory(_) => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// So many bytes will come.
    pub(super) fn expect(&self, bytes: u64) -> io::Result<()> {
        match self {
            Self::Compared(generated) if generated.len() != bytes => {
                let expected = generated.len();
                let why = format!("the backup has {bytes} bytes, the generated data {expected}");
                Err(io::Error::new(io::ErrorKind::InvalidData, why))
            }
            _ => Ok(()),
        }
    }

    /// Takes `length` bytes out of a buffer, for the place at `offset`.
    pub(super) fn put(&self, offset: u64, buffer: &Bytes, length: usize) -> io::Result<()> {
        match self {
            Self::File { file, .. } => buffer.write_to(file, offset, length),
            Self::Compared(generated) => {
                let (mut expected, mut got) = (vec![0; length], vec![0; length]);
                generated.write(offset, &mut expected);
                buffer.copy_to(&mut got);
                if got == expected {
                    return Ok(());
                }
                Err(io::Error::new(io::ErrorKind::InvalidData, "not the data that was backed up"))
            }
        }
    }

    /// All is there and sound.
    pub(super) fn finish(self) -> io::Result<()> {
        match &self {
            Self::File { file, new, place } => {
                files::inherit(file, place)?;
                std::fs::rename(new, place)
            }
            Self::Compared(_) => Ok(()),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Self::File { new, .. } = self {
            // After `finish` it is gone.
            let _ = std::fs::remove_file(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_server_left_is_cleared_away() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let (file, mine) = unfinished(&folder.path().join("x")).expect("made");
        // Of a process of another time, of one with our number in another place, of another
        // database.
        let own = std::process::id();
        let stale = [".x.1-0.restoring", &format!(".x.{own}-7000.restoring"), ".a.b.2-1.restoring"]
            .map(str::to_owned);
        let kept =
            [".x.1-0", "x.1-0.restoring", ".x.1-z.restoring", "..1-0.restoring", ".restoring"];
        for name in stale.iter().map(String::as_str).chain(kept) {
            std::fs::write(folder.path().join(name), "half").expect("written");
        }
        let _ = Databases::in_folder(folder.path().to_owned());
        assert!(stale.iter().all(|name| !folder.path().join(name).exists()));
        assert!(kept.iter().all(|name| folder.path().join(name).exists()));
        assert!(mine.exists(), "somebody restores into it");
        drop(file);
        let _ = Databases::in_folder(folder.path().to_owned());
        assert!(!mine.exists(), "nobody does any more");
    }

    #[test]
    fn databases_are_made_and_removed() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let databases = Databases::in_folder(folder.path().to_owned());
        let number = |message: Option<Message>| message.map(|message| message.number);
        assert_eq!(number(databases.create("a")), None);
        assert_eq!(number(databases.create("a")), Some(1801));
        assert_eq!(number(databases.create("../a")), Some(911));
        std::fs::write(folder.path().join("a.log"), "log").expect("written");
        databases.set_restoring("a", Some(Restoring::NoRecovery)).expect("written");
        assert_eq!(databases.names(), ["a"]);
        assert_eq!(databases.restoring("a"), Some(Restoring::NoRecovery));
        std::fs::remove_file(folder.path().join("a")).expect("there");
        assert_eq!(databases.restoring("a"), None, "nothing is there");
        std::fs::write(folder.path().join("a"), "another").expect("written");
        assert_eq!(databases.restoring("a"), None, "it is another");
        assert_eq!(number(databases.remove("a", false)), None);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert_eq!(number(databases.remove("a", false)), Some(3701));
        assert_eq!(number(databases.remove("a", true)), None);
        assert_eq!(number(databases.remove("../a", false)), Some(3701));
    }

    #[test]
    fn generated_data_can_begin_anywhere() {
        let generated = Generated { seed: 7, bytes: Size(100) };
        let mut whole = vec![0; 100];
        generated.write(0, &mut whole);
        for (start, end) in [(0, 100), (3, 5), (7, 9), (16, 24), (99, 100)] {
            let mut part = vec![0; end - start];
            generated.write(start as u64, &mut part);
            assert_eq!(part, whole[start..end]);
        }
        // The first number of SplitMix64 with seed 7.
        assert_eq!(whole[..8], 7191089600892374487_u64.to_le_bytes());
    }
}
