//! A connection's two directions, encrypted or not: read by one thread, written by others.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bytes::Malformed;
use super::packet::{Kind, Message, Packets, Parts, USUAL, packet};
use super::tls::{Identity, Tls};

impl From<Malformed> for io::Error {
    fn from(wrong: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, wrong)
    }
}

/// What a mutex holds: a thread that panicked has left nothing half done.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where bytes go to and come from.
#[derive(Debug)]
pub(crate) struct Channel {
    stream: TcpStream,
    tls: Mutex<Option<Tls>>,
    /// Held while bytes are written: in the order in which they were encrypted.
    writing: Mutex<()>,
}

impl Channel {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, tls: Mutex::default(), writing: Mutex::default() }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let _writing = lock(&self.writing);
        let hidden = lock(&self.tls).as_mut().map(|tls| tls.send(bytes)).transpose()?;
        let mut stream = &self.stream;
        stream.write_all(hidden.as_deref().unwrap_or(bytes)).inspect_err(|_| self.shut())
    }

    /// Neither side says more: what came behind half a message would be none.
    pub(crate) fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn receive(&self, come: &mut Vec<u8>) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let mut stream = &self.stream;
        let got = stream.read(&mut piece)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match &mut *lock(&self.tls) {
            Some(tls) => tls.receive(&piece[..got], come),
            None => {
                come.extend_from_slice(&piece[..got]);
                Ok(())
            }
        }
    }

    /// From here on nothing is encrypted.
    pub(crate) fn in_clear(&self) {
        *lock(&self.tls) = None;
    }
}

/// What comes over a channel, as messages.
#[derive(Debug)]
pub(crate) struct Incoming<'c> {
    channel: &'c Channel,
    come: Vec<u8>,
    parts: Parts,
}

impl<'c> Incoming<'c> {
    pub(crate) fn new(channel: &'c Channel) -> Self {
        Self { channel, come: Vec::new(), parts: Parts::default() }
    }

    /// The next message, no longer than so many bytes.
    pub(crate) fn next(&mut self, most: usize) -> io::Result<Message> {
        loop {
            while let Some(packet) = packet(&mut self.come)? {
                if let Some(message) = self.parts.add(packet, most)? {
                    return Ok(message);
                }
            }
            self.channel.receive(&mut self.come)?;
        }
    }

    /// Begins TLS: its handshake lies in packets, what follows does not.
    pub(crate) fn begin_tls(&mut self, identity: &Identity) -> io::Result<()> {
        let mut tls = identity.connection()?;
        let mut nothing = Vec::new();
        while tls.is_handshaking() {
            let Some(packet) = packet(&mut self.come)? else {
                self.channel.receive(&mut self.come)?;
                continue;
            };
            if packet.kind != Kind::Before {
                return Err(Malformed("a packet in the midst of the handshake").into());
            }
            let taken = tls.receive(&packet.body, &mut nothing);
            // A client is told why it is not understood, too.
            let answer = tls.send(&[])?;
            if !answer.is_empty() {
                let mut packets = Packets::new(Kind::Before, USUAL);
                let mut send = |bytes: &[u8]| self.channel.send(bytes);
                packets.add(&answer, &mut send)?;
                packets.end(&mut send)?;
            }
            taken?;
        }
        let hidden = std::mem::take(&mut self.come);
        tls.receive(&hidden, &mut self.come)?;
        *lock(&self.channel.tls) = Some(tls);
        Ok(())
    }
}
