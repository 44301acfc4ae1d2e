//! `vdi mutants --worlds`: every seeded defect, and the seeds it took to find it.

use std::io::Write;

use serde_json::json;
use vdi_check::exit_code;

use super::args::{CheckFormat, MutantsArgs};
use super::failure::Failure;
use super::output::pretty;
use super::pages::{self, Hunted};
use vdi_campaign::WorldKill;
use vdi_reference::MutantInfo;

pub(super) fn print(
    args: &MutantsArgs,
    (defects, others): (&[&MutantInfo], &[&MutantInfo]),
    kills: &[WorldKill],
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let wrong: Vec<&WorldKill> = kills.iter().filter(|kill| !kill.fits).collect();
    let mut seeds: Vec<u64> =
        kills.iter().filter(|kill| kill.fits).map(|kill| kill.seeds).collect();
    seeds.sort_unstable();
    let (middle, most) = (seeds.get(seeds.len() / 2).copied(), seeds.last().copied());
    let code = if wrong.is_empty() { exit_code::CONFORMANT } else { exit_code::VIOLATION };
    if args.format == CheckFormat::Html {
        let hunted = defects.iter().zip(kills).map(|(row, kill)| Hunted {
            name: row.name,
            breaks: row.breaks,
            fits: Some(kill.fits),
            clause: kill.clause,
            told: line(kill),
            by: "",
        });
        let page = pages::mutants(&hunted.collect::<Vec<_>>(), "with seeded worlds", code);
        out.write_all(page.html().as_bytes())?;
    } else if args.format == CheckFormat::Json {
        let whole = json!({
            "seeds": args.seeds,
            "defects": kills,
            "forScenarios": others.iter().map(|row| row.name).collect::<Vec<_>>(),
            "found": seeds.len(),
            "missed": wrong.len(),
            "seedsInTheMiddle": middle,
            "seedsAtMost": most,
        });
        writeln!(out, "{}", pretty(&whole)?)?;
    } else {
        let width = defects.iter().map(|row| row.name.len()).max().unwrap_or_default();
        for kill in kills {
            writeln!(out, "{:width$}  {}", kill.defect, line(kill))?;
        }
        if !others.is_empty() {
            let names: Vec<&str> = others.iter().map(|row| row.name).collect();
            writeln!(out, "for scenarios alone: {}", names.join(", "))?;
        }
        writeln!(
            out,
            "{} defects hunted with worlds: {} found by a clause that fits, {} not as they should \
             be; seeds needed: {} in the middle, {} at most",
            kills.len(),
            seeds.len(),
            wrong.len(),
            middle.unwrap_or_default(),
            most.unwrap_or_default()
        )?;
    }
    Ok(code)
}

fn line(kill: &WorldKill) -> String {
    let (Some(clause), Some(seed), Some(again)) = (kill.clause, kill.seed, &kill.again) else {
        return format!("SURVIVES {} seeds", kill.seeds);
    };
    let fits = if kill.fits { "" } else { "NOT BY A CLAUSE THAT FITS: " };
    let number = if kill.seeds == 1 { "seed" } else { "seeds" };
    let under = kill.under.as_ref().map(|under| format!(" under {under}")).unwrap_or_default();
    format!("{fits}{clause} in seed {seed}{under}, after {} {number}: {again}", kill.seeds)
}
