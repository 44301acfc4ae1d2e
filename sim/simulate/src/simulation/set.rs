//! One device set of a world, with its server, its client and their media.

use super::setup;
use crate::backend::Setup;
use crate::faults::misuse_calls::Knowledge;
use crate::options::Options;
use crate::workload::client::Client;
use crate::workload::medium::Medium;
use crate::workload::program::{StatementKind, StatementState};
use crate::workload::server::Server;

/// The intervals of serverTimeOut of one set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeOutWatch {
    /// Since when nothing was completed although something is under way.
    since: u64,
    /// Intervals that have passed since something was completed.
    intervals: u8,
}

impl TimeOutWatch {
    /// A command was sent, or completed.
    pub(crate) const fn progress(&mut self, now: u64, completed: bool) {
        self.since = now;
        if completed {
            self.intervals = 0;
        }
    }

    /// When the next interval of so many milliseconds has passed.
    pub(crate) const fn next(&self, interval: u64) -> u64 {
        self.since + interval
    }

    /// An interval has passed that does not count.
    pub(crate) const fn skip(&mut self, now: u64) {
        self.since = now;
    }

    /// An interval has passed; whether it is the second.
    pub(crate) const fn count(&mut self) -> bool {
        self.intervals = self.intervals.saturating_add(1);
        self.intervals == 2
    }
}

/// Who is about to call SignalAbort to stop a statement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stops {
    /// Somebody on the server's side.
    pub(crate) server: bool,
    /// Somebody on the client's side.
    pub(crate) client: bool,
}

/// The media of a set, by device.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) of_devices: Vec<Medium>,
    /// Data commands that they have seen.
    data: u32,
}

impl Media {
    /// Another data command; its number, counted from 0.
    pub(crate) const fn count(&mut self) -> u32 {
        self.data += 1;
        self.data - 1
    }
}

/// One device set.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) statement: StatementState,
    pub(crate) media: Media,
    pub(crate) setup: Setup,
    /// The first number of its streams.
    pub(crate) ids: u32,
    /// The life that it is in.
    pub(crate) run: u8,
    pub(crate) time_out: TimeOutWatch,
    pub(crate) stops: Stops,
    pub(crate) misuse: Knowledge,
}

impl Set {
    /// The sets of a world, before anything has begun.
    pub(crate) fn all(options: &Options) -> Vec<Self> {
        let set = |run: u8| {
            let ids = 1 + u32::from(run) * u32::from(options.devices);
            let media = (0..options.devices).map(|_| Medium::new(options)).collect();
            Self {
                server: Server::new(StatementKind::Backup, ids),
                client: Client::new(StatementKind::Backup, options),
                statement: StatementState::NotIssued,
                media: Media { of_devices: media, data: 0 },
                setup: setup::agreed(options, StatementKind::Backup, run.into()),
                ids,
                run,
                time_out: TimeOutWatch::default(),
                stops: Stops::default(),
                misuse: Knowledge::default(),
            }
        };
        (0..options.sets).map(set).collect()
    }

    /// A statement is about to begin.
    pub(crate) fn begin(&mut self, index: usize, kind: StatementKind, options: &Options) {
        let restores = kind == StatementKind::Restore;
        self.run = (index + if restores { usize::from(options.sets) } else { 0 }) as u8;
        self.setup = setup::agreed(options, kind, self.run.into());
        self.server = Server::new(kind, self.ids);
        self.client = Client::new(kind, options);
        self.statement = StatementState::NotIssued;
        self.misuse.renew();
        if restores {
            self.media.of_devices.iter_mut().for_each(Medium::rewind_to_read);
        }
    }
}
