//! How far a scenario has come: what was not tried is not conformant.

use std::collections::BTreeMap;

use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{CodeArg, Event, Function, Trace};

use crate::scenario::{Reach, Scenario};
use crate::timing::waited;

/// Why nothing can be said of a scenario, if it has not come as far as it had to.
pub(crate) fn not_reached(scenario: &Scenario, trace: &Trace) -> Option<String> {
    let what = match scenario.reach {
        Reach::Nothing => return None,
        Reach::Configuration => "a configuration".to_owned(),
        Reach::Commands(1) => "a command".to_owned(),
        Reach::Commands(count) => format!("{count} commands"),
        Reach::Emptied => "a wait for a command when none is left".to_owned(),
        Reach::Waited => "a wait for a command that something else ends".to_owned(),
        Reach::Odd => "the command that is to fail".to_owned(),
        Reach::OddBesideHeld => "a command that fails while another is held".to_owned(),
    };
    let answered = |function: Function| returns(trace, function, HResult::NOERROR);
    let reached = match scenario.reach {
        Reach::Nothing => true,
        Reach::Configuration => answered(Function::GetConfiguration) > 0,
        Reach::Commands(count) => answered(Function::GetCommand) >= count as usize,
        Reach::Emptied => returns(trace, Function::GetCommand, HResult::VD_E_TIMEOUT) > 0,
        Reach::Waited => waited(trace),
        Reach::Odd => completions(trace).any(|code| scenario.odd_codes().contains(&code)),
        Reach::OddBesideHeld => {
            let mut codes = completions(trace).skip_while(|code| *code == Win32::ERROR_SUCCESS);
            codes.next().is_some() && codes.any(|code| code == Win32::ERROR_SUCCESS)
        }
    };
    (!reached).then(|| format!("it has not come as far as {what}"))
}

/// How often a function has returned this.
fn returns(trace: &Trace, function: Function, status: HResult) -> usize {
    let mut calls = BTreeMap::new();
    let mut returned = 0;
    for event in &trace.events {
        match event {
            Event::Call { lane, call, .. } => drop(calls.insert(lane.as_str(), *call)),
            Event::Return { lane, status: is, .. } => {
                let of = calls.remove(lane.as_str());
                returned += usize::from(of == Some(function) && *is == status);
            }
            _ => {}
        }
    }
    returned
}

/// The codes with which commands were completed.
fn completions(trace: &Trace) -> impl Iterator<Item = Win32> {
    trace.events.iter().filter_map(|event| match event {
        Event::Call { call: Function::CompleteCommand, args, .. } => match args.code {
            Some(CodeArg::Completion(code)) => Some(code),
            Some(CodeArg::Number(number)) => Some(Win32(number)),
            Some(CodeArg::Command(_)) | None => None,
        },
        _ => None,
    })
}

/// Whether a command was completed with an error that none of its scenario is, as the client of a
/// scenario does with what it does not support.
pub(crate) fn refused_a_command(scenario: &Scenario, trace: &Trace) -> Option<Win32> {
    let known = [Win32::ERROR_SUCCESS, Win32::ERROR_HANDLE_EOF];
    let odd = scenario.odd_codes();
    completions(trace).find(|code| !known.contains(code) && !odd.contains(code))
}
