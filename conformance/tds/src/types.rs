//! Parameters of procedures, read; columns and values of results, written.
//!
//! Source: [MS-TDS] 2.2.5.4, Data Types; 2.2.5.5.3, variable-length data.

use super::bytes::{Malformed, Rest, put_short_text, text, utf16};

/// A value of a parameter, or of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// A whole number, or a bit.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Days since 1900 and three-hundredths of a second of the day.
    DateTime(i32, u32),
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// What its values are.
    pub kind: Type,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `bit`.
    Bit,
    /// `tinyint`.
    TinyInt,
    /// `smallint`.
    SmallInt,
    /// `int`.
    Int,
    /// `bigint`.
    BigInt,
    /// `numeric(20,0)` or `numeric(25,0)`: the digits.
    Numeric(u8),
    /// `nvarchar` of so many characters.
    Text(u16),
    /// `varbinary` of so many bytes.
    Bytes(u16),
    /// `uniqueidentifier`.
    Guid,
    /// `datetime`.
    DateTime,
}

/// The collation that is told: Latin1_General_CI_AS of SQL Server, SQL_Latin1_General_CP1.
pub(crate) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// Bytes of a `numeric` with its sign.
const NUMERIC: u8 = 17;

impl Type {
    pub(crate) fn put(self, into: &mut Vec<u8>) {
        match self {
            Self::Bit => into.extend([0x68, 1]),
            Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt => {
                into.extend([0x26, self.width()]);
            }
            Self::Numeric(digits) => into.extend([0x6C, NUMERIC, digits, 0]),
            Self::Text(characters) => {
                into.push(0xE7);
                into.extend((2 * characters).to_le_bytes());
                into.extend(COLLATION);
            }
            Self::Bytes(bytes) => {
                into.push(0xA5);
                into.extend(bytes.to_le_bytes());
            }
            Self::Guid => into.extend([0x24, 16]),
            Self::DateTime => into.extend([0x6F, 8]),
        }
    }

    /// Bytes of a number.
    const fn width(self) -> u8 {
        match self {
            Self::Bit | Self::TinyInt => 1,
            Self::SmallInt => 2,
            Self::Int => 4,
            Self::BigInt | Self::DateTime => 8,
            Self::Numeric(_) => NUMERIC,
            Self::Guid => 16,
            Self::Text(_) | Self::Bytes(_) => 0,
        }
    }

    /// A value of such a column; one that does not fit is null.
    pub(crate) fn put_value(self, into: &mut Vec<u8>, value: &Value) {
        match (self, value) {
            (Self::Numeric(_), Value::Int(number)) => {
                into.extend([NUMERIC, u8::from(*number >= 0)]);
                into.extend(u128::from(number.unsigned_abs()).to_le_bytes());
            }
            (
                Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt,
                Value::Int(number),
            ) => {
                into.push(self.width());
                into.extend(&number.to_le_bytes()[..self.width().into()]);
            }
            (Self::Text(most), Value::Text(text)) => {
                let units = utf16(text, most.into());
                into.extend((2 * units.len() as u16).to_le_bytes());
                into.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            }
            (Self::Bytes(most), Value::Bytes(bytes)) => {
                let bytes = &bytes[..bytes.len().min(most.into())];
                into.extend((bytes.len() as u16).to_le_bytes());
                into.extend(bytes);
            }
            (Self::Guid, Value::Bytes(bytes)) if bytes.len() == 16 => {
                into.push(16);
                into.extend(bytes);
            }
            (Self::DateTime, Value::DateTime(days, ticks)) => {
                into.push(8);
                into.extend(days.to_le_bytes());
                into.extend(ticks.to_le_bytes());
            }
            (Self::Text(_) | Self::Bytes(_), _) => into.extend([0xFF, 0xFF]),
            _ => into.push(0),
        }
    }
}

/// A parameter of a procedure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_output: bool,
    pub(crate) value: Value,
}

impl Parameter {
    pub(crate) fn read(rest: &mut Rest<'_>) -> Result<Self, Malformed> {
        let name = rest.short_text()?;
        let is_output = rest.u8()? & 1 != 0;
        let value = read_value(rest)?;
        Ok(Self { name, is_output, value })
    }
}

/// How long a value is.
enum Length {
    Fixed(usize),
    /// Behind a byte that says so; 0 is null.
    Byte,
    /// Behind two; 0xFFFF is null.
    Short,
    /// Behind four; 0xFFFFFFFF is null.
    Long,
    /// In pieces.
    Pieces,
}

/// What a value's bytes mean.
#[derive(Clone, Copy)]
enum Meaning {
    Int,
    Utf16,
    Latin1,
    Other,
}

/// A type and a value of it.
fn read_value(rest: &mut Rest<'_>) -> Result<Value, Malformed> {
    let (length, meaning) = read_type(rest)?;
    let bytes = match length {
        Length::Fixed(length) => Some(rest.take(length)?.to_vec()),
        Length::Byte => match rest.u8()? {
            0 => None,
            length => Some(rest.take(length.into())?.to_vec()),
        },
        Length::Short => match rest.u16()? {
            u16::MAX => None,
            length => Some(rest.take(length.into())?.to_vec()),
        },
        Length::Long => match rest.u32()? {
            u32::MAX => None,
            length => Some(rest.take(length as usize)?.to_vec()),
        },
        Length::Pieces => pieces(rest)?,
    };
    Ok(bytes.map_or(Value::Null, |bytes| meaning.of(&bytes)))
}

impl Meaning {
    fn of(self, bytes: &[u8]) -> Value {
        match self {
            Self::Int if bytes.is_empty() => Value::Null,
            // One byte has no sign.
            Self::Int if bytes.len() == 1 => Value::Int(bytes[0].into()),
            Self::Int => {
                let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xFF } else { 0 };
                let mut whole = [sign; 8];
                let length = bytes.len().min(8);
                whole[..length].copy_from_slice(&bytes[..length]);
                Value::Int(i64::from_le_bytes(whole))
            }
            Self::Utf16 => Value::Text(text(bytes)),
            Self::Latin1 => Value::Text(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Other => Value::Bytes(bytes.to_vec()),
        }
    }
}

/// A type, as it stands before a value.
fn read_type(rest: &mut Rest<'_>) -> Result<(Length, Meaning), Malformed> {
    Ok(match rest.u8()? {
        0x1F => (Length::Fixed(0), Meaning::Int),
        0x30 | 0x32 => (Length::Fixed(1), Meaning::Int),
        0x34 => (Length::Fixed(2), Meaning::Int),
        0x38 => (Length::Fixed(4), Meaning::Int),
        0x7F => (Length::Fixed(8), Meaning::Int),
        0x3A | 0x3B | 0x7A => (Length::Fixed(4), Meaning::Other),
        0x3C..=0x3E => (Length::Fixed(8), Meaning::Other),
        0x26 | 0x68 => rest.take(1).map(|_| (Length::Byte, Meaning::Int))?,
        0x24 | 0x25 | 0x29..=0x2B | 0x2D | 0x6D..=0x6F => {
            rest.take(1).map(|_| (Length::Byte, Meaning::Other))?
        }
        0x28 => (Length::Byte, Meaning::Other),
        0x27 | 0x2F => rest.take(1).map(|_| (Length::Byte, Meaning::Latin1))?,
        0x37 | 0x3F | 0x6A | 0x6C => rest.take(3).map(|_| (Length::Byte, Meaning::Other))?,
        0xA5 | 0xAD => (short_or_pieces(rest.u16()?), Meaning::Other),
        0xA7 | 0xAF => {
            let length = short_or_pieces(rest.u16()?);
            rest.take(COLLATION.len())?;
            (length, Meaning::Latin1)
        }
        0xE7 | 0xEF => {
            let length = short_or_pieces(rest.u16()?);
            rest.take(COLLATION.len())?;
            (length, Meaning::Utf16)
        }
        0x22 | 0x62 => rest.take(4).map(|_| (Length::Long, Meaning::Other))?,
        0x23 => rest.take(4 + COLLATION.len()).map(|_| (Length::Long, Meaning::Latin1))?,
        0x63 => rest.take(4 + COLLATION.len()).map(|_| (Length::Long, Meaning::Utf16))?,
        _ => return Err(Malformed("a parameter of a type that is not known here")),
    })
}

const fn short_or_pieces(most: u16) -> Length {
    if most == u16::MAX { Length::Pieces } else { Length::Short }
}

/// A value in pieces: its whole length, which need not be known, and the pieces up to an
/// empty one.
fn pieces(rest: &mut Rest<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    if rest.u64()? == u64::MAX {
        return Ok(None);
    }
    let mut whole = Vec::new();
    loop {
        match rest.u32()? {
            0 => return Ok(Some(whole)),
            length => whole.extend_from_slice(rest.take(length as usize)?),
        }
    }
}

impl Column {
    pub(crate) fn put(&self, into: &mut Vec<u8>, wide: bool) {
        // A type of users, of which there is none.
        into.extend(&[0; 4][..if wide { 4 } else { 2 }]);
        // It may be null, and is not of a table.
        into.extend([0x01, 0x00]);
        self.kind.put(into);
        put_short_text(into, &self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_bytes(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_text_is_read_in_all_its_shapes() {
        let said = utf16_bytes("SELECT 1");
        let length = said.len() as u8;
        let short = [&[0xE7, 0x40, 0x1F][..], &COLLATION, &[length, 0], &said].concat();
        let max = [
            &[0xE7, 0xFF, 0xFF][..],
            &COLLATION,
            &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 6, 0, 0, 0],
            &said[..6],
            &[length - 6, 0, 0, 0],
            &said[6..],
            &[0; 4],
        ]
        .concat();
        let long = [&[0x63, 0, 0, 0, 8][..], &COLLATION, &[length, 0, 0, 0], &said].concat();
        for bytes in [short, max, long] {
            let mut rest = Rest(&bytes);
            assert_eq!(read_value(&mut rest), Ok(Value::Text("SELECT 1".to_owned())));
            assert!(rest.is_empty());
            assert!(read_value(&mut Rest(&bytes[..bytes.len() - 1])).is_err());
        }
    }

    #[test]
    fn numbers_have_their_sign_and_nulls_are_none() {
        for (bytes, value) in [
            (&[0x26, 4, 4, 0xFE, 0xFF, 0xFF, 0xFF][..], Value::Int(-2)),
            (&[0x26, 4, 0], Value::Null),
            (&[0x26, 1, 1, 200], Value::Int(200)),
            (&[0x38, 1, 0, 0, 0], Value::Int(1)),
            (&[0x68, 1, 1, 1], Value::Int(1)),
            (&[0xE7, 2, 0, 9, 4, 0xD0, 0, 0x34, 0xFF, 0xFF], Value::Null),
            (&[0xA7, 9, 0, 9, 4, 0xD0, 0, 0x34, 1, 0, b'x'], Value::Text("x".into())),
            (&[0x6C, 17, 38, 0, 2, 1, 7], Value::Bytes(vec![1, 7])),
        ] {
            let mut rest = Rest(bytes);
            assert_eq!(read_value(&mut rest), Ok(value));
            assert!(rest.is_empty(), "{bytes:?}");
        }
        assert!(read_value(&mut Rest(&[0xF3, 0])).is_err(), "a table");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (kind, value) in [
            (Type::Int, Value::Int(-7)),
            (Type::BigInt, Value::Int(1 << 40)),
            (Type::SmallInt, Value::Int(-1)),
            (Type::TinyInt, Value::Int(160)),
            (Type::Bit, Value::Int(1)),
            (Type::Text(10), Value::Text("abc".into())),
            (Type::Text(10), Value::Null),
            (Type::Bytes(3), Value::Bytes(vec![1, 2])),
            (Type::Guid, Value::Bytes(vec![7; 16])),
            (Type::Guid, Value::Null),
            (Type::Int, Value::Null),
        ] {
            let mut bytes = Vec::new();
            kind.put(&mut bytes);
            kind.put_value(&mut bytes, &value);
            let mut rest = Rest(&bytes);
            assert_eq!(read_value(&mut rest), Ok(value), "{kind:?}");
            assert!(rest.is_empty(), "{kind:?}");
        }
        let mut cut = Vec::new();
        Type::Text(2).put_value(&mut cut, &Value::Text("abc".into()));
        assert_eq!(cut, [4, 0, 97, 0, 98, 0]);
        let mut numeric = Vec::new();
        Type::Numeric(20).put_value(&mut numeric, &Value::Int(258));
        assert_eq!(numeric[..4], [17, 1, 2, 1]);
        assert_eq!(numeric.len(), 18);
    }
}
