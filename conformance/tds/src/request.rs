//! What a client asks for: batches, and what becomes of transactions.
//!
//! Source: [MS-TDS] 2.2.6.7, SQLBatch; 2.2.5.3, ALL_HEADERS; 2.2.6.9, Transaction Manager
//! Request.

use super::bytes::{Malformed, Rest, text};
use super::login::Version;

/// What stands behind the headers, which there are from 7.2 on.
pub(crate) fn without_headers(message: &[u8], version: Version) -> Result<Rest<'_>, Malformed> {
    let mut rest = Rest(message);
    if version.is_of_2005() && !rest.is_empty() {
        let length = rest.u32()? as usize;
        rest.take(length.checked_sub(4).ok_or(Malformed("headers without a length"))?)?;
    }
    Ok(rest)
}

/// The text of a batch.
pub(crate) fn batch(message: &[u8], version: Version) -> Result<String, Malformed> {
    without_headers(message, version).map(|rest| text(rest.0))
}

/// What is asked for of a transaction, other than by a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionRequest {
    /// One begins.
    Begin,
    /// It ends well; perhaps another begins.
    Commit(bool),
    /// What it has done is undone; perhaps another begins.
    Rollback(bool),
    /// What is not known here, by its number.
    Other(u16),
}

impl TransactionRequest {
    pub(crate) fn read(message: &[u8], version: Version) -> Result<Self, Malformed> {
        let mut rest = without_headers(message, version)?;
        let kind = rest.u16()?;
        let mut begins_anew = || -> Result<bool, Malformed> {
            // Of 7.2 the flags may be missing.
            let length = if rest.is_empty() { 0 } else { rest.u8()? };
            rest.take(length.into())?;
            Ok(!rest.is_empty() && rest.u8()? & 1 != 0)
        };
        Ok(match kind {
            5 => Self::Begin,
            7 => Self::Commit(begins_anew()?),
            8 => Self::Rollback(begins_anew()?),
            other => Self::Other(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version(0x7100_0001);
    /// Headers as drivers send them: of the transaction.
    const HEADERS: [u8; 22] = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];

    #[test]
    fn a_batch_has_headers_from_7_2_on() {
        let said: Vec<u8> = "SELECT 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(batch(&said, OLD).as_deref(), Ok("SELECT 1"));
        let with = [&HEADERS[..], &said].concat();
        assert_eq!(batch(&with, Version::V7_4).as_deref(), Ok("SELECT 1"));
        assert!(batch(&[3, 0, 0, 0], Version::V7_4).is_err());
        assert!(batch(&[99, 0, 0, 0], Version::V7_4).is_err());
        assert_eq!(batch(&[], Version::V7_4).as_deref(), Ok(""));
    }

    #[test]
    fn transactions_begin_end_and_begin_anew() {
        for (body, asked) in [
            (&[5, 0, 0, 0][..], TransactionRequest::Begin),
            (&[7, 0, 0, 0], TransactionRequest::Commit(false)),
            (&[7, 0, 0, 1, 2, 0], TransactionRequest::Commit(true)),
            (&[8, 0, 2, 97, 0, 1, 2, 0], TransactionRequest::Rollback(true)),
            (&[8, 0], TransactionRequest::Rollback(false)),
            (&[9, 0, 2, 97, 0], TransactionRequest::Other(9)),
        ] {
            let message = [&HEADERS[..], body].concat();
            assert_eq!(TransactionRequest::read(&message, Version::V7_4), Ok(asked));
        }
        assert!(TransactionRequest::read(&[8, 0, 9], OLD).is_err());
    }
}
