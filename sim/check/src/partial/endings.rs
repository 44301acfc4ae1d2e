//! What was seen, known ahead: how calls end, what a client is given, and what it opens later.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::clauses::Party;
use vdi_spec::codes::{Features, HResult};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, Event, Function, Header, LaneName, Out, Process};

/// How the call that begins at an event will end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending<'t> {
    pub(super) status: HResult,
    pub(super) out: &'t Out<'t>,
}

/// A call that was seen to begin and to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenCall<'t> {
    /// The position of the event that begins it.
    pub(super) at: usize,
    pub(super) call: Function,
    pub(super) on: &'t str,
    pub(super) creates: Option<&'t str>,
    pub(super) args: &'t Args<'t>,
    pub(super) ending: Ending<'t>,
}

/// Calls and returns by the positions of their events.
#[derive(Debug)]
pub(super) struct Endings<'t> {
    events: &'t [(usize, Event<'t>)],
    /// By the position of the call.
    endings: BTreeMap<usize, Ending<'t>>,
    /// By the position of the return, the position of the call.
    calls: BTreeMap<usize, usize>,
}

impl<'t> Endings<'t> {
    pub(super) fn of(events: &'t [(usize, Event<'t>)]) -> Self {
        let mut seen = Self { events, endings: BTreeMap::new(), calls: BTreeMap::new() };
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (_, event)) in events.iter().enumerate() {
            if let Event::Call { lane, .. } = event {
                open.insert(lane.as_str(), at);
            } else if let Event::Return { lane, status, out, .. } = event
                && let Some(call) = open.remove(lane.as_str())
            {
                seen.endings.insert(call, Ending { status: *status, out });
                seen.calls.insert(at, call);
            }
        }
        seen
    }

    /// How the call at this position ends; `None` if it is not seen to.
    pub(super) fn ending(&self, call: usize) -> Option<Ending<'t>> {
        self.endings.get(&call).copied()
    }

    /// Whether the call at this position ends with this status.
    pub(super) fn ends_with(&self, call: usize, status: HResult) -> bool {
        self.ending(call).is_some_and(|ending| ending.status == status)
    }

    /// Where the call began that returns at this position.
    pub(super) fn call_of(&self, returns: usize) -> Option<usize> {
        self.calls.get(&returns).copied()
    }

    /// Where the call returns that begins at this position.
    pub(super) fn return_of(&self, call: usize) -> Option<usize> {
        self.calls.iter().find(|(_, of)| **of == call).map(|(returns, _)| *returns)
    }

    /// Whether a set is created by what returns after this position.
    pub(super) fn creates_after(&self, position: usize) -> bool {
        self.calls.range(position..).any(|(_, call)| {
            let creates = |event: &Event<'_>| {
                matches!(event, Event::Call { call: Function::Create | Function::CreateEx, .. })
            };
            creates(&self.events[*call].1) && self.ends_with(*call, HResult::NOERROR)
        })
    }

    /// The configuration that a client is given on an interface from this position on.
    pub(super) fn configuration_on(&self, interface: &str, from: usize) -> Option<&'t VdConfig> {
        let gets = |event: &Event<'_>| {
            matches!(event, Event::Call { call: Function::GetConfiguration, on, .. }
                if on.as_str() == interface)
        };
        let all = self.events.iter().enumerate().skip(from);
        let mut events = all.filter(|(_, (_, event))| gets(event));
        events.find_map(|(at, _)| self.ending(at)?.out.config.as_deref())
    }

    /// What the client asked for that created the set of this name, as far as who joined it on
    /// this interface can know.
    pub(super) fn asked_on(&self, interface: &str, name: &str) -> VdConfig {
        if let Some(given) = self.configuration_on(interface, 0) {
            let server = Features::WRITE_MEDIA | Features::READ_MEDIA;
            return VdConfig { features: given.features.without(server), ..given.client_part() };
        }
        let opened = self.opened_on(interface);
        let count = opened.len() + usize::from(!opened.contains(name));
        VdConfig { device_count: count as u32, ..VdConfig::default() }
    }

    /// The names of the devices that are opened on an interface.
    pub(super) fn opened_on(&self, interface: &str) -> BTreeSet<&'t str> {
        let opened = self.events.iter().enumerate().filter_map(|(at, (_, event))| {
            let Event::Call { call: Function::OpenDevice, on, args, .. } = event else {
                return None;
            };
            let opens = self.ends_with(at, HResult::NOERROR);
            (on.as_str() == interface && opens).then(|| name_of(args))
        });
        opened.collect()
    }

    /// The names of the devices whose opening on one of these interfaces began before this
    /// position and is not seen to end.
    pub(super) fn opening_on(&self, position: usize, interfaces: &BTreeSet<&str>) -> Vec<String> {
        let all = self.events.iter().enumerate().take(position);
        let opening = all.filter_map(|(at, (_, event))| {
            let Event::Call { call: Function::OpenDevice, on, args, .. } = event else {
                return None;
            };
            let cut = interfaces.contains(on.as_str()) && !self.endings.contains_key(&at);
            cut.then(|| name_of(args).to_owned())
        });
        let names: BTreeSet<String> = opening.collect();
        names.into_iter().collect()
    }

    /// The names of the devices that are opened after this position, in the present life of the
    /// set of this name, on these interfaces and those that open it meanwhile.
    pub(super) fn opened_after(
        &self,
        position: usize,
        name: &str,
        interfaces: &mut BTreeSet<&'t str>,
    ) -> Vec<&'t str> {
        let mut later = Vec::new();
        for (at, (_, event)) in self.events.iter().enumerate().skip(position + 1) {
            let Event::Call { call, on, args, lane, .. } = event else { continue };
            let of_set = interfaces.contains(on.as_str());
            if is_open_in_secondary(*call) && args.name.is_some() && name_of(args) == name {
                interfaces.insert(on.as_str());
            } else if *call == Function::Close && of_set && is_primary(lane.as_str()) {
                break;
            } else if *call == Function::OpenDevice && of_set {
                later.extend(self.ends_with(at, HResult::NOERROR).then(|| name_of(args)));
            }
        }
        later
    }
}

pub(super) fn name_of<'a>(args: &'a Args<'_>) -> &'a str {
    args.name.as_ref().map(|name| name.as_str()).unwrap_or_default()
}

pub(super) const fn is_open_in_secondary(call: Function) -> bool {
    matches!(call, Function::OpenInSecondary | Function::OpenInSecondaryEx)
}

pub(super) fn is_primary(lane: &str) -> bool {
    LaneName::process_of(lane) == Ok(Process::Primary)
}

pub(super) const fn is_create(call: Function) -> bool {
    matches!(call, Function::Create | Function::CreateEx)
}

/// What the client's OpenDevice answers in Initializing, and not before.
pub(super) const fn is_answer_once_configured(status: HResult) -> bool {
    matches!(status, HResult::NOERROR | HResult::VD_E_OPEN | HResult::VD_E_INVALID)
}

/// Whether the server is among those whose calls are in the trace.
pub(super) fn is_served(header: &Header, events: &[(usize, Event<'_>)]) -> bool {
    let of_server = |lane: &str| LaneName::process_of(lane) == Ok(Process::Server);
    !header.unseen.contains(&Party::Server)
        && events.iter().any(|(_, event)| event.lane().is_some_and(of_server))
}
