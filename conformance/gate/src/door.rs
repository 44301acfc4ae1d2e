//! The server that the program's driver connects to, by TDS: `vdi serve --tds` in a process of
//! its own, for as long as the program runs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use vdi_suite::interrupt::{end, started};

use super::observation::NotStarted;
use super::waiting::{REST, tell_to_end, within};

/// What the server says of where it listens.
const SAID: &str = "listening for TDS at ";

/// A server to which drivers connect.
pub(super) struct Door {
    server: Child,
    address: String,
}

impl Door {
    /// Starts it; `command` has the environment that it is to have.
    pub(super) fn open(
        mut command: Command,
        socket: &Path,
        ends: bool,
    ) -> Result<Self, NotStarted> {
        command.args(["serve", "--tds", "127.0.0.1:0", "--socket"]).arg(socket);
        if ends {
            command.arg("--tds-ends");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |why: &dyn std::fmt::Display| NotStarted(format!("vdi serve --tds: {why}"));
        let mut server = command.spawn().map_err(|error| failed(&error))?;
        started(&server);
        let out = server.stdout.take().into_iter().map(BufReader::new);
        let mut lines = out.flat_map(BufRead::lines).map_while(Result::ok);
        let address = lines.find_map(|line| {
            let rest = line.strip_prefix(SAID)?;
            rest.split_once(',').map(|(address, _)| address.to_owned())
        });
        let Some(address) = address else {
            let told = server.stderr.take().map(std::io::read_to_string);
            let _ = end(&mut server);
            let told = told.and_then(Result::ok).unwrap_or_default();
            return Err(failed(&told.trim()));
        };
        // What it says of statements is told elsewhere, too, and is not to hold it up.
        let mut errors = server.stderr.take();
        thread::spawn(move || lines.for_each(drop));
        thread::spawn(move || {
            errors.as_mut().map(|told| std::io::copy(told, &mut std::io::sink()))
        });
        Ok(Self { server, address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // What it carries out, for whoever has gone, comes to its end and is written down. It may
        // have died, as it was told to.
        tell_to_end(&self.server);
        within(REST, || !matches!(self.server.try_wait(), Ok(None)));
        let _ = end(&mut self.server);
    }
}
