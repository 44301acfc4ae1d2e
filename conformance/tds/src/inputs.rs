//! What a client sends, read and not answered: for tests that try every input.

use super::bytes::Malformed;
use super::login::{Login, Version};
use super::packet::{Kind, Parts, packet};
use super::prelogin;
use super::request::{TransactionRequest, batch};
use super::rpc::{Prepared, calls};

/// Bytes of a message.
const LONGEST: usize = 1 << 20;

/// What every message of a stream comes to, in words, up to the first that is none, and what
/// is wrong with that. The version is that of the last login.
#[must_use]
pub fn messages(stream: &[u8]) -> (Vec<String>, Option<String>) {
    let (mut come, mut told) = (stream.to_vec(), Vec::new());
    let wrong = all(&mut come, &mut told).err();
    (told, wrong.map(|wrong| wrong.to_string()))
}

fn all(come: &mut Vec<u8>, told: &mut Vec<String>) -> Result<(), Malformed> {
    let (mut parts, mut prepared, mut version) =
        (Parts::default(), Prepared::default(), Version::V7_4);
    while let Some(packet) = packet(come)? {
        let Some(message) = parts.add(packet, LONGEST)? else { continue };
        let body = &message.body;
        told.push(match message.kind {
            Kind::Before => format!("{:?}", prelogin::answered(prelogin::asked(body)?)),
            Kind::Login => {
                let login = Login::read(body)?;
                version = login.version;
                format!("{login:?}")
            }
            Kind::Batch => batch(body, version)?,
            Kind::Transaction => format!("{:?}", TransactionRequest::read(body, version)?),
            Kind::Call => {
                let meant = calls(body, version)?.into_iter().map(|call| prepared.meant(call));
                format!("{:?}", meant.collect::<Result<Vec<_>, _>>()?)
            }
            Kind::Answer | Kind::Attention => format!("{:?}", message.kind),
        });
    }
    Ok(())
}
