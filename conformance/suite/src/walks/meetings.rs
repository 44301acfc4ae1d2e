//! What meets in a walk: a call that comes to something, and what was so when it began. A defect
//! that needs two things at once shows in no walk in which they do not meet.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Args, CodeArg, Event, Function, LaneName, Process, TimeoutArg, Trace};

/// The numbers of what meets.
pub(super) type Meetings = BTreeSet<u64>;

/// The interfaces of sets end in a number from the second on; secondaries are the first's.
fn set_of(interface: &str) -> u32 {
    interface.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1)
}

/// Who calls: of secondary clients it does not matter which.
pub(super) const fn party(process: Process) -> &'static str {
    match process {
        Process::Server => "server",
        Process::Primary => "primary",
        Process::Secondary(_) => "secondary",
    }
}

/// A call in progress.
struct Begun {
    function: Function,
    /// Who makes which call, with the sort of its arguments.
    kind: String,
    /// The same without its arguments.
    short: String,
    /// The device, or the interface.
    on: String,
    creates: Option<String>,
    set: u32,
    /// Whether it says that a command has failed, or is a ClearError.
    fails: bool,
    clears: bool,
    /// What was so when it began.
    so: Vec<String>,
}

/// What is so, as far as it is told.
#[derive(Default)]
struct Now {
    lanes: BTreeMap<String, Vec<Begun>>,
    /// Devices by their handles: the set and the name.
    devices: BTreeMap<String, (u32, String)>,
    /// The devices of commands, and which of these are ClearErrors.
    commands: BTreeMap<String, String>,
    clears: BTreeSet<String>,
    queued: BTreeMap<String, usize>,
    held: BTreeMap<String, usize>,
    failed: BTreeSet<String>,
    routines: BTreeMap<String, usize>,
    lives: BTreeMap<u32, usize>,
    /// What there was in the present life of a set, and in any that is over.
    had: BTreeMap<u32, BTreeSet<String>>,
    once: BTreeSet<String>,
    last: String,
    found: Meetings,
}

/// What meets in a trace.
pub(super) fn of(trace: &Trace) -> Meetings {
    let mut now = Now::default();
    for event in &trace.events {
        match event {
            Event::Call { lane, call, on, creates, args, .. } => {
                let creates = creates.as_ref().map(|name| name.as_str().to_owned());
                now.begins(lane.as_str(), *call, on.as_str(), (creates, args));
            }
            Event::Return { lane, status, .. } => now.returns(lane.as_str(), *status),
            Event::Callback { lane, callback, completion, held, .. } => {
                now.calls_back(lane.as_str(), callback.as_str(), *completion, *held);
            }
            Event::Ended { lane, .. } => {
                let inside = now.routines.entry(lane.as_str().to_owned()).or_default();
                *inside = inside.saturating_sub(1);
            }
            Event::Exit { process, .. } => {
                let what = format!("{} ends", party(*process));
                now.comes(1, &what, &what);
            }
            Event::Touch { found, .. } => {
                let what = format!("touched {found:?}");
                now.comes(1, &what, &what);
            }
            Event::Expired { .. }
            | Event::Wrote { .. }
            | Event::Statement { .. }
            | Event::Report { .. }
            | Event::Unload { .. }
            | Event::Blocked { .. } => {}
        }
    }
    now.found
}

/// What sort of arguments they are, where it matters.
pub(super) fn sort(function: Function, args: &Args<'_>) -> String {
    match function {
        Function::SendCommand | Function::CompleteCommand => {
            args.code.map_or_else(String::new, |code| format!(" {code:?}"))
        }
        Function::GetCommand | Function::GetConfiguration => match args.timeout {
            Some(TimeoutArg::Infinite) => " infinite".to_owned(),
            Some(TimeoutArg::Milliseconds(0)) => " polls".to_owned(),
            Some(TimeoutArg::Milliseconds(_)) => " finite".to_owned(),
            None => String::new(),
        },
        Function::AllocateBuffer | Function::RequestBuffers | Function::QueryAvailableBuffers => {
            let sort = match args.size.map_or(0, |size| size.0) {
                0 => "nothing",
                size if size % 512 != 0 => "odd",
                size if size > 1 << 24 => "huge",
                _ => "some",
            };
            format!(" {sort}")
        }
        Function::Create
        | Function::CreateEx
        | Function::Open
        | Function::OpenInSecondary
        | Function::OpenInSecondaryEx
        | Function::OpenDevice
        | Function::Close
        | Function::CloseDevice
        | Function::SignalAbort
        | Function::BeginConfiguration
        | Function::EndConfiguration
        | Function::ExecuteCompletionAgent
        | Function::FreeBuffer
        | Function::IsSharedBuffer
        | Function::GetBufferHandle
        | Function::MapBufferHandle => String::new(),
    }
}

impl Now {
    fn meet(&mut self, one: &str, other: &str) {
        self.found.insert(FxBuildHasher.hash_one((one, other)));
    }

    /// Something has come of a call, or beside calls.
    /// `short`: without the sort of its arguments.
    fn comes(&mut self, set: u32, what: &str, short: &str) {
        let before = std::mem::replace(&mut self.last, what.to_owned());
        self.meet(&format!("after {before}"), what);
        let had = self.had.get(&set).into_iter().flatten();
        let had: Vec<String> =
            had.cloned().chain(self.once.iter().map(|one| format!("once {one}"))).collect();
        had.iter().for_each(|one| self.meet(one, what));
        self.had.entry(set).or_default().insert(short.to_owned());
    }

    fn begins(
        &mut self,
        lane: &str,
        function: Function,
        on: &str,
        (creates, args): (Option<String>, &Args<'_>),
    ) {
        let Ok(process) = LaneName::process_of(lane) else { return };
        let (set, device) = match self.devices.get(on) {
            Some((set, name)) => (*set, format!("{set} {name}")),
            None => (set_of(on), on.to_owned()),
        };
        let short = format!("{} {function}", party(process));
        let kind = format!("{short}{}", sort(function, args));
        let completed = args.code.and_then(CodeArg::completion);
        let fails = function == Function::CompleteCommand
            && completed.is_some_and(|code| code != Win32::ERROR_SUCCESS);
        let clears = args.code.and_then(CodeArg::command) == Some(CommandCode::ClearError);
        let so = self.so(lane, set, &device);
        let begun = Begun { function, kind, short, on: device, creates, set, fails, clears, so };
        if let (Function::OpenDevice, Some(handle)) = (function, &begun.creates) {
            let name = args.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
            self.devices.insert(handle.clone(), (set, name.to_owned()));
        }
        self.lanes.entry(lane.to_owned()).or_default().push(begun);
    }

    /// What is so for a call on a device, or an interface.
    fn so(&self, lane: &str, set: u32, device: &str) -> Vec<String> {
        let at_most = |count: usize| count.min(3);
        let of = |counts: &BTreeMap<String, usize>| counts.get(device).copied().unwrap_or_default();
        let all = |counts: &BTreeMap<String, usize>| counts.values().sum::<usize>();
        let others = |counts| at_most(all(counts).saturating_sub(of(counts)));
        let failed = self.failed.iter().filter(|one| one.as_str() != device).count();
        let mut so = vec![
            format!("inside {}", at_most(self.routines.get(lane).copied().unwrap_or_default())),
            format!("routines {}", at_most(all(&self.routines))),
            format!("queued {} {}", at_most(of(&self.queued)), others(&self.queued)),
            format!("held {} {}", at_most(of(&self.held)), others(&self.held)),
            format!("failed {} {}", self.failed.contains(device), at_most(failed)),
            format!("life {}", self.lives.get(&set).copied().unwrap_or_default()),
            format!("sets {}", self.lives.len()),
        ];
        for begun in self.lanes.values().flatten() {
            let same = if begun.on == device { "here" } else { "elsewhere" };
            so.push(format!("{} in progress {same}", begun.short));
        }
        so
    }

    fn returns(&mut self, lane: &str, status: HResult) {
        let Some(begun) = self.lanes.get_mut(lane).and_then(Vec::pop) else { return };
        let what = format!("{} {status}", begun.kind);
        begun.so.iter().for_each(|so| self.meet(so, &what));
        if status == HResult::NOERROR {
            self.takes(&begun);
        }
        let short = format!("{} {status}", begun.short);
        self.comes(begun.set, &what, &short);
    }

    /// What a call that succeeds changes.
    fn takes(&mut self, begun: &Begun) {
        let fewer = |counts: &mut BTreeMap<String, usize>| {
            let count = counts.entry(begun.on.clone()).or_default();
            *count = count.saturating_sub(1);
        };
        match begun.function {
            Function::Create | Function::CreateEx => {
                *self.lives.entry(begun.set).or_default() += 1;
                self.once.append(&mut self.had.remove(&begun.set).unwrap_or_default());
            }
            Function::SendCommand => {
                *self.queued.entry(begun.on.clone()).or_default() += 1;
                let name = begun.creates.clone().unwrap_or_default();
                if begun.clears {
                    self.clears.insert(name.clone());
                }
                self.commands.insert(name, begun.on.clone());
            }
            Function::GetCommand => {
                fewer(&mut self.queued);
                *self.held.entry(begun.on.clone()).or_default() += 1;
            }
            Function::CompleteCommand => {
                fewer(&mut self.held);
                if begun.fails {
                    self.failed.insert(begun.on.clone());
                }
            }
            Function::Open
            | Function::OpenInSecondary
            | Function::OpenInSecondaryEx
            | Function::OpenDevice
            | Function::Close
            | Function::CloseDevice
            | Function::SignalAbort
            | Function::GetConfiguration
            | Function::BeginConfiguration
            | Function::EndConfiguration
            | Function::ExecuteCompletionAgent
            | Function::AllocateBuffer
            | Function::FreeBuffer
            | Function::RequestBuffers
            | Function::QueryAvailableBuffers
            | Function::IsSharedBuffer
            | Function::GetBufferHandle
            | Function::MapBufferHandle => {}
        }
    }

    fn calls_back(&mut self, lane: &str, command: &str, completion: Win32, held: bool) {
        let device = self.commands.get(command).cloned().unwrap_or_default();
        if completion == Win32::ERROR_SUCCESS && self.clears.contains(command) {
            self.failed.remove(&device);
        }
        if completion == Win32::ERROR_IO_DEVICE {
            let count = self.queued.entry(device.clone()).or_default();
            *count = count.saturating_sub(1);
        }
        if held {
            *self.routines.entry(lane.to_owned()).or_default() += 1;
        }
        let set = device.split(' ').next().and_then(|set| set.parse().ok()).unwrap_or(1);
        let what = format!("callback {completion}");
        self.comes(set, &what, &what);
    }
}
