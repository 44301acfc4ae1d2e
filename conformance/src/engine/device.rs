//! One device: commands sent, several at a time, and their completions waited for.

use std::sync::mpsc::{Receiver, Sender, channel};

use vdi_sim::codes::{CommandCode, Features, HResult, Win32};
use vdi_sim::record::ServerDevice;
use vdi_sim::runtime::{Buffer, Bytes, Completion, SendCommand};

use super::faults::Act;
use super::messages::{Failed, action};
use super::session::Session;

/// A device that is open, driven by one thread.
pub(super) struct Device<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) name: String,
    device: ServerDevice,
    tell: Sender<Ended>,
    ended: Receiver<Ended>,
    /// Commands that are out.
    out: usize,
    sent: u64,
    free: Vec<Buffer>,
}

/// A command that was called back.
#[derive(Debug)]
pub(super) struct Ended {
    /// The number it was sent with.
    pub(super) number: u64,
    pub(super) size: usize,
    pub(super) buffer: Option<Buffer>,
    pub(super) completion: Completion,
}

impl<'a> Device<'a> {
    pub(super) fn new(
        session: &'a Session<'a>,
        name: &str,
        device: ServerDevice,
    ) -> Result<Self, Failed> {
        let (tell, ended) = channel();
        let size = session.config.max_transfer_size;
        let allocate = |_| {
            session
                .set
                .allocate_buffer(size, 0)
                .map_err(|status| Failed::call("AllocateBuffer", status))
        };
        let free = (0..session.buffers).map(allocate).collect::<Result<_, _>>()?;
        let name = name.to_owned();
        Ok(Self { session, name, device, tell, ended, out: 0, sent: 0, free })
    }

    /// What a failure of this device is called.
    pub(super) fn failure(&self, code: Win32) -> Failed {
        Failed::io(action(self.session.statement.verb), &self.name, code)
    }

    /// A buffer that is free now, and its bytes.
    pub(super) fn take_buffer(&mut self) -> Option<(Buffer, Bytes)> {
        let buffer = self.free.pop()?;
        let bytes = buffer.bytes()?;
        Some((buffer, bytes))
    }

    pub(super) fn give_back(&mut self, buffer: Option<Buffer>) {
        self.free.extend(buffer);
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.out == 0
    }

    /// Sends a command; its number.
    pub(super) fn send(
        &mut self,
        code: CommandCode,
        buffer: Option<Buffer>,
        size: usize,
    ) -> Result<u64, Failed> {
        match self.session.engine.faults.before_command(|| self.session.has_ended()) {
            Some(Act::Unknown) => self.send_unknown()?,
            Some(act) => return Err(self.fail(act)),
            None if self.session.is_leaving() => return Err(self.fail(Act::Close)),
            None => {}
        }
        self.send_plainly(code, buffer, size)
    }

    fn send_plainly(
        &mut self,
        code: CommandCode,
        buffer: Option<Buffer>,
        size: usize,
    ) -> Result<u64, Failed> {
        self.sent += 1;
        let (number, tell, back) = (self.sent, self.tell.clone(), buffer.clone());
        let callback = Box::new(move |completion: Completion| {
            let buffer = back.clone();
            // The thread of the device may have given up already.
            let _ = tell.send(Ended { number, size, buffer, completion });
        });
        let size = size as i64;
        let command = SendCommand { tag: number, code, buffer, size, position: 0, callback };
        match self.device.send_command(command) {
            Ok(()) => {
                self.out += 1;
                Ok(number)
            }
            Err(status) => {
                // A command that is refused is called back, too.
                self.out += 1;
                Err(self.why_refused(status))
            }
        }
    }

    /// Why a command was refused: for one that failed before, whose end is not yet known
    /// here, if there is one.
    fn why_refused(&mut self, status: HResult) -> Failed {
        let mut codes = Vec::new();
        while status != HResult::VD_E_ABORT && !self.is_idle() {
            codes.extend(self.next().map(|ended| (ended.number, ended.completion.code)));
        }
        codes.sort_unstable_by_key(|(number, _)| *number);
        let failed = codes.iter().map(|(_, code)| *code).filter(|c| *c != Win32::ERROR_SUCCESS);
        self.failure(failed.into_iter().next().unwrap_or(Win32::ERROR_OPERATION_ABORTED))
    }

    /// The next command that is called back, whatever became of it.
    pub(super) fn next(&mut self) -> Result<Ended, Failed> {
        let ended = self.ended.recv();
        self.out -= 1;
        // The agent tells of every command before it ends; if it has not, it has failed.
        ended.map_err(|_| self.failure(Win32::ERROR_OPERATION_ABORTED))
    }

    /// Sends a command without data, once nothing else is out, and waits for its success.
    pub(super) fn order(&mut self, code: CommandCode) -> Result<(), Failed> {
        self.send(code, None, 0)?;
        let ended = self.next()?;
        match ended.completion.code {
            Win32::ERROR_SUCCESS => Ok(()),
            code => Err(self.failure(code)),
        }
    }

    pub(super) fn close(&self) -> Result<(), Failed> {
        let failed = |status| match status {
            HResult::VD_E_ABORT => self.failure(Win32::ERROR_OPERATION_ABORTED),
            status => Failed::call("CloseDevice", status),
        };
        self.device.close_device().map_err(failed)
    }

    /// A command that the client did not ask for, which it has to refuse: with the error
    /// it enters the error state, out of which ClearError leads.
    fn send_unknown(&mut self) -> Result<(), Failed> {
        let mut early = Vec::new();
        while !self.is_idle() {
            early.push(self.next()?);
        }
        // One that belongs to no medium like the client's.
        let features = self.session.config.features;
        let others = [
            (Features::REWIND, CommandCode::Rewind),
            (Features::FILE_MARKS, CommandCode::WriteMark),
            (Features::POSITION | Features::RANDOM_ACCESS, CommandCode::GetPosition),
        ];
        let other = others.into_iter().find(|(bits, _)| !features.intersects(*bits));
        let code = other.map_or(CommandCode::GetError, |(_, code)| code);
        self.send_plainly(code, None, 0)?;
        let answer = self.next()?.completion.code;
        self.session.engine.faults.met_unknown();
        if answer != Win32::ERROR_SUCCESS {
            self.send_plainly(CommandCode::ClearError, None, 0)?;
            let cleared = self.next()?.completion.code;
            if cleared != Win32::ERROR_SUCCESS {
                return Err(self.failure(cleared));
            }
        }
        for ended in early {
            // Taken up again where completions are waited for.
            self.out += 1;
            let _ = self.tell.send(ended);
        }
        Ok(())
    }

    /// Does on purpose what ends the statement.
    fn fail(&mut self, act: Act) -> Failed {
        let session = self.session;
        let _ = match act {
            Act::Abort => session.set.signal_abort(),
            Act::CloseSet => session.close(),
            Act::Close | Act::Unknown => {
                session.leave();
                // First what is out, so that the client finds its device closed in peace.
                while !self.is_idle() && self.next().is_ok() {}
                self.device.close_device()
            }
        };
        self.failure(Win32::ERROR_OPERATION_ABORTED)
    }
}
