//! One device: commands sent, several at a time, and their completions waited for.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

use vdi_recorder::ServerDevice;
use vdi_runtime::{Buffer, Bytes, Completion, SendCommand};
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};

use super::faults::Act;
use super::messages::{Failed, action};
use super::session::Session;

/// A device that is open, driven by one thread.
pub(super) struct Device<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) name: String,
    device: ServerDevice,
    report: Sender<Ended>,
    ended: Receiver<Ended>,
    /// Commands that were called back while something else was waited for.
    early: VecDeque<Ended>,
    /// Commands whose end is not yet known to whoever drives the device.
    out: usize,
    sent: u64,
    free: Vec<Buffer>,
    /// The server has closed it before its time, on purpose.
    left: bool,
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
        let (report, ended) = channel();
        let size = session.config.max_transfer_size;
        let allocate = |_| {
            session
                .set
                .allocate_buffer(size, 0)
                .map_err(|status| Failed::call(name, "AllocateBuffer", status))
        };
        let free = (0..session.buffers).map(allocate).collect::<Result<_, _>>()?;
        let name = name.to_owned();
        let early = VecDeque::new();
        Ok(Self { session, name, device, report, ended, early, out: 0, sent: 0, free, left: false })
    }

    /// Whether the server has closed it before its time, on purpose.
    pub(super) const fn has_left(&self) -> bool {
        self.left
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

    /// Sends a command without data, or one that moves `size` bytes at `place` of the
    /// medium; its number.
    pub(super) fn send(
        &mut self,
        code: CommandCode,
        buffer: Option<Buffer>,
        (place, size): (u64, usize),
    ) -> Result<u64, Failed> {
        match self.session.server.faults.before_command(|| self.session.has_ended()) {
            Some(Act::Unknown) => self.send_unknown()?,
            Some(act) => return Err(self.fail(act)),
            None if self.session.is_leaving() => return Err(self.fail(Act::Close)),
            None => {}
        }
        self.send_unconditionally(code, buffer, (place, size))
    }

    fn send_unconditionally(
        &mut self,
        code: CommandCode,
        buffer: Option<Buffer>,
        (place, bytes): (u64, usize),
    ) -> Result<u64, Failed> {
        // Only a client that asked for it is told where; to others a stream has no places.
        let position = if self.session.is_addressed() { place } else { 0 };
        let size = bytes as i64;
        loop {
            self.sent += 1;
            let (number, report, back) = (self.sent, self.report.clone(), buffer.clone());
            let callback = Box::new(move |completion: Completion| {
                let buffer = back.clone();
                // The thread of the device may have given up already.
                let _ = report.send(Ended { number, size: bytes, buffer, completion });
            });
            let buffer = buffer.clone();
            let command = SendCommand { tag: number, code, buffer, size, position, callback };
            // One that is refused is called back, too.
            self.out += 1;
            match self.device.send_command(command) {
                Ok(()) => return Ok(number),
                Err(HResult::VD_E_BUSY) => self.wait_for_room(number)?,
                Err(status) => return Err(self.why_refused(status)),
            }
        }
    }

    /// The device's queue is full, and this command was refused for it: one of those that
    /// are out has to come back before it can be sent again.
    fn wait_for_room(&mut self, refused: u64) -> Result<(), Failed> {
        let known = self.early.len();
        loop {
            let ended = self.receive();
            if ended.number == refused {
                self.out -= 1;
                break;
            }
            self.early.push_back(ended);
        }
        if self.early.len() > known {
            // What filled the queue has come back meanwhile.
            return Ok(());
        }
        if self.out == self.early.len() {
            // A queue that is full of nothing.
            return Err(self.failure(Win32::ERROR_NO_SYSTEM_RESOURCES));
        }
        let ended = self.receive();
        self.early.push_back(ended);
        Ok(())
    }

    /// Why a command was refused: for one that failed before, whose end is not yet known
    /// here, if there is one.
    fn why_refused(&mut self, status: HResult) -> Failed {
        let mut codes = Vec::new();
        while status != HResult::VD_E_ABORT && !self.is_idle() {
            let ended = self.next();
            codes.push((ended.number, ended.completion.code));
        }
        codes.sort_unstable_by_key(|(number, _)| *number);
        let failed = codes.iter().map(|(_, code)| *code).filter(|c| *c != Win32::ERROR_SUCCESS);
        self.failure(failed.into_iter().next().unwrap_or(Win32::ERROR_OPERATION_ABORTED))
    }

    /// The next command that is called back, whatever became of it. There must be one: the
    /// interface calls every command back, if only because the set is aborted.
    pub(super) fn next(&mut self) -> Ended {
        let ended = self.early.pop_front().unwrap_or_else(|| self.receive());
        self.out -= 1;
        ended
    }

    fn receive(&self) -> Ended {
        self.ended.recv().expect("the device itself holds a sender")
    }

    /// Sends a command without data, once nothing else is out, and waits for its success.
    pub(super) fn order(&mut self, code: CommandCode) -> Result<(), Failed> {
        self.send(code, None, (0, 0))?;
        match self.next().completion.code {
            Win32::ERROR_SUCCESS => Ok(()),
            code => Err(self.failure(code)),
        }
    }

    /// Nothing is out: waits until the others have come as far.
    pub(super) fn meet(&mut self, round: usize) -> Result<(), Failed> {
        match () {
            () if self.session.meet(round) => Ok(()),
            () if self.session.is_leaving() => Err(self.fail(Act::Close)),
            () => Err(self.failure(Win32::ERROR_OPERATION_ABORTED)),
        }
    }

    pub(super) fn close(&self) -> Result<(), Failed> {
        let failed = |status| match status {
            HResult::VD_E_ABORT => self.failure(Win32::ERROR_OPERATION_ABORTED),
            status => Failed::call(&self.name, "CloseDevice", status),
        };
        self.device.close_device().map_err(failed)
    }

    /// A command that the client did not ask for, which it has to refuse: with the error
    /// it enters the error state, out of which ClearError leads.
    fn send_unknown(&mut self) -> Result<(), Failed> {
        let mut early = Vec::new();
        while !self.is_idle() {
            early.push(self.next());
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
        self.send_unconditionally(code, None, (0, 0))?;
        let answer = self.next().completion.code;
        self.session.server.faults.unknown_happens();
        if answer != Win32::ERROR_SUCCESS {
            self.send_unconditionally(CommandCode::ClearError, None, (0, 0))?;
            let cleared = self.next().completion.code;
            if cleared != Win32::ERROR_SUCCESS {
                return Err(self.failure(cleared));
            }
        }
        // Taken up again where completions are waited for.
        self.out += early.len();
        self.early.extend(early);
        Ok(())
    }

    /// Does on purpose what ends the statement.
    fn fail(&mut self, act: Act) -> Failed {
        let session = self.session;
        // What came of it, the failure tells.
        let _ = match act {
            Act::Abort => session.set.signal_abort(),
            Act::CloseSet => session.close(),
            Act::Close | Act::Unknown => {
                session.leave();
                // First what is out, so that the client finds its device closed in peace.
                while !self.is_idle() {
                    self.next();
                }
                let closed = self.device.close_device();
                self.left = closed.is_ok();
                closed
            }
        };
        self.failure(Win32::ERROR_OPERATION_ABORTED)
    }
}
