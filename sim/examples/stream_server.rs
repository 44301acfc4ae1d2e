//! A server that backs up a file through a set, with several buffers on their way.
//!
//! `cargo run -p vdi_sim --example stream_server -- SET FILE`, once `backup_client SET` waits.

use std::{env, error::Error, fs::File, io::Read, sync::mpsc, thread};

use vdi_sim::codes::{CommandCode, HResult, Win32};
use vdi_sim::config::ServerConfig;
use vdi_sim::runtime::{Buffer, Completion, Machine, Options, SendCommand, ServerSet};

const SIZE: u32 = 1 << 20;
const BUFFERS: u32 = 4;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, path, ..] = &arguments[..] else { Err("usage: stream_server SET FILE")? };
    let set = Machine::shared_memory(Options::default()).server_set();
    set.open(None, name)?;
    let part = ServerConfig { block_size: 512, max_transfer_size: SIZE, ..Default::default() };
    set.begin_configuration(&part)?;
    set.request_buffers(SIZE, 0, BUFFERS)?;
    set.end_configuration()?;
    let agent = set.completion_agent()?;
    let agent = thread::spawn(move || agent.execute());
    let streamed = stream(&set, name, path);
    let _ = streamed.is_err().then(|| set.signal_abort());
    let (ran, closed) = (agent.join().expect("the agent does not panic"), set.close());
    streamed.and(Ok(ran.and(closed)?))
}

/// Sends the file in Writes, each in one of the buffers, and a Flush at the end.
fn stream(set: &ServerSet, name: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let mut file = File::open(path)?;
    let device = set.open_device(name)?;
    let (done, ended) = mpsc::channel();
    let send = |code, buffer: Option<Buffer>, size: usize| {
        let (size, done, back) = (size as i64, done.clone(), buffer.clone());
        let callback = Box::new(move |how: Completion| drop(done.send((how.code, back.clone()))));
        device.send_command(SendCommand { tag: 0, code, buffer, size, position: 0, callback })
    };
    let next = || match ended.recv()? {
        (Win32::ERROR_SUCCESS, buffer) => Ok(buffer),
        (code, _) => Err(Box::<dyn Error>::from(HResult::from_win32(code))),
    };
    // Until the client has opened its device, commands are refused, and called back, too.
    while send(CommandCode::Flush, None, 0) == Err(HResult::VD_E_PROTOCOL) {
        ended.recv()?;
    }
    (1..BUFFERS).try_for_each(|_| done.send((Win32::ERROR_SUCCESS, None)))?;
    let mut data = vec![0; SIZE as usize];
    while let size @ 1.. = file.read(&mut data)? {
        let buffer = next()?.map_or_else(|| set.allocate_buffer(SIZE, 0), Ok)?;
        buffer.bytes().ok_or(HResult::VD_E_ABORT)?.copy_from(&data[..size]);
        send(CommandCode::Write, Some(buffer), size)?;
    }
    send(CommandCode::Flush, None, 0)?;
    (0..=BUFFERS).try_for_each(|_| next().map(drop))?;
    Ok(device.close_device()?)
}
