//! At a socket of the user's.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;
use rustix::process::{getegid, geteuid};
use serde::{Deserialize, Serialize};
use vdi_recorder::settings::SERVER;
use vdi_trace::files;

use super::{HandedOver, Request};
use crate::console::Print;
use crate::error::ServeError;
use crate::stop::{Stop, Stops};
use crate::sync::{lock, sleep};

/// How long somebody who has connected may take to ask for something.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a request, at most.
const LONGEST: usize = 64 << 20;

/// How long somebody may not read what he is told, once nothing more of it can be kept for
/// him: then he is as good as gone.
const UNREAD: Duration = Duration::from_secs(60);

/// How long nobody is let in when nobody can be.
const REST: Duration = Duration::from_millis(100);

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Reply {
    /// To be printed.
    Line(String),
    /// All is done, or so many statements failed at whose failure all was to end.
    Ended(usize),
    /// Nothing is done, and why.
    Refused(String),
}

/// Where the server for this prefix stands: what `VDI_SERVER` says, or else a socket in
/// the user's folder for such things. `None` if `VDI_SERVER` is `none`.
pub(crate) fn socket(prefix: &str) -> Option<PathBuf> {
    match SERVER.path() {
        Some(named) if named.as_os_str() == "none" => None,
        Some(named) => Some(named),
        None => Some(folder().join(format!("server-{}.sock", encoded(prefix)))),
    }
}

fn folder() -> PathBuf {
    let user = geteuid().as_raw();
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = named.unwrap_or_else(|| PathBuf::from(format!("/run/user/{user}")));
    let is_there = runtime.is_absolute() && runtime.is_dir();
    if is_there { runtime.join("vdi") } else { std::env::temp_dir().join(format!("vdi-{user}")) }
}

/// A prefix as a part of a file's name.
fn encoded(prefix: &str) -> String {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let one = |byte: u8| {
        if is_safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    prefix.bytes().map(one).collect()
}

/// Whether the other end is of the same user, or of the same group if that will do.
fn is_friend(stream: &UnixStream, group: bool) -> bool {
    socket_peercred(stream)
        .is_ok_and(|other| other.uid == geteuid() || group && other.gid == getegid())
}

fn send(to: &Mutex<&UnixStream>, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    let mut to = lock(to);
    to.write_all(&line).inspect_err(|_| {
        // Half a line may be written: what came behind it would be none.
        let _ = to.shutdown(Shutdown::Both);
    })
}

/// Removes the socket that another server has left, and nothing else than a socket.
fn clear_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there, and no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where a server listens.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    group: bool,
    /// Held as long as it stands; the system lets go of it however it ends.
    _lock: File,
}

impl Listener {
    /// Begins to listen. Only one does at a place; what another has left there is removed.
    /// The folder is made if `may_create`: not one that somebody has named.
    pub(crate) fn new(socket: &Path, may_create: bool, group: bool) -> Result<Self, ServeError> {
        let unavailable = |why: &dyn std::fmt::Display| {
            ServeError::Unavailable(format!("{}: {why}", socket.display()))
        };
        let listen = || -> io::Result<Option<(UnixListener, File)>> {
            if let Some(folder) = socket.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                if may_create {
                    files::private_folder(folder)?;
                } else if !folder.is_dir() {
                    let why = format!("{} is no folder", folder.display());
                    return Err(io::Error::new(io::ErrorKind::NotFound, why));
                }
            }
            let lock = files::own(&socket.with_extension("lock"))?;
            if lock.try_lock().is_err() {
                return Ok(None);
            }
            clear_socket(socket)?;
            let listener = UnixListener::bind(socket)?;
            let mode = if group { 0o660 } else { 0o600 };
            fs::set_permissions(socket, Permissions::from_mode(mode))?;
            Ok(Some((listener, lock)))
        };
        match listen() {
            Ok(Some((listener, lock))) => Ok(Self { listener, group, _lock: lock }),
            Ok(None) => Err(unavailable(&"a server stands there already")),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Carries out what is handed over, all at the same time, until the process ends.
    pub(crate) fn serve(
        &self,
        stops: &Stops,
        carry_out: impl Fn(&Request, Arc<Stop>, Print<'_>) -> Result<usize, String> + Sync,
    ) {
        thread::scope(|scope| {
            for stream in self.listener.incoming() {
                let Ok(stream) = stream else {
                    // There are no descriptors left, most likely, and whoever waits has to
                    // wait until there are: that is tried again, but not all the time.
                    sleep(REST);
                    continue;
                };
                if is_friend(&stream, self.group) {
                    let carry_out = &carry_out;
                    // Whoever goes away in the midst is told nothing.
                    scope.spawn(move || drop(attend(&stream, stops, carry_out)));
                }
            }
        });
    }
}

/// What somebody asks for who has connected: a line. All of it has to come in time, however
/// it drips.
#[expect(clippy::disallowed_methods, reason = "how long somebody takes is asked of the clock")]
fn first_line(mut stream: &UnixStream) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    let (mut line, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() || line.len() > LONGEST {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let got = stream.read(&mut piece)?;
        let end = piece[..got].iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(&piece[..end.unwrap_or(got)]);
        if got == 0 || end.is_some() {
            return Ok(line);
        }
    }
}

/// One connection: a request, carried out; if the other end goes away, stopped.
fn attend(
    stream: &UnixStream,
    stops: &Stops,
    carry_out: &(impl Fn(&Request, Arc<Stop>, Print<'_>) -> Result<usize, String> + Sync),
) -> io::Result<()> {
    let line = first_line(stream)?;
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(Some(UNREAD))?;
    let to = Mutex::new(stream);
    let request: Request = match serde_json::from_slice(&line) {
        Ok(request) => request,
        Err(error) => return send(&to, &Reply::Refused(format!("no request: {error}"))),
    };
    let stop = Arc::new(Stop::default());
    let attended = stops.run(&stop, || {
        thread::scope(|scope| {
            let watch = stop.clone();
            scope.spawn(move || {
                // Nothing more is said, so what comes is the end, or ours below.
                let mut stream = stream;
                let _ = stream.read(&mut [0]);
                watch.now();
            });
            let print = |line: &str| send(&to, &Reply::Line(line.to_owned()));
            let reply = match carry_out(&request, stop.clone(), &print) {
                Ok(failed) => Reply::Ended(failed),
                Err(why) => Reply::Refused(why),
            };
            let sent = send(&to, &reply);
            let _ = stream.shutdown(Shutdown::Both);
            sent
        })
    });
    let refused = || send(&to, &Reply::Refused("the server ends".to_owned()));
    attended.unwrap_or_else(refused)
}

/// Hands a request over to the server that stands there, if one does.
pub(crate) fn hand_over(
    (socket, group): (&Path, bool),
    request: &Request,
    stop: &Stop,
    print: Print<'_>,
) -> io::Result<HandedOver> {
    // Whatever the reason, nobody is to be had there.
    let Ok(stream) = UnixStream::connect(socket) else { return Ok(HandedOver::NoServer) };
    if !is_friend(&stream, group) {
        return Ok(HandedOver::NoServer);
    }
    let other_end = stream.try_clone()?;
    stop.hand_over(move || drop(other_end.shutdown(Shutdown::Both)));
    let gone = |error: &dyn std::fmt::Display| {
        HandedOver::Failed(format!("the server at {} has gone ({error})", socket.display()))
    };
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if let Err(error) = (&stream).write_all(&line) {
        return Ok(gone(&error));
    }
    for line in BufReader::new(&stream).lines() {
        let reply = line
            .map_err(|error| error.to_string())
            .and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()));
        match reply {
            Ok(Reply::Line(line)) => print(&line)?,
            Ok(Reply::Ended(failed)) => return Ok(HandedOver::Ended(failed)),
            Ok(Reply::Refused(why)) => return Ok(HandedOver::Failed(why)),
            Err(error) => return Ok(gone(&error)),
        }
    }
    Ok(gone(&"it said no more"))
}
