//! Each seeded defect hunted with worlds, seed by seed, until one of them blames a clause
//! that fits it where the sound implementation comes to no harm.

use serde::Serialize;
use vdi_check::{Verdict, Violation};
use vdi_simulate::Watch;
use vdi_spec::clauses::{Clause, Profile, Reading};

use super::{BackendKind, CampaignConfig, Seeds};
use vdi_reference::MutantInfo;

/// What became of a defect.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorldKill {
    /// The defect's name.
    pub defect: &'static str,
    /// The clause that was blamed; `None` if the defect survived.
    pub clause: Option<Clause>,
    /// Whether it is one of the clauses that fit the defect.
    pub fits: bool,
    /// The seed whose world saw it, the lowest under its reading.
    pub seed: Option<u64>,
    /// How many seeds were run under that reading until then.
    pub seeds: u64,
    /// The reading under which it is seen, if it is not seen under the default ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under: Option<String>,
    /// The command that shows it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
}

/// Seeds that are run under one reading before the others are tried: what is seen at all
/// is mostly seen soon.
const ROUNDS: [u64; 4] = [100, 1_000, 5_000, u64::MAX];

/// Hunts one defect with the worlds of the seeds from 0 to `most`, under the default
/// readings and under each other reading of a question on which a fitting clause depends.
#[must_use]
pub fn hunt(defect: &MutantInfo, most: u64) -> WorldKill {
    let mut kill = WorldKill {
        defect: defect.name,
        clause: None,
        fits: false,
        seed: None,
        seeds: 0,
        under: None,
        again: None,
    };
    let mut from = 0;
    for round in ROUNDS {
        let to = most.min(round);
        for under in std::iter::once(None).chain(readings(defect).into_iter().map(Some)) {
            pass(defect, Seeds { from, to }, under, &mut kill);
            if kill.fits {
                return kill;
            }
        }
        if to == most {
            break;
        }
        from = to;
    }
    kill.seeds = if kill.seed.is_some() { kill.seeds } else { most };
    kill
}

/// The readings that are not the default of the questions that matter.
fn readings(defect: &MutantInfo) -> Vec<Reading> {
    let default = Profile::default();
    let clauses = defect.clauses.iter().filter_map(|id| id.parse::<Clause>().ok());
    let questions = clauses.flat_map(|clause| clause.info().questions);
    let mut found: Vec<Reading> = Vec::new();
    for reading in questions.flat_map(|question| question.readings()) {
        if default.reading(reading.question) != reading && !found.contains(&reading) {
            found.push(reading);
        }
    }
    found
}

fn pass(defect: &MutantInfo, seeds: Seeds, under: Option<Reading>, kill: &mut WorldKill) {
    let mut profile = Profile::default();
    under.into_iter().for_each(|reading| profile.choose(reading));
    let on = |backend| CampaignConfig {
        backend,
        profile: profile.clone(),
        ..CampaignConfig::on_model()
    };
    let (mutant, sound) =
        (on(BackendKind::Reference(Some(defect.mutant))), on(BackendKind::Reference(None)));
    for seed in seeds.from..seeds.to {
        let Some(violation) = violated(&mutant, seed) else { continue };
        let fits = defect.clauses.contains(&violation.clause.info().id);
        if (kill.clause.is_some() && !fits) || violated(&sound, seed).is_some() {
            continue;
        }
        let under = under.map(|reading| reading.to_string());
        let reading = under.iter().map(|under| format!(" --reading {under}")).collect::<String>();
        let again =
            format!("vdi simulate --seed {seed} --on reference --defect {}{reading}", defect.name);
        *kill = WorldKill {
            defect: defect.name,
            clause: Some(violation.clause),
            fits,
            seed: Some(seed),
            seeds: seed + 1,
            under,
            again: Some(again),
        };
        if fits {
            return;
        }
    }
}

/// The violation that the world of a seed shows, if it shows one.
fn violated(config: &CampaignConfig, seed: u64) -> Option<Box<Violation>> {
    let options = config.options(seed).ok()?;
    let outcome = config.run(seed, &options, Watch { judge: true, keep: false });
    match outcome.judged?.verdict {
        Verdict::Violation(violation) => Some(violation),
        Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => None,
    }
}
