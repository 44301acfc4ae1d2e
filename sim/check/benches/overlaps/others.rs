//! Two linearizability checkers, given the model as a sequential specification. They know
//! no agent: a callback is an operation that begins and ends at once.

use std::collections::BTreeMap;
use std::time::Duration;

use porcupine_rs::{CheckResult, Operation, check_operations_timeout};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use vdi_model::{
    Answer, Call, ClientCall, CommandId, DeviceName, LaneId, Limits, Request, ServerCall, State,
    Timeout,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Event, Function, Trace};

/// An operation with its answer.
#[derive(Clone, Debug, PartialEq)]
enum Op {
    Call(LaneId, Call, HResult, Option<CommandId>),
    Callback(CommandId, Win32),
}

/// The state, or the one in which no operation is possible.
fn step(state: &State, op: &Op) -> Option<State> {
    let profile = Profile::default();
    let mut after = state.clone();
    match op {
        Op::Callback(command, code) => {
            let callbacks = vdi_model::callbacks(state, &profile);
            let same = |c: &&vdi_model::Callback| c.command == *command && c.ending.code() == *code;
            vdi_model::apply_callback(&mut after, callbacks.iter().find(same)?, false);
        }
        Op::Call(lane, call, status, command) => {
            let limits = Limits { queue_depth: Some(8), ..Limits::default() };
            let outcomes = vdi_model::outcomes(state, &profile, limits, *lane, call);
            let outcome = outcomes.iter().find(|outcome| match outcome.answer {
                Answer::Delivers(id) => *command == Some(id),
                answer => {
                    command.is_none()
                        && answer.expected().is_some_and(|expected| expected.admits(*status))
                }
            })?;
            vdi_model::apply_and_return(&mut after, *lane, call.caller(), outcome);
        }
    }
    after.normalize();
    Some(after)
}

/// The operations after the set was opened, with when they began and ended.
struct History {
    start: State,
    ops: Vec<(u32, Op, usize, usize)>,
}

/// A set with so many devices, open on both sides, with its agent.
fn active(devices: u8) -> State {
    let open_server = |device| Call::Server(ServerCall::OpenDevice { device: Some(device) });
    let open_client =
        |device| Call::Client(ClientCall::OpenDevice { name: DeviceName::Known(device) });
    let mut calls = vec![
        Call::Client(ClientCall::create(devices)),
        Call::Server(ServerCall::Open { found: true, reused: false }),
        Call::Server(ServerCall::begin_configuration()),
        Call::Server(ServerCall::EndConfiguration),
        Call::Client(ClientCall::GetConfiguration { timeout: Timeout::Infinite }),
    ];
    calls.extend((0..devices).map(open_server));
    calls.extend((0..devices).map(open_client));
    let mut state = State::default();
    for call in calls {
        let outcomes =
            vdi_model::outcomes(&state, &Profile::default(), Limits::default(), LaneId(1), &call);
        vdi_model::apply_and_return(&mut state, LaneId(1), call.caller(), &outcomes[0]);
    }
    let agent = Call::Server(ServerCall::ExecuteCompletionAgent);
    let outcomes =
        vdi_model::outcomes(&state, &Profile::default(), Limits::default(), LaneId(0), &agent);
    vdi_model::apply(&mut state, LaneId(0), agent.caller(), &outcomes[0]);
    state
}

fn number(name: &str) -> u32 {
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1)
}

fn history(trace: &Trace, devices: u8) -> History {
    let start = active(devices);
    let mut lanes: BTreeMap<&str, u32> = BTreeMap::new();
    let mut open: BTreeMap<u32, (Call, usize)> = BTreeMap::new();
    let mut ops = Vec::new();
    for (time, event) in trace.events.iter().enumerate() {
        let next = lanes.len() as u32 + 100;
        let lane = *lanes.entry(event.lane().unwrap_or_default()).or_insert(next);
        match event {
            Event::Call { call, on, creates, args, .. } => {
                let device = number(on.as_str()) as u8 - 1;
                let call = match call {
                    Function::SendCommand => {
                        let id =
                            CommandId(number(creates.as_ref().map_or("", |name| name.as_str())));
                        let code =
                            args.code.and_then(|code| code.command()).unwrap_or(CommandCode::Write);
                        Call::Server(ServerCall::SendCommand(Request::bare(device, id, code)))
                    }
                    Function::GetCommand => {
                        let timeout = Timeout::Poll;
                        Call::Client(ClientCall::GetCommand { device, timeout })
                    }
                    Function::CompleteCommand => {
                        let name = args.command.as_ref().and_then(|handle| handle.name());
                        let command = Some(CommandId(number(name.unwrap_or_default())));
                        let code = Win32::ERROR_SUCCESS;
                        let (bytes, position) = (65536, 0);
                        Call::Client(ClientCall::CompleteCommand {
                            device,
                            command,
                            code,
                            bytes,
                            position,
                        })
                    }
                    // Until the set is active nothing overlaps.
                    _ => continue,
                };
                open.insert(lane, (call, time));
            }
            Event::Return { status, out, .. } => {
                let Some((call, began)) = open.remove(&lane) else { continue };
                let command = out.command.as_ref().map(|name| CommandId(number(name.as_str())));
                ops.push((
                    lane,
                    Op::Call(LaneId(lane as u16), call, *status, command),
                    began,
                    time,
                ));
            }
            Event::Callback { callback, completion, .. } => {
                let op = Op::Callback(CommandId(number(callback.as_str())), *completion);
                ops.push((lane, op, time, time));
            }
            _ => {}
        }
    }
    History { start, ops }
}

/// The specification for porcupine: its state is empty until the first operation brings
/// the state to start from.
#[derive(Clone, Debug)]
struct Porcupine;

#[derive(Clone, Debug)]
enum Given {
    Start(Box<State>),
    Op(Op),
}

impl porcupine_rs::Model for Porcupine {
    type State = State;
    type Op = Given;
    type Metadata = ();

    fn init() -> State {
        State::default()
    }

    fn step(state: &State, op: &Given) -> (bool, State) {
        match op {
            Given::Start(start) => (true, (**start).clone()),
            Given::Op(op) => match step(state, op) {
                Some(after) => (true, after),
                None => (false, state.clone()),
            },
        }
    }
}

fn by_porcupine(history: &History, limit: Duration) -> CheckResult {
    let whole = |op, call_time, return_time, client_id| Operation::<Porcupine> {
        client_id: Some(client_id),
        call_time,
        return_time,
        op,
        metadata: None,
    };
    let mut ops = vec![whole(Given::Start(Box::new(history.start.clone())), -2, -1, 0)];
    for (lane, op, began, ended) in &history.ops {
        // A callback begins and ends at once, apart from every other event.
        let (began, ended) = (*began as i64 * 2, *ended as i64 * 2 + i64::from(began == ended));
        ops.push(whole(Given::Op(op.clone()), began, ended, *lane));
    }
    check_operations_timeout(&ops, limit)
}

/// The specification for stateright.
#[derive(Clone, Debug)]
struct Spec(State);

impl SequentialSpec for Spec {
    type Op = Op;
    type Ret = ();

    fn invoke(&mut self, op: &Op) {
        if let Some(after) = step(&self.0, op) {
            self.0 = after;
        }
    }

    fn is_valid_step(&mut self, op: &Op, (): &()) -> bool {
        match step(&self.0, op) {
            Some(after) => {
                self.0 = after;
                true
            }
            None => false,
        }
    }
}

fn by_stateright(history: &History) -> bool {
    let mut tester = LinearizabilityTester::new(Spec(history.start.clone()));
    let mut events: Vec<(usize, bool, u32, &Op)> = Vec::new();
    for (lane, op, began, ended) in &history.ops {
        events.push((*began, false, *lane, op));
        events.push((*ended, true, *lane, op));
    }
    events.sort_by_key(|(time, ends, ..)| (*time, *ends));
    for (_, ends, lane, op) in events {
        let noted = match ends {
            false => tester.on_invoke(lane, op.clone()).map(drop),
            true => tester.on_return(lane, ()).map(drop),
        };
        noted.expect("a history");
    }
    tester.is_consistent()
}

/// How long the others are given.
const LIMIT: Duration = Duration::from_secs(20);

fn told(time: Duration, ours: Duration, found: &str) -> String {
    format!(
        "{:10.3} ms ({:7.1} x) {found}",
        time.as_secs_f64() * 1e3,
        time.as_secs_f64() / ours.as_secs_f64()
    )
}

/// Prints what each needs for the same history.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
pub(crate) fn compare(make: impl Fn(u8, usize) -> Trace, ours: impl Fn(&Trace) -> Duration) {
    println!("lanes   events      this judge   porcupine-rs                        stateright");
    for lanes in [4, 8] {
        let mut stateright_goes_on = true;
        for events in [100, 200, 400, 1_000, 10_000] {
            let trace = make(lanes, events);
            let own = ours(&trace);
            let history = history(&trace, lanes / 2);
            let (time, found) = super::timed(|| by_porcupine(&history, LIMIT));
            let porcupine = told(
                time,
                own,
                match found {
                    CheckResult::Ok => "conformant",
                    CheckResult::Illegal => "VIOLATION",
                    CheckResult::Unknown => "gave up",
                },
            );
            let stateright = if stateright_goes_on && events <= 1_000 {
                let (time, found) = super::timed(|| by_stateright(&history));
                stateright_goes_on = time < LIMIT / 10;
                told(time, own, if found { "conformant" } else { "VIOLATION" })
            } else {
                "not tried".to_owned()
            };
            let own = own.as_secs_f64() * 1e3;
            println!("{lanes:5}  {events:7}  {own:10.3} ms  {porcupine:35} {stateright}");
        }
    }
}
