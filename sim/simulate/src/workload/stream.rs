//! The commands of one device, as the server sends them: what a statement asks for, and
//! how the server recovers from what it is answered.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::content::{self, Content, Extent};
use super::numbers::Numbers;
use super::stream_items::{self, Item, Items};
use crate::backend::{CalledBack, Send};
use crate::options::{Like, Options};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode as Code, Win32};

/// A stretch of the stream in one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Transfer {
    offset: u64,
    length: u32,
}

/// A command that was sent and not called back.
#[derive(Clone, Copy, Debug)]
struct Flight {
    command: u32,
    code: Code,
    buffer: Option<u32>,
    transfer: Transfer,
}

/// What a callback means for the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It goes on.
    On,
    /// It cannot succeed any more.
    Fails,
}

/// How far the way out of the error state is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Recovery {
    #[default]
    None,
    Clear,
    /// A filemark closes the medium that is full.
    Mark,
    Load,
}

/// What a command takes from the server.
#[derive(Debug)]
pub(crate) struct SendContext<'a> {
    pub(crate) numbers: &'a mut Numbers,
    pub(crate) buffers: &'a mut Vec<u32>,
    pub(crate) depth: usize,
}

/// How the server of a stream goes about it.
#[derive(Clone, Copy, Debug)]
struct Manner {
    writes: bool,
    /// Transfers say where on the medium.
    addressed: bool,
    /// A success is believed without a look at the bytes moved.
    trusting: bool,
    /// ClearError is sent while other commands are out.
    hasty: bool,
    /// Bytes of a transfer.
    transfer: u32,
    /// A Load asks for the medium to be ejected.
    ejects: bool,
    /// A tape that is full is closed with a filemark.
    closes: bool,
}

/// What is known of errors.
#[derive(Clone, Copy, Debug, Default)]
struct Errors {
    recovery: Recovery,
    /// The device is in the error state.
    errored: bool,
    /// Another medium is to be loaded.
    loads: bool,
    /// Reads in a row that succeeded with nothing.
    empty: u8,
    /// Errors in a row that were recovered from, without anything done between them.
    vain: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    device: u8,
    /// Of its data.
    id: u32,
    manner: Manner,
    items: Items,
    item: usize,
    next: u64,
    again: Vec<Transfer>,
    flights: SmallVec<[Flight; 8]>,
    /// Reads in the order they were sent, with what they gave.
    reads: VecDeque<(u32, Option<Content>)>,
    /// Bytes moved, in order, as the server believes.
    moved: u64,
    /// Where what was read is not what was written.
    wrong: Option<u64>,
    /// What GetPosition said.
    position: u64,
    errors: Errors,
}

/// Errors in a row after which a server gives up: ERROR_IO_DEVICE without a byte may be what
/// the error state bounced off, but not for ever.
const VAIN_RECOVERIES: u8 = 16;

/// Successes without a byte after which a server gives up.
const EMPTY_READS: u8 = 8;

impl Stream {
    /// The stream of a device in a BACKUP; `id` is the number of its data.
    pub(crate) fn backup(options: &Options, profile: &Profile, device: u8, id: u32) -> Self {
        Self::new(options, device, id, stream_items::of_backup(options, profile))
    }

    /// The same of a RESTORE.
    pub(crate) fn restore(options: &Options, profile: &Profile, device: u8, id: u32) -> Self {
        let reads = stream_items::of_restore(options, profile);
        let mut stream = Self::new(options, device, id, reads);
        let manner = stream.manner;
        let transfer = options.read_size;
        stream.manner = Manner { writes: false, transfer, hasty: false, closes: false, ..manner };
        stream
    }

    fn new(options: &Options, device: u8, id: u32, items: Items) -> Self {
        let manner = Manner {
            writes: true,
            addressed: options.like == Like::Disk,
            trusting: options.trusting,
            hasty: options.hasty,
            transfer: options.write_size,
            ejects: !options.ways.loads_only,
            closes: options.ways.closing_marks && options.like == Like::Tape,
        };
        Self {
            device,
            id,
            manner,
            items,
            item: 0,
            next: 0,
            again: Vec::new(),
            flights: SmallVec::new(),
            reads: VecDeque::new(),
            moved: 0,
            wrong: None,
            position: 0,
            errors: Errors::default(),
        }
    }

    /// Whether everything was sent and called back.
    pub(crate) fn is_done(&self) -> bool {
        self.item == self.items.len() && self.is_quiet() && self.errors.recovery == Recovery::None
    }

    /// Whether nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.flights.is_empty()
    }

    /// Where what came back first differs from what was written.
    pub(crate) const fn wrong(&self) -> Option<u64> {
        self.wrong
    }

    /// Bytes moved, in order.
    pub(crate) const fn moved(&self) -> u64 {
        self.moved
    }

    /// Whether its device was in the error state when it last said so.
    pub(crate) const fn is_errored(&self) -> bool {
        self.errors.errored
    }

    /// The next command, with what its buffer is to hold.
    pub(crate) fn next(&mut self, context: &mut SendContext<'_>) -> Option<(Send, Option<Extent>)> {
        if self.errors.recovery != Recovery::None {
            let clears = |flight: &Flight| flight.code == Code::ClearError;
            let waits = match self.errors.recovery {
                Recovery::Clear if self.manner.hasty => self.flights.iter().any(clears),
                _ => !self.is_quiet(),
            };
            if waits {
                return None;
            }
            let (code, size) = match self.errors.recovery {
                Recovery::Load => (Code::Load, Some(self.manner.ejects.into())),
                Recovery::Mark => (Code::WriteMark, None),
                _ => (Code::ClearError, None),
            };
            return Some((self.alone(code, size, None, context), None));
        }
        loop {
            match *self.items.get(self.item)? {
                Item::Data(end) => {
                    if let Some(transfer) = self.next_transfer(end, context) {
                        return Some(self.send(transfer, context));
                    }
                    let all = self.again.is_empty() && self.is_quiet() && self.next >= end;
                    if !all {
                        return None;
                    }
                    self.item += 1;
                }
                _ if !self.is_quiet() => return None,
                Item::End => {
                    if context.buffers.is_empty() {
                        return None;
                    }
                    let transfer = Transfer { offset: self.next, length: self.manner.transfer };
                    return Some(self.send(transfer, context));
                }
                Item::Alone(code, size) => {
                    return Some((self.alone(code, size, None, context), None));
                }
                Item::Seek(origin, to) => {
                    let to = Some(to);
                    return Some((self.alone(Code::SetPosition, Some(origin), to, context), None));
                }
                Item::Return => {
                    let to = Some(self.position);
                    return Some((self.alone(Code::SetPosition, Some(0), to, context), None));
                }
            }
        }
    }

    fn next_transfer(&mut self, end: u64, context: &SendContext<'_>) -> Option<Transfer> {
        if context.buffers.is_empty() || self.flights.len() >= context.depth {
            return None;
        }
        if !self.again.is_empty() {
            return Some(self.again.remove(0));
        }
        let left = end.saturating_sub(self.next);
        let length = left.min(self.manner.transfer.into()) as u32;
        let transfer = Transfer { offset: self.next, length };
        self.next += u64::from(length);
        (length > 0).then_some(transfer)
    }

    fn send(
        &mut self,
        transfer: Transfer,
        context: &mut SendContext<'_>,
    ) -> (Send, Option<Extent>) {
        let code = if self.manner.writes { Code::Write } else { Code::Read };
        let command = context.numbers.next_command();
        let buffer = context.buffers.pop();
        self.flights.push(Flight { command, code, buffer, transfer });
        if !self.manner.writes && !self.manner.addressed {
            self.reads.push_back((command, None));
        }
        let Transfer { offset, length } = transfer;
        let position = self.manner.addressed.then_some(offset);
        let size = Some(length as i32);
        let fill = Extent { stream: self.id, offset, length };
        let send = Send { device: self.device, command, code, buffer, size, position };
        (send, self.manner.writes.then_some(fill))
    }

    fn alone(
        &mut self,
        code: Code,
        size: Option<i32>,
        position: Option<u64>,
        context: &mut SendContext<'_>,
    ) -> Send {
        let command = context.numbers.next_command();
        let transfer = Transfer { offset: 0, length: 0 };
        self.flights.push(Flight { command, code, buffer: None, transfer });
        Send { device: self.device, command, code, buffer: None, size, position }
    }

    /// Discards what was written, if nothing is under way.
    pub(crate) fn discard(&mut self, context: &mut SendContext<'_>) -> Send {
        self.alone(Code::Discard, None, None, context)
    }

    /// Whether this stream sent the command.
    pub(crate) fn sent(&self, command: u32) -> bool {
        self.flights.iter().any(|flight| flight.command == command)
    }

    /// The buffer of a Read that this command is, if it is one, and the bytes asked for.
    pub(crate) fn read_into(&self, command: u32) -> Option<(u32, u32)> {
        let flight = self.flights.iter().find(|flight| flight.command == command)?;
        let buffer = flight.buffer.filter(|_| flight.code == Code::Read)?;
        Some((buffer, flight.transfer.length))
    }

    /// A command was called back; `content` is what is in the buffer of a Read.
    pub(crate) fn called_back(
        &mut self,
        back: &CalledBack,
        content: Option<Content>,
        buffers: &mut Vec<u32>,
    ) -> Effect {
        let Some(place) = self.flights.iter().position(|flight| flight.command == back.command)
        else {
            return Effect::On;
        };
        let flight = self.flights.remove(place);
        buffers.extend(flight.buffer);
        if back.bytes > 0 || back.code == Win32::ERROR_SUCCESS && flight.code != Code::ClearError {
            self.errors.vain = 0;
        }
        let refused = [Win32::ERROR_INVALID_HANDLE, Win32::ERROR_NO_SYSTEM_RESOURCES];
        self.errors.errored |= back.code != Win32::ERROR_SUCCESS && !refused.contains(&back.code);
        if refused.contains(&back.code) {
            self.take_back(&flight);
            return Effect::On;
        }
        if back.code == Win32::ERROR_IO_DEVICE && back.bytes == 0 {
            // Bounced off the error state: the client has not seen it.
            self.take_back(&flight);
            return self.error();
        }
        match flight.code {
            Code::Write => self.written(&flight, back.code, back.bytes),
            Code::Read => self.read(&flight, back.code, back.bytes, content.unwrap_or_default()),
            code => self.ended(code, back),
        }
    }

    /// A command that moves no data was called back.
    fn ended(&mut self, code: Code, back: &CalledBack) -> Effect {
        if back.code != Win32::ERROR_SUCCESS {
            return Effect::Fails;
        }
        self.succeeded(code, back.position);
        Effect::On
    }

    const fn error(&mut self) -> Effect {
        (self.errors.errored, self.errors.recovery) = (true, Recovery::Clear);
        self.errors.vain += 1;
        if self.errors.vain < VAIN_RECOVERIES { Effect::On } else { Effect::Fails }
    }

    fn take_back(&mut self, flight: &Flight) {
        self.reads.retain(|(command, _)| *command != flight.command);
        if flight.transfer.length == 0 || self.items.get(self.item) == Some(&Item::End) {
            return;
        }
        if self.manner.writes || self.manner.addressed {
            self.send_again(flight.transfer);
        } else {
            self.next -= u64::from(flight.transfer.length);
        }
    }

    fn send_again(&mut self, transfer: Transfer) {
        let after = self.again.iter().position(|other| other.offset > transfer.offset);
        self.again.insert(after.unwrap_or(self.again.len()), transfer);
    }

    fn written(&mut self, flight: &Flight, code: Win32, bytes: u32) -> Effect {
        let Transfer { offset, length } = flight.transfer;
        match code {
            Win32::ERROR_SUCCESS if bytes >= length || self.manner.trusting => {}
            Win32::ERROR_END_OF_MEDIA => {
                self.errors.loads = true;
                if bytes < length {
                    let (offset, length) = (offset + u64::from(bytes), length - bytes);
                    self.send_again(Transfer { offset, length });
                }
                self.moved += u64::from(bytes);
                return self.error();
            }
            _ => return Effect::Fails,
        }
        self.moved += u64::from(length);
        Effect::On
    }

    fn read(&mut self, flight: &Flight, code: Win32, bytes: u32, content: Content) -> Effect {
        let Transfer { offset, length } = flight.transfer;
        // A filemark where data was expected closes a medium.
        let ends = matches!(
            code,
            Win32::ERROR_HANDLE_EOF
                | Win32::ERROR_NO_DATA_DETECTED
                | Win32::ERROR_FILEMARK_DETECTED
        );
        if self.items.get(self.item) == Some(&Item::End) {
            self.reads.clear();
            if code == Win32::ERROR_SUCCESS && bytes == 0 {
                self.errors.empty += 1;
                return if self.errors.empty < EMPTY_READS { Effect::On } else { Effect::Fails };
            }
            self.item += 1;
            return if ends && bytes == 0 { self.error() } else { Effect::Fails };
        }
        if code != Win32::ERROR_SUCCESS && !ends {
            return Effect::Fails;
        }
        let taken = bytes.min(length);
        let mut content = content::head(&content, taken);
        // What was told and is not there is something else than was written.
        let missing = taken - content::length(&content);
        content::push(&mut content, content::nothing(missing));
        if self.manner.addressed {
            self.compare(offset, &content);
            self.moved += u64::from(taken);
            if taken < length {
                let rest = (offset + u64::from(taken), length - taken);
                self.send_again(Transfer { offset: rest.0, length: rest.1 });
            }
        } else {
            self.next -= u64::from(length - taken);
            let known = self.reads.iter_mut().find(|(command, _)| *command == flight.command);
            known.into_iter().for_each(|(_, given)| *given = Some(content.clone()));
            while let Some((_, Some(content))) = self.reads.front() {
                let content = content.clone();
                self.reads.pop_front();
                self.compare(self.moved, &content);
                self.moved += u64::from(content::length(&content));
            }
        }
        if ends {
            self.errors.loads = true;
            return self.error();
        }
        self.errors.empty = if taken == 0 { self.errors.empty + 1 } else { 0 };
        if self.errors.empty < EMPTY_READS { Effect::On } else { Effect::Fails }
    }

    /// Compares what was read with what was written there.
    fn compare(&mut self, at: u64, content: &Content) {
        let mut at = at;
        for extent in content {
            if (extent.stream, extent.offset) != (self.id, at) && self.wrong.is_none() {
                self.wrong = Some(at);
            }
            at += u64::from(extent.length);
        }
    }

    fn succeeded(&mut self, code: Code, position: u64) {
        match code {
            Code::ClearError => {
                self.errors.errored = false;
                self.errors.recovery = match self.errors.loads {
                    true if self.manner.closes => Recovery::Mark,
                    true => Recovery::Load,
                    false => Recovery::None,
                };
            }
            Code::WriteMark if self.errors.recovery == Recovery::Mark => {
                self.errors.recovery = Recovery::Load;
            }
            Code::Load => (self.errors.loads, self.errors.recovery) = (false, Recovery::None),
            Code::Discard => {}
            code => {
                if code == Code::GetPosition {
                    self.position = position;
                }
                if self.items.get(self.item) == Some(&Item::Return) {
                    (self.next, self.moved) = (0, 0);
                }
                self.item += 1;
            }
        }
    }

    /// Whether an error can be got over: the end of a medium, if there may be another.
    pub(crate) fn can_recover(&self, removable: bool) -> bool {
        let past_end = self.item > 0 && self.items.get(self.item - 1) == Some(&Item::End);
        self.errors.recovery == Recovery::None || past_end || self.errors.loads && removable
    }
}
