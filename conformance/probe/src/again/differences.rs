//! What a library answered otherwise than a recording has it.

use std::collections::BTreeMap;

use vdi_spec::codes::HResult;

use super::made::{Act, Made, Who};
use crate::steps::Step;

/// An answer, in words, and the line of its call.
type Told = (String, String, usize);

/// Of each lane the first answer that differs. How often somebody asked in vain, and how many
/// commands came one after the other, is nothing that differs.
pub(super) fn differences(recorded: &[Made], now: &[Made]) -> Vec<String> {
    let (recorded, now) = (by_lane(recorded), by_lane(now));
    let mut all = Vec::new();
    for (who, before) in &recorded {
        let nothing = Vec::new();
        let after = now.get(who).unwrap_or(&nothing);
        let lane = format!("{}.{}", who.0.0, who.1);
        let differs = |at: &usize| {
            let told =
                |all: &[Told]| all.get(*at).map(|(call, answer, _)| (call.clone(), answer.clone()));
            told(before) != told(after)
        };
        let Some(at) = (0..before.len().max(after.len())).find(differs) else { continue };
        let told = |one: Option<&Told>| {
            one.map_or("nothing more".to_owned(), |(call, answer, line)| {
                let line = if *line > 0 { format!(" (line {line})") } else { String::new() };
                format!("{call}: {answer}{line}")
            })
        };
        all.push(format!("{lane}: recorded {}, now {}", told(before.get(at)), told(after.get(at))));
    }
    all
}

fn by_lane(made: &[Made]) -> BTreeMap<(Who, &str), Vec<Told>> {
    let mut lanes: BTreeMap<(Who, &str), Vec<&Made>> = BTreeMap::new();
    for one in made.iter().filter(|one| one.line > 0) {
        lanes.entry((one.who, one.lane.as_str())).or_default().push(one);
    }
    lanes.into_iter().map(|(lane, made)| (lane, told(&made))).collect()
}

fn told(made: &[&Made]) -> Vec<Told> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < made.len() {
        let one = made[at];
        let next = made.get(at + 1);
        let again = one.status == Some(HResult::VD_E_TIMEOUT)
            && next.is_some_and(|next| next.act == one.act);
        let carried_out = matches!(one.act, Act::Command(..))
            && one.status == Some(HResult::NOERROR)
            && next.is_some_and(|next| {
                next.status == Some(HResult::NOERROR)
                    && matches!(&next.act, Act::Answer(answer) if answer.plain)
            });
        match (again, carried_out) {
            (true, _) => at += 1,
            (false, true) => at += 2,
            (false, false) => {
                all.push((named(&one.act), answer(one), one.line));
                at += 1;
            }
        }
    }
    all
}

fn named(act: &Act) -> String {
    match act {
        Act::Configuration(_) => "GetConfiguration".to_owned(),
        Act::Command(device, _) => format!("GetCommand on device {device}"),
        Act::Answer(answer) => {
            let code = if answer.plain { String::new() } else { format!(" with {}", answer.code) };
            format!("CompleteCommand on device {}{code}", answer.device)
        }
        Act::Step(step) => of_step(step),
    }
}

fn of_step(step: &Step) -> String {
    match step {
        Step::Create(_) => "Create".to_owned(),
        Step::CreateAgain(_) => "Create on another object".to_owned(),
        Step::OpenDevice(device, _) => format!("OpenDevice of device {device}"),
        Step::CompleteAgain(device) => format!("CompleteCommand once more on device {device}"),
        Step::CompleteNothing(device) => format!("CompleteCommand of nothing on device {device}"),
        Step::CompleteElsewhere(from, on) => {
            format!("CompleteCommand on device {on} of a command of device {from}")
        }
        Step::BufferHandle(device) | Step::CompletedBuffer(device) => {
            format!("GetBufferHandle on device {device}")
        }
        Step::StrayBuffer => "GetBufferHandle of nothing".to_owned(),
        Step::MapHandle => "MapBufferHandle".to_owned(),
        Step::StrayHandle => "MapBufferHandle of nothing".to_owned(),
        Step::SignalAbort => "SignalAbort".to_owned(),
        Step::Close => "Close".to_owned(),
        Step::OpenInSecondary(_) => "OpenInSecondary".to_owned(),
        Step::Issue(_) => "the statement".to_owned(),
        Step::Await | Step::Cancel => "the statement's end".to_owned(),
        Step::Die => "the client's end".to_owned(),
        Step::GetConfiguration(_)
        | Step::GetCommand(..)
        | Step::HoldAll(..)
        | Step::Complete(_)
        | Step::CompleteAll(_)
        | Step::CompleteWith(..)
        | Step::CompleteThe(..)
        | Step::Serve(_)
        | Step::Pause(_)
        | Step::Start(..)
        | Step::Join(_)
        | Step::After(..)
        | Step::Secondary(..)
        | Step::Count(_) => "a step".to_owned(),
    }
}

fn answer(made: &Made) -> String {
    let Some(status) = made.status else {
        return match &made.act {
            Act::Step(Step::Issue(_)) => "handed over".to_owned(),
            Act::Step(Step::Await | Step::Cancel) => {
                if made.succeeded { "success" } else { "failure" }.to_owned()
            }
            Act::Step(Step::Die) => "killed".to_owned(),
            Act::Step(_) | Act::Configuration(_) | Act::Command(..) | Act::Answer(_) => {
                "no return".to_owned()
            }
        };
    };
    match &made.config {
        None => status.to_string(),
        Some(config) => {
            let fields = serde_json::to_string(config).unwrap_or_default();
            format!("{status} with {fields}")
        }
    }
}
