//! Packets, and the messages that they are parts of.
//!
//! Source: [MS-TDS] 2.2.3.1, Packet Header.

use std::io;

use super::bytes::Malformed;

/// Bytes of a packet's head.
pub(crate) const HEAD: usize = 8;

/// Bytes of a packet until something else is agreed, and if nothing is.
pub(crate) const USUAL: usize = 4096;

/// Bytes that a packet may be agreed to have.
const AGREED: std::ops::RangeInclusive<usize> = 512..=32_767;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Batch,
    Call,
    Answer,
    Attention,
    Transaction,
    Login,
    /// What comes before a login, TLS with it.
    Before,
}

const KINDS: [(u8, Kind); 7] = [
    (0x01, Kind::Batch),
    (0x03, Kind::Call),
    (0x04, Kind::Answer),
    (0x06, Kind::Attention),
    (0x0E, Kind::Transaction),
    (0x10, Kind::Login),
    (0x12, Kind::Before),
];

impl Kind {
    fn of(code: u8) -> Option<Self> {
        KINDS.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind)
    }

    fn code(self) -> u8 {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or(0, |(code, _)| *code)
    }
}

/// It is the last of its message.
const LAST: u8 = 0x01;
/// What was begun of the message is to be forgotten.
const IGNORE: u8 = 0x02;
/// The session is to be as new before the message is carried out.
const RESET: u8 = 0x08 | 0x10;

/// A packet that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: Kind,
    status: u8,
    pub(crate) body: Vec<u8>,
}

/// The first packet of what has come, taken out of it, if all of it is there.
pub(crate) fn packet(come: &mut Vec<u8>) -> Result<Option<Packet>, Malformed> {
    let Some(&[code, status, high, low, ..]) = come.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let kind = Kind::of(code).ok_or(Malformed("no packet of TDS"))?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < HEAD {
        return Err(Malformed("a packet is shorter than its head"));
    }
    if come.len() < length {
        return Ok(None);
    }
    let body = come[HEAD..length].to_vec();
    come.drain(..length);
    Ok(Some(Packet { kind, status, body }))
}

/// A message that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    /// The session is to be as new before it is carried out.
    pub(crate) resets: bool,
    pub(crate) body: Vec<u8>,
}

/// Messages, put together of their packets.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    begun: Option<Message>,
}

impl Parts {
    /// The message whose last packet this is, if it is one; no longer than so many bytes.
    pub(crate) fn add(
        &mut self,
        packet: Packet,
        most: usize,
    ) -> Result<Option<Message>, Malformed> {
        let Packet { kind, status, body } = packet;
        // It may come between the packets of another, which is then never complete.
        if kind == Kind::Attention {
            self.begun = None;
            return Ok(Some(Message { kind, resets: false, body }));
        }
        let begun = self.begun.get_or_insert_with(|| Message {
            kind,
            resets: status & RESET != 0,
            body: Vec::new(),
        });
        if begun.kind != kind {
            return Err(Malformed("a packet of another message before the last"));
        }
        if begun.body.len() + body.len() > most {
            return Err(Malformed("a message is too long"));
        }
        begun.body.extend_from_slice(&body);
        if status & LAST == 0 {
            return Ok(None);
        }
        let message = self.begun.take();
        Ok(message.filter(|_| status & IGNORE == 0))
    }
}

/// The packets of messages that are sent, none longer than agreed.
#[derive(Debug)]
pub(crate) struct Packets {
    kind: Kind,
    size: usize,
    number: u8,
    waiting: Vec<u8>,
}

impl Packets {
    /// `asked` are the bytes that the client asks for; 0 if it does not care.
    pub(crate) fn new(kind: Kind, asked: usize) -> Self {
        Self { kind, size: Self::agreed(asked), number: 0, waiting: Vec::new() }
    }

    /// The bytes of a packet, if so many are asked for.
    pub(crate) fn agreed(asked: usize) -> usize {
        if asked == 0 { USUAL } else { asked.clamp(*AGREED.start(), *AGREED.end()) }
    }

    /// More of the message. What no longer fits into one packet is sent.
    pub(crate) fn add(
        &mut self,
        bytes: &[u8],
        send: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        // The last is kept: it may be the end of the message.
        while self.waiting.len() > self.size - HEAD {
            let body: Vec<u8> = self.waiting.drain(..self.size - HEAD).collect();
            send(&self.with_head(0, &body))?;
        }
        Ok(())
    }

    /// Sends what waits, as a packet that is not the last.
    pub(crate) fn flush(
        &mut self,
        send: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let body = std::mem::take(&mut self.waiting);
        send(&self.with_head(0, &body))
    }

    /// Sends the rest, and ends the message.
    pub(crate) fn end(&mut self, send: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let body = std::mem::take(&mut self.waiting);
        let sent = send(&self.with_head(LAST, &body));
        self.number = 0;
        sent
    }

    fn with_head(&mut self, status: u8, body: &[u8]) -> Vec<u8> {
        self.number = self.number.wrapping_add(1);
        let [high, low] = ((HEAD + body.len()) as u16).to_be_bytes();
        let mut packet = vec![self.kind.code(), status, high, low, 0, 0, self.number, 0];
        packet.extend_from_slice(body);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packets of a message.
    fn packets(kind: Kind, asked: usize, body: &[u8]) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let mut send = |packet: &[u8]| {
            sent.push(packet.to_vec());
            Ok(())
        };
        let mut packets = Packets::new(kind, asked);
        packets.add(body, &mut send).expect("added");
        packets.end(&mut send).expect("ended");
        sent
    }

    #[test]
    fn a_message_spans_packets_and_comes_together_again() {
        let body: Vec<u8> = (0..2000_u32).map(|byte| byte as u8).collect();
        let sent = packets(Kind::Batch, 512, &body);
        assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [512, 512, 512, 496]);
        // However it is cut on its way.
        let stream = sent.concat();
        for cut in [1, 7, 511, 513, 1999] {
            let (mut come, mut parts, mut found) = (Vec::new(), Parts::default(), Vec::new());
            for piece in stream.chunks(cut) {
                come.extend_from_slice(piece);
                while let Some(packet) = packet(&mut come).expect("a packet") {
                    found.extend(parts.add(packet, 4000).expect("a part"));
                }
            }
            assert_eq!(found, [Message { kind: Kind::Batch, resets: false, body: body.clone() }]);
        }
    }

    #[test]
    fn no_size_is_the_usual_size_and_none_is_out_of_bounds() {
        for (asked, size) in [(0, 4096), (100, 512), (8000, 8000), (65_536, 32_767)] {
            assert_eq!(packets(Kind::Answer, asked, &[0; 70_000])[0].len(), size, "{asked}");
        }
    }

    #[test]
    fn a_message_that_just_fits_is_one_packet_and_an_empty_one_is_one() {
        assert_eq!(packets(Kind::Answer, 512, &[0; 504]).len(), 1);
        assert_eq!(packets(Kind::Answer, 512, &[0; 505]).len(), 2);
        assert_eq!(packets(Kind::Answer, 512, &[]), [vec![4, 1, 0, 8, 0, 0, 1, 0]]);
    }

    #[test]
    fn what_is_no_packet_is_told() {
        assert!(packet(&mut vec![0x16, 3, 1, 0, 9, 0, 0, 0]).is_err(), "TLS at once");
        assert!(packet(&mut vec![1, 1, 0, 7, 0, 0, 0, 0]).is_err());
        assert_eq!(packet(&mut vec![1, 1, 0, 9, 0, 0, 0, 0]), Ok(None));
    }

    #[test]
    fn resets_and_what_is_to_be_ignored_are_seen() {
        let mut parts = Parts::default();
        let one = |status, kind| Packet { kind, status, body: vec![1] };
        let reset = parts.add(one(LAST | 0x08, Kind::Batch), 10).expect("a part");
        assert!(reset.is_some_and(|message| message.resets));
        assert_eq!(parts.add(one(LAST | IGNORE, Kind::Batch), 10), Ok(None));
        // An attention between the packets of a message.
        assert_eq!(parts.add(one(0, Kind::Batch), 10), Ok(None));
        let attention = parts.add(one(LAST, Kind::Attention), 10).expect("a part");
        assert_eq!(attention.map(|message| message.kind), Some(Kind::Attention));
        assert!(parts.add(one(0, Kind::Batch), 10).is_ok());
        assert!(parts.add(one(LAST, Kind::Call), 10).is_err());
        let long = Packet { kind: Kind::Batch, status: LAST, body: vec![0; 11] };
        assert!(Parts::default().add(long, 10).is_err());
    }
}
