//! `vdi list`: what there is.

use std::io::Write;

use vdi_spec::clauses::{CLAUSES, PROFILES, Party, QUESTIONS};

use super::args::{ListArgs, Topic};
use super::failure::Failure;
use super::input::library;
use vdi_reference::Mutant;
use vdi_suite::scenario::{Library, coverage_page, expand};

pub(super) fn list(args: &ListArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let library = library(args.scenarios.as_deref())?;
    if let Some(id) = &args.steps {
        return steps(&library, id, out);
    }
    match args.topic {
        Topic::Scenarios => {
            for loaded in library.iter() {
                let scenario = &loaded.scenario;
                let parties: Vec<_> = scenario.parties.iter().map(ToString::to_string).collect();
                writeln!(out, "{}  [{}]", scenario.id, parties.join(", "))?;
                writeln!(out, "    {}", scenario.title)?;
            }
        }
        Topic::Clauses => {
            for row in CLAUSES {
                writeln!(out, "{}  [{}]", row.id, row.party)?;
                writeln!(out, "    {}", row.demand)?;
                for loaded in library.iter() {
                    if loaded.scenario.clauses.contains(&row.clause) {
                        writeln!(out, "    - {}", loaded.scenario.id)?;
                    }
                }
            }
        }
        Topic::Coverage => write!(out, "{}", coverage_page(&library))?,
        Topic::Parties => {
            for party in [Party::Interface, Party::Server, Party::Client] {
                let clauses = CLAUSES.iter().filter(|row| row.party == party).count();
                let scenarios =
                    library.iter().filter(|l| l.scenario.parties.contains(&party)).count();
                writeln!(out, "{party:<10} {clauses:>4} clauses {scenarios:>4} scenarios")?;
            }
        }
        Topic::Readings => {
            for row in QUESTIONS {
                writeln!(out, "{}: {}", row.id, row.text)?;
                for (index, reading) in row.readings.iter().enumerate() {
                    let default = if index == 0 { " (default)" } else { "" };
                    writeln!(out, "    {}={}: {}{default}", row.id, reading.id, reading.text)?;
                }
            }
        }
        Topic::Profiles => {
            for (name, text, readings) in PROFILES {
                writeln!(out, "{name}: {text}")?;
                readings.iter().try_for_each(|reading| writeln!(out, "    {reading}"))?;
            }
        }
        Topic::Mutants => {
            for row in Mutant::ALL {
                let race = if row.race { " (a race: only some orders show it)" } else { "" };
                writeln!(out, "{}: {}{race}", row.name, row.breaks)?;
            }
        }
    }
    Ok(0)
}

fn steps(library: &Library, id: &str, out: &mut dyn Write) -> Result<u8, Failure> {
    let Some(loaded) = library.get(id) else {
        return Err(Failure::Usage(format!(
            "--steps {id}: no scenario has this id (see `vdi list`)"
        )));
    };
    let (steps, prepended) = expand(&loaded.scenario);
    for (index, step) in steps.iter().enumerate() {
        let number = match (index + 1).checked_sub(prepended) {
            Some(number @ 1..) => format!("{number:>5}"),
            _ => "given".to_owned(),
        };
        let text = serde_json::to_string(step)
            .map_err(|error| Failure::Internal(format!("a step: {error}")))?;
        writeln!(out, "{number}  {text}")?;
    }
    Ok(0)
}
