//! `vdi serve` and `vdi sqlcmd`: the stand-in server.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use vdi_check::exit_code;
use vdi_server::{ServeOptions, Stop, TdsOptions};

use super::args::ServeArgs;
use super::failure::Failure;
use super::interrupt;
use super::output::Patient;

/// How long statements may take to end that are stopped.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// `vdi serve`: the statements given, or whatever `sqlcmd` hands over.
pub(super) fn serve(args: &ServeArgs) -> Result<u8, Failure> {
    let mut out = Patient(std::io::stdout());
    let options = ServeOptions {
        data: args.data.clone(),
        faults: args.faults.clone(),
        trace: args.trace.clone(),
        wait: args.wait,
        prefix: args.prefix.clone(),
        group: args.group,
        socket: args.socket.clone(),
        tds: args.tds.map(|address| TdsOptions {
            address,
            password: args.tds_password.clone(),
            anywhere: args.tds_anywhere,
            ends: args.tds_ends,
        }),
        stop: Arc::default(),
    };
    if !args.statements.is_empty() {
        let stop = options.stop.clone();
        interrupt::ends_by(move || stop.now());
        let failures = options.carry_out(&args.statements, &mut out)?;
        return Ok(if failures == 0 { exit_code::CONFORMANT } else { exit_code::VIOLATION });
    }
    let server = options.listen()?;
    let left = server.left();
    let stops = server.stops();
    interrupt::ends_by(move || {
        stops.end(LAST_WORDS);
        for path in &left {
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(exit_code::INTERRUPTED.into());
    });
    server.serve(&mut out)?;
    Ok(exit_code::CONFORMANT)
}

/// `vdi sqlcmd`, with the words of a command line, the first of which is a name.
pub(super) fn sqlcmd(words: &[OsString]) -> Result<u8, Failure> {
    let stop = Arc::<Stop>::default();
    let stops = stop.clone();
    interrupt::ends_by(move || stops.now());
    Ok(vdi_server::sqlcmd(words, &stop, &mut Patient(std::io::stdout()))?)
}
