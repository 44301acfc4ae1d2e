//! The bounded world as the explorer in the browser shows it: states in words and drawn, steps
//! as calls and returns.

use std::fmt;

use vdi_model::{Answer, Call, Caller, LaneId, Pending, State, in_words};

use super::action::Action;
use super::lanes::{AGENT, DEVICE, MAIN, PRIMARY, SECONDARY};
use super::node::Node;

/// What draws a state.
pub trait Drawing: fmt::Debug + Send + Sync {
    /// A state as SVG, by the names of the states that the set, its server's side and its client's
    /// side are in.
    fn draw(&self, current: [&str; 3]) -> String;
}

/// A state, drawn.
pub(super) fn drawn(drawing: &dyn Drawing, state: &State) -> String {
    let (set, server) = (state.device_set_state(), state.server_phase());
    let current = [set.to_string(), server.to_string(), state.client_phase().to_string()];
    drawing.draw(current.each_ref().map(String::as_str))
}

/// A state in words, a line for each part of it: that is what the explorer shows of a state.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, ghost } = self;
        let mut lines = in_words(state, |id| format!("c{}", id.0 + 1));
        for command in &state.commands {
            if let Some(buffer) = command.buffer {
                lines.push(format!("c{} has buffer b{}", command.id.0 + 1, buffer.0 + 1));
            }
        }
        let buffers = state.buffers.iter().map(|buffer| format!("b{}", buffer.id.0 + 1));
        let buffers: Vec<String> = buffers.collect();
        if !buffers.is_empty() {
            lines.push(format!("allocated: {}", buffers.join(", ")));
        }
        for call in &state.calls {
            let what = match call.pending {
                Pending::Ready(reply) => format!("is done, and {} next", answer(reply.answer)),
                Pending::GetConfiguration(_) => "waits in GetConfiguration".to_owned(),
                Pending::GetCommand(device, _) => {
                    format!("waits in GetCommand on device {}", device + 1)
                }
                Pending::ServerClose(_) => "waits in Close for the agent".to_owned(),
                Pending::Routine => "is inside a completion routine".to_owned(),
            };
            lines.push(format!("{} {what}", lane(call.lane)));
        }
        let ended = [Caller::Server, Caller::Client(0), Caller::Client(1), Caller::Client(2)];
        for process in ended.into_iter().filter(|process| ghost.is_gone(*process)) {
            lines.push(format!("{} is gone", party(process)));
        }
        f.write_str(&lines.join(if f.alternate() { "\n" } else { " · " }))
    }
}

/// A lane by its name.
fn lane(lane: LaneId) -> String {
    match lane {
        MAIN => "server.main".to_owned(),
        AGENT => "server.agent".to_owned(),
        PRIMARY => "primary.main".to_owned(),
        LaneId(number) if number < SECONDARY => format!("primary.device{}", number - DEVICE + 1),
        LaneId(number) => format!("secondary{}.main", number - SECONDARY),
    }
}

fn party(process: Caller) -> String {
    match process {
        Caller::Server => "the server".to_owned(),
        Caller::Client(0) => "the primary client".to_owned(),
        Caller::Client(number) => format!("secondary client {number}"),
    }
}

/// A call with the numbers of what it concerns.
fn call_text(call: &Call) -> String {
    let numbers = Action::particulars(call);
    match numbers.trim_start() {
        "" => Action::name(call),
        numbers => format!("{} ({numbers})", Action::name(call)),
    }
}

/// A step as a sentence: who calls what and what comes of it.
pub(super) fn sentence(action: &Action) -> String {
    let told = match action {
        Action::Call { lane: from, call, outcome } => {
            format!("{} calls {}, which {}", lane(*from), call_text(call), answer(outcome.answer))
        }
        Action::Return { lane: from, outcome } => {
            format!("the call of {} {}", lane(*from), answer(outcome.answer))
        }
        Action::Callback(callback) | Action::Hold(callback) => {
            let held = if matches!(action, Action::Hold(_)) { " and stays inside" } else { "" };
            format!(
                "{} calls back c{} with {}{held}",
                lane(callback.lane),
                callback.command.0 + 1,
                callback.ending.code()
            )
        }
        Action::Resume(from) => format!("the completion routine on {} returns", lane(*from)),
        Action::Expire(from) if *from == AGENT => "an interval of serverTimeOut passes".to_owned(),
        Action::Expire(from) => format!("the time-out of {} passes", lane(*from)),
        Action::Exit(process) => format!("the process of {} ends", party(*process)),
        Action::Unload => "the server unloads the library".to_owned(),
    };
    match action.clauses().next() {
        Some(clause) => format!("{told} [{clause}]"),
        None => told,
    }
}

fn answer(answer: Answer) -> String {
    match answer {
        Answer::Returns(expected) => format!("returns {expected}"),
        Answer::Delivers(id) => format!("returns NOERROR with c{}", id.0 + 1),
        Answer::Tells(Some(shared)) => format!("returns {shared}"),
        Answer::Tells(None) => "returns true or false".to_owned(),
        Answer::Counts(least) => format!("returns NOERROR with a count of {least} or more"),
        Answer::Maps(_) => "returns NOERROR with that buffer".to_owned(),
        Answer::Blocks => "waits".to_owned(),
    }
}

/// What the clauses of a step demand.
pub(super) fn demands(action: &Action) -> String {
    let each = action.clauses().map(|clause| format!("{clause}: {}", clause.info().demand));
    each.collect::<Vec<_>>().join("\n")
}
