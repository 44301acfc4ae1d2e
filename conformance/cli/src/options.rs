//! `vdi simulate --list-options`: what a seed draws, and `--set` overrules, explained.
//!
//! The words are those of the published schema, so that nothing is said in two places.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::Value;
use vdi_check::exit_code;
use vdi_simulate::options_of;
use vdi_suite::scenario::schema;

use super::failure::Failure;
use super::output::{width, wrapped};

/// Where the schema says what a world's options are.
const OPTIONS: &str = "/$defs/Options";

pub(super) fn list(out: &mut dyn Write) -> Result<u8, Failure> {
    let wrong =
        |why: &dyn std::fmt::Display| Failure::Internal(format!("the schema of campaigns: {why}"));
    let text = schema("campaign").ok_or_else(|| wrong(&"it is not there"))?;
    let root: Value = vdi_trace::from_str(text).map_err(|error| wrong(&error))?;
    let options = root.pointer(OPTIONS).ok_or_else(|| wrong(&"it has no options"))?;
    let columns = width();
    let limits = options_of(0).limits().collect();
    out.write_all(
        wrapped(
            "Options of a world. A seed draws them, as `vdi simulate --seed 7` prints; --set KEY=VALUE \
             overrules one.",
            columns, ("", ""),
        )
        .as_bytes(),
    )?;
    Listing { root: &root, limits, columns }.object(options, "", out)?;
    Ok(exit_code::CONFORMANT)
}

struct Listing<'s> {
    root: &'s Value,
    limits: BTreeMap<&'static str, &'static str>,
    columns: usize,
}

impl<'s> Listing<'s> {
    /// Every option of an object; those within another one are named by dots.
    fn object(&self, object: &'s Value, above: &str, out: &mut dyn Write) -> Result<(), Failure> {
        for (name, option) in object["properties"].as_object().into_iter().flatten() {
            let name = format!("{above}{name}");
            let (inner, nullable) = self.resolved(option);
            if inner.get("properties").is_some() {
                self.object(inner, &format!("{name}."), out)?;
            } else {
                self.option(&name, option, (inner, nullable), out)?;
            }
        }
        Ok(())
    }

    /// What a reference stands for, and whether it may be missing instead.
    fn resolved(&self, option: &'s Value) -> (&'s Value, bool) {
        let any = option["anyOf"].as_array().into_iter().flatten();
        let nullable = option.get("anyOf").is_some();
        let reference = std::iter::once(option).chain(any).find_map(|one| one["$ref"].as_str());
        let target = reference.and_then(|path| self.root.pointer(path.trim_start_matches('#')));
        (target.unwrap_or(option), nullable)
    }

    fn option(
        &self,
        name: &str,
        option: &Value,
        (inner, nullable): (&Value, bool),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let values = inner["oneOf"].as_array();
        let kinds = match &inner["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => Vec::from_iter(kind.as_str()),
        };
        let or_null = if nullable || kinds.contains(&"null") { ", or null" } else { "" };
        let takes = match self.limits.get(name) {
            Some(limit) => (*limit).to_owned(),
            None if values.is_some() => format!("one of these{or_null}"),
            None if kinds.contains(&"boolean") => "true or false".to_owned(),
            None => format!("a number{or_null}"),
        };
        writeln!(out, "\n{name}: {takes}")?;
        out.write_all(wrapped(&words(option), self.columns, ("    ", "    ")).as_bytes())?;
        for value in values.into_iter().flatten() {
            let text = format!("{}: {}", value["const"].as_str().unwrap_or_default(), words(value));
            out.write_all(wrapped(&text, self.columns, ("      ", "        ")).as_bytes())?;
        }
        Ok(())
    }
}

/// What the schema says of something, in one line.
fn words(of: &Value) -> String {
    of["description"].as_str().unwrap_or_default().replace('\n', " ")
}
