//! A backup client: creates a set, and does on a file what the server commands.
//!
//! `cargo run -p vdi_sim --example backup_client -- SET FILE`; once it says that it
//! waits, start the example `stream_server` with the same SET.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, Write};

use vdi_sim::codes::{CommandCode, HResult, Win32};
use vdi_sim::config::VdConfig;
use vdi_sim::runtime::{Buffer, Delivered, Machine, Options, Timeout};

/// Serves one backup or restore. Returning early drops the set, and so closes it: that
/// aborts it and removes its memory.
#[expect(clippy::print_stdout, reason = "it says when the server may come")]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, path, ..] = &arguments[..] else { Err("usage: backup_client SET FILE")? };
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    let set = Machine::shared_memory(Options::default()).client_set();
    set.create(None, name, &VdConfig { device_count: 1, ..VdConfig::default() })?;
    println!("{name} waits for its server");
    set.get_configuration(Timeout::Infinite)?;
    let device = set.open_device(name)?;
    loop {
        let command = match device.get_command(Timeout::Infinite) {
            Err(HResult::VD_E_CLOSE) => return Ok(set.close()?),
            result => result?,
        };
        let done = carry_out(&command, &mut file);
        let code = done.err().unwrap_or(Win32::ERROR_SUCCESS);
        device.complete_command(command.command, code, done.unwrap_or(0), 0)?;
    }
}

/// How many bytes were moved, or what went wrong.
fn carry_out(command: &Delivered, file: &mut File) -> Result<u32, Win32> {
    let bytes = command.buffer.as_ref().and_then(Buffer::bytes);
    let mut data = vec![0; bytes.as_ref().map_or(0, |all| all.len().min(command.size as usize))];
    match (command.code, bytes) {
        (CommandCode::Write, Some(bytes)) => {
            if file.stream_position().is_ok_and(|position| position == 0) {
                // A backup replaces what the file held, if that can be cut at all.
                let _ = file.set_len(0);
            }
            bytes.copy_to(&mut data);
            file.write_all(&data).map_err(|_| Win32::ERROR_DISK_FULL)?;
        }
        (CommandCode::Read, Some(bytes)) => {
            file.read_exact(&mut data).map_err(|_| Win32::ERROR_HANDLE_EOF)?;
            bytes.copy_from(&data);
        }
        (CommandCode::Flush, _) => file.sync_all().map_err(|_| Win32::ERROR_WRITE_FAULT)?,
        _ => return Err(Win32::ERROR_NOT_SUPPORTED),
    }
    Ok(data.len() as u32)
}
