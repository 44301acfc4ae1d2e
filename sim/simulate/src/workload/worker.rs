//! One device of a client: GetCommand, carry it out, CompleteCommand, until the device
//! is closed or the set aborted.

use smallvec::SmallVec;

use super::deviation::Deviation;
use super::medium::{Completion, Medium};
use super::program::{Act, ProgramContext, StatementState};
use crate::backend::{Answer, ClientAsk, Complete, Delivered};
use crate::faults::injected::Fault;
use crate::options::{Like, Ways};
use vdi_spec::clauses::{ClientOpensFirst, GetCommandBeforeActive, Profile};
use vdi_spec::codes::{CommandCode as Code, HResult, Win32};
use vdi_trace::TimeoutArg;

/// How a device came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// VD_E_CLOSE was seen.
    Closed,
    /// VD_E_ABORT was.
    Aborted,
    /// The client has given it up.
    GivenUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Told to start: first of all a secondary process opens the set.
    OpeningSet,
    AskingConfiguration,
    OpeningDevice,
    /// Until there is none any more.
    OpeningMore,
    Getting,
    /// What was got last is to be carried out.
    Carrying,
    /// It waits for the other sets of a joint snapshot.
    Gathering,
    /// One of the commands held is to be completed.
    Choosing,
    /// The command at this place of those held is to be completed.
    Completing(usize),
    /// A second time, in error.
    CompletingAgain(Complete),
    /// A secondary process that has come too early for good aborts the set before it closes it.
    AbortingSet,
    /// A secondary process closes the set.
    ClosingSet,
    Ended(End),
}

/// A command that was fetched and is not completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) delivered: Delivered,
    /// Once it was carried out: what it is completed with.
    complete: Option<Complete>,
}

/// One device as its client has it.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    device: u8,
    at: At,
    held: SmallVec<[Held; 4]>,
    deviation: Option<Deviation>,
    ways: Ways,
    /// Commands got so far.
    got: u32,
    /// Whether a device deviates once: it has.
    deviated: bool,
    /// Whether it has slept over the present command.
    slept: bool,
    flushed: bool,
    open: bool,
    /// Whether it is a secondary process that has the set open.
    set_open: bool,
    /// How often it has come too early, and whether it waits before it tries again.
    early: u16,
    waits: bool,
}

/// How often a client tries what the server is not ready for yet.
const MOST_TRIES: u16 = 400;

/// Milliseconds between two tries.
const BETWEEN_TRIES: u32 = 250;

impl Worker {
    /// Of a thread, whose device is to be opened; of a process, which opens the set
    /// before.
    pub(crate) fn new(
        device: u8,
        secondary: bool,
        deviation: Option<Deviation>,
        ways: Ways,
    ) -> Self {
        Self {
            device,
            at: if secondary { At::OpeningSet } else { At::OpeningDevice },
            held: SmallVec::new(),
            deviation,
            ways,
            got: 0,
            deviated: false,
            slept: false,
            flushed: false,
            open: false,
            set_open: false,
            early: 0,
            waits: false,
        }
    }

    /// Whether its process has not opened the set yet.
    pub(crate) fn is_unstarted(&self) -> bool {
        self.at == At::OpeningSet
    }

    /// How it ended, if it has.
    pub(crate) const fn end(&self) -> Option<End> {
        match self.at {
            At::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// Whether its device is done with in order, and its process about to close the set.
    pub(crate) fn closes_in_order(&self) -> bool {
        self.at == At::ClosingSet && !self.open
    }

    /// Whether its device was opened.
    pub(crate) fn has_opened(&self) -> bool {
        self.open || self.end().is_some_and(|end| end == End::Closed) || self.closes_in_order()
    }

    /// Whether its device is open and VD_E_CLOSE not seen.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it waits for the other sets of a joint snapshot.
    pub(crate) fn gathers(&self) -> Option<Code> {
        let last = self.held.last()?;
        (self.at == At::Gathering).then_some(last.delivered.code)
    }

    /// The other sets have come as far, or will not.
    pub(crate) fn gathered(&mut self, together: bool) {
        let device = self.device;
        if let Some(last) = self.held.last_mut() {
            let code = if together { Win32::ERROR_SUCCESS } else { Win32::ERROR_OPERATION_ABORTED };
            last.complete = Some(plain(device, last.delivered.command, code));
        }
        self.at = At::Getting;
    }

    /// The command to be carried out now, if it is one without data.
    pub(crate) fn carries(&self) -> Option<Delivered> {
        let carries = self.at == At::Carrying && !self.deviates(Deviation::WritesCommand);
        self.held.last().filter(|_| carries).map(|held| held.delivered)
    }

    /// Its process is no more.
    pub(crate) fn die(&mut self) {
        self.at = At::Ended(End::GivenUp);
    }

    const fn deviates(&self, how: Deviation) -> bool {
        match self.deviation {
            Some(deviation) => deviation as u8 == how as u8 && !self.deviated,
            None => false,
        }
    }

    pub(crate) fn next(&mut self, context: &mut ProgramContext<'_>) -> Act {
        if std::mem::take(&mut self.waits) {
            return Act::Sleep(BETWEEN_TRIES);
        }
        match self.at {
            // There is nothing to be opened any more.
            At::OpeningSet | At::AskingConfiguration
                if *context.statement == StatementState::Failed =>
            {
                self.ended(End::GivenUp)
            }
            At::OpeningSet => Act::call(ClientAsk::OPEN_IN_SECONDARY),
            At::AskingConfiguration => {
                Act::call(ClientAsk::GetConfiguration { wait: TimeoutArg::Infinite })
            }
            At::OpeningDevice => Act::call(ClientAsk::open_device(self.device)),
            At::OpeningMore => Act::call(ClientAsk::open_device(self.device + 1)),
            At::Getting => self.get(context),
            At::Carrying => self.carry(),
            At::Gathering => Act::Idle,
            At::Choosing => self.choose(context),
            At::Completing(place) => self.complete(place),
            At::CompletingAgain(again) => Act::call(ClientAsk::CompleteCommand(again)),
            At::AbortingSet => Act::call(ClientAsk::SignalAbort),
            At::ClosingSet => Act::call(ClientAsk::Close),
            At::Ended(_) => Act::Done,
        }
    }

    fn get(&mut self, context: &mut ProgramContext<'_>) -> Act {
        if self.deviates(Deviation::ClosesWithDeviceOpen) && self.got > 1
            || self.deviates(Deviation::EndsAtFlush) && self.flushed && self.held.is_empty()
        {
            self.deviated = true;
            return self.ended(End::GivenUp);
        }
        let options = context.options;
        let ready = self.held.iter().filter(|held| held.complete.is_some()).count();
        if ready > 0 && self.held.len() >= usize::from(options.holds) {
            return self.choose(context);
        }
        let wait = match (ready, options.command_wait) {
            (1.., _) => TimeoutArg::Milliseconds(0),
            (_, 0) => TimeoutArg::Infinite,
            (_, wait) => TimeoutArg::Milliseconds(wait),
        };
        Act::call(ClientAsk::GetCommand { device: self.device, wait })
    }

    /// Which of the commands held is completed now, of which one at least was carried out,
    /// and whether it waits.
    fn choose(&mut self, context: &mut ProgramContext<'_>) -> Act {
        let options = context.options;
        let ready = |held: &Held| held.complete.is_some();
        let place = match options.like {
            // A tape's drive works off one thing after the other.
            Like::Tape => self.held.iter().position(ready).unwrap_or_default(),
            _ => {
                let count = self.held.iter().filter(|held| ready(held)).count();
                let nth = context.rng.below(count.max(1) as u32) as usize;
                let mut places = (0..self.held.len()).filter(|place| ready(&self.held[*place]));
                places.nth(nth).unwrap_or_default()
            }
        };
        self.at = At::Completing(place);
        let command = self.held[place].delivered.code;
        if !std::mem::replace(&mut self.slept, true) {
            if command == Code::Complete && self.deviates(Deviation::HoldsComplete) {
                return Act::Sleep(options.server_time_out.saturating_mul(3));
            }
            if context.fault_rng.once_in(options.faults.slow_client) {
                context.injected.insert(Fault::SlowClient);
                // Complete is not to be held for long.
                let long = if command == Code::Complete { 10 } else { 5_000 };
                return Act::Sleep(context.fault_rng.one_of(&[1, 100, 700, 1_500, long]).min(long));
            }
        }
        self.complete(place)
    }

    fn complete(&mut self, place: usize) -> Act {
        self.slept = false;
        match self.held.get(place).and_then(|held| held.complete) {
            Some(complete) => Act::call(ClientAsk::CompleteCommand(complete)),
            None => {
                self.at = At::Getting;
                Act::Idle
            }
        }
    }

    fn carry(&mut self) -> Act {
        let Some(Held { delivered, .. }) = self.held.last().copied() else {
            self.at = At::Getting;
            return Act::Idle;
        };
        if self.deviates(Deviation::WritesCommand) {
            self.deviated = true;
            return Act::Scribble { command: delivered.command };
        }
        match delivered.buffer {
            Some(buffer) => Act::Use { buffer, writes: delivered.code == Code::Read },
            None => Act::Idle,
        }
    }

    /// Whether the data of the command at hand is to be left alone.
    pub(crate) fn moves_nothing(&self) -> bool {
        let write = self.held.last().is_some_and(|held| held.delivered.code == Code::Write);
        write && self.got > 1 && self.deviates(Deviation::MovesNothing)
    }

    /// The command at hand is completed with all its bytes, though nothing was moved.
    pub(crate) fn pretends(&mut self) {
        self.deviated = true;
        let device = self.device;
        if let Some(held) = self.held.last_mut() {
            let bytes = held.delivered.size as u32;
            let done = plain(device, held.delivered.command, Win32::ERROR_SUCCESS);
            held.complete = Some(Complete { bytes, ..done });
        }
        self.at = At::Getting;
    }

    /// Carries out the command at hand that moves no data; whether it is done.
    pub(crate) fn control(&mut self, medium: &mut Medium, joint: bool) -> bool {
        let Some(Held { delivered, .. }) = self.held.last().copied() else {
            return true;
        };
        if joint && matches!(delivered.code, Code::PrepareToFreeze | Code::Snapshot) {
            self.at = At::Gathering;
            return false;
        }
        self.flushed |= delivered.code == Code::Flush;
        let done = match delivered.code {
            Code::Flush if self.deviates(Deviation::RefusesFlush) => {
                self.deviated = true;
                Completion::of(Win32::ERROR_NOT_SUPPORTED)
            }
            Code::Flush if self.deviates(Deviation::FlushesNothing) => {
                Completion::of(Win32::ERROR_SUCCESS)
            }
            code => medium.control(code, delivered.size, delivered.position),
        };
        self.answer(&done);
        true
    }

    /// The command at hand was carried out.
    pub(crate) fn answer(&mut self, done: &Completion) {
        let device = self.device;
        let size = self.held.last().map_or(0, |held| held.delivered.size as u32);
        let mut made = Complete {
            device,
            command: 0,
            code: done.code,
            bytes: done.bytes,
            position: done.position,
        };
        if self.deviates(Deviation::ShortWriteIsSuccess) && done.code != Win32::ERROR_SUCCESS {
            made.code = Win32::ERROR_SUCCESS;
            made.bytes = size / 2;
        }
        let read = self.held.last().is_some_and(|held| held.delivered.code == Code::Read);
        if self.deviates(Deviation::EndIsSuccess) && read && made.code != Win32::ERROR_SUCCESS {
            made.code = Win32::ERROR_SUCCESS;
        }
        if let Some(held) = self.held.last_mut() {
            held.complete = Some(Complete { command: held.delivered.command, ..made });
        }
        self.at = At::Getting;
    }

    fn ended(&mut self, end: End) -> Act {
        self.at = if std::mem::take(&mut self.set_open) { At::ClosingSet } else { At::Ended(end) };
        if self.at == At::ClosingSet { Act::call(ClientAsk::Close) } else { Act::Done }
    }

    fn ends(&mut self, end: End) {
        if end == End::Closed {
            self.open = false;
        }
        self.ended(end);
    }

    /// A call on its lane has returned.
    pub(crate) fn returned(
        &mut self,
        ask: &ClientAsk,
        answer: &Answer,
        statement: StatementState,
        profile: &Profile,
    ) {
        if self.comes_early(ask, answer.status, profile) {
            if !statement.is_over() && self.early < MOST_TRIES {
                (self.early, self.waits) = (self.early + 1, true);
                return;
            }
            if self.set_open && self.open {
                (self.set_open, self.at) = (false, At::AbortingSet);
                return;
            }
        }
        let (status, good) = (answer.status, answer.status == HResult::NOERROR);
        let ends = matches!(ask, ClientAsk::SignalAbort | ClientAsk::Close);
        if status == HResult::VD_E_ABORT && !ends {
            self.ends(End::Aborted);
            return;
        }
        match *ask {
            ClientAsk::SignalAbort => self.at = At::ClosingSet,
            ClientAsk::Close => {
                self.at = At::Ended(if self.open { End::Aborted } else { End::Closed });
            }
            ClientAsk::OpenInSecondaryEx { .. } if good => {
                self.set_open = true;
                self.at = match self.ways.opens_first {
                    true => At::OpeningDevice,
                    false => At::AskingConfiguration,
                };
            }
            ClientAsk::OpenInSecondaryEx { .. } => self.at = At::Ended(End::GivenUp),
            ClientAsk::GetConfiguration { .. } if good && !self.open => {
                self.at = At::OpeningDevice;
            }
            ClientAsk::GetConfiguration { .. } if good => self.at = self.opened(),
            ClientAsk::OpenDevice { .. } if good && !self.open => {
                self.open = true;
                let asks = self.ways.configures_again || self.set_open && self.ways.opens_first;
                self.at = if asks { At::AskingConfiguration } else { self.opened() };
            }
            // There is none, which is what it wanted to know.
            ClientAsk::OpenDevice { .. } if self.open => self.at = At::Getting,
            ClientAsk::GetCommand { .. } if good => self.fetched(answer.delivered),
            ClientAsk::GetCommand { .. } => self.no_command(status, statement),
            ClientAsk::CompleteCommand(done) => self.completed(&done, good),
            ClientAsk::CreateEx { .. }
            | ClientAsk::GetConfiguration { .. }
            | ClientAsk::OpenDevice { .. }
            | ClientAsk::GetBufferHandle { .. }
            | ClientAsk::MapBufferHandle { .. } => self.ends(End::GivenUp),
        }
    }

    /// Whether the server was not ready for this, as far as a client can tell.
    fn comes_early(&self, ask: &ClientAsk, status: HResult, profile: &Profile) -> bool {
        match ask {
            ClientAsk::OpenDevice { .. } => {
                let unnamed = profile.client_opens_first == ClientOpensFirst::Invalid;
                unnamed && status == HResult::VD_E_INVALID && !self.open
            }
            ClientAsk::GetCommand { .. } => {
                let refused =
                    profile.get_command_before_active == GetCommandBeforeActive::ProtocolError;
                refused && status == HResult::VD_E_PROTOCOL && self.got == 0
            }
            ClientAsk::CreateEx { .. }
            | ClientAsk::OpenInSecondaryEx { .. }
            | ClientAsk::GetConfiguration { .. }
            | ClientAsk::CompleteCommand(_)
            | ClientAsk::GetBufferHandle { .. }
            | ClientAsk::MapBufferHandle { .. }
            | ClientAsk::SignalAbort
            | ClientAsk::Close => false,
        }
    }

    /// What follows when its device is open.
    const fn opened(&self) -> At {
        if self.ways.opens_all { At::OpeningMore } else { At::Getting }
    }

    fn fetched(&mut self, delivered: Option<Delivered>) {
        let Some(delivered) = delivered else {
            return;
        };
        self.got += 1;
        if self.got == 2 && self.deviates(Deviation::NeverCompletes) {
            // It is forgotten where it is.
            self.deviated = true;
            self.at = At::Getting;
            return;
        }
        self.held.push(Held { delivered, complete: None });
        self.at = At::Carrying;
    }

    fn no_command(&mut self, status: HResult, statement: StatementState) {
        match status {
            HResult::VD_E_CLOSE if self.deviates(Deviation::WrongConstant) => {
                self.deviated = true;
                self.at = At::Getting;
            }
            HResult::VD_E_CLOSE => self.ends(End::Closed),
            HResult::VD_E_TIMEOUT if self.held.iter().any(|held| held.complete.is_some()) => {
                self.at = At::Choosing;
            }
            HResult::VD_E_TIMEOUT if statement.is_over() => self.ends(End::GivenUp),
            HResult::VD_E_TIMEOUT => self.at = At::Getting,
            _ => self.ends(End::GivenUp),
        }
    }

    fn completed(&mut self, done: &Complete, good: bool) {
        if matches!(self.at, At::CompletingAgain(_)) {
            self.at = At::Getting;
            return;
        }
        if good && self.deviates(Deviation::CompletesTwice) {
            self.deviated = true;
            self.at = At::CompletingAgain(*done);
        } else {
            self.at = At::Getting;
        }
        self.held.retain(|held| held.delivered.command != done.command);
        if !good {
            self.ends(End::GivenUp);
        }
    }

    /// Completes its next command on another device, once.
    pub(crate) fn misdirects(&mut self, to: u8) {
        if self.got > 1
            && self.deviates(Deviation::CompletesOnAnother)
            && let Some(complete) = self.held.last_mut().and_then(|held| held.complete.as_mut())
        {
            let right = *complete;
            self.deviated = true;
            self.at = At::CompletingAgain(Complete { device: to, ..right });
        }
    }
}

const fn plain(device: u8, command: u32, code: Win32) -> Complete {
    Complete { device, command, code, bytes: 0, position: None }
}
