//! `vdi readings`: which readings does an implementation follow?

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;
use vdi_sim::check::exit_code;
use vdi_sim::clauses::ProfileFile;

use super::args::{CheckFormat, ReadingsArgs};
use super::run::{adapter, library, limits, processors};
use super::{Failure, profile};
use crate::run::{Answered, Followed, SuiteOptions, find_readings};
use crate::scenario::Scenario;

pub(super) fn readings(args: &ReadingsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let library = library(args.target.scenarios.as_deref())?;
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let adapter = adapter(&args.target)?;
    let options = SuiteOptions {
        profile: profile(&args.target.profile)?,
        limits: limits(&args.target),
        jobs: args.jobs.map_or_else(processors, usize::from),
        max_fail: None,
    };
    let (answered, found) = find_readings(&*adapter, &scenarios, &options);
    match args.format {
        CheckFormat::Text => text(&answered, out)?,
        CheckFormat::Json => {
            for answer in &answered {
                writeln!(out, "{}", json!(answer))?;
            }
        }
    }
    if let Some(path) = &args.output {
        let readings: BTreeMap<String, String> = found
            .differences()
            .map(|reading| (reading.question.to_string(), reading.info().id.to_owned()))
            .collect();
        let file = ProfileFile { schema: None, base: "documented-pages".to_owned(), readings };
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| Failure::Internal(format!("the profile: {error}")))?;
        std::fs::write(path, text + "\n").map_err(|error| {
            Failure::Input(format!("{}: cannot write: {error}", path.display()))
        })?;
    }
    let inconsistent =
        answered.iter().any(|answer| matches!(answer.followed, Followed::Inconsistent(_)));
    Ok(if inconsistent { exit_code::VIOLATION } else { exit_code::CONFORMANT })
}

fn text(answered: &[Answered], out: &mut dyn Write) -> Result<(), Failure> {
    let width = answered.iter().map(|answer| answer.question.len()).max().unwrap_or_default();
    for answer in answered {
        let found = match &answer.followed {
            Followed::One(reading) => reading.clone(),
            Followed::Several(readings) => format!("fits {}", readings.join(", and ")),
            Followed::Only(reading) => format!("{reading}, the only reading"),
            Followed::Inconsistent(failures) => {
                format!("INCONSISTENT: no reading explains {}", failures.join(", "))
            }
            Followed::NotOffered => "not offered".to_owned(),
            Followed::NotShown => "not shown by an interface: it says whom to blame".to_owned(),
        };
        writeln!(out, "{:width$}  {found}", answer.question)?;
    }
    Ok(())
}
