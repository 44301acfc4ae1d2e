//! A line as a recorder writes it, read in one pass: fields in the order in which they are
//! written, nothing between them, text without escapes.
//!
//! Whatever else a line holds is left to serde, which reads all that is read here too, to the
//! same event, and says of everything else what is wrong with it.

use super::{Args, CodeArg, Event, Found, Function, Handle, Line, Name, Out, Size, TimeoutArg};
use vdi_spec::codes::{CommandCode, HResult, Win32};

/// Reads what a line holds; `None` if that is none of what is read here, and then nothing is
/// to be made of what is in `into`.
pub(super) fn read<'a>(line: &'a [u8], into: &mut Line<'a>) -> Option<()> {
    let mut cursor = Cursor { text: std::str::from_utf8(line).ok()?, at: 0 };
    cursor.expect(b"{")?;
    let mut seq = None;
    if cursor.is(b"\"seq\":") {
        seq = Some(cursor.number()?);
        cursor.expect(b",")?;
    }
    if cursor.is(b"\"lane\":\"") {
        let lane = cursor.name()?;
        on_lane(&mut cursor, seq, lane, &mut into.event)?;
    } else {
        cursor.expect(b"\"blocked\":[")?;
        into.event = Event::Blocked { seq, blocked: names(&mut cursor)? };
    }
    if cursor.is(b",\"elapsed\":") {
        into.elapsed = Some(cursor.number()?);
    }
    cursor.expect(b"}")?;
    matches!(&line[cursor.at..], b"" | b"\n" | b"\r\n").then_some(())
}

/// What happens on a lane.
#[inline]
fn on_lane<'a>(
    cursor: &mut Cursor<'a>,
    seq: Option<u64>,
    lane: Name<'a>,
    into: &mut Event<'a>,
) -> Option<()> {
    cursor.expect(b",\"")?;
    if cursor.is(b"call\":\"") {
        let call = Function::by_name(cursor.string()?)?;
        cursor.expect(b",\"on\":\"")?;
        let on = cursor.name()?;
        let creates = if cursor.is(b",\"as\":\"") { Some(cursor.name()?) } else { None };
        let mut args = Args::default();
        if cursor.is(b",\"args\":{") {
            arguments(cursor, &mut args)?;
        }
        *into = Event::Call { seq, lane, call, on, creates, args };
        return Some(());
    }
    if cursor.is(b"return\":\"") {
        let status = HResult::by_name(cursor.string()?)?;
        let mut out = Out::default();
        if cursor.is(b",\"out\":{") {
            results(cursor, &mut out)?;
        }
        *into = Event::Return { seq, lane, status, out };
        return Some(());
    }
    if cursor.is(b"callback\":\"") {
        let callback = cursor.name()?;
        cursor.expect(b",\"completion\":\"")?;
        let completion = Win32::by_name(cursor.string()?)?;
        cursor.expect(b",\"bytes\":")?;
        let bytes = cursor.number32()?;
        let position = if cursor.is(b",\"position\":") { Some(cursor.number()?) } else { None };
        let held = cursor.is(b",\"held\":true");
        *into = Event::Callback { seq, lane, callback, completion, bytes, position, held };
        return Some(());
    }
    if cursor.is(b"ended\":\"") {
        *into = Event::Ended { seq, lane, ended: cursor.name()? };
        return Some(());
    }
    if cursor.is(b"wrote\":\"") {
        *into = Event::Wrote { seq, lane, wrote: cursor.name()? };
        return Some(());
    }
    cursor.expect(b"touch\":\"")?;
    let touch = cursor.name()?;
    cursor.expect(b",\"found\":\"")?;
    let found = match cursor.string()? {
        "alive" => Found::Alive,
        "gone" => Found::Gone,
        _ => return None,
    };
    *into = Event::Touch { seq, lane, touch, found };
    Some(())
}

/// The rest of a list of names.
fn names<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<Name<'a>>> {
    let mut names = Vec::new();
    if cursor.is(b"]") {
        return Some(names);
    }
    loop {
        cursor.expect(b"\"")?;
        names.push(cursor.name()?);
        if cursor.is(b"]") {
            return Some(names);
        }
        cursor.expect(b",")?;
    }
}

/// A field that is given twice is none of what is read here.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// The rest of an object, whose fields may have any order.
#[inline]
fn arguments<'a>(cursor: &mut Cursor<'a>, args: &mut Args<'a>) -> Option<()> {
    loop {
        cursor.expect(b"\"")?;
        if cursor.is(b"size\":") {
            once(&mut args.size, cursor.size()?)?;
        } else if cursor.is(b"code\":\"") {
            once(&mut args.code, cursor.code()?)?;
        } else if cursor.is(b"buffer\":\"") {
            once(&mut args.buffer, Handle::Name(cursor.name()?))?;
        } else if cursor.is(b"timeout\":") {
            once(&mut args.timeout, cursor.timeout()?)?;
        } else if cursor.is(b"command\":\"") {
            once(&mut args.command, Handle::Name(cursor.name()?))?;
        } else if cursor.is(b"bytes\":") {
            once(&mut args.bytes, cursor.number32()?)?;
        } else if cursor.is(b"position\":") {
            once(&mut args.position, cursor.number()?)?;
        } else if cursor.is(b"name\":\"") {
            once(&mut args.name, cursor.name()?)?;
        } else if cursor.is(b"instance\":\"") {
            once(&mut args.instance, cursor.name()?)?;
        } else if cursor.is(b"alignment\":") {
            once(&mut args.alignment, cursor.number32()?)?;
        } else if cursor.is(b"count\":") {
            once(&mut args.count, cursor.number32()?)?;
        } else if cursor.is(b"handle\":\"") {
            once(&mut args.handle, Handle::Name(cursor.name()?))?;
        } else {
            cursor.expect(b"hold\":true")?;
            once(&mut args.hold, true)?;
        }
        if cursor.is(b"}") {
            return Some(());
        }
        cursor.expect(b",")?;
    }
}

/// The same of results.
#[inline]
fn results<'a>(cursor: &mut Cursor<'a>, out: &mut Out<'a>) -> Option<()> {
    loop {
        cursor.expect(b"\"")?;
        if cursor.is(b"command\":\"") {
            once(&mut out.command, cursor.name()?)?;
        } else if cursor.is(b"code\":\"") {
            once(&mut out.code, CommandCode::by_name(cursor.string()?)?)?;
        } else if cursor.is(b"size\":") {
            once(&mut out.size, cursor.size()?)?;
        } else if cursor.is(b"position\":") {
            once(&mut out.position, cursor.number()?)?;
        } else if cursor.is(b"buffer\":\"") {
            once(&mut out.buffer, cursor.name()?)?;
        } else if cursor.is(b"count\":") {
            once(&mut out.count, cursor.number32()?)?;
        } else if cursor.is(b"address\":") {
            once(&mut out.address, cursor.number()?)?;
        } else {
            cursor.expect(b"shared\":")?;
            let shared = cursor.is(b"true");
            if !shared {
                cursor.expect(b"false")?;
            }
            once(&mut out.shared, shared)?;
        }
        if cursor.is(b"}") {
            return Some(());
        }
        cursor.expect(b",")?;
    }
}

/// A place in a line; each step past what it expects, `None` at anything else.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// What is to come.
    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Steps past this, if it comes next: whether it does.
    #[inline(always)]
    fn is<const N: usize>(&mut self, next: &[u8; N]) -> bool {
        let there = self.rest().first_chunk() == Some(next);
        self.at += if there { N } else { 0 };
        there
    }

    #[inline(always)]
    fn expect<const N: usize>(&mut self, next: &[u8; N]) -> Option<()> {
        self.is(next).then_some(())
    }

    /// The rest of a text without an escape.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        let length = self.rest().iter().position(|byte| ENDS[usize::from(*byte)])?;
        let end = self.at + length;
        let text = self.text.get(self.at..end)?;
        self.at = end;
        self.expect(b"\"")?;
        Some(text)
    }

    #[inline]
    fn name(&mut self) -> Option<Name<'a>> {
        self.string().map(Name::from)
    }

    /// A number without a sign, a fraction or an exponent.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut number: u64 = 0;
        for digit in &rest[..digits] {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        }
        self.at += digits;
        let leading = digits > 1 && rest[0] == b'0';
        let whole = !matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
        (digits > 0 && !leading && whole).then_some(number)
    }

    #[inline]
    fn number32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// A number of bytes without a unit.
    #[inline]
    fn size(&mut self) -> Option<Size> {
        self.number()?.try_into().ok().map(Size)
    }

    #[inline]
    fn timeout(&mut self) -> Option<TimeoutArg> {
        if self.is(b"\"infinite\"") {
            return Some(TimeoutArg::Infinite);
        }
        self.number32().map(TimeoutArg::Milliseconds)
    }

    /// A code by its name.
    #[inline]
    fn code(&mut self) -> Option<CodeArg> {
        let text = self.string()?;
        let command = CommandCode::by_name(text).map(CodeArg::Command);
        command.or_else(|| Win32::by_name(text).map(CodeArg::Completion))
    }
}

/// Bytes that end a text, or are not read in one.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

#[cfg(test)]
mod tests {
    use super::super::elapsed::Timed;
    use super::*;

    /// Lines of every kind that is read here.
    const LINES: &[&str] = &[
        r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"s","instance":"i"}}"#,
        r#"{"seq":7,"lane":"server.main","call":"AllocateBuffer","on":"sset","as":"b1","args":{"size":65536,"alignment":0}}"#,
        r#"{"seq":8,"lane":"server.t1","call":"SendCommand","on":"s1","as":"k1","args":{"code":"Write","buffer":"b1","size":512,"position":0,"hold":true},"elapsed":12}"#,
        r#"{"lane":"primary.d1","call":"GetCommand","on":"c1","args":{"timeout":"infinite"}}"#,
        r#"{"lane":"primary.d1","call":"GetCommand","on":"c1","args":{"timeout":100}}"#,
        r#"{"lane":"primary.d1","call":"CompleteCommand","on":"c1","args":{"command":"k1","code":"ERROR_SUCCESS","bytes":512,"position":10}}"#,
        r#"{"lane":"server.main","call":"Close","on":"sset","elapsed":3}"#,
        r#"{"lane":"primary.d1","return":"NOERROR","out":{"command":"k1","code":"Write","size":512,"position":0,"buffer":"b1"}}"#,
        r#"{"lane":"server.main","return":"NOERROR","out":{"count":3,"address":65536,"shared":false}}"#,
        r#"{"lane":"server.main","return":"VD_E_PROTOCOL","elapsed":9}"#,
        r#"{"lane":"server.agent","callback":"k1","completion":"ERROR_SUCCESS","bytes":0,"position":1,"held":true}"#,
        r#"{"lane":"server.agent","ended":"k1"}"#,
        r#"{"lane":"primary.d1","touch":"b1","found":"gone"}"#,
        r#"{"lane":"primary.d1","wrote":"b1"}"#,
        r#"{"seq":33,"blocked":["server.agent","primary.d1"],"elapsed":1}"#,
        r#"{"blocked":[]}"#,
    ];

    /// What is read here is what serde reads; how often something is read is told.
    fn compare(line: &[u8]) -> usize {
        let nothing = Event::Blocked { seq: None, blocked: Vec::new() };
        let mut into = Line { number: 1, event: nothing, elapsed: None };
        if read(line, &mut into).is_none() {
            return 0;
        }
        let text = String::from_utf8_lossy(line);
        let known: Timed<'_> = serde_json::from_slice(line).unwrap_or_else(|error| {
            panic!("{text}: serde reads it not: {error}");
        });
        assert_eq!((into.event, into.elapsed), (known.event, known.elapsed), "{text}");
        1
    }

    #[test]
    fn what_is_read_is_what_serde_reads() {
        for line in LINES {
            assert_eq!(compare(line.as_bytes()), 1, "{line} is not read at all");
        }
    }

    /// Whatever becomes of a line by one mistake, or by two fields that change places.
    #[test]
    fn no_line_with_a_mistake_is_read_otherwise() {
        let mistakes = *b"\"\\{}:,.0179eE+-x\0\n\t \x7f\xc3";
        let mut read = 0;
        for line in LINES {
            let line = line.as_bytes();
            for at in 0..line.len() {
                read += compare(&[&line[..at], &line[at + 1..]].concat());
                read += compare(&[&line[..=at], &line[at..]].concat());
                read += compare(&line[..at]);
                for mistake in mistakes {
                    read += compare(&[&line[..at], &[mistake], &line[at + 1..]].concat());
                    read += compare(&[&line[..at], &[mistake], &line[at..]].concat());
                }
            }
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
            for (one, other) in (0..fields.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
                let mut fields = fields.clone();
                fields.swap(one, other);
                read += compare(&fields.join(&b","[..]));
                fields[one] = fields[other];
                read += compare(&fields.join(&b","[..]));
            }
        }
        assert!(read > 1000, "only {read} lines were read");
    }
}
