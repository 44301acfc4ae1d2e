//! `vdi check`: traces, judged without an implementation.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use serde_json::json;
use vdi_sim::check::{Judged, check_reader, exit_code};
use vdi_sim::clauses::Profile;

use super::args::{CheckArgs, CheckFormat, gating};
use super::{Failure, profile};
use crate::report::trace_verdict;

pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let parties = gating(&args.party);
    let mut worst = exit_code::CONFORMANT;
    for path in &args.traces {
        let name = path.display().to_string();
        let judged = one(path, &profile)?;
        match args.format {
            CheckFormat::Text => write!(out, "{}", trace_verdict(&name, &judged, &parties))?,
            CheckFormat::Json => {
                let code = judged.exit_code(&parties);
                let line = json!({ "trace": name, "exitCode": code, "judged": judged });
                writeln!(out, "{line}")?;
            }
        }
        worst = worse(worst, judged.exit_code(&parties));
    }
    Ok(worst)
}

fn one(path: &Path, profile: &Profile) -> Result<Judged, Failure> {
    if path == Path::new("-") {
        return Ok(check_reader(std::io::stdin().lock(), profile));
    }
    let judge = |profile: &Profile| {
        File::open(path)
            .map(|file| check_reader(BufReader::new(file), profile))
            .map_err(|error| Failure::Input(format!("{}: cannot be read: {error}", path.display())))
    };
    let mut judged = judge(profile)?;
    // What cannot be read twice, a pipe, has its readings from the clauses alone.
    if path.is_file() {
        judged.name_readings(profile, judge)?;
    }
    Ok(judged)
}

/// A violation outweighs a bad file, which outweighs an undecided trace.
fn worse(one: u8, other: u8) -> u8 {
    let rank = |code| match code {
        exit_code::CONFORMANT => 0,
        exit_code::INCONCLUSIVE => 1,
        exit_code::BAD_INPUT => 2,
        _ => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}
