//! Tokens: what an answer is made of.
//!
//! Source: [MS-TDS] 2.2.7, Packet Data Token Stream Definition.

use super::bytes::{put_long_text, put_short_text};
use super::login::Version;
use super::packet::Packets;
use super::prelogin::PRODUCT;
use super::types::{COLLATION, Column, Value};

/// What a server calls itself in a login.
const NAME: &str = "Microsoft SQL Server";

/// What a client is told of a statement that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status(u16);

impl Status {
    pub(crate) const MORE: Self = Self(0x01);
    pub(crate) const FAILED: Self = Self(0x02);
    const COUNTED: Self = Self(0x10);
    pub(crate) const ATTENTION: Self = Self(0x20);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn failed(failed: bool) -> Self {
        if failed { Self::FAILED } else { Self(0) }
    }
}

/// What has ended: a statement, one within a procedure, a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done = 0xFD,
    InProcedure = 0xFF,
    Procedure = 0xFE,
}

/// A token behind the number of its bytes.
fn put_counted(into: &mut Vec<u8>, token: u8, body: &[u8]) {
    into.push(token);
    into.extend((body.len() as u16).to_le_bytes());
    into.extend_from_slice(body);
}

/// The end of a statement, and how many rows it had, if it had any to count.
pub(crate) fn put_done(
    into: &mut Vec<u8>,
    wide: bool,
    end: End,
    (status, count): (Status, Option<u64>),
) {
    let status = if count.is_some() { status.with(Status::COUNTED) } else { status };
    into.push(end as u8);
    into.extend(status.0.to_le_bytes());
    into.extend([0, 0]);
    into.extend(&count.unwrap_or_default().to_le_bytes()[..if wide { 8 } else { 4 }]);
}

/// Bytes of a text that is told, at most: the token that holds it has a limit.
const TEXT: usize = 8000;

/// A message: number, state, class, line, text.
pub(crate) fn put_message(
    into: &mut Vec<u8>,
    wide: bool,
    (number, state, class, line): (u32, u8, u8, usize),
    (text, server): (&str, &str),
) {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([state, class]);
    put_long_text(&mut body, text, TEXT);
    put_short_text(&mut body, server);
    put_short_text(&mut body, "");
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    body.extend(&line.to_le_bytes()[..if wide { 4 } else { 2 }]);
    put_counted(into, if class > 10 { 0xAA } else { 0xAB }, &body);
}

/// That something of the session has changed: what, from, to.
pub(crate) fn put_change(into: &mut Vec<u8>, what: u8, new: &[u8], old: &[u8]) {
    let mut body = vec![what, new.len() as u8];
    body.extend_from_slice(new);
    body.push(old.len() as u8);
    body.extend_from_slice(old);
    put_counted(into, 0xE3, &body);
}

/// What is said to a client that has logged in.
pub(crate) fn put_login(into: &mut Vec<u8>, version: Version, packet: usize) {
    put_change(into, 7, &COLLATION, &[]);
    let agreed = Packets::agreed(packet);
    if packet != 0 && agreed != packet {
        let mut body = vec![4];
        put_short_text(&mut body, &agreed.to_string());
        put_short_text(&mut body, &packet.to_string());
        put_counted(into, 0xE3, &body);
    }
    let mut body = vec![1];
    body.extend(version.0.to_be_bytes());
    put_short_text(&mut body, NAME);
    body.extend(PRODUCT);
    put_counted(into, 0xAD, &body);
}

/// Columns.
pub(crate) fn put_columns(into: &mut Vec<u8>, wide: bool, columns: &[Column]) {
    into.push(0x81);
    into.extend((columns.len() as u16).to_le_bytes());
    columns.iter().for_each(|column| column.put(into, wide));
}

/// A row of them.
pub(crate) fn put_row(into: &mut Vec<u8>, columns: &[Column], row: &[Value]) {
    into.push(0xD1);
    for (index, column) in columns.iter().enumerate() {
        column.kind.put_value(into, row.get(index).unwrap_or(&Value::Null));
    }
}

/// What a procedure returns.
pub(crate) fn put_returned(into: &mut Vec<u8>, status: i32) {
    into.push(0x79);
    into.extend(status.to_le_bytes());
}

/// The handle of a text that is kept, as the first parameter that is given back.
pub(crate) fn put_handle(into: &mut Vec<u8>, wide: bool, handle: i32) {
    into.extend([0xAC, 0, 0]);
    put_short_text(into, "");
    into.push(1);
    into.extend(&[0; 4][..if wide { 4 } else { 2 }]);
    into.extend([0, 0, 0x26, 4, 4]);
    into.extend(handle.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_statement_is_shorter_before_7_2() {
        let mut bytes = Vec::new();
        let status = Status::MORE.with(Status::FAILED);
        put_done(&mut bytes, true, End::Done, (status, Some(5)));
        assert_eq!(bytes, [0xFD, 0x13, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
        bytes.clear();
        put_done(&mut bytes, false, End::Procedure, (Status::default(), None));
        assert_eq!(bytes, [0xFE, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_message_is_an_error_above_class_10() {
        for (class, token) in [(0, 0xAB), (10, 0xAB), (11, 0xAA), (16, 0xAA)] {
            let mut bytes = Vec::new();
            put_message(&mut bytes, true, (3013, 1, class, 2), ("a", "b"));
            assert_eq!(bytes[0], token);
            let length = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
            assert_eq!(bytes.len(), length + 3);
            assert_eq!(
                bytes[3..],
                [0xC5, 11, 0, 0, 1, class, 1, 0, 97, 0, 1, 98, 0, 0, 2, 0, 0, 0]
            );
        }
        let mut old = Vec::new();
        put_message(&mut old, false, (3013, 1, 16, 2), ("a", "b"));
        assert_eq!(old[old.len() - 3..], [0, 2, 0]);
        let mut long = Vec::new();
        put_message(&mut long, true, (1, 1, 16, 1), (&"x".repeat(60_000), "b"));
        assert!(long.len() < 17_000);
    }

    #[test]
    fn a_login_tells_collation_version_and_a_size_only_if_it_is_another() {
        let told = |packet| {
            let mut bytes = Vec::new();
            put_login(&mut bytes, Version::V7_4, packet);
            bytes
        };
        let usual = told(4096);
        assert_eq!(usual, told(0));
        assert_eq!(usual[..11], [0xE3, 8, 0, 7, 5, 0x09, 0x04, 0xD0, 0x00, 0x34, 0]);
        assert_eq!(usual[11], 0xAD);
        assert_eq!(usual[14..19], [1, 0x74, 0, 0, 4]);
        assert_eq!(told(65_536)[11], 0xE3);
    }
}
