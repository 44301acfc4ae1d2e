//! Which of the two ways an event is judged: in order, while every call begins when its set
//! is at rest, or by search.

use crate::Checker;
use crate::explain::{
    Expectations, InputError, Why, attempts, callback_violated, not_at_rest, second_callback,
    violated,
};
use crate::linearize::{
    self, Configuration, Explained, SLOTS, Unexplained, explain_callback, explain_rest,
    explain_return, is_close,
};
use crate::lives;
use crate::rules;
use crate::sequential::{self, moves_commands, presume_all};
use crate::session::{
    EffectTrack, Invocation, ObservedCallback, OpenCall, Provisional, Returned, SentCommand,
    Session, SetTrack, Timer, bind, commit, contend, keep_or_revoke, note_evidence, provide,
};
use crate::{surplus, taken};
use vdi_model::{Call, Callback, CommandId, Ending, LaneId, Pending, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Event, Name};

/// How many configurations a report considers.
const SHOWN: usize = 64;

/// A call begins.
pub(crate) fn begin(
    checker: &mut Checker,
    lane_name: &str,
    invocation: &Invocation<'_>,
) -> Result<(), InputError> {
    let Checker { session, terms, report, .. } = checker;
    let lane = session.lanes.id(lane_name)?;
    let process = session.lanes[lane].process;
    report.see(process.party());
    let inside = session.call_on(lane).map(|index| &session.calls[index]);
    let in_routine = session.lanes[lane].routines > 0;
    if let Some(call) = inside.filter(|call| !(in_routine && call.is_agent())) {
        return Err(InputError(format!("{lane_name} is still in {}", call.function)));
    }
    let mut bound = bind(session, terms, process, invocation)?;
    if session.joins_by_another(&bound) {
        report.undecided(Why::SecondInterface);
        return Ok(());
    }
    if session.opens_any_of_two(&bound) {
        report.undecided(Why::WhichDevice);
        return Ok(());
    }
    contend(session, &mut bound, invocation.creates);
    let Invocation { function, args, .. } = *invocation;
    let set = bound.set;
    if let Some(state) = session.sets[set].states().next() {
        report.transitions.insert(function, process, state);
    }
    rules::note_if_right(checker, lane, &bound);
    dispatch(checker, set, &bound.call);
    let Some(slot) = checker.session.free_slot(set) else {
        checker.report.undecided(Why::TooManyCalls { most: SLOTS });
        return Ok(());
    };
    rules::check_use(checker, lane, function, &bound);
    rules::check_wait(checker, function, &bound, args);
    rules::note_stray_bytes(checker, &bound);
    let Checker { session, report, .. } = checker;
    let mut overlapped = false;
    for call in session.calls_of_mut(set) {
        overlapped |= !call.is_agent();
        call.overlapped = true;
    }
    session.calls.push(OpenCall {
        lane,
        line: report.line,
        function,
        bound,
        creates: invocation.creates.map(str::to_owned),
        timer: Timer { timeout: args.timeout, elapsed: 0, since: report.time.elapsed, due: None },
        effect: EffectTrack::default(),
        slot,
        lost: false,
        overlapped,
        provisional: Provisional::default(),
    });
    linearize::note_call(checker, set, slot);
    let index = checker.session.calls.len() - 1;
    lives::divide(checker, index);
    provide(checker, index);
    taken::contest(checker, index);
    surplus::contest(checker, index);
    Ok(())
}

/// A call begins. If its set is at rest then, or comes to rest with what has begun
/// before, the order of effects is known; if not, it is searched for from here on.
fn dispatch(checker: &mut Checker, set: usize, call: &Call) {
    // Without a set nothing takes effect.
    if set == SetTrack::UNATTACHED {
        return;
    }
    let Checker { session, terms, .. } = &*checker;
    if session.sets[set].is_searched() {
        linearize::leave(checker, set);
        return;
    }
    // What a Close has aborted it may not have released yet.
    if terms.search.always || session.calls_of(set).any(|call| is_close(&call.bound.call)) {
        linearize::enter(checker, set);
        return;
    }
    if session.calls_of(set).next().is_none() {
        return;
    }
    // To have begun to wait is not the same as to come later, where a whole set changes.
    let is_late = |checker: &Checker| {
        !moves_commands(call) && checker.session.calls_of(set).any(|call| call.effect.presumed)
    };
    let in_order = !is_late(checker) && sequential::settle(checker, set) && !is_late(checker) && {
        let Checker { session, terms, .. } = &*checker;
        session.sets[set].in_order.iter().all(|state| state.is_quiet(&terms.profile))
    };
    if !in_order {
        linearize::enter(checker, set);
    }
}

/// A call returns. If others of its set are open, they wait, or the order of their effects
/// is not known.
pub(crate) fn returns(
    checker: &mut Checker,
    lane_name: &str,
    seen: &Returned<'_>,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let lane = checker.session.lanes.id(lane_name)?;
    let index = returning(&checker.session, lane)?;
    if seen.status == HResult::NOERROR {
        taken::ends_claim(checker, index);
    }
    let set = checker.session.calls[index].bound.set;
    if !checker.session.sets[set].is_searched()
        && set != SetTrack::UNATTACHED
        && !presume_all(checker, set, Some(index))
    {
        linearize::enter(checker, set);
    }
    let explained = if checker.session.sets[set].is_searched() {
        return_searched(checker, index, seen, event)
    } else {
        sequential::returns(checker, index, seen)
            || return_in_another_order(checker, index, seen)
            || return_unexplained(checker, index, seen, event)
    };
    // What explained it may have taken lost calls away.
    let session = &mut checker.session;
    let again = session.calls.iter().rposition(|call| call.lane == lane && !call.lost);
    if let Some(index) = again.filter(|_| explained) {
        let call = session.calls.remove(index);
        rules::note_returned(session, &call, seen.status);
        rules::begin_anew(session, &call, seen.status);
        note_evidence(session, &call, seen.status, checker.report.line);
        keep_or_revoke(checker, &call, seen.status);
        if seen.status == HResult::NOERROR {
            commit(checker, call, seen.out, event);
        }
    }
    Ok(())
}

/// The call that returns on a lane.
fn returning(session: &Session, lane: LaneId) -> Result<usize, InputError> {
    let name = session.lanes.name(lane);
    let Some(index) = session.call_on(lane) else {
        return Err(InputError(format!("{name} returns, but it is in no call")));
    };
    let call = &session.calls[index];
    if session.lanes[lane].routines > 0 && call.is_agent() {
        return Err(InputError(format!("{name} returns from inside a completion routine")));
    }
    if call.lost {
        return Err(InputError(format!("{name} returns, but its process has ended")));
    }
    Ok(index)
}

/// A return that does not follow from the order of the calls may follow from another
/// order of the interface's steps.
fn return_in_another_order(checker: &mut Checker, index: usize, seen: &Returned<'_>) -> bool {
    let set = checker.session.calls[index].bound.set;
    in_another_order(checker, set, |other| explain_return(other, index, seen)).is_some()
}

/// Tries an explanation with a checker like this one that searches from here on, and goes on
/// with that one if there is any.
fn in_another_order(
    checker: &mut Checker,
    set: usize,
    explain: impl FnOnce(&mut Checker) -> Result<Explained, Unexplained>,
) -> Option<Explained> {
    let mut other = checker.clone();
    linearize::enter(&mut other, set);
    let explained = explain(&mut other).ok()?;
    *checker = other;
    checker.report.mark(explained.clauses.iter().copied());
    Some(explained)
}

/// A call returns what nobody can have brought about.
pub(crate) fn refuse_return(
    checker: &mut Checker,
    line: usize,
    lane_name: &str,
    seen: &Returned<'_>,
    event: &Event<'_>,
) -> Result<(), InputError> {
    checker.report.begin_event(line);
    let lane = checker.session.lanes.id(lane_name)?;
    let index = returning(&checker.session, lane)?;
    let call = checker.session.calls[index].clone();
    let states: Vec<(State, bool)> = checker
        .session
        .states_with(&call)
        .take(SHOWN)
        .map(|(state, taken)| (state.clone(), taken))
        .collect();
    let mut expected = Expectations::new(checker, index, *seen);
    states.iter().for_each(|(state, taken)| expected.add(state, *taken));
    let refusal = expected.refusal(event);
    violated(checker, refusal);
    Ok(())
}

/// It follows in no order.
fn return_unexplained(
    checker: &mut Checker,
    index: usize,
    seen: &Returned<'_>,
    event: &Event<'_>,
) -> bool {
    let mut expected = Expectations::new(checker, index, *seen);
    for state in &checker.session.set_of(index).in_order {
        expected.add(state, checker.session.calls[index].effect.taken);
    }
    let refusal = expected.refusal(event);
    violated(checker, refusal);
    sequential::take_unexplained(checker, index);
    false
}

/// A return in a set with overlaps.
fn return_searched(
    checker: &mut Checker,
    index: usize,
    seen: &Returned<'_>,
    event: &Event<'_>,
) -> bool {
    match explain_return(checker, index, seen) {
        Ok(explained) => {
            checker.report.mark(explained.clauses);
            true
        }
        Err(unexplained) => {
            let OpenCall { slot, ref bound, .. } = checker.session.calls[index];
            let set = bound.set;
            let mut expected = Expectations::new(checker, index, *seen);
            for config in unexplained.configurations.iter().take(SHOWN) {
                expected.add(&config.state, config.taken.has(slot));
                for (_, before) in config.before(slot, &bound.call) {
                    expected.add(&before, config.taken.has(slot));
                }
            }
            let refusal = expected.refusal(event);
            refuse(checker, set, unexplained, |checker| violated(checker, refusal));
            false
        }
    }
}

/// There is no explanation, or there are too many to examine.
fn refuse(
    checker: &mut Checker,
    set: usize,
    unexplained: Unexplained,
    violated: impl FnOnce(&mut Checker),
) {
    let Unexplained { mut configurations, gave_up } = unexplained;
    let attempts = if gave_up { Vec::new() } else { attempts(checker, set, &configurations) };
    configurations.truncate(if gave_up { 1 } else { SHOWN });
    checker.session.sets[set].frontier.get_or_insert_default().configurations = configurations;
    if gave_up {
        checker.report.undecided(Why::Budget { budget: checker.terms.search.budget });
        return;
    }
    violated(checker);
    checker.report.add_attempts(attempts);
}

/// A completion routine is invoked.
pub(crate) fn callback(
    checker: &mut Checker,
    name: &str,
    seen: &ObservedCallback,
    event: &Event<'_>,
) -> Result<(), InputError> {
    let Some((set, sent)) = checker.session.names.find_command(name) else {
        if !checker.session.names.is_retired(name) {
            return Err(InputError(format!("`{name}` is no command that SendCommand sent")));
        }
        second_callback(checker, event);
        return Ok(());
    };
    if !checker.session.sets[set].is_searched()
        && sequential::may_come_first(checker, set, sent.id, seen)
    {
        linearize::enter(checker, set);
    }
    let invoked = if checker.session.sets[set].is_searched() {
        callback_searched(checker, set, sent.id, seen, event)
    } else {
        sequential::take_begun(checker, set);
        let in_order = sequential::callback(checker, set, sent.id, seen);
        let explain = |other: &mut Checker| explain_callback(other, set, sent.id, seen);
        let invoked = in_order.or_else(|| in_another_order(checker, set, explain)?.callback);
        if invoked.is_none() {
            callback_violated(checker, set, sent.id, seen, event);
        }
        invoked
    };
    if let Some(callback) = invoked {
        let line = checker.report.line;
        called_back(&mut checker.session, (set, line), &sent, seen, &callback);
        checker.session.names.retire(name);
    }
    Ok(())
}

fn callback_searched(
    checker: &mut Checker,
    set: usize,
    command: CommandId,
    seen: &ObservedCallback,
    event: &Event<'_>,
) -> Option<Callback> {
    match explain_callback(checker, set, command, seen) {
        Ok(explained) => {
            checker.report.mark(explained.clauses);
            explained.callback
        }
        Err(unexplained) => {
            refuse(checker, set, unexplained, |checker| {
                callback_violated(checker, set, command, seen, event);
            });
            None
        }
    }
}

/// What a callback, seen in this line, makes true beyond the model's state.
fn called_back(
    session: &mut Session,
    (set, line): (usize, usize),
    sent: &SentCommand,
    seen: &ObservedCallback,
    callback: &Callback,
) {
    let track = &mut session.sets[set];
    if let Ending::Client { code: Win32::ERROR_SUCCESS, position, .. } = callback.ending
        && sent.code == CommandCode::GetPosition
    {
        track.media.reported.push(position);
    }
    if callback.clause != Clause::ServerSendCommandErrorCallback {
        rules::note_called_back(&mut track.statement, sent.device, sent.code, seen.completion);
        track.evidence.note_called_back(sent.device, sent.code, seen.completion);
        if sent.code == CommandCode::Write && seen.completion.is_full() {
            track.statement.told_full.get_or_insert(line);
        }
    }
    session.lanes[seen.lane].routines += u8::from(seen.held);
}

/// Everything is at rest, with these lanes in a call: what had to happen by itself has
/// happened.
pub(crate) fn rest(checker: &mut Checker, blocked: &[Name<'_>]) -> Result<(), InputError> {
    let session = &mut checker.session;
    for name in blocked {
        let lane = session.lanes.id(name.as_str())?;
        if session.calls.iter().all(|call| call.lane != lane || call.lost) {
            return Err(InputError(format!("{name} is said to be in a call; it is in none")));
        }
    }
    let absent = session.calls.iter().filter(|call| !call.lost).find(|call| {
        let lane = session.lanes.name(call.lane);
        blocked.iter().all(|name| name.as_str() != lane)
    });
    if let Some(call) = absent {
        let lane = session.lanes.name(call.lane);
        return Err(InputError(format!("{lane} is in {}, and not listed", call.function)));
    }
    for set in 0..checker.session.sets.len() {
        if !comes_to_rest(checker, set) {
            break;
        }
    }
    Ok(())
}

/// Whether everything that has to happen by itself in a set has happened.
fn comes_to_rest(checker: &mut Checker, set: usize) -> bool {
    if checker.session.sets[set].is_searched() {
        match explain_rest(checker, set) {
            Ok(_) => linearize::leave(checker, set),
            Err(unexplained) => {
                let nearest = nearest_to_rest(checker, set, &unexplained.configurations);
                refuse(checker, set, unexplained, |checker| not_at_rest(checker, set, &nearest));
                return false;
            }
        }
    } else if !sequential::rests(checker, set) {
        let mut other = checker.clone();
        linearize::enter(&mut other, set);
        if explain_rest(&mut other, set).is_err() {
            let states = checker.session.sets[set].in_order.iter();
            let state = states.min_by_key(|state| refused(state)).cloned().unwrap_or_default();
            not_at_rest(checker, set, &state);
            return false;
        }
        *checker = other;
        linearize::leave(checker, set);
    }
    true
}

/// Of the configurations the one in which the least is still to come.
fn nearest_to_rest(checker: &Checker, set: usize, configurations: &[Configuration]) -> State {
    let frontier = checker.session.sets[set].frontier.as_deref();
    let spontaneous = frontier.iter().flat_map(|frontier| &frontier.spontaneous);
    let owed = |config: &&Configuration| {
        let callbacks = vdi_model::callbacks(&config.state, &checker.terms.profile).len();
        let calls = checker.session.calls.iter();
        let untaken = calls.filter(|call| !config.taken.has(call.slot)).count()
            + spontaneous.clone().filter(|(slot, _)| !config.taken.has(*slot)).count();
        // A call that did what it was made for needs less of an explanation than one that
        // was refused and has not come back.
        (untaken, refused(&config.state), config.begun.len() + callbacks)
    };
    let nearest = configurations.iter().min_by_key(owed);
    nearest.map_or_else(State::default, |config| config.state.clone())
}

/// How many calls in progress were refused, and have not come back.
fn refused(state: &State) -> usize {
    let is_refused = |pending: &Pending| match pending {
        Pending::Ready(reply) | Pending::ServerClose(reply) => {
            reply.answer.expected().is_some_and(|status| !status.admits(HResult::NOERROR))
        }
        Pending::GetConfiguration(_) | Pending::GetCommand(..) | Pending::Routine => false,
    };
    state.calls.iter().filter(|call| is_refused(&call.pending)).count()
}
