//! `vdi serve` and `vdi sqlcmd`: the stand-in server.

use std::ffi::OsString;

use vdi_check::exit_code;
use vdi_server::ServeOptions;

use super::args::ServeArgs;
use super::failure::Failure;
use super::output::Patient;

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
    };
    if !args.statements.is_empty() {
        let failures = options.carry_out(&args.statements, &mut out)?;
        return Ok(if failures == 0 { exit_code::CONFORMANT } else { exit_code::VIOLATION });
    }
    let server = options.listen()?;
    let socket = server.socket().to_owned();
    ctrlc::set_handler(move || {
        let _ = std::fs::remove_file(&socket);
        std::process::exit(exit_code::CONFORMANT.into());
    })
    .map_err(|error| Failure::Internal(error.to_string()))?;
    server.serve(&mut out)?;
    Ok(exit_code::CONFORMANT)
}

/// `vdi sqlcmd`, with the words of a command line, the first of which is a name.
pub(super) fn sqlcmd(words: &[OsString]) -> Result<u8, Failure> {
    Ok(vdi_server::sqlcmd(words, &mut Patient(std::io::stdout()))?)
}
