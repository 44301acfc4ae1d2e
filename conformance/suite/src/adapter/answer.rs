//! A line of an adapter, read as an answer; of one that is none, what is wrong with which
//! field.

use serde_json::Value;
use vdi_spec::config::VdConfig;
use vdi_trace::{Declares, Out};

use super::plain::{Fields, message};
use super::protocol::{Answer, Functions, Hello, Implementation, Offer};

/// The words for answers.
const OPS: &str = "hello, ready, return, unsupported, callback, resumed, touched, exited, \
                   unloaded, expired, settled or trouble";

/// The answer in a line.
///
/// # Errors
/// It is none; the text names operation, field, value and what was expected.
pub fn read(line: &[u8]) -> Result<Answer, String> {
    answer(message(line)?)
}

fn answer(value: Value) -> Result<Answer, String> {
    let mut fields = Fields::of("the line", value)?;
    let op: String = fields.required("op")?;
    let mut fields = fields.called(&format!("`{op}`"));
    Ok(match op.as_str() {
        "hello" => Answer::Hello(hello(&mut fields)?),
        "ready" => Answer::Ready,
        "return" => Answer::Return {
            id: fields.required("id")?,
            lane: fields.required("lane")?,
            status: fields.required("status")?,
            out: Box::new(out(fields.object("out")?)?),
        },
        "unsupported" => {
            Answer::Unsupported { id: fields.required("id")?, reason: fields.required("reason")? }
        }
        "callback" => Answer::Callback {
            lane: fields.required("lane")?,
            command: fields.required("command")?,
            completion: fields.required("completion")?,
            bytes: fields.required("bytes")?,
            position: fields.optional("position")?,
        },
        "resumed" => Answer::Resumed { id: fields.required("id")? },
        "touched" => {
            Answer::Touched { id: fields.required("id")?, found: fields.required("found")? }
        }
        "exited" => Answer::Exited { id: fields.required("id")? },
        "unloaded" => {
            Answer::Unloaded { id: fields.required("id")?, found: fields.required("found")? }
        }
        "expired" => Answer::Expired { id: fields.required("id")? },
        "settled" => Answer::Settled {
            id: fields.required("id")?,
            in_call: fields.required("inCall")?,
            moves: fields.optional("moves")?,
        },
        "trouble" => Answer::Trouble { message: fields.required("message")? },
        other => return Err(format!("`op` is \"{other}\", expected {OPS}")),
    })
}

fn out(mut fields: Fields) -> Result<Out<'static>, String> {
    let config = match fields.has("config") {
        true => Some(fields.object("config")?.all::<VdConfig>()?),
        false => None,
    };
    let out: Out<'static> = fields.all::<OwnedOut>()?.0;
    Ok(Out { config: config.map(Box::new), ..out })
}

/// Results that borrow nothing.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct OwnedOut(#[serde(deserialize_with = "unborrowed")] Out<'static>);

fn unborrowed<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Out<'static>, D::Error> {
    vdi_trace::owned_out(from).map(|out| *out)
}

fn hello(fields: &mut Fields) -> Result<Hello, String> {
    let protocol = fields.required("protocol")?;
    let mut of = fields.object("implementation")?;
    let implementation = Implementation {
        name: of.required("name")?,
        version: of.required("version")?,
        language: of.optional("language")?,
    };
    let offers: Vec<String> = fields.required("offers")?;
    let known = |word: &String| serde_json::from_value::<Offer>(word.as_str().into()).ok();
    let offers = offers.iter().filter_map(known).collect();
    let functions: Option<Functions> = match fields.has("functions") {
        true => Some(fields.object("functions")?.all()?),
        false => None,
    };
    let declares: Declares = fields.object("declares")?.all()?;
    Ok(Hello { protocol, implementation, offers, functions, declares })
}
