//! What happens beside the calls: time that passes, data that is used, what a
//! client knows and says, processes that end.

use super::bind::{Bound, caller};
use super::frontier::World;
use super::sequential::Checker;
use super::setup::OpenCall;
use super::verdict::InputError;
use vdi_model::{Caller, Cause, LaneId, Object, ServerLife, Stage, State, Timeout};
use vdi_spec::clauses::{Clause, DeviceThread, LinuxTimeoutUnit, Party};
use vdi_spec::codes::CommandCode;
use vdi_trace::{Args, Event, Function, HowEnded, Process, Reported, Statement, TimeoutArg};

impl Checker {
    /// A party writes into a buffer, or into a command's structure.
    pub(super) fn wrote(
        &mut self,
        line: usize,
        lane: LaneId,
        name: &str,
        event: &Event<'_>,
    ) -> Result<(), InputError> {
        let process = caller(self.lane_of(lane).process);
        let (world, object) = match self.names.object(name) {
            Some((_, Object::Device)) | None => {
                return Err(InputError(format!("`{name}` is no buffer and no command")));
            }
            Some(found) => found,
        };
        self.settle_or_search(line, world);
        let mut broken: Option<Option<Clause>> = None;
        for state in self.worlds[world].states_mut() {
            let clause = vdi_model::uses(state, process, object, true);
            broken = Some(broken.map_or(clause, |before| before.and(clause)));
        }
        if let Some(clause) = broken.flatten() {
            self.find(line, clause, event.to_string(), false);
        }
        Ok(())
    }

    /// Time passes for the call in progress on a lane.
    pub(super) fn expired(
        &mut self,
        line: usize,
        name: &str,
        after: Option<u32>,
    ) -> Result<(), InputError> {
        let lane = self.lane(name)?;
        let Some(index) = self.open.iter().rposition(|open| open.lane == lane) else {
            return Ok(());
        };
        let world = self.open[index].bound.world;
        let agent = self.open[index].function == Function::ExecuteCompletionAgent;
        // Inside a completion routine the agent does not wait.
        if agent && self.lane_of(lane).routines > 0 {
            return Ok(());
        }
        let passes = self.passes(index, after);
        if passes == 0 {
            return Ok(());
        }
        self.settle_or_search(line, world);
        if !agent
            && let Some(timeout) = self.open[index].bound.call.timeout_mut()
            && matches!(timeout, Timeout::Finite | Timeout::Told)
        {
            *timeout = Timeout::Passed;
        }
        if self.is_live(world) {
            self.expire_live(world, index, passes, agent);
            return Ok(());
        }
        let loads = |state: &State| {
            let load =
                |c: &vdi_model::Command| c.code == CommandCode::Load && c.stage == Stage::Delivered;
            state.asked.time_out && state.commands.iter().any(load)
        };
        if agent && self.worlds[world].any(loads) {
            self.mark([Clause::ServerTimeOutLoad]);
        }
        let aborted = |world: &World| world.any(|state| state.aborted == Some(Cause::TimeOut));
        let before = aborted(&self.worlds[world]);
        for state in &mut self.worlds[world].frontier {
            (0..passes.min(2)).for_each(|_| vdi_model::expire(state, &self.profile, lane));
        }
        if aborted(&self.worlds[world]) && !before {
            self.mark([Clause::ServerTimeOutAborts]);
            let held = |state: &State| {
                state.commands.iter().any(|command| {
                    command.code == CommandCode::Complete && command.stage == Stage::Delivered
                })
            };
            if self.worlds[world].any(held) {
                let what = "Complete is held for two intervals of serverTimeOut".to_owned();
                self.find(line, Clause::ClientCompleteTimely, what, false);
            }
        }
        Ok(())
    }

    /// How many time-outs of a call in progress pass with these milliseconds and
    /// those that passed before.
    fn passes(&mut self, index: usize, after: Option<u32>) -> u64 {
        let Some(ms) = after else {
            self.open[index].waited = 0;
            return 1;
        };
        let open = &self.open[index];
        let limit = self.limit(open.function, open.timeout, open.bound.world).max(1);
        let waited = open.waited + u64::from(ms);
        self.open[index].waited = waited % limit;
        waited / limit
    }

    /// Milliseconds after which a call in progress expires.
    fn limit(&self, function: Function, timeout: Option<TimeoutArg>, world: usize) -> u64 {
        match (function, timeout) {
            (Function::ExecuteCompletionAgent, _) => {
                self.worlds[world].config.server_time_out.into()
            }
            (Function::GetCommand, Some(TimeoutArg::Milliseconds(ms)))
                if self.profile.linux_timeout_unit == LinuxTimeoutUnit::Seconds =>
            {
                u64::from(ms) * 1000
            }
            (_, Some(TimeoutArg::Milliseconds(ms))) => ms.into(),
            _ => u64::MAX,
        }
    }

    /// A client learns something of its SQL statement.
    pub(super) fn statement(
        &mut self,
        line: usize,
        lane: LaneId,
        statement: Statement,
        devices: Option<u32>,
        event: &Event<'_>,
    ) -> Result<(), InputError> {
        let world = self.set_of(lane)?;
        let asked = self.worlds[world].config.device_count;
        match statement {
            Statement::Issued => {
                if std::mem::replace(&mut self.worlds[world].issued, true) {
                    let what = format!("{event} a second time for one Create");
                    self.find(line, Clause::ClientCreateOneStatement, what, false);
                }
                if devices.is_some_and(|named| named != asked) {
                    let what = format!("{event}, and asked for {asked}");
                    self.find(line, Clause::ClientCreateDeviceCount, what, false);
                }
            }
            Statement::Succeeded => {
                if self.worlds[world].complete_failed != 0 {
                    let what = format!("{event}, although Complete had failed");
                    self.find(line, Clause::ServerCompleteFailure, what, false);
                }
                self.worlds[world].statement = Some(true);
            }
            Statement::Failed => self.worlds[world].statement = Some(false),
        }
        Ok(())
    }

    /// A client tells its own caller how it ended.
    pub(super) fn report(
        &mut self,
        line: usize,
        lane: LaneId,
        report: Reported,
        event: &Event<'_>,
    ) -> Result<(), InputError> {
        let world = self.set_of(lane)?;
        if report == Reported::Success && self.worlds[world].statement != Some(true) {
            self.find(line, Clause::ClientSuccess, event.to_string(), false);
        }
        Ok(())
    }

    /// The set that a client's process has, or had last.
    fn set_of(&self, lane: LaneId) -> Result<usize, InputError> {
        let process = self.lane_of(lane).process;
        if process.party() != Party::Client {
            return Err(InputError(format!("this is told of a client's lane, not of {process}'s")));
        }
        let mut own = self.names.interfaces.iter().filter(|known| known.process == process);
        Ok(own.find_map(|known| known.world).unwrap_or(World::NOWHERE))
    }

    /// What is seen of a call before it is answered: who else uses the device, and what
    /// its caller knows.
    pub(super) fn note_use(
        &mut self,
        line: usize,
        lane: LaneId,
        function: Function,
        bound: &Bound,
        args: &Args<'_>,
    ) {
        if let Some(index) = self.other_user(lane, bound) {
            let what = format!("{function} while {} goes on", self.call_text(index));
            self.find(line, Clause::ClientDeviceOneThread, what, false);
        } else if let Some(first) = self.first_user(lane, bound) {
            let what = format!("{function}, and {first} has used the device before");
            self.find(line, Clause::ClientDeviceOneThread, what, false);
        }
        if matches!(function, Function::GetConfiguration)
            && matches!(bound.call.caller(), Caller::Client(_))
            && args.timeout == Some(TimeoutArg::Infinite)
            && self.worlds[bound.world].statement == Some(false)
            && self.worlds[bound.world].any(|state| state.aborted.is_none())
        {
            let what = "GetConfiguration without a limit after the statement failed".to_owned();
            self.find(line, Clause::ClientGetConfigurationAfterFailure, what, false);
        }
    }

    /// A call that another thread of the client makes on the same device at this time.
    fn other_user(&self, lane: LaneId, bound: &Bound) -> Option<usize> {
        let device = bound.call.client_device()?;
        self.open.iter().position(|open| {
            open.lane != lane
                && open.bound.world == bound.world
                && open.bound.call.client_device() == Some(device)
        })
    }

    /// Where a device belongs to one thread: the lane that used it first, if it is another.
    fn first_user(&mut self, lane: LaneId, bound: &Bound) -> Option<&str> {
        let device = bound.call.client_device()?;
        if self.profile.device_thread == DeviceThread::Turns {
            return None;
        }
        let users = &mut self.worlds[bound.world].device_users;
        let known = users.iter().find(|(of, _)| *of == device).map(|(_, first)| *first);
        if known.is_none() {
            users.push((device, lane));
        }
        known.filter(|first| *first != lane).map(|first| self.lane_of(first).name.as_str())
    }

    /// A process ends.
    pub(super) fn exit(&mut self, line: usize, process: Process, how: HowEnded, event: &Event<'_>) {
        self.left_waiting(line, process, event);
        let caller = caller(process);
        let leaves_open = |state: &State| match caller {
            Caller::Server => state.server == ServerLife::Open,
            Caller::Client(number) => state.client_open(number),
        };
        let left = self.worlds.iter().skip(1).any(|world| world.any(leaves_open));
        for world in 0..self.worlds.len() {
            self.exit_in(line, world, process);
        }
        if !left {
            return;
        }
        let (notices, required) = match caller {
            Caller::Server => (Clause::ProcessServerDeath, Clause::ServerCloseRequired),
            Caller::Client(0) => (Clause::ProcessClientDeath, Clause::ClientCloseRequired),
            Caller::Client(_) => (Clause::ProcessSecondaryDeath, Clause::ClientCloseRequired),
        };
        self.mark([notices]);
        if how == HowEnded::Normal {
            self.find(line, required, event.to_string(), false);
        }
    }

    /// What the end of a process does to one set. Where lanes run freely it is noticed
    /// at some time after.
    fn exit_in(&mut self, line: usize, world: usize, process: Process) {
        let concerns = |open: &OpenCall| open.bound.world == world;
        if self.runs_freely && world != World::NOWHERE {
            self.go_live(world);
        } else {
            self.settle_or_search(line, world);
            if self.open.iter().any(|open| concerns(open) && open.presumed) {
                self.go_live(world);
            }
        }
        if self.is_live(world) {
            self.exit_live(world, caller(process));
            return;
        }
        let Self { open, lanes, worlds, .. } = self;
        let of_process = |open: &OpenCall| lanes[usize::from(open.lane.0)].process == process;
        open.retain(|open| !(concerns(open) && of_process(open)));
        worlds[world].frontier.iter_mut().for_each(|state| vdi_model::exit(state, caller(process)));
        if process == Process::Server {
            self.names.retire_commands(world);
        }
    }

    /// A client that is ended while it waits for a configuration, although its
    /// statement has failed, would have waited for ever.
    fn left_waiting(&mut self, line: usize, process: Process, event: &Event<'_>) {
        let waits = self.open.iter().any(|open| {
            self.lane_of(open.lane).process == process
                && open.function == Function::GetConfiguration
                && open.timeout == Some(TimeoutArg::Infinite)
                && self.worlds[open.bound.world].statement == Some(false)
                // An abort would have ended the call, had the process lived to see it.
                && self.worlds[open.bound.world].any(|state| state.aborted.is_none())
        });
        if waits && process.party() == Party::Client {
            let clause = Clause::ClientGetConfigurationAfterFailure;
            self.find(line, clause, event.to_string(), false);
        }
    }
}
