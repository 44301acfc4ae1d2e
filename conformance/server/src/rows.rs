//! Results: columns, and rows of values.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// None.
    Null,
    /// A whole number, or a bit.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes: a `varbinary`, or a `uniqueidentifier`.
    Bytes(Vec<u8>),
    /// Days since 1900, and three-hundredths of a second of the day.
    Time(i32, u32),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// `numeric` of so many digits.
    Numeric(u8),
    /// `nvarchar` of so many characters.
    Text(u16),
    /// `varbinary` of so many bytes.
    Bytes(u16),
    Guid,
    Time,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Names and kinds.
    pub(super) columns: Vec<(String, Kind)>,
    pub(super) rows: Vec<Vec<Value>>,
}
