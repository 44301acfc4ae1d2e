//! `vdi list`: what there is.

use std::cell::Cell;
use std::io::Write;

use vdi_spec::clauses::{CLAUSES, Clause, PROFILES, Party, QUESTIONS};

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
    let chosen = Chosen::of(args)?;
    match args.topic {
        Topic::Scenarios => {
            for loaded in library.iter() {
                let scenario = &loaded.scenario;
                let clauses = || scenario.clauses.iter().map(|clause| clause.info().id);
                if !chosen.any(std::iter::once(scenario.id.as_str()).chain(clauses())) {
                    continue;
                }
                let parties: Vec<_> = scenario.parties.iter().map(ToString::to_string).collect();
                writeln!(out, "{}  [{}]", scenario.id, parties.join(", "))?;
                writeln!(out, "    {}", scenario.title)?;
            }
        }
        Topic::Clauses => {
            for row in CLAUSES.iter().filter(|row| chosen.has(row.id)) {
                writeln!(out, "{}  [{}]", row.id, row.party)?;
                writeln!(out, "    {}", row.demand)?;
                let most = if args.filter.is_empty() { FEW } else { usize::MAX };
                scenarios_of(row.clause, &library, most, out)?;
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
            for row in QUESTIONS.iter().filter(|row| chosen.has(row.id)) {
                writeln!(out, "{}: {}", row.id, row.text)?;
                for (index, reading) in row.readings.iter().enumerate() {
                    let default = if index == 0 { " (default)" } else { "" };
                    writeln!(out, "    {}={}: {}{default}", row.id, reading.id, reading.text)?;
                }
            }
        }
        Topic::Profiles => {
            for (name, text, readings) in PROFILES.iter().filter(|(name, ..)| chosen.has(name)) {
                writeln!(out, "{name}: {text}")?;
                readings.iter().try_for_each(|reading| writeln!(out, "    {reading}"))?;
            }
        }
        Topic::Mutants => {
            for row in Mutant::ALL.iter().filter(|row| chosen.has(row.name)) {
                let race = if row.race { " (a race: only some orders show it)" } else { "" };
                writeln!(out, "{}: {}{race}", row.name, row.breaks)?;
            }
        }
    }
    chosen.found()?;
    Ok(0)
}

/// Scenarios that are named below a clause, unless it was asked for.
const FEW: usize = 5;

/// The scenarios that exercise a clause, so many of them at most.
fn scenarios_of(
    clause: Clause,
    library: &Library,
    most: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let of = || library.iter().filter(|loaded| loaded.scenario.clauses.contains(&clause));
    for loaded in of().take(most) {
        writeln!(out, "    - {}", loaded.scenario.id)?;
    }
    match of().count().saturating_sub(most) {
        0 => {}
        more => writeln!(out, "    and {more} more (vdi list clauses --filter {clause})")?,
    }
    Ok(())
}

/// What `--filter` chooses, and whether anything was.
struct Chosen<'a> {
    filters: &'a [String],
    any: Cell<bool>,
}

impl<'a> Chosen<'a> {
    fn of(args: &'a ListArgs) -> Result<Self, Failure> {
        let takes_none = matches!(args.topic, Topic::Coverage | Topic::Parties);
        if takes_none && !args.filter.is_empty() {
            let why = "--filter: is of scenarios, clauses, readings, profiles and mutants";
            return Err(Failure::Usage(why.to_owned()));
        }
        Ok(Self { filters: &args.filter, any: Cell::new(false) })
    }

    fn has(&self, name: &str) -> bool {
        self.any(std::iter::once(name))
    }

    /// Whether one of these names is chosen.
    fn any<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        let begins = |name: &str| self.filters.iter().any(|filter| name.starts_with(filter));
        let has = self.filters.is_empty() || names.any(begins);
        self.any.set(self.any.get() || has);
        has
    }

    /// A choice of nothing is a mistake.
    fn found(&self) -> Result<(), Failure> {
        if self.any.get() || self.filters.is_empty() {
            return Ok(());
        }
        let why =
            format!("--filter {}: nothing begins so (see `vdi list`)", self.filters.join(", "));
        Err(Failure::Usage(why))
    }
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
