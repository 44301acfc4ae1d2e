//! The events other than calls and returns, and what was expected in their place.

use smallvec::SmallVec;

use super::bind::{caller, delivered_as_sent};
use super::frontier::advance;
use super::names::CommandFacts;
use super::sequential::Checker;
use super::verdict::{Allowed, InputError};
use vdi_model::{Answer, Callback, CommandId, Ending, LaneId, Outcome, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Event, Found, Function, Name, Out, Presence, Process};

impl Checker {
    pub(super) fn other_event(&mut self, line: usize, event: &Event<'_>) -> Result<(), InputError> {
        match event {
            Event::Call { .. } | Event::Return { .. } => Ok(()),
            Event::Callback { lane, callback, completion, bytes, position, held, .. } => {
                let lane = self.lane(lane.as_str())?;
                let seen = Seen {
                    lane,
                    completion: *completion,
                    bytes: *bytes,
                    position: *position,
                    held: *held,
                };
                self.callback(line, callback.as_str(), &seen, event)
            }
            Event::Ended { lane, ended, .. } => self.ended(lane.as_str(), ended.as_str()),
            Event::Touch { lane, touch, found, .. } => {
                let lane = self.lane(lane.as_str())?;
                self.touch(line, lane, touch.as_str(), *found, event)
            }
            Event::Wrote { lane, wrote, .. } => {
                let lane = self.lane(lane.as_str())?;
                self.wrote(line, lane, wrote.as_str(), event)
            }
            Event::Expired { expired, after, .. } => self.expired(line, expired.as_str(), *after),
            Event::Statement { lane, statement, devices, .. } => {
                let lane = self.lane(lane.as_str())?;
                self.statement(line, lane, *statement, *devices, event)
            }
            Event::Report { lane, report, .. } => {
                let lane = self.lane(lane.as_str())?;
                self.report(line, lane, *report, event)
            }
            Event::Blocked { blocked, .. } => self.blocked(line, blocked),
            Event::Exit { process, .. } if self.gone.contains(process) => {
                Err(InputError(format!("the process {process} has exited before")))
            }
            Event::Exit { process, exit, .. } => {
                self.exit(line, *process, *exit, event);
                self.gone.push(*process);
                Ok(())
            }
            Event::Unload { process, unload, .. } => self.unload(line, *process, *unload),
        }
    }

    /// Whether an outcome explains a return with this status and these results.
    pub(super) fn matches(
        &self,
        outcome: &Outcome,
        world: usize,
        status: HResult,
        out: &Out<'_>,
    ) -> bool {
        match outcome.answer {
            Answer::Blocks => false,
            Answer::Returns(expected) => expected.admits(status) && out.command.is_none(),
            Answer::Delivers(id) => {
                status == HResult::NOERROR && self.is_delivery_of(world, id, out)
            }
            // An observer who tells no result has seen that it came, not which.
            Answer::Tells(shared) => {
                status == HResult::NOERROR
                    && shared.is_none_or(|shared| out.shared.is_none_or(|seen| seen == shared))
            }
            Answer::Counts(least) => {
                status == HResult::NOERROR && out.count.is_none_or(|count| count >= least)
            }
            Answer::Maps(buffer) => {
                let same = |name: &Name<'_>| {
                    matches!(self.names.object(name.as_str()),
                        Some((_, vdi_model::Object::Buffer(given))) if given == buffer)
                };
                status == HResult::NOERROR && out.buffer.as_ref().is_none_or(same)
            }
        }
    }

    fn is_delivery_of(&self, world: usize, id: CommandId, out: &Out<'_>) -> bool {
        // An observer who names no command has seen that one came, not which.
        let Some(name) = &out.command else {
            return true;
        };
        let Some(facts) = self.names.sent(world, id) else {
            return false;
        };
        let same_buffer = out.buffer.as_ref().is_none_or(|buffer| {
            matches!(self.names.object(buffer.as_str()),
                Some((_, vdi_model::Object::Buffer(given))) if Some(given) == facts.buffer)
        });
        self.names.command_name(world, id) == name.as_str()
            && delivered_as_sent(&facts, out.code, out.size, out.position)
            && same_buffer
    }

    /// The clause to blame when this outcome was expected: a delivery of the right
    /// command can only have come otherwise than it was sent.
    fn blamed(&self, world: usize, outcome: &Outcome, out: &Out<'_>) -> Clause {
        match (outcome.answer, &out.command) {
            (Answer::Delivers(id), Some(name))
                if self.names.command_name(world, id) == name.as_str() =>
            {
                Clause::ClientGetCommandAsSent
            }
            _ => outcome.clause,
        }
    }

    /// What the call could have returned with in place of what was seen.
    pub(super) fn expected_return(
        &self,
        index: usize,
        status: HResult,
        out: &Out<'_>,
    ) -> (usize, Clause, Vec<Allowed>) {
        let open = &self.open[index];
        let world = open.bound.world;
        let mut expected = Vec::new();
        for state in &self.worlds[world].frontier {
            self.expect(state, open.taken, index, (status, out), &mut expected);
        }
        let clause = expected.first().map_or(Clause::AgentBlocks, |allowed| allowed.clause);
        (world, clause, expected)
    }

    /// What the call could return in one state, taken or not.
    pub(super) fn expect(
        &self,
        state: &State,
        taken: bool,
        index: usize,
        (status, out): (HResult, &Out<'_>),
        expected: &mut Vec<Allowed>,
    ) {
        if taken {
            let open = &self.open[index];
            self.expect_from(state, (open.bound.world, open.lane), out, expected);
        } else {
            self.expect_at_once(state, index, (status, out), expected);
        }
    }

    fn expect_at_once(
        &self,
        state: &State,
        index: usize,
        (status, out): (HResult, &Out<'_>),
        expected: &mut Vec<Allowed>,
    ) {
        let open = &self.open[index];
        let call = &open.bound.call;
        let limits = self.limits;
        for outcome in vdi_model::outcomes(state, &self.profile, limits, open.lane, call) {
            let text = self.answer_text(open.bound.world, &outcome);
            if outcome.refuses() {
                // With the right status only the callback can be what is missing.
                let right = outcome.answer.expected().is_some_and(|e| e.admits(status));
                let clause =
                    if right { Clause::ServerSendCommandErrorCallback } else { outcome.clause };
                let lane = &self.lane_of(open.lane).name;
                let what = format!("the command's callback on {lane}, then {text}");
                expected.push(Allowed { what, clause });
            } else {
                let clause = self.blamed(open.bound.world, &outcome, out);
                expected.push(Allowed { what: text, clause });
            }
        }
    }

    fn expect_from(
        &self,
        state: &State,
        (world, lane): (usize, LaneId),
        out: &Out<'_>,
        expected: &mut Vec<Allowed>,
    ) {
        let returns = vdi_model::returns(state, &self.profile, lane);
        for outcome in &returns {
            let what = self.answer_text(world, outcome);
            expected.push(Allowed { what, clause: self.blamed(world, outcome, out) });
        }
        if !returns.is_empty() {
            return;
        }
        let owed = vdi_model::callbacks(state, &self.profile);
        let mut first = owed.iter().filter(|callback| callback.lane == lane).peekable();
        if first.peek().is_none() {
            let what = format!("{} stays in its call", self.lane_of(lane).name);
            expected.push(Allowed { what, clause: vdi_model::blocks_by(state, lane) });
        }
        for callback in first {
            let what = format!("first a {}", self.callback_text(world, callback));
            expected.push(Allowed { what, clause: callback.clause });
        }
    }

    pub(super) fn answer_text(&self, world: usize, outcome: &Outcome) -> String {
        match outcome.answer {
            Answer::Returns(expected) => format!("returns {expected}"),
            Answer::Delivers(id) => {
                format!("returns NOERROR with {}", self.names.command_name(world, id))
            }
            Answer::Tells(Some(shared)) => format!("returns {shared}"),
            Answer::Tells(None) => "returns true or false".to_owned(),
            Answer::Counts(least) => format!("returns NOERROR with a count of {least} or more"),
            Answer::Maps(_) => "returns NOERROR with that buffer".to_owned(),
            Answer::Blocks => "stays in the call".to_owned(),
        }
    }

    pub(super) fn callback_text(&self, world: usize, callback: &Callback) -> String {
        let name = self.names.command_name(world, callback.command);
        let lane = &self.lane_of(callback.lane).name;
        match callback.ending {
            Ending::Code(code) => format!("callback of {name} with {code} on {lane}"),
            Ending::Client { code, bytes, .. } => {
                format!("callback of {name} with {code}, bytes {bytes}, on {lane}")
            }
        }
    }

    fn callback(
        &mut self,
        line: usize,
        name: &str,
        seen: &Seen,
        event: &Event<'_>,
    ) -> Result<(), InputError> {
        let Some((world, facts)) = self.names.find_command(name) else {
            if !self.names.is_retired(name) {
                return Err(InputError(format!("`{name}` is no command that SendCommand sent")));
            }
            return self.second_callback(line, event);
        };
        let invoked = if self.is_live(world) {
            self.callback_searched(line, world, facts.id, (seen, event))
        } else {
            self.take_in(line, world);
            let in_order = self.callback_in_order(world, facts.id, seen);
            in_order.or_else(|| self.callback_out_of_order(world, facts.id, seen)).or_else(|| {
                self.callback_violated(line, world, facts.id, seen, event);
                None
            })
        };
        if let Some(callback) = invoked {
            self.called_back(world, &facts, seen, &callback);
            self.names.retire(name);
        }
        Ok(())
    }

    fn callback_in_order(
        &mut self,
        world: usize,
        command: CommandId,
        seen: &Seen,
    ) -> Option<Callback> {
        let mut used: SmallVec<[Clause; 4]> = SmallVec::new();
        let allowed = |state: &State| {
            let mut callbacks = vdi_model::callbacks(state, &self.profile);
            callbacks.retain(|callback| callback.command == command && seen.is(callback));
            callbacks
        };
        let mut invoked = None;
        let moved = advance(&mut self.worlds[world].frontier, allowed, |state, callback| {
            vdi_model::apply_callback(state, callback, seen.held);
            used.extend([Some(callback.clause), callback.also].into_iter().flatten());
            invoked = Some(*callback);
        });
        self.mark(used);
        invoked.filter(|_| moved)
    }

    /// What a callback makes true beyond the model's state.
    fn called_back(
        &mut self,
        world: usize,
        facts: &CommandFacts,
        seen: &Seen,
        callback: &Callback,
    ) {
        if let Ending::Client { code: Win32::ERROR_SUCCESS, position, .. } = callback.ending
            && facts.code == CommandCode::GetPosition
        {
            self.worlds[world].positions.push(position);
        }
        let refused = callback.clause == Clause::ServerSendCommandErrorCallback;
        if facts.code == CommandCode::Complete && !refused {
            let bit = 1 << (facts.device % 64);
            let failed = seen.completion != Win32::ERROR_SUCCESS;
            let known = &mut self.worlds[world].complete_failed;
            *known = if failed { *known | bit } else { *known & !bit };
        }
        self.lanes[usize::from(seen.lane.0)].routines += u8::from(seen.held);
    }

    pub(super) fn callback_violated(
        &mut self,
        line: usize,
        world: usize,
        id: CommandId,
        seen: &Seen,
        event: &Event<'_>,
    ) {
        let mut expected = Vec::new();
        let mut clause = Clause::AgentCallback;
        for state in self.worlds[world].states() {
            for callback in vdi_model::callbacks(state, &self.profile) {
                if callback.command == id {
                    let wrong_lane = Seen { lane: callback.lane, ..*seen }.is(&callback);
                    clause = if wrong_lane { Clause::AgentCallbackLane } else { callback.clause };
                }
                let what = self.callback_text(world, &callback);
                expected.push(Allowed { what, clause: callback.clause });
            }
        }
        if expected.is_empty() {
            let what = "no callback".to_owned();
            expected.push(Allowed { what, clause });
        }
        self.violated(line, None, world, clause, expected, event.to_string());
    }

    /// The command was called back before.
    fn second_callback(&mut self, line: usize, event: &Event<'_>) -> Result<(), InputError> {
        let world = self.worlds.len() - 1;
        let aborted = self.worlds[world].states().find_map(|state| state.aborted);
        let clause = match aborted {
            Some(vdi_model::Cause::ServerCloseDevicesOpen) => {
                Clause::ServerCloseDevicesOpenCallbacks
            }
            Some(_) => Clause::AbortCallbacks,
            None => Clause::AgentCallback,
        };
        let what = "no second callback".to_owned();
        self.violated(line, None, world, clause, vec![Allowed { what, clause }], event.to_string());
        Ok(())
    }

    fn ended(&mut self, lane_name: &str, command: &str) -> Result<(), InputError> {
        let lane = self.lane(lane_name)?;
        if self.lane_of(lane).routines == 0 {
            return Err(InputError(format!(
                "the callback of `{command}` ends on {lane_name}, where none is held"
            )));
        }
        self.lanes[usize::from(lane.0)].routines -= 1;
        for world in &mut self.worlds {
            world.pass_within_routine(lane);
            world.states_mut().for_each(|state| vdi_model::end_callback(state, lane));
        }
        Ok(())
    }

    fn touch(
        &mut self,
        line: usize,
        lane: LaneId,
        name: &str,
        found: Found,
        event: &Event<'_>,
    ) -> Result<(), InputError> {
        let Some((world, object)) = self.names.object(name) else {
            return Err(InputError(format!("`{name}` is no buffer, no device and no command")));
        };
        let process = caller(self.lane_of(lane).process);
        self.settle_or_search(line, world);
        let alive = found == Found::Alive;
        let seen = move |state: &State| vdi_model::touch(state, process, object).alive == alive;
        if self.is_live(world) && !self.worlds[world].states().all(seen) {
            // Another order may explain it; if none does, it is told as for one state.
            self.hold_or_keep(line, world, &seen);
        }
        for state in self.worlds[world].states_mut() {
            vdi_model::uses(state, process, object, false);
        }
        let touches: SmallVec<[vdi_model::Touch; 2]> = self.worlds[world]
            .states()
            .map(|state| vdi_model::touch(state, process, object))
            .collect();
        let touch = touches[0];
        if touch.alive != alive {
            let what = format!("{name} is {}", if touch.alive { "alive" } else { "gone" });
            let expected = vec![Allowed { what, clause: touch.clause }];
            self.violated(line, None, world, touch.clause, expected, event.to_string());
            return Ok(());
        }
        self.mark([Some(touch.clause), touch.also].into_iter().flatten());
        let blameless = touches.iter().any(|touch| touch.misuse.is_none());
        if let Some(clause) = touch.misuse.filter(|_| !blameless) {
            self.find(line, clause, event.to_string(), !alive);
        }
        Ok(())
    }

    /// Everything is at rest: what had to happen by itself has happened.
    fn blocked(&mut self, line: usize, blocked: &[Name<'_>]) -> Result<(), InputError> {
        for name in blocked {
            let lane = self.lane(name.as_str())?;
            if self.open.iter().all(|open| open.lane != lane || open.lost) {
                return Err(InputError(format!("{name} is said to be in a call; it is in none")));
            }
        }
        let absent = self.open.iter().filter(|open| !open.lost).find(|open| {
            let lane = &self.lane_of(open.lane).name;
            blocked.iter().all(|name| name.as_str() != lane)
        });
        if let Some(open) = absent {
            let lane = &self.lane_of(open.lane).name;
            return Err(InputError(format!("{lane} is in {}, and not listed", open.function)));
        }
        for world in 0..self.worlds.len() {
            if !self.comes_to_rest(line, world) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether everything that has to happen by itself in a set has happened.
    fn comes_to_rest(&mut self, line: usize, world: usize) -> bool {
        if self.is_live(world) {
            return self.rest_searched(line, world);
        }
        self.take_in(line, world);
        for open in self.open.iter_mut().filter(|open| open.bound.world == world) {
            open.presumed = false;
        }
        let Self { worlds, profile, .. } = self;
        let frontier = &mut worlds[world].frontier;
        let rests = frontier.iter().any(|state| state.is_at_rest(profile));
        if rests {
            frontier.retain(|state| state.is_at_rest(profile));
        } else if !self.rest_out_of_order(world) {
            let state = self.worlds[world].frontier[0].clone();
            self.not_at_rest(line, world, &state);
            return false;
        }
        true
    }

    pub(super) fn not_at_rest(&mut self, line: usize, world: usize, state: &State) {
        let mut expected = Vec::new();
        let owed = vdi_model::callbacks(state, &self.profile);
        for callback in &owed {
            let what = self.callback_text(world, callback);
            expected.push(Allowed { what, clause: callback.clause });
        }
        let mut blocked = None;
        for lane in state.lanes_in_call() {
            let returns = vdi_model::returns(state, &self.profile, lane);
            for outcome in returns.iter().filter(|outcome| outcome.forced) {
                let name = &self.lane_of(lane).name;
                let what = format!("{name} {}", self.answer_text(world, outcome));
                expected.push(Allowed { what, clause: outcome.clause });
                blocked = blocked.or_else(|| self.open.iter().position(|open| open.lane == lane));
            }
        }
        let clause = expected.first().map_or(Clause::AgentBlocks, |allowed| allowed.clause);
        let missing = match owed.first() {
            Some(owed) => {
                format!("no callback of {}", self.names.command_name(world, owed.command))
            }
            None => "the call does not return".to_owned(),
        };
        let open = if owed.is_empty() { blocked } else { None };
        self.violated(line, open, world, clause, expected, missing);
    }

    fn unload(&mut self, line: usize, process: Process, found: Presence) -> Result<(), InputError> {
        let inside = self.open.iter().find(|open| self.lane_of(open.lane).process == process);
        let Some(open) = inside else {
            if found == Presence::Busy {
                return Err(InputError(format!("no lane of {process} is in a call, yet `busy`")));
            }
            return Ok(());
        };
        let lane = self.lane_of(open.lane).name.clone();
        if found == Presence::Idle {
            return Err(InputError(format!("{lane} is in {}, yet `idle`", open.function)));
        }
        if open.function == Function::ExecuteCompletionAgent {
            let what = format!("the library is unloaded while {lane} is in it");
            self.find(line, Clause::ServerUnloadAgentReturned, what, true);
        }
        Ok(())
    }
}

/// A callback as it was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) lane: LaneId,
    completion: Win32,
    bytes: u32,
    position: Option<u64>,
    pub(super) held: bool,
}

impl Seen {
    pub(super) fn is(&self, callback: &Callback) -> bool {
        self.lane == callback.lane
            && match callback.ending {
                Ending::Code(code) => self.completion == code,
                Ending::Client { code, bytes, position } => {
                    self.completion == code
                        && self.bytes == bytes
                        && self.position.is_none_or(|seen| seen == position)
                }
            }
    }
}
