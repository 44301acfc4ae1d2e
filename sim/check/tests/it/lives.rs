//! Calls that overlap while one life of a set follows another, against a judge that tries
//! every order of effects over a world in which each call finds its set when it takes effect.

use std::fmt::Write as _;

use vdi_check::{Verdict, check_reader};
use vdi_spec::clauses::{Profile, ServerHandleReuse};
use vdi_spec::codes::HResult;

use super::lives_world::{ALL, LIVES, Lives, Make, PHASES, STATUSES, Statuses, every_outcome};
use Make as M;

/// The history in which the calls of a stage all begin before the first of them returns.
fn history(stages: &[Vec<Make>], lead: usize, statuses: &[HResult], backwards: bool) -> String {
    let mut text = String::from(
        "{\"vdi\":\"trace/1\",\"interfaces\":{\"cset2\":\"primary\",\"sset2\":\"server\"}}\n",
    );
    let lane = |make: Make, at: usize| {
        let process = ["primary", "server", "secondary1"][make.process()];
        format!("{process}.t{at}")
    };
    let mut statuses = statuses.iter();
    for (place, stage) in stages.iter().enumerate() {
        for (at, make) in stage.iter().enumerate() {
            let (lane, call) = (lane(*make, at), make.text());
            // The devices that are opened on the way to the phase have names.
            let creates = match make {
                M::OpenDevice => r#","as":"c1""#,
                M::ServerOpenDevice => r#","as":"s1""#,
                M::Create
                | M::Close
                | M::Abort
                | M::Configuration
                | M::GetCommand
                | M::Open
                | M::ServerClose
                | M::ServerAbort
                | M::ServerConfiguration
                | M::Begin
                | M::End
                | M::CloseDevice
                | M::OpenSecondary
                | M::CloseSecondary
                | M::AbortSecondary
                | M::CreateBeside
                | M::CloseBeside
                | M::OpenBeside
                | M::ServerConfigurationBeside => "",
            };
            let creates = if place < lead { creates } else { "" };
            let _ = writeln!(text, r#"{{"lane":"{lane}",{call}{creates}}}"#);
        }
        let mut returns: Vec<String> = Vec::new();
        for (at, make) in stage.iter().enumerate() {
            let Some(status) = statuses.next() else { break };
            let lane = lane(*make, at);
            returns.push(format!(r#"{{"lane":"{lane}","return":"{status}"}}"#));
        }
        if backwards {
            returns.reverse();
        }
        returns.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

/// How many calls lead to the phase.
fn lead(stages: &[Vec<Make>]) -> usize {
    stages.iter().take_while(|stage| stage.len() == 1).count()
}

/// What was tried: histories that are allowed, and histories that are not.
#[derive(Default)]
struct Tried {
    allowed: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Tried {
    /// Every outcome of these calls after a phase is conformant; what is none is a violation.
    fn every(&mut self, phase: &[Make], calls: &[Make], profile: &Profile) {
        let lacks = |call: &Make| call.device().is_some_and(|opens| !phase.contains(&opens));
        if calls.iter().any(lacks) {
            return;
        }
        let mut stages: Vec<Vec<Make>> = phase.iter().map(|make| vec![*make]).collect();
        stages.push(calls.to_vec());
        // What the interfaces have afterwards shows in what comes next.
        stages.push(vec![M::ServerConfiguration]);
        stages.push(vec![M::Configuration]);
        let allowed = every_outcome(&stages, profile);
        let last = stages.iter().map(Vec::len).sum::<usize>();
        let as_led = |statuses: &Statuses| {
            statuses[..phase.len()].iter().all(|status| *status == HResult::NOERROR)
        };
        for statuses in allowed.keys().filter(|statuses| as_led(statuses)) {
            for backwards in [false, true] {
                self.one(&stages, statuses, backwards, true, profile);
            }
            // What is no outcome at all: everything succeeds.
            let mut all = statuses.clone();
            all[phase.len()..last - 2].fill(HResult::NOERROR);
            if !allowed.contains_key(&all) {
                self.one(&stages, &all, false, false, profile);
            }
            for at in phase.len()..last {
                for other in self.others(at) {
                    let mut changed = statuses.clone();
                    changed[at] = other;
                    let known = allowed.keys().any(|known| *known == changed);
                    if !known {
                        self.one(&stages, &changed, false, false, profile);
                    }
                }
            }
        }
    }

    /// The statuses that are tried in the place of another: one in turn, or all of them.
    fn others(&self, at: usize) -> Vec<HResult> {
        match std::env::var_os("VDI_SEEDS") {
            Some(_) => STATUSES.to_vec(),
            None => vec![STATUSES[(self.allowed + at) % STATUSES.len()]],
        }
    }

    fn one(
        &mut self,
        stages: &[Vec<Make>],
        statuses: &[HResult],
        backwards: bool,
        allowed: bool,
        profile: &Profile,
    ) {
        let text = history(stages, lead(stages), statuses, backwards);
        let judged = check_reader(text.as_bytes(), profile);
        let right = judged.error.is_none()
            && match judged.verdict {
                Verdict::Conformant => allowed,
                Verdict::Violation(_) => !allowed,
                _ => false,
            };
        if allowed {
            self.allowed += 1;
        } else {
            self.refused += 1;
        }
        if !right {
            let (error, verdict) = (judged.error, judged.verdict);
            self.wrong.push(format!("allowed: {allowed}\n{text}{error:?}\n{verdict:?}\n"));
        }
    }

    fn assert(self, at_least: usize) {
        let Self { allowed, refused, wrong } = self;
        let first: String = wrong.iter().take(5).map(String::as_str).collect();
        let count = wrong.len();
        assert!(wrong.is_empty(), "{count} of {allowed} and {refused} wrong:\n{first}");
        assert!(allowed >= at_least, "only {allowed} histories");
    }
}

fn reopening() -> Profile {
    Profile { server_handle_reuse: ServerHandleReuse::Reopens, ..Profile::default() }
}

#[test]
fn every_pair_of_calls_in_every_phase() {
    let mut tried = Tried::default();
    for phase in PHASES {
        for one in ALL {
            for other in ALL {
                tried.every(phase, &[one, other], &Profile::default());
            }
        }
    }
    tried.assert(1_700);
}

#[test]
fn every_triple_of_calls_that_change_a_life() {
    let mut tried = Tried::default();
    for phase in PHASES {
        for one in LIVES {
            for other in LIVES {
                for third in LIVES {
                    // The order of beginning matters least: one way and back, or all of them.
                    let rises = one <= other && other <= third;
                    let falls = one >= other && other >= third;
                    if !rises && !falls && std::env::var_os("VDI_SEEDS").is_none() {
                        continue;
                    }
                    tried.every(phase, &[one, other, third], &Profile::default());
                }
            }
        }
    }
    tried.assert(2_000);
}

#[test]
fn lives_under_the_reading_that_reopens() {
    let mut tried = Tried::default();
    for phase in PHASES {
        for one in LIVES {
            for other in ALL {
                tried.every(phase, &[one, other], &reopening());
            }
        }
    }
    tried.assert(1_000);
}

/// A source of choices that a seed decides.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

/// A call on a lane: which, and what it will return once it has taken effect.
type Running = Option<(Make, Option<HResult>)>;

/// A history of threads that call as they like: each call takes effect at some moment between
/// its beginning and its return.
fn program(seed: u64, events: usize, profile: &Profile) -> String {
    let mut choices = Choices(seed);
    let lanes = 2 + choices.below(3);
    let mut running: Vec<Running> = vec![None; lanes];
    let mut world = Lives { states: Vec::new(), has: [None; 5] };
    let mut text = String::from(
        "{\"vdi\":\"trace/1\",\"interfaces\":{\"cset2\":\"primary\",\"sset2\":\"server\"}}\n",
    );
    let lane = |make: Make, at: usize| {
        let process = ["primary", "server", "secondary1"][make.process()];
        format!("{process}.t{at}")
    };
    let mut written = 0;
    while written < events {
        let at = choices.below(lanes);
        match running[at] {
            None => {
                // Every second call begins or ends a life.
                let make = match choices.below(2) {
                    0 => LIVES[choices.below(LIVES.len())],
                    _ => ALL[choices.below(ALL.len())],
                };
                if make.device().is_some() {
                    continue;
                }
                let _ = writeln!(text, r#"{{"lane":"{}",{}}}"#, lane(make, at), make.text());
                running[at] = Some((make, None));
                written += 1;
            }
            Some((make, None)) => {
                let mut outcomes = world.outcomes(make, profile);
                let (outcome, after) = outcomes.swap_remove(choices.below(outcomes.len()));
                let admits = |status: &HResult| {
                    outcome.answer.expected().is_some_and(|expected| expected.admits(*status))
                };
                let statuses: Vec<HResult> = STATUSES.into_iter().filter(admits).collect();
                running[at] = Some((make, Some(statuses[choices.below(statuses.len())])));
                world = after;
            }
            Some((make, Some(status))) => {
                let _ = writeln!(text, r#"{{"lane":"{}","return":"{status}"}}"#, lane(make, at));
                running[at] = None;
                written += 1;
            }
        }
    }
    text
}

#[test]
fn no_program_is_accused() {
    let seeds = std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok());
    let mut accused = Vec::new();
    for seed in 0..seeds.unwrap_or(500) {
        let profile = if seed % 3 == 0 { reopening() } else { Profile::default() };
        let text = program(seed, 60, &profile);
        let judged = check_reader(text.as_bytes(), &profile);
        if judged.error.is_some() || judged.verdict != Verdict::Conformant {
            let (error, verdict) = (judged.error, judged.verdict);
            accused.push(format!("seed {seed}\n{text}{error:?}\n{verdict:?}\n"));
        }
    }
    assert!(accused.is_empty(), "{} accused:\n{}", accused.len(), accused.join("\n"));
}
