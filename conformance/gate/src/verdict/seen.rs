//! What a trace shows of a program.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::is_end_of_client;
use vdi_check::Finding;
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_trace::{CodeArg, Event, Function, TimeoutArg, Trace};

/// Whether an event stands on a lane of a client.
fn is_of_client(event: &Event<'_>) -> bool {
    event.lane().is_some_and(|lane| !lane.starts_with("server."))
}

/// A trace until the last event of a client, or the end of its process, if something comes
/// behind that.
pub(super) fn own_part(trace: &Trace) -> Option<Trace> {
    let own = |event: &Event<'_>| match event.lane() {
        Some(_) => is_of_client(event),
        None => is_end_of_client(event),
    };
    let length = trace.events.iter().rposition(own)? + 1;
    let mut part = Trace::new(trace.header.clone());
    for event in &trace.events[..length] {
        part.push(event.clone());
    }
    (length < trace.events.len()).then_some(part)
}

/// Whether a client's call stands in this line.
pub(super) fn is_client_call(trace: &Trace, line: usize) -> bool {
    let event = trace.index(line).map(|index| &trace.events[index]);
    event.is_some_and(|event| matches!(event, Event::Call { .. }) && is_of_client(event))
}

/// Whether the program has created a set whose server may send VDC_Complete.
pub(super) fn asks_for_complete(trace: &Trace) -> bool {
    trace.events.iter().any(|event| match event {
        Event::Call { args, .. } => {
            let config = args.config.as_ref();
            config.is_some_and(|config| config.features.contains(Features::REQUEST_COMPLETE))
        }
        _ => false,
    })
}

/// Whether the client has completed a Write with an error, or with fewer bytes than it had.
pub(super) fn refuses_a_write(trace: &Trace) -> bool {
    let mut writes = BTreeMap::new();
    trace.events.iter().any(|event| match event {
        Event::Call { args, creates: Some(name), .. }
            if args.code == Some(CodeArg::Command(CommandCode::Write)) =>
        {
            writes.insert(name.to_string(), args.size.map_or(0, |size| size.0));
            false
        }
        Event::Callback { callback, completion, bytes, .. } => {
            let size = writes.get(&callback.to_string());
            size.is_some_and(|size| {
                !matches!(*completion, Win32::ERROR_SUCCESS | Win32::ERROR_OPERATION_ABORTED)
                    || *completion == Win32::ERROR_SUCCESS && i64::from(*bytes) < *size
            })
        }
        _ => false,
    })
}

/// What a client did that breaks a clause, with what its call says, if it says something.
pub(super) fn what(finding: &Finding, trace: &Trace) -> String {
    let event = trace.index(finding.line).map(|index| &trace.events[index]);
    let Some(Event::Call { args, .. }) = event else { return finding.what.clone() };
    let code = match args.code {
        Some(CodeArg::Completion(code)) => format!("{code} ({})", code.0),
        Some(CodeArg::Number(code)) => code.to_string(),
        Some(CodeArg::Command(_)) | None => return finding.what.clone(),
    };
    let bytes = args.bytes.unwrap_or_default();
    format!("{}: {code}, {bytes} bytes", finding.what)
}

/// A wait for the configuration that is not over at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenWait {
    /// How often a client has asked for it.
    pub(super) asked: usize,
    /// Its limit.
    pub(super) limit: Option<TimeoutArg>,
}

/// The wait for the configuration in which a client is at the end: it is in its call, or has
/// come back from it in vain and not yet called again.
pub(super) fn wait_for_configuration(trace: &Trace) -> Option<OpenWait> {
    let (mut asked, mut limit, mut waits) = (0, None, BTreeSet::new());
    for event in trace.events.iter().filter(|event| is_of_client(event)) {
        let lane = event.lane().unwrap_or_default().to_owned();
        match event {
            Event::Call { call: Function::GetConfiguration, args, .. } => {
                (asked, limit) = (asked + 1, args.timeout);
                waits.insert(lane);
            }
            Event::Call { .. } => drop(waits.remove(&lane)),
            Event::Return { status, .. } if *status != HResult::VD_E_TIMEOUT => {
                waits.remove(&lane);
            }
            _ => {}
        }
    }
    (!waits.is_empty()).then_some(OpenWait { asked, limit })
}

/// Milliseconds after which a GetCommand of a client came back with VD_E_TIMEOUT, the longest.
pub(super) fn command_time_out(trace: &Trace) -> Option<u32> {
    let mut waits = BTreeMap::new();
    let mut longest = None;
    for event in &trace.events {
        match event {
            Event::Call { lane, call: Function::GetCommand, args, .. } => {
                waits.insert(lane.to_string(), args.timeout);
            }
            Event::Return { lane, status, .. } => {
                let limit = waits.remove(&lane.to_string()).flatten();
                if let (HResult::VD_E_TIMEOUT, Some(TimeoutArg::Milliseconds(ms))) =
                    (*status, limit)
                {
                    longest = longest.max(Some(ms));
                }
            }
            _ => {}
        }
    }
    longest.filter(|ms| *ms > 0)
}

/// The devices, by their names, of which a client has asked for no command, where it has of
/// another.
pub(super) fn unserved(trace: &Trace) -> Vec<String> {
    let mut names: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for event in trace.events.iter().filter(|event| is_of_client(event)) {
        match event {
            Event::Call { call: Function::OpenDevice, creates: Some(device), args, .. } => {
                let name = args.name.as_ref().map_or("", |name| name.as_str());
                names.insert(device.to_string(), (name.to_owned(), false));
            }
            Event::Call { call: Function::GetCommand, on, .. } => {
                if let Some((_, served)) = names.get_mut(&on.to_string()) {
                    *served = true;
                }
            }
            _ => {}
        }
    }
    let served = names.values().any(|(_, served)| *served);
    names.into_values().filter(|(_, is)| served && !is).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vdi_trace::{HowEnded, Name, Process};

    #[test]
    fn what_comes_after_the_program_is_not_its_own() {
        let on = |lane: &'static str| Event::Return {
            seq: None,
            lane: Name::from(lane),
            status: HResult::NOERROR,
            out: vdi_trace::Out::default(),
        };
        let exit = |process| Event::Exit { seq: None, process, exit: HowEnded::Killed };
        let length = |events: Vec<Event<'static>>| {
            let mut trace = Trace::default();
            for event in events {
                trace.push(event);
            }
            own_part(&trace).map(|part| part.events.len())
        };
        let (client, server) = ("primary.t1", "server.main");
        assert_eq!(length(vec![on(client), on(server)]), Some(1));
        assert_eq!(length(vec![on(client), exit(Process::Primary), on(server)]), Some(2));
        assert_eq!(length(vec![on(client), on(server), on("secondary1.t1")]), None);
        assert_eq!(length(vec![on(client), exit(Process::Server)]), Some(1));
        assert_eq!(length(vec![on(server)]), None);
    }
}
