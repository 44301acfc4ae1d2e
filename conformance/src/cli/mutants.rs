//! `vdi mutants`: every seeded defect, and the clause it is caught by.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use vdi_sim::check::exit_code;
use vdi_sim::clauses::Profile;

use super::Failure;
use super::args::MutantsArgs;
use super::run::{library, processors, progress};
use crate::adapter::Limits;
use crate::mutants::{Kill, hunt};
use crate::plain::{Defect, DefectInfo};
use crate::run::SuiteOptions;
use crate::scenario::Scenario;

pub(super) fn mutants(args: &MutantsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let library = library(args.scenarios.as_deref())?;
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let defects: Vec<&DefectInfo> =
        Defect::ALL.iter().filter(|row| row.name.starts_with(&args.filter)).collect();
    if defects.is_empty() {
        let text = format!("--filter {}: no defect's name begins so", args.filter);
        return Err(Failure::Usage(text));
    }
    let kills = hunt_all(&defects, &scenarios, args.jobs.map_or_else(processors, usize::from));
    let width = defects.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut survivors = 0;
    for (row, kill) in defects.iter().zip(&kills) {
        let text = match kill {
            None => "race: only some orders show it; found by the loom tests".to_owned(),
            Some(kill) => told(kill),
        };
        survivors += usize::from(kill.as_ref().is_some_and(|kill| !kill.fits));
        writeln!(out, "{:width$}  {text}", row.name)?;
    }
    let hunted = kills.iter().flatten().count();
    let races = kills.len() - hunted;
    writeln!(
        out,
        "{hunted} defects: {} caught by a clause that fits, {survivors} not; {races} races",
        hunted - survivors
    )?;
    Ok(if survivors == 0 { exit_code::CONFORMANT } else { exit_code::VIOLATION })
}

fn told(kill: &Kill) -> String {
    let (Some(clause), Some(scenario)) = (kill.clause, &kill.scenario) else {
        return "SURVIVES every scenario".to_owned();
    };
    let under = kill.under.as_ref().map(|under| format!(" under {under}")).unwrap_or_default();
    let fits = if kill.fits { "" } else { "NOT BY A CLAUSE THAT FITS: " };
    format!("{fits}{clause} in {scenario}{under}")
}

/// Hunts all of them, several at a time; a race is not hunted.
fn hunt_all(defects: &[&DefectInfo], scenarios: &[&Scenario], jobs: usize) -> Vec<Option<Kill>> {
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 1,
        max_fail: None,
    };
    let bar = progress(defects.len() as u64);
    let next = AtomicUsize::new(0);
    let kills: Mutex<Vec<Option<Kill>>> = Mutex::new(vec![None; defects.len()]);
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, defects.len()) {
            scope.spawn(|| {
                while let Some((index, row)) = {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    defects.get(index).map(|row| (index, *row))
                } {
                    bar.set_message(row.name);
                    let kill = (!row.race).then(|| hunt(row, scenarios, &options));
                    kills.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[index] = kill;
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    kills.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
