//! The embedded scenarios: sound, complete, in agreement with the oracle, passed
//! by the reference implementation and failed by every defective one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use vdi_conformance::adapter::{Limits, Reference};
use vdi_conformance::generate::{FOLDER, generate, hand_written, left_out};
use vdi_conformance::mutants::hunt;
use vdi_conformance::reference::{Mutant, MutantInfo};
use vdi_conformance::run::{
    Agreement, ScenarioResult, SuiteOptions, Verdict, agreement, run_suite,
};
use vdi_conformance::scenario::file_text;
use vdi_conformance::scenario::{Library, Scenario, coverage_page, uncovered};
use vdi_sim::clauses::{CLAUSES, Clause, PROFILES, Party, Profile, QUESTIONS};
use vdi_sim::explore::Bounds;

fn library() -> Library {
    Library::embedded().expect("the embedded scenarios are sound")
}

fn options(profile: Profile) -> SuiteOptions {
    SuiteOptions { profile, limits: Limits::default(), jobs: 2, max_fail: None }
}

/// Every profile with a name, and the default with one reading changed; each once.
fn profiles() -> Vec<(String, Profile)> {
    let mut profiles: Vec<(String, Profile)> = PROFILES
        .iter()
        .map(|(name, ..)| ((*name).to_owned(), Profile::named(name).expect("a named profile")))
        .collect();
    for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
        let mut profile = Profile::default();
        profile.choose(reading);
        if profiles.iter().all(|(_, known)| *known != profile) {
            profiles.push((reading.to_string(), profile));
        }
    }
    profiles
}

/// What came of playing every scenario under every profile.
#[derive(Default)]
struct Played {
    disagreements: Vec<String>,
    unreachable: usize,
    /// The clauses that each scenario used under any of them.
    used: BTreeMap<String, BTreeSet<Clause>>,
}

impl Played {
    /// Every scenario, by two threads, once for all tests.
    fn all() -> &'static Self {
        static ALL: OnceLock<Played> = OnceLock::new();
        ALL.get_or_init(|| {
            let (library, profiles) = (library(), profiles());
            let all: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
            let (one, other) = all.split_at(all.len() / 2);
            let (mut played, more) = std::thread::scope(|scope| {
                let more = scope.spawn(|| Self::of(other, &profiles));
                (Self::of(one, &profiles), more.join().expect("played"))
            });
            played.disagreements.extend(more.disagreements);
            played.unreachable += more.unreachable;
            played.used.extend(more.used);
            played
        })
    }

    fn of(scenarios: &[&Scenario], profiles: &[(String, Profile)]) -> Self {
        let mut played = Self::default();
        for (scenario, (name, profile)) in
            scenarios.iter().flat_map(|one| profiles.iter().map(move |profile| (one, profile)))
        {
            let used = played.used.entry(scenario.id.clone()).or_default();
            match agreement(scenario, profile) {
                Ok(Agreement::Agreed(clauses)) => used.extend(clauses),
                Ok(Agreement::Unreachable) => played.unreachable += 1,
                Err(found) => played.disagreements.push(format!(
                    "{name}: {}: step {}\n  oracle: {}\n  scenario: {}",
                    scenario.id, found.step, found.oracle, found.scenario
                )),
            }
        }
        played
    }
}

#[test]
fn ids_follow_the_files() {
    for loaded in library().iter() {
        assert_eq!(loaded.path, format!("scenarios/{}.json", loaded.scenario.id));
    }
}

#[test]
fn there_are_enough_and_none_twice() {
    let library = library();
    let count = library.iter().count();
    assert!(count >= 250, "{count} scenarios");
    let mut bodies = BTreeMap::new();
    for loaded in library.iter() {
        let body = serde_json::to_string(&(
            &loaded.scenario.config,
            &loaded.scenario.given,
            &loaded.scenario.steps,
        ))
        .expect("a scenario serialises");
        let twin = bodies.insert(body, loaded.scenario.id.clone());
        assert_eq!(twin, None, "{} does the same", loaded.scenario.id);
    }
}

#[test]
fn scenarios_and_oracle_agree_under_every_reading() {
    let Played { disagreements, unreachable, .. } = Played::all();
    assert!(
        disagreements.is_empty(),
        "{} disagreements\n{}",
        disagreements.len(),
        disagreements.join("\n")
    );
    // Under the tables' own readings some situations cannot be told by `given`.
    assert!(*unreachable < 200, "{unreachable} situations are out of reach");
}

/// Under the default profile, or under the reading that a contested clause is about.
#[test]
fn each_scenario_exercises_the_clauses_it_names() {
    let mut unused = Vec::new();
    for loaded in library().iter() {
        let used = &Played::all().used[&loaded.scenario.id];
        for clause in loaded.scenario.clauses.iter().filter(|clause| !used.contains(clause)) {
            unused.push(format!("{} does not exercise {clause}", loaded.scenario.id));
        }
    }
    assert!(unused.is_empty(), "{}", unused.join("\n"));
}

#[test]
fn every_clause_has_a_scenario_or_a_reason() {
    let wrong = uncovered(&library());
    assert!(wrong.is_empty(), "no scenario and no reason, or both: {wrong:?}");
}

/// What the exploration adds to the written scenarios is what lies in `generated/`;
/// `vdi explore --scenarios scenarios` writes it anew.
#[test]
fn generated_scenarios_are_current() {
    let library = library();
    let generated = generate(&hand_written(&library), &Bounds::SMALL);
    assert!(generated.len() > 20, "only {} were generated", generated.len());
    let written = library.iter().filter(|l| l.scenario.id.starts_with(FOLDER)).count();
    assert_eq!(written, generated.len());
    for scenario in generated {
        let loaded = library.get(&scenario.id).unwrap_or_else(|| panic!("{} lacks", scenario.id));
        let (ours, file) = (file_text(&scenario), file_text(&loaded.scenario));
        assert_eq!(ours, file, "{}", scenario.id);
    }
}

/// Written and generated scenarios together take every transition of the small world
/// that a driver can make.
#[test]
fn no_transition_is_left_out() {
    let library = library();
    let all: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    assert_eq!(left_out(&all, &Bounds::SMALL), BTreeSet::new());
}

#[test]
fn coverage() {
    crate::support::snapshot("suite", "coverage", &coverage_page(&library()));
}

/// Of every question a scenario tells the readings apart, or a clause that is
/// exercised says whom to blame.
#[test]
fn every_question_is_asked() {
    let library = library();
    let unasked: Vec<&str> = QUESTIONS
        .iter()
        .filter(|row| {
            let pinned = library.iter().any(|l| l.scenario.questions().contains(&row.question));
            let blamed = CLAUSES.iter().any(|clause| {
                clause.questions.contains(&row.question)
                    && library.iter().any(|l| l.scenario.clauses.contains(&clause.clause))
            });
            !pinned && !blamed
        })
        .map(|row| row.id)
        .collect();
    assert!(unasked.is_empty(), "no scenario depends on {unasked:?}");
}

fn run(profile: Profile) -> Vec<ScenarioResult> {
    let library = library();
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    run_suite(&Reference::adapter(), &scenarios, &options(profile), &|_| {})
}

#[test]
fn the_plain_implementation_conforms() {
    for result in run(Profile::default()) {
        assert_eq!(result.verdict, Verdict::Conformant, "{}", result.id);
    }
}

/// A suite that cannot fail is no suite: every defect that can be seen step by
/// step is seen, by a clause that fits it.
#[test]
fn every_defect_is_caught() {
    let library = library();
    let scenarios: Vec<&Scenario> = library.iter().map(|loaded| &loaded.scenario).collect();
    let rows: Vec<&MutantInfo> = Mutant::ALL.iter().filter(|row| !row.race).collect();
    assert!(rows.len() >= 60, "{} defects", rows.len());
    let missed: Vec<String> = rows
        .into_iter()
        .map(|row| (row, hunt(row, &scenarios, &options(Profile::default()))))
        .filter(|(_, kill)| !kill.fits)
        .map(|(row, kill)| format!("{}: expected one of {:?}, got {kill:?}", row.name, row.clauses))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn defects_break_clauses_of_the_interface() {
    for row in Mutant::ALL {
        for id in row.clauses {
            let clause: Clause = id.parse().expect("a clause of the catalogue");
            assert_eq!(clause.party(), Party::Interface, "{}: {id}", row.name);
        }
    }
}
