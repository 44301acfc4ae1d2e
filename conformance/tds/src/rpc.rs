//! Calls of procedures: those that carry out a text, and prepare one.
//!
//! Source: [MS-TDS] 2.2.6.6, RPC Request.

use std::collections::BTreeMap;

use super::bytes::{Malformed, Rest};
use super::login::Version;
use super::request::without_headers;
use super::types::{Parameter, Value};

/// Whose procedure it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Procedure {
    ExecuteSql,
    Prepare,
    Execute,
    PrepareExecute,
    Unprepare,
    /// One that is known by name alone, or not at all.
    Other(String),
}

const NUMBERS: [(u16, &str, Procedure); 5] = [
    (10, "sp_executesql", Procedure::ExecuteSql),
    (11, "sp_prepare", Procedure::Prepare),
    (12, "sp_execute", Procedure::Execute),
    (13, "sp_prepexec", Procedure::PrepareExecute),
    (15, "sp_unprepare", Procedure::Unprepare),
];

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) procedure: Procedure,
    parameters: Vec<Parameter>,
}

/// Calls of one message, each parted from the next by one of these; before 7.2 by the other,
/// which is no length of a name there.
const NEXT: [u8; 2] = [0xFF, 0xFE];
const NEXT_OF_OLD: [u8; 1] = [0x80];

/// The calls of a message.
pub(crate) fn calls(message: &[u8], version: Version) -> Result<Vec<Call>, Malformed> {
    let mut rest = without_headers(message, version)?;
    let mut calls = Vec::new();
    let next: &[u8] = if version.is_of_2005() { &NEXT } else { &NEXT_OF_OLD };
    while !rest.is_empty() {
        calls.push(call(&mut rest, next)?);
    }
    Ok(calls)
}

fn call(rest: &mut Rest<'_>, next: &[u8]) -> Result<Call, Malformed> {
    let procedure = match rest.u16()? {
        u16::MAX => by_number(rest.u16()?),
        length => by_name(rest.long_text(length)?),
    };
    rest.u16()?;
    let mut parameters = Vec::new();
    while let Some(first) = rest.0.first() {
        if next.contains(first) {
            rest.u8()?;
            break;
        }
        parameters.push(Parameter::read(rest)?);
    }
    Ok(Call { procedure, parameters })
}

fn by_number(number: u16) -> Procedure {
    let found = NUMBERS.iter().find(|(known, ..)| *known == number);
    found.map_or_else(|| Procedure::Other(number.to_string()), |(.., found)| found.clone())
}

/// By its name, whatever stands before it: a database, an owner, brackets.
fn by_name(name: String) -> Procedure {
    let last = name.rsplit('.').next().unwrap_or_default();
    let bare = last.trim_matches(['[', ']', '"']).to_ascii_lowercase();
    let found = NUMBERS.iter().find(|(_, known, _)| *known == bare);
    found.map_or(Procedure::Other(name), |(.., found)| found.clone())
}

/// A text with the values of its parameters.
pub(crate) type Text = (String, Vec<(String, Value)>);

/// What a call comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meant {
    /// A text is carried out; the handle it is kept under is told, if it is new.
    Run(Text, Option<i32>),
    /// A text is kept under this handle, which is told.
    Kept(i32),
    /// Nothing is carried out.
    Nothing,
    /// There is nothing under this handle.
    NoSuchHandle(i64),
    /// The procedure is not known here.
    Unknown(String),
}

/// Texts that are kept, by their handles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    texts: BTreeMap<i32, (String, Vec<String>)>,
    last: i32,
}

/// Texts that may be kept at a time.
const KEPT: usize = 10_000;

impl Prepared {
    /// What a call comes to.
    pub(crate) fn meant(&mut self, call: Call) -> Result<Meant, Malformed> {
        let Call { procedure, parameters } = call;
        let mut parameters = parameters.into_iter();
        match procedure {
            Procedure::ExecuteSql => {
                let said = statement(parameters.next())?;
                let names = names(parameters.next());
                Ok(Meant::Run((said, valued(&names, parameters)), None))
            }
            Procedure::Prepare => {
                parameters.next();
                let names = names(parameters.next());
                let said = statement(parameters.next())?;
                self.keep(said, names).map(Meant::Kept)
            }
            Procedure::PrepareExecute => {
                parameters.next();
                let names = names(parameters.next());
                let said = statement(parameters.next())?;
                let values = valued(&names, parameters);
                let handle = self.keep(said.clone(), names)?;
                Ok(Meant::Run((said, values), Some(handle)))
            }
            Procedure::Execute => {
                let handle = number(parameters.next());
                Ok(match self.kept(handle) {
                    Some((said, names)) => {
                        Meant::Run((said.clone(), valued(names, parameters)), None)
                    }
                    None => Meant::NoSuchHandle(handle),
                })
            }
            Procedure::Unprepare => {
                let handle = number(parameters.next());
                let handle = i32::try_from(handle).ok();
                handle.and_then(|handle| self.texts.remove(&handle));
                Ok(Meant::Nothing)
            }
            Procedure::Other(name) => Ok(Meant::Unknown(name)),
        }
    }

    fn keep(&mut self, said: String, names: Vec<String>) -> Result<i32, Malformed> {
        if self.texts.len() >= KEPT {
            return Err(Malformed("too many prepared statements"));
        }
        self.last = self.last.wrapping_add(1);
        self.texts.insert(self.last, (said, names));
        Ok(self.last)
    }

    fn kept(&self, handle: i64) -> Option<&(String, Vec<String>)> {
        i32::try_from(handle).ok().and_then(|handle| self.texts.get(&handle))
    }
}

fn statement(parameter: Option<Parameter>) -> Result<String, Malformed> {
    match parameter.map(|parameter| parameter.value) {
        Some(Value::Text(said)) => Ok(said),
        _ => Err(Malformed("a procedure is called without the text it is to carry out")),
    }
}

fn number(parameter: Option<Parameter>) -> i64 {
    match parameter.map(|parameter| parameter.value) {
        Some(Value::Int(number)) => number,
        _ => 0,
    }
}

/// The names in a declaration of parameters: `@a nvarchar(20), @b int`.
fn names(parameter: Option<Parameter>) -> Vec<String> {
    let Some(Value::Text(declared)) = parameter.map(|parameter| parameter.value) else {
        return Vec::new();
    };
    let words = declared.split([',', ' ', '\t', '\r', '\n']);
    words.filter(|word| word.starts_with('@')).map(str::to_owned).collect()
}

/// Values by the names that their parameters have, or else are declared with.
fn valued(names: &[String], parameters: impl Iterator<Item = Parameter>) -> Vec<(String, Value)> {
    let named = parameters.enumerate().filter_map(|(index, parameter)| {
        let own = Some(parameter.name).filter(|name| !name.is_empty());
        Some((own.or_else(|| names.get(index).cloned())?, parameter.value))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::COLLATION;

    fn text(name: &str, said: &str) -> Vec<u8> {
        let units =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let mut bytes = vec![name.len() as u8];
        bytes.extend(units(name));
        bytes.extend([0, 0xE7, 0x40, 0x1F]);
        bytes.extend(COLLATION);
        bytes.extend((2 * said.len() as u16).to_le_bytes());
        bytes.extend(units(said));
        bytes
    }

    fn int(value: i32) -> Vec<u8> {
        [&[0, 0, 0x26, 4, 4][..], &value.to_le_bytes()].concat()
    }

    fn by_its_number(number: u8, parameters: &[Vec<u8>]) -> Call {
        let message = [&[0xFF, 0xFF, number, 0, 0, 0][..], &parameters.concat()].concat();
        calls(&message, Version(0x7100_0001)).expect("a call").remove(0)
    }

    fn run(said: &str, values: &[(&str, &str)], handle: Option<i32>) -> Meant {
        let value = |(name, value): &(&str, &str)| ((*name).into(), Value::Text((*value).into()));
        Meant::Run((said.to_owned(), values.iter().map(value).collect()), handle)
    }

    #[test]
    fn a_text_is_carried_out_with_its_values() {
        let mut prepared = Prepared::default();
        let bare = by_its_number(10, &[text("", "SELECT 1")]);
        assert_eq!(prepared.meant(bare), Ok(run("SELECT 1", &[], None)));
        let declared = [text("", "x @a"), text("", "@a nvarchar(5)"), text("@a", "v")];
        let values = [("@a", "v")];
        assert_eq!(prepared.meant(by_its_number(10, &declared)), Ok(run("x @a", &values, None)));
        let nameless = [text("", "x @a"), text("", "@a nvarchar(5)"), text("", "v")];
        assert_eq!(prepared.meant(by_its_number(10, &nameless)), Ok(run("x @a", &values, None)));
        let empty = [text("", "x"), text("", "")];
        assert_eq!(prepared.meant(by_its_number(10, &empty)), Ok(run("x", &[], None)));
        assert!(prepared.meant(by_its_number(10, &[int(1)])).is_err(), "no text");
    }

    #[test]
    fn what_is_prepared_is_carried_out_until_it_is_forgotten() {
        let mut prepared = Prepared::default();
        let kept = [int(0), text("", "@a nvarchar(5)"), text("", "x @a")];
        assert_eq!(prepared.meant(by_its_number(11, &kept)), Ok(Meant::Kept(1)));
        let again = by_its_number(12, &[int(1), text("", "v")]);
        assert_eq!(prepared.meant(again.clone()), Ok(run("x @a", &[("@a", "v")], None)));
        let both = [int(0), text("", ""), text("", "y")];
        assert_eq!(prepared.meant(by_its_number(13, &both)), Ok(run("y", &[], Some(2))));
        assert_eq!(prepared.meant(by_its_number(15, &[int(1)])), Ok(Meant::Nothing));
        assert_eq!(prepared.meant(again), Ok(Meant::NoSuchHandle(1)));
    }

    #[test]
    fn procedures_are_known_by_name_and_several_come_in_one_message() {
        let name = |name: &str| -> Vec<u8> {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            [&(name.len() as u16).to_le_bytes()[..], &units, &[0, 0]].concat()
        };
        let message = [
            name("master..[SP_ExecuteSQL]"),
            text("", "a"),
            vec![0x80],
            name("[sys].sp_datatype_info_100"),
            int(-9),
        ]
        .concat();
        let read = calls(&message, Version(0x7100_0001)).expect("calls");
        let found: Vec<&Procedure> = read.iter().map(|call| &call.procedure).collect();
        let other = Procedure::Other("[sys].sp_datatype_info_100".to_owned());
        assert_eq!(found, [&Procedure::ExecuteSql, &other]);
        assert_eq!(read[1].parameters[0].value, Value::Int(-9));
    }
}
