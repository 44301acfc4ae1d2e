//! What a recording of calls says of the end of its set.

use std::collections::BTreeMap;

use vdi_check::{Judged, Verdict, check_trace};
use vdi_spec::clauses::{Party, Profile};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Function, HowEnded, Reported, Statement, Trace};

use super::read::Record;
use super::signs::{Item, Named, Sign};

/// A recording that is looked at together with logs.
#[derive(Clone, Copy, Debug)]
pub struct Half<'a> {
    /// What it is called.
    pub path: &'a str,
    /// What it holds.
    pub trace: &'a Trace,
}

/// A recording, as far as it tells how its set ended.
#[derive(Debug)]
pub(crate) struct Recording {
    /// What it is called.
    pub(crate) path: String,
    /// How many events it has.
    pub(crate) events: usize,
    /// The set's name, if the recording has it.
    pub(crate) set: Option<String>,
    /// What happened, in order.
    pub(crate) items: Vec<Item>,
    /// Whether the client was told of an abort before it had done anything to end the set.
    pub(crate) saw_abort_first: bool,
    /// What `vdi check` says of it.
    pub(crate) verdict: String,
}

/// What is known while the events go by.
#[derive(Default)]
struct Seen {
    aborted: bool,
    acted: bool,
    timed_out: bool,
    opened: usize,
    closed: usize,
    saw_abort_first: bool,
    calls: BTreeMap<String, Function>,
    set: Option<String>,
}

impl Recording {
    /// Of a trace; `file` is its place behind the logs.
    pub(crate) fn of(file: usize, half: Half<'_>) -> Self {
        let mut seen = Seen::default();
        let mut items = Vec::new();
        for (place, (line, event)) in half.trace.lines().enumerate() {
            if let Some((sign, text)) = seen.sign(event) {
                let record = Record {
                    line,
                    place,
                    process: event.lane().map(str::to_owned),
                    text,
                    ..Record::default()
                };
                items.push(Item { file, sign, named: None, process: None, record });
            }
        }
        // That there is no more to read ends a restore that succeeds, too.
        if items.iter().any(|item| item.sign == Sign::Succeeded) {
            let ends = [Win32::ERROR_HANDLE_EOF, Win32::ERROR_NO_DATA_DETECTED];
            items.retain(|item| !ends.iter().any(|end| item.sign == Sign::Answered(end.0)));
        }
        let named = seen.set.clone().map(Named::Set);
        items.iter_mut().for_each(|item| item.named.clone_from(&named));
        Self {
            path: half.path.to_owned(),
            events: half.trace.events.len(),
            set: seen.set,
            items,
            saw_abort_first: seen.saw_abort_first,
            verdict: verdict(&check_trace(half.trace, &Profile::default())),
        }
    }
}

/// A lane of the client's side.
fn of_client(lane: &str) -> bool {
    !lane.starts_with("server")
}

impl Seen {
    fn sign(&mut self, event: &Event<'_>) -> Option<(Sign, String)> {
        match event {
            Event::Call { lane, call, args, .. } => {
                let name = args.name.as_ref().map(|name| name.as_str().to_owned());
                if matches!(call, Function::Create | Function::CreateEx) && self.set.is_none() {
                    self.set = name;
                }
                self.calls.insert(lane.as_str().to_owned(), *call);
                let code = args.code.and_then(|code| code.completion());
                self.call(of_client(lane.as_str()), *call, code)
            }
            Event::Return { lane, status, .. } if of_client(lane.as_str()) => {
                self.returned(self.calls.get(lane.as_str()).copied(), *status)
            }
            Event::Statement { statement: Statement::Failed, .. } => {
                let sign = if self.acted || self.aborted {
                    Sign::Terminated
                } else {
                    Sign::StatementFailed
                };
                Some((sign, "statement: failed".to_owned()))
            }
            Event::Statement { statement: Statement::Succeeded, .. } => {
                Some((Sign::Succeeded, "statement: succeeded".to_owned()))
            }
            Event::Report { report: Reported::Failure, .. } => {
                Some((Sign::Terminated, "the client reports failure".to_owned()))
            }
            Event::Exit { process, exit: HowEnded::Killed, .. } => {
                let server = process.to_string() == "server";
                self.acted |= !server;
                Some((
                    Sign::Died { server, named: false, process: None },
                    format!("exit of {process}: killed"),
                ))
            }
            _ => None,
        }
    }

    fn call(
        &mut self,
        client: bool,
        call: Function,
        code: Option<Win32>,
    ) -> Option<(Sign, String)> {
        let first = !self.acted && !self.aborted;
        let own = |sign: Sign, text: String| Some((if first { sign } else { Sign::Tidies }, text));
        if call == Function::SignalAbort {
            self.acted |= client;
            let sign = if client { Sign::ClientAborts } else { Sign::ServerAborts };
            return own(sign, "calls SignalAbort".to_owned());
        }
        if !client {
            return None;
        }
        if call == Function::Close {
            let early = self.opened == 0 || self.closed < self.opened;
            let sign = if self.timed_out { Sign::TimedOut } else { Sign::ClientCloses };
            let told = own(sign, "calls Close".to_owned()).filter(|_| early && first);
            self.acted = true;
            return told;
        }
        let code =
            code.filter(|code| *code != Win32::ERROR_SUCCESS && call == Function::CompleteCommand)?;
        // An unknown command is refused, and that ends nothing.
        if code == Win32::ERROR_NOT_SUPPORTED {
            return None;
        }
        self.acted = true;
        own(Sign::Answered(code.0), format!("calls CompleteCommand with {code}"))
    }

    fn returned(&mut self, call: Option<Function>, status: HResult) -> Option<(Sign, String)> {
        let name = call.map_or("a call", Function::name);
        let first = status == HResult::VD_E_ABORT && !self.aborted;
        self.saw_abort_first |= first && !self.acted;
        self.aborted |= first;
        let (opens, gets) = (Some(Function::OpenDevice), Some(Function::GetConfiguration));
        self.opened += usize::from(status == HResult::NOERROR && call == opens);
        self.closed += usize::from(status == HResult::VD_E_CLOSE);
        self.timed_out |= status == HResult::VD_E_TIMEOUT && call == gets;
        first.then(|| (Sign::SawAbort, format!("{name} returns VD_E_ABORT")))
    }
}

fn verdict(judged: &Judged) -> String {
    let parties = [Party::Interface, Party::Server, Party::Client];
    let held = judged.held_against(&parties).next();
    match (&judged.verdict, held) {
        (Verdict::Violation(violation), _) => {
            format!(
                "the {} breaks {} in line {}",
                violation.party, violation.clause, violation.line
            )
        }
        (_, Some(finding)) => {
            format!("the {} breaks {} in line {}", finding.party, finding.clause, finding.line)
        }
        (Verdict::Conformant, None) => "conformant".to_owned(),
        (Verdict::Inconclusive(_), None) => "undecided".to_owned(),
        (Verdict::Unreadable { .. }, None) => "unreadable".to_owned(),
    }
}
