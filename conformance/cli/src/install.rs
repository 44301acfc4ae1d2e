//! `vdi install`: what client programs are built and run with, in one folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use vdi_trace::files::{self, Temporary};

use super::args::InstallArgs;
use super::failure::Failure;
use super::output::cannot_write;
use vdi_suite::shell::quoted;

/// The headers: name and content.
const HEADERS: &[(&str, &str)] = &[
    ("vdi.h", include_str!("../../../sim/libsqlvdi/include/vdi.h")),
    ("vdierror.h", include_str!("../../../sim/libsqlvdi/include/vdierror.h")),
];

/// The library.
pub(super) const LIBRARY: &str = "libsqlvdi.so";

/// The recorder, as it is called and as Cargo calls it, which allows no hyphen.
const RECORDER: [&str; 2] = ["libsqlvdi-record.so", "libsqlvdi_record.so"];

/// The libraries by their names, in a build with the feature `libraries`.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/libraries.rs"));

/// Where a library is.
#[derive(Clone, Debug)]
enum Found {
    /// In a file beside this program.
    Beside(PathBuf),
    /// In this program.
    Embedded(&'static [u8]),
}

/// A library of one of these names: what stands beside this program comes first.
fn found(program: &Path, names: &[&str]) -> Option<Found> {
    let embedded = || EMBEDDED.iter().find(|(name, _)| names.contains(name));
    let embedded = || embedded().map(|(_, bytes)| Found::Embedded(bytes));
    beside(program, names).map(Found::Beside).or_else(embedded)
}

/// The library in a file, and the folder that has to stay as long as it is used.
pub(super) fn library(program: &Path) -> Result<Option<(PathBuf, Option<Temporary>)>, Failure> {
    match found(program, &[LIBRARY]) {
        None => Ok(None),
        Some(Found::Beside(path)) => Ok(Some((path, None))),
        Some(Found::Embedded(bytes)) => {
            let folder = Temporary::new("vdi-library")?;
            let path = folder.path().join(LIBRARY);
            files::replace(&path, |file| file.write_all(bytes))?;
            Ok(Some((path, Some(folder))))
        }
    }
}

/// A library of one of these names beside this program: where Cargo builds them, or where
/// this command puts them.
fn beside(program: &Path, names: &[&str]) -> Option<PathBuf> {
    let folder = program.parent().unwrap_or(Path::new("."));
    let folders = [folder.to_owned(), folder.join("deps"), folder.join("../lib")];
    let paths = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    paths.into_iter().find(|path| path.is_file())
}

pub(super) fn install(args: &InstallArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::Unavailable(format!("this program cannot be found: {error}")))?;
    let library = |names: &[&str]| {
        found(&program, names).ok_or_else(|| {
            let name = names[0];
            let how = "cargo build --release -p libsqlvdi -p libsqlvdi-record, or install vdi with \
                       --features full";
            Failure::Unavailable(format!("there is no {name} in or beside this program: {how}"))
        })
    };
    let files = [
        (Found::Beside(program.clone()), "bin/vdi".to_owned()),
        (library(&[LIBRARY])?, format!("lib/{LIBRARY}")),
        (library(&RECORDER)?, format!("lib/{}", RECORDER[0])),
    ];
    let folder = std::path::absolute(&args.folder)?;
    let put = |place: &str, make: &dyn Fn(&Path) -> io::Result<()>| -> Result<PathBuf, Failure> {
        let path = folder.join(place);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| make(&path)).map_err(|error| cannot_write(&path, &error))?;
        Ok(path)
    };
    for (from, place) in &files {
        let path = put(place, &|path| files::replace(path, |file| copied(from, file)))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let path = put("bin/sqlcmd", &|path| files::put(path, |new| symlink("vdi", new)))?;
    writeln!(out, "wrote {}, a link to vdi", path.display())?;
    for (name, text) in HEADERS {
        let fill = |file: &mut File| file.write_all(text.as_bytes());
        let path = put(&format!("include/{name}"), &|path| files::replace(path, fill))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let folder = quoted(&folder.display().to_string());
    writeln!(
        out,
        "now:  g++ -std=c++11 -pthread -I {folder}/include CLIENT.cpp -L {folder}/lib -lsqlvdi"
    )?;
    writeln!(out, "      export PATH={folder}/bin:$PATH LD_LIBRARY_PATH={folder}/lib")?;
    Ok(0)
}

/// What is in a file, and whether it is a program.
fn copied(from: &Found, to: &mut File) -> io::Result<()> {
    match from {
        Found::Embedded(bytes) => to.write_all(bytes),
        Found::Beside(path) => {
            let mut from = File::open(path)?;
            io::copy(&mut from, to)?;
            to.set_permissions(from.metadata()?.permissions())
        }
    }
}
