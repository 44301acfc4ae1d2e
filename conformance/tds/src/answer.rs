//! The answer to one request, told as it comes.

use std::io;
use std::sync::Mutex;

use super::channel::{Channel, lock};
use super::login::Version;
use super::packet::{Kind, Packets};
use super::token::{
    End, Status, put_change, put_columns, put_done, put_handle, put_message, put_returned, put_row,
};
use super::types::{Column, Value};

/// How the messages of a statement that goes on are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Alone: a program that asks for the statement waits for its end.
    #[default]
    Messages,
    /// Each as the end of something behind which there is more: a program that does not read
    /// on sees the first only, and ends the statement when it closes its own.
    MessagesWithEnds,
}

/// Something that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'t> {
    /// Its number.
    pub number: u32,
    /// Its state.
    pub state: u8,
    /// Its severity: up to 10 it tells of no error.
    pub class: u8,
    /// The line of the statement.
    pub line: usize,
    /// What it says.
    pub text: &'t str,
}

/// What of a session its answers are written by.
#[derive(Debug)]
pub(crate) struct Manner {
    pub(crate) version: Version,
    pub(crate) packet: usize,
    pub(crate) shape: Shape,
    /// What the server is called in messages.
    pub(crate) server: String,
}

/// The transaction of a session: what it is called, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    open: Option<u64>,
    last: u64,
}

/// The answer to one request.
#[derive(Debug)]
pub struct Answer<'s> {
    channel: &'s Channel,
    manner: &'s Manner,
    transaction: &'s Mutex<Transaction>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    packets: Packets,
    /// The end of a statement that is told once it is known whether there is more.
    ended: Option<(Status, Option<u64>)>,
    /// It is the answer to a call of a procedure.
    is_call: bool,
    /// The number of the last error.
    failed: Option<u32>,
}

impl<'s> Answer<'s> {
    pub(crate) fn new(
        channel: &'s Channel,
        manner: &'s Manner,
        transaction: &'s Mutex<Transaction>,
        is_call: bool,
    ) -> Self {
        let packets = Packets::new(Kind::Answer, manner.packet);
        let state = Mutex::new(State { packets, ended: None, is_call, failed: None });
        Self { channel, manner, transaction, state }
    }

    const fn is_wide(&self) -> bool {
        self.manner.version.0 >= 0x7209_0002
    }

    /// Puts tokens behind those before; then all are sent, if they are to be read at once.
    fn put(&self, at_once: bool, write: impl FnOnce(&mut Vec<u8>, &mut State)) -> io::Result<()> {
        let mut state = lock(&self.state);
        let mut tokens = Vec::new();
        if let Some((status, count)) = state.ended.take() {
            let status = status.with(Status::MORE);
            put_done(&mut tokens, self.is_wide(), End::Done, (status, count));
        }
        write(&mut tokens, &mut state);
        let mut send = |bytes: &[u8]| self.channel.send(bytes);
        state.packets.add(&tokens, &mut send)?;
        if at_once { state.packets.flush(&mut send) } else { Ok(()) }
    }

    /// Tells something, at once if it is no error.
    ///
    /// # Errors
    /// The client has gone.
    pub fn tell(&self, told: &Told<'_>) -> io::Result<()> {
        let is_error = told.class > 10;
        // Severity 10 is told as class 0: clients take what lies between for errors.
        let class = if told.class == 10 { 0 } else { told.class };
        self.put(!is_error, |tokens, state| {
            let kind = (told.number, told.state, class, told.line);
            put_message(tokens, self.is_wide(), kind, (told.text, &self.manner.server));
            if is_error {
                state.failed = Some(told.number);
            } else if self.manner.shape == Shape::MessagesWithEnds {
                let end = if state.is_call { End::InProcedure } else { End::Done };
                put_done(tokens, self.is_wide(), end, (Status::MORE, None));
            }
        })
    }

    /// Tells a result. The end of its statement is told apart.
    ///
    /// # Errors
    /// The client has gone.
    pub fn rows(&self, columns: &[Column], rows: &[Vec<Value>]) -> io::Result<()> {
        self.put(false, |tokens, _| {
            put_columns(tokens, self.is_wide(), columns);
            rows.iter().for_each(|row| put_row(tokens, columns, row));
        })
    }

    /// A statement has ended: whether it failed, and how many rows it had if it has a count.
    ///
    /// # Errors
    /// The client has gone.
    pub fn ended(&self, failed: bool, count: Option<u64>) -> io::Result<()> {
        let status = Status::failed(failed);
        self.put(false, |tokens, state| {
            if state.is_call {
                let status = status.with(Status::MORE);
                put_done(tokens, self.is_wide(), End::InProcedure, (status, count));
            } else {
                state.ended = Some((status, count));
            }
        })
    }

    /// A transaction begins.
    ///
    /// # Errors
    /// The client has gone.
    pub fn begins_transaction(&self) -> io::Result<()> {
        let mut transaction = lock(self.transaction);
        transaction.last += 1;
        let name = transaction.last;
        transaction.open = Some(name);
        self.put(false, |tokens, _| put_change(tokens, 8, &name.to_le_bytes(), &[]))
    }

    /// The transaction ends, well or not.
    ///
    /// # Errors
    /// The client has gone.
    pub fn ends_transaction(&self, well: bool) -> io::Result<()> {
        let name = lock(self.transaction).open.take();
        let name = name.map(u64::to_le_bytes);
        let old = name.as_ref().map_or(&[][..], |name| name);
        self.put(false, |tokens, _| put_change(tokens, if well { 9 } else { 10 }, &[], old))
    }

    /// The session is as new.
    pub(crate) fn is_reset(&self) -> io::Result<()> {
        *lock(self.transaction) = Transaction::default();
        self.put(false, |tokens, _| put_change(tokens, 18, &[], &[]))
    }

    /// The end of one of the calls of a request; of a text that is kept its handle is told.
    pub(crate) fn end_call(&self, handle: Option<i32>, is_last: bool) -> io::Result<()> {
        self.put(false, |tokens, state| {
            let number = state.failed.take();
            put_returned(tokens, number.unwrap_or_default().cast_signed());
            if let Some(handle) = handle {
                put_handle(tokens, self.is_wide(), handle);
            }
            let more = if is_last { Status::default() } else { Status::MORE };
            let status = Status::failed(number.is_some()).with(more);
            put_done(tokens, self.is_wide(), End::Procedure, (status, None));
        })
    }

    /// The end of the answer, which a call has told already.
    pub(crate) fn end(self) -> io::Result<()> {
        let wide = self.is_wide();
        let mut state = lock(&self.state);
        let mut tokens = Vec::new();
        if !state.is_call {
            let ended = state.ended.take().unwrap_or_default();
            put_done(&mut tokens, wide, End::Done, ended);
        }
        let mut send = |bytes: &[u8]| self.channel.send(bytes);
        state.packets.add(&tokens, &mut send)?;
        state.packets.end(&mut send)
    }

    /// An answer of these tokens.
    pub(crate) fn of_tokens(
        channel: &Channel,
        (packet, wide): (usize, bool),
        (mut tokens, status): (Vec<u8>, Status),
    ) -> io::Result<()> {
        put_done(&mut tokens, wide, End::Done, (status, None));
        let mut packets = Packets::new(Kind::Answer, packet);
        let mut send = |bytes: &[u8]| channel.send(bytes);
        packets.add(&tokens, &mut send)?;
        packets.end(&mut send)
    }
}
