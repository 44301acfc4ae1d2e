//! The backup application: creates a set, issues the statement, serves the devices, and
//! closes the set.

use super::deviation::Deviation;
use super::program::{Act, ProgramContext, StatementKind, StatementState};
use super::worker::{End, Worker};
use crate::backend::{Answer, ClientAsk};
use crate::options::{Arrangement, Options};
use vdi_spec::clauses::{ActiveEntry, Profile, SecondaryClose};
use vdi_spec::codes::HResult;
use vdi_trace::{Reported, TimeoutArg};

/// Where the client's main lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Creating,
    Issuing,
    Configuring,
    /// Its devices are served, on this lane or on others.
    Serving,
    Aborting,
    Closing,
    /// Once more, in error.
    ClosingAgain,
    UsingClosed,
    Learning,
    Reporting,
    Ended,
}

/// Where the lane of the SQL statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sql {
    Waiting,
    Aborting,
    Ended,
}

/// The client's side of one set, for one statement.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    at: At,
    sql: Sql,
    pub(crate) workers: Vec<Worker>,
    deviation: Option<Deviation>,
    created: bool,
    closed: bool,
    aborted: bool,
    serving: bool,
    reported: Option<Reported>,
    tries: u8,
    /// A secondary process has died.
    orphaned: bool,
}

/// How often a client waits for the configuration.
const MOST_TRIES: u8 = 20;

impl Client {
    pub(crate) fn new(kind: StatementKind, options: &Options) -> Self {
        let deviation =
            options.deviation.filter(|known| known.restores() == (kind == StatementKind::Restore));
        let secondary = options.arrangement == Arrangement::ProcessPerDevice;
        let devices = match deviation {
            Some(Deviation::OneDeviceOfTwo) => 1,
            _ => options.devices,
        };
        let workers = (0..devices)
            .map(|device| Worker::new(device, secondary, deviation, options.ways))
            .collect();
        Self {
            at: At::Creating,
            sql: Sql::Waiting,
            workers,
            deviation,
            created: false,
            closed: false,
            aborted: false,
            serving: false,
            reported: None,
            tries: 0,
            orphaned: false,
        }
    }

    fn deviates(&self, how: Deviation) -> bool {
        self.deviation == Some(how)
    }

    /// Whether the set interface may be used.
    pub(crate) fn is_open(&self) -> bool {
        self.created && !self.closed && self.at != At::Closing
    }

    /// Whether the workers' lanes may begin.
    pub(crate) const fn is_serving(&self) -> bool {
        self.serving
    }

    /// Whether its main lane has come to its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.at == At::Ended
    }

    /// Whether a worker has not begun.
    pub(crate) fn is_unstarted(&self, worker: usize) -> bool {
        self.workers.get(worker).is_none_or(|worker| worker.is_unstarted())
    }

    /// What a client in its place has told its caller.
    pub(crate) const fn note_report(&mut self, what: Reported) {
        self.reported = Some(what);
    }

    /// What it has told its caller.
    pub(crate) const fn reported(&self) -> Option<Reported> {
        self.reported
    }

    /// A secondary process has died: only the primary can notice. One that had come to its
    /// end is not missed.
    pub(crate) fn loses(&mut self, secondary: u8) {
        let worker = self.workers.get_mut(usize::from(secondary) - 1);
        if let Some(worker) = worker.filter(|worker| worker.end().is_none()) {
            worker.die();
            self.orphaned = true;
        }
    }

    /// What the main lane does next.
    pub(crate) fn next(&mut self, context: &mut ProgramContext<'_>) -> Act {
        match self.at {
            At::Creating => Act::call(ClientAsk::CREATE),
            At::Issuing => self.issue(context),
            At::Configuring
                if *context.statement == StatementState::Failed
                    && !self.deviates(Deviation::WaitsForEver) =>
            {
                self.at = At::Closing;
                self.next(context)
            }
            At::Configuring => {
                let wait = match context.options.configuration_wait {
                    0 => TimeoutArg::Infinite,
                    wait => TimeoutArg::Milliseconds(wait),
                };
                Act::call(ClientAsk::GetConfiguration { wait })
            }
            At::Serving => self.serve(context),
            At::Aborting => Act::call(ClientAsk::SignalAbort),
            At::Closing => Act::call(ClientAsk::Close),
            At::ClosingAgain => Act::call(ClientAsk::Close),
            At::UsingClosed => {
                Act::call(ClientAsk::GetCommand { device: 0, wait: TimeoutArg::Milliseconds(0) })
            }
            At::Learning if context.statement.is_over() && self.sql == Sql::Ended => {
                self.at = At::Reporting;
                self.next(context)
            }
            At::Learning => Act::Idle,
            At::Reporting => {
                self.at = At::Ended;
                if self.reported.is_some() {
                    return Act::Done;
                }
                let success = *context.statement == StatementState::Succeeded;
                self.report(if success { Reported::Success } else { Reported::Failure })
            }
            At::Ended => Act::Done,
        }
    }

    fn report(&mut self, what: Reported) -> Act {
        self.reported = Some(what);
        if self.created { Act::Report(what) } else { Act::Done }
    }

    fn issue(&mut self, context: &mut ProgramContext<'_>) -> Act {
        self.at = At::Configuring;
        let devices = match self.deviation {
            Some(Deviation::OneDeviceOfTwo) => 1,
            _ => context.options.devices,
        };
        if *context.statement == StatementState::NotIssued {
            *context.statement = StatementState::Issued(devices);
        }
        Act::Issue { devices: devices.into() }
    }

    /// With one thread it is the worker of its one device.
    pub(crate) fn works_itself(options: &Options) -> bool {
        options.arrangement == Arrangement::OneThread
    }

    fn serve(&mut self, context: &mut ProgramContext<'_>) -> Act {
        let given_up = |worker: &Worker| worker.end() == Some(End::GivenUp);
        // The server would wait for the device for ever: it sees no set that is not active yet.
        let unseen = context.profile.active_entry == ActiveEntry::PerCall
            && self.deviation.is_none()
            && self.workers.iter().any(given_up);
        if (self.orphaned || unseen) && !self.aborted {
            self.at = At::Aborting;
            return self.next(context);
        }
        if Self::works_itself(context.options) {
            let act = self.workers[0].next(context);
            if !matches!(act, Act::Done) {
                return act;
            }
        }
        if self.workers.iter().any(|worker| worker.end().is_none()) {
            return Act::Idle;
        }
        if self.deviates(Deviation::CloseIsSuccess) && self.reported.is_none() {
            let closed = |worker: &Worker| worker.end() == Some(End::Closed);
            if self.workers.iter().all(closed) {
                return self.report(Reported::Success);
            }
        }
        self.finish();
        self.next(context)
    }

    /// The devices are done with: a device left open calls for an abort before Close.
    fn finish(&mut self) {
        let open = self.workers.iter().any(Worker::is_open);
        let seen = self.workers.iter().any(|worker| worker.end() == Some(End::Aborted));
        let careless =
            self.deviates(Deviation::ClosesWithDeviceOpen) || self.deviates(Deviation::EndsAtFlush);
        self.at = match () {
            () if self.deviates(Deviation::NeverCloses) => At::Learning,
            () if open && !seen && !self.aborted && !careless => At::Aborting,
            () => At::Closing,
        };
    }

    /// What the lane of a worker does next.
    pub(crate) fn next_worker(&mut self, worker: usize, context: &mut ProgramContext<'_>) -> Act {
        let careful = context.profile.secondary_close == SecondaryClose::Aborts;
        let at_work = |worker: &Worker| worker.is_open() && worker.end().is_none();
        if careful
            && self.workers.get(worker).is_some_and(Worker::closes_in_order)
            && self.workers.iter().any(at_work)
        {
            // The set has not come to its end yet.
            return Act::Idle;
        }
        self.workers.get_mut(worker).map_or(Act::Done, |worker| worker.next(context))
    }

    /// What the lane of the statement does next.
    pub(crate) fn next_sql(&mut self, context: &mut ProgramContext<'_>) -> Act {
        match self.sql {
            Sql::Waiting if context.statement.is_over() => {
                let succeeded = *context.statement == StatementState::Succeeded;
                let aborts = !succeeded && context.options.aborts_on_failure && self.is_open();
                self.sql = if aborts { Sql::Aborting } else { Sql::Ended };
                match self.created {
                    true => Act::Learn { succeeded },
                    false => self.next_sql(context),
                }
            }
            Sql::Waiting => Act::Idle,
            Sql::Aborting if self.is_open() => {
                self.sql = Sql::Ended;
                Act::call(ClientAsk::SignalAbort)
            }
            Sql::Aborting | Sql::Ended => {
                self.sql = Sql::Ended;
                Act::Done
            }
        }
    }

    /// A call of the main lane has returned.
    pub(crate) fn returned(
        &mut self,
        ask: &ClientAsk,
        answer: &Answer,
        statement: &mut StatementState,
        profile: &Profile,
    ) {
        let good = answer.status == HResult::NOERROR;
        match (self.at, good) {
            (At::Creating, true) => (self.created, self.at) = (true, At::Issuing),
            (At::Creating, false) => {
                (*statement, self.at) = (StatementState::Failed, At::Reporting);
            }
            (At::Configuring, true) => (self.serving, self.at) = (true, At::Serving),
            (At::Configuring, false) => self.unconfigured(answer.status, *statement),
            (At::Aborting, _) => {
                self.aborted = true;
                let busy = self.workers.iter().any(|worker| worker.end().is_none());
                self.at = if busy && self.serving { At::Serving } else { At::Closing };
            }
            (At::Closing, _) => {
                self.closed = true;
                self.at = match self.deviation {
                    Some(Deviation::ClosesTwice) => At::ClosingAgain,
                    Some(Deviation::UsesAfterClose) if self.workers[0].end().is_some() => {
                        At::UsingClosed
                    }
                    _ => At::Learning,
                };
            }
            (At::ClosingAgain | At::UsingClosed, _) => self.at = At::Learning,
            (At::Serving, _) => {
                if let Some(worker) = self.workers.first_mut() {
                    worker.returned(ask, answer, *statement, profile);
                }
            }
            _ => {}
        }
    }

    fn unconfigured(&mut self, status: HResult, statement: StatementState) {
        self.tries += 1;
        let waits = self.deviates(Deviation::WaitsForEver) || !statement.is_over();
        let again = status == HResult::VD_E_TIMEOUT && waits && self.tries < MOST_TRIES;
        self.at = if again { At::Configuring } else { At::Closing };
    }
}
