//! `vdi install`: what client programs are built and run with, in one folder.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

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

/// A library of one of these names beside this program: where Cargo builds them, or where
/// this command puts them.
pub(super) fn beside(program: &Path, names: &[&str]) -> Option<PathBuf> {
    let folder = program.parent().unwrap_or(Path::new("."));
    let folders = [folder.to_owned(), folder.join("deps"), folder.join("../lib")];
    let paths = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    paths.into_iter().find(|path| path.is_file())
}

pub(super) fn install(args: &InstallArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::Unavailable(format!("this program cannot be found: {error}")))?;
    let library = |names: &[&str]| {
        beside(&program, names).ok_or_else(|| {
            let name = names[0];
            let how = "cargo build --release -p libsqlvdi -p libsqlvdi-record";
            Failure::Unavailable(format!("there is no {name} beside this program: {how}"))
        })
    };
    let files = [
        (program.clone(), "bin/vdi".to_owned()),
        (library(&[LIBRARY])?, format!("lib/{LIBRARY}")),
        (library(&RECORDER)?, format!("lib/{}", RECORDER[0])),
    ];
    let folder = std::path::absolute(&args.folder)?;
    let put = |place: &str, make: &dyn Fn(&Path) -> io::Result<()>| -> Result<PathBuf, Failure> {
        let path = folder.join(place);
        replace(&path, make).map_err(|error| cannot_write(&path, &error))?;
        Ok(path)
    };
    for (from, place) in &files {
        let path = put(place, &|path| fs::copy(from, path).map(drop))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let path = put("bin/sqlcmd", &|path| symlink("vdi", path))?;
    writeln!(out, "wrote {}, a link to vdi", path.display())?;
    for (name, text) in HEADERS {
        let path = put(&format!("include/{name}"), &|path| fs::write(path, text))?;
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

/// Puts a file where another may be in use: what runs keeps the old one.
fn replace(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut new = path.to_owned();
    new.as_mut_os_string().push(".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    make(&new)?;
    fs::rename(&new, path)
}
